// What it executes has the limits that it set for itself, whichever way; and a hard limit is not raised again.
// expect: clean
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(const char *who)
{
    struct rlimit space, data;
    getrlimit(RLIMIT_AS, &space);
    prlimit(0, RLIMIT_DATA, NULL, &data);
    printf("%s: %lx %lx %lx %lx\n", who, space.rlim_cur, space.rlim_max, data.rlim_cur, data.rlim_max);
    fflush(stdout);
}

static int can_map(void)
{
    return mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

int main(int argc, char **argv)
{
    char *const arguments[] = {argv[0], "executed", NULL};
    extern char **environ;
    tell(argc > 1 ? argv[1] : "at first");
    if (argc > 1)
        return 0;
    struct rlimit space = {1ul << 30, 3ul << 30}, data = {1ul << 29, 1ul << 30};
    printf("%d %d\n", setrlimit(RLIMIT_AS, &space), prlimit(getpid(), RLIMIT_DATA, &data, NULL));
    tell("set");
    for (int way = 0; way < 6; way++) {
        fflush(stdout);
        if (way % 2 ? fork() : vfork()) {
            wait(NULL);
            continue;
        }
        switch (way) {
        case 0: execve(argv[0], arguments, environ); break;
        case 1: execv(argv[0], arguments); break;
        case 2: execvp(argv[0], arguments); break;
        case 3: execl(argv[0], argv[0], "by execl", NULL); break;
        case 4: execle(argv[0], argv[0], "by execle", NULL, environ); break;
        case 5: execlp("sh", "sh", "-c", "ulimit -S -v; ulimit -H -v; ulimit -S -d; ulimit -H -d", NULL); break;
        }
        _exit(9);
    }
    printf("nowhere: %d\n", execl("/nonexistent", "x", NULL));
    printf("maps: %d\n", can_map());
    if (!vfork()) {
        // The child sets a limit for what it executes; its parent's stays.
        struct rlimit less = {1ul << 28, 1ul << 28};
        setrlimit(RLIMIT_AS, &less);
        execl(argv[0], argv[0], "with less", NULL);
        _exit(9);
    }
    wait(NULL);
    tell("still");
    struct rlimit wrong = {2, 1};
    printf("wrong: %d %s\n", setrlimit(RLIMIT_AS, &wrong), errno == EINVAL ? "EINVAL" : "other");
    printf("no address: %d %s\n", setrlimit(RLIMIT_AS, (void *)8), errno == EFAULT ? "EFAULT" : "other");
    space.rlim_max = 4ul << 30;
    int raised = setrlimit(RLIMIT_AS, &space);
    printf("raised: %s\n", !raised ? "yes" : errno == EPERM ? "EPERM" : "other");
    return 0;
}
