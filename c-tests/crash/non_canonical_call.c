// A function pointer has been overwritten with text.
// expect: SEGV
// expect-access: EXECUTE
// expect-place: no address that a program can have

int main(void)
{
    void (*volatile function)(void) = (void (*)(void))0x4141414141414141;
    function(); // <- access in main (any frame)
    return 0;
}
