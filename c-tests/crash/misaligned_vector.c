// An instruction that demands alignment gets none.
// expect: SEGV
// expect-access: READ of size 16
// expect-place: not aligned to 16 bytes, as the instruction demands

#include <xmmintrin.h>

static float numbers[9] __attribute__((aligned(16)));

int main(void)
{
    __m128 four;
    __asm__ volatile("movaps %1, %0" : "=x"(four) : "m"(numbers[1])); // <- access in main
    return (int)_mm_cvtss_f32(four);
}
