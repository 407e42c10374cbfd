// Shared memory is used after shmdt.
// expect: mapping-use-after-unmap
// expect-access: WRITE of size 1
// expect-place: located 8 bytes inside of 8192-byte mapping
// expect-note: it was shared memory, segment *
// expect-note: shmdt(0x*) has detached it
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int segment = shmget(IPC_PRIVATE, 5000, 0600);
    volatile char *bytes = shmat(segment, 0, 0); // <- mapped in main
    shmctl(segment, IPC_RMID, 0);
    bytes[0] = 1;
    shmdt((char *)bytes); // <- unmapped in main
    bytes[8] = 1; // <- access in main
}
