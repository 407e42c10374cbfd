// An element read after delete[].
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 4 bytes inside of 48-byte region

int main()
{
    int *cells = new int[12]; // <- allocated in main
    delete[] cells; // <- freed in main
    return cells[1]; // <- access in main
}
