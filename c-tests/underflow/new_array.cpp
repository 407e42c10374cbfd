// One element before an array of new[].
// options: --placement left
// expect: heap-buffer-underflow
// expect-access: WRITE of size 8
// expect-place: located 8 bytes before 80-byte region

int main()
{
    long *cells = new long[10]; // <- allocated in main
    cells[-1] = 1; // <- access in main
    return 0;
}
