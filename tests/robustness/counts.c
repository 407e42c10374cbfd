// Fills and drains 2,000 objects; then the child of a fork makes ten, and the parent waits for it.
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    static char *volatile all[2000];
    for (int i = 0; i < 2000; i++)
        all[i] = malloc(40);
    for (int i = 0; i < 2000; i++)
        free(all[i]);
    if (fork() == 0)
        for (int i = 0; i < 10; i++)
            all[i] = malloc(40);
    else
        wait(NULL);
    return 0;
}
