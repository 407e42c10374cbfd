// System calls by number that are in order, or of which nobody can say that they are not.
// expect: clean
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    assert(pipe(ends) == 0);
    char *in = strcpy(malloc(6), "hello"), *out = malloc(6);
    assert(syscall(SYS_write, ends[1], in, 6L) == 6);
    // No more arrives than there is room for.
    assert(syscall(SYS_read, ends[0], out, 99L) == 6 && strcmp(out, in) == 0);
    assert(syscall(SYS_getrandom, out, 6L, 0L) == 6);
    assert(syscall(SYS_write, ends[1], in + 6, 0L) == 0);
    assert(syscall(SYS_close, 999) == -1 && errno == EBADF);
    // To wake whoever waits at what was a lock is usual.
    int *lock = calloc(1, sizeof *lock);
    free(lock);
    syscall(SYS_futex, lock, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    free(in), free(out);
    return 0;
}
