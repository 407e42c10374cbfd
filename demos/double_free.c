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
    struct person older = ada;
    older.age++;
    printf("%s is %d, then %d\n", ada.name, ada.age, older.age);
    forget(&ada);
    forget(&older);
}
