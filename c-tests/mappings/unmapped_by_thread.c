// One thread maps, another unmaps, a third reads.
// expect: mapping-use-after-unmap
// expect-access: READ of size 1
// expect-place: located 7 bytes inside of 4096-byte mapping
// expect-thread: T3
#include <pthread.h>
#include <sys/mman.h>

static volatile char *page;

static void *map(void *unused)
{
    (void)unused;
    page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); // <- mapped in map
    return 0;
}

static void *unmap(void *unused)
{
    (void)unused;
    munmap((char *)page, 4096); // <- unmapped in unmap
    return 0;
}

static void *use(void *unused)
{
    (void)unused;
    return (void *)(long)page[7]; // <- access in use
}

int main(void)
{
    void *(*steps[])(void *) = {map, unmap, use};
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        pthread_create(&thread, 0, steps[i], 0); // <- created in main
        pthread_join(thread, 0);
    }
    return 0;
}
