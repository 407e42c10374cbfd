// Programs that are executed with pointers that point nowhere: the kernel refuses them.
// expect: clean
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    char *const nowhere = (char *)8;
    char **volatile no_list = (char **)8;
    char *arguments[] = {"true", NULL}, *with_hole[] = {"true", nowhere, NULL};
    char *paths[] = {"/bin/true", strdup("/bin/true")};
    // The array ends with its page, and with no null pointer.
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char **endless = (char **)(pages + 4096) - 1;
    endless[0] = "A=1";
    munmap(pages + 4096, 4096);
    char **lists[] = {no_list, with_hole, endless};
    for (int way = 0; way < 6; way++) {
        char *path = paths[way / 3], **list = lists[way % 3];
        execve(path, arguments, list);
        printf("execve, environment: %s\n", strerror(errno));
        execve(path, list, arguments);
        printf("execve, arguments: %s\n", strerror(errno));
        execv(path, list);
        printf("execv: %s\n", strerror(errno));
        pid_t pid;
        printf("posix_spawn: %s\n", strerror(posix_spawn(&pid, path, NULL, NULL, arguments, list)));
        fexecve(open(path, O_RDONLY), list, arguments);
        printf("fexecve: %s\n", strerror(errno));
    }
    execve(nowhere, arguments, arguments);
    printf("execve, path: %s\n", strerror(errno));
    free(paths[1]);
    return 0;
}
