// Calls read(2) in a constructor.
#include <fcntl.h>
#include <unistd.h>

static int result = -1;

__attribute__((constructor)) static void start(void)
{
    char byte;
    int file = open("/dev/null", O_RDONLY);
    result = read(file, &byte, 1);
    close(file);
}

int read_at_start(void)
{
    return result;
}
