#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static char *page;
static int writes;

static void on_segv(int signal, siginfo_t *info, void *context) {
    (void)context;
    char *at = info->si_addr;
    if (at < page || at >= page + 4096) {
        sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        return; /* not ours: the access is made again, and ends the process */
    }
    writes++;
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

void fencepost_demo_map_permissions(void) {
    struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    /* A barrier: the first write to a page raises SIGSEGV, and its handler lets the write go on. */
    page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(page, "dirty");
    printf("%d write was seen, the page says '%s'\n", writes, page);
    fflush(stdout);
    char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    code[0] = (char)0xc3; /* an instruction: return */
    ((void (*)(void))code)(); /* BUG: the page may be read and written, not executed */
}
