// A single object is released by delete[].
// expect: alloc-dealloc-mismatch
// expect-call: operator delete[]
// expect-place: located 0 bytes inside of 8-byte region
// expect-note: operator new vs operator delete[]: what operator new made must be released by operator delete

int main()
{
    long *p = new long; // <- allocated in main
    delete[] p; // <- called in main
    return 0;
}
