// memory live COUNT: what COUNT live objects of 40 bytes take.
// memory churn PAIRS: what PAIRS pairs with 100 live objects leave behind; then reads the first
// object that was freed, which a complete guard still reports.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char text[1 << 16];

// Reads a file in pieces without malloc; counts lines, and keeps the first piece in `text`.
static long count_lines(const char *path)
{
    static char piece[1 << 16];
    long lines = 0;
    int file = open(path, O_RDONLY);
    ssize_t bytes;
    text[0] = 0;
    while ((bytes = read(file, piece, sizeof piece - 1)) > 0) {
        piece[bytes] = 0;
        if (!text[0])
            memcpy(text, piece, bytes + 1);
        for (ssize_t i = 0; i < bytes; i++)
            lines += piece[i] == '\n';
    }
    close(file);
    return lines;
}

static double status_bytes(const char *key)
{
    char *line = strstr(text, key);
    return line ? atof(line + strlen(key)) * 1024 : 0;
}

static void print(const char *prefix)
{
    count_lines("/proc/self/status");
    printf("%srss=%.0f ", prefix, status_bytes("VmRSS:"));
    printf("%spage_tables=%.0f ", prefix, status_bytes("VmPTE:"));
    printf("%smappings=%ld\n", prefix, count_lines("/proc/self/maps"));
    fflush(stdout);
}

static volatile char *object(void)
{
    volatile char *new = malloc(40);
    if (!new)
        abort();
    *new = 1;
    return new;
}

static int live(long count)
{
    print("before_");
    volatile char **all = malloc(count * sizeof *all);
    for (long i = 0; i < count; i++)
        all[i] = object();
    print("after_");
    _exit(0);
}

static int churn(long pairs)
{
    enum { LIVE = 100 };
    static volatile char *objects[LIVE];
    for (long i = 0; i < LIVE; i++)
        objects[i] = object();
    volatile char *first = objects[0];
    for (long i = 0; i < pairs; i++) {
        // After the first thousandth everything that is set up once has been.
        if (i == pairs / 1000)
            print("before_");
        free((void *)objects[i % LIVE]);
        objects[i % LIVE] = object();
    }
    print("after_");
    return *first == 'x';
}

int main(int count, char **words)
{
    if (count == 3 && !strcmp(words[1], "live"))
        return live(atol(words[2]));
    if (count == 3 && !strcmp(words[1], "churn"))
        return churn(atol(words[2]));
    return 2;
}
