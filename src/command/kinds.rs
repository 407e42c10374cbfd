//! Explanations of the kinds of bugs, for users who meet one for the first time, each with an example program.

use super::kind::{Kind, kinds};
use super::mapping_kinds::MAPPING_KINDS;

/// Finds a kind by its name, with or without a function before it (`memcpy-param-overlap`).
pub fn find(name: &str) -> Option<&'static Kind> {
    let is_of = |kind: &&Kind| {
        kind.name.eq_ignore_ascii_case(name)
            || name.strip_suffix(kind.name).is_some_and(|function| function.ends_with('-'))
    };
    each().find(is_of)
}

/// Every kind, those of the heap first.
pub fn each() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().chain(MAPPING_KINDS)
}

kinds! {
    /// All but those of mappings.
    KINDS
    "heap-buffer-overflow" C:
    "The program reads or writes memory behind the end of a heap object."
    "The access hits the page behind the object, which faults; operands of libc calls are compared with the object's bounds."
    "An index or a length that is one too large, a buffer without room for the final NUL, a wrong size in malloc."
    "Look at the access in the report's first stack and at the size in the region's line: which of the two is wrong?"
    r#"#include <stdlib.h>

int main(void)
{
    int *months = malloc(12 * sizeof *months);
    for (int month = 1; month <= 12; month++)
        months[month] = 30; // the last is months[11]
    free(months);
}
"#
    "heap-buffer-underflow" C "--placement=left":
    "The program reads or writes memory before the start of a heap object."
    "With --placement=left the access hits the page before the object; otherwise it is seen at libc calls, and as overwritten-slack."
    "A loop that counts down past 0, an index of -1 after a search without a result."
    "Look for what makes the index negative; run with --sweep to see other objects' accesses of this kind."
    r#"#include <stdlib.h>

int main(void)
{
    char *line = calloc(16, 1);
    int last = 0; // of an empty line
    line[last - 1] = 0;
    free(line);
}
"#
    "heap-use-after-free" C:
    "The program reads or writes an object that it has freed."
    "The pages of a freed object fault, however late it is used; its address is not given to another object."
    "A second pointer beside the owner's, a list that is freed while it is walked, a realloc that has moved the object."
    "The report has three stacks: the access, the free, the allocation. Decide who owns the object, and give up the other pointer."
    r#"#include <stdlib.h>

int main(void)
{
    int *first = malloc(sizeof *first);
    int *again = first;
    *first = 1;
    free(first);
    return *again;
}
"#
    "double-free" C:
    "An object is freed a second time."
    "free looks at the object's record, which stays after the object is freed."
    "Two owners of one pointer: a copied structure, an error path that frees what the end of the function frees too."
    "The report shows both frees. Let one owner free, and set the pointer to NULL where ownership ends."
    r#"#include <stdlib.h>

int main(void)
{
    char *name = malloc(8);
    free(name);
    free(name);
}
"#
    "bad-free" C:
    "The freed address is not the start of a heap object: it is inside one, on the stack, or in static data."
    "free looks the address up in the heap."
    "The pointer was moved before it was freed, or the object was never allocated."
    "Free the pointer that malloc gave; keep it beside the one that moves."
    r#"#include <stdlib.h>

int main(void)
{
    char *text = malloc(8);
    text++; // past a blank
    free(text);
}
"#
    "overwritten-slack" C:
    "Bytes beside an object, which alignment leaves between it and its guard, were overwritten some time ago."
    "They are filled with a pattern, which is checked when the object is freed or resized, and at exit."
    "An overrun by fewer bytes than alignment leaves: most often a string without room for its NUL, or an underrun."
    "Run again with --placement=exact (behind the object) or left (before it): the write itself is then reported."
    r#"#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *name = malloc(5);
    for (int i = 0; i <= 5; i++)
        name[i] = "fence"[i]; // the NUL has no room
    free(name);
}
"#
    "wild-access" C:
    "The program touches the heap's address space where no object is or was."
    "That address space is reserved, and faults where no object is."
    "An index that was never set or has overflowed, a pointer that is added to twice."
    "Look at the index or offset of the access in the report's first stack."
    r#"#include <stdlib.h>

int main(void)
{
    char *volatile bytes = malloc(64);
    bytes[1L << 30] = 1;
}
"#
    "alloc-dealloc-mismatch" Cpp:
    "An object is freed by another family of functions than it was made by: malloc and free, new and delete, new[] and delete[]."
    "The family is kept with the object and compared when it is freed."
    "delete instead of delete[], free of an object that a C++ library made, delete of a string from strdup."
    "Free by the function that belongs to the allocation, or use a smart pointer with the right deleter. --alloc-dealloc-mismatch=no leaves this kind out."
    r#"#include <cstdlib>

