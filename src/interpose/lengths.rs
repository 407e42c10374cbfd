//! ftruncate(2) and truncate(2): what is cut off a mapped file raises SIGBUS from then on.

use super::{history, way_trampoline};
use crate::checked::entry::Call as CheckedCall;
use crate::mappings::{self, Call};
use crate::sys::next;
use crate::sys::{errno, file};
use crate::trace::Caller;
use core::ffi::c_int;
use libc::off64_t;

way_trampoline! {
    /// ftruncate(2); ftruncate64 is the same on x86_64.
    fencepost_ftruncate("rdx", "rcx") => ftruncate;
}

/// # Safety
/// As ftruncate(2) demands of its caller.
unsafe extern "C" fn ftruncate(descriptor: c_int, bytes: off64_t, sp: usize, bp: usize) -> c_int {
    // SAFETY: the trampoline passes the stack pointer as it was on entry; the rest is the program's.
    unsafe { cut_noted(descriptor, bytes, Caller::from_entry(sp, bp)) }
}

/// ftruncate(2), called by `by`.
///
/// # Safety
/// As ftruncate(2) demands of its caller.
pub unsafe fn cut_noted(descriptor: c_int, bytes: off64_t, by: Caller) -> c_int {
    // SAFETY: ftruncate's signature; the arguments are the program's.
    let Some(next) =
        (unsafe { next::FTRUNCATE.get::<unsafe extern "C" fn(c_int, off64_t) -> c_int>() })
    else {
        errno::set(errno::Errno(libc::ENOSYS));
        return -1;
    };
    // Another thread may run into the end before the call returns.
    let claim = history::caller(by).and_then(|event| {
        let before = file::open_file(descriptor);
        history::claim_cut(Call::Ftruncate, Some(event), descriptor, before, bytes)
    });
    // SAFETY: as above.
    let result = unsafe { next(descriptor, bytes) };
    history::settle(claim, result == 0);
    result
}

/// The check of truncate. The call is made after it, and what was noted of one that fails stays: the file's length will tell.
pub fn before_truncate(call: &CheckedCall<'_>) {
    if !mappings::is_open() {
        return;
    }
    let Some(event) = history::caller(call.site.caller) else { return };
    // SAFETY: the program's path, for a system call as the one that follows.
    let before = unsafe { file::file_at(call.arg(0)) };
    let claim = history::claim_cut(Call::Truncate, Some(event), -1, before, call.arg(1) as off64_t);
    history::settle(claim, true);
}
