// SIGBUS that somebody sends kills without a word: no instruction is to blame.
// expect: clean
#include <signal.h>
#include <unistd.h>

int main(void)
{
    kill(getpid(), SIGBUS);
    pause();
    return 0;
}
