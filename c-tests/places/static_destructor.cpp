// The destructor of a static object runs after main.
// expect: heap-use-after-free
// expect-access: WRITE of size 4
// expect-place: located 0 bytes inside of 4-byte region

static int *counter = new int(0); // <- allocated in __static_initialization_and_destruction_0(int, int) (any frame)

struct Guard {
    ~Guard() { *counter = 1; } // <- access in Guard::~Guard()
};

static Guard guard;

int main()
{
    delete counter; // <- freed in main
    return 0;
}
