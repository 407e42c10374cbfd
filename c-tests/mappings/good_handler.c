// The program recovers from faults in its own mappings, by a handler of its own: nothing is reported.
// expect: clean
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf out;
static volatile char *page;

static void leave(int signal)
{
    siglongjmp(out, signal);
}

static void permit(int signal)
{
    printf("signal %d\n", signal);
    mprotect((char *)page, 4096, PROT_READ | PROT_WRITE);
}

static void use(const char *what)
{
    int signal = sigsetjmp(out, 1);
    if (signal == 0)
        page[8] = 1;
    printf("%s: signal %d\n", what, signal);
}

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    page = mmap(0, 4096, PROT_READ, flags, -1, 0);
    signal(SIGSEGV, permit);
    page[8] = 1;
    signal(SIGSEGV, leave);
    signal(SIGBUS, leave);
    mprotect((char *)page, 4096, PROT_NONE);
    use("protected");
    munmap((char *)page, 4096);
    use("unmapped");
    page = MAP_FAILED;
    use("failed");
    int file = open("good_handler.data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    use("empty file");
    if (ftruncate(file, 4096) == 0)
        use("file");
    return 0;
}
