// The access is in a handler on the least alternate stack, while the tile registers of AMX are in use: frames are of the
// largest size then.
// needs-cpu: amx_tile
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

static char *p, stacks[131072], tile[1024];
static struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t columns_bytes[16];
    uint8_t rows[16];
} config = {1, 0, {0}, {64}, {16}};

static void on_signal(int number)
{
    (void)number;
    p[32] = 1; // <- access in on_signal
}

int main(void)
{
    stack_t alternate = {.ss_sp = stacks + 65536, .ss_size = getauxval(51 /* AT_MINSIGSTKSZ */)};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    p = malloc(32); // <- allocated in main
    // A kernel that does not know of tiles makes smaller frames.
    if (syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* XTILEDATA */) == 0)
        __asm__ volatile("ldtilecfg %0\n\ttileloadd (%1, %2, 1), %%tmm0" : : "m"(config), "r"(tile), "r"(64L));
    if (sigaltstack(&alternate, NULL) || sigaction(SIGUSR1, &action, NULL))
        return 1;
    raise(SIGUSR1);
    return 0;
}
