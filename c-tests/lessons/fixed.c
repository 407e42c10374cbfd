// MAP_FIXED replaces what is mapped there, without a word; MAP_FIXED_NOREPLACE refuses; an address alone is a wish.
// expect: clean
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

static char *map(char *at, size_t bytes, int flags)
{
    return mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static void use(char *arena)
{
    printf("replaced %d\n", map(arena + PAGE, PAGE, MAP_FIXED) == arena + PAGE);
    printf("%d %d %d\n", arena[0], arena[PAGE], arena[2 * PAGE]);
    char *refused = map(arena + 2 * PAGE, PAGE, MAP_FIXED_NOREPLACE);
    printf("refused %d, %d\n", refused == MAP_FAILED, errno == EEXIST);
    char *elsewhere = map(arena, PAGE, 0);
    printf("elsewhere %d, %d\n", elsewhere != arena, arena[0]);
    munmap(elsewhere, PAGE);
    munmap(arena + PAGE, PAGE);
    printf("in the gap %d\n", map(arena + PAGE, PAGE, MAP_FIXED_NOREPLACE) == arena + PAGE);
    printf("wished for %d\n", munmap(arena + PAGE, PAGE) == 0 && map(arena + PAGE, PAGE, 0) == arena + PAGE);
    printf("odd %d\n", map(arena + 1, PAGE, MAP_FIXED) == MAP_FAILED);
    fflush(stdout);
}

int main(void)
{
    char *arena = map(NULL, 3 * PAGE, 0);
    memset(arena, 7, 3 * PAGE);
    if (fork() == 0) {
        use(arena);
        _exit(0);
    }
    wait(NULL);
    use(arena);
    return 0;
}
