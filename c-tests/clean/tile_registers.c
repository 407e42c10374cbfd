// What the tile registers of AMX hold outlasts handlers that clear them, on the least alternate stack and without one.
// needs-cpu: amx_tile
// expect: clean
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

static char stacks[131072], before[1024], after[1024];
static struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t columns_bytes[16];
    uint8_t rows[16];
} config = {1, 0, {0}, {64}, {16}};

static void on_signal(int number)
{
    (void)number;
    __asm__ volatile("tilerelease");
    free(malloc(50));
}

int main(void)
{
    if (syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* XTILEDATA */)) {
        puts("the kernel does not know of tiles");
        return 0;
    }
    stack_t alternate = {.ss_sp = stacks + 65536, .ss_size = getauxval(51 /* AT_MINSIGSTKSZ */)};
    printf("stack: %d\n", sigaltstack(&alternate, NULL));
    for (int i = 0; i < 1024; i++)
        before[i] = (char)(i * 7);
    for (int flags = 0; flags <= SA_ONSTACK; flags += SA_ONSTACK) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
        sigaction(SIGUSR1, &action, NULL);
        memset(after, 0, sizeof after);
        __asm__ volatile("ldtilecfg %0\n\ttileloadd (%1, %2, 1), %%tmm0" : : "m"(config), "r"(before), "r"(64L));
        raise(SIGUSR1);
        __asm__ volatile("tilestored %%tmm0, (%0, %1, 1)" : : "r"(after), "r"(64L) : "memory");
        __asm__ volatile("tilerelease");
        printf("kept: %d\n", memcmp(before, after, sizeof after) == 0);
    }
    return 0;
}
