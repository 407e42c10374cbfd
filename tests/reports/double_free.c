#include <stdlib.h>

struct buffer {
    char *bytes;
};

static void close_buffer(struct buffer *buffer) {
    free(buffer->bytes); // <- bug
}

int main(void) {
    struct buffer buffer = {malloc(64)};
    struct buffer copy = buffer;
    close_buffer(&buffer);
    close_buffer(&copy);
}
