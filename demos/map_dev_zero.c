#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void fencepost_demo_map_dev_zero(void) {
    int zero = open("/dev/zero", O_RDWR);
    /* The old way to anonymous memory. Shared, it is the children's too; no two mappings have anything in common. */
    int *counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);
    int *other = mmap(NULL, 4096, PROT_READ, MAP_SHARED, zero, 0);
    close(zero);
    if (fork() == 0) {
        ++*counter;
        _exit(0);
    }
    wait(NULL);
    printf("the child counted to %d, the other mapping holds %d\n", *counter, *other);
    fflush(stdout);
    ++*other; /* BUG: this one was mapped to be read */
}
