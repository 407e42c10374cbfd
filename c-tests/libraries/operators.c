/* Operators new and delete for all who link to it, as a library with the standard library inside has them;
   linked with -Bsymbolic, it itself calls none but these. */
#include <stdlib.h>

#define OWN __attribute__((visibility("protected")))

OWN void *_Znwm(unsigned long size)
{
    return malloc(size);
}

OWN void _ZdlPv(void *object)
{
    free(object);
}

OWN void _ZdlPvm(void *object, unsigned long size)
{
    free(object);
}

void *operators_make(unsigned long size)
{
    return _Znwm(size);
}

void operators_release(void *object)
{
    _ZdlPv(object);
}
