/* Maps what the arguments say, and prints for each whether it came to lie where it was asked for; then forks, and uses
 * all mappings and the heap in parent and child.
 *
 *     any TiB           anywhere
 *     fixed ADDRESS     with MAP_FIXED
 *     new ADDRESS       with MAP_FIXED_NOREPLACE
 *     wish ADDRESS      with an address alone
 *     moved ADDRESS     by mremap
 *     shared ADDRESS    by shmat
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIECE = 16 << 20 };

static char *mapped[16];
static int count;

static void map(const char *how, unsigned long number)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    if (!strcmp(how, "any")) {
        void *p = mmap(NULL, number << 40, PROT_NONE, flags, -1, 0);
        printf("%lu TiB: %s\n", number, p == MAP_FAILED ? strerror(errno) : "mapped");
        return;
    }
    if (!strcmp(how, "fixed"))
        flags |= MAP_FIXED;
    if (!strcmp(how, "new"))
        flags |= MAP_FIXED_NOREPLACE;
    char *wanted = (char *)number;
    if (!strcmp(how, "moved") || !strcmp(how, "shared"))
        wanted = NULL;
    char *p = mmap(wanted, PIECE, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (!strcmp(how, "moved"))
        p = mremap(p, PIECE, PIECE, MREMAP_MAYMOVE | MREMAP_FIXED, (char *)number);
    if (!strcmp(how, "shared")) {
        munmap(p, PIECE);
        int segment = shmget(IPC_PRIVATE, 4096, 0600);
        p = shmat(segment, (char *)number, 0);
        shmctl(segment, IPC_RMID, NULL);
        printf("%s\n", p == (char *)number ? strcpy(p, "shared") : strerror(errno));
        return;
    }
    printf("%s %lx: %s\n", how, number, p == (char *)number ? "there" : p == MAP_FAILED ? strerror(errno) : "elsewhere");
    if (p != MAP_FAILED)
        mapped[count++] = p;
}

/* Every second page stays missing, and is read. */
static int use(char byte)
{
    int wrong = 0;
    for (int i = 0; i < count; i++)
        for (int at = 0; at < PIECE; at += 8192) {
            mapped[i][at] = byte;
            wrong += mapped[i][at] != byte || mapped[i][at + 4096] != 0;
        }
    char *objects[2000];
    for (int i = 0; i < 2000; i++) {
        objects[i] = malloc(i * 60);
        memset(objects[i], byte, i * 60);
    }
    char line[100];
    for (int i = 0; i < count; i++) {
        snprintf(mapped[i], 100, "line %d", i);
        memcpy(line, mapped[i], 100);
        wrong += strcmp(line, mapped[i]);
        munmap(mapped[i] + PIECE / 2, PIECE / 2);
    }
    for (int i = 0; i < 2000; i++)
        free(objects[i]);
    return wrong;
}

int main(int argc, char **argv)
{
    free(malloc(100));
    free(malloc(100000));
    for (int i = 1; i + 1 < argc; i += 2)
        map(argv[i], strtoul(argv[i + 1], NULL, 0));
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(use(7));
    int wrong = use(9), status;
    waitpid(child, &status, 0);
    printf("%d wrong, child ended with %d\n", wrong, status);
    return 0;
}
