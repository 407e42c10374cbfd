// One good and one bad call of each checked function.
//
// `checked_calls --list` names the cases with the access of their bad call, `checked_calls` makes all
// good calls and prints "intact", `checked_calls CASE` makes the bad call of one case. A case is a
// function of `extra`: 0, or the 1 that is too much.
#define _GNU_SOURCE
// Compilers leave out pure functions whose result nobody uses.
#define __pure__ __noinline__
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

static char far[256];
static wchar_t wfar[64];
static char set[] = "a";
static wchar_t wset[] = L"a";

// An object of n bytes.
static char *object(size_t n, char fill)
{
    char *p = malloc(n);
    for (size_t i = 0; i < n; i++)
        p[i] = fill;
    return p;
}

// A string of n - 1 letters in an object that is `extra` bytes too short for the terminator.
static char *text(size_t n, int extra)
{
    char *p = object(n - extra, 'a');
    if (!extra)
        p[n - 1] = 0;
    return p;
}

static wchar_t *wide(size_t n, int extra)
{
    wchar_t *p = malloc((n - extra) * sizeof *p);
    for (size_t i = 0; i < n - extra; i++)
        p[i] = L'a';
    if (!extra)
        p[n - 1] = 0;
    return p;
}

// A path of 19 letters in a folder that does not exist.
static char *missing(int extra)
{
    char *p = text(20, extra);
    p[0] = p[2] = '/';
    return p;
}

static int filled(const char *content, size_t n)
{
    int ends[2];
    pipe(ends);
    write(ends[1], content, n);
    close(ends[1]);
    return ends[0];
}

static FILE *stream(const char *content)
{
    return fdopen(filled(content, strlen(content)), "r");
}

static FILE *nowhere(void)
{
    return fopen("/dev/null", "w");
}

static int null(void)
{
    return open("/dev/null", O_WRONLY);
}

// A function of libc that the headers do not declare, by its type.
#define F(type, name) ((type)dlsym(RTLD_DEFAULT, name))

typedef void *copy_chk(void *, const void *, size_t, size_t);
typedef void *(*copy_fn)(void *, const void *, size_t);
typedef char *(*str2)(char *, const char *);
typedef char *(*str3)(char *, const char *, size_t);
typedef char *(*str3c)(char *, const char *, size_t, size_t);
typedef long (*num)(const char *, char **, int);
typedef long (*wnum)(const wchar_t *, wchar_t **, int);

static int call_v(int (*function)(), void *first, ...)
{
    va_list list;
    va_start(list, first);
    int result = function(first, list);
    va_end(list);
    return result;
}

static int call_v2(int (*function)(), void *first, void *second, ...)
{
    va_list list;
    va_start(list, second);
    int result = function(first, second, list);
    va_end(list);
    return result;
}

static int call_v3(int (*function)(), void *first, void *second, void *third, ...)
{
    va_list list;
    va_start(list, third);
    int result = function(first, second, third, list);
    va_end(list);
    return result;
}

static int call_v5(int (*function)(), void *a, size_t b, long c, size_t d, void *e, ...)
{
    va_list list;
    va_start(list, e);
    int result = function(a, b, c, d, e, list);
    va_end(list);
    return result;
}

static int call_v4(int (*function)(), void *a, long b, size_t c, void *d, ...)
{
    va_list list;
    va_start(list, d);
    int result = function(a, b, c, d, list);
    va_end(list);
    return result;
}

static int order(const void *a, const void *b)
{
    return 0;
}

static int order_r(const void *a, const void *b, void *c)
{
    return 0;
}

static struct iovec *vector(void *base, size_t n)
{
    static struct iovec one;
    one = (struct iovec){base, n};
    return &one;
}

static struct msghdr *message(void *base, size_t n)
{
    static struct msghdr one;
    one = (struct msghdr){.msg_iov = vector(base, n), .msg_iovlen = 1};
    return &one;
}

static int datagram(size_t n)
{
    int ends[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    send(ends[1], far, n, 0);
    return ends[0];
}

static int peer(void)
{
    int ends[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    return ends[0];
}

// A socket that is listened at and has a caller without a name.
static int caller(void)
{
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {AF_UNIX};
    bind(listener, (struct sockaddr *)&address, sizeof address.sun_family);
    listen(listener, 1);
    socklen_t n = sizeof address;
    getsockname(listener, (struct sockaddr *)&address, &n);
    connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, n);
    return listener;
}

static int events(void)
{
    int set = epoll_create1(0), ends[2];
    pipe(ends);
    write(ends[1], "x", 1);
    struct epoll_event event = {EPOLLIN};
    epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event);
    return set;
}

static char *at_file(int extra)
{
    int fd = memfd_create("bytes", 0);
    write(fd, far, 64);
    static char path[32];
    sprintf(path, "%d", fd);
    return path;
}

static const char *directory(void)
{
    static char path[4096];
    return getcwd(path, sizeof path);
}

static const char *link_target(void)
{
    static char path[4096];
    path[readlink("/proc/self/exe", path, sizeof path - 1)] = 0;
    return path;
}

static struct timespec soon = {0, 1};
static FILE *out, *err;
static time_t now;
static struct tm day = {.tm_mday = 1, .tm_year = 100};

#include "checked_calls.h"

struct test {
    const char *name;
    const char *access;
    size_t size;
    void (*run)(int extra);
};

#define CASE(name, access, size, ...) static void test_##name(int extra) { __VA_ARGS__; }
CASES
#undef CASE
#define CASE(name, access, size, ...) {#name, #access, size, test_##name},
static struct test tests[] = {CASES};

int main(int count, char **arguments)
{
    out = stdout;
    err = stderr;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        struct test *test = &tests[i];
        if (count > 1 && strcmp(arguments[1], "--list") == 0)
            printf("%s %s %zu\n", test->name, test->access, test->size);
        else if (count > 1 && strcmp(arguments[1], test->name) == 0)
            test->run(1);
        else if (count == 1)
            test->run(0);
    }
    if (count == 1)
        puts("intact");
    return 0;
}
