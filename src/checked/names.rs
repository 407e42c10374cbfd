//! Functions that write a name or text into a buffer: of terminals, threads, hosts, errors.
//!
//! If the buffer is shorter than the program says, the name goes to a buffer of ours first, and to the program's once
//! it is known to fit.

use super::entry::Call;
use super::operand;
use crate::sys::errno;
use core::ffi::{c_char, c_int};

unsafe extern "C" {
    fn ttyname_r(fd: c_int, buffer: *mut c_char, size: usize) -> c_int;
    fn ptsname_r(fd: c_int, buffer: *mut c_char, size: usize) -> c_int;
    fn pthread_getname_np(thread: libc::pthread_t, buffer: *mut c_char, size: usize) -> c_int;
    fn getlogin_r(buffer: *mut c_char, size: usize) -> c_int;
    /// GNU's strerror_r.
    fn strerror_r(error: c_int, buffer: *mut c_char, size: usize) -> *mut c_char;
    fn __xpg_strerror_r(error: c_int, buffer: *mut c_char, size: usize) -> c_int;
}

/// More bytes than the text of an error or an address takes (INET6_ADDRSTRLEN is 46).
pub const TEXT_BYTES: usize = 1024;

/// Checks argument `index`, and copies the `bytes` bytes at `answer` there.
pub unsafe fn deliver(
    call: &Call<'_>,
    name: &'static str,
    index: usize,
    (answer, bytes): (*const u8, usize),
) {
    call.writes(name, index, bytes);
    // SAFETY: the caller promises `bytes` bytes at `answer`; the program passes a buffer for them.
    unsafe { core::ptr::copy_nonoverlapping(answer, call.ptr(index), bytes) };
}

/// Checks argument `index`, and copies the string `text` there.
pub unsafe fn deliver_text(call: &Call<'_>, index: usize, text: &[c_char; TEXT_BYTES]) {
    // SAFETY: libc's function has terminated the text; the program passes a buffer for it.
    unsafe {
        let bytes = libc::strlen(text.as_ptr()) + 1;
        deliver(call, "buf", index, (text.as_ptr().cast(), bytes));
    }
}

/// Makes a call that writes a string of at most `size` bytes to argument `index`. `fill` gets the true size of the
/// buffer, and `whole` returns how many bytes a larger buffer would have got.
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

/// Makes a checked call of GNU's strerror_r.
pub unsafe fn of_error(call: &Call<'_>) -> *mut c_char {
    let mut text = [0; TEXT_BYTES];
    // SAFETY: the program passes what the manual demands; `text` has as many bytes as its size says.
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

/// Makes a checked call of POSIX's strerror_r.
pub unsafe fn of_error_by_posix(call: &Call<'_>) -> c_int {
    let mut text = [0; TEXT_BYTES];
    // SAFETY: the program passes what the manual demands; `text` has as many bytes as its size says.
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

/// Makes a checked call that writes a name to argument `index`, whose size is next. `get` returns 0 if it fits.
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
        // SAFETY: `get` has succeeded, so it has written a string.
        unsafe { deliver_text(call, index, &text) }
    }
    result
}

/// Makes a checked call of ttyname_r.
pub unsafe fn of_terminal(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands; each buffer has as many bytes as its size says.
    unsafe { answer_name(call, 1, |to, size| ttyname_r(call.int(0), to, size)) }
}

/// Makes a checked call of pthread_getname_np.
pub unsafe fn of_thread(call: &Call<'_>) -> c_int {
    let thread = call.arg(0) as libc::pthread_t;
    // SAFETY: the program passes what the manual demands; each buffer has as many bytes as its size says.
    unsafe { answer_name(call, 1, |to, size| pthread_getname_np(thread, to, size)) }
}

/// Makes a checked call of ptsname_r.
pub unsafe fn of_slave(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands; each buffer has as many bytes as its size says.
    unsafe { answer_name(call, 1, |to, size| ptsname_r(call.int(0), to, size)) }
}

/// Makes a checked call of getlogin_r.
pub unsafe fn of_login(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands; each buffer has as many bytes as its size says.
    unsafe { answer_name(call, 0, |to, size| getlogin_r(to, size)) }
}

/// Makes a checked call of gethostname.
pub fn of_host(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands.
    let get = |room| unsafe { libc::gethostname(call.ptr(0), room) };
    fills(call, 0, call.arg(1), get, |result| {
        let too_long = result != 0 && errno::get() == errno::Errno(libc::ENAMETOOLONG);
        too_long.then(|| call.room(0) + 1)
    })
}
