// Found by operator delete.
// expect: overwritten-slack
// expect-found: by operator delete here
// expect-place: located 0 bytes after 20-byte region

struct Name { char letters[20]; };

void destroy(Name *name)
{
    delete name; // <- called in destroy(Name*)
}

int main()
{
    Name *name = new Name; // <- allocated in main
    for (int i = 0; i <= 20; i++)
        name->letters[i] = 0;
    destroy(name); // <- called in main (frame 1)
    return 0;
}
