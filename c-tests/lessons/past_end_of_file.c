// Behind the end of a file its last page holds zeros, which can be written and are lost; the pages behind that raise SIGBUS, until
// the file grows.
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
static int file;

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    siglongjmp(back, signal == SIGBUS && info->si_code == BUS_ADRERR ? 1 : 2);
}

static void look(const char *when, volatile char *m)
{
    printf("%s:", when);
    for (int at = 5; at < 3 * PAGE; at += PAGE) {
        int fault = sigsetjmp(back, 1);
        if (fault)
            printf(" fault %d,", fault);
        else
            printf(" %d,", m[at]++);
    }
    printf(" %zd\n", write(file, (char *)m + PAGE, 0));
    fflush(stdout);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    file = memfd_create("file", 0);
    if (write(file, "12345", 5) != 5)
        return 1;
    char *m = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    look("5 bytes", m);
    look("still", m);
    if (fork() == 0) {
        look("child", m);
        if (ftruncate(file, PAGE + 1))
            return 2;
        look("child, grown", m);
        _exit(0);
    }
    wait(NULL);
    look("parent", m);
    if (ftruncate(file, 0))
        return 2;
    look("cut to nothing", m);
    return 0;
}
