// A cast to a larger class, and a member that is not there.
// expect: heap-buffer-overflow
// expect-access: READ of size 8
// expect-place: located 0 bytes after 16-byte region

namespace shapes {
struct Point { long x, y; };
struct Cube : Point { long z; };
long depth(const Point *point) { return static_cast<const Cube *>(point)->z; } // <- access in shapes::depth(shapes::Point const*)
}

int main()
{
    auto *point = new shapes::Point{1, 2}; // <- allocated in main
    return static_cast<int>(shapes::depth(point)); // <- access in main (frame 1)
}
