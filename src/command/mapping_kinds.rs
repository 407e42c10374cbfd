//! Explanations of the kinds of bugs in mappings of the program's own.

use super::kind::kinds;

kinds! {
    /// Faults first, and then what is suspicious.
    MAPPING_KINDS
    "mapping-use-after-unmap" C:
    "The program uses memory that it had mapped, after munmap, mremap or shmdt took it away."
    "By the fault, as long as nothing else has been mapped there since. The report shows who mapped it and who took it away. With --mappings=check also at a system call that fails with EFAULT for it."
    "A pointer that outlives the mapping; mremap, which may move it; madvise(MADV_DONTFORK) and a child."
    "Unmap after the last use, or set the pointer to NULL; after mremap use the address that it returned."
    r#"#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    volatile int *numbers = mmap(0, 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
    munmap((void *)numbers, 4096);
    return numbers[1];
}
"#
    "mapping-overflow" C:
    "The program reads or writes memory behind the end of a mapping that it made itself."
    "By the fault, where nothing is mapped behind it: often the next mapping is, and then nothing is found."
    "A length in elements where bytes are meant; a mapping of a file that has grown since."
    "Compare the length that was mapped with the index; the mapping ends at a whole page."
    r#"#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    volatile char *page = mmap((void *)0x200000000, 4096, PROT_READ, flags, -1, 0);
    return page[4096];
}
"#
    "mapping-underflow" C:
    "The program reads or writes memory before the start of a mapping that it made itself."
    "By the fault, where nothing is mapped before it."
    "An index below zero, a loop downwards that goes one too far."
    "Look at the access in the report's first stack: how can the index become negative?"
    r#"#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    volatile char *page = mmap((void *)0x200000000, 4096, PROT_READ, flags, -1, 0);
    return page[-1];
}
"#
    "mapping-past-eof" C:
    "The program touches a page of a mapped file that the file does not have: it ends before."
    "By SIGBUS. The report says how long the file was when it was mapped, and how long it is now."
    "A file that is shorter than its mapping, or was cut by ftruncate while it was mapped."
    "Map no more than fstat says that there is; make a file long enough before it is mapped."
    r#"#include <stdio.h>
#include <sys/mman.h>

int main(void)
{
    FILE *empty = tmpfile();
    volatile char *bytes = mmap(0, 4096, PROT_READ, MAP_SHARED, fileno(empty), 0);
    return bytes[0];
}
"#
    "mapping-protection" C:
    "The program reads, writes or executes memory of a mapping that does not permit it."
    "By the fault. The report says which call of mmap or mprotect made the page so. With --mappings=check also at a system call that fails with EFAULT for it."
    "A mapping that is read-only, a guard of the program's own, mprotect too early or of too much."
    "Ask for the rights that are needed, or find out why the pointer leads there."
    r#"#include <sys/mman.h>

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    volatile int *numbers = mmap(0, 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
    mprotect((void *)numbers, 4096, PROT_READ);
    numbers[0] = 1;
}
"#
    "mmap-failed-pointer" C:
    "The program uses MAP_FAILED as an address: what mmap, mremap and shmat return when they fail."
    "By the fault, if such a call has failed. The report says which, and with what error."
    "A result that is compared with NULL, or not at all."
    "Compare the result with MAP_FAILED, that is (void *)-1."
    r#"#include <sys/mman.h>

int main(void)
{
    volatile int *numbers = mmap(0, 4096, PROT_READ, MAP_PRIVATE, -1, 0);
    return numbers[1];
}
"#
    "bad-munmap" C:
    "munmap takes away memory that is not a mapping of the program's own: pages that an object of the heap does not fill alone, or a freed one."
    "munmap compares its pages with the heap's objects."
    "An object of malloc that is released like a mapping, a length that is rounded up, a second release."
    "Release what malloc has made by free, and what mmap has made by munmap, with the length of the mapping."
    r#"#include <malloc.h>
#include <sys/mman.h>

int main(void)
{
    char *buffer = memalign(4096, 5000);
    munmap(buffer, 5000); // two whole pages
}
"#
    "bad-mprotect" C:
    "mprotect takes access from several objects of the heap at once, or from a freed one."
    "mprotect compares its pages with the heap's objects. A program that handles SIGSEGV itself may do this."
    "A length that goes on behind the object, a pointer that was freed."
    "Protect pages that are one object's alone: allocate them with posix_memalign or mmap, in whole pages."
    r#"#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *table = aligned_alloc(4096, 4096);
    free(table);
    mprotect(table, 4096, PROT_READ);
}
"#
    "bad-mremap" C:
    "mremap moves memory away, or over other memory, that an object of the heap does not fill alone, or a freed one."
    "mremap compares its pages with the heap's objects."
    "An object of malloc that is resized like a mapping, a length that is not the object's."
    "Resize what malloc has made by realloc, and only mappings by mremap."
    r#"#define _GNU_SOURCE
