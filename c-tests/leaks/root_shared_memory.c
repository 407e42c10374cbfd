// The only pointer is in a segment of shared memory.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#include "clobber.h"
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

static NOINLINE void keep(void)
{
    int segment = shmget(IPC_PRIVATE, 8192, 0600);
    void **memory = shmat(segment, NULL, 0);
    shmctl(segment, IPC_RMID, NULL);
    memory[700] = malloc(40); // <- leak: reachable 40 bytes in 1
}

int main(void)
{
    keep();
    clobber();
}
