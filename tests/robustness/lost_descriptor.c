// Loses the userfaultfd descriptor for good, in the way that argv[1] and argv[2] say, and then has the bug of
// argv[3].
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define ANSWER(errno_) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (errno_))

static void forbid(int markers_too)
{
    struct sock_filter filter[] = {
        LOAD(nr),
        UNLESS(SYS_userfaultfd, 1),
        ANSWER(1),
        BPF_JUMP(BPF_JMP | BPF_JA, markers_too ? 0 : 7, 0, 0),
        UNLESS(440, 1), // process_madvise
        ANSWER(1),
        UNLESS(SYS_madvise, 4),
        LOAD(args[2]),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 102, 1, 0), // MADV_GUARD_INSTALL
        UNLESS(103, 1),                                 // MADV_GUARD_REMOVE
        ANSWER(22),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        perror("seccomp");
        exit(3);
    }
}

enum { COUNT = 3000 };
static char *volatile objects[COUNT];
static char *volatile largest;

static void act(const char *bug)
{
    // Goes on as any program: what it has must be as it was.
    for (int i = 0; i < COUNT; i++)
        if (objects[i] && objects[i][0] != (char)i) {
            puts("changed");
            exit(4);
        }
    char *first = malloc(32), *second = malloc(5000);
    memset(second, 1, 5000);
    for (int i = 0; i < COUNT; i += 3) {
        free(objects[i]);
        free(malloc(i));
    }
    free(second);
    if (!strcmp(bug, "new-use"))
        *(volatile char *)first += 1, free(first), *(volatile char *)first += 1;
    if (!strcmp(bug, "new-use-of-many"))
        second[100] = 1;
    if (!strcmp(bug, "new-overrun"))
        first[32] = 1;
    if (!strcmp(bug, "old-underrun"))
        largest[-385] = 1;
    if (!strcmp(bug, "old-overrun"))
        objects[1][32] = 1;
    puts("done");
}

int main(int argc, char **argv)
{
    // The first of its size, with 384 bytes of slack: the guard before it is no other slot's.
    largest = malloc(16000);
    for (int i = 0; i < COUNT; i++)
        (objects[i] = malloc(32))[0] = (char)i;
    char *freed = malloc(32);
    free(freed);
    int child = 0, holder = 0;
    if (!strcmp(argv[1], "held")) {
        // A child with a copy of the descriptor, and no handler of libc to close it.
        holder = (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (holder == 0)
            for (;;)
                pause();
    } else if (!strcmp(argv[1], "seccomp"))
        forbid(0);
    else if (!strcmp(argv[1], "seccomp-markers"))
        forbid(1);
    else
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, 3});
    if (!strcmp(argv[2], "close"))
        for (int fd = 3; fd < 5000; fd++)
            syscall(SYS_close, fd);
    else
        child = fork();
    if (child == 0) {
        if (!strcmp(argv[3], "old-use")) {
            free(malloc(1));
            return *(volatile char *)freed;
        }
        act(argv[3]);
        if (holder)
            kill(holder, SIGKILL);
        return 0;
    }
    int status;
    waitpid(child, &status, 0);
    act("none");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
