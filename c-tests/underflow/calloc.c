// A calloc'ed array walked one step too far down.
// options: --placement left
// expect: heap-buffer-underflow
// expect-access: READ of size 4
// expect-place: located 4 bytes before 40-byte region
#include <stdlib.h>

static int sum_down(int *numbers, int last)
{
    int sum = 0;
    for (int i = last; i >= -1; i--)
        sum += numbers[i]; // <- access in sum_down
    return sum;
}

int main(void)
{
    int *numbers = calloc(10, sizeof(int)); // <- allocated in main
    return sum_down(numbers, 9); // <- access in main (frame 1)
}
