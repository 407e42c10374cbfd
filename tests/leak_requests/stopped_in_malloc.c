// A debugger stops a process while it holds a lock of the allocator, and calls fencepost_check_leaks there, as gdb does.
#define _GNU_SOURCE
#include "../../include/fencepost.h"
#include <elf.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 3, MOST_STOPS = 200000, RETURN_ADDRESS = 16 };

static volatile int goes_on = 1;

static void stop(int signal)
{
    (void)signal;
    goes_on = 0;
}

static void *allocate(void *seed)
{
    static __thread void *kept[256];
    unsigned number = (unsigned)(long)seed;
    while (goes_on) {
        number = number * 1103515245 + 12345;
        int place = number >> 16 & 255;
        free(kept[place]);
        kept[place] = malloc(8 + (number >> 8 & 2047));
    }
    for (int place = 0; place < 256; place++)
        free(kept[place]);
    return NULL;
}

// Whether the process has blocked all signals that it can, as the allocator does under a lock.
static int holds_lock(pid_t process)
{
    char line[256];
    snprintf(line, sizeof line, "/proc/%d/status", process);
    FILE *status = fopen(line, "r");
    unsigned long blocked = 0;
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "SigBlk: %lx", &blocked);
    if (status)
        fclose(status);
    return blocked >> 32 == 0xffffffff;
}

// Calls the function in the stopped process. All of its registers are afterwards as before.
static int call(pid_t process)
{
    static char state[64 << 10];
    struct iovec vector = {state, sizeof state};
    struct user_regs_struct before, now;
    ptrace(PTRACE_GETREGS, process, 0, &before);
    if (ptrace(PTRACE_GETREGSET, process, NT_X86_XSTATE, &vector) != 0)
        return 77;
    now = before;
    now.rsp = ((before.rsp - 1024) & ~15ul) - 8;
    now.rip = (unsigned long)fencepost_check_leaks;
    now.orig_rax = -1;
    ptrace(PTRACE_POKEDATA, process, now.rsp, RETURN_ADDRESS);
    ptrace(PTRACE_SETREGS, process, 0, &now);
    ptrace(PTRACE_CONT, process, 0, 0);
    for (;;) {
        int status;
        waitpid(process, &status, 0);
        if (!WIFSTOPPED(status))
            return 1;
        ptrace(PTRACE_GETREGS, process, 0, &now);
        if (now.rip == RETURN_ADDRESS)
            break;
        ptrace(PTRACE_CONT, process, 0, status >> 16 ? 0 : WSTOPSIG(status));
    }
    ptrace(PTRACE_SETREGSET, process, NT_X86_XSTATE, &vector);
    ptrace(PTRACE_SETREGS, process, 0, &before);
    return 0;
}

int main(void)
{
    pid_t process = fork();
    if (process == 0) {
        signal(SIGUSR1, stop);
        pthread_t other;
        pthread_create(&other, NULL, allocate, (void *)1);
        allocate((void *)2);
        pthread_join(other, NULL);
        exit(0);
    }
    usleep(100000);
    if (ptrace(PTRACE_SEIZE, process, 0, 0) != 0) {
        kill(process, SIGKILL);
        return 77;
    }
    int status, rounds = 0;
    for (int stops = 0; stops < MOST_STOPS && rounds < ROUNDS; stops++) {
        usleep(200 + stops % 7 * 100);
        ptrace(PTRACE_INTERRUPT, process, 0, 0);
        waitpid(process, &status, 0);
        if (status >> 16 == PTRACE_EVENT_STOP && holds_lock(process)) {
            int failure = call(process);
            if (failure) {
                kill(process, SIGKILL);
                return failure;
            }
            rounds++;
        }
        ptrace(PTRACE_CONT, process, 0, 0);
    }
    ptrace(PTRACE_INTERRUPT, process, 0, 0);
    waitpid(process, &status, 0);
    ptrace(PTRACE_DETACH, process, 0, 0);
    kill(process, SIGUSR1);
    waitpid(process, &status, 0);
    printf("%d times; %s\n", rounds, WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "it went on" : "it died");
    return 0;
}
