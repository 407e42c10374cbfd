// A mapping that is lost before a fork is told by the parent alone; one that the child makes and loses, by the child.
// options: --leaks=full --leak-kinds=all --leak-mappings
// expect: leaks
#include "clobber.h"
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static NOINLINE void lose_in_parent(void)
{
    mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); // <- leak: mapping 67108864 bytes in 1
}

static NOINLINE void lose_in_child(void)
{
    mmap(NULL, 80 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); // <- leak: mapping 83886080 bytes in 1
}

int main(void)
{
    lose_in_parent();
    clobber();
    if (fork() == 0)
        lose_in_child();
    else
        wait(NULL);
    clobber();
}
