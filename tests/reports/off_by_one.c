#include <stdio.h>
#include <stdlib.h>

static int days_in(int month) {
    return month == 2 ? 28 : 30 + (month + month / 8) % 2;
}

static int *month_table(void) {
    int *days = malloc(12 * sizeof *days);
    for (int month = 1; month <= 12; month++)
        days[month] = days_in(month); // <- bug
    return days;
}

int main(void) {
    int *days = month_table();
    printf("May has %d days\n", days[5]);
    free(days);
}
