// A program with much debug information: this file without UNIT, and what it yields with UNIT, as often as wanted.
// Then main calls through all units but one, twice: the first time the last function allocates, the second time it
// writes past the end, if there is an argument.
#include <stdlib.h>

extern int (*steps[])(int), count;

#ifdef UNIT

// 4,096 structures and functions.
#define ONE(n)                                                                                                  \
    struct structure_with_a_name_as_long_as_usual_##n {                                                         \
        int first_member_##n;                                                                                   \
        char text_##n[1##n];                                                                                    \
        struct structure_with_a_name_as_long_as_usual_##n *next_##n;                                            \
    };                                                                                                          \
    static int function_with_a_name_as_long_as_usual_##n(struct structure_with_a_name_as_long_as_usual_##n *at) \
    {                                                                                                           \
        int total_##n = 0;                                                                                      \
        for (int index_##n = 0; index_##n < 10; index_##n++) {                                                  \
            int local_##n = at[index_##n].first_member_##n;                                                     \
            total_##n += local_##n;                                                                             \
        }                                                                                                       \
        return total_##n;                                                                                       \
    }
#define NAME(n) function_with_a_name_as_long_as_usual_##n,
#define EIGHT(of, n) of(n##0) of(n##1) of(n##2) of(n##3) of(n##4) of(n##5) of(n##6) of(n##7)
#define MANY(of, n) EIGHT(of, n##0) EIGHT(of, n##1) EIGHT(of, n##2) EIGHT(of, n##3) EIGHT(of, n##4) EIGHT(of, n##5) \
    EIGHT(of, n##6) EIGHT(of, n##7)
#define MORE(of, n) MANY(of, n##0) MANY(of, n##1) MANY(of, n##2) MANY(of, n##3) MANY(of, n##4) MANY(of, n##5) \
    MANY(of, n##6) MANY(of, n##7)
#define ALL(of) MORE(of, 0) MORE(of, 1) MORE(of, 2) MORE(of, 3) MORE(of, 4) MORE(of, 5) MORE(of, 6) MORE(of, 7)

ALL(ONE)
static void *volatile all[] = {ALL(NAME)};

static int step(int left)
{
    int more = steps[left - 1](left - 1);
    return more + (all[left] == NULL);
}

static __attribute__((constructor)) void add(void) { steps[count++] = step; }

#else

int (*steps[100])(int), count;
static volatile char *object;
static int writes;

static int last(int left)
{
    if (!object)
        object = malloc(32);
    else if (writes)
        object[32] = 1;
    return left;
}

int main(int argc, char **argv)
{
    (void)argv;
    writes = argc > 1;
    steps[0] = last;
    int (*first)(int) = steps[count - 1];
    int sum = first(count - 1);
    sum += first(count - 1);
    return sum;
}

#endif
