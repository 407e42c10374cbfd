// 300,000 pairs of malloc and free with 1,000 live objects of all sizes up to two pages.
// expect: clean
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    static struct { unsigned char *bytes; size_t size; } live[1000];
    unsigned long state = 1, sum = 0;
    for (int i = 0; i < 300000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        int slot = (state >> 33) % 1000;
        if (live[slot].bytes)
            sum += live[slot].bytes[0] + live[slot].bytes[live[slot].size - 1];
        free(live[slot].bytes);
        live[slot].size = 1 + (state >> 50) % (i % 16 ? 200 : 8192);
        live[slot].bytes = malloc(live[slot].size);
        live[slot].bytes[0] = live[slot].bytes[live[slot].size - 1] = (unsigned char)slot;
    }
    printf("%lu\n", sum);
    return 0;
}
