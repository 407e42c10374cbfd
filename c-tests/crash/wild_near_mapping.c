// An access two pages behind a mapping: too far for an overrun of it that is certain. What is near is told.
// expect: SEGV
// expect-access: READ of size 1
// expect-place: where nothing is mapped
// expect-note: the nearest mapping before it is 8192 bytes away: [0x200000000,0x200001000), r--, without a file, made by mmap(0x200000000, 4096, PROT_READ, *) in reserve *wild_near_mapping.c:*
// expect-note: the nearest mapping behind it is 20480 bytes away: [0x200008000,0x200009000), rw-, without a file, made by mmap(0x200008000, 4096, *) in reserve *
#define _GNU_SOURCE
#include <sys/mman.h>

static char *reserve(char *at, int protection)
{
    return mmap(at, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

int main(void)
{
    volatile char *page = reserve((char *)0x200000000, PROT_READ);
    reserve((char *)0x200008000, PROT_READ | PROT_WRITE);
    return page[12288]; // <- access in main
}
