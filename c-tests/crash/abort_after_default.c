// A program puts SIGABRT back to its default before it aborts.
// expect: ABRT

#include <signal.h>
#include <stdlib.h>

static void on_abort(int number)
{
    signal(number, SIG_DFL);
}

int main(void)
{
    signal(SIGABRT, on_abort);
    signal(SIGABRT, SIG_DFL);
    abort(); // <- called in main
}
