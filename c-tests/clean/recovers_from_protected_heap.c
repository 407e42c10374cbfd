// The same with a page of the heap: a program may protect an aligned object of its own.
// expect: clean
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static char *page;
static int faults;

static void on_fault(int number, siginfo_t *info, void *context)
{
    faults++;
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    posix_memalign((void **)&page, 4096, 4096);
    for (int i = 0; i < 10; i++) {
        mprotect(page, 4096, PROT_READ);
        page[i] = (char)i;
    }
    printf("%d faults, last byte %d\n", faults, page[9]);
    free(page);
    return 0;
}
