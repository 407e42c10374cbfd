/* Objects of 24 bytes until there is no memory; all are freed, and there is some again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    void **head = NULL, **object;
    while ((object = malloc(24))) {
        *object = head;
        head = object;
    }
    puts(errno == ENOMEM ? "ENOMEM" : "other");
    while (head) {
        object = *head;
        free(head);
        head = object;
    }
    object = malloc(1000);
    printf("after %d\n", object != NULL);
    free(object);
    return 0;
}
