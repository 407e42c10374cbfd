// An element of an array is deleted.
// expect: bad-free
// expect-call: operator delete
// expect-place: located 8 bytes inside of 40-byte region

int main()
{
    long *numbers = new long[5]; // <- allocated in main
    delete &numbers[1]; // <- called in main
    return 0;
}
