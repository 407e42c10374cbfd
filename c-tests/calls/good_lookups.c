// Buffers that just suffice, sizes that are too large for them, and null where the manuals allow it: the
// calls on users, patterns, messages and programs return what they return without the checks.
// expect: clean
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <iconv.h>
#include <netdb.h>
#include <pwd.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static void *copy(const void *from, size_t n)
{
    return memcpy(malloc(n), from, n);
}

static void find_users(void)
{
    char *name = copy("root", 5), *least = NULL;
    struct passwd *entry = malloc(sizeof *entry), **found = malloc(sizeof *found);
    size_t n = 0;
    errno = 0;
    do {
        free(least);
        least = malloc(++n);
    } while (getpwnam_r(name, entry, least, n, found) == ERANGE);
    assert(*found == entry && strcmp(entry->pw_name, "root") == 0);
    // Said to be larger than it is.
    assert(getpwnam_r(name, entry, least, 1024, found) == 0 && *found == entry);
    assert(entry->pw_uid == 0 && strcmp(entry->pw_dir, getpwnam("root")->pw_dir) == 0);
    assert(getpwuid_r(0, entry, least, n - 1, found) == ERANGE && *found == NULL);
    struct group *group = malloc(sizeof *group);
    char *buffer = malloc(1024);
    assert(getgrgid_r(0, group, buffer, 1024, (struct group **)found) == 0);
    assert(*found == (void *)group && strcmp(group->gr_name, "root") == 0);
    free(name), free(least), free(entry), free(found), free(group), free(buffer);
}

static void list_groups(void)
{
    int count = getgroups(0, NULL), *most = malloc(sizeof *most);
    gid_t *list = malloc(count * sizeof *list);
    assert(count == 0 || getgroups(count + 50, list) == count);
    free(list);
    *most = 0;
    assert(getgrouplist("root", 0, NULL, most) == -1 && *most > 0);
    count = *most;
    list = malloc(count * sizeof *list);
    *most = 50;
    assert(getgrouplist("root", 0, list, most) == count && *most == count);
    free(list), free(most);
}

static void match(void)
{
    regex_t *made = malloc(sizeof *made);
    char *pattern = copy("a(b*)", 6), *text = copy("xabb", 5), *part = copy("xab", 3);
    regmatch_t *at = malloc(2 * sizeof *at);
    assert(regcomp(made, pattern, REG_EXTENDED) == 0);
    assert(regexec(made, text, 2, at, 0) == 0 && at[1].rm_so == 2 && at[1].rm_eo == 4);
    at[0] = (regmatch_t){1, 3};
    assert(regexec(made, part, 2, at, REG_STARTEND) == 0 && at[1].rm_eo == 3);
    regfree(made);
    // The matches are ignored, whatever they are.
    free(at);
    assert(regcomp(made, pattern, REG_EXTENDED | REG_NOSUB) == 0);
    assert(regexec(made, text, 2, at, 0) == 0 && regexec(made, "x", 2, NULL, 0) == REG_NOMATCH);
    regfree(made);
    free(made), free(pattern), free(text), free(part);
}

static void convert(void)
{
    iconv_t conversion = iconv_open("UTF-16LE", "UTF-8");
    char *input = copy("ab", 2), *output = malloc(4), **in = copy(&input, 8), *out = output;
    size_t left = 2, *space = malloc(sizeof *space);
    *space = 99;
    assert(iconv(conversion, in, &left, &out, space) == 0 && *in == input + 2 && *space == 95);
    assert(iconv(conversion, NULL, NULL, NULL, NULL) == 0 && memcmp(output, "a\0b", 4) == 0);
    *in = input, left = 2, out = output, *space = 3, errno = 0;
    assert(iconv(conversion, in, &left, &out, space) == (size_t)-1 && errno == E2BIG && left == 1);
    iconv_close(conversion);
    free(input), free(output), free(in), free(space);
}