int main()
{
    int *volatile number = new int(5);
    std::free(number);
}
"#
    "new-delete-type-mismatch" Cpp:
    "operator delete got another size or alignment than operator new."
    "Both are compared when the object is deleted."
    "A derived object deleted by a base without a virtual destructor, or by a pointer of another type."
    "Give the base a virtual destructor, or delete by the right type."
    r#"struct Base { long one; };
struct Derived : Base { long more[5]; };

int main()
{
    Base *object = new Derived;
    delete object;
}
"#
    "free-size-mismatch" C:
    "free_sized, free_aligned_sized or a Rust deallocation got another size or alignment than the allocation."
    "The size is kept with the object and compared when it is freed."
    "The size was computed again in another way; in Rust, the Layout is that of another type."
    "Keep the size beside the pointer, or compute both sizes by one function."
    r#"#include <stdlib.h>

void free_sized(void *object, size_t size) __attribute__((weak)); // C23

int main(void)
{
    void *object = malloc(128);
    if (free_sized)
        free_sized(object, 64);
}
"#
    "bad-malloc_usable_size" C:
    "malloc_usable_size got an address that is not the start of a live heap object."
    "malloc_usable_size looks the address up in the heap."
    "A pointer into an object, to a freed one, or to none at all."
    "Ask only about pointers that malloc gave, and before they are freed; better, keep the size yourself."
    r#"#include <malloc.h>
#include <stdlib.h>

int main(void)
{
    char *bytes = malloc(40);
    return malloc_usable_size(bytes + 4) == 0;
}
"#
    "param-overlap" C:
    "A libc call copies between two ranges that overlap, which its manual forbids: memcpy-param-overlap, strcpy-param-overlap and so on."
    "The operands are compared before the call."
    "Bytes moved within one buffer by memcpy, or a string appended to itself."
    "Use memmove, or copy through another buffer."
    r#"#include <stdlib.h>
#include <string.h>

static void *(*volatile copy)(void *, const void *, size_t) = memcpy;

int main(void)
{
    char *bytes = calloc(32, 1);
    copy(bytes + 1, bytes, 16);
    free(bytes);
}
"#
    "negative-size-param" C:
    "A libc call was given a size beyond the largest object: most likely a negative number."
    "The size is checked before the call."
    "A difference of two lengths in the wrong order, or an error of -1 that was taken for a length."
    "Check the length before the call."
    r#"#include <stdlib.h>
#include <string.h>

static long volatile length = -1;

int main(void)
{
    char *bytes = malloc(32);
    memset(bytes, 0, length);
    free(bytes);
}
"#
    "calloc-overflow" C "--bad-requests=report":
    "The product of calloc's arguments overflows, so it returns NULL."
    "With --bad-requests=report, at the call."
    "A count that comes from outside, or a negative one."
    "Check the count before the call, and the result after it."
    r#"#include <stdlib.h>

int main(void)
{
    volatile size_t half = (size_t)-1 / 2 + 1;
    return calloc(half, 2) != NULL;
}
"#
    "reallocarray-overflow" C "--bad-requests=report":
    "The product of reallocarray's arguments overflows, so it returns NULL."
    "With --bad-requests=report, at the call."
    "A count that comes from outside, or a negative one."
    "Check the count before the call, and the result after it."
    r#"#define _DEFAULT_SOURCE
#include <stdlib.h>

int main(void)
{
    volatile size_t count = (size_t)1 << 32;
    char *rows = malloc(10);
    return reallocarray(rows, count, count) != NULL;
}
"#
    "pvalloc-overflow" C "--bad-requests=report":
    "The size given to pvalloc overflows when it is rounded up to pages, so it returns NULL."
    "With --bad-requests=report, at the call."
    "A negative size."
    "Check the size before the call."
    r#"#include <stdlib.h>

void *pvalloc(size_t size);

int main(void)
{
    volatile size_t size = (size_t)-1;
    return pvalloc(size) != NULL;
}
"#
    "invalid-allocation-alignment" C "--bad-requests=report":
    "memalign or an aligned operator new was called with an alignment that is not a power of two."
    "With --bad-requests=report, at the call."
    "A size was given where the alignment belongs, or the arguments are in the wrong order."
    "Use a power of two."
    r#"#include <malloc.h>

int main(void)
{
    volatile size_t align = 24;
    return memalign(align, 48) == NULL;
}
"#
    "invalid-aligned-alloc-alignment" C "--bad-requests=report":
    "aligned_alloc was called with an alignment that is not a power of two."
    "With --bad-requests=report, at the call."
    "The arguments are in the wrong order: the alignment comes first."
    "Use a power of two."
    r#"#include <stdlib.h>

