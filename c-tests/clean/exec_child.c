// Children by system, popen, posix_spawn and vfork.
// expect: clean
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int main(void)
{
    char text[100] = "", *words[] = {"sh", "-c", "exit 9", NULL};
    int status;
    pid_t child;
    printf("system: %d\n", WEXITSTATUS(system("exit 7")));
    FILE *pipe = popen("echo from a child", "r");
    fgets(text, sizeof text, pipe);
    printf("popen: %d, %s", WEXITSTATUS(pclose(pipe)), text);
    posix_spawn(&child, "/bin/sh", NULL, NULL, words, environ);
    waitpid(child, &status, 0);
    printf("posix_spawn: %d\n", WEXITSTATUS(status));
    if ((child = vfork()) == 0) {
        execv("/bin/sh", words);
        _exit(1);
    }
    waitpid(child, &status, 0);
    printf("vfork: %d\n", WEXITSTATUS(status));
    free(malloc(10));
    return 0;
}
