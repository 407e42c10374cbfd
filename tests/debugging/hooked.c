// Its hook is given the report of a double free.
#include "../../include/fencepost.h"
#include <stdio.h>
#include <stdlib.h>

static void on_report(const char *report)
{
    printf("hook: %s", report);
    fflush(stdout);
}

static void ignore(const char *report)
{
}

int main(void)
{
    if (!fencepost_set_report_hook)
        return 1;
    printf("%d", fencepost_set_report_hook(ignore) == NULL);
    printf("%d\n", fencepost_set_report_hook(on_report) == ignore);
    char *p = malloc(48);
    free(p);
    free(p);
    return 0;
}
