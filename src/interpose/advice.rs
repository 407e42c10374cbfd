//! madvise(2) and its relatives, by which a program may drop pages of its own objects.
//!
//! A page that a program drops must read as zeros afterwards. With userfaultfd a missing page is a guard, so dropped
//! pages of live objects are filled with zeros at once: a system call that touches a missing page would fail.

use crate::runtime;
use crate::sys::next;
use crate::sys::{PAGE_BYTES, errno};
use core::ffi::{c_int, c_void};
use libc::{iovec, size_t, ssize_t};

/// Advice of Linux 5.18: drops locked pages too.
const MADV_DONTNEED_LOCKED: c_int = 24;

/// Whether pages may be missing after the advice.
fn drops(advice: c_int) -> bool {
    matches!(
        advice,
        libc::MADV_DONTNEED | MADV_DONTNEED_LOCKED | libc::MADV_FREE | libc::MADV_REMOVE
    )
}

/// Start and end of the pages that hold the `bytes` bytes at `start`.
fn pages_of(start: usize, bytes: usize) -> (usize, usize) {
    (start & !(PAGE_BYTES - 1), start.saturating_add(bytes).next_multiple_of(PAGE_BYTES))
}

/// Whether the heap must fill pages after the advice on these bytes.
fn concerns_heap(start: usize, bytes: usize, advice: c_int) -> bool {
    let (start, end) = pages_of(start, bytes);
    drops(advice) && runtime::get().is_some_and(|runtime| runtime.heap.must_refill(start, end))
}

/// Fills the pages that the advice has dropped. Keeps errno.
fn refill(start: usize, bytes: usize) {
    let before = errno::get();
    let (start, end) = pages_of(start, bytes);
    if let Some(runtime) = runtime::get() {
        runtime.heap.refill_dropped(start, end);
    }
    errno::set(before);
}

/// Replaces MADV_FREE, by which the kernel may drop pages later: then nobody would fill them.
fn at_once(advice: c_int) -> c_int {
    if advice == libc::MADV_FREE { libc::MADV_DONTNEED } else { advice }
}

/// madvise(2).
///
/// # Safety
/// The arguments must be valid for madvise(2).
pub unsafe extern "C" fn fencepost_madvise(
    address: *mut c_void,
    bytes: size_t,
    advice: c_int,
) -> c_int {
    type MadviseFn = unsafe extern "C" fn(*mut c_void, size_t, c_int) -> c_int;
    // SAFETY: `MadviseFn` is madvise's signature.
    let Some(next) = (unsafe { next::MADVISE.get::<MadviseFn>() }) else {
        errno::set(errno::Errno(libc::ENOSYS));
        return -1;
    };
    if !concerns_heap(address as usize, bytes, advice) {
        // SAFETY: the program passed the arguments, and must make them valid for madvise(2).
        return unsafe { next(address, bytes, advice) };
    }
    // SAFETY: the program passed the arguments, and must make them valid for madvise(2). MADV_FREE allows the kernel to
    // drop the pages at once.
    let result = unsafe { next(address, bytes, at_once(advice)) };
    refill(address as usize, bytes);
    result
}

/// process_madvise(2). The target may be this process.
///
/// # Safety
/// The arguments must be valid for process_madvise(2).
pub unsafe extern "C" fn fencepost_process_madvise(
    process: c_int,
    ranges: *const iovec,
    count: size_t,
    advice: c_int,
    flags: libc::c_uint,
) -> ssize_t {
    type ProcessMadviseFn =
        unsafe extern "C" fn(c_int, *const iovec, size_t, c_int, libc::c_uint) -> ssize_t;
    // SAFETY: `ProcessMadviseFn` is process_madvise's signature.
    let Some(next) = (unsafe { next::PROCESS_MADVISE.get::<ProcessMadviseFn>() }) else {
        errno::set(errno::Errno(libc::ENOSYS));
        return -1;
    };
    // SAFETY: the program passed the arguments, and must make them valid for process_madvise(2).
    let result = unsafe { next(process, ranges, count, advice, flags) };
    if result > 0 {
        // SAFETY: the kernel has read `count` ranges there.
        let ranges = unsafe { core::slice::from_raw_parts(ranges, count) };
        for range in ranges {
            let start = range.iov_base as usize;
            if concerns_heap(start, range.iov_len, advice) {
                refill(start, range.iov_len);
            }
        }
    }
    result
}
