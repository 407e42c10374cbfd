// The mask that comes over exec has all signals in it.
// expect: heap-buffer-overflow
// expect-access: READ of size 1
// expect-place: located 0 bytes after 32-byte region
// expect-stdout: 1
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    (void)count;
    if (getenv("SPAWNED") == NULL) {
        posix_spawnattr_t attributes;
        sigset_t all;
        pid_t child;
        int status;
        sigfillset(&all);
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setsigmask(&attributes, &all);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
        setenv("SPAWNED", "1", 1);
        if (posix_spawn(&child, "/proc/self/exe", NULL, &attributes, arguments, environ))
            return 1;
        waitpid(child, &status, 0);
        // As the child ended, so does this.
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
        return 2;
    }
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    printf("%d\n", sigismember(&now, SIGSEGV));
    fflush(stdout);
    char *p = malloc(32); // <- allocated in main
    return p[32]; // <- access in main
}
