// An exception unwinds the frames; the handler uses what they freed.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located 0 bytes inside of 48-byte region
#include <stdexcept>

static int *shared;

struct Holder {
    int *cells;
    Holder() { cells = new int[12]; } // <- allocated in Holder::Holder()
    ~Holder() { delete[] cells; } // <- freed in Holder::~Holder()
};

static void fail()
{
    Holder holder;
    shared = holder.cells;
    throw std::runtime_error("unwinds");
}

int main()
{
    try {
        fail(); // <- allocated, freed in main (any frame)
    } catch (const std::exception &) {
        return *shared; // <- access in main
    }
    return 0;
}
