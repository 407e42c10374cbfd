// SIGABRT and SIGFPE that are ignored when a program starts stay so, and are default in others.
// expect: clean
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *name_of(int number)
{
    struct sigaction action;
    sigaction(number, NULL, &action);
    return action.sa_handler == SIG_DFL ? "default" : action.sa_handler == SIG_IGN ? "ignored" : "?";
}

int main(int count, char **words)
{
    if (count > 1) {
        printf("%s: %s %s %s\n", words[1], name_of(SIGABRT), name_of(SIGFPE), name_of(SIGILL));
        if (strcmp(words[1], "ignored") == 0)
            kill(getpid(), SIGFPE);
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        fflush(stdout);
        if (fork() == 0) {
            if (i == 1) {
                signal(SIGABRT, SIG_IGN);
                signal(SIGFPE, SIG_IGN);
            }
            execl("/proc/self/exe", "again", i == 1 ? "ignored" : "plain", (char *)0);
        }
        int status;
        wait(&status);
        printf("%x\n", status);
    }
    return 0;
}
