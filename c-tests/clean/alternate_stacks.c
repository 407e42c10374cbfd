// Alternate stacks as the kernel has them: shown, refused while in use, disarmed, of one frame's size; handlers nested,
// left by a jump, changing what comes back; vector registers kept.
// expect: clean
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define DISARM (1U << 31)

static char *stack;
static size_t bytes = 65536;
static sigjmp_buf back;
static int depth;

static void show(const char *when)
{
    stack_t now;
    sigset_t mask;
    sigaltstack(NULL, &now);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    printf("%s: %s flags %x size %zu, blocked", when, now.ss_sp == stack ? "set" : now.ss_sp ? "other" : "none",
           (unsigned)now.ss_flags, now.ss_size);
    for (int s = 1; s < 32; s++)
        if (sigismember(&mask, s))
            printf(" %d", s);
    puts("");
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    char *here = __builtin_frame_address(0);
    ucontext_t *c = context;
    printf("signal %d, code %d, on it %d, noted %d %x %zu, link %d\n", number, info->si_code,
           here > stack && here <= stack + bytes, c->uc_stack.ss_sp == stack, (unsigned)c->uc_stack.ss_flags,
           c->uc_stack.ss_size, c->uc_link != NULL);
    show("in handler");
    stack_t again = {.ss_sp = stack, .ss_size = bytes};
    // What becomes of another one that is set where the first has disarmed itself depends on the kernel's version.
    int result = c->uc_stack.ss_flags == (int)DISARM ? 0 : sigaltstack(&again, NULL);
    printf("again: %d %s\n", result, result ? strerror(errno) : "");
    if (depth++ == 0)
        raise(SIGUSR2);
    else if (number == SIGUSR2 && depth > 3)
        siglongjmp(back, 1);
    sigaddset(&c->uc_sigmask, SIGWINCH);
    __asm__ volatile("pxor %%xmm6, %%xmm6" ::: "xmm6");
}

static void set(unsigned flags, size_t size)
{
    stack_t wanted = {.ss_sp = stack, .ss_size = size, .ss_flags = (int)flags};
    int result = sigaltstack(&wanted, NULL);
    printf("set %x %zu: %d %s\n", flags, size, result, result ? strerror(errno) : "");
    show("after it");
}

int main(void)
{
    stack = malloc(bytes);
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK}, found;
    sigaddset(&action.sa_mask, SIGSEGV);
    sigaddset(&action.sa_mask, SIGHUP);
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags |= SA_RESETHAND | SA_NODEFER;
    sigaction(SIGUSR2, &action, NULL);
    sigaction(SIGUSR2, NULL, &found);
    printf("found %d %x %d\n", found.sa_sigaction == on_signal, (unsigned)found.sa_flags,
           sigismember(&found.sa_mask, SIGSEGV));
    raise(SIGUSR1);
    sigaction(SIGUSR2, NULL, &found);
    printf("served: %d\n", found.sa_handler == SIG_DFL);
    sigaction(SIGUSR2, &action, NULL);
    set(0, bytes);
    double vector = 1.25;
    __asm__ volatile("movsd %0, %%xmm6" ::"m"(vector) : "xmm6");
    syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
    __asm__ volatile("movsd %%xmm6, %0" : "=m"(vector));
    printf("%f\n", vector);
    if (sigsetjmp(back, 1) == 0)
        raise(SIGUSR2);
    show("after the jump");
    set(DISARM, bytes);
    raise(SIGUSR1);
    show("after disarming");
    set(77, bytes);
    set(0, 100);
    set(SS_DISABLE, 0);
    bytes = getauxval(51 /* AT_MINSIGSTKSZ */);
    bytes = (bytes < 2048 ? 2048 : bytes) + 16384;
    set(0, bytes);
    raise(SIGUSR1);
    return 0;
}
