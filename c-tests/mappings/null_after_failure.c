// A null pointer, in a program where a call of mmap has failed: the address could be one near MAP_FAILED, but is not.
// expect: SEGV
// expect-access: READ of size 8
// expect-place: null, or an offset from it*
#include <stdint.h>
#include <sys/mman.h>

struct __attribute__((packed)) record {
    char tag[7];
    uint64_t value;
};

int main(void)
{
    volatile struct record *record = mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (record == MAP_FAILED)
        record = 0;
    return record->value != 0; // <- access in main
}
