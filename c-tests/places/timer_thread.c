// The access is in a thread that glibc makes for a timer, which has all signals blocked.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
// expect-thread: T*
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void on_timer(union sigval value)
{
    char *p = value.sival_ptr;
    p[32] = 1; // <- access in on_timer
}

int main(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_timer};
    event.sigev_value.sival_ptr = malloc(32); // <- allocated in main
    timer_t timer;
    struct itimerspec soon = {.it_value = {0, 1000000}};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &soon, NULL))
        return 1;
    for (;;)
        pause();
}
