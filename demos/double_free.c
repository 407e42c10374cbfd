#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct person {
    char *name;
    int age;
};

static void forget(struct person *person) {
    free(person->name); /* BUG: two persons share this name */
}

void fencepost_demo_double_free(void) {
    struct person ada = {strdup("Ada"), 36};
    struct person older = {ada.name, 37};
    forget(&ada);
    /* Without a guard this string takes the freed memory, and the next call frees it. */
    struct person bob = {strdup("Bob"), 41};
    forget(&older);
    printf("%s is %d\n", bob.name, bob.age);
}
