// The cases of checked_calls.c: CASE(function, access of the bad call, its size or 0 where that is
// the machine's matter, the call). One row each.
#define CASES \
    CASE(memcpy, READ, 21, memcpy(far, object(20, 0), 20 + extra)) \
    CASE(mempcpy, READ, 21, mempcpy(far, object(20, 0), 20 + extra)) \
    CASE(memmove, READ, 21, memmove(far, object(20, 0), 20 + extra)) \
    CASE(__mempcpy, READ, 21, F(copy_fn, "__mempcpy")(far, object(20, 0), 20 + extra)) \
    CASE(__memcpy_chk, WRITE, 21, F(copy_chk *, "__memcpy_chk")(object(20, 0), far, 20 + extra, 99)) \
    CASE(__mempcpy_chk, WRITE, 21, F(copy_chk *, "__mempcpy_chk")(object(20, 0), far, 20 + extra, 99)) \
    CASE(__memmove_chk, WRITE, 21, F(copy_chk *, "__memmove_chk")(object(20, 0), far, 20 + extra, 99)) \
    CASE(bcopy, WRITE, 21, bcopy(far, object(20, 0), 20 + extra)) \
    CASE(memccpy, WRITE, 21, memccpy(object(20, 0), far, 1, 20 + extra)) \
    CASE(swab, READ, 22, swab(object(20, 0), far, 20 + 2 * extra)) \
    CASE(memset, WRITE, 21, memset(object(20, 0), 1, 20 + extra)) \
    CASE(__memset_chk, WRITE, 21, F(void *(*)(void *, int, size_t, size_t), "__memset_chk")(object(20, 0), 1, 20 + extra, 99)) \
    CASE(bzero, WRITE, 21, bzero(object(20, 0), 20 + extra)) \
    CASE(__bzero, WRITE, 21, F(void (*)(void *, size_t), "__bzero")(object(20, 0), 20 + extra)) \
    CASE(explicit_bzero, WRITE, 21, explicit_bzero(object(20, 0), 20 + extra)) \
    CASE(__explicit_bzero_chk, WRITE, 21, F(void (*)(void *, size_t, size_t), "__explicit_bzero_chk")(object(20, 0), 20 + extra, 99)) \
    CASE(memcmp, READ, 21, memcmp(far, object(20, 0), 20 + extra)) \
    CASE(bcmp, READ, 21, bcmp(far, object(20, 0), 20 + extra)) \
    CASE(__memcmpeq, READ, 21, F(int (*)(void *, void *, size_t), "__memcmpeq")(far, object(20, 0), 20 + extra)) \
    CASE(memchr, READ, 21, memchr(object(20, 0), 1, 20 + extra)) \
    CASE(rawmemchr, READ, 21, F(void *(*)(void *, int), "rawmemchr")(object(20, 0), extra)) \
    CASE(__rawmemchr, READ, 21, F(void *(*)(void *, int), "__rawmemchr")(object(20, 0), extra)) \
    CASE(memrchr, READ, 21, memrchr(object(20, 0), 1, 20 + extra)) \
    CASE(memmem, READ, 21, memmem(object(20, 0), 20 + extra, "x", 1)) \
    CASE(wmemcpy, READ, 84, wmemcpy(wfar, (wchar_t *)object(80, 0), 20 + extra)) \
    CASE(__wmemcpy_chk, WRITE, 84, F(copy_chk *, "__wmemcpy_chk")(object(80, 0), wfar, 20 + extra, 99)) \
    CASE(wmempcpy, READ, 84, wmempcpy(wfar, (wchar_t *)object(80, 0), 20 + extra)) \
    CASE(__wmempcpy_chk, WRITE, 84, F(copy_chk *, "__wmempcpy_chk")(object(80, 0), wfar, 20 + extra, 99)) \
    CASE(wmemmove, READ, 84, wmemmove(wfar, (wchar_t *)object(80, 0), 20 + extra)) \
    CASE(__wmemmove_chk, WRITE, 84, F(copy_chk *, "__wmemmove_chk")(object(80, 0), wfar, 20 + extra, 99)) \
    CASE(wmemset, WRITE, 84, wmemset((wchar_t *)object(80, 0), 1, 20 + extra)) \
    CASE(__wmemset_chk, WRITE, 84, F(void *(*)(void *, int, size_t, size_t), "__wmemset_chk")(object(80, 0), 1, 20 + extra, 99)) \
    CASE(wmemcmp, READ, 84, wmemcmp(wfar, (wchar_t *)object(80, 0), 20 + extra)) \
    CASE(wmemchr, READ, 84, wmemchr((wchar_t *)object(80, 0), 1, 20 + extra)) \
    CASE(strlen, READ, 20, strlen(text(20, extra))) \
    CASE(strnlen, READ, 20, strnlen(text(20, extra), 99)) \
    CASE(strcpy, READ, 20, strcpy(far, text(20, extra))) \
    CASE(__strcpy_chk, READ, 20, F(copy_fn, "__strcpy_chk")(far, text(20, extra), 256)) \
    CASE(stpcpy, READ, 20, stpcpy(far, text(20, extra))) \
    CASE(__stpcpy_chk, READ, 20, F(copy_fn, "__stpcpy_chk")(far, text(20, extra), 256)) \
    CASE(__stpcpy, READ, 20, F(str2, "__stpcpy")(far, text(20, extra))) \
    CASE(strncpy, WRITE, 20, strncpy(object(20 - extra, 0), "a", 20)) \
    CASE(__strncpy_chk, WRITE, 20, F(str3c, "__strncpy_chk")(object(20 - extra, 0), "a", 20, 99)) \
    CASE(stpncpy, WRITE, 20, stpncpy(object(20 - extra, 0), "a", 20)) \
    CASE(__stpncpy_chk, WRITE, 20, F(str3c, "__stpncpy_chk")(object(20 - extra, 0), "a", 20, 99)) \
    CASE(__stpncpy, WRITE, 20, F(str3, "__stpncpy")(object(20 - extra, 0), "a", 20)) \
    CASE(strcat, WRITE, 6, strcat(strcpy(object(6 - extra, 0), "ab"), "cde")) \
    CASE(__strcat_chk, WRITE, 6, F(copy_fn, "__strcat_chk")(strcpy(object(6 - extra, 0), "ab"), "cde", 99)) \
    CASE(strncat, WRITE, 6, strncat(strcpy(object(6 - extra, 0), "ab"), "cdefgh", 3)) \
    CASE(__strncat_chk, WRITE, 6, F(str3c, "__strncat_chk")(strcpy(object(6 - extra, 0), "ab"), "cdefgh", 3, 99)) \
    CASE(strlcpy, WRITE, 4, F(str3, "strlcpy")(object(4 - extra, 0), "abcdef", 4)) \
    CASE(__strlcpy_chk, WRITE, 4, F(str3c, "__strlcpy_chk")(object(4 - extra, 0), "abcdef", 4, 99)) \
    CASE(strlcat, WRITE, 5, F(str3, "strlcat")(strcpy(object(5 - extra, 0), "ab"), "cdef", 5)) \
    CASE(__strlcat_chk, WRITE, 5, F(str3c, "__strlcat_chk")(strcpy(object(5 - extra, 0), "ab"), "cdef", 5, 99)) \
    CASE(strdup, READ, 20, F(char *(*)(char *), "strdup")(text(20, extra))) \
    CASE(__strdup, READ, 20, F(char *(*)(char *), "__strdup")(text(20, extra))) \
    CASE(strndup, READ, 20, F(char *(*)(char *, size_t), "strndup")(text(20, extra), 99)) \
    CASE(__strndup, READ, 20, F(char *(*)(char *, size_t), "__strndup")(text(20, extra), 99)) \
    CASE(strcmp, READ, 20, strcmp("aaaaaaaaaaaaaaaaaaaa", text(20, extra))) \
    CASE(strcasecmp, READ, 20, strcasecmp("aaaaaaaaaaaaaaaaaaaa", text(20, extra))) \
    CASE(strcoll, READ, 20, strcoll("aaaaaaaaaaaaaaaaaaaa", text(20, extra))) \
    CASE(__strcasecmp, READ, 20, F(str2, "__strcasecmp")("AAAAAAAAAAAAAAAAAAAA", text(20, extra))) \
    CASE(strncmp, READ, 20, strncmp(text(20, extra), "aaaaaaaaaaaaaaaaaaaa", 99)) \
    CASE(strncasecmp, READ, 20, strncasecmp(text(20, extra), "AAAAAAAAAAAAAAAAAAAA", 99)) \
    CASE(strcasecmp_l, READ, 20, strcasecmp_l(text(20, extra), "aaaaaaaaaaaaaaaaaaaa", newlocale(LC_ALL_MASK, "C", 0))) \
    CASE(strncasecmp_l, READ, 20, strncasecmp_l(text(20, extra), "aaaaaaaaaaaaaaaaaaaa", 99, newlocale(LC_ALL_MASK, "C", 0))) \
    CASE(strcoll_l, READ, 20, strcoll_l(text(20, extra), "b", newlocale(LC_ALL_MASK, "C", 0))) \
    CASE(strchr, READ, 20, strchr(text(20, extra), 'b')) \
    CASE(index, READ, 20, index(text(20, extra), 'b')) \
    CASE(strrchr, READ, 20, strrchr(text(20, extra), 'b')) \
    CASE(rindex, READ, 20, rindex(text(20, extra), 'b')) \
    CASE(strchrnul, READ, 20, strchrnul(text(20, extra), 'b')) \
    CASE(strstr, READ, 20, strstr(text(20, extra), "b")) \
    CASE(strcasestr, READ, 20, strcasestr(text(20, extra), "b")) \
    CASE(strspn, READ, 20, strspn(text(20, extra), set)) \
    CASE(strcspn, READ, 20, strcspn(text(20, extra), "b")) \
    CASE(strpbrk, READ, 20, strpbrk(text(20, extra), "b")) \
    CASE(strtok, READ, 20, strtok("", text(20, extra))) \
    CASE(strtok_r, READ, 20, char *save; strtok_r("", text(20, extra), &save)) \
    CASE(__strtok_r, READ, 20, char *save; __strtok_r("", text(20, extra), &save)) \
    CASE(strsep, READ, 20, char *at = ""; strsep(&at, text(20, extra))) \
    CASE(strxfrm, WRITE, 5, strxfrm(object(5 - extra, 0), "abcd", 99)) \
    CASE(wcslen, READ, 80, wcslen(wide(20, extra))) \
    CASE(wcsnlen, READ, 80, wcsnlen(wide(20, extra), 99)) \
    CASE(wcscpy, READ, 80, wcscpy(wfar, wide(20, extra))) \
    CASE(__wcscpy_chk, READ, 80, F(copy_fn, "__wcscpy_chk")(wfar, wide(20, extra), 64)) \
    CASE(wcpcpy, READ, 80, wcpcpy(wfar, wide(20, extra))) \
    CASE(__wcpcpy_chk, READ, 80, F(copy_fn, "__wcpcpy_chk")(wfar, wide(20, extra), 64)) \
    CASE(wcsncpy, WRITE, 80, wcsncpy(wide(20 - extra, 0), wset, 20)) \
    CASE(__wcsncpy_chk, WRITE, 80, F(str3c, "__wcsncpy_chk")((char *)wide(20 - extra, 0), (char *)wset, 20, 99)) \
    CASE(wcpncpy, WRITE, 80, wcpncpy(wide(20 - extra, 0), wset, 20)) \
    CASE(__wcpncpy_chk, WRITE, 80, F(str3c, "__wcpncpy_chk")((char *)wide(20 - extra, 0), (char *)wset, 20, 99)) \
    CASE(wcscat, WRITE, 24, wcscat(wcscpy(wide(6 - extra, 0), L"ab"), L"cde")) \
    CASE(__wcscat_chk, WRITE, 24, F(copy_fn, "__wcscat_chk")(wcscpy(wide(6 - extra, 0), L"ab"), L"cde", 99)) \
    CASE(wcsncat, WRITE, 24, wcsncat(wcscpy(wide(6 - extra, 0), L"ab"), L"cdefgh", 3)) \
    CASE(__wcsncat_chk, WRITE, 24, F(str3c, "__wcsncat_chk")((char *)wcscpy(wide(6 - extra, 0), L"ab"), (char *)L"cdefgh", 3, 99)) \
    CASE(wcsdup, READ, 80, wcsdup(wide(20, extra))) \
    CASE(wcscmp, READ, 80, wcscmp(wide(20, extra), L"aaaaaaaaaaaaaaaaaaaa")) \
    CASE(wcscasecmp, READ, 80, wcscasecmp(wide(20, extra), L"aaaaaaaaaaaaaaaaaaaa")) \
    CASE(wcscoll, READ, 80, wcscoll(wide(20, extra), L"aaaaaaaaaaaaaaaaaaaa")) \
    CASE(wcsncmp, READ, 80, wcsncmp(wide(20, extra), L"aaaaaaaaaaaaaaaaaaaa", 99)) \
    CASE(wcsncasecmp, READ, 80, wcsncasecmp(wide(20, extra), L"aaaaaaaaaaaaaaaaaaaa", 99)) \
    CASE(wcschr, READ, 80, wcschr(wide(20, extra), L'b')) \
    CASE(wcschrnul, READ, 80, wcschrnul(wide(20, extra), L'b')) \
    CASE(wcsrchr, READ, 80, wcsrchr(wide(20, extra), L'b')) \
    CASE(wcsstr, READ, 80, wcsstr(wide(20, extra), L"b")) \
    CASE(wcsspn, READ, 80, wcsspn(wide(20, extra), wset)) \
    CASE(wcscspn, READ, 80, wcscspn(wide(20, extra), L"b")) \
    CASE(wcspbrk, READ, 80, wcspbrk(wide(20, extra), L"b")) \
    CASE(wcstok, READ, 80, wchar_t *save; wcstok(L"", wide(20, extra), &save)) \
    CASE(strtol, READ, 3, F(num, "strtol")(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL, 10)) \
    CASE(strtoll, READ, 3, F(num, "strtoll")(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL, 10)) \
    CASE(strtoul, READ, 3, F(num, "strtoul")(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL, 10)) \
    CASE(strtoull, READ, 3, F(num, "strtoull")(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL, 10)) \
    CASE(strtoq, READ, 3, F(num, "strtoq")(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL, 10)) \
    CASE(strtouq, READ, 3, F(num, "strtouq")(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL, 10)) \
    CASE(strtoimax, READ, 3, F(num, "strtoimax")(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL, 10)) \
    CASE(strtoumax, READ, 3, F(num, "strtoumax")(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL, 10)) \
    CASE(__isoc23_strtol, READ, 3, F(num, "__isoc23_strtol")(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL, 10)) \
    CASE(__isoc23_strtoll, READ, 3, F(num, "__isoc23_strtoll")(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL, 10)) \
    CASE(__isoc23_strtoul, READ, 3, F(num, "__isoc23_strtoul")(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL, 10)) \
    CASE(__isoc23_strtoull, READ, 3, F(num, "__isoc23_strtoull")(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL, 10)) \
    CASE(__isoc23_strtoimax, READ, 3, F(num, "__isoc23_strtoimax")(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL, 10)) \
    CASE(__isoc23_strtoumax, READ, 3, F(num, "__isoc23_strtoumax")(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL, 10)) \
    CASE(atoi, READ, 3, atoi(memcpy(object(3 - extra, 0), "12", 3 - extra))) \
    CASE(atol, READ, 3, atol(memcpy(object(3 - extra, 0), "12", 3 - extra))) \
    CASE(atoll, READ, 3, atoll(memcpy(object(3 - extra, 0), "12", 3 - extra))) \
    CASE(atof, READ, 3, atof(memcpy(object(3 - extra, 0), "12", 3 - extra))) \
    CASE(strtod, READ, 3, strtod(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL)) \
    CASE(strtof, READ, 3, strtof(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL)) \
    CASE(strtold, READ, 3, strtold(memcpy(object(3 - extra, 0), "12", 3 - extra), NULL)) \
    CASE(read, WRITE, 21, read(filled(far, 20 + extra), object(20, 0), 99)) \
    CASE(__read, WRITE, 21, F(ssize_t (*)(int, void *, size_t), "__read")(filled(far, 20 + extra), object(20, 0), 99)) \
    CASE(__read_chk, WRITE, 21, F(ssize_t (*)(int, void *, size_t, size_t), "__read_chk")(filled(far, 20 + extra), object(20, 0), 99, 99)) \
    CASE(pread, WRITE, 64, F(ssize_t (*)(int, void *, size_t, off_t), "pread")(atoi(at_file(0)), object(64 - extra, 0), 64, 0)) \
    CASE(pread64, WRITE, 64, F(ssize_t (*)(int, void *, size_t, off_t), "pread64")(atoi(at_file(0)), object(64 - extra, 0), 64, 0)) \
    CASE(__pread64, WRITE, 64, F(ssize_t (*)(int, void *, size_t, off_t), "__pread64")(atoi(at_file(0)), object(64 - extra, 0), 64, 0)) \
    CASE(__pread_chk, WRITE, 64, F(ssize_t (*)(int, void *, size_t, off_t, size_t), "__pread_chk")(atoi(at_file(0)), object(64 - extra, 0), 64, 0, 99)) \
    CASE(__pread64_chk, WRITE, 64, F(ssize_t (*)(int, void *, size_t, off_t, size_t), "__pread64_chk")(atoi(at_file(0)), object(64 - extra, 0), 64, 0, 99)) \
    CASE(recv, WRITE, 21, recv(datagram(20 + extra), object(20, 0), 99, 0)) \
    CASE(__recv_chk, WRITE, 21, F(ssize_t (*)(int, void *, size_t, size_t, int), "__recv_chk")(datagram(20 + extra), object(20, 0), 99, 99, 0)) \
    CASE(recvfrom, WRITE, 21, recvfrom(datagram(20 + extra), object(20, 0), 99, 0, NULL, NULL)) \
    CASE(__recvfrom_chk, WRITE, 21, F(ssize_t (*)(int, void *, size_t, size_t, int, void *, socklen_t *), "__recvfrom_chk")(datagram(20 + extra), object(20, 0), 99, 99, 0, NULL, NULL)) \
    CASE(recvmsg, WRITE, 21, recvmsg(datagram(20 + extra), message(object(20, 0), 99), 0)) \
    CASE(readv, WRITE, 21, readv(filled(far, 20 + extra), vector(object(20, 0), 99), 1)) \
    CASE(preadv, WRITE, 64, preadv(atoi(at_file(0)), vector(object(64 - extra, 0), 64), 1, 0)) \
    CASE(preadv64, WRITE, 64, preadv64(atoi(at_file(0)), vector(object(64 - extra, 0), 64), 1, 0)) \
    CASE(write, READ, 21, F(ssize_t (*)(int, void *, size_t), "write")(null(), object(20, 0), 20 + extra)) \
    CASE(__write, READ, 21, F(ssize_t (*)(int, void *, size_t), "__write")(null(), object(20, 0), 20 + extra)) \
    CASE(pwrite, READ, 21, F(ssize_t (*)(int, void *, size_t, off_t), "pwrite")(null(), object(20, 0), 20 + extra, 0)) \
    CASE(pwrite64, READ, 21, F(ssize_t (*)(int, void *, size_t, off_t), "pwrite64")(null(), object(20, 0), 20 + extra, 0)) \
    CASE(__pwrite64, READ, 21, F(ssize_t (*)(int, void *, size_t, off_t), "__pwrite64")(null(), object(20, 0), 20 + extra, 0)) \
    CASE(send, READ, 21, F(ssize_t (*)(int, void *, size_t, int), "send")(peer(), object(20, 0), 20 + extra, 0)) \
    CASE(__send, READ, 21, F(ssize_t (*)(int, void *, size_t, int), "__send")(peer(), object(20, 0), 20 + extra, 0)) \
    CASE(sendto, READ, 21, sendto(peer(), object(20, 0), 20 + extra, 0, NULL, 0)) \
    CASE(sendmsg, READ, 21, sendmsg(peer(), message(object(20, 0), 20 + extra), 0)) \
    CASE(writev, READ, 21, writev(null(), vector(object(20, 0), 20 + extra), 1)) \
    CASE(pwritev, READ, 21, pwritev(null(), vector(object(20, 0), 20 + extra), 1, 0)) \
    CASE(pwritev64, READ, 21, pwritev64(null(), vector(object(20, 0), 20 + extra), 1, 0)) \
    CASE(connect, READ, 17, connect(-1, (struct sockaddr *)object(16, 0), 16 + extra)) \
    CASE(bind, READ, 17, bind(-1, (struct sockaddr *)object(16, 0), 16 + extra)) \
    CASE(pipe, WRITE, 8, pipe((int *)object(8 - extra, 0))) \
    CASE(pipe2, WRITE, 8, pipe2((int *)object(8 - extra, 0), O_CLOEXEC)) \
    CASE(socketpair, WRITE, 8, socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)object(8 - extra, 0))) \
    CASE(getrandom, WRITE, 21, getrandom(object(20, 0), 20 + extra, 0)) \
    CASE(getentropy, WRITE, 21, getentropy(object(20, 0), 20 + extra)) \
    CASE(syscall, READ, 21, syscall(SYS_write, null(), object(20, 0), 20 + extra)) \
    CASE(poll, WRITE, 24, poll((struct pollfd *)object(16, -1), 2 + extra, 0)) \
    CASE(ppoll, WRITE, 24, ppoll((struct pollfd *)object(16, -1), 2 + extra, &soon, NULL)) \
    CASE(__poll_chk, WRITE, 24, F(int (*)(void *, nfds_t, int, size_t), "__poll_chk")(object(16, -1), 2 + extra, 0, 99)) \
    CASE(__ppoll_chk, WRITE, 24, F(int (*)(void *, nfds_t, void *, void *, size_t), "__ppoll_chk")(object(16, -1), 2 + extra, &soon, NULL, 99)) \
    CASE(select, WRITE, 128, select(1024, (fd_set *)object(128 - extra, 0), NULL, NULL, &(struct timeval){0, 1})) \
    CASE(pselect, WRITE, 128, pselect(1024, NULL, (fd_set *)object(128 - extra, 0), NULL, &soon, NULL)) \
    CASE(epoll_wait, WRITE, 12, epoll_wait(events(), (struct epoll_event *)object(12 - extra, 0), 9, 0)) \
    CASE(stat, WRITE, 144, stat("/", (void *)object(144 - extra, 0))) \
    CASE(stat64, WRITE, 144, stat64("/", (void *)object(144 - extra, 0))) \
    CASE(lstat, WRITE, 144, lstat("/", (void *)object(144 - extra, 0))) \
    CASE(lstat64, WRITE, 144, lstat64("/", (void *)object(144 - extra, 0))) \
    CASE(fstat, WRITE, 144, fstat(0, (void *)object(144 - extra, 0))) \
    CASE(fstat64, WRITE, 144, fstat64(0, (void *)object(144 - extra, 0))) \
    CASE(fstatat, WRITE, 144, fstatat(AT_FDCWD, "/", (void *)object(144 - extra, 0), 0)) \
    CASE(fstatat64, WRITE, 144, fstatat64(AT_FDCWD, "/", (void *)object(144 - extra, 0), 0)) \
    CASE(getcwd, WRITE, 0, const char *path = directory(); size_t n = strlen(path) + 1; getcwd(object(n - extra, 0), 4096)) \
    CASE(__getcwd_chk, WRITE, 0, const char *path = directory(); size_t n = strlen(path) + 1; F(char *(*)(char *, size_t, size_t), "__getcwd_chk")(object(n - extra, 0), 4096, 4096)) \
    CASE(realpath, WRITE, 6, realpath("/proc", object(6 - extra, 0))) \
    CASE(__realpath_chk, WRITE, 6, F(char *(*)(char *, char *, size_t), "__realpath_chk")("/proc", object(6 - extra, 0), 4096)) \
    CASE(readlink, WRITE, 0, const char *path = link_target(); size_t n = strlen(path) + 0; readlink("/proc/self/exe", object(n - extra, 0), 4096)) \
    CASE(__readlink_chk, WRITE, 0, const char *path = link_target(); size_t n = strlen(path) + 0; F(ssize_t (*)(char *, char *, size_t, size_t), "__readlink_chk")("/proc/self/exe", object(n - extra, 0), 4096, 4096)) \
    CASE(readlinkat, WRITE, 0, const char *path = link_target(); size_t n = strlen(path) + 0; readlinkat(AT_FDCWD, "/proc/self/exe", object(n - extra, 0), 4096)) \
    CASE(__readlinkat_chk, WRITE, 0, const char *path = link_target(); size_t n = strlen(path) + 0; F(ssize_t (*)(int, char *, char *, size_t, size_t), "__readlinkat_chk")(AT_FDCWD, "/proc/self/exe", object(n - extra, 0), 4096, 4096)) \
    CASE(gethostname, WRITE, 0, gethostname(far, 256); size_t n = strlen(far) + 1; gethostname(object(n - extra, 0), 99)) \
    CASE(__gethostname_chk, WRITE, 0, gethostname(far, 256); size_t n = strlen(far) + 1; F(int (*)(char *, size_t, size_t), "__gethostname_chk")(object(n - extra, 0), 99, 99)) \
    CASE(fread, WRITE, 20, fread(object(19, 0), 1, 99, stream("aaaaaaaaaaaaaaaaaaaa" + !extra))) \
    CASE(__fread_chk, WRITE, 20, F(size_t (*)(void *, size_t, size_t, size_t, FILE *), "__fread_chk")(object(19, 0), 99, 1, 99, stream("aaaaaaaaaaaaaaaaaaaa" + !extra))) \
    CASE(fread_unlocked, WRITE, 20, fread_unlocked(object(19, 0), 1, 99, stream("aaaaaaaaaaaaaaaaaaaa" + !extra))) \
    CASE(__fread_unlocked_chk, WRITE, 20, F(size_t (*)(void *, size_t, size_t, size_t, FILE *), "__fread_unlocked_chk")(object(19, 0), 99, 1, 99, stream("aaaaaaaaaaaaaaaaaaaa" + !extra))) \
    CASE(fwrite, READ, 21, fwrite(object(20, 0), 1, 20 + extra, nowhere())) \
    CASE(fwrite_unlocked, READ, 21, fwrite_unlocked(object(20, 0), 1, 20 + extra, nowhere())) \
    CASE(fgets, WRITE, 21, fgets(object(20, 0), 99, stream("aaaaaaaaaaaaaaaaaaaa" + !extra))) \
    CASE(__fgets_chk, WRITE, 21, F(char *(*)(char *, size_t, int, FILE *), "__fgets_chk")(object(20, 0), 99, 99, stream("aaaaaaaaaaaaaaaaaaaa" + !extra))) \
    CASE(fgets_unlocked, WRITE, 21, fgets_unlocked(object(20, 0), 99, stream("aaaaaaaaaaaaaaaaaaaa" + !extra))) \
    CASE(__fgets_unlocked_chk, WRITE, 21, F(char *(*)(char *, size_t, int, FILE *), "__fgets_unlocked_chk")(object(20, 0), 99, 99, stream("aaaaaaaaaaaaaaaaaaaa" + !extra))) \
    CASE(fputs, READ, 20, fputs(text(20, extra), nowhere())) \
    CASE(fputs_unlocked, READ, 20, fputs_unlocked(text(20, extra), nowhere())) \
    CASE(puts, READ, 20, stdout = nowhere(); puts(text(20, extra)); stdout = out) \
    CASE(perror, READ, 20, stderr = nowhere(); perror(text(20, extra)); stderr = err) \
    CASE(getline, WRITE, 0, char *line = object(21 - extra, 0); size_t n = 120; getline(&line, &n, stream("aaaaaaaaaaaaaaaaaaaa"))) \
    CASE(getdelim, WRITE, 0, char *line = object(21 - extra, 0); size_t n = 120; F(ssize_t (*)(char **, size_t *, int, FILE *), "getdelim")(&line, &n, 10, stream("aaaaaaaaaaaaaaaaaaaa"))) \
    CASE(__getdelim, WRITE, 0, char *line = object(21 - extra, 0); size_t n = 120; F(ssize_t (*)(char **, size_t *, int, FILE *), "__getdelim")(&line, &n, 10, stream("aaaaaaaaaaaaaaaaaaaa"))) \
    CASE(qsort, WRITE, 24, qsort(object(16, 0), 2 + extra, 8, order)) \
    CASE(qsort_r, WRITE, 24, qsort_r(object(16, 0), 2 + extra, 8, order_r, NULL)) \
    CASE(bsearch, READ, 24, bsearch(far, object(16, 0), 2 + extra, 8, order)) \
    CASE(printf, READ, 20, stdout = nowhere(); printf("%d%s%f%n%c%s", 1, "x", 2.5, (int *)far, 65, text(20, extra)); stdout = out) \
    CASE(__printf_chk, READ, 20, stdout = nowhere(); F(int (*)(int, const char *, ...), "__printf_chk")(0, "%d%s%f%n%c%s", 1, "x", 2.5, (int *)far, 65, text(20, extra)); stdout = out) \
    CASE(vprintf, READ, 20, stdout = nowhere(); call_v(vprintf, "%d%s%s", 1, "x", text(20, extra)); stdout = out) \
    CASE(__vprintf_chk, READ, 20, stdout = nowhere(); call_v2(F(int (*)(), "__vprintf_chk"), 0, "%d%s%s", 1, "x", text(20, extra)); stdout = out) \
    CASE(fprintf, READ, 20, fprintf(nowhere(), "%d%s%f%n%c%s", 1, "x", 2.5, (int *)far, 65, text(20, extra))) \
    CASE(__fprintf_chk, READ, 20, F(int (*)(FILE *, int, const char *, ...), "__fprintf_chk")(nowhere(), 0, "%d%s%f%n%c%s", 1, "x", 2.5, (int *)far, 65, text(20, extra))) \
    CASE(vfprintf, READ, 20, call_v2(vfprintf, nowhere(), "%d%s%s", 1, "x", text(20, extra))) \
    CASE(__vfprintf_chk, READ, 20, call_v3(F(int (*)(), "__vfprintf_chk"), nowhere(), 0, "%d%s%s", 1, "x", text(20, extra))) \
    CASE(dprintf, READ, 20, dprintf(null(), "%d%s%f%n%c%s", 1, "x", 2.5, (int *)far, 65, text(20, extra))) \
    CASE(__dprintf_chk, READ, 20, F(int (*)(int, int, const char *, ...), "__dprintf_chk")(null(), 0, "%d%s%f%n%c%s", 1, "x", 2.5, (int *)far, 65, text(20, extra))) \
    CASE(vdprintf, READ, 20, call_v2(vdprintf, (void *)(long)null(), "%d%s%s", 1, "x", text(20, extra))) \
    CASE(__vdprintf_chk, READ, 20, call_v3(F(int (*)(), "__vdprintf_chk"), (void *)(long)null(), 0, "%d%s%s", 1, "x", text(20, extra))) \
    CASE(asprintf, READ, 20, char *made; asprintf(&made, "%d%s%f%n%c%s", 1, "x", 2.5, (int *)far, 65, text(20, extra))) \
    CASE(__asprintf_chk, READ, 20, char *made; F(int (*)(char **, int, const char *, ...), "__asprintf_chk")(&made, 0, "%d%s%f%n%c%s", 1, "x", 2.5, (int *)far, 65, text(20, extra))) \
    CASE(vasprintf, READ, 20, char *made; call_v2(vasprintf, &made, "%d%s%s", 1, "x", text(20, extra))) \
    CASE(__vasprintf_chk, READ, 20, char *made; call_v3(F(int (*)(), "__vasprintf_chk"), &made, 0, "%d%s%s", 1, "x", text(20, extra))) \
    CASE(syslog, READ, 20, syslog(LOG_DEBUG, "%d%s%f%n%c%s", 1, "x", 2.5, (int *)far, 65, text(20, extra))) \
    CASE(__syslog_chk, READ, 20, F(void (*)(int, int, const char *, ...), "__syslog_chk")(LOG_DEBUG, 0, "%d%s%f%n%c%s", 1, "x", 2.5, (int *)far, 65, text(20, extra))) \
    CASE(snprintf, WRITE, 6, snprintf(object(6 - extra, 0), 99, "%d%s%c", 12, "34", 53)) \
    CASE(vsnprintf, WRITE, 6, call_v3(vsnprintf, object(6 - extra, 0), (void *)99, "%d%s%c", 12, "34", 53)) \
    CASE(sprintf, WRITE, 6, sprintf(object(6 - extra, 0), "%d%s%c", 12, "34", 53)) \
    CASE(vsprintf, WRITE, 6, call_v2(vsprintf, object(6 - extra, 0), "%d%s%c", 12, "34", 53)) \
    CASE(__snprintf_chk, WRITE, 6, F(int (*)(char *, size_t, int, size_t, const char *, ...), "__snprintf_chk")(object(6 - extra, 0), 99, 0, 99, "%d%s%c", 12, "34", 53)) \
    CASE(__vsnprintf_chk, WRITE, 6, call_v5(F(int (*)(), "__vsnprintf_chk"), object(6 - extra, 0), 99, 0, 99, "%d%s%c", 12, "34", 53)) \
    CASE(__sprintf_chk, WRITE, 6, F(int (*)(char *, int, size_t, const char *, ...), "__sprintf_chk")(object(6 - extra, 0), 0, -1, "%d%s%c", 12, "34", 53)) \
    CASE(__vsprintf_chk, WRITE, 6, call_v4(F(int (*)(), "__vsprintf_chk"), object(6 - extra, 0), 0, -1, "%d%s%c", 12, "34", 53)) \
    CASE(swprintf, WRITE, 24, swprintf(wide(6 - extra, 0), 99, L"%d%s%c", 12, "34", 53)) \
    CASE(vswprintf, WRITE, 24, call_v3(vswprintf, wide(6 - extra, 0), (void *)99, L"%d%s%c", 12, "34", 53)) \
    CASE(scanf, WRITE, 4, stdin = stream("12 abc"); F(int (*)(const char *, ...), "scanf")("%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(vscanf, WRITE, 4, stdin = stream("12 abc"); call_v(F(int (*)(), "vscanf"), "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(fscanf, WRITE, 4, F(int (*)(FILE *, const char *, ...), "fscanf")(stream("12 abc"), "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(vfscanf, WRITE, 4, call_v2(F(int (*)(), "vfscanf"), stream("12 abc"), "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(sscanf, WRITE, 4, F(int (*)(const char *, const char *, ...), "sscanf")("12 abc", "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(vsscanf, WRITE, 4, call_v2(F(int (*)(), "vsscanf"), "12 abc", "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(__isoc99_scanf, WRITE, 4, stdin = stream("12 abc"); F(int (*)(const char *, ...), "__isoc99_scanf")("%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(__isoc99_vscanf, WRITE, 4, stdin = stream("12 abc"); call_v(F(int (*)(), "__isoc99_vscanf"), "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(__isoc99_fscanf, WRITE, 4, F(int (*)(FILE *, const char *, ...), "__isoc99_fscanf")(stream("12 abc"), "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(__isoc99_vfscanf, WRITE, 4, call_v2(F(int (*)(), "__isoc99_vfscanf"), stream("12 abc"), "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(__isoc99_sscanf, WRITE, 4, F(int (*)(const char *, const char *, ...), "__isoc99_sscanf")("12 abc", "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(__isoc99_vsscanf, WRITE, 4, call_v2(F(int (*)(), "__isoc99_vsscanf"), "12 abc", "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(__isoc23_scanf, WRITE, 4, stdin = stream("12 abc"); F(int (*)(const char *, ...), "__isoc23_scanf")("%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(__isoc23_vscanf, WRITE, 4, stdin = stream("12 abc"); call_v(F(int (*)(), "__isoc23_vscanf"), "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(__isoc23_fscanf, WRITE, 4, F(int (*)(FILE *, const char *, ...), "__isoc23_fscanf")(stream("12 abc"), "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(__isoc23_vfscanf, WRITE, 4, call_v2(F(int (*)(), "__isoc23_vfscanf"), stream("12 abc"), "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(__isoc23_sscanf, WRITE, 4, F(int (*)(const char *, const char *, ...), "__isoc23_sscanf")("12 abc", "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(__isoc23_vsscanf, WRITE, 4, call_v2(F(int (*)(), "__isoc23_vsscanf"), "12 abc", "%d %s", (int *)far, object(4 - extra, 0))) \
    CASE(strftime, WRITE, 5, strftime(object(5 - extra, 0), 99, "%Y", &day)) \
    CASE(ctime_r, WRITE, 26, ctime_r(&now, object(26 - extra, 0))) \
    CASE(asctime_r, WRITE, 26, asctime_r(&day, object(26 - extra, 0))) \
    CASE(wcstol, READ, 12, F(wnum, "wcstol")((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL, 10)) \
    CASE(wcstoll, READ, 12, F(wnum, "wcstoll")((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL, 10)) \
    CASE(wcstoul, READ, 12, F(wnum, "wcstoul")((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL, 10)) \
    CASE(wcstoull, READ, 12, F(wnum, "wcstoull")((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL, 10)) \
    CASE(wcstoq, READ, 12, F(wnum, "wcstoq")((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL, 10)) \
    CASE(wcstouq, READ, 12, F(wnum, "wcstouq")((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL, 10)) \
    CASE(wcstoimax, READ, 12, F(wnum, "wcstoimax")((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL, 10)) \
    CASE(wcstoumax, READ, 12, F(wnum, "wcstoumax")((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL, 10)) \
    CASE(__isoc23_wcstol, READ, 12, F(wnum, "__isoc23_wcstol")((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL, 10)) \
    CASE(__isoc23_wcstoll, READ, 12, F(wnum, "__isoc23_wcstoll")((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL, 10)) \
    CASE(__isoc23_wcstoul, READ, 12, F(wnum, "__isoc23_wcstoul")((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL, 10)) \
    CASE(__isoc23_wcstoull, READ, 12, F(wnum, "__isoc23_wcstoull")((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL, 10)) \
    CASE(__isoc23_wcstoimax, READ, 12, F(wnum, "__isoc23_wcstoimax")((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL, 10)) \
    CASE(__isoc23_wcstoumax, READ, 12, F(wnum, "__isoc23_wcstoumax")((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL, 10)) \
    CASE(wcstod, READ, 12, wcstod((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL)) \
    CASE(wcstof, READ, 12, wcstof((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL)) \
    CASE(wcstold, READ, 12, wcstold((wchar_t *)memcpy(object(12 - 4 * extra, 0), L"12", 12 - 4 * extra), NULL)) \
    CASE(mbstowcs, WRITE, 80, mbstowcs((void *)object(80 - 4 * extra, 0), "aaaaaaaaaaaaaaaaaaa", 99)) \
    CASE(__mbstowcs_chk, WRITE, 80, F(size_t (*)(void *, const void *, size_t, ...), "__mbstowcs_chk")(object(80 - 4 * extra, 0), "aaaaaaaaaaaaaaaaaaa", 99ul, 99ul)) \
    CASE(wcstombs, WRITE, 20, wcstombs(object(20 - extra, 0), L"aaaaaaaaaaaaaaaaaaa", 99)) \
    CASE(__wcstombs_chk, WRITE, 20, F(size_t (*)(void *, const void *, size_t, ...), "__wcstombs_chk")(object(20 - extra, 0), L"aaaaaaaaaaaaaaaaaaa", 99ul, 99ul)) \
    CASE(mbsrtowcs, READ, 20, const char *from = text(20, extra); mbsrtowcs(wfar, &from, 64, &(mbstate_t){0})) \
    CASE(__mbsrtowcs_chk, READ, 20, const char *from = text(20, extra); F(size_t (*)(void *, const void *, size_t, ...), "__mbsrtowcs_chk")(wfar, &from, 64ul, NULL, 64ul)) \
    CASE(wcsrtombs, READ, 80, const wchar_t *from = wide(20, extra); wcsrtombs(far, &from, 64, &(mbstate_t){0})) \
    CASE(__wcsrtombs_chk, READ, 80, const wchar_t *from = wide(20, extra); F(size_t (*)(void *, const void *, size_t, ...), "__wcsrtombs_chk")(far, &from, 64ul, NULL, 64ul)) \
    CASE(mbsnrtowcs, WRITE, 76, const char *from = "aaaaaaaaaaaaaaaaaaa"; mbsnrtowcs((void *)object(76 - 4 * extra, 0), &from, 19, 99, NULL)) \
    CASE(__mbsnrtowcs_chk, WRITE, 76, const char *from = "aaaaaaaaaaaaaaaaaaa"; F(size_t (*)(void *, const void *, size_t, ...), "__mbsnrtowcs_chk")(object(76 - 4 * extra, 0), &from, 19ul, 99ul, NULL, 99ul)) \
    CASE(wcsnrtombs, WRITE, 19, const wchar_t *from = L"aaaaaaaaaaaaaaaaaaa"; wcsnrtombs(object(19 - extra, 0), &from, 19, 99, NULL)) \
    CASE(__wcsnrtombs_chk, WRITE, 19, const wchar_t *from = L"aaaaaaaaaaaaaaaaaaa"; F(size_t (*)(void *, const void *, size_t, ...), "__wcsnrtombs_chk")(object(19 - extra, 0), &from, 19ul, 99ul, NULL, 99ul)) \
    CASE(fgetws, WRITE, 84, fgetws((wchar_t *)object(80, 0), 99, stream("aaaaaaaaaaaaaaaaaaaa" + !extra))) \
    CASE(fgetws_unlocked, WRITE, 84, fgetws_unlocked((wchar_t *)object(80, 0), 99, stream("aaaaaaaaaaaaaaaaaaaa" + !extra))) \
    CASE(__fgetws_chk, WRITE, 84, F(wchar_t *(*)(void *, size_t, int, FILE *), "__fgetws_chk")(object(80, 0), 99, 99, stream("aaaaaaaaaaaaaaaaaaaa" + !extra))) \
    CASE(__fgetws_unlocked_chk, WRITE, 84, F(wchar_t *(*)(void *, size_t, int, FILE *), "__fgetws_unlocked_chk")(object(80, 0), 99, 99, stream("aaaaaaaaaaaaaaaaaaaa" + !extra))) \
    CASE(fputws, READ, 80, fputws(wide(20, extra), nowhere())) \
    CASE(fputws_unlocked, READ, 80, fputws_unlocked(wide(20, extra), nowhere())) \
    CASE(open, READ, 20, open(missing(extra), O_RDONLY)) \
    CASE(open64, READ, 20, open64(missing(extra), O_RDONLY)) \
    CASE(__open_2, READ, 20, F(int (*)(char *, int), "__open_2")(missing(extra), O_RDONLY)) \
    CASE(__open64_2, READ, 20, F(int (*)(char *, int), "__open64_2")(missing(extra), O_RDONLY)) \
    CASE(openat, READ, 20, openat(AT_FDCWD, missing(extra), O_RDONLY)) \
    CASE(openat64, READ, 20, openat64(AT_FDCWD, missing(extra), O_RDONLY)) \
    CASE(__openat_2, READ, 20, F(int (*)(int, char *, int), "__openat_2")(AT_FDCWD, missing(extra), O_RDONLY)) \
    CASE(__openat64_2, READ, 20, F(int (*)(int, char *, int), "__openat64_2")(AT_FDCWD, missing(extra), O_RDONLY)) \
    CASE(creat, READ, 20, creat(missing(extra), 0700)) \
    CASE(creat64, READ, 20, creat64(missing(extra), 0700)) \
    CASE(mkdir, READ, 20, mkdir(missing(extra), 0700)) \
    CASE(mkfifo, READ, 20, mkfifo(missing(extra), 0700)) \
    CASE(chmod, READ, 20, chmod(missing(extra), 0700)) \
    CASE(truncate, READ, 20, truncate(missing(extra), 0700)) \
    CASE(truncate64, READ, 20, truncate64(missing(extra), 0700)) \
    CASE(access, READ, 20, access(missing(extra), R_OK)) \
    CASE(euidaccess, READ, 20, euidaccess(missing(extra), R_OK)) \
    CASE(eaccess, READ, 20, eaccess(missing(extra), R_OK)) \
    CASE(unlink, READ, 20, unlink(missing(extra))) \
    CASE(remove, READ, 20, remove(missing(extra))) \
    CASE(rmdir, READ, 20, rmdir(missing(extra))) \
    CASE(chdir, READ, 20, chdir(missing(extra))) \
    CASE(chroot, READ, 20, chroot(missing(extra))) \
    CASE(opendir, READ, 20, opendir(missing(extra))) \
    CASE(chown, READ, 20, chown(missing(extra), -1, -1)) \
    CASE(lchown, READ, 20, lchown(missing(extra), -1, -1)) \
    CASE(faccessat, READ, 20, faccessat(AT_FDCWD, missing(extra), R_OK, 0)) \
    CASE(unlinkat, READ, 20, unlinkat(AT_FDCWD, missing(extra), 0)) \
    CASE(mkdirat, READ, 20, mkdirat(AT_FDCWD, missing(extra), 0700)) \
    CASE(mkfifoat, READ, 20, mkfifoat(AT_FDCWD, missing(extra), 0700)) \
    CASE(fchmodat, READ, 20, fchmodat(AT_FDCWD, missing(extra), 0700, 0)) \
    CASE(fchownat, READ, 20, fchownat(AT_FDCWD, missing(extra), -1, -1, 0)) \
    CASE(rename, READ, 20, rename("/a/b", missing(extra))) \
    CASE(link, READ, 20, link("/a/b", missing(extra))) \
    CASE(symlink, READ, 20, symlink("/a/b", missing(extra))) \
    CASE(renameat, READ, 20, renameat(AT_FDCWD, "/a/b", AT_FDCWD, missing(extra))) \
    CASE(renameat2, READ, 20, renameat2(AT_FDCWD, "/a/b", AT_FDCWD, missing(extra), 0)) \
    CASE(linkat, READ, 20, linkat(AT_FDCWD, "/a/b", AT_FDCWD, missing(extra), 0)) \
    CASE(symlinkat, READ, 20, symlinkat("/a/b", AT_FDCWD, missing(extra))) \
    CASE(fopen, READ, 20, fopen(missing(extra), "r")) \
    CASE(fopen64, READ, 20, fopen64(missing(extra), "r")) \
    CASE(freopen, READ, 20, freopen(missing(extra), "r", nowhere())) \
    CASE(freopen64, READ, 20, freopen64(missing(extra), "r", nowhere())) \
    CASE(fdopen, READ, 2, fdopen(null(), memcpy(object(2 - extra, 0), "w", 2 - extra))) \
    CASE(popen, READ, 2, pclose(popen(":", memcpy(object(2 - extra, 0), "r", 2 - extra)))) \
    CASE(system, READ, 2, system(memcpy(object(2 - extra, 0), ":", 2 - extra))) \
    CASE(getenv, READ, 20, getenv(text(20, extra))) \
    CASE(secure_getenv, READ, 20, secure_getenv(text(20, extra))) \
    CASE(unsetenv, READ, 20, unsetenv(text(20, extra))) \
    CASE(putenv, READ, 20, putenv(text(20, extra))) \
    CASE(setenv, READ, 20, setenv("fencepost_case", text(20, extra), 1)) \
    CASE(time, WRITE, 8, time((void *)object(8 - extra, 0))) \
    CASE(gettimeofday, WRITE, 16, gettimeofday((void *)object(16 - extra, 0), NULL)) \
    CASE(clock_gettime, WRITE, 16, clock_gettime(CLOCK_REALTIME, (void *)object(16 - extra, 0))) \
    CASE(clock_getres, WRITE, 16, clock_getres(CLOCK_REALTIME, (void *)object(16 - extra, 0))) \
    CASE(clock_settime, READ, 16, clock_settime(-1, (void *)object(16 - extra, 0))) \
    CASE(timespec_get, WRITE, 16, timespec_get((void *)object(16 - extra, 0), TIME_UTC)) \
    CASE(nanosleep, READ, 16, nanosleep((void *)object(16 - extra, 0), NULL)) \
    CASE(clock_nanosleep, READ, 16, clock_nanosleep(CLOCK_REALTIME, 0, (void *)object(16 - extra, 0), NULL)) \
    CASE(localtime, READ, 8, localtime((void *)object(8 - extra, 0))) \
    CASE(gmtime, READ, 8, gmtime((void *)object(8 - extra, 0))) \
    CASE(ctime, READ, 8, ctime((void *)object(8 - extra, 0))) \
    CASE(localtime_r, WRITE, 56, localtime_r(&now, (void *)object(56 - extra, 0))) \
    CASE(gmtime_r, WRITE, 56, gmtime_r(&now, (void *)object(56 - extra, 0))) \
    CASE(asctime, READ, 28, asctime((void *)object(28 - extra, 0))) \
    CASE(mktime, WRITE, 56, mktime((void *)object(56 - extra, 0))) \
    CASE(timelocal, WRITE, 56, timelocal((void *)object(56 - extra, 0))) \
    CASE(timegm, WRITE, 56, timegm((void *)object(56 - extra, 0))) \
    CASE(wait, WRITE, 4, wait((void *)object(4 - extra, 0))) \
    CASE(waitpid, WRITE, 4, waitpid(-1, (void *)object(4 - extra, 0), 0)) \
    CASE(wait3, WRITE, 144, wait3(NULL, 0, (void *)object(144 - extra, 0))) \
    CASE(wait4, WRITE, 144, wait4(-1, NULL, 0, (void *)object(144 - extra, 0))) \
    CASE(getrusage, WRITE, 144, getrusage(RUSAGE_SELF, (void *)object(144 - extra, 0))) \
    CASE(getrlimit, WRITE, 16, getrlimit(RLIMIT_CORE, (void *)object(16 - extra, 0))) \
    CASE(getrlimit64, WRITE, 16, getrlimit64(RLIMIT_CORE, (void *)object(16 - extra, 0))) \
    CASE(setrlimit, READ, 16, setrlimit(-1, (void *)object(16 - extra, 0))) \
    CASE(setrlimit64, READ, 16, setrlimit64(-1, (void *)object(16 - extra, 0))) \
    CASE(prlimit, WRITE, 16, prlimit(0, RLIMIT_CORE, NULL, (void *)object(16 - extra, 0))) \
    CASE(prlimit64, WRITE, 16, prlimit64(0, RLIMIT_CORE, NULL, (void *)object(16 - extra, 0))) \
    CASE(uname, WRITE, 390, uname((void *)object(390 - extra, 0))) \
    CASE(sysinfo, WRITE, 112, sysinfo((void *)object(112 - extra, 0))) \
    CASE(times, WRITE, 32, times((void *)object(32 - extra, 0))) \
    CASE(statfs, WRITE, 120, statfs("/", (void *)object(120 - extra, 0))) \
    CASE(fstatfs, WRITE, 120, fstatfs(0, (void *)object(120 - extra, 0))) \
    CASE(statfs64, WRITE, 120, statfs64("/", (void *)object(120 - extra, 0))) \
    CASE(fstatfs64, WRITE, 120, fstatfs64(0, (void *)object(120 - extra, 0))) \
    CASE(statvfs, WRITE, 112, statvfs("/", (void *)object(112 - extra, 0))) \
    CASE(fstatvfs, WRITE, 112, fstatvfs(0, (void *)object(112 - extra, 0))) \
    CASE(statvfs64, WRITE, 112, statvfs64("/", (void *)object(112 - extra, 0))) \
    CASE(fstatvfs64, WRITE, 112, fstatvfs64(0, (void *)object(112 - extra, 0))) \
    CASE(accept, WRITE, 2, socklen_t n = 99; accept(caller(), (void *)object(2 - extra, 0), &n)) \
    CASE(getsockname, WRITE, 2, socklen_t n = 99; getsockname(peer(), (void *)object(2 - extra, 0), &n)) \
    CASE(getpeername, WRITE, 2, socklen_t n = 99; getpeername(peer(), (void *)object(2 - extra, 0), &n)) \
    CASE(accept4, WRITE, 2, socklen_t n = 99; accept4(caller(), (void *)object(2 - extra, 0), &n, SOCK_CLOEXEC)) \
    CASE(getsockopt, WRITE, 4, socklen_t n = 8; getsockopt(peer(), SOL_SOCKET, SO_TYPE, (void *)object(4 - extra, 0), &n)) \
    CASE(setsockopt, READ, 4, setsockopt(peer(), SOL_SOCKET, SO_REUSEADDR, (void *)object(4 - extra, 0), 4)) \
    CASE(inet_pton, WRITE, 4, inet_pton(AF_INET, "1.2.3.4", (void *)object(4 - extra, 0))) \
    CASE(inet_ntop, WRITE, 8, inet_ntop(AF_INET, "\1\2\3\4", (void *)object(8 - extra, 0), 99)) \
    CASE(strerror_r, WRITE, 19, strerror_r(9999, (void *)object(19 - extra, 0), 99)) \
    CASE(__xpg_strerror_r, WRITE, 19, F(int (*)(int, char *, size_t), "__xpg_strerror_r")(9999, (void *)object(19 - extra, 0), 99)) \
    CASE(strverscmp, READ, 20, strverscmp("aaaaaaaaaaaaaaaaaaaa", text(20, extra))) \
    CASE(mktemp, READ, 20, mktemp(missing(extra))) \
    CASE(mkstemp, READ, 20, mkstemp(missing(extra))) \
    CASE(mkstemp64, READ, 20, mkstemp64(missing(extra))) \
    CASE(mkdtemp, READ, 20, mkdtemp(missing(extra))) \
    CASE(mkostemp, READ, 20, mkostemp(missing(extra), 0)) \
    CASE(mkostemp64, READ, 20, mkostemp64(missing(extra), 0)) \
    CASE(mkstemps, READ, 20, mkstemps(missing(extra), 0)) \
    CASE(mkstemps64, READ, 20, mkstemps64(missing(extra), 0)) \
    CASE(mkostemps, READ, 20, mkostemps(missing(extra), 0, 0)) \
    CASE(mkostemps64, READ, 20, mkostemps64(missing(extra), 0, 0)) \
    CASE(mknod, READ, 20, mknod(missing(extra), S_IFIFO | 0700, 0)) \
    CASE(mknodat, READ, 20, mknodat(AT_FDCWD, missing(extra), S_IFIFO | 0700, 0)) \
    CASE(ftok, READ, 20, ftok(missing(extra), 1)) \
    CASE(pathconf, READ, 20, pathconf(missing(extra), _PC_NAME_MAX)) \
    CASE(scandir, READ, 20, struct dirent **list; scandir(missing(extra), &list, NULL, NULL)) \
    CASE(scandir64, READ, 20, struct dirent64 **list; scandir64(missing(extra), &list, NULL, NULL)) \
    CASE(ftw, READ, 20, F(int (*)(char *, void *, int), "ftw")(missing(extra), NULL, 1)) \
    CASE(ftw64, READ, 20, F(int (*)(char *, void *, int), "ftw64")(missing(extra), NULL, 1)) \
    CASE(nftw, READ, 20, F(int (*)(char *, void *, int, int), "nftw")(missing(extra), NULL, 1, 0)) \
    CASE(nftw64, READ, 20, F(int (*)(char *, void *, int, int), "nftw64")(missing(extra), NULL, 1, 0)) \
    CASE(inotify_add_watch, READ, 20, inotify_add_watch(-1, missing(extra), 0)) \
    CASE(shm_open, READ, 20, shm_open(missing(extra), O_RDONLY, 0)) \
    CASE(shm_unlink, READ, 20, shm_unlink(missing(extra))) \
    CASE(sem_open, READ, 20, sem_open(missing(extra), 0)) \
    CASE(sem_unlink, READ, 20, sem_unlink(missing(extra))) \
    CASE(dirname, READ, 20, F(char *(*)(char *), "dirname")(text(20, extra))) \
    CASE(basename, READ, 20, F(char *(*)(char *), "basename")(text(20, extra))) \
    CASE(__xpg_basename, READ, 20, F(char *(*)(char *), "__xpg_basename")(text(20, extra))) \
    CASE(gettext, READ, 20, F(char *(*)(char *), "gettext")(text(20, extra))) \
    CASE(setlocale, READ, 20, setlocale(LC_CTYPE, text(20, extra))) \
    CASE(newlocale, READ, 20, newlocale(LC_CTYPE_MASK, text(20, extra), 0)) \
    CASE(textdomain, READ, 20, textdomain(text(20, extra))) \
    CASE(bindtextdomain, READ, 20, F(str2, "bindtextdomain")("a", text(20, extra))) \
    CASE(bind_textdomain_codeset, READ, 20, F(str2, "bind_textdomain_codeset")("a", text(20, extra))) \
    CASE(dgettext, READ, 20, F(str2, "dgettext")("a", text(20, extra))) \
    CASE(dcgettext, READ, 20, F(char *(*)(char *, char *, int), "dcgettext")("a", text(20, extra), LC_MESSAGES)) \
    CASE(ngettext, READ, 20, F(char *(*)(char *, char *, long), "ngettext")("a", text(20, extra), 2)) \
    CASE(dngettext, READ, 20, F(char *(*)(char *, char *, char *, long), "dngettext")("a", "b", text(20, extra), 2)) \
    CASE(dcngettext, READ, 20, F(char *(*)(char *, char *, char *, long, int), "dcngettext")("a", "b", text(20, extra), 2, LC_MESSAGES)) \
    CASE(execve, READ, 20, execve("/a/b", (char *[]){text(20, extra), NULL}, (char *[]){NULL})) \
    CASE(execvpe, READ, 20, execvpe("/a/b", (char *[]){text(20, extra), NULL}, (char *[]){NULL})) \
    CASE(posix_spawn, READ, 20, pid_t pid; posix_spawn(&pid, "/a/b", NULL, NULL, (char *[]){text(20, extra), NULL}, (char *[]){NULL})) \
    CASE(posix_spawnp, READ, 20, pid_t pid; posix_spawnp(&pid, text(20, extra), NULL, NULL, (char *[]){"a", NULL}, (char *[]){NULL})) \
    CASE(fexecve, READ, 16, char **list = (char **)object(16 - 8 * extra, 0); list[0] = "a"; fexecve(-1, list, (char *[]){NULL})) \
    CASE(execv, READ, 20, execv("/a/b", (char *[]){"a", text(20, extra), NULL})) \
    CASE(execvp, READ, 20, execvp("/a/b", (char *[]){"a", text(20, extra), NULL})) \
    CASE(execl, READ, 20, execl(missing(extra), "a", NULL)) \
    CASE(execlp, READ, 20, execlp(missing(extra), "a", NULL)) \
    CASE(execle, READ, 20, execle(missing(extra), "a", NULL, (char *[]){NULL})) \
    CASE(__xstat, WRITE, 144, F(int (*)(int, char *, void *), "__xstat")(1, "/", object(144 - extra, 0))) \
    CASE(__xstat64, WRITE, 144, F(int (*)(int, char *, void *), "__xstat64")(1, "/", object(144 - extra, 0))) \
    CASE(__lxstat, WRITE, 144, F(int (*)(int, char *, void *), "__lxstat")(1, "/", object(144 - extra, 0))) \
    CASE(__lxstat64, WRITE, 144, F(int (*)(int, char *, void *), "__lxstat64")(1, "/", object(144 - extra, 0))) \
    CASE(__fxstat, WRITE, 144, F(int (*)(int, int, void *), "__fxstat")(1, 0, object(144 - extra, 0))) \
    CASE(__fxstat64, WRITE, 144, F(int (*)(int, int, void *), "__fxstat64")(1, 0, object(144 - extra, 0))) \
    CASE(__fxstatat, WRITE, 144, F(int (*)(int, int, char *, void *, int), "__fxstatat")(1, AT_FDCWD, "/", object(144 - extra, 0), 0)) \
    CASE(__fxstatat64, WRITE, 144, F(int (*)(int, int, char *, void *, int), "__fxstatat64")(1, AT_FDCWD, "/", object(144 - extra, 0), 0)) \
    CASE(statx, WRITE, 256, statx(AT_FDCWD, "/", 0, 0, (void *)object(256 - extra, 0))) \
    CASE(epoll_pwait, WRITE, 12, epoll_pwait(events(), (struct epoll_event *)object(12 - extra, 0), 9, 0, NULL)) \
    CASE(utime, READ, 16, utime("/a/b", (void *)object(16 - extra, 0))) \
    CASE(utimes, READ, 32, utimes("/a/b", (void *)object(32 - extra, 0))) \
    CASE(lutimes, READ, 32, lutimes("/a/b", (void *)object(32 - extra, 0))) \
    CASE(futimesat, READ, 32, futimesat(AT_FDCWD, "/a/b", (void *)object(32 - extra, 0))) \
    CASE(utimensat, READ, 32, utimensat(AT_FDCWD, "/a/b", (void *)object(32 - extra, 0), 0)) \
    CASE(futimes, READ, 32, futimes(-1, (void *)object(32 - extra, 0))) \
    CASE(futimens, READ, 32, futimens(-1, (void *)object(32 - extra, 0))) \
    CASE(setvbuf, WRITE, 100, setvbuf(nowhere(), object(100 - extra, 0), _IOFBF, 100)) \
    CASE(setbuf, WRITE, BUFSIZ, setbuf(nowhere(), object(BUFSIZ - extra, 0))) \
    CASE(setbuffer, WRITE, 100, setbuffer(nowhere(), object(100 - extra, 0), 100)) \
    CASE(open_memstream, WRITE, 8, size_t n; fclose(open_memstream((void *)object(8 - extra, 0), &n))) \
    CASE(fgetpos, WRITE, 16, fgetpos(nowhere(), (void *)object(16 - extra, 0))) \
    CASE(fgetpos64, WRITE, 16, fgetpos64(nowhere(), (void *)object(16 - extra, 0))) \
    CASE(fsetpos, READ, 16, fsetpos(nowhere(), (void *)object(16 - extra, 0))) \
    CASE(fsetpos64, READ, 16, fsetpos64(nowhere(), (void *)object(16 - extra, 0))) \
    CASE(readdir_r, WRITE, 24, struct dirent *found; readdir_r(opendir("/proc/self"), (void *)object(24 - extra, 0), &found)) \
    CASE(readdir64_r, WRITE, 24, struct dirent64 *found; readdir64_r(opendir("/proc/self"), (void *)object(24 - extra, 0), &found)) \
    CASE(strptime, WRITE, 56, strptime("2000", "%Y", (void *)object(56 - extra, 0))) \
    CASE(wprintf, READ, 80, stdout = nowhere(); wprintf(wide(20, extra)); stdout = out) \
    CASE(vwprintf, READ, 80, stdout = nowhere(); call_v(F(int (*)(), "vwprintf"), wide(20, extra)); stdout = out) \
    CASE(fwprintf, READ, 80, fwprintf(nowhere(), wide(20, extra))) \
    CASE(vfwprintf, READ, 80, call_v2(F(int (*)(), "vfwprintf"), nowhere(), wide(20, extra))) \
    CASE(__wprintf_chk, READ, 80, stdout = nowhere(); F(int (*)(int, wchar_t *, ...), "__wprintf_chk")(0, wide(20, extra)); stdout = out) \
    CASE(__vwprintf_chk, READ, 80, stdout = nowhere(); call_v2(F(int (*)(), "__vwprintf_chk"), 0, wide(20, extra)); stdout = out) \
    CASE(__fwprintf_chk, READ, 80, F(int (*)(FILE *, int, wchar_t *, ...), "__fwprintf_chk")(nowhere(), 0, wide(20, extra))) \
    CASE(__vfwprintf_chk, READ, 80, call_v3(F(int (*)(), "__vfwprintf_chk"), nowhere(), 0, wide(20, extra))) \
    CASE(getxattr, WRITE, 9, getxattr("/", "user.a", object(20, 0) + 21 * extra, 9)) \
    CASE(lgetxattr, WRITE, 9, lgetxattr("/", "user.a", object(20, 0) + 21 * extra, 9)) \
    CASE(fgetxattr, WRITE, 9, fgetxattr(-1, "user.a", object(20, 0) + 21 * extra, 9)) \
    CASE(listxattr, WRITE, 9, listxattr("/", object(20, 0) + 21 * extra, 9)) \
    CASE(llistxattr, WRITE, 9, llistxattr("/", object(20, 0) + 21 * extra, 9)) \
    CASE(flistxattr, WRITE, 9, flistxattr(-1, object(20, 0) + 21 * extra, 9)) \
    CASE(setxattr, READ, 21, setxattr("/a/b", "user.a", object(20, 0), 20 + extra, 0)) \
    CASE(lsetxattr, READ, 21, lsetxattr("/a/b", "user.a", object(20, 0), 20 + extra, 0)) \
    CASE(fsetxattr, READ, 21, fsetxattr(-1, "user.a", object(20, 0), 20 + extra, 0)) \
    CASE(removexattr, READ, 20, removexattr(missing(extra), "user.a")) \
    CASE(lremovexattr, READ, 20, lremovexattr(missing(extra), "user.a")) \
    CASE(fremovexattr, READ, 20, fremovexattr(-1, text(20, extra))) \
    CASE(ttyname_r, WRITE, 9, ttyname_r(-1, object(20, 0) + 21 * extra, 9)) \
    CASE(ptsname_r, WRITE, 9, ptsname_r(-1, object(20, 0) + 21 * extra, 9)) \
    CASE(__ttyname_r_chk, WRITE, 9, F(int (*)(int, char *, size_t, size_t), "__ttyname_r_chk")(-1, object(20, 0) + 21 * extra, 9, 99)) \
    CASE(__ptsname_r_chk, WRITE, 9, F(int (*)(int, char *, size_t, size_t), "__ptsname_r_chk")(-1, object(20, 0) + 21 * extra, 9, 99)) \
    CASE(getlogin_r, WRITE, 9, getlogin_r(object(20, 0) + 21 * extra, 9)) \
    CASE(__getlogin_r_chk, WRITE, 9, F(int (*)(char *, size_t, size_t), "__getlogin_r_chk")(object(20, 0) + 21 * extra, 9, 99)) \
    CASE(pthread_getname_np, WRITE, 14, pthread_getname_np(pthread_self(), object(14 - extra, 0), 99)) \
    CASE(sendmmsg, READ, 21, sendmmsg(peer(), messages(object(20, 0), 20 + extra), 1, 0)) \
    CASE(recvmmsg, WRITE, 21, recvmmsg(datagram(20 + extra), messages(object(20, 0), 99), 1, 0, NULL)) \
    CASE(process_vm_readv, WRITE, 21, process_vm_readv(getpid(), vector(object(20, 0), 99), 1, &(struct iovec){far, 20 + extra}, 1, 0)) \
    CASE(process_vm_writev, READ, 21, process_vm_writev(getpid(), vector(object(20, 0), 20 + extra), 1, &(struct iovec){far, 99}, 1, 0)) \
    CASE(inet_aton, READ, 8, struct in_addr address; inet_aton(memcpy(object(8 - extra, 0), "1.2.3.4", 8 - extra), &address)) \
    CASE(inet_addr, READ, 8, inet_addr(memcpy(object(8 - extra, 0), "1.2.3.4", 8 - extra))) \
    CASE(getaddrinfo, READ, 3, struct addrinfo *found; getaddrinfo("127.0.0.1", memcpy(object(3 - extra, 0), "80", 3 - extra), NULL, &found)) \
    CASE(getnameinfo, WRITE, 10, getnameinfo((void *)&loopback, sizeof loopback, object(10 - extra, 0), 99, NULL, 0, NI_NUMERICHOST)) \
    CASE(gethostbyname, READ, 10, gethostbyname(memcpy(object(10 - extra, 0), "127.0.0.1", 10 - extra))) \
    CASE(gethostbyname2, READ, 10, gethostbyname2(memcpy(object(10 - extra, 0), "127.0.0.1", 10 - extra), AF_INET)) \
    CASE(gethostbyaddr, READ, 4, gethostbyaddr(memcpy(object(4 - extra, 0), "\177\0\0\1", 4 - extra), 4, AF_INET)) \
    CASE(getservbyname, READ, 20, getservbyname(text(20, extra), NULL)) \
    CASE(getprotobyname, READ, 20, getprotobyname(text(20, extra))) \
    CASE(if_nametoindex, READ, 15, if_nametoindex(text(15, extra))) \
    CASE(if_indextoname, WRITE, 16, if_indextoname(1, object(16 - extra, 0))) \
    CASE(getifaddrs, WRITE, 8, getifaddrs((void *)object(8 - extra, 0))) \
    CASE(getpwnam, READ, 20, getpwnam(text(20, extra))) \
    CASE(getgrnam, READ, 20, getgrnam(text(20, extra))) \
    CASE(initgroups, READ, 20, initgroups(text(20, extra), 0)) \
    CASE(getpwnam_r, WRITE, 0, struct passwd entry, *found; getpwnam_r("root", &entry, object(user_bytes() - extra, 0), 256, &found)) \
    CASE(getpwuid_r, WRITE, 0, struct passwd entry, *found; getpwuid_r(0, &entry, object(user_bytes() - extra, 0), 256, &found)) \
    CASE(getgrnam_r, WRITE, 0, struct group entry, *found; getgrnam_r("root", &entry, object(group_bytes() - extra, 0), 256, &found)) \
    CASE(getgrgid_r, WRITE, 0, struct group entry, *found; getgrgid_r(0, &entry, object(group_bytes() - extra, 0), 256, &found)) \
    CASE(getgroups, WRITE, 8, getgroups(2, (void *)object(8, 0) + 12 * extra)) \
    CASE(__getgroups_chk, WRITE, 8, F(int (*)(int, void *, size_t), "__getgroups_chk")(2, object(8, 0) + 12 * extra, 99)) \
    CASE(setgroups, READ, 8, setgroups(1 + extra, (void *)object(4, 0))) \
    CASE(getgrouplist, WRITE, 0, int n = 0; getgrouplist("root", 0, NULL, &n); int most = 99; getgrouplist("root", 0, (void *)object(4 * n - extra, 0), &most)) \
    CASE(regcomp, READ, 20, regex_t made; regcomp(&made, text(20, extra), 0)) \
    CASE(regexec, READ, 20, regexec(expression(), text(20, extra), 0, NULL, 0)) \
    CASE(wordexp, READ, 20, wordexp_t words; wordexp(text(20, extra), &words, 0)) \
    CASE(iconv, WRITE, 20, char *from = text(20, 0), *to = object(20 - extra, 0); size_t left = 20, space = 99; iconv(iconv_open("UTF-8", "ASCII"), &from, &left, &to, &space)) \
    CASE(iconv_open, READ, 20, iconv_open("UTF-8", text(20, extra))) \
    CASE(rand_r, WRITE, 4, rand_r((void *)object(4 - extra, 0))) \
    CASE(random_r, WRITE, 4, random_r(seeded(), (void *)object(4 - extra, 0))) \
    CASE(srandom_r, WRITE, 48, srandom_r(1, memcpy(object(48 - extra, 0), seeded(), 48 - extra))) \
    CASE(initstate, WRITE, 32, initstate(1, object(32 - extra, 0), 32)) \
    CASE(initstate_r, WRITE, 32, struct random_data data = {0}; initstate_r(1, object(32 - extra, 0), 32, &data)) \
    CASE(erand48, WRITE, 6, erand48((void *)object(6 - extra, 0))) \
    CASE(nrand48, WRITE, 6, nrand48((void *)object(6 - extra, 0))) \
    CASE(jrand48, WRITE, 6, jrand48((void *)object(6 - extra, 0))) \
    CASE(srand48_r, WRITE, 24, srand48_r(1, (void *)object(24 - extra, 0))) \
    CASE(drand48_r, WRITE, 24, double number; drand48_r((void *)object(24 - extra, 0), &number)) \
    CASE(lrand48_r, WRITE, 24, long number; lrand48_r((void *)object(24 - extra, 0), &number)) \
    CASE(mrand48_r, WRITE, 24, long number; mrand48_r((void *)object(24 - extra, 0), &number)) \
    CASE(erand48_r, WRITE, 6, struct drand48_data data = {0}; double number; erand48_r((void *)object(6 - extra, 0), &data, &number)) \
    CASE(nrand48_r, WRITE, 6, struct drand48_data data = {0}; long number; nrand48_r((void *)object(6 - extra, 0), &data, &number)) \
    CASE(jrand48_r, WRITE, 6, struct drand48_data data = {0}; long number; jrand48_r((void *)object(6 - extra, 0), &data, &number)) \
    CASE(sigemptyset, WRITE, 128, sigemptyset((void *)object(128 - extra, 0))) \
    CASE(sigfillset, WRITE, 128, sigfillset((void *)object(128 - extra, 0))) \
    CASE(sigpending, WRITE, 128, sigpending((void *)object(128 - extra, 0))) \
    CASE(sigaddset, WRITE, 128, sigaddset((void *)object(128 - extra, 0), SIGUSR1)) \
    CASE(sigdelset, WRITE, 128, sigdelset((void *)object(128 - extra, 0), SIGUSR1)) \
    CASE(sigismember, READ, 128, sigismember((void *)object(128 - extra, 0), SIGUSR1)) \
    CASE(sigsuspend, READ, 128, signal(SIGUSR1, note); raise_blocked(); sigsuspend((void *)object(128 - extra, 0))) \
    CASE(sigwait, READ, 128, int number; raise_blocked(); sigwait((void *)object(128 - extra, -1), &number)) \
    CASE(sigwaitinfo, READ, 128, raise_blocked(); sigwaitinfo((void *)object(128 - extra, -1), NULL)) \
    CASE(sigtimedwait, READ, 128, sigtimedwait((void *)object(128 - extra, 0), NULL, &soon)) \
    CASE(waitid, WRITE, 128, waitid(P_ALL, 0, (void *)object(128 - extra, 0), WEXITED)) \
    CASE(epoll_ctl, READ, 12, epoll_ctl(-1, EPOLL_CTL_ADD, 0, (void *)object(12 - extra, 0))) \
    CASE(getitimer, WRITE, 32, getitimer(ITIMER_REAL, (void *)object(32 - extra, 0))) \
    CASE(setitimer, READ, 32, setitimer(ITIMER_REAL, (void *)object(32 - extra, 0), NULL)) \
    CASE(timerfd_gettime, WRITE, 32, timerfd_gettime(-1, (void *)object(32 - extra, 0))) \
    CASE(timerfd_settime, READ, 32, timerfd_settime(-1, 0, (void *)object(32 - extra, 0), NULL)) \
    CASE(settimeofday, READ, 16, settimeofday((void *)object(16 - extra, -1), NULL)) \
    CASE(tcgetattr, WRITE, 60, tcgetattr(-1, (void *)object(60 - extra, 0))) \
    CASE(tcsetattr, READ, 60, tcsetattr(-1, 0, (void *)object(60 - extra, 0))) \
    CASE(fcntl, WRITE, 32, F(int (*)(int, int, ...), "fcntl")(null(), F_GETLK, object(32 - extra, 0))) \
    CASE(fcntl64, WRITE, 32, F(int (*)(int, int, ...), "fcntl64")(null(), F_GETLK, object(32 - extra, 0))) \
    CASE(sendfile, WRITE, 8, sendfile(null(), atoi(at_file(0)), (void *)object(8 - extra, 0), 8)) \
    CASE(sendfile64, WRITE, 8, sendfile64(null(), atoi(at_file(0)), (void *)object(8 - extra, 0), 8)) \
    CASE(splice, WRITE, 8, splice(-1, (void *)object(8 - extra, 0), -1, NULL, 8, 0)) \
    CASE(copy_file_range, WRITE, 8, copy_file_range(-1, (void *)object(8 - extra, 0), -1, NULL, 8, 0)) \
    CASE(eventfd_read, WRITE, 8, eventfd_read(eventfd(1, 0), (void *)object(8 - extra, 0))) \
    CASE(mincore, WRITE, 2, mincore((void *)((uintptr_t)far & -4096), 8192, (void *)object(2 - extra, 0))) \
    CASE(getloadavg, WRITE, 24, getloadavg((void *)object(24 - extra, 0), 3)) \
    CASE(getresuid, WRITE, 4, unsigned id; getresuid((void *)object(4 - extra, 0), &id, &id)) \
    CASE(getresgid, WRITE, 4, unsigned id; getresgid((void *)object(4 - extra, 0), &id, &id)) \
    CASE(sched_getaffinity, WRITE, 128, sched_getaffinity(0, 128, (void *)object(128 - extra, 0))) \
    CASE(sched_setaffinity, READ, 128, sched_setaffinity(0, 128, (void *)object(128 - extra, -1))) \
    CASE(pthread_getaffinity_np, WRITE, 128, pthread_getaffinity_np(pthread_self(), 128, (void *)object(128 - extra, 0))) \
    CASE(pthread_setaffinity_np, READ, 128, pthread_setaffinity_np(pthread_self(), 128, (void *)object(128 - extra, -1))) \
    CASE(sched_getparam, WRITE, 4, sched_getparam(0, (void *)object(4 - extra, 0))) \
    CASE(sched_setparam, READ, 4, sched_setparam(0, (void *)object(4 - extra, 0))) \
    CASE(sched_setscheduler, READ, 4, sched_setscheduler(0, SCHED_OTHER, (void *)object(4 - extra, 0))) \
    CASE(sched_rr_get_interval, WRITE, 16, sched_rr_get_interval(0, (void *)object(16 - extra, 0))) \
    CASE(pthread_setname_np, READ, 20, pthread_setname_np(pthread_self(), text(20, extra)))
