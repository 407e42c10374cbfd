// A string literal is written to.
// expect: SEGV
// expect-access: WRITE of size 1
// expect-place: in read-only memory (*/read_only_write)

int main(void)
{
    char *text = "literal";
    text[0] = 'L'; // <- access in main
    return 0;
}
