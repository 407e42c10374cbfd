//! Extended attributes of files.
//!
//! A buffer that is shorter than the program says is good for an attribute that fits. How long the
//! attribute is the kernel is asked before.

use super::entry::Call;
use super::operand;
use crate::sys::errno;
use core::ffi::c_void;
use core::ptr::null_mut;
use libc::ssize_t;

/// Longest value, and longest list of names, of the kernel (XATTR_SIZE_MAX, XATTR_LIST_MAX).
const MOST_BYTES: usize = 65536;

/// The call writes what `get` returns, asked with a buffer of no bytes, to argument `index`, whose size
/// is the argument behind it.
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

/// setxattr and the like: a longer value is refused unread.
pub fn sets(call: &Call<'_>) {
    if call.arg(3) <= MOST_BYTES {
        call.reads("value", 2, call.arg(3));
    }
}

/// getxattr.
pub unsafe fn gets(call: &Call<'_>) {
    // SAFETY: the function's manual demands it of the program; the buffer is of no bytes.
    writes_answer(call, 2, |to, size| unsafe {
        libc::getxattr(call.ptr(0), call.ptr(1), to, size)
    });
}

/// lgetxattr.
pub unsafe fn gets_of_link(call: &Call<'_>) {
    // SAFETY: the function's manual demands it of the program; the buffer is of no bytes.
    writes_answer(call, 2, |to, size| unsafe {
        libc::lgetxattr(call.ptr(0), call.ptr(1), to, size)
    });
}

/// fgetxattr.
pub unsafe fn gets_of_open(call: &Call<'_>) {
    // SAFETY: the function's manual demands it of the program; the buffer is of no bytes.
    writes_answer(call, 2, |to, size| unsafe {
        libc::fgetxattr(call.int(0), call.ptr(1), to, size)
    });
}

/// listxattr.
pub unsafe fn lists(call: &Call<'_>) {
    // SAFETY: the function's manual demands it of the program; the buffer is of no bytes.
    writes_answer(call, 1, |to, size| unsafe { libc::listxattr(call.ptr(0), to.cast(), size) });
}

/// llistxattr.
pub unsafe fn lists_of_link(call: &Call<'_>) {
    // SAFETY: the function's manual demands it of the program; the buffer is of no bytes.
    writes_answer(call, 1, |to, size| unsafe { libc::llistxattr(call.ptr(0), to.cast(), size) });
}

/// flistxattr.
pub unsafe fn lists_of_open(call: &Call<'_>) {
    // SAFETY: the function's manual demands it of the program; the buffer is of no bytes.
    writes_answer(call, 1, |to, size| unsafe { libc::flistxattr(call.int(0), to.cast(), size) });
}
