// Two owners delete the same object.
// expect: double-free
// expect-call: operator delete
// expect-place: located 0 bytes inside of 16-byte region

struct Pair { long first, second; };

struct Owner {
    Pair *pair;
    ~Owner() { delete pair; } // <- freed, called in Owner::~Owner()
};

int main()
{
    Owner first{new Pair{1, 2}}; // <- allocated in main
    Owner second = first;
    return 0;
}
