// The destructor of a thread_local object frees twice.
// expect: double-free
// expect-place: located 0 bytes inside of 48-byte region
// expect-thread: T1
// expect-freed-by: T1
// expect-allocated-by: T1
#include <cstdlib>
#include <thread>

struct Buffer {
    void *bytes;
    Buffer() { bytes = std::malloc(48); } // <- allocated in Buffer::Buffer()
    ~Buffer()
    {
        std::free(bytes); // <- freed in Buffer::~Buffer()
        std::free(bytes); // <- called in Buffer::~Buffer()
    }
};

thread_local Buffer buffer;

int main()
{
    std::thread([] { buffer.bytes; }).join();
    return 0;
}
