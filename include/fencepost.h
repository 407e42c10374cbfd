/* Functions of fencepost for programs and debuggers.
 *
 * The declarations are weak: in a program that runs without the library they are null pointers, so
 * test them first:
 *
 *     if (fencepost_check_heap)
 *         fencepost_check_heap();
 *
 * Link such a program as a position-independent executable, the default of most compilers;
 * otherwise the linker makes the null pointers final. For use from a debugger, see
 * docs/debugging.md. */

#ifndef FENCEPOST_H
#define FENCEPOST_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes what is at an address, to the place where reports go: a live or freed object with its
 * stacks, a guard page, slack, or memory outside the heap. */
void fencepost_describe_address(const void *address) __attribute__((weak));

/* Checks the canary bytes of all live objects. Writes a report for each damaged object, and returns
 * the number of damaged objects. The process goes on. */
size_t fencepost_check_heap(void) __attribute__((weak));

/* Looks for leaks, as at the end of a run with the option leaks=full. Writes a report for each place that allocated leaks
 * of the option leak-kinds, then how much was lost in all. Returns the number of objects that are definitely or possibly
 * lost. The process goes on.
 *
 * The other threads are stopped by a signal while memory is read. System calls of theirs that were waiting go on waiting, but
 * those that the kernel restarts after no handler return EINTR: sleep, poll, select, epoll_wait, pause and the like. */
size_t fencepost_check_leaks(void) __attribute__((weak));

/* Remembers all live objects, reachable or not, by the places that allocated them, and returns a number for this moment.
 * Writes nothing. The last 64 moments are kept; each check for leaks makes one, too. Returns 0 if memory could not be read. */
size_t fencepost_mark_leaks(void) __attribute__((weak));

/* As fencepost_check_leaks, but reports only places of which there is more now than at the moment of this number; 0 stands for
 * the last moment. Returns by how many objects more are definitely or possibly lost. With leak-kinds=all, growth of
 * what is still reachable is reported, too. */
size_t fencepost_check_leaks_since(size_t moment) __attribute__((weak));

/* A function that gets the text of every report after it has been written. It may run in a signal
 * handler of a process that is about to die, with locks held, so it should do little. It must not
 * wait for another thread, which may be waiting to report. */
typedef void (*fencepost_report_hook)(const char *report);

/* Sets the hook, and returns the one before. A null pointer stands for no hook. */
fencepost_report_hook fencepost_set_report_hook(fencepost_report_hook hook) __attribute__((weak));

/* Does nothing: it is a place for a breakpoint. It is called after the report of a bug, on the stack
 * of the thread that has the bug. */
void fencepost_on_error(void) __attribute__((weak));

#ifdef __cplusplus
}
#endif

#endif
