// Forks beside everything that allocates with a lock of libc's: eight threads own and flush streams, open a library
// whose constructor allocates, look up accounts and locales, run commands, make and end threads, and fork, one of
// them in a signal handler; a process beside them makes others that end while their threads print and fork. None may wait for ever, and no child may find its heap broken.
// Usage: stress_fork SECONDS LIBRARY. Exit code 0 and the line "intact" mean that all went well.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <iconv.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static atomic_int over;
static atomic_long forks, good, bad;
static FILE *shared;
static const char *library;
static pthread_key_t key;

static void churn(int seed)
{
    for (int i = 0; i < 20; i++) {
        size_t size = 16 + (seed + i) * 7919u % 9000;
        char *p = malloc(size);
        memset(p, seed, size);
        p = realloc(p, size * 2);
        if (p[size - 1] != (char)seed)
            bad++;
        free(p);
    }
}

static void *live_shortly(void *seed)
{
    pthread_setspecific(key, malloc(50));
    churn((int)(long)seed);
    return NULL;
}

// What a child may do after the fork of a process with threads: libc has made its streams and heap usable, but not
// the functions of exit, if a thread was loading a library.
static void live_as_child(int seed)
{
    pthread_t thread;
    char *text;
    churn(seed);
    if (asprintf(&text, "%d", seed) > 0)
        fputs(text, shared);
    free(text);
    fflush(NULL);
    pthread_create(&thread, NULL, live_shortly, (void *)(long)seed);
    pthread_join(thread, NULL);
    _exit(bad ? 1 : 42);
}

static void wait_for(pid_t child)
{
    int status;
    if (child < 0)
        return;
    forks++;
    pid_t ended;
    while ((ended = waitpid(child, &status, 0)) < 0)
        ;
    if (ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 42)
        good++;
    else
        bad++;
}

static void *fork_often(void *unused)
{
    for (int i = 0; !over; i++) {
        pid_t child = fork();
        if (child == 0)
            live_as_child(i);
        wait_for(child);
    }
    return NULL;
}

static void *own_streams(void *unused)
{
    for (int i = 0; !over; i++) {
        char *text = NULL, *line = NULL;
        size_t size = 0, room = 0;
        flockfile(shared);
        churn(i);
        fprintf(shared, "%d\n", i);
        funlockfile(shared);
        FILE *memory = open_memstream(&text, &size);
        for (int j = 0; j < 20; j++)
            fprintf(memory, "%d %s\n", j, "a line that makes the buffer grow");
        fclose(memory);
        memory = fmemopen(text, size, "r");
        while (getline(&line, &room, memory) > 0)
            ;
        fclose(memory);
        free(line);
        free(text);
    }
    return NULL;
}

static void *flush_often(void *unused)
{
    while (!over) {
        fflush(NULL);
        churn(1);
    }
    return NULL;
}

static void *load_often(void *unused)
{
    while (!over) {
        void *opened = dlopen(library, RTLD_NOW);
        if (!opened)
            bad++;
        else
            dlclose(opened);
    }
    return NULL;
}

static void *look_up_often(void *unused)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_flags = AI_NUMERICHOST};
    struct passwd account, *result;
    char room[4096];
    while (!over) {
        struct addrinfo *found = NULL;
        if (getaddrinfo("127.0.0.1", "80", &hints, &found) == 0)
            freeaddrinfo(found);
        getpwuid_r(0, &account, room, sizeof room, &result);
        iconv_t conversion = iconv_open("UTF-16", "ISO-8859-1");
        if (conversion != (iconv_t)-1)
            iconv_close(conversion);
        setlocale(LC_ALL, "C.UTF-8");
        setlocale(LC_ALL, "C");
    }
    return NULL;
}

static void *run_often(void *unused)
{
    for (int i = 0; !over; i++) {
        char text[16] = "";
        FILE *one = popen("echo one", "r"), *two = popen("cat >/dev/null", "w");
        fputs("to cat", two);
        fgets(text, sizeof text, one);
        if (strcmp(text, "one\n") != 0 || pclose(two) != 0 || pclose(one) != 0 || system(":") != 0)
            bad++;
        pthread_t threads[3];
        for (long j = 0; j < 3; j++)
            pthread_create(&threads[j], NULL, live_shortly, (void *)j);
        for (int j = 0; j < 3; j++)
            pthread_join(threads[j], NULL);
    }
    return NULL;
}

static void *print_for_ever(void *unused)
{
    for (int i = 0;; i++) {
        fprintf(shared, "%d\n", i);
        fflush(NULL);
        churn(i);
    }
}

static void *fork_for_ever(void *unused)
{
    for (;;) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        waitpid(child, NULL, 0);
    }
}

// A process that makes others, which end while their threads print and fork.
static void end_often(unsigned seconds)
{
    time_t end = time(NULL) + seconds;
    for (int i = 0; time(NULL) < end; i++) {
        pid_t child = fork();
        if (child == 0) {
            pthread_t thread;
            pthread_create(&thread, NULL, print_for_ever, NULL);
            pthread_create(&thread, NULL, fork_for_ever, NULL);
            usleep(i % 20 * 500);
            i % 3 == 0 ? exit(42) : i % 3 == 1 ? quick_exit(42) : _exit(42);
        }
        wait_for(child);
    }
    _exit(bad ? 1 : 42);
}

static void on_alarm(int signal)
{
    pid_t child = fork();
    if (child == 0) {
        free(malloc(100));
        _exit(42);
    }
    wait_for(child);
}

// Forked while this thread is anywhere in the heap. Natively its lock may be held then, for ever.
static void *churn_interrupted(void *unused)
{
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    if (getenv("FENCEPOST_OPTIONS"))
        pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
    for (int i = 0; !over; i++)
        churn(i);
    pthread_sigmask(SIG_BLOCK, &alarm, NULL);
    return NULL;
}

int main(int count, char **arguments)
{
    void *(*what[])(void *) = {fork_often, own_streams, flush_often, load_often,
                               look_up_often, run_often, fork_often, churn_interrupted};
    enum { THREADS = sizeof what / sizeof *what };
    pthread_t threads[THREADS];
    struct itimerval often = {{0, 20000}, {0, 20000}};
    sigset_t alarm;
    unsigned seconds = count > 1 ? (unsigned)atoi(arguments[1]) : 5;
    library = count > 2 ? arguments[2] : "libm.so.6";
    shared = fopen("/dev/null", "w");
    pthread_key_create(&key, free);
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm, NULL);
    signal(SIGALRM, on_alarm);
    pid_t ender = fork();
    if (ender == 0)
        end_often(seconds);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, what[i], NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    sleep(seconds);
    over = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    wait_for(ender);
    if (bad || !good || good != forks)
        printf("%ld forks, %ld good, %ld bad\n", forks, good, bad);
    else
        puts("intact");
    return bad || !good;
}
