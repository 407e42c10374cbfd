//! The checked functions whose answer has a length of its own: names of sockets, addresses, options and
//! errors.
//!
//! Where the buffer is shorter than the program says, they answer into one of ours, which is copied to
//! the program's when it is known to hold the answer. Options of sockets are looked at after the call:
//! to some a buffer is input too.

use super::entry::{Call, entries};
use super::io::verify;
use super::operand;
use super::text::reads_whole;
use crate::sys::errno;
use core::ffi::{c_char, c_int, c_void};
use libc::{sockaddr, sockaddr_storage, socklen_t, timeval};

// Cancellation points.
unsafe extern "C-unwind" {
    fn accept(fd: c_int, address: *mut sockaddr, length: *mut socklen_t) -> c_int;
    fn accept4(fd: c_int, address: *mut sockaddr, length: *mut socklen_t, flags: c_int) -> c_int;
}

unsafe extern "C" {
    fn ttyname_r(fd: c_int, buffer: *mut c_char, size: usize) -> c_int;
    fn ptsname_r(fd: c_int, buffer: *mut c_char, size: usize) -> c_int;
    fn pthread_getname_np(thread: libc::pthread_t, buffer: *mut c_char, size: usize) -> c_int;
    fn getlogin_r(buffer: *mut c_char, size: usize) -> c_int;
    fn inet_pton(family: c_int, text: *const c_char, address: *mut c_void) -> c_int;
    fn inet_ntop(
        family: c_int,
        address: *const c_void,
        text: *mut c_char,
        size: socklen_t,
    ) -> *const c_char;
    /// The one of GNU.
    fn strerror_r(error: c_int, buffer: *mut c_char, size: usize) -> *mut c_char;
    fn __xpg_strerror_r(error: c_int, buffer: *mut c_char, size: usize) -> c_int;
}

/// More than the text of an error or an address takes (INET6_ADDRSTRLEN is 46).
const TEXT_BYTES: usize = 1024;

/// The call writes the `bytes` bytes at `answer` to argument `index`.
unsafe fn deliver(
    call: &Call<'_>,
    name: &'static str,
    index: usize,
    (answer, bytes): (*const u8, usize),
) {
    call.writes(name, index, bytes);
    // SAFETY: the caller's promise of the answer, the program's of what is not in the heap.
    unsafe { core::ptr::copy_nonoverlapping(answer, call.ptr(index), bytes) };
}

/// The same of a string.
unsafe fn deliver_text(call: &Call<'_>, index: usize, text: &[c_char; TEXT_BYTES]) {
    // SAFETY: the function called has terminated it.
    unsafe {
        let bytes = libc::strlen(text.as_ptr()) + 1;
        deliver(call, "buf", index, (text.as_ptr().cast(), bytes));
    }
}

/// The address at argument 1, whose length is at argument 2 before and after the call.
unsafe fn socket_address(
    call: &Call<'_>,
    get: impl FnOnce(*mut sockaddr, *mut socklen_t) -> c_int,
) -> c_int {
    let (address, length) = (call.ptr::<sockaddr>(1), call.ptr::<socklen_t>(2));
    if address.is_null() {
        return get(address, length);
    }
    call.writes("addrlen", 2, size_of::<socklen_t>());
    // SAFETY: the program's promise; what the kernel has written to our buffer goes there.
    unsafe {
        if length.is_null() || *length as usize <= call.room(1) || *length > c_int::MAX as socklen_t
        {
            return get(address, length);
        }
        let most = *length;
        if call.room(1) == 0 && !operand::is_end(call.arg(1)) {
            call.writes("addr", 1, most as usize);
        }
        let mut whole: sockaddr_storage = core::mem::zeroed();
        let mut there = most.min(size_of::<sockaddr_storage>() as socklen_t);
        let offered = there;
        let result = get((&raw mut whole).cast(), &raw mut there);
        if result >= 0 {
            let bytes = there.min(offered) as usize;
            deliver(call, "addr", 1, ((&raw const whole).cast(), bytes));
            *length = there;
        }
        result
    }
}

unsafe fn get_option(call: &Call<'_>) -> c_int {
    let length = call.ptr::<socklen_t>(4);
    call.writes("optlen", 4, size_of::<socklen_t>());
    // SAFETY: the program's promise.
    unsafe {
        let get = || libc::getsockopt(call.int(0), call.int(1), call.int(2), call.ptr(3), length);
        if length.is_null() {
            return get();
        }
        let most = *length as usize;
        let result = get();
        let refused = result < 0 && errno::get() == errno::Errno(libc::EFAULT);
        if result == 0 {
            call.writes("optval", 3, most.min(*length as usize));
        } else if refused {
            // The kernel has come to the guard.
            call.writes("optval", 3, most);
        }
        result
    }
}

