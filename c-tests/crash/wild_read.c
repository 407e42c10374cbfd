// A number is used as a pointer.
// expect: SEGV
// expect-access: READ of size 4
// expect-place: where nothing is mapped

int main(void)
{
    volatile int *p = (int *)0x123456789000;
    return *p; // <- access in main
}
