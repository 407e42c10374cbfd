// One good and one bad call for each operand of the checked functions: what the calls in "checked_calls.h",
// which build.rs makes of src/checked/functions.list, are made with.
//
// `checked_calls --list` names the cases, with what the report on their bad call must say; `checked_calls` makes
// all good calls and prints "intact"; `checked_calls CASE` makes the bad call of one case. A case is a function of
// `extra`: 0, or the 1 by which the object of its operand is too short.
#define _GNU_SOURCE
// Compilers leave out pure functions whose result nobody uses.
#define __pure__ __noinline__
#include <aio.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <iconv.h>
#include <ifaddrs.h>
#include <locale.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <regex.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <syslog.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>
#include <wchar.h>
#include <wordexp.h>

// Operands outside the heap: to be written, to be read, and to be read as a string. The strings name a file in a
// folder that does not exist. All are put right before each call.
static _Alignas(16) char far[16384], zeros[16384];
static char name[] = "/a/aaaaaaaaaaaaaaaa";
static wchar_t wname[] = L"/a/aaaaaaaaaaaaaaaa";
static int other[64];
static _Alignas(16) char ones[256];
static char digits[] = "12 aaaaaaaaaaaaaaaaaaa";

// What is behind the last string that was too short, and that string with it; objects of 8 bytes have nothing
// between them and the guard.
static char behind[2], ahead[32];
static wchar_t wbehind[2];

// A copy of n bytes in an object that is as long, or `extra` bytes shorter.
static void *copy(const void *from, size_t n, int extra)
{
    char *p = malloc(n - extra);
    for (size_t i = 0; i < n - extra; i++)
        p[i] = ((const char *)from)[i];
    return p;
}

static void *string(const char *from, int extra)
{
    size_t n = strlen(from);
    char *p = copy(from, n + 1, extra);
    behind[0] = 'b';
    if (n % 8 && n < sizeof ahead - 1) {
        strcpy(ahead, from);
        if (extra)
            behind[0] = ahead[n] = p[n];
    }
    return p;
}

static void *wide(const wchar_t *from, int extra)
{
    size_t n = wcslen(from) + 1 - extra;
    wchar_t *p = malloc(n * sizeof *p);
    for (size_t i = 0; i < n; i++)
        p[i] = from[i];
    wbehind[0] = extra && n % 2 ? p[n] : L'b';
    return p;
}

// A place beyond an object, if `extra`.
static void *past(int extra)
{
    return (char *)copy(zeros, 20, 0) + 21 * extra;
}

// Places for a pointer, a size and a length; the first one also in the heap.
static void *pointer(void *to)
{
    static void *place;
    place = to;
    return &place;
}

static void *other_pointer(void *to)
{
    static void *place;
    place = to;
    return &place;
}

static void *held(void *to)
{
    return copy(&to, sizeof to, 0);
}

static void *count(size_t n)
{
    static size_t place;
    place = n;
    return &place;
}

static void *other_count(size_t n)
{
    static size_t place;
    place = n;
    return &place;
}

static void *length(socklen_t n)
{
    static socklen_t place;
    place = n;
    return &place;
}

static void *page(void)
{
    return (void *)((uintptr_t)far & -4096);
}

// A control block for 9 bytes, of an operation that is refused at once.
static void *refused(void *buf)
{
    static struct aiocb block;
    block.aio_buf = buf;
    block.aio_nbytes = 9;
    block.aio_reqprio = -1;
    return &block;
}

// A descriptor that n letters come from.
static int filled(size_t n)
{
    int ends[2];
    pipe(ends);
    for (size_t i = 0; i < n; i++)
        write(ends[1], "a", 1);
    close(ends[1]);
    return ends[0];
}

static FILE *letters(size_t n)
{
    return fdopen(filled(n), "r");
}

static FILE *input(void)
{
    int ends[2];
    pipe(ends);
    write(ends[1], digits, strlen(digits));
    close(ends[1]);
    return fdopen(ends[0], "r");
}

static FILE *nowhere(void)
{
    return fopen("/dev/null", "w");
}

static int null(void)
{
    return open("/dev/null", O_WRONLY);
}

// What else is printed meanwhile.
static int quiet(void)
{
    stdout = nowhere();
    stderr = nowhere();
    return 0;
}

// Not all functions are declared by headers, and not all arguments are of the declared type: a call of a function
// by its name, of words and doubles.
#define CALL(function, ...) ((long (*)(long, ...))dlsym(RTLD_DEFAULT, function))(__VA_ARGS__)
#define W(argument) _Generic((argument), double: (argument), default: (long)(argument))

// A va_list of three words, as the System V ABI lays it out.
#define arguments(a, b, c) arguments_of((long)(a), (long)(b), (long)(c))