static void resolve(void)
{
    char *blank = copy("1.2.3.4 ", 8), *none = copy("1.2.x", 5);
    struct in_addr *address = malloc(sizeof *address);
    char *whole = copy("1.2.3.4", 8);
    assert(inet_aton(whole, address) == 1 && address->s_addr == inet_addr(whole));
    // A blank or what is no part of an address ends it.
    assert(inet_aton(blank, address) == 1 && inet_aton(none, address) == 0);
    struct sockaddr_in *name = copy(&(struct sockaddr_in){AF_INET, htons(80), *address}, sizeof *name);
    char *host = malloc(8);
    assert(getnameinfo((void *)name, sizeof *name, host, 99, NULL, 0, NI_NUMERICHOST) == 0);
    assert(strcmp(host, "1.2.3.4") == 0);
    assert(getnameinfo((void *)name, sizeof *name, host, 7, NULL, 0, NI_NUMERICHOST) == EAI_OVERFLOW);
    free(blank), free(none), free(address), free(whole), free(name), free(host);
}

static void talk(void)
{
    int ends[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    char *first = copy("abc", 3), *second = malloc(3);
    struct iovec *vector = copy(&(struct iovec){first, 3}, sizeof *vector);
    struct mmsghdr *message = calloc(1, sizeof *message);
    message->msg_hdr = (struct msghdr){.msg_iov = vector, .msg_iovlen = 1};
    assert(sendmmsg(ends[0], message, 1, 0) == 1 && message->msg_len == 3);
    *vector = (struct iovec){second, 99};
    assert(recvmmsg(ends[1], message, 1, 0, NULL) == 1 && memcmp(second, "abc", 3) == 0);
    free(first), free(second), free(vector), free(message);
}

static void run_programs(void)
{
    char **list = malloc(3 * sizeof *list);
    list[0] = copy("true", 5), list[1] = copy("x", 2), list[2] = NULL;
    int status;
    pid_t child = vfork();
    if (child == 0) {
        execvp(list[0], list);
        _exit(9);
    }
    assert(waitpid(child, &status, 0) == child && status == 0);
    errno = 0;
    assert(execve("/nowhere", list, NULL) == -1 && errno == ENOENT);
    assert(dlopen(NULL, RTLD_NOW) && !dlopen("/nowhere", RTLD_NOW));
    free(list[0]), free(list[1]), free(list);
}

static void keep_files(void)
{
    char *template = copy("/tmp/fencepost-XXXXXX", 22);
    int file = mkstemp(template);
    assert(file >= 0 && strcmp(template, "/tmp/fencepost-XXXXXX") != 0);
    errno = 0;
    char *value = malloc(4);
    assert(fgetxattr(file, "user.none", value, 99) == -1 && errno);
    if (fsetxattr(file, "user.a", "four", 4, 0) == 0) {
        assert(fgetxattr(file, "user.a", value, 99) == 4 && memcmp(value, "four", 4) == 0);
        assert(fgetxattr(file, "user.a", NULL, 0) == 4);
        errno = 0;
        assert(fgetxattr(file, "user.a", value, 3) == -1 && errno == ERANGE);
    }
    struct flock *lock = calloc(1, sizeof *lock);
    lock->l_type = F_WRLCK;
    assert(fcntl(file, F_SETLK, lock) == 0 && fcntl(file, F_GETFD, lock) >= 0);
    FILE *stream = fdopen(file, "w");
    char *buffer = malloc(64);
    assert(setvbuf(stream, buffer, _IOFBF, 64) == 0 && setvbuf(stream, buffer, _IONBF, 999) == 0);
    fclose(stream), unlink(template);
    free(template), free(value), free(lock), free(buffer);
}

static void tell_dates(void)
{
    // Only what it takes in is read.
    char *date = copy("2001-02", 7);
    struct tm *broken = calloc(1, sizeof *broken);
    assert(strptime(date, "%Y-", broken) == date + 5 && broken->tm_year == 101);
    assert(strptime(date, "%H:", broken) == NULL);
    free(date), free(broken);
}

int main(void)
{
    find_users();
    list_groups();
    match();
    convert();
    resolve();
    talk();
    run_programs();
    keep_files();
    tell_dates();
    return 0;
}
