// The first allocation of the process is made inside newlocale; locales work as before afterwards.
// expect: clean
// with-library: locale
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

int has_locale(void);

int main(void)
{
    printf("%d %d\n", has_locale(), setlocale(LC_ALL, "C.UTF-8") != NULL);
    locale_t other = newlocale(LC_ALL_MASK, "C", 0);
    printf("%d\n", other != 0);
    freelocale(other);
    free(malloc(10));
    return 0;
}
