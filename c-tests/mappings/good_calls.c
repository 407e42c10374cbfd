// Every call of mappings, used rightly: with the results, and the errors, that it has natively.
// expect: clean
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *call, long result)
{
    printf("%s: %ld %s\n", call, result, result == -1 ? strerror(errno) : "");
}

static void files(void)
{
    int file = open("good_calls.data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    say("ftruncate", ftruncate(file, 10000));
    char *bytes = mmap(0, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    bytes[9999] = 'x';
    say("msync", msync(bytes, 10000, MS_SYNC));
    char last = 0;
    say("pread", pread(file, &last, 1, 9999));
    say("last", last);
    say("truncate", truncate("good_calls.data", 5000));
    say("within", bytes[8191]);
    say("ftruncate", ftruncate(-1, 5));
    say("truncate", truncate("no such file", 5));
    say("by number", syscall(SYS_ftruncate, (long)file, 20000L));
    say("munmap", munmap(bytes, 10000));
    int memory = memfd_create("good", 0);
    say("memfd", ftruncate(memory, 4096));
    bytes = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    bytes[0] = 7;
    say("pread", pread(memory, &last, 1, 0));
    say("last", last);
}

static void pages(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *bytes = mmap(0, 8192, PROT_READ, flags, -1, 0);
    say("mprotect", mprotect(bytes, 8192, PROT_READ | PROT_WRITE));
    say("mprotect", mprotect(bytes + 1, 8192, PROT_READ));
    strcpy(bytes + 4096, "moved");
    bytes = mremap(bytes, 8192, 1 << 20, MREMAP_MAYMOVE);
    puts(bytes + 4096);
    char *other = mmap(0, 1 << 20, PROT_NONE, flags, -1, 0);
    other = mremap(bytes, 1 << 20, 1 << 20, MREMAP_MAYMOVE | MREMAP_FIXED, other);
    puts(other + 4096);
    say("gone", mprotect(bytes, 4096, PROT_READ));
    say("mremap", (long)mremap(bytes, 4096, 8192, 0));
    other = mremap(other, 1 << 20, 8192, 0);
    puts(other + 4096);
    say("madvise", madvise(other, 8192, MADV_DONTNEED));
    say("dropped", other[4096]);
    say("munmap", munmap(other + 4096, 4096));
    say("again", mmap(other + 4096, 4096, PROT_READ, flags | MAP_FIXED, -1, 0) == other + 4096);
    say("read", other[4096]);
    say("munmap", munmap(other, 8192));
    say("munmap", munmap(other, 0));
    say("mmap", (long)mmap(0, 0, PROT_READ, flags, -1, 0));
    say("by number", syscall(SYS_mmap, 0L, 4096L, 0L, (long)MAP_PRIVATE, -1L, 0L));
    say("by number", syscall(SYS_mprotect, 1L, 1L, 0L));
}

static void segments(void)
{
    int segment = shmget(IPC_PRIVATE, 5000, 0600);
    char *bytes = shmat(segment, 0, 0);
    char *again = shmat(segment, 0, SHM_RDONLY);
    shmctl(segment, IPC_RMID, 0);
    bytes[4999] = 3;
    say("shared", again[4999]);
    say("shmdt", shmdt(bytes));
    say("still", again[4999]);
    say("shmdt", shmdt(again));
    say("shmdt", shmdt(again));
    say("shmat", (long)shmat(-1, 0, 0));
}

int main(void)
{
    files();
    pages();
    segments();
    return 0;
}
