// SIGILL that somebody sends kills without a word: no instruction is to blame.
// expect: clean
#include <signal.h>
#include <unistd.h>

int main(void)
{
    kill(getpid(), SIGILL);
    pause();
    return 0;
}
