/* Functions that POSIX has names for, and that have nothing to do with it. */
int link(char *list, long count)
{
    int sum = 0;
    for (long i = 0; i < count; i++)
        sum += list[i];
    return sum;
}

int accept(char *list, char *wanted)
{
    return list[0] == wanted[0];
}
