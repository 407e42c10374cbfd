// The first run ends at once; the others fail if they are told that a child has ended, for they have none.
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

static volatile sig_atomic_t told;

static void note(int signal) { told = signal; }

int main(void)
{
    signal(SIGCHLD, note);
    if (mkdir("first", 0700) == 0)
        return 0;
    struct timespec left = {.tv_nsec = 500000000};
    while (nanosleep(&left, &left)) {
    }
    return told != 0;
}
