//! Input and output by descriptor: buffers that go to the kernel, which returns EFAULT for a bad one and says
//! nothing else.
//!
//! They stay cancellation points and async-signal-safe: libc's function is called, once.

use super::entry::Call;
use super::vectors::{Clipped, all_touched, slice};
use crate::diagnose::Direction;
use crate::sys::errno;
use core::ffi::{c_int, c_void};
use libc::{iovec, off64_t, ssize_t};

unsafe extern "C-unwind" {
    fn readv(fd: c_int, iov: *const iovec, count: c_int) -> ssize_t;
    fn preadv64(fd: c_int, iov: *const iovec, count: c_int, offset: off64_t) -> ssize_t;
    fn read(fd: c_int, buffer: *mut c_void, count: usize) -> ssize_t;
    fn pread64(fd: c_int, buffer: *mut c_void, count: usize, offset: off64_t) -> ssize_t;
}

/// One buffer, argument 1, of argument 2 bytes; `read` reads into one buffer, `scatter` into several.
pub fn input(
    call: &Call<'_>,
    read: impl FnOnce() -> ssize_t,
    scatter: impl FnOnce(&mut [iovec]) -> ssize_t,
) -> ssize_t {
    let buffer = iovec { iov_base: call.ptr(1), iov_len: call.arg(2) };
    if call.arg(2) == 0 {
        return read();
    }
    let Some(mut clipped) = Clipped::new(call, "buf", &[buffer]) else { return read() };
    let result = scatter(clipped.vectors());
    if result < 0 && errno::get() == errno::Errno(libc::EINVAL) {
        // Direct input has demands on the addresses and sizes of its buffers.
        let result = read();
        let refused = result < 0 && errno::get() == errno::Errno(libc::EFAULT);
        call.writes("buf", 1, if refused { call.arg(2) } else { result.max(0) as usize });
        return result;
    }
    clipped.arrived(call, "buf", result);
    result
}

/// read.
pub unsafe fn read_in(call: &Call<'_>) -> ssize_t {
    // SAFETY: the function's manual demands it of the program; the clipped buffers are valid.
    unsafe {
        input(
            call,
            || read(call.int(0), call.ptr(1), call.arg(2)),
            |v| readv(call.int(0), v.as_ptr(), v.len() as c_int),
        )
    }
}

/// pread.
pub unsafe fn pread_in(call: &Call<'_>) -> ssize_t {
    let offset = call.arg(3) as off64_t;
    // SAFETY: as above.
    unsafe {
        input(
            call,
            || pread64(call.int(0), call.ptr(1), call.arg(2), offset),
            |v| preadv64(call.int(0), v.as_ptr(), v.len() as c_int, offset),
        )
    }
}

/// readv and preadv: `scatter` is given the buffers.
unsafe fn scatter_in(
    call: &Call<'_>,
    scatter: impl FnOnce(*const iovec, c_int) -> ssize_t,
) -> ssize_t {
    // SAFETY: the function's manual demands it of the program.
    let buffers = unsafe { slice(call, call.arg(1), call.int(2).max(0) as usize) };
    match Clipped::new(call, "iov_base", buffers) {
        None => scatter(call.ptr(1), call.int(2)),
        Some(mut clipped) => {
            let vectors = clipped.vectors();
            let result = scatter(vectors.as_ptr(), vectors.len() as c_int);
            clipped.arrived(call, "iov_base", result);
            result
        }
    }
}

/// readv.
pub unsafe fn read_vectors(call: &Call<'_>) -> ssize_t {
    // SAFETY: the function's manual demands it of the program; the clipped buffers are valid.
    unsafe { scatter_in(call, |vectors, count| readv(call.int(0), vectors, count)) }
}

/// preadv.
pub unsafe fn pread_vectors(call: &Call<'_>) -> ssize_t {
    let offset = call.arg(3) as off64_t;
    // SAFETY: as above.
    unsafe { scatter_in(call, |vectors, count| preadv64(call.int(0), vectors, count, offset)) }
}

/// writev and pwritev.
pub unsafe fn writes_vectors(call: &Call<'_>) {
    let count = call.int(2).max(0) as usize;
    // SAFETY: the function's manual demands it of the program.
    unsafe { all_touched(call, Direction::Read, "iov_base", call.arg(1), count) }
}

/// fcntl: the operand of the commands on locks; of others it is a number.
pub fn controls(call: &Call<'_>) {
    let bytes = size_of::<libc::flock>();
    match call.int(1) {
        libc::F_GETLK | libc::F_OFD_GETLK => call.writes("flock", 2, bytes),
        libc::F_SETLK | libc::F_SETLKW | libc::F_OFD_SETLK | libc::F_OFD_SETLKW => {
            call.reads("flock", 2, bytes);
        }
        _ => {}
    }
}
