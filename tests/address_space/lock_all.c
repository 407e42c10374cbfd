/* Locks its memory as the argument says, and prints what mlockall returned, what is locked then, and what becomes of
 * mappings made later. With an object of 100 bytes in use, and one of 200,000.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether the pages at an address are locked. */
static int is_locked(const void *address)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[512];
    int found = 0, locked = -1;
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            found = start <= (unsigned long)address && (unsigned long)address < end;
        else if (found && !strncmp(line, "VmFlags:", 8))
            locked = strstr(line, " lo") != NULL;
    }
    fclose(maps);
    return locked;
}

static void *map(size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int main(int argc, char **argv)
{
    int flags = atoi(argv[1]);
    char *small = malloc(100), *large = malloc(200000), *before = map(4096);
    for (int i = 0; i < 1000; i++)
        ((char *)malloc(24))[0] = 1;
    int result = mlockall(flags);
    printf("%d %s\n", result, result ? strerror(errno) : "");
    char *after = map(8192), *too_large = map(64 << 20);
    printf("before %d, large %d, after %d, child's ", is_locked(before), is_locked(large), is_locked(after));
    fflush(stdout);
    if (fork() == 0) {
        char *own = map(4096);
        printf("%d\n", is_locked(own));
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    printf("64 MiB: %s\n", too_large == MAP_FAILED ? strerror(errno) : "mapped");
    for (int i = 0; i < 3000; i++)
        free(malloc(i * 10));
    free(small);
    free(large);
    printf("%d ", munlockall());
    after = map(4096);
    printf("before %d, after %d\n", is_locked(before), is_locked(after));
    return 0;
}
