// raise(SIGABRT) is no abort().
// expect: clean
#include <signal.h>

int main(void)
{
    raise(SIGABRT);
    return 0;
}
