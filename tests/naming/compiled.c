// Code made at run time writes past the end of an object. For profilers its name stands in /tmp/perf-PID.map: that of
// this user, or with an argument of another one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    (void)argv;
    // mov byte ptr [rdi + 32], 1; ret
    static const unsigned char code[] = {0xc6, 0x47, 0x20, 0x01, 0xc3};
    char name[64];
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(page, code, sizeof code);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    snprintf(name, sizeof name, "/tmp/perf-%d.map", (int)getpid());
    FILE *map = fopen(name, "w");
    fprintf(map, "%lx %x compiled_name\n", (unsigned long)page, (unsigned)sizeof code);
    if (argc > 1 && fchown(fileno(map), 65534, 65534))
        return 2;
    fclose(map);
    puts(name);
    fflush(stdout);
    ((void (*)(char *))page)(malloc(32));
    return 0;
}
