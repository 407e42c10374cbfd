//! The checked functions on extended attributes of files.
//!
//! A buffer that is shorter than the program says is good for an attribute that fits. How long the
//! attribute is the kernel is asked before.

use super::entry::{Call, entries};
use super::operand;
use super::text::{reads_names, reads_whole};
use crate::sys::errno;
use core::ffi::c_void;
use core::ptr::null_mut;
use libc::ssize_t;

/// Longest value, and longest list of names, of the kernel (XATTR_SIZE_MAX, XATTR_LIST_MAX).
const MOST_BYTES: usize = 65536;

/// The call writes what `get` answers, asked with a buffer of no bytes, to argument `index`, whose size
/// is the argument behind it.
fn answers(call: &Call<'_>, index: usize, get: impl FnOnce(*mut c_void, usize) -> ssize_t) {
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

/// A name, and the value to be set behind it.
unsafe fn sets(call: &Call<'_>) {
    // SAFETY: the program's promise.
    unsafe { reads_whole::<u8>(call, "name", 1) };
    // A longer one is refused unread.
    if call.arg(3) <= MOST_BYTES {
        call.reads("value", 2, call.arg(3));
    }
}

entries! {
    before getxattr[rdi rsi rdx] = |call| {
        reads_names(call, ["path", "name"]);
        answers(call, 2, |to, size| libc::getxattr(call.ptr(0), call.ptr(1), to, size));
    };
    before lgetxattr[rdi rsi rdx] = |call| {
        reads_names(call, ["path", "name"]);
        answers(call, 2, |to, size| libc::lgetxattr(call.ptr(0), call.ptr(1), to, size));
    };
    before fgetxattr[rsi rdx] = |call| {
        reads_whole::<u8>(call, "name", 1);
        answers(call, 2, |to, size| libc::fgetxattr(call.int(0), call.ptr(1), to, size));
    };
    before listxattr[rdi rsi] = |call| {
        reads_names(call, ["path"]);
        answers(call, 1, |to, size| libc::listxattr(call.ptr(0), to.cast(), size));
    };
    before llistxattr[rdi rsi] = |call| {
        reads_names(call, ["path"]);
        answers(call, 1, |to, size| libc::llistxattr(call.ptr(0), to.cast(), size));
    };
    before flistxattr[rsi] = |call| {
        answers(call, 1, |to, size| libc::flistxattr(call.int(0), to.cast(), size));
    };
    before setxattr[rdi rsi rdx] = |call| { reads_names(call, ["path"]); sets(call) };
    before lsetxattr[rdi rsi rdx] = |call| { reads_names(call, ["path"]); sets(call) };
    before fsetxattr[rsi rdx] = |call| sets(call);
    before removexattr[rdi rsi] = |call| reads_names(call, ["path", "name"]);
    before lremovexattr[rdi rsi] = |call| reads_names(call, ["path", "name"]);
    before fremovexattr[rsi] = |call| reads_whole::<u8>(call, "name", 1);
}
