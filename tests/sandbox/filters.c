// Installs the seccomp filter FILTER, which says VERDICT to what it does not permit, in the way HOW; goes on as any program;
// then has the bug BUG. With the filter "end", it ends at once instead, and BUG says how. Natively it lives with each of
// the filters.
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOAD(field) (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(value) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, value)
#define IF(value, skip) (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)

static struct sock_filter filter[80];
static int steps;

static void permit(const int *numbers, int count)
{
    filter[steps++] = LOAD(nr);
    for (int i = 0; i < count; i++) {
        filter[steps++] = IF(numbers[i], 1);
        filter[steps++] = RETURN(SECCOMP_RET_ALLOW);
    }
}

// What malloc and stdio need, and what the guards can live on.
static const int usual[] = {SYS_read, SYS_write, SYS_exit_group, SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap,
                            SYS_mprotect, SYS_madvise, SYS_futex, SYS_rt_sigreturn};
// No page permissions, no markers.
static const int few[] = {SYS_read, SYS_write, SYS_exit_group, SYS_brk, SYS_mmap, SYS_munmap, SYS_rt_sigreturn};
// What a program makes natively from main's return on, if it has buffered output.
static const int end[] = {SYS_write, SYS_exit_group, SYS_munmap};
// No memory.
static const int least[] = {SYS_read, SYS_write, SYS_exit_group, SYS_rt_sigreturn};

static void build(const char *name, unsigned verdict)
{
    if (!strcmp(name, "ioctl") || !strcmp(name, "rt_sigaction")) {
        filter[steps++] = LOAD(nr);
        filter[steps++] = IF(!strcmp(name, "ioctl") ? SYS_ioctl : SYS_rt_sigaction, 1);
        filter[steps++] = RETURN(verdict);
        filter[steps++] = RETURN(SECCOMP_RET_ALLOW);
    } else if (!strcmp(name, "arguments")) {
        // As OpenSSH's: by the arguments of madvise, mmap and mprotect.
        int others[] = {SYS_read,  SYS_write,  SYS_exit_group, SYS_brk, SYS_munmap,
                        SYS_mremap, SYS_rt_sigreturn};
        permit(others, sizeof others / sizeof *others);
        filter[steps++] = IF(SYS_madvise, 3);
        filter[steps++] = LOAD(args[2]);
        filter[steps++] = IF(4, 1); // MADV_DONTNEED
        filter[steps++] = RETURN(SECCOMP_RET_ALLOW);
        filter[steps++] = LOAD(nr);
        filter[steps++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0);
        filter[steps++] = IF(SYS_mprotect, 3);
        filter[steps++] = LOAD(args[2]);
        filter[steps++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, ~3u, 1, 0);
        filter[steps++] = RETURN(SECCOMP_RET_ALLOW);
        filter[steps++] = RETURN(verdict);
    } else {
        if (!strcmp(name, "usual"))
            permit(usual, sizeof usual / sizeof *usual);
        else if (!strcmp(name, "few"))
            permit(few, sizeof few / sizeof *few);
        else if (!strcmp(name, "end"))
            permit(end, sizeof end / sizeof *end);
        else
            permit(least, sizeof least / sizeof *least);
        filter[steps++] = RETURN(verdict);
    }
}

static unsigned verdict_of(const char *name)
{
    if (!strcmp(name, "EPERM"))
        return SECCOMP_RET_ERRNO | 1;
    if (!strcmp(name, "ENOSYS"))
        return SECCOMP_RET_ERRNO | 38;
    if (!strcmp(name, "kill-process"))
        return SECCOMP_RET_KILL_PROCESS;
    if (!strcmp(name, "kill-thread"))
        return SECCOMP_RET_KILL_THREAD;
    return SECCOMP_RET_TRAP;
}

static void install(const char *how)
{
    struct sock_fprog program = {steps, filter};
    long result;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!strcmp(how, "prctl"))
        result = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    else if (!strcmp(how, "syscall-prctl"))
        result = syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
    else
        result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
    if (result) {
        perror("seccomp");
        exit(9);
    }
}

static volatile int trapped;

static void on_trap(int signal)
{
    (void)signal;
    trapped++;
}

enum { COUNT = 900 };
static char *volatile objects[COUNT];

int main(int argc, char **argv)
{
    if (argc < 5)
        return 8;
    signal(SIGSYS, on_trap);
    setvbuf(stdout, malloc(200), _IOLBF, 200);
    for (int i = 0; i < COUNT; i++)
        memset(objects[i] = malloc(i), i, i);
    for (int i = 0; i < COUNT; i += 3)
        free(objects[i]);
    char *volatile old = malloc(32);
    build(argv[1], verdict_of(argv[2]));
    if (!strcmp(argv[3], "exec")) {
        install("prctl");
        argv[3] = "none";
        execv("/proc/self/exe", argv);
    }
    if (!strcmp(argv[1], "end")) {
        setvbuf(stdout, malloc(200), _IOFBF, 200);
        printf("alive, %d traps\n", trapped);
    }
    if (strcmp(argv[3], "none"))
        install(argv[3]);
    if (!strcmp(argv[1], "end")) {
        if (!strcmp(argv[4], "return"))
            return 0;
        if (!strcmp(argv[4], "exit"))
            exit(0);
        fflush(stdout);
        if (!strcmp(argv[4], "quick_exit"))
            quick_exit(0);
        _exit(0);
    }
    for (int i = 1; i < COUNT; i += 3) {
        if (objects[i][i - 1] != (char)i)
            return 7;
        free(objects[i]);
    }
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < COUNT; i += 3) {
            memset(objects[i] = malloc(64), 2, 64);
            if (round < 2)
                free(objects[i]);
        }
    objects[0] = realloc(objects[0], 3000);
    objects[2] = realloc(objects[2], 5000);
    memset(objects[2], 1, 5000);
    printf("alive, %d traps\n", trapped);
    const char *bug = argv[4];
    if (!strcmp(bug, "old-overflow"))
        old[32] = 1;
    if (!strcmp(bug, "overflow")) {
        char *volatile new = malloc(32);
        new[32] = 1;
    }
    if (!strcmp(bug, "use-after-free")) {
        free(old);
        old[0] = 1;
    }
    if (!strcmp(bug, "null"))
        *(volatile char *)NULL = 1;
    if (!strcmp(bug, "_exit"))
        _exit(3);
    return 0;
}
