/* One bug, by the name that is given; none without. */
#include <stdlib.h>
#include <string.h>

static char *make(size_t size)
{
    return calloc(size, 1);
}

static void overflow(void)
{
    char *text = make(16);
    volatile size_t end = 16;
    text[end] = 1;
    free(text);
}

static void use_after_free(void)
{
    char *volatile text = make(32);
    free(text);
    text[5] = 1;
}

static void double_free(void)
{
    char *volatile text = make(24);
    free(text);
    free(text);
}

static void slack(void)
{
    char *text = malloc(13);
    volatile size_t end = 13;
    text[end] = 1;
    free(text);
}

static void operand(void)
{
    char *text = make(40);
    char source[64] = "";
    volatile size_t size = sizeof source;
    memcpy(text, source, size);
    free(text);
}

int main(int count, char **arguments)
{
    const char *name = count > 1 ? arguments[1] : "";
    if (!strcmp(name, "overflow"))
        overflow();
    if (!strcmp(name, "use_after_free"))
        use_after_free();
    if (!strcmp(name, "double_free"))
        double_free();
    if (!strcmp(name, "slack"))
        slack();
    if (!strcmp(name, "operand"))
        operand();
    return 0;
}
