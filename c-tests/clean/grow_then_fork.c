// A child of fork grows what its parent has grown; each keeps its own contents.
// expect: clean

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char *grow(char *p, size_t from, size_t to, char byte)
{
    for (size_t n = from + 1; n <= to; n++) {
        p = realloc(p, n);
        p[n - 1] = byte;
    }
    return p;
}

static int count(const char *p, size_t size, char byte)
{
    int found = 0;
    for (size_t i = 0; i < size; i++)
        found += p[i] == byte;
    return found;
}

int main(void)
{
    char *p = grow(NULL, 0, 100000, 'p');
    pid_t child = fork();
    if (child == 0) {
        p = grow(p, 100000, 200000, 'c');
        _exit(count(p, 200000, 'c') != 100000 || count(p, 200000, 'p') != 100000);
    }
    p = grow(p, 100000, 150000, 'q');
    int status;
    waitpid(child, &status, 0);
    printf("%d %d %d\n", status, count(p, 150000, 'p'), count(p, 150000, 'q'));
    free(p);
    return 0;
}
