/* What a program or a debugger can ask of fencepost.
 *
 * The declarations are weak: a program that runs without the library finds null pointers, so ask
 * first:
 *
 *     if (fencepost_check_heap)
 *         fencepost_check_heap();
 *
 * Link such a program as a position-independent executable, which is the default of most
 * compilers: otherwise the linker makes the null pointers final. From a debugger, see
 * docs/debugging.md. */

#ifndef FENCEPOST_H
#define FENCEPOST_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes what an address is, where reports go: a live or freed object with its stacks, a guard
 * page, slack, or memory that is not the heap's. */
void fencepost_describe_address(const void *address) __attribute__((weak));

/* Verifies the canary bytes of all live objects. Writes a report for each object that is damaged,
 * and returns how many there are. The process goes on. */
size_t fencepost_check_heap(void) __attribute__((weak));

/* Is given the text of every report, after that has been written. The process may be about to die,
 * in a signal handler, with locks held: do little. Do not wait for another thread: it may be waiting
 * to report. */
typedef void (*fencepost_report_hook)(const char *report);

/* Sets the hook, or with a null pointer none, and returns the one before. */
fencepost_report_hook fencepost_set_report_hook(fencepost_report_hook hook) __attribute__((weak));

/* Does nothing. It is called after the report of a bug, on the stack of the thread that has it: a
 * place for a breakpoint. */
void fencepost_on_error(void) __attribute__((weak));

#ifdef __cplusplus
}
#endif

#endif
