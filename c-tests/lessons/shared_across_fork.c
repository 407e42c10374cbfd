// What is written to a shared mapping is seen by the parent, its children and theirs; what is written to a private one, by the
// writer alone.
// expect: clean
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char *shared, *private;

static void add(const char *name)
{
    char *object = malloc(strlen(name) + 1);
    strcat(shared, strcpy(object, name));
    strcat(private, object);
    printf("%s: '%s' '%s'\n", name, shared, private);
    fflush(stdout);
    free(object);
}

static void child(const char *name, const char *its_child)
{
    if (fork() == 0) {
        add(name);
        if (its_child)
            child(its_child, NULL);
        add("again ");
        _exit(0);
    }
    wait(NULL);
}

int main(void)
{
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    add("parent ");
    child("first ", "grandchild ");
    child("second ", NULL);
    add("end");
    return 0;
}
