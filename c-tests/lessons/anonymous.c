// An anonymous private mapping holds zeros, is the process's own, and a fork copies it; a part of it can be unmapped.
// expect: clean
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };
static sigjmp_buf back;

static void on_fault(int signal)
{
    siglongjmp(back, signal);
}

static void look(const char *whose, volatile char *m)
{
    printf("%s: %d %d, ", whose, m[0], m[PAGE - 1]);
    int signal = sigsetjmp(back, 1);
    if (signal == 0)
        m[PAGE] = 1;
    printf("behind it signal %d\n", signal);
    fflush(stdout);
}

int main(void)
{
    signal(SIGSEGV, on_fault);
    char *m = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(m + PAGE, PAGE);
    look("at first", m);
    memset(m, 1, PAGE);
    if (fork() == 0) {
        look("child", m);
        m[0] = 2;
        look("child", m);
        _exit(0);
    }
    wait(NULL);
    look("parent", m);
    return munmap(m, PAGE);
}
