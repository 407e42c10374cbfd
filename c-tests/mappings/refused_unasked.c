// A call that fails with EFAULT is no fault: programs ask in this way whether memory is there. By default nothing is reported.
// expect: clean
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    if (pipe(ends) || write(ends[1], "0123456789", 10) != 10)
        return 1;
    char *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(pages, 8192);
    int result = read(ends[0], pages, 10);
    printf("%d %d\n", result, errno);
    return 0;
}
