// A null function pointer is called.
// expect: SEGV
// expect-access: EXECUTE
// expect-place: null, or an offset from it

int main(void)
{
    void (*volatile function)(void) = 0;
    function(); // <- access in main (frame 1)
    return 0;
}
