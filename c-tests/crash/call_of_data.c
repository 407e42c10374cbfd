// Data is called as if it were a function.
// expect: SEGV
// expect-access: EXECUTE
// expect-place: in memory that is not executable (*)

static char data[16];

int main(void)
{
    void (*volatile function)(void) = (void (*)(void))data;
    function(); // <- access in main (frame 1)
    return 0;
}
