// abort() dies although SIGABRT is blocked.
// expect: ABRT

#include <signal.h>
#include <stdlib.h>

int main(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    abort(); // <- called in main
}
