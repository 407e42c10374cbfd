// Two threads allocate and free, and live for a while.
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

static void *churn(void *unused)
{
    for (int i = 0; i < 5000; i++)
        free(malloc(40));
    return unused;
}

int main(void)
{
    struct timespec moment = {0, 20000000};
    pthread_t other;
    pthread_create(&other, NULL, churn, NULL);
    churn(NULL);
    nanosleep(&moment, NULL);
    return pthread_join(other, NULL);
}
