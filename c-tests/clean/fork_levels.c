// Children of children, ten levels deep: each frees what its ancestors made.
// expect: clean
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    char *made[11];
    for (int level = 0; level <= 10; level++) {
        made[level] = malloc(40 + level);
        made[level][0] = (char)level;
        if (level == 10) {
            for (int i = 0; i <= 10; i++)
                free(made[i]);
            exit(7);
        }
        pid_t child = fork();
        if (child != 0) {
            int status;
            waitpid(child, &status, 0);
            free(made[level]);
            free(malloc(1000));
            int code = WIFEXITED(status) ? WEXITSTATUS(status) : 99;
            if (level == 0)
                printf("the last level said %d\n", code);
            return code;
        }
    }
}
