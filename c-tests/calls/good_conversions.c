// Buffers that just suffice, sizes that are too large for them, and null where the manuals allow it:
// the calls return what they return without the checks, errno included.
// expect: clean
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

static void *copy(const void *from, size_t n)
{
    return memcpy(malloc(n), from, n);
}

static void convert_to_wide(void)
{
    // Five bytes, three characters.
    char *text = copy("\u00e9\u00e9x", 6), *cut = copy("\u00e9\u00e9", 4), *invalid = copy("ab\xff" "c", 5);
    wchar_t *wide = malloc(4 * sizeof *wide);
    assert(mbstowcs(wide, text, 99) == 3 && wide[2] == L'x' && wide[3] == 0);
    assert(mbstowcs(wide, text, 3) == 3 && mbstowcs(NULL, text, 0) == 3);
    assert(mbstowcs(wide, cut, 2) == 2);
    errno = 0;
    assert(mbstowcs(wide, invalid, 99) == (size_t)-1 && errno == EILSEQ);
    const char *from = text;
    mbstate_t *state = calloc(1, sizeof *state);
    assert(mbsrtowcs(wide, &from, 99, state) == 3 && from == NULL);
    from = text;
    assert(mbsrtowcs(NULL, &from, 0, NULL) == 3 && from == text);
    // A character in two parts.
    from = cut;
    assert(mbsnrtowcs(wide, &from, 3, 99, state) == 1 && from == cut + 3);
    assert(mbsnrtowcs(wide + 1, &from, 1, 3, state) == 1 && from == cut + 4);
    free(text), free(cut), free(invalid), free(wide), free(state);
}

static void convert_to_bytes(void)
{
    wchar_t *wide = copy(L"\u00e9\u00e9x", 16), *cut = copy(L"\u00e9\u00e9", 8);
    wchar_t *invalid = copy(&(wchar_t[]){'a', 0xd800, 0}, 12);
    char *text = malloc(6);
    assert(wcstombs(text, wide, 99) == 5 && strcmp(text, "\u00e9\u00e9x") == 0);
    assert(wcstombs(NULL, wide, 0) == 5);
    // One that does not fit is not begun.
    assert(wcstombs(text, wide, 3) == 2);
    char *three = malloc(3);
    assert(wcstombs(three, wide, 3) == 2);
    errno = 0;
    assert(wcstombs(text, invalid, 99) == (size_t)-1 && errno == EILSEQ);
    const wchar_t *from = cut;
    assert(wcsnrtombs(text, &from, 2, 99, NULL) == 4 && from == cut + 2);
    free(wide), free(cut), free(invalid), free(text), free(three);
}

// A conversion that ends before its source does may not be read ahead of, though glibc would.
static void end_early(void)
{
    char *bytes = memset(malloc(16), 'a', 16), text[99];
    bytes[3] = '\xff';
    wchar_t *wide = wmemset(malloc(16 * sizeof *wide), L'a', 16), characters[99];
    wide[3] = 0xd800;
    const size_t none = -1;
    assert(mbstowcs(characters, bytes, 99) == none && mbstowcs(NULL, bytes, 0) == none);
    assert(wcstombs(text, wide, 99) == none && wcstombs(NULL, wide, 0) == none);
    const char *from = bytes;
    assert(mbsrtowcs(characters, &from, 99, NULL) == none && from == bytes + 3);
    from = bytes;
    assert(mbsnrtowcs(characters, &from, 99, 99, NULL) == none && from == bytes + 3);
    const wchar_t *start = wide;
    assert(wcsrtombs(text, &start, 99, NULL) == none && start == wide + 3);
    start = wide;
    assert(wcsnrtombs(text, &start, 99, 99, NULL) == none && start == wide + 3);
    // Eight bytes of four characters are all that was asked for.
    wchar_t *four = copy(L"\u00e9\u00e9\u00e9\u00e9", 16);
    assert(wcstombs(text, four, 8) == 8 && strncmp(text, "\u00e9\u00e9\u00e9\u00e9", 8) == 0);
    free(bytes), free(wide), free(four);
}

