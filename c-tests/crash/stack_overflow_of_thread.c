// A recursion in a thread does not end.
// expect: stack-overflow
// expect-access: WRITE of size *
// expect-place: beyond the end of the stack of this thread
// expect-thread: T1

#include <pthread.h>

static int descend(int depth)
{
    volatile char room[1000];
    room[depth % 1000] = 1;
    return descend(depth + 1) + room[5]; // <- access in descend (any frame)
}

static void *run(void *argument)
{
    descend(0);
    return argument;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, run, NULL); // <- created in main
    pthread_join(thread, NULL);
    return 0;
}
