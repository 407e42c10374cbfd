// Makes a locale before anything has been allocated: libc holds a lock of its own meanwhile.
#include <locale.h>

static locale_t made;

__attribute__((constructor)) static void make(void) { made = newlocale(LC_ALL_MASK, "C.UTF-8", 0); }

int has_locale(void) { return made != 0; }
