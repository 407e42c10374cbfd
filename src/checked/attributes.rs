//! Extended attributes of files.
//!
//! A buffer that is shorter than the program says is good enough for an attribute that fits. So the kernel is asked
//! first how long the attribute is.

use super::entry::Call;
use super::operand;
use crate::sys::errno;
use core::ffi::c_void;
use core::ptr::null_mut;
use libc::ssize_t;

/// The kernel's limit on a value and on a list of names, in bytes (XATTR_SIZE_MAX, XATTR_LIST_MAX).
const MOST_BYTES: usize = 65536;

/// Checks the buffer that is argument `index`, of the size in the next argument. `get` with an empty buffer returns how
/// many bytes the call will write.
fn writes_answer(call: &Call<'_>, index: usize, get: impl FnOnce(*mut c_void, usize) -> ssize_t) {
    let (room, size) = (call.room(index), call.arg(index + 1));
    if size <= room {
        return;
    }
    if room == 0 && !operand::is_end(call.arg(index)) {
        call.writes("value", index, size);
    }
    let before = errno::get();
    let length = get(null_mut(), 0);
    errno::set(before);
    if let Ok(bytes) = usize::try_from(length)
        && bytes <= size
    {
        call.writes("value", index, bytes);
    }
}

/// Checks a call of setxattr or a relative. The kernel refuses a longer value without reading it.
pub fn sets(call: &Call<'_>) {
    if call.arg(3) <= MOST_BYTES {
        call.reads("value", 2, call.arg(3));
    }
}

/// Checks a call of getxattr.
pub unsafe fn gets(call: &Call<'_>) {
    // SAFETY: the program passes what the manual demands; the buffer has no bytes.
    writes_answer(call, 2, |to, size| unsafe {
        libc::getxattr(call.ptr(0), call.ptr(1), to, size)
    });
}

/// Checks a call of lgetxattr.
pub unsafe fn gets_of_link(call: &Call<'_>) {
    // SAFETY: the program passes what the manual demands; the buffer has no bytes.
    writes_answer(call, 2, |to, size| unsafe {
        libc::lgetxattr(call.ptr(0), call.ptr(1), to, size)
    });
}

/// Checks a call of fgetxattr.
pub unsafe fn gets_of_open(call: &Call<'_>) {
    // SAFETY: the program passes what the manual demands; the buffer has no bytes.
    writes_answer(call, 2, |to, size| unsafe {
        libc::fgetxattr(call.int(0), call.ptr(1), to, size)
    });
}

/// Checks a call of listxattr.
pub unsafe fn lists(call: &Call<'_>) {
    // SAFETY: the program passes what the manual demands; the buffer has no bytes.
    writes_answer(call, 1, |to, size| unsafe { libc::listxattr(call.ptr(0), to.cast(), size) });
}

/// Checks a call of llistxattr.
pub unsafe fn lists_of_link(call: &Call<'_>) {
    // SAFETY: the program passes what the manual demands; the buffer has no bytes.
    writes_answer(call, 1, |to, size| unsafe { libc::llistxattr(call.ptr(0), to.cast(), size) });
}

/// Checks a call of flistxattr.
pub unsafe fn lists_of_open(call: &Call<'_>) {
    // SAFETY: the program passes what the manual demands; the buffer has no bytes.
    writes_answer(call, 1, |to, size| unsafe { libc::flistxattr(call.int(0), to.cast(), size) });
}