/// Bytes that the kernel surely reads of an option: an int, if the program has one, and more of a few.
fn option_bytes(level: c_int, name: c_int) -> usize {
    match (level, name) {
        (libc::SOL_SOCKET, libc::SO_LINGER) => size_of::<libc::linger>(),
        (libc::SOL_SOCKET, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) => size_of::<timeval>(),
        _ => size_of::<c_int>(),
    }
}

unsafe fn parse_address(call: &Call<'_>) -> c_int {
    let mut address = [0_u8; 16];
    // SAFETY: the program's promise; no address is longer.
    unsafe {
        reads_whole::<u8>(call, "src", 1);
        if call.room(2) >= address.len() {
            return inet_pton(call.int(0), call.ptr(1), call.ptr(2));
        }
        let result = inet_pton(call.int(0), call.ptr(1), address.as_mut_ptr().cast());
        if result == 1 {
            deliver(call, "dst", 2, (address.as_ptr(), address_bytes(call.int(0))));
        }
        result
    }
}

/// Bytes of an Internet address.
fn address_bytes(family: c_int) -> usize {
    match family {
        libc::AF_INET => 4,
        libc::AF_INET6 => 16,
        _ => 0,
    }
}

unsafe fn format_address(call: &Call<'_>) -> *const c_char {
    call.reads("src", 1, address_bytes(call.int(0)));
    let (to, size) = (call.ptr::<c_char>(2), call.arg(3) as socklen_t);
    let mut text = [0; TEXT_BYTES];
    // SAFETY: the program's promise; the buffer is as long as it is said to be.
    unsafe {
        if size as usize <= call.room(2) {
            return inet_ntop(call.int(0), call.ptr(1), to, size);
        }
        let most = size.min(TEXT_BYTES as socklen_t);
        if inet_ntop(call.int(0), call.ptr(1), text.as_mut_ptr(), most).is_null() {
            return core::ptr::null();
        }
        deliver_text(call, 2, &text);
    }
    to
}

unsafe fn describe_error(call: &Call<'_>) -> *mut c_char {
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

unsafe fn describe_error_by_posix(call: &Call<'_>) -> c_int {
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

/// A name of at most so many bytes as the argument behind `index` says; `get` answers 0 if it fits.
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

unsafe fn name_of_terminal(call: &Call<'_>) -> c_int {
    // SAFETY: the buffer is as long as it is said to be.
    unsafe { answer_name(call, 1, |to, size| ttyname_r(call.int(0), to, size)) }
}

unsafe fn name_of_thread(call: &Call<'_>) -> c_int {
    let thread = call.arg(0) as libc::pthread_t;
    // SAFETY: as above.
    unsafe { answer_name(call, 1, |to, size| pthread_getname_np(thread, to, size)) }
}

unsafe fn name_of_slave(call: &Call<'_>) -> c_int {
    // SAFETY: as above.
    unsafe { answer_name(call, 1, |to, size| ptsname_r(call.int(0), to, size)) }
}

unsafe fn name_of_login(call: &Call<'_>) -> c_int {
    // SAFETY: as above.
    unsafe { answer_name(call, 0, |to, size| getlogin_r(to, size)) }
}

entries! {
    instead accept[rsi rdx] = |call| {
        socket_address(call, |address, length| super::accept(call.int(0), address, length))
    };
    instead accept4[rsi rdx] = |call| {
        let flags = call.int(3);
        socket_address(call, |address, length| super::accept4(call.int(0), address, length, flags))
    };
    instead getsockname[rsi rdx] = |call| {
        socket_address(call, |address, length| libc::getsockname(call.int(0), address, length))
    };
    instead getpeername[rsi rdx] = |call| {
        socket_address(call, |address, length| libc::getpeername(call.int(0), address, length))
    };
    instead getsockopt[rcx r8] = |call| get_option(call);
    before setsockopt[rcx] = |call| {
        let bytes = call.arg(4) as u32 as usize;
        call.reads("optval", 3, bytes.min(option_bytes(call.int(1), call.int(2))));
    };
    instead inet_pton[rsi rdx] = |call| parse_address(call);
    instead inet_ntop[rsi rdx] = |call| format_address(call);
    instead strerror_r[rsi] = |call| describe_error(call);
    instead __xpg_strerror_r[rsi] = |call| describe_error_by_posix(call);
    instead ttyname_r[rsi] = |call| name_of_terminal(call);
    instead __ttyname_r_chk[rsi] = |call| { verify(call, 2, 3); name_of_terminal(call) };
    instead pthread_getname_np[rsi] = |call| name_of_thread(call);
    instead ptsname_r[rsi] = |call| name_of_slave(call);
    instead __ptsname_r_chk[rsi] = |call| { verify(call, 2, 3); name_of_slave(call) };
    instead getlogin_r[rdi] = |call| name_of_login(call);
    instead __getlogin_r_chk[rdi] = |call| { verify(call, 1, 2); name_of_login(call) };
}
