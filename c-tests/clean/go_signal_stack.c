// As in a Go program with C in it: the runtime asks the kernel by system call for a signal stack, takes
// the one that it finds, and recovers from null pointers on it.
// expect: clean
#define _GNU_SOURCE
#include <assert.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

// What Go's linker leaves.
__asm__(".pushsection .note.go.buildid, \"a\", @note\n"
        ".balign 4\n.long 4, 4, 4\n.asciz \"Go\\0\"\n.ascii \"test\"\n.popsection");

// By instruction, where no library sees it.
static long set_stack(const stack_t *wanted, stack_t *found)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_sigaltstack), "D"(wanted), "S"(found)
                     : "rcx", "r11", "memory");
    return result;
}

static stack_t stack;
static sigjmp_buf before;

static void recover(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
    char *here = __builtin_frame_address(0), *start = stack.ss_sp;
    assert(start <= here && here < start + stack.ss_size);
    siglongjmp(before, 1);
}

int main(void)
{
    assert(set_stack(NULL, &stack) == 0);
    if (stack.ss_flags & SS_DISABLE) {
        stack = (stack_t){.ss_sp = malloc(65536), .ss_size = 65536};
        assert(set_stack(&stack, NULL) == 0);
    }
    struct sigaction action = {.sa_sigaction = recover, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    assert(sigaction(SIGSEGV, &action, NULL) == 0);
    int *volatile nowhere = NULL;
    if (sigsetjmp(before, 1) == 0)
        return *nowhere;
    return 0;
}
