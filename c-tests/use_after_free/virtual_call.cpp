// A virtual call on a deleted object reads its table pointer.
// expect: heap-use-after-free
// expect-access: READ of size 8
// expect-place: located 0 bytes inside of 16-byte region

struct Animal {
    virtual ~Animal() = default;
    virtual int legs() const = 0;
};
struct Dog : Animal {
    int count = 4;
    int legs() const override { return count; }
};

int count_legs(const Animal *animal)
{
    return animal->legs(); // <- access in count_legs(Animal const*)
}

int main()
{
    Animal *animal = new Dog; // <- allocated in main
    delete animal; // <- freed in main (any frame)
    return count_legs(animal); // <- access in main (frame 1)
}
