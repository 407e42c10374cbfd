// What a mapping does not permit raises SIGSEGV, with the address and the reason; a handler may permit it, and the access is made again.
// expect: clean
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;
static char *page;
static int opened, wanted;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    char *at = info->si_addr;
    printf("%s at %td; ", info->si_code == SEGV_ACCERR ? "not permitted" : "not mapped", at - page);
    if (opened++ == wanted)
        siglongjmp(back, 1);
    mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void try(const char *what, int protection, int may_open)
{
    opened = 0;
    wanted = may_open;
    mprotect(page, 4096, protection);
    printf("%s: ", what);
    if (sigsetjmp(back, 1) == 0) {
        if (*what == 'r')
            printf("%d, ", ((volatile char *)page)[1]);
        else if (*what == 'w')
            ((volatile char *)page)[100] = 1;
        else
            ((void (*)(void))page)();
        puts("done");
    } else {
        puts("given up");
    }
    fflush(stdout);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[0] = (char)0xc3; // return
    int status = 0;
    pid_t child = fork();
    if (child)
        wait(&status);
    for (int may_open = 0; may_open < 2; may_open++) {
        try("read", PROT_NONE, may_open);
        try("write", PROT_READ, may_open);
        try("execute", PROT_READ | PROT_WRITE, may_open);
    }
    if (child == 0)
        _exit(0);
    printf("%d\n", status);
    return 0;
}