int main(void)
{
    volatile size_t align = 24;
    return aligned_alloc(align, 48) == NULL;
}
"#
    "invalid-posix-memalign-alignment" C "--bad-requests=report":
    "posix_memalign was called with an alignment that is not a power of two, or is smaller than a pointer; it returns EINVAL."
    "With --bad-requests=report, at the call."
    "The alignment of a small type was passed."
    "Use at least sizeof(void *)."
    r#"#define _DEFAULT_SOURCE
#include <stdlib.h>

int main(void)
{
    void *object;
    volatile size_t align = 4;
    return posix_memalign(&object, align, 16) == 0;
}
"#
    "allocation-size-too-big" C "--bad-requests=report":
    "The size is larger than any object can be, so the call returns NULL."
    "With --bad-requests=report, at the call."
    "A negative size, or one that has wrapped around."
    "Check the size before the call."
    r#"#include <stdlib.h>

int main(void)
{
    volatile long size = -1;
    return malloc(size) != NULL;
}
"#
    "leak" C "--leaks=full":
    "Memory that was never freed: definitely lost where no pointer to it is left, possibly lost where the only one is into its middle."
    "With --leaks=full, when the process ends: registers, stacks, static data and mappings are searched for pointers, and so is all that they lead to."
    "A pointer that is overwritten or goes out of scope, an error path that returns without freeing, an owner that is freed without what it owns."
    "The stack is that of the allocation. Decide who owns the object, and free it where the last pointer goes; objects that are lost with it often need no line of their own."
    r#"#include <stdlib.h>

static char *volatile name;

int main(void)
{
    name = malloc(8);
    name = malloc(9); // nothing points to the first any more
    free(name);
}
"#
    "SEGV" C:
    "The program crashed at an address outside the heap: most often at a null pointer."
    "By the signal, before the program dies of it. --report-crashes=no leaves these out."
    "A result that was not checked, a pointer that was never set."
    "The report says what kind of address it was; look where the pointer comes from."
    r#"#include <stddef.h>

int main(void)
{
    int *volatile pointer = NULL;
    *pointer = 1;
}
"#
    "BUS" C:
    "The program touched a page that the kernel could not give, and nothing that the program is known to have done explains it."
    "By the signal, before the program dies of it. --report-crashes=no leaves these out."
    "No room left in shared memory, a fault of the disk, or a file that is shorter than a mapping that was not seen."
    "Look at the mapping that the report names: what may be missing there?"
    r#"#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

int main(void)
{
    /* mmap of an empty file, by an instruction that no tool sees. */
    int empty = fileno(tmpfile());
    register long flags __asm__("r10") = MAP_SHARED;
    register long file __asm__("r8") = empty;
    register long offset __asm__("r9") = 0;
    volatile char *bytes = (void *)SYS_mmap;
    __asm__ volatile("syscall"
                     : "+a"(bytes)
                     : "D"(0L), "S"(4096L), "d"((long)PROT_READ),
                       "r"(flags), "r"(file), "r"(offset)
                     : "rcx", "r11", "memory");
    return bytes[0];
}
"#
    "stack-overflow" C:
    "The stack of a thread is used up."
    "By the fault behind its end, before the program dies of it. --report-crashes=no leaves these out."
    "A recursion without end, or large arrays in local variables."
    "The stack in the report shows which functions call each other."
    r#"static int descend(int depth)
{
    volatile char room[1000];
    room[depth % 1000] = 1;
    return descend(depth + 1) + room[5];
}

int main(void)
{
    return descend(0);
}
"#
    "FPE" C:
    "An integer was divided by zero, or the quotient is too large."
    "By the signal, before the program dies of it. --report-crashes=no leaves these out."
    "A count of 0 that was not expected."
    "Check the divisor."
    r#"int main(void)
{
    volatile int count = 0;
    return 10 / count;
}
"#
    "ILL" C:
    "The processor met an instruction that it does not know."
    "By the signal, before the program dies of it. --report-crashes=no leaves these out."
    "A trap that the compiler put at a place that must not be reached, code for a newer processor, a jump into data."
    "Look at the line in the report; compile without -march=native for other machines."
    r#"int main(void)
{
    __builtin_trap();
}
"#
    "ABRT" C:
    "The program called abort: an assertion has failed, or a library gave up."
    "By the call, before the program dies of it. --report-crashes=no leaves these out."
    "The program or library usually prints the cause just before."
    "Look at the caller of abort in the report's stack."
    r#"#include <stdlib.h>

int main(void)
{
    abort();
}
"#
}
