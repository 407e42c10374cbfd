// munmap takes whole pages, of any mapping, once or twice; what is unmapped faults, and the kernel refuses it.
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

enum { PAGE = 4096 };
static sigjmp_buf back;

static void on_fault(int signal)
{
    siglongjmp(back, signal);
}

static void look(volatile char *m)
{
    for (int i = 0; i < 3; i++) {
        int signal = sigsetjmp(back, 1);
        if (signal)
            printf("signal %d, ", signal);
        else
            printf("%d, ", m[i * PAGE]);
    }
    puts("");
    fflush(stdout);
}

int main(void)
{
    signal(SIGSEGV, on_fault);
    // A page more, so that nothing else can come to lie there.
    char *all = mmap(NULL, 5 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *m = all + PAGE;
    mprotect(m, 3 * PAGE, PROT_READ | PROT_WRITE);
    memset(m, 5, 3 * PAGE);
    printf("a byte of the middle: %d\n", munmap(m + PAGE, 1));
    look(m);
    printf("again: %d\n", munmap(m + PAGE, PAGE));
    int result = munmap(m + 1, PAGE);
    printf("not a page's address: %d, %d\n", result, errno == EINVAL);
    result = mprotect(m, 3 * PAGE, PROT_READ);
    printf("mprotect %d, %d\n", result, errno == ENOMEM);
    fflush(stdout);
    if (fork() == 0) {
        munmap(m, PAGE);
        look(m);
        _exit(0);
    }
    wait(NULL);
    look(m);
    return 0;
}
