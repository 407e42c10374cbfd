// The access is in a thread that glibc makes to tell of a name that was looked up.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
// expect-thread: T*
#define _GNU_SOURCE
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void on_done(union sigval value)
{
    char *p = value.sival_ptr;
    p[32] = 1; // <- access in on_done
}

int main(void)
{
    // A number, for which nobody is asked.
    struct gaicb request = {.ar_name = "127.0.0.1"}, *list[] = {&request};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_done};
    event.sigev_value.sival_ptr = malloc(32); // <- allocated in main
    if (getaddrinfo_a(GAI_NOWAIT, list, 1, &event))
        return 1;
    for (;;)
        pause();
}
