// A program may define operator new itself; ours must stay out of its way.
// expect: clean
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>

static int made, dropped;

void *operator new(std::size_t size) { made++; return std::malloc(size); }
void operator delete(void *p) noexcept { dropped++; std::free(p); }
void operator delete(void *p, std::size_t) noexcept { dropped++; std::free(p); }

int main()
{
    made = dropped = 0;
    {
        std::string text(1000, 'a');
        int *number = new int(5);
        delete number;
        int *numbers = new int[10];
        delete[] numbers;
    }
    std::printf("%d made, %d dropped\n", made, dropped);
    return 0;
}
