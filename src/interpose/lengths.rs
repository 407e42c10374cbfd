//! ftruncate(2), truncate(2) and open(2) with O_TRUNC: what is cut off a mapped file raises SIGBUS from then on.

use super::{history, way_trampoline};
use crate::checked::entry::Call as CheckedCall;
use crate::mappings::{self, Call, Opening};
use crate::sys::next;
use crate::sys::{errno, file, passed};
use crate::trace::Caller;
use core::ffi::{c_int, c_long};
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
        history::claim_cut((Call::Ftruncate, 0), Some(event), descriptor, before, bytes)
    });
    // SAFETY: as above.
    let result = unsafe { next(descriptor, bytes) };
    history::settle(claim, result == 0);
    result
}

/// The check of truncate. The call is made after it, and what was noted of one that fails stays: the file's length will tell.
pub fn before_truncate(call: &CheckedCall<'_>) {
    note_cut(call.site.caller, (Call::Truncate, 0), (libc::AT_FDCWD, call.arg(0)), call.arg(1));
}

/// The check of calls that open the file at `path`, relative to a folder, with these flags.
pub fn before_open(call: &CheckedCall<'_>, opening: Opening, path: (c_int, usize), flags: c_int) {
    if flags & libc::O_TRUNC != 0 && mappings::is_open() {
        note_cut(call.site.caller, (Call::Open, opening as c_int), path, 0);
    }
}

/// The check of calls that open a stream, with a mode.
pub fn before_stream(call: &CheckedCall<'_>, opening: Opening) {
    let is_cut =
        mappings::is_open() && call.arg(0) != 0 && passed::load_byte(call.arg(1)) == Some(b'w');
    let flags = if is_cut { libc::O_TRUNC } else { 0 };
    before_open(call, opening, (libc::AT_FDCWD, call.arg(0)), flags);
}

/// The check of syscall(2): the numbers of these calls.
pub fn before_number(call: &CheckedCall<'_>) {
    let open = |opening, path, flags| before_open(call, opening, path, flags);
    let here = (libc::AT_FDCWD, call.arg(1));
    match call.arg(0) as c_long {
        libc::SYS_truncate => {
            note_cut(call.site.caller, (Call::Truncate, 0), here, call.arg(2));
        }
        libc::SYS_open => open(Opening::Open, here, call.int(2)),
        libc::SYS_creat => open(Opening::Creat, here, libc::O_TRUNC),
        libc::SYS_openat => open(Opening::OpenAt, (call.int(1), call.arg(2)), call.int(3)),
        _ => {}
    }
}

fn note_cut(by: Caller, call: (Call, c_int), (folder, path): (c_int, usize), bytes: usize) {
    let Some(event) = history::caller(by) else { return };
    // SAFETY: the program's path, for a system call as the one that follows.
    let before = unsafe { file::file_under(folder, path) };
    let claim = history::claim_cut(call, Some(event), -1, before, bytes as off64_t);
    history::settle(claim, true);
}
