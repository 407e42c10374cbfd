// The access is in a thread that glibc makes to tell of an asynchronous read.
// expect: heap-buffer-overflow
// expect-access: WRITE of size 1
// expect-place: located 0 bytes after 32-byte region
// expect-thread: T*
#include <aio.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void on_done(union sigval value)
{
    char *p = value.sival_ptr;
    p[32] = 1; // <- access in on_done
}

static char buffer[16];

int main(void)
{
    struct aiocb request = {.aio_fildes = open("/dev/zero", O_RDONLY), .aio_buf = buffer, .aio_nbytes = 16};
    request.aio_sigevent.sigev_notify = SIGEV_THREAD;
    request.aio_sigevent.sigev_notify_function = on_done;
    request.aio_sigevent.sigev_value.sival_ptr = malloc(32); // <- allocated in main
    if (aio_read(&request))
        return 1;
    for (;;)
        pause();
}
