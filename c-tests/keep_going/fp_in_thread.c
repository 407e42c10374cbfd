// A thread with a small stack goes on too, with its vector registers as they were.
// expect: heap-buffer-overflow
// expect-access: READ of size 8
// expect-place: located 0 bytes after 64-byte region
// expect-thread: T1
// options: --keep-going
// expect-exit: 0
// expect-stdout: 2.5
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static double *volatile numbers;

static void *run(void *unused)
{
    double kept = 2.5, found;
    __asm__ volatile("movsd %1, %%xmm7; movsd 64(%2), %%xmm1; movsd %%xmm7, %0" // <- access in run
                     : "=m"(found) : "m"(kept), "r"(numbers) : "xmm1", "xmm7");
    printf("%.1f\n", found);
    return NULL;
}

int main(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    numbers = malloc(64); // <- allocated in main
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 32768);
    pthread_create(&thread, &attributes, run, NULL);
    pthread_join(thread, NULL);
    return 0;
}
