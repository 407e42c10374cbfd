// `<=` where `<` was meant.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 4
// expect-place: located 0 bytes after 400-byte region
#include <stdlib.h>

static int *make(int count)
{
    return malloc(count * sizeof(int)); // <- allocated in make
}

static void fill(int *numbers, int count)
{
    for (int i = 0; i <= count; i++)
        numbers[i] = i; // <- access in fill
}

int main(void)
{
    int *numbers = make(100); // <- allocated in main (frame 1)
    fill(numbers, 100); // <- access in main (frame 1)
    return 0;
}
