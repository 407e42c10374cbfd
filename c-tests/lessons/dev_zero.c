// /dev/zero mapped is anonymous memory: shared with children, or private; two mappings of it have nothing in common.
// expect: clean
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int zero = open("/dev/zero", O_RDWR);
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);
    int *other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);
    int *private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
    close(zero);
    printf("%d %d %d\n", *shared, *other, *private);
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        if (fork() == 0) {
            printf("child: %d %d %d\n", ++*shared, *other, ++*private);
            fflush(stdout);
            _exit(0);
        }
        wait(NULL);
    }
    printf("parent: %d %d %d\n", *shared, *other, *private);
    return 0;
}
