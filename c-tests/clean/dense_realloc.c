// A large block that is full is moved: old and new do not take memory together.
// expect: clean

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long peak_mib(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long peak = -1;
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &peak) == 1)
            break;
    fclose(status);
    return peak / 1024;
}

int main(void)
{
    size_t wrong = 0;
    for (int odd = 0; odd < 2; odd++) {
        size_t size = (200UL << 20) + odd * 1000;
        char *p = malloc(size);
        memset(p, 7, size);
        p = realloc(p, size + (1 << 20) + odd * 100);
        for (size_t i = 0; i < size; i += 1000)
            wrong += p[i] != 7;
        free(p);
    }
    printf("%zu wrong, %s\n", wrong, peak_mib() < 300 ? "held once" : "held twice");
    return 0;
}
