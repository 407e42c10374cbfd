// delete[] twice.
// expect: double-free
// expect-call: operator delete[]
// expect-place: located 0 bytes inside of 40-byte region

int main()
{
    char *p = new char[40]; // <- allocated in main
    delete[] p; // <- freed in main
    delete[] p; // <- called in main
    return 0;
}
