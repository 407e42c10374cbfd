//! Names and texts that are answered into a buffer: of terminals, threads, hosts, errors.
//!
//! Where the buffer is shorter than the program says, they are answered into one of ours, which is copied to
//! the program's when it is known to hold the answer.

use super::entry::Call;
use super::operand;
use crate::sys::errno;
use core::ffi::{c_char, c_int};

unsafe extern "C" {
    fn ttyname_r(fd: c_int, buffer: *mut c_char, size: usize) -> c_int;
    fn ptsname_r(fd: c_int, buffer: *mut c_char, size: usize) -> c_int;
    fn pthread_getname_np(thread: libc::pthread_t, buffer: *mut c_char, size: usize) -> c_int;
    fn getlogin_r(buffer: *mut c_char, size: usize) -> c_int;
    /// The one of GNU.
    fn strerror_r(error: c_int, buffer: *mut c_char, size: usize) -> *mut c_char;
    fn __xpg_strerror_r(error: c_int, buffer: *mut c_char, size: usize) -> c_int;
}

/// More than the text of an error or an address takes (INET6_ADDRSTRLEN is 46).
pub const TEXT_BYTES: usize = 1024;

/// The call writes the `bytes` bytes at `answer` to argument `index`.
pub unsafe fn deliver(
    call: &Call<'_>,
    name: &'static str,
    index: usize,
    (answer, bytes): (*const u8, usize),
) {
    call.writes(name, index, bytes);
    // SAFETY: the answer is as long as the caller says, as this function demands; the place is the program's to give.
    unsafe { core::ptr::copy_nonoverlapping(answer, call.ptr(index), bytes) };
}

/// The same of a string.
pub unsafe fn deliver_text(call: &Call<'_>, index: usize, text: &[c_char; TEXT_BYTES]) {
    // SAFETY: the function called has terminated it.
    unsafe {
        let bytes = libc::strlen(text.as_ptr()) + 1;
        deliver(call, "buf", index, (text.as_ptr().cast(), bytes));
    }
}

/// A function that writes a string of at most `size` bytes to argument `index`: `fill` is given the room
/// that there is, and `whole` tells how many bytes it would have written had there been more.
pub fn fills<R: Copy>(
    call: &Call<'_>,
    index: usize,
    size: usize,
    fill: impl FnOnce(usize) -> R,
    whole: impl FnOnce(R) -> Option<usize>,
) -> R {
    let room = call.room(index);
    if size <= room {
        return fill(size);
    }
    if room == 0 {
        call.writes("buf", index, size);
    }
    let result = fill(room);
    if let Some(written) = whole(result) {
        call.writes("buf", index, written.min(size));
    }
    result
}

/// The strerror_r of GNU.
pub unsafe fn of_error(call: &Call<'_>) -> *mut c_char {
    let mut text = [0; TEXT_BYTES];
    // SAFETY: as above.
    unsafe {
        if call.arg(2) <= call.room(1) {
            return strerror_r(call.int(0), call.ptr(1), call.arg(2));
        }
        let most = call.arg(2).min(TEXT_BYTES);
        let described = strerror_r(call.int(0), text.as_mut_ptr(), most);
        if !core::ptr::eq(described, text.as_ptr()) {
            return described;
        }
        deliver_text(call, 1, &text);
    }
    call.ptr(1)
}

/// The strerror_r of POSIX.
pub unsafe fn of_error_by_posix(call: &Call<'_>) -> c_int {
    let mut text = [0; TEXT_BYTES];
    // SAFETY: as above.
    unsafe {
        if call.arg(2) <= call.room(1) {
            return __xpg_strerror_r(call.int(0), call.ptr(1), call.arg(2));
        }
        let most = call.arg(2).min(TEXT_BYTES);
        let result = __xpg_strerror_r(call.int(0), text.as_mut_ptr(), most);
        deliver_text(call, 1, &text);
        result
    }
}

/// A name of at most so many bytes as the argument behind `index` says; `get` returns 0 if it fits.
unsafe fn answer_name(
    call: &Call<'_>,
    index: usize,
    get: impl FnOnce(*mut c_char, usize) -> c_int,
) -> c_int {
    let size = call.arg(index + 1);
    if size <= call.room(index) {
        return get(call.ptr(index), size);
    }
    if call.room(index) == 0 && !operand::is_end(call.arg(index)) {
        call.writes("buf", index, size);
    }
    let mut text = [0; TEXT_BYTES];
    let result = get(text.as_mut_ptr(), size.min(TEXT_BYTES));
    if result == 0 {
        // SAFETY: as above.
        unsafe { deliver_text(call, index, &text) }
    }
    result
}

/// ttyname_r.
pub unsafe fn of_terminal(call: &Call<'_>) -> c_int {
    // SAFETY: the buffer is as long as it is said to be.
    unsafe { answer_name(call, 1, |to, size| ttyname_r(call.int(0), to, size)) }
}

/// pthread_getname_np.
pub unsafe fn of_thread(call: &Call<'_>) -> c_int {
    let thread = call.arg(0) as libc::pthread_t;
    // SAFETY: as above.
    unsafe { answer_name(call, 1, |to, size| pthread_getname_np(thread, to, size)) }
}

/// ptsname_r.
pub unsafe fn of_slave(call: &Call<'_>) -> c_int {
    // SAFETY: as above.
    unsafe { answer_name(call, 1, |to, size| ptsname_r(call.int(0), to, size)) }
}

/// getlogin_r.
pub unsafe fn of_login(call: &Call<'_>) -> c_int {
    // SAFETY: as above.
    unsafe { answer_name(call, 0, |to, size| getlogin_r(to, size)) }
}

/// gethostname.
pub fn of_host(call: &Call<'_>) -> c_int {
    // SAFETY: the function's manual demands it of the program.
    let get = |room| unsafe { libc::gethostname(call.ptr(0), room) };
    fills(call, 0, call.arg(1), get, |result| {
        let too_long = result != 0 && errno::get() == errno::Errno(libc::ENAMETOOLONG);
        too_long.then(|| call.room(0) + 1)
    })
}
