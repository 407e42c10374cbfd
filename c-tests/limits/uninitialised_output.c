// Output of bytes that nobody has written. Not seen, as above.
// expect: clean
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    char *p = malloc(48);
    int nowhere = open("/dev/null", O_WRONLY);
    return write(nowhere, p, 48) != 48;
}
