// A mapping at a fixed address is granted at as many places as natively, wherever objects could come to lie; objects come and go meanwhile.
// expect: clean
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    int granted = 0, all = 0;
    // Neither next to the program nor next to its libraries, which lie anywhere.
    for (uintptr_t place = 1ul << 40; place < 0x7d0000000000; place += 1ul << 40) {
        if (place >= 0x550000000000 && place < 0x570000000000)
            continue;
        char *object = malloc(100 + all * 1000), *m;
        m = mmap((char *)place, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        all++;
        if (m == (char *)place) {
            granted++;
            memset(m, 1, 8192);
            if (all % 2)
                munmap(m, 8192);
        }
        memset(object, 1, 100 + all * 1000 - 1000);
        free(object);
    }
    // Our own tables may be in the way of one or two.
    printf("%d places, nearly all granted: %d\n", all, granted >= all - 2);
    return 0;
}
