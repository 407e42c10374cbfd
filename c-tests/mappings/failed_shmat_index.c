// An element of an array, by index and optimised, at the result of a shmat that failed.
// expect: mmap-failed-pointer
// expect-access: READ of size 1
// expect-place: MAP_FAILED, or near it: *
// expect-note: shmat failed with EINVAL: shmat(-1, NULL, *)
// cflags: -O2
#include <sys/shm.h>

__attribute__((noinline)) static int byte_of(const volatile char *bytes, long index)
{
    return bytes[index + 16]; // <- access in byte_of
}

int main(int argc, char **argv)
{
    (void)argv;
    return byte_of(shmat(-1, 0, 0), argc); // <- failed in main
}
