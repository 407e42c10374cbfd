// The program lays an inaccessible mapping over a loaded library and calls into it.
// with-library: plain
// expect: mapping-protection
// expect-access: EXECUTE
// expect-place: located * inside of *-byte mapping
// expect-note: the page must not be accessed: by mmap(0x*, PROT_NONE, *
#define _GNU_SOURCE
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

extern void plain_poke(char *p, size_t index);
static char *start;
static size_t bytes;

static int find(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size, (void)data;
    if (!strstr(info->dlpi_name, "libplain"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        size_t end = info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && end > bytes)
            bytes = end;
    }
    start = (char *)info->dlpi_addr;
    return 1;
}

int main(void)
{
    char c[1], *p = malloc(10);
    plain_poke(p, 1);
    dl_iterate_phdr(find, NULL);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    if (mmap(start, bytes, PROT_NONE, flags, -1, 0) != start) // <- mapped in main
        return 1;
    plain_poke(c, 0); // <- access in main (frame 1)
    return 0;
}
