// No frame pointers: the stacks come from the unwind tables.
// cflags: -O2 -fomit-frame-pointer
// expect: heap-buffer-overflow
// expect-access: WRITE of size 4
// expect-place: located 0 bytes after 80-byte region
#include <stdlib.h>

__attribute__((noipa)) static int *make(int count)
{
    int *made = malloc(count * sizeof(int)); // <- allocated in make
    made[0] = count;
    return made;
}

__attribute__((noipa)) static void poke(int *numbers, int index)
{
    numbers[index] = 1; // <- access in poke
}

int main(void)
{
    int *numbers = make(20); // <- allocated in main (frame 1)
    poke(numbers, 20); // <- access in main (frame 1)
    return numbers[3];
}