static void read_numbers(void)
{
    wchar_t *number = copy(L" 12x", 16), *end;
    assert(wcstol(number, &end, 10) == 12 && end == number + 3);
    assert(wcstod(number, NULL) == 12);
    free(number);
}

static void lines(void)
{
    FILE *file = tmpfile();
    wchar_t *text = copy(L"\u00e9bc\nef", 28), *line = malloc(5 * sizeof *line);
    assert(fputws(text, file) >= 0);
    rewind(file);
    assert(fgetws(line, 99, file) == line && wcscmp(line, L"\u00e9bc\n") == 0);
    assert(fgetws(line, 99, file) == line && wcscmp(line, L"ef") == 0);
    assert(fgetws(line, 99, file) == NULL);
    fclose(file);
    free(text), free(line);
}

static void note(int signal)
{
}

static void tell_times(void)
{
    struct timespec *second = calloc(1, sizeof *second), *rest = calloc(1, sizeof *rest);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = note}, NULL);
    // Again and again, as the first signal may come before the sleep.
    struct itimerval often = {{0, 20000}, {0, 20000}};
    setitimer(ITIMER_REAL, &often, NULL);
    second->tv_sec = 5000;
    assert(nanosleep(second, rest) == -1 && errno == EINTR);
    assert(rest->tv_sec > 0 && rest->tv_sec < 5000);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    assert(clock_getres(CLOCK_MONOTONIC, NULL) == 0 && time(NULL) > 0);
    struct timeval *now = malloc(sizeof *now);
    assert(gettimeofday(now, NULL) == 0);
    // Not interrupted: the rest is not written.
    second->tv_sec = 0;
    free(rest);
    assert(nanosleep(second, rest) == 0);
    free(second), free(now);
}

static void talk(void)
{
    int ends[2], *type = malloc(sizeof *type);
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    socklen_t *n = malloc(sizeof *n);
    *n = 64;
    assert(getsockopt(ends[0], SOL_SOCKET, SO_TYPE, type, n) == 0 && *n == 4 && *type == SOCK_STREAM);
    struct sockaddr *name = malloc(2);
    *n = sizeof(struct sockaddr_un);
    assert(getsockname(ends[0], name, n) == 0 && *n == 2 && name->sa_family == AF_UNIX);
    *n = 1;
    assert(getpeername(ends[0], name, n) == 0 && *n == 2);
    *n = 99;
    errno = 0;
    assert(accept(ends[0], name, n) == -1 && errno == EINVAL && *n == 99);
    assert(accept4(-1, NULL, NULL, 0) == -1 && errno == EBADF);
    char *text = copy("1.2.3.4", 8), *address = malloc(4);
    assert(inet_pton(AF_INET, text, address) == 1 && inet_pton(AF_INET, "1.2", address) == 0);
    errno = 0;
    assert(inet_ntop(AF_INET, address, text, 7) == NULL && errno == ENOSPC);
    assert(inet_ntop(AF_INET, address, text, 99) == text && strcmp(text, "1.2.3.4") == 0);
    assert(strcmp(strerror_r(ENOENT, text, 99), "No such file or directory") == 0);
    free(type), free(n), free(name), free(text), free(address);
}

int main(void)
{
    if (!setlocale(LC_ALL, "C.UTF-8"))
        return 0;
    convert_to_wide();
    convert_to_bytes();
    end_early();
    read_numbers();
    lines();
    tell_times();
    talk();
    pid_t child = fork();
    if (child == 0)
        _exit(3);
    int *status = malloc(sizeof *status);
    assert(waitpid(child, status, 0) == child && WEXITSTATUS(*status) == 3);
    assert(wait(NULL) == -1 && errno == ECHILD);
    free(status);
    return 0;
}
