// An overwritten pointer is no address at all.
// expect: SEGV
// expect-access: WRITE of size 1
// expect-place: no address that a program can have

int main(void)
{
    volatile char *p = (char *)0x4141414141414141;
    *p = 1; // <- access in main
    return 0;
}
