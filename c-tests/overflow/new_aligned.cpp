// An object of the aligned operator new.
// cflags: -std=c++17
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 128-byte region

struct alignas(128) Line { char bytes[128]; };

int main()
{
    Line *line = new Line; // <- allocated in main
    line->bytes[128] = 1; // <- access in main
    return 0;
}
