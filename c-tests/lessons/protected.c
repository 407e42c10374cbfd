// mprotect changes what may be done to pages, and nothing in them; it is each process's own, in shared mappings too.
// expect: clean
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    siglongjmp(back, info->si_code == SEGV_ACCERR ? 1 : 2);
}

static void look(const char *when, volatile char *m)
{
    static volatile char byte;
    int read = sigsetjmp(back, 1);
    if (read == 0)
        byte = m[0];
    int write = sigsetjmp(back, 1);
    if (write == 0)
        m[0] = byte + 1;
    printf("%s: read %d, write %d, holds %d\n", when, read, write, byte);
    fflush(stdout);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    look("open", m);
    mprotect(m, 4096, PROT_READ);
    look("sealed", m);
    if (fork() == 0) {
        mprotect(m, 4096, PROT_READ | PROT_WRITE);
        look("child, open", m);
        mprotect(m, 4096, PROT_NONE);
        look("child, closed", m);
        _exit(0);
    }
    wait(NULL);
    look("parent, sealed", m);
    mprotect(m, 4096, PROT_READ | PROT_WRITE);
    look("parent, open", m);
    int result = mprotect((void *)4096, 4096, PROT_READ);
    printf("nowhere: %d, %d\n", result, errno == ENOMEM);
    return 0;
}
