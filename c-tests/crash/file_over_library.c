// The program maps a file that is cut short over a loaded library and calls into it.
// with-library: plain
// expect: mapping-past-eof
// expect-access: EXECUTE
// expect-place: located * inside of *-byte mapping
// expect-note: it is a shared mapping of /memfd:cut*
// expect-exit: SIGBUS
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
    int file = memfd_create("cut", 0);
    int rights = PROT_READ | PROT_EXEC;
    void *mapped = mmap(start, bytes, rights, MAP_SHARED | MAP_FIXED, file, 0); // <- mapped in main
    if (mapped != start)
        return 1;
    plain_poke(c, 0); // <- access in main (frame 1)
    return 0;
}
