// Calls that fail with EFAULT as their programs want it, or for reasons that nobody knows for certain: nothing is reported.
// options: --mappings=check
// expect: clean
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAY(call)                                            \
    do {                                                     \
        errno = 0;                                           \
        long result = (call);                                \
        printf("%s: %ld %d\n", #call, result, errno);        \
    } while (0)

static int ends[2];
static const char constant[64] = "constant";

static void probe(char *gone, char *sealed)
{
    SAY(write(ends[1], gone, 1));
    SAY(write(ends[1], sealed, 1));
    SAY(read(ends[0], gone, 1));
    SAY(access(gone, F_OK));
    SAY(open(gone, O_RDONLY));
    SAY(syscall(SYS_write, ends[1], gone, 8));
    SAY(syscall(SYS_rt_sigprocmask, -1, gone, NULL, 8));
    struct iovec list = {gone, 1};
    SAY(writev(ends[1], &list, 1));
    unsigned char there;
    SAY(mincore(gone, 4096, &there));
}

static void fail_otherwise(char *gone, char *sealed)
{
    struct stat status;
    SAY(read(ends[0], NULL, 8));
    SAY(read(ends[0], (void *)24, 8));
    SAY(read(ends[0], (void *)0x123456789000, 8));
    SAY(read(ends[0], (void *)constant, 8));
    SAY(read(ends[0], (void *)-4096, 8));
    SAY(stat(NULL, &status));
    SAY(stat(gone, &status));
    // Which of the two it was the kernel does not say.
    SAY(stat(gone, (void *)sealed));
    SAY(stat(NULL, (void *)sealed));
    SAY(readlink(gone, sealed, 20));
    SAY(nanosleep((void *)gone, (void *)sealed));
    // Nothing to write to, or from.
    SAY(write(ends[1], gone, 0));
    SAY(poll((void *)gone, 0, 0));
    SAY(read(-1, gone, 8));
    // There again.
    mprotect(sealed, 4096, PROT_READ | PROT_WRITE);
    SAY(read(ends[0], sealed, 8));
}

static void tidy(void *text)
{
    puts(text);
}

// A cancelled call is left in its midst.
static void *wait_for_ever(void *none)
{
    (void)none;
    char *buffer = malloc(8);
    int idle[2];
    pipe(idle);
    pthread_cleanup_push(tidy, "cancelled");
    read(idle[0], buffer, 8);
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void)
{
    pipe(ends);
    write(ends[1], "0123456789012345678901234567890123456789", 40);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *gone = mmap(0, 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
    char *sealed = mmap(0, 4096, PROT_NONE, flags, -1, 0);
    munmap(gone, 4096);
    probe(gone, sealed);
    fail_otherwise(gone, sealed);
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_ever, NULL);
    pthread_cancel(thread);
    void *result;
    pthread_join(thread, &result);
    puts(result == PTHREAD_CANCELED ? "joined" : "not cancelled");
    fflush(stdout);
    // A child of vfork has its parent's memory.
    if (vfork() == 0)
        _exit(read(ends[0], gone, 8) == -1 && errno == EFAULT ? 3 : 4);
    int status;
    wait(&status);
    printf("%d\n", WEXITSTATUS(status));
    return 0;
}
