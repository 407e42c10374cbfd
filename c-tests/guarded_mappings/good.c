// With guards and places that are kept, calls about mappings do what they do without: growth, fixed addresses and wishes, partial
// unmapping, and refusals where nothing is mapped.
// options: --mappings guard
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

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    siglongjmp(back, info->si_code == SEGV_MAPERR ? 1 : 2);
}

static char *map(char *at, size_t pages, int flags)
{
    return mmap(at, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static void look(const char *what, volatile char *m)
{
    int fault = sigsetjmp(back, 1);
    if (fault)
        printf("%s: fault %d\n", what, fault);
    else
        printf("%s: %d\n", what, m[0]);
}

static void refused(const char *what, int result)
{
    printf("%s %d, %d\n", what, result, result != 0 && errno == ENOMEM);
}

static void use(void)
{
    char *m = memset(map(NULL, 4, 0), 1, 4 * PAGE);
    printf("middle %d\n", munmap(m + PAGE, 2 * PAGE));
    look("first", m), look("second", m + PAGE), look("third", m + 2 * PAGE), look("last", m + 3 * PAGE);
    refused("mprotect", mprotect(m, 4 * PAGE, PROT_READ));
    refused("msync", msync(m, 4 * PAGE, MS_ASYNC));
    refused("madvise", madvise(m, 4 * PAGE, MADV_DONTNEED));
    look("sealed and dropped", m), look("dropped", m + 3 * PAGE);
    printf("again %d\n", munmap(m + PAGE, 2 * PAGE));
    printf("in the gap %d\n", map(m + PAGE, 1, MAP_FIXED_NOREPLACE) == m + PAGE);
    printf("wish %d\n", map(m + 2 * PAGE, 1, 0) == m + 2 * PAGE);
    look("second", m + PAGE), look("third", m + 2 * PAGE);
    printf("taken %d\n", map(m + PAGE, 1, MAP_FIXED_NOREPLACE) == MAP_FAILED && errno == EEXIST);
    munmap(m, 4 * PAGE);
    look("gone", m + PAGE);
    m[PAGE] = map(m, 4, MAP_FIXED) == m;
    look("over it", m + PAGE);
    munmap(m, 4 * PAGE);
    m = memset(map(NULL, 1, 0), 2, PAGE);
    char *grown = mremap(m, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    look("grown", grown), look("its end", grown + 2 * PAGE);
    grown[2 * PAGE] = 3;
    char *smaller = mremap(grown, 3 * PAGE, PAGE, 0);
    printf("smaller in place %d\n", smaller == grown);
    look("its start", smaller), look("cut off", smaller + PAGE);
    char *again = mremap(smaller, PAGE, 3 * PAGE, 0);
    printf("grown in place %d\n", again == smaller);
    look("its end", again + 2 * PAGE);
    char *target = map(NULL, 3, 0);
    char *moved = mremap(again, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    printf("moved %d\n", moved == target);
    look("here", moved), look("not there", again);
    refused("mremap of nothing", mremap(again, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -(errno != EFAULT) : 1);
    munmap(moved, 3 * PAGE);
    char *stack = map(NULL, 4, MAP_GROWSDOWN | MAP_STACK);
    look("stack", stack);
    munmap(stack, 4 * PAGE);
    printf("odd %d %d\n", munmap(stack + 1, PAGE), munmap(stack, 0));
    fflush(stdout);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    use();
    if (fork() == 0) {
        use();
        _exit(0);
    }
    wait(NULL);
    use();
    for (int i = 0; i < 20000; i++) {
        char *m = map(NULL, 1 + i % 7, 0);
        if (m == MAP_FAILED)
            return 1;
        m[i % 7 * PAGE] = 1;
        munmap(m, (1 + i % 7) * PAGE);
    }
    return 0;
}