static void *arguments_of(long a, long b, long c)
{
    static long words[3];
    static struct {
        unsigned integers, vectors;
        void *on_stack, *saved;
    } list;
    words[0] = a;
    words[1] = b;
    words[2] = c;
    list.integers = 48;
    list.vectors = 176;
    list.on_stack = words;
    return &list;
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

static struct iovec *other_vector(void *base, size_t n)
{
    static struct iovec one;
    one = (struct iovec){base, n};
    return &one;
}

// Messages with these buffers, with this list of buffers, this name, this control data; and a list of one message.
static struct msghdr *gathered(void *vectors)
{
    static struct msghdr one;
    one = (struct msghdr){.msg_iov = vectors, .msg_iovlen = 1};
    return &one;
}

static struct msghdr *message(void *base, size_t n)
{
    return gathered(vector(base, n));
}

static struct msghdr *named(void *base, size_t n)
{
    struct msghdr *one = message(zeros, 20);
    one->msg_name = base;
    one->msg_namelen = n;
    return one;
}

static struct msghdr *controlled(void *base, size_t n)
{
    struct msghdr *one = message(zeros, 20);
    one->msg_control = base;
    one->msg_controllen = n;
    return one;
}

static struct mmsghdr *several(struct msghdr *first)
{
    static struct mmsghdr one;
    one = (struct mmsghdr){*first};
    return &one;
}

// A socket that a datagram of n bytes comes to, from an address of 8 bytes.
static int datagram(size_t n)
{
    int ends[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    struct sockaddr_un address = {AF_UNIX};
    bind(ends[1], (struct sockaddr *)&address, sizeof address.sun_family);
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

static int file(size_t n)
{
    int fd = memfd_create("bytes", 0);
    write(fd, zeros, n);
    return fd;
}

static size_t folder_bytes(void)
{
    static char path[4096];
    return strlen(getcwd(path, sizeof path)) + 1;
}

static size_t link_bytes(void)
{
    static char path[4096];
    return readlink("/proc/self/exe", path, sizeof path);
}

static size_t host_bytes(void)
{
    static char host[256];
    gethostname(host, sizeof host);
    return strlen(host) + 1;
}

static size_t list_bytes(void)
{
    int n = 0;
    getgrouplist("root", 0, NULL, &n);
    return n * sizeof(gid_t);
}

// The shortest buffers that do for the user and the group "root".
static size_t user_bytes(void)
{
    struct passwd entry, *found;
    size_t n = 1;
    while (getpwnam_r("root", &entry, far, n, &found) == ERANGE)
        n++;
    return n;
}

static size_t group_bytes(void)
{
    struct group entry, *found;
    size_t n = 1;
    while (getgrnam_r("root", &entry, far, n, &found) == ERANGE)
        n++;
    return n;
}

static locale_t locale(void)
{
    return newlocale(LC_ALL_MASK, "C", 0);
}

// To UTF-8, where each byte is a character.
static iconv_t converter(void)
{
    return iconv_open("UTF-8", "ISO-8859-1");
}

static regex_t *expression(void)
{
    static regex_t made;
    regcomp(&made, "b", 0);
    return &made;
}

static struct random_data *seeded(void)
{
    static struct random_data data;
    static char state[32];
    initstate_r(1, state, sizeof state, &data);
    return &data;
}

static void note(int signal)
{
}

// Signals that interrupt whatever sleeps, again and again.
static int interrupt(void)
{
    signal(SIGALRM, note);
    struct itimerval often = {{0, 10000}, {0, 10000}};
    return setitimer(ITIMER_REAL, &often, NULL);
}

// Leaves SIGUSR1 to be waited for.
static int raise_blocked(void)
{
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    signal(SIGUSR1, note);
    sigprocmask(SIG_BLOCK, &one, NULL);
    return raise(SIGUSR1);
}

static struct sockaddr_in loopback = {AF_INET, 0, {0x0100007f}};
static struct timespec soon = {0, 1}, second = {1, 0};
static time_t now;
static struct tm day = {.tm_mday = 1, .tm_year = 100};

struct test {
    const char *name, *function, *operand;
    // READ or WRITE; or why there is no bad call.
    const char *access;
    void (*run)(int extra);
    // Bytes that the report tells of; 0 where that is the machine's matter.
    size_t (*told)(void);
};

#include "checked_calls.h"

static void prepare(void)
{
    memset(far, 0, sizeof far);
    memset(zeros, 0, sizeof zeros);
    memset(ones, -1, sizeof ones);
    memset(ahead, 0, sizeof ahead);
    memset(other, 0, sizeof other);
    strcpy(name, "/a/aaaaaaaaaaaaaaaa");
    wcscpy(wname, L"/a/aaaaaaaaaaaaaaaa");
}

int main(int count, char **arguments)
{
    FILE *in = stdin, *out = stdout, *err = stderr;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        struct test *test = &tests[i];
        prepare();
        if (count > 1 && strcmp(arguments[1], "--list") == 0)
            printf("%s\t%s\t%s\t%s\t%zu\n", test->name, test->function, test->operand, test->access,
                   test->run ? test->told() : 0);
        else if (count > 1 && strcmp(arguments[1], test->name) == 0)
            test->run(1);
        else if (count == 1 && test->run)
            test->run(0);
        stdin = in;
        stdout = out;
        stderr = err;
        setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    }
    if (count == 1)
        puts("intact");
    return 0;
}
