// Odd operands that ISO C and POSIX allow: nothing may be said of them.
// expect: clean
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    char *four = memcpy(malloc(4), "four", 4), *freed = malloc(8), *ten = calloc(10, 1);
    char *line = malloc(6), out[64];
    free(freed);
    // No bytes: any pointer will do.
    memcpy(out, freed, 0);
    memmove(freed, out, 0);
    memset(four + 4, 0, 0);
    printf("%d %d\n", memcmp(four + 4, freed, 0), strncmp(freed, four, 0));
    write(1, freed, 0);
    // Not terminated, but nothing behind the end is asked for.
    printf("%zu %d %d\n", strnlen(four, 4), strncmp(four, "four", 4), strcmp(four, "fold"));
    printf("%.4s %d\n", four, (char *)memchr(four, 'u', (size_t)-1) - four);
    printf("%d %s\n", (int)(strchr(four, 'o') - four), strncpy(ten, four, 4));
    printf("%s\n", strncat(ten, four, 4));
    free(strndup(four, 4));
    // A structure assigned to itself.
    memcpy(ten, ten, 10);
    // More room is said to be there than there is, but less is needed.
    printf("%d %s\n", snprintf(ten, 1000, "%s", "nine char"), ten);
    printf("%d %s\n", sprintf(ten, "%.*s%n", 4, four, (int *)out), ten);
    pipe(ends);
    write(ends[1], "abcd", 4);
    printf("%zd %.4s\n", read(ends[0], four, 4096), four);
    FILE *file = fdopen(ends[0], "r");
    write(ends[1], "12345\nabc\nlast", 14);
    close(ends[1]);
    printf("%zu %.4s\n", fread(four, 1, 4, file), four);
    printf("%s", fgets(line, 100, file));
    printf("%s", fgets(line, 100, file));
    printf("%zu %.4s\n", fread(four, 1, 400, file), four);
    printf("%p %d\n", (void *)fgets(line, 100, file), feof(file));
    printf("%ld %d\n", strtol("12", NULL, 10), atoi(strcpy(line, "12345")));
    // An error is an error, and its number stays.
    errno = 0;
    printf("%zd %d\n", read(-1, four, 4), errno == EBADF);
    printf("%d %s\n", getcwd(line, 2) == NULL && errno == ERANGE, getcwd(malloc(4096), 4096) ? "dir" : "");
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    send(ends[1], "ten bytes!", 10, 0);
    printf("%zd %.10s\n", recv(ends[0], ten, 1000, 0), ten);
    return 0;
}
