// A write barrier in mappings that the program makes by instructions of its own, at addresses that are natively free.
// expect: clean
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static int hits;

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    hits++;
    call(SYS_mprotect, (uintptr_t)info->si_addr & -4096ul, 4096, PROT_READ | PROT_WRITE, 0, 0, 0);
}

int main(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    for (uintptr_t place = 0x620000000000; place < 0x7a0000000000; place += 0x040000000000) {
        char *m = (char *)call(SYS_mmap, place, 16384, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (m != (char *)place)
            return 1;
        for (int i = 0; i < 4; i++)
            ((volatile char *)m)[i * 4096] = 1;
        printf("%d barrier hits\n", hits);
        call(SYS_munmap, place, 16384, 0, 0, 0, 0);
    }
    return 0;
}
