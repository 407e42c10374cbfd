// A local object is deleted.
// expect: bad-free
// expect-call: operator delete
// expect-place: on the stack of thread T0

struct Point { long x, y; };

void drop(Point *point)
{
    delete point; // <- called in drop(Point*)
}

int main()
{
    Point point{1, 2};
    drop(&point); // <- called in main (frame 1)
    return 0;
}
