/* A function that POSIX has a name for, and that has nothing to do with it. */
int link(char *list, long count)
{
    int sum = 0;
    for (long i = 0; i < count; i++)
        sum += list[i];
    return sum;
}
