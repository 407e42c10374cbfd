// Asks each function of the malloc family for more than all memory and swap space: refused where the kernel would refuse the mapping.
// expect: clean
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>

static void tell(const char *function, void *object)
{
    printf("%s: %s\n", function, object ? "an object" : errno == ENOMEM ? "no memory" : "no object");
    free(object);
    errno = 0;
}

int main(void)
{
    struct sysinfo info;
    sysinfo(&info);
    size_t huge = (info.totalram + info.totalswap) * info.mem_unit + (1ul << 30);
    tell("malloc", malloc(huge));
    tell("calloc", calloc(huge / 8, 8));
    void *small = malloc(100);
    void *large = realloc(small, huge);
    tell("realloc", large);
    if (!large)
        tell("the old object", small);
    tell("reallocarray", reallocarray(NULL, huge / 16, 16));
    tell("aligned_alloc", aligned_alloc(4096, huge));
    tell("memalign, for its alignment", memalign(1ul << 46, 100));
    void *aligned = NULL;
    int error = posix_memalign(&aligned, 64, huge);
    printf("posix_memalign: %s\n", error == ENOMEM ? "no memory" : error ? "an error" : "an object");
    tell("a quarter of the memory", malloc(info.totalram * info.mem_unit / 4));
    return 0;
}
