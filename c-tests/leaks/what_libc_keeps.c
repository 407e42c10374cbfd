// What libc keeps for itself on purpose is not told: buffers of streams, locales, time zones, names of accounts.
// options: --leaks=full --leak-kinds=all
// expect: leaks
#define _GNU_SOURCE
#include <locale.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(void)
{
    time_t now = 0;
    setlocale(LC_ALL, "C");
    setenv("LEAKS", "here", 1);
    localtime(&now);
    getpwuid(0);
    printf("%s\n", getenv("LEAKS"));
}
