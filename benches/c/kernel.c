// kernel MECHANISM LIVE MILLISECONDS THREADS: the loop of pairs.c with nothing but the kernel calls
// that make one page usable and one page fault. What a guarding allocator cannot avoid.
//
// Slots are one data page and one guard page and are never used twice, so that page tables grow as
// they do under the allocator. Exits with 77 and one sentence if the kernel lacks the mechanism.
#include "loop.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
// Linux 6.8.
#define FEATURE_MOVE (1 << 16)
struct move {
    uint64_t to, from, bytes, mode;
    int64_t moved;
};
#define IOCTL_MOVE _IOWR(UFFDIO, 5, struct move)
// Linux 6.13.
#define GUARD_INSTALL 102
#define GUARD_REMOVE 103

#define PAGE 4096L
#define SLOT (2 * PAGE)
// Pages taken into service at a time.
#define STRETCH (512 * PAGE)
#define WORKER_BYTES (64L << 30)

static enum { MOVE, COPY, GUARD, MPROTECT } mechanism;
static char *reservation;
static int uffd;
static char zeros[PAGE] __attribute__((aligned(4096)));

struct position {
    char *next, *opened;
} __attribute__((aligned(128)));
static struct position positions[64];

static void unavailable(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    exit(77);
}

static void must(int result, const char *what)
{
    if (result != 0) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        abort();
    }
}

static char *next_slot(struct worker *worker)
{
    struct position *position = &positions[worker->number];
    char *page = position->next;
    if (page == position->opened) {
        if (page == reservation + (worker->number + 1) * WORKER_BYTES) {
            fprintf(stderr, "address space used up\n");
            abort();
        }
        if (mechanism == GUARD)
            must(madvise(page, STRETCH, GUARD_INSTALL), "MADV_GUARD_INSTALL of a stretch");
        position->opened += STRETCH;
    }
    position->next += SLOT;
    return page;
}

static void *acquire(struct worker *worker)
{
    char *page = next_slot(worker);
    switch (mechanism) {
    case MOVE:
    case COPY: {
        struct uffdio_copy copy = {.dst = (uintptr_t)page, .src = (uintptr_t)zeros, .len = PAGE};
        must(ioctl(uffd, UFFDIO_COPY, &copy), "UFFDIO_COPY");
        break;
    }
    case GUARD:
        must(madvise(page, PAGE, GUARD_REMOVE), "MADV_GUARD_REMOVE");
        break;
    case MPROTECT:
        must(mprotect(page, PAGE, PROT_READ | PROT_WRITE), "mprotect");
        break;
    }
    *(volatile uint64_t *)page = 1;
    return page;
}

static void release(struct worker *worker, void *page)
{
    (void)worker;
    switch (mechanism) {
    case MOVE:
    case COPY:
        must(madvise(page, PAGE, MADV_DONTNEED), "MADV_DONTNEED");
        break;
    case GUARD:
        must(madvise(page, PAGE, GUARD_INSTALL), "MADV_GUARD_INSTALL");
        break;
    case MPROTECT: {
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
        must(mmap(page, PAGE, PROT_NONE, flags, -1, 0) != page, "mmap");
        break;
    }
    }
}

static void *replace(struct worker *worker, void *page)
{
    if (mechanism != MOVE) {
        release(worker, page);
        return acquire(worker);
    }
    char *next = next_slot(worker);
    struct move move = {.to = (uintptr_t)next, .from = (uintptr_t)page, .bytes = PAGE};
    while (ioctl(uffd, IOCTL_MOVE, &move) != 0)
        // The kernel asks to try again when another thread holds what it needs.
        if (errno != EAGAIN)
            must(-1, "UFFDIO_MOVE");
    *(volatile uint64_t *)next = 1;
    return next;
}

static void register_reservation(long bytes)
{
    uffd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    if (uffd < 0)
        unavailable("userfaultfd");
    uint64_t features = UFFD_FEATURE_SIGBUS | (mechanism == MOVE ? FEATURE_MOVE : 0);
    struct uffdio_api api = {.api = UFFD_API, .features = features};
    if (ioctl(uffd, UFFDIO_API, &api) != 0)
        unavailable(mechanism == MOVE ? "UFFD_FEATURE_MOVE" : "UFFDIO_API");
    struct uffdio_register range = {
        .range = {.start = (uintptr_t)reservation, .len = bytes},
        .mode = UFFDIO_REGISTER_MODE_MISSING,
    };
    if (ioctl(uffd, UFFDIO_REGISTER, &range) != 0)
        unavailable("UFFDIO_REGISTER");
}

int main(int count, char **words)
{
    static const char *const names[] = {"move", "copy", "guard", "mprotect"};
    if (count != 5)
        return 2;
    while (strcmp(words[1], names[mechanism]))
        if (++mechanism == 4)
            return 2;
    long threads = atol(words[4]), bytes = threads * WORKER_BYTES;
    if (threads > 64)
        return 2;
    int access = mechanism == MPROTECT ? PROT_NONE : PROT_READ | PROT_WRITE;
    reservation = mmap(NULL, bytes + STRETCH, access,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reservation == MAP_FAILED)
        unavailable("mmap");
    reservation += -(uintptr_t)reservation % STRETCH;
    // As the allocator does; with page permissions a flag would keep mappings from merging.
    if (mechanism != MPROTECT)
        madvise(reservation, bytes, MADV_NOHUGEPAGE);
    if (mechanism == MOVE || mechanism == COPY)
        register_reservation(bytes);
    if (mechanism == GUARD && madvise(reservation, STRETCH, GUARD_INSTALL) != 0)
        unavailable("MADV_GUARD_INSTALL");
    for (long i = 0; i < threads; i++)
        positions[i].next = positions[i].opened = reservation + i * WORKER_BYTES;
    return run_loop(atol(words[2]), atol(words[3]), threads);
}
