// A write barrier: the program protects a page of its own and opens it in its handler.
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
    free(malloc(64));
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 10; i++) {
        mprotect(page, 4096, PROT_READ);
        page[i] = (char)i;
    }
    printf("%d faults, last byte %d\n", faults, page[9]);
    return 0;
}
