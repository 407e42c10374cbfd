// An array from new[] is released by plain delete.
// expect: alloc-dealloc-mismatch
// expect-call: operator delete
// expect-place: located 0 bytes inside of 400-byte region
// expect-note: operator new[] vs operator delete: what operator new[] made must be released by operator delete[]

int main()
{
    int *p = new int[100]; // <- allocated in main
    delete p; // <- called in main
    return 0;
}
