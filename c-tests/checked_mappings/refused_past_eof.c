// send(2) of a page that the mapped file no longer has.
// options: --mappings=check
// expect: mapping-past-eof
// expect-access: READ of size 10
// expect-place: located 4096 bytes inside of 8192-byte mapping
// expect-note: it is a shared mapping of *
// expect-note: the file has 100 bytes; when it was mapped it had 8192 bytes
// expect-note: ftruncate(*, 100) has cut it
// expect-sentence: send failed with EFAULT: it would read 10 bytes of its buf
// expect-stdout: -1 14
// expect-exit: 0
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
        return 1;
    int file = fileno(tmpfile());
    ftruncate(file, 8192);
    char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0); // <- mapped in main
    ftruncate(file, 100); // <- truncated in main
    int result = send(ends[0], pages + 4096, 10, 0); // <- access in main
    printf("%d %d\n", result, errno);
}
