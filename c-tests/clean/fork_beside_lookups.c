// Threads look up names, accounts and conversions, and change locales: libc loads and allocates with locks of
// its own. Others fork.
// expect: clean
#include <iconv.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static atomic_int over, good;

static void look_up(int which)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_flags = AI_NUMERICHOST}, *found = NULL;
    struct passwd account, *result;
    char room[4096];
    switch (which % 4) {
    case 0:
        if (getaddrinfo("127.0.0.1", "80", &hints, &found) == 0)
            freeaddrinfo(found);
        getservbyname("http", "tcp");
        break;
    case 1:
        getpwuid_r(0, &account, room, sizeof room, &result);
        getpwnam_r("nobody", &account, room, sizeof room, &result);
        break;
    case 2: {
        iconv_t conversion = iconv_open("UTF-16", "ISO-8859-1");
        if (conversion != (iconv_t)-1)
            iconv_close(conversion);
        break;
    }
    default: {
        setlocale(LC_ALL, "C.UTF-8");
        locale_t made = newlocale(LC_ALL_MASK, "C", NULL);
        freelocale(made);
        setlocale(LC_ALL, "C");
        setenv("TZ", which & 4 ? "UTC" : "Europe/Berlin", 1);
        tzset();
    }
    }
}

static void *look_up_often(void *which)
{
    for (int i = (int)(long)which; !over; i += 4)
        look_up(i);
    return NULL;
}

static void *fork_often(void *unused)
{
    for (int i = 0; i < 40; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            free(malloc(100));
            fflush(NULL);
            _exit(0);
        }
        waitpid(child, &status, 0);
        good += status == 0;
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[6];
    for (long i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, look_up_often, (void *)i);
    for (int i = 4; i < 6; i++)
        pthread_create(&threads[i], NULL, fork_often, NULL);
    for (int i = 4; i < 6; i++)
        pthread_join(threads[i], NULL);
    over = 1;
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    printf("%d good children\n", good);
    return 0;
}
