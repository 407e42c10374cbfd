// Pages of objects go into a pipe without being copied (vmsplice), and are freed while they are there.
// expect: clean
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    if (pipe(ends))
        return 1;
    for (int i = 0; i < 40; i++) {
        char *block = aligned_alloc(4096, 8192), *other = malloc(8192);
        memset(block, i, 8192);
        struct iovec part = {block, 8192};
        ssize_t spliced = vmsplice(ends[1], &part, 1, i % 2 ? SPLICE_F_GIFT : 0);
        if (i % 3 == 0) {
            // Nobody else gets these pages until the reader is done with them.
            ssize_t got = read(ends[0], other, 8192);
            printf("%zd %zd %d\n", spliced, got, other[8191]);
            free(block);
        } else {
            free(block);
            ssize_t got = read(ends[0], other, 8192);
            printf("%zd %zd\n", spliced, got);
        }
        part = (struct iovec){other, 100};
        ssize_t put = write(ends[1], "text", 5), back = vmsplice(ends[0], &part, 1, 0);
        printf("%zd %zd %s\n", put, back, other);
        free(other);
    }
    return 0;
}
