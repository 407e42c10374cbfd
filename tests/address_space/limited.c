/* Limits its own address space, and goes on: threads, mappings within the limit and beyond it, also after one at an
 * address that was kept for objects; a child that does the same, and executes a program that prints the limit. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void *work(void *argument)
{
    char *p = NULL;
    for (int size = 1; size < 30000; size++)
        p = realloc(p, size);
    free(p);
    for (int i = 0; i < 2000; i++)
        free(malloc(i * 40));
    return argument;
}

static const char *map(void *address, size_t bytes)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (address ? MAP_FIXED_NOREPLACE : 0);
    void *p = mmap(address, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (p != MAP_FAILED)
        munmap(p, bytes);
    return p == MAP_FAILED ? "no" : "yes";
}

static void use_all(void)
{
    pthread_t threads[4];
    int made = 0;
    while (made < 4 && pthread_create(&threads[made], NULL, work, NULL) == 0)
        made++;
    for (int i = 0; i < made; i++)
        pthread_join(threads[i], NULL);
    printf("%d threads, 20 MiB: %s, 900 MiB: %s, fixed: %s, ", made, map(NULL, 20 << 20), map(NULL, 900 << 20),
           map((void *)0x700000000000, 1 << 20));
    printf("then 20 MiB: %s, 900 MiB: %s\n", map(NULL, 20 << 20), map(NULL, 900 << 20));
    fflush(stdout);
}

int main(void)
{
    struct rlimit limit = {800 << 20, 800 << 20};
    if (setrlimit(RLIMIT_AS, &limit))
        return 2;
    use_all();
    if (fork() == 0) {
        use_all();
        execlp("sh", "sh", "-c", "ulimit -v", NULL);
        _exit(9);
    }
    int status;
    wait(&status);
    printf("child: %d\n", status);
    return 0;
}
