// Runs into bugs, in the way that argv[1] names.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUG(name)                                                                                  \
    __attribute__((noinline)) static void name(void)                                               \
    {                                                                                              \
        volatile char *object = malloc(32);                                                        \
        object[32] = 1;                                                                            \
        free((void *)object);                                                                      \
    }

BUG(bug_0)
BUG(bug_1)
BUG(bug_2)
BUG(bug_3)
BUG(bug_4)
BUG(bug_5)
BUG(bug_6)
BUG(bug_7)

static void (*const bugs[8])(void) = {bug_0, bug_1, bug_2, bug_3, bug_4, bug_5, bug_6, bug_7};

__attribute__((noinline)) static void free_twice(void)
{
    void *object = malloc(40);
    free(object);
    free(object);
}

static sigjmp_buf before_abort;

static void go_back(int signal)
{
    siglongjmp(before_abort, signal);
}

// No instruction to let through.
__attribute__((noinline)) static void jump(void)
{
    void *object = malloc(40);
    free(object);
    ((void (*)(void))object)();
}

static int forbid_to_open(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void *run_bug(void *number)
{
    bugs[(long)number]();
    return NULL;
}

static void wait_for_all(void)
{
    while (wait(NULL) > 0)
        ;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "clean";
    if (!strcmp(way, "bug"))
        bug_0();
    else if (!strcmp(way, "twice"))
        free_twice();
    else if (!strcmp(way, "outlives")) {
        signal(SIGABRT, go_back);
        for (volatile int i = 0; i < 2; i++)
            if (!sigsetjmp(before_abort, 1))
                free_twice();
    } else if (!strcmp(way, "jump"))
        jump();
    else if (!strcmp(way, "sandbox")) {
        if (forbid_to_open())
            return 3;
        bug_0();
    } else if (!strcmp(way, "all"))
        for (int i = 0; i < 8; i++)
            bugs[i]();
    else if (!strcmp(way, "forks")) {
        for (int i = 0; i < 8; i++)
            if (fork() == 0) {
                bugs[i % 2]();
                return 0;
            }
        wait_for_all();
    } else if (!strcmp(way, "clean-forks")) {
        for (int i = 0; i < 4; i++)
            if (fork() == 0)
                return 0;
        wait_for_all();
    } else if (!strcmp(way, "vfork")) {
        for (int i = 0; i < 2; i++)
            if (vfork() == 0) {
                free_twice();
                _exit(0);
            }
        wait_for_all();
        bug_0();
    } else if (!strcmp(way, "clone")) {
        if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0) {
            bug_1();
            syscall(SYS_exit_group, 0);
        }
        wait_for_all();
    } else if (!strcmp(way, "threads")) {
        pthread_t threads[8];
        for (long i = 0; i < 8; i++)
            pthread_create(&threads[i], NULL, run_bug, (void *)i);
        for (int i = 0; i < 8; i++)
            pthread_join(threads[i], NULL);
    } else if (!strcmp(way, "closed")) {
        close(0);
        close(1);
        close(2);
        bug_0();
    } else if (!strcmp(way, "small")) {
        // The first record fits, and some bytes more.
        struct rlimit limit = {atol(argv[2]), atol(argv[2])};
        setrlimit(RLIMIT_FSIZE, &limit);
        bug_0();
    } else if (!strcmp(way, "gone")) {
        if (rename(argv[2], argv[3]))
            return 3;
        bug_0();
    } else if (!strcmp(way, "test")) {
        setenv("PYTEST_CURRENT_TEST", "test_a.py::test_b (call)", 1);
        bug_0();
    }
    return 0;
}
