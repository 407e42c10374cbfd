//! userfaultfd(2) of the program's own, on pages of its objects.
//!
//! The kernel registers a page with one descriptor only, and with the backend userfaultfd that is ours. So we give up such
//! pages to the program, and guard the object by other means when it is freed.

use crate::runtime;
use crate::sys::next;
use crate::sys::uffd::{self, UFFDIO_REGISTER};
use crate::sys::{PAGE_BYTES, errno};
use core::ffi::{c_int, c_ulong};

/// ioctl(2). It is variadic; one argument more is all that the kernel takes.
///
/// # Safety
/// As ioctl(2) demands of its caller.
pub unsafe extern "C" fn fencepost_ioctl(
    descriptor: c_int,
    request: c_ulong,
    argument: usize,
) -> c_int {
    type IoctlFn = unsafe extern "C" fn(c_int, c_ulong, usize) -> c_int;
    // SAFETY: ioctl's signature, but that it is variadic, which makes no difference to integers.
    let Some(next) = (unsafe { next::IOCTL.get::<IoctlFn>() }) else {
        errno::set(errno::Errno(libc::ENOSYS));
        return -1;
    };
    // SAFETY: the arguments are the program's, as the manual demands of it.
    let result = unsafe { next(descriptor, request, argument) };
    if result != 0
        && request as usize == UFFDIO_REGISTER
        && errno::get() == errno::Errno(libc::EBUSY)
        && release(argument)
    {
        // SAFETY: as above.
        return unsafe { next(descriptor, request, argument) };
    }
    result
}

/// Gives up the pages that the program is about to register. Returns whether any were registered with ours.
#[cold]
fn release(argument: usize) -> bool {
    let Some((start, bytes)) = uffd::range_to_register(argument) else { return false };
    let end = start.saturating_add(bytes).next_multiple_of(PAGE_BYTES);
    let before = errno::get();
    let has_released =
        runtime::get().is_some_and(|runtime| runtime.heap.program_pages().release(start..end));
    errno::set(before);
    has_released
}
