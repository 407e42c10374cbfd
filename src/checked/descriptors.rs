//! Input and output by descriptor. The buffers go to the kernel, which only returns EFAULT for a bad one.
//!
//! These functions stay cancellation points and async-signal-safe: libc's function is called once.

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

/// Reads into argument 1, a buffer of argument 2 bytes. `read` fills one buffer, `scatter` several.
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
        // Direct input restricts its buffers' addresses and sizes, so this passes the program's own buffer.
        let result = read();
        let refused = result < 0 && errno::get() == errno::Errno(libc::EFAULT);
        call.writes("buf", 1, if refused { call.arg(2) } else { result.max(0) as usize });
        return result;
    }
    clipped.arrived(call, "buf", result);
    result
}

/// Makes a checked call of read.
pub unsafe fn read_in(call: &Call<'_>) -> ssize_t {
    // SAFETY: the program passes what the manual demands; the clipped buffers are valid.
    unsafe {
        input(
            call,
            || read(call.int(0), call.ptr(1), call.arg(2)),
            |v| readv(call.int(0), v.as_ptr(), v.len() as c_int),
        )
    }
}

/// Makes a checked call of pread.
pub unsafe fn pread_in(call: &Call<'_>) -> ssize_t {
    let offset = call.arg(3) as off64_t;
    // SAFETY: the program passes what the manual demands; the clipped buffers are valid.
    unsafe {
        input(
            call,
            || pread64(call.int(0), call.ptr(1), call.arg(2), offset),
            |v| preadv64(call.int(0), v.as_ptr(), v.len() as c_int, offset),
        )
    }
}

/// Makes a checked call of readv or preadv, by calling `scatter` with the buffers.
unsafe fn scatter_in(
    call: &Call<'_>,
    scatter: impl FnOnce(*const iovec, c_int) -> ssize_t,
) -> ssize_t {
    // SAFETY: the program passes what the manual demands.
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

/// Makes a checked call of readv.
pub unsafe fn read_vectors(call: &Call<'_>) -> ssize_t {
    // SAFETY: the program passes what the manual demands; the clipped buffers are valid.
    unsafe { scatter_in(call, |vectors, count| readv(call.int(0), vectors, count)) }
}

/// Makes a checked call of preadv.
pub unsafe fn pread_vectors(call: &Call<'_>) -> ssize_t {
    let offset = call.arg(3) as off64_t;
    // SAFETY: the program passes what the manual demands; the clipped buffers are valid.
    unsafe { scatter_in(call, |vectors, count| preadv64(call.int(0), vectors, count, offset)) }
}

/// Checks a call of writev or pwritev.
pub unsafe fn writes_vectors(call: &Call<'_>) {
    let count = call.int(2).max(0) as usize;
    // SAFETY: the program passes what the manual demands.
    unsafe { all_touched(call, Direction::Read, "iov_base", call.arg(1), count) }
}

/// Checks a call of fcntl. Only the commands on locks have an operand in memory.
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
