// Large blocks of which little was touched are grown and shrunk. They take no more memory than before, whether
// old and new block lie alike in their pages or not.
// expect: clean

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long peak_kib(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long peak = -1;
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %ld", &peak) == 1)
            break;
    fclose(status);
    return peak;
}

static void resize(size_t from, size_t to)
{
    char *p = calloc(1, from);
    size_t less = from < to ? from : to;
    p[5] = 1;
    p[less / 2] = 2;
    p[less - 1] = 3;
    p = realloc(p, to);
    printf("%d %d %d %d\n", p[5], p[less / 2], p[less - 1], p[less / 3]);
    free(p);
}

int main(void)
{
    resize(1UL << 30, 1200UL << 20);
    resize((1UL << 30) + 100, (1200UL << 20) + 1000);
    resize((1UL << 30) + 1000, (512UL << 20) + 100);
    resize(1UL << 30, 512UL << 20);
    printf("%s\n", peak_kib() < 200 << 10 ? "little memory" : "much memory");
    return 0;
}
