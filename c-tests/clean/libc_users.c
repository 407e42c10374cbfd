// Functions of libc that allocate for their callers, or for themselves.
// expect: clean
#define _GNU_SOURCE
#include <dirent.h>
#include <locale.h>
#include <netdb.h>
#include <regex.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

int main(void)
{
    char *text, *line = NULL;
    size_t size = 0;
    asprintf(&text, "%s %d %.3f %ls", "text", 5, 1.5, L"wide");
    puts(text);
    free(text);
    FILE *memory = open_memstream(&text, &size);
    for (int i = 0; i < 1000; i++)
        fprintf(memory, "line %d\n", i);
    fclose(memory);
    FILE *lines = fmemopen(text, size, "r");
    int count = 0;
    for (size_t capacity = 0; getline(&line, &capacity, lines) > 0;)
        count++;
    fclose(lines);
    free(line);
    free(text);
    regex_t expression;
    regcomp(&expression, "(a|b)*c{2,5}", REG_EXTENDED);
    int matched = regexec(&expression, "abbaccc", 0, NULL, 0);
    regfree(&expression);
    DIR *directory = opendir("/proc/self");
    while (readdir(directory))
        ;
    closedir(directory);
    setlocale(LC_ALL, "C.UTF-8");
    char *path = realpath("/proc/self/..", NULL);
    printf("%d lines, match %d, path %s\n", count, matched, path);
    free(path);
    return 0;
}
