// A program that fills pages of its own objects by userfaultfd, from a thread, and is told which are written.
// expect: clean
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096 };
static int faults, uffd;
static char source[PAGE] __attribute__((aligned(PAGE)));

static void *serve(void *unused)
{
    (void)unused;
    struct uffd_msg message;
    while (read(uffd, &message, sizeof message) == sizeof message) {
        faults++;
        memset(source, faults, PAGE);
        struct uffdio_copy copy = {.dst = message.arg.pagefault.address & -PAGE, .src = (unsigned long)source, .len = PAGE};
        if (ioctl(uffd, UFFDIO_COPY, &copy))
            perror("UFFDIO_COPY");
    }
    return NULL;
}

int main(void)
{
    uffd = syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */);
    struct uffdio_api api = {.api = UFFD_API};
    if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) {
        puts("no userfaultfd here");
        return 0;
    }
    pthread_t thread;
    pthread_create(&thread, NULL, serve, NULL);
    for (size_t pages = 1; pages <= 64; pages *= 2) {
        char *block = aligned_alloc(PAGE, pages * PAGE);
        memset(block, 99, pages * PAGE);
        struct uffdio_register range = {.range = {(unsigned long)block, pages * PAGE}, .mode = UFFDIO_REGISTER_MODE_MISSING};
        printf("register %d\n", ioctl(uffd, UFFDIO_REGISTER, &range));
        printf("%d before, ", block[pages * PAGE - 1]);
        madvise(block, pages * PAGE, MADV_DONTNEED);
        faults = 0;
        for (size_t i = 0; i < pages; i++)
            printf("%d ", ((volatile char *)block)[i * PAGE]);
        printf("by %d faults\n", faults);
        if (pages % 4)
            ioctl(uffd, UFFDIO_UNREGISTER, &range.range);
        free(block);
        free(malloc(pages * PAGE));
    }
    return 0;
}
