// Operands at all sorts of places in objects of all sorts of sizes.
//
// `operands` makes good calls and prints "intact". `operands CASE SIZE` touches one byte too many of an
// object of SIZE bytes, or one byte of it after its free, or one before it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 300000 };
static char far[MOST + 1], near[MOST + 1];

static void expect(size_t got, size_t wanted, const char *what)
{
    if (got != wanted) {
        printf("%s: %zu, not %zu\n", what, got, wanted);
        exit(1);
    }
}

// The lengths to try in `room` bytes.
static int lengths(size_t room, size_t *length)
{
    size_t tried[] = {0, 1, 7, 8, 15, 16, 17, 32, 33, room - 1, room};
    int n = 0;
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++)
        if (tried[i] <= room)
            length[n++] = tried[i];
    return n;
}

static void blocks(char *p, char *q, size_t room)
{
    size_t length[16];
    for (int i = lengths(room, length); i-- > 0;) {
        size_t n = length[i];
        memset(p, 'b', n);
        memcpy(q, p, n);
        memcpy(near, q, n);
        memcpy(q, near, n);
        memmove(p, q, n);
        expect(memcmp(p, q, n), 0, "memcmp");
        expect(memcmp(near, q, n), 0, "memcmp of one outside");
        expect(memchr(p, 'b', n) == (n ? p : NULL), 1, "memchr");
    }
}

static void strings(char *p, char *q, size_t room)
{
    size_t length[16];
    for (int i = lengths(room - 1, length); i-- > 0;) {
        size_t n = length[i];
        memset(p, 'a', room);
        memset(q, 'a', room);
        // Whether the object ends in a NUL or not.
        p[room - 1] = q[room - 1] = n & 1 ? 0 : 'a';
        p[n] = q[n] = 0;
        far[n] = 0;
        expect(strlen(p), n, "strlen");
        expect(strchr(p, 'z') == NULL, 1, "strchr");
        expect(strcmp(p, q), 0, "strcmp");
        expect(strcmp(p, far), 0, "strcmp of one outside");
        expect(strcmp(far, q), 0, "strcmp of another outside");
        far[n] = 'a';
        // One ends where the other has no end.
        memset(q, 'a', room);
        expect(strcmp(p, q) < 0, 1, "strcmp of an unterminated one");
        expect(strcmp(far, p) > 0, 1, "strcmp");
        // A difference where neither has an end.
        q[n] = 'c';
        p[n] = 'b';
        expect(strcmp(p, q) < 0, 1, "strcmp of two unterminated ones");
        expect(strchr(p, 'b') == p + n, 1, "strchr of an unterminated one");
        expect(strpbrk(p, "bc") == p + n, 1, "strpbrk of an unterminated one");
        expect(strspn(p, "ac"), n, "strspn of an unterminated one");
        expect(strcspn(p, "bc"), n, "strcspn of an unterminated one");
    }
}

static void good(void)
{
    size_t sizes[] = {1,    2,    7,    15,   16,   17,    31,    100,   4080,  4095,  4096,
                      4097, 8191, 8192, 8193, 16384, 16385, 30000, 40000, 65536, 65537, 200000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i], other = sizes[(i * 7 + 3) % (sizeof sizes / sizeof *sizes)];
        char *p = malloc(size), *q = malloc(other);
        size_t from[] = {0, 1, 5, size / 2, size - 33, size - 17, size - 16, size - 15, size - 2, size - 1};
        for (size_t j = 0; j < sizeof from / sizeof *from; j++) {
            size_t at = from[j];
            if (at >= size)
                continue;
            size_t room = size - at < other ? size - at : other;
            blocks(p + at, q + other - room, room);
            strings(p + at, q + other - room, room);
            strings(p + at, q, room);
        }
        free(q);
        free(p);
    }
    puts("intact");
}

int main(int argc, char **argv)
{
    memset(far, 'a', MOST);
    if (argc < 3) {
        good();
        return 0;
    }
    size_t size = strtoul(argv[2], NULL, 10);
    char *p = malloc(size), *other = malloc(size + 1);
    memset(p, 'a', size);
    memset(other, 'a', size);
    other[size] = 'b';
    #define CASE(name, call) if (strcmp(argv[1], #name) == 0) { call; return 0; }
    CASE(memcpy_to, memcpy(p, far, size + 1))
    CASE(memcpy_from, memcpy(near, p, size + 1))
    CASE(memcpy_last, memcpy(p + size - 1, other, 2))
    CASE(memcpy_before, memcpy(near, p - 1, 1))
    CASE(memcpy_freed, free(p); memcpy(near, p + size / 2, 1))
    CASE(memmove, memmove(p, far, size + 1))
    CASE(memset, memset(p, 0, size + 1))
    CASE(memset_freed, free(p); memset(p, 0, size))
    CASE(memcmp, return memcmp(p, far, size + 1) > 1)
    CASE(memcmp_second, return memcmp(other, p, size + 1) > 1)
    CASE(strlen, return strlen(p) > 1)
    CASE(strlen_last, return strlen(p + size - 1) > 1)
    CASE(strlen_freed, free(p); return strlen(p) > 1)
    CASE(strchr, return strchr(p, 'b') != NULL)
    CASE(strstr, return strstr(p, "b") != NULL)
    CASE(strpbrk, return strpbrk(p, "bc") != NULL)
    CASE(strspn, return strspn(p, "ac") > size)
    CASE(strcspn, return strcspn(p, "bc") > size)
    CASE(strcmp, return strcmp(p, far) > 1)
    CASE(strcmp_second, return strcmp(other, p) > 1)
    CASE(strcmp_last, return strcmp(p + size - 1, far) > 1)
    CASE(strcmp_freed, free(p); return strcmp(far, p) > 1)
    return 2;
}
