// The result of a shmat that failed is used.
// expect: mmap-failed-pointer
// expect-access: READ of size 1
// expect-place: MAP_FAILED, or near it: *
// expect-note: shmat failed with EINVAL: shmat(-1, NULL, *)
#include <sys/shm.h>

int main(void)
{
    volatile char *bytes = shmat(-1, 0, 0); // <- failed in main
    return bytes[0]; // <- access in main
}
