// A pointer to an exception object outlives the handler. libstdc++ allocates these by malloc.
// expect: heap-use-after-free
// expect-access: READ of size 4
// expect-place: located * inside of *-byte region

struct Failure { int code = 4; };

int main()
{
    const Failure *kept = nullptr;
    try {
        throw Failure(); // <- allocated in main (any frame)
    } catch (const Failure &failure) {
        kept = &failure;
    } // <- freed in main (any frame)
    return kept->code; // <- access in main
}
