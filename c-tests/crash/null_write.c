// A null pointer is written through.
// expect: SEGV
// expect-access: WRITE of size 4
// expect-place: null, or an offset from it

static void store(int *p)
{
    *p = 1; // <- access in store
}

int main(void)
{
    store(0);
    return 0;
}
