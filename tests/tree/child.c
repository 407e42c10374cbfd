// Bugs in other processes than the first, whose status nobody looks at. The argument says where.
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void overrun(void)
{
    char *volatile p = malloc(32);
    p[32] = 1;
}

int main(int count, char **arguments)
{
    const char *where = count > 1 ? arguments[1] : "nowhere";
    if (strcmp(where, "here") == 0) {
        overrun();
    } else if (strcmp(where, "abort") == 0) {
        abort();
    } else if (strcmp(where, "child") == 0) {
        if (fork() == 0) {
            overrun();
            _exit(0);
        }
        wait(NULL);
    } else if (strcmp(where, "grandchild") == 0) {
        // Its parent is gone before it begins; the end of the pipe says that it is done.
        int ends[2], parents[2];
        char byte;
        if (pipe(ends) || pipe(parents))
            return 1;
        if (fork() == 0) {
            if (fork() == 0) {
                close(parents[1]);
                read(parents[0], &byte, 1);
                overrun();
                _exit(0);
            }
            _exit(0);
        }
        wait(NULL);
        close(parents[1]);
        close(ends[1]);
        read(ends[0], &byte, 1);
    } else if (strcmp(where, "executed") == 0) {
        pid_t pid;
        char *list[] = {arguments[0], "here", NULL};
        if (posix_spawn(&pid, arguments[0], NULL, NULL, list, environ))
            return 1;
        waitpid(pid, NULL, 0);
    } else if (strcmp(where, "blind") == 0) {
        // Without the ledger's descriptor, standard streams and variables.
        if (fork() == 0) {
            closefrom(0);
            clearenv();
            overrun();
            _exit(0);
        }
        wait(NULL);
    } else if (strcmp(where, "unguarded") == 0) {
        pid_t pid;
        char *list[] = {"true", NULL}, *nothing[] = {NULL};
        for (int i = 0; i < 2; i++) {
            if (posix_spawnp(&pid, "true", NULL, NULL, list, nothing))
                return 1;
            waitpid(pid, NULL, 0);
        }
        unsetenv("LD_PRELOAD");
        if (system("exit 0"))
            return 1;
        execle("/bin/true", "true", (char *)NULL, nothing);
    } else if (strcmp(where, "unheard") == 0) {
        // The shell runs, but nobody keeps its status.
        signal(SIGCHLD, SIG_IGN);
        unsetenv("LD_PRELOAD");
        if (system("exit 0") != -1)
            return 1;
    } else if (strcmp(where, "failing") == 0) {
        // An argument that is longer than the kernel takes.
        pid_t pid;
        char *argument = malloc(1 << 20), *nothing[] = {NULL};
        memset(argument, 'a', 1 << 20);
        argument[(1 << 20) - 1] = 0;
        char *list[] = {"true", argument, NULL};
        execve("/bin/true", list, nothing);
        execle("/bin/true", "true", argument, (char *)NULL, nothing);
        if (!posix_spawn(&pid, "/bin/true", NULL, NULL, list, nothing)
            || !posix_spawnp(&pid, "true", NULL, NULL, list, nothing))
            return 1;
    }
    return 0;
}