#include <malloc.h>
#include <sys/mman.h>

int main(void)
{
    char *buffer = memalign(4096, 5000);
    mremap(buffer, 8192, 65536, MREMAP_MAYMOVE);
}
"#
    "bad-mmap" C:
    "mmap with MAP_FIXED replaces memory that an object of the heap does not fill alone, or a freed one."
    "mmap compares its pages with the heap's objects."
    "A length that goes on behind the object, an address that was computed from a pointer that is no page's."
    "Map over whole pages inside one object, or reserve a place for the mapping by mmap with PROT_NONE."
    r#"#include <malloc.h>
#include <sys/mman.h>

int main(void)
{
    char *buffer = memalign(4096, 5000);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    mmap(buffer, 8192, PROT_READ | PROT_WRITE, flags, -1, 0);
}
"#
    "munmap-too-much" C "--mappings=check":
    "munmap takes a mapping besides the one that it is called for: one that the program has made by another call."
    "With --mappings=check, at the call, which is made all the same. It may be right, where a program joins mappings that lie side by side."
    "A length that is not that of the mapping: counted in other units, or rounded up to more than a page."
    "Compare the length with that of the mmap in the report. Whoever uses the other mapping next will crash."
    r#"#include <sys/mman.h>

int main(void)
{
    int both = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *one = mmap(0, 64 << 20, both, flags, -1, 0);
    char *two = mmap(0, 64 << 20, both, flags, -1, 0); // just before the first
    munmap(one < two ? one : two, 65 << 20);
}
"#
    "munmap-too-little" C "--mappings=check":
    "munmap has taken the beginning of a mapping, and the rest is still mapped when the process ends."
    "With --mappings=check, when the process ends. What is cut to an alignment, or in several steps, is not reported."
    "A length that is not that of the mapping; a size that was changed after the call of mmap."
    "Compare the length with that of the mmap in the report. If the rest is wanted, all is well."
    r#"#include <sys/mman.h>

int main(void)
{
    char *pages;
    do
        pages = mmap(0, 12288, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    while ((long)(pages + 4096) % 65536 == 0); // else it looks like a cut to an alignment
    munmap(pages, 4096);
}
"#
    "munmap-twice" C "--mappings=check":
    "A mapping is unmapped for the second time. If another mapping has taken its place, that one is torn."
    "With --mappings=check, at the second call, which is made all the same. It is not seen if a new mapping has just the same pages."
    "Two owners of one mapping, or an error path that cleans up again."
    "The report has the first call. Decide who unmaps it, or set the pointer to MAP_FAILED there."
    r#"#include <sys/mman.h>

int main(void)
{
    char *pages = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(pages, 8192);
    munmap(pages, 8192);
}
"#
    "msync-unmapped" C "--mappings=check":
    "msync is called for pages where nothing is mapped. It fails with ENOMEM."
    "With --mappings=check, when the call has failed."
    "A mapping that is gone, or a length that is too large."
    "Look at the call that has unmapped the pages, and at the length. Compare the result of msync with 0."
    r#"#include <sys/mman.h>

int main(void)
{
    char *pages = mmap(0, 8192, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    munmap(pages + 4096, 4096);
    return msync(pages, 8192, MS_SYNC) == 0;
}
"#
    "lost-private-write" C "--mappings=check":
    "The program has stored to a private mapping of a file that it has opened for writing: the file never gets that."
    "With --mappings=check, when the mapping or the process ends, if the file has something else there. Files that were opened for reading are left out."
    "MAP_PRIVATE where MAP_SHARED was meant, or a write of the data that was forgotten."
    "Map the file with MAP_SHARED. If the changes are not meant for the file, open it for reading only."
    r#"#include <stdio.h>
#include <sys/mman.h>

int main(void)
{
    FILE *file = tmpfile();
    fputs("text", file);
    fflush(file);
    char *text = mmap(0, 4, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(file), 0);
    text[0] = 'n';
    munmap(text, 4);
    fclose(file);
}
"#
    "lost-past-eof-write" C "--mappings=check":
    "The program has stored to a shared mapping behind the end of the file, in its last page: the file never gets that."
    "With --mappings=check, at msync and when the mapping or the process ends, by bytes that are not zero there."
    "A file that was not made long enough first."
    "Call ftruncate with the new length before you store."
    r#"#include <stdio.h>
#include <sys/mman.h>

int main(void)
{
    FILE *file = tmpfile();
    fputs("text", file);
    fflush(file);
    char *text = mmap(0, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    text[4] = 's';
    munmap(text, 8);
    fclose(file);
}
"#
}
