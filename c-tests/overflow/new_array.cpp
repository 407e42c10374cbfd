// One element after an array of new[].
// expect: heap-buffer-overflow
// expect-access: WRITE of size 4
// expect-place: located 0 bytes after 48-byte region

struct Table {
    int *cells;
    explicit Table(int count) : cells(new int[count]) {} // <- allocated in Table::Table(int)
    void set(int index, int value) { cells[index] = value; } // <- access in Table::set(int, int)
};

int main()
{
    Table table(12); // <- allocated in main (frame 1)
    table.set(12, 1); // <- access in main (frame 1)
    return 0;
}
