// A checked longjmp from a handler on an alternate stack to a stack below it, as to that of a thread.
// expect: clean
// cflags: -O1 -D_FORTIFY_SOURCE=2
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static jmp_buf back;

static void on_signal(int number)
{
    (void)number;
    longjmp(back, 1);
}

static void *run(void *above)
{
    stack_t alternate = {.ss_sp = above, .ss_size = 65536};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigaltstack(&alternate, NULL);
    sigaction(SIGUSR1, &action, NULL);
    if (setjmp(back) == 0)
        pthread_kill(pthread_self(), SIGUSR1);
    puts("back");
    return NULL;
}

int main(void)
{
    char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, memory, 1 << 19);
    if (pthread_create(&thread, &attributes, run, memory + (1 << 19) + 65536))
        return 1;
    pthread_join(thread, NULL);
    return 0;
}
