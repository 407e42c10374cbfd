//! The checked functions that hand buffers to the kernel, which answers EFAULT for a bad one and says
//! nothing else.
//!
//! They stay cancellation points and async-signal-safe: libc's function is called, once.

use super::entry::{Call, entries};
use super::operand;
use super::text::reads_whole;
use super::vectors::{Clipped, all_touched, slice};
use crate::diagnose::Direction;
use crate::sys::errno;
use core::ffi::{c_char, c_int, c_long, c_void};
use libc::{iovec, msghdr, off64_t, ssize_t};

/// Longest path that the kernel takes or gives, its terminator included (PATH_MAX).
const PATH_BYTES: usize = 4096;

unsafe extern "C-unwind" {
    fn readv(fd: c_int, iov: *const iovec, count: c_int) -> ssize_t;
    fn preadv64(fd: c_int, iov: *const iovec, count: c_int, offset: off64_t) -> ssize_t;
    fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t;
    fn read(fd: c_int, buffer: *mut c_void, count: usize) -> ssize_t;
    fn pread64(fd: c_int, buffer: *mut c_void, count: usize, offset: off64_t) -> ssize_t;
    fn recvfrom(
        fd: c_int,
        buffer: *mut c_void,
        count: usize,
        flags: c_int,
        address: *mut libc::sockaddr,
        length: *mut libc::socklen_t,
    ) -> ssize_t;
    fn epoll_wait(fd: c_int, events: *mut libc::epoll_event, most: c_int, timeout: c_int) -> c_int;
    fn __chk_fail() -> !;
}

/// One buffer, argument 1, of argument 2 bytes; `read` reads into one buffer, `scatter` into several.
fn input(
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

/// What a checking form aborts for.
pub fn verify(call: &Call<'_>, size: usize, object_size: usize) {
    if call.arg(size) > call.arg(object_size) {
        // SAFETY: it ends the process with a message, as the function called would.
        unsafe { __chk_fail() }
    }
}

unsafe fn read_in(call: &Call<'_>) -> ssize_t {
    // SAFETY: the program's promise; the clipped buffers are valid.
    unsafe {
        input(
            call,
            || read(call.int(0), call.ptr(1), call.arg(2)),
            |v| readv(call.int(0), v.as_ptr(), v.len() as c_int),
        )
    }
}

unsafe fn pread_in(call: &Call<'_>) -> ssize_t {
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

/// recv with `address` and `length` null, or recvfrom.
unsafe fn receive_in(call: &Call<'_>, flags: c_int, address: usize, length: usize) -> ssize_t {
    let fd = call.int(0);
    // SAFETY: as above.
    unsafe {
        let length = length as *mut libc::socklen_t;
        let mut most = 0;
        if !length.is_null() {
            call.site.writes("addrlen", length as usize, size_of::<libc::socklen_t>());
            most = if address == 0 { 0 } else { *length };
        }
        let result = input(
            call,
            || recvfrom(fd, call.ptr(1), call.arg(2), flags, address as *mut _, length),
            |v| {
                let mut message: msghdr = core::mem::zeroed();
                message.msg_name = address as *mut c_void;
                message.msg_namelen = if length.is_null() { 0 } else { *length };
                message.msg_iov = v.as_mut_ptr();
                message.msg_iovlen = v.len();
                let result = recvmsg(fd, &raw mut message, flags);
                if result >= 0 && !length.is_null() {
                    *length = message.msg_namelen;
                }
                result
            },
        );
        if result >= 0 && most > 0 {
            call.site.writes("src_addr", address, (*length).min(most) as usize);
        }
        result
    }
}

/// readv and preadv: `scatter` is given the buffers.
unsafe fn scatter_in(
    call: &Call<'_>,
    scatter: impl FnOnce(*const iovec, c_int) -> ssize_t,
) -> ssize_t {
    // SAFETY: the program's promise.
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

/// The buffers, name and control data of a message to be sent.
///
/// # Safety
/// As [`all_touched`], of its vectors.
pub unsafe fn sends_message(call: &Call<'_>, message: &msghdr) {
    // SAFETY: the caller's promise.
    unsafe {
        call.site.reads("msg_name", message.msg_name as usize, message.msg_namelen as usize);
        call.site.reads("msg_control", message.msg_control as usize, message.msg_controllen);
        all_touched(
            call,
            Direction::Read,
            "iov_base",
            message.msg_iov as usize,
            message.msg_iovlen,
        );
    }
}

unsafe fn receive_message(call: &Call<'_>) -> ssize_t {
    call.writes("msg", 1, size_of::<msghdr>());
    // SAFETY: the program's promise; the clipped buffers are valid.
    unsafe {
        let plain = || recvmsg(call.int(0), call.ptr(1), call.int(2));
        let Some(message) = call.ptr::<msghdr>(1).as_mut() else { return plain() };
        let buffers = slice(call, message.msg_iov as usize, message.msg_iovlen);
        let Some(mut clipped) = Clipped::new(call, "iov_base", buffers) else { return plain() };
        let before = (message.msg_iov, message.msg_iovlen);
        let vectors = clipped.vectors();
        (message.msg_iov, message.msg_iovlen) = (vectors.as_mut_ptr(), vectors.len());
        let result = plain();
        (message.msg_iov, message.msg_iovlen) = before;
        clipped.arrived(call, "iov_base", result);
        result
    }
}

/// A function that writes a string of at most `size` bytes to argument `index`: `fill` is given the room
/// that there is, and `whole` tells how many bytes it would have written had there been more.
fn fills<R: Copy>(
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

/// The buffer of readlink, argument `index`, and its size.
fn link(call: &Call<'_>, index: usize, read: impl Fn(*mut c_char, usize) -> ssize_t) -> ssize_t {
    let size = call.arg(index + 1);
    // SAFETY: the program's promise.
    unsafe { reads_whole::<u8>(call, "path", index - 1) };
    fills(
        call,
        index,
        size,
        |room| read(call.ptr(index), room),
        |result| {
            if usize::try_from(result) != Ok(call.room(index)) {
                return None;
            }
            let mut whole = [0; PATH_BYTES];
            usize::try_from(read(whole.as_mut_ptr(), PATH_BYTES)).ok()
        },
    )
}

unsafe fn current_directory(call: &Call<'_>) -> *mut c_char {
    // SAFETY: the program's promise.
    let get = |buffer: *mut c_char, size| unsafe { libc::getcwd(buffer, size) };
    if call.arg(0) == 0 {
        return get(core::ptr::null_mut(), call.arg(1));
    }
    fills(
        call,
        0,
        call.arg(1),
        |room| get(call.ptr(0), room),
        |result| {
            let mut whole = [0; PATH_BYTES];
            let too_long = result.is_null() && errno::get() == errno::Errno(libc::ERANGE);
            let found = too_long && !get(whole.as_mut_ptr(), PATH_BYTES).is_null();
            // SAFETY: getcwd has written a string.
            found.then(|| unsafe { libc::strlen(whole.as_ptr()) } + 1)
        },
    )
}

unsafe fn resolve_path(call: &Call<'_>) -> *mut c_char {
    let mut whole = [0; PATH_BYTES];
    // SAFETY: the program's promise; the buffer is as large as realpath(3) demands.
    unsafe {
        reads_whole::<u8>(call, "path", 0);
        if !operand::is_checked(call.arg(1)) || call.room(1) >= PATH_BYTES {
            return libc::realpath(call.ptr(0), call.ptr(1));
        }
        if libc::realpath(call.ptr(0), whole.as_mut_ptr()).is_null() {
            return core::ptr::null_mut();
        }
        let bytes = libc::strlen(whole.as_ptr()) + 1;
        call.writes("resolved_path", 1, bytes);
        core::ptr::copy_nonoverlapping(whole.as_ptr(), call.ptr(1), bytes);
    }
    call.ptr(1)
}

unsafe fn host_name(call: &Call<'_>) -> c_int {
    // SAFETY: the program's promise.
    let get = |room| unsafe { libc::gethostname(call.ptr(0), room) };
    fills(call, 0, call.arg(1), get, |result| {
        let too_long = result != 0 && errno::get() == errno::Errno(libc::ENAMETOOLONG);
        too_long.then(|| call.room(0) + 1)
    })
}

/// Sets of descriptors below argument 0, of whole words, at arguments 1 to 3.
pub fn selects(call: &Call<'_>) {
    // The kernel looks at no more than the process may have open; this many surely.
    let bytes = (call.int(0).clamp(0, libc::FD_SETSIZE as c_int) as usize).div_ceil(64) * 8;
    for (index, name) in [(1, "readfds"), (2, "writefds"), (3, "exceptfds")] {
        call.writes(name, index, if call.arg(index) == 0 { 0 } else { bytes });
    }
}

pub fn polls(call: &Call<'_>) {
    call.writes("fds", 0, call.arg(1).saturating_mul(size_of::<libc::pollfd>()));
}

pub fn wait_for_events(call: &Call<'_>, wait: impl FnOnce() -> c_int) -> c_int {
    const EVENT_BYTES: usize = size_of::<libc::epoll_event>();
    if call.int(2) > 0 {
        call.writes("events", 1, 1);
    }
    let count = wait();
    call.writes("events", 1, count.max(0) as usize * EVENT_BYTES);
    count
}

/// A path, and the result of a stat at the argument behind it.
unsafe fn stats(call: &Call<'_>, index: usize) {
    // SAFETY: the program's promise.
    unsafe { reads_whole::<u8>(call, "path", index) };
    call.writes("statbuf", index + 1, size_of::<libc::stat>());
}

/// A call by number, argument 0, as far as its buffer is known to be touched. (A futex may have been
/// freed: to wake nobody there is usual.)
pub fn calls_by_number(call: &Call<'_>) {
    match call.arg(0) as c_long {
        libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_sendto => {
            call.reads("buf", 2, call.arg(3));
        }
        // How much arrives is not known before.
        libc::SYS_read | libc::SYS_pread64 | libc::SYS_recvfrom if call.room(2) == 0 => {
            call.writes("buf", 2, call.arg(3));
        }
        libc::SYS_getrandom => call.writes("buf", 1, call.arg(2)),
        _ => {}
    }
}

entries! {
    instead read[rsi] = |call| read_in(call);
    instead __read[rsi] = |call| read_in(call);
    instead __read_chk[rsi] = |call| { verify(call, 2, 3); read_in(call) };
    instead pread[rsi] = |call| pread_in(call);
    instead pread64[rsi] = |call| pread_in(call);
    instead __pread64[rsi] = |call| pread_in(call);
    instead __pread_chk[rsi] = |call| { verify(call, 2, 4); pread_in(call) };
    instead __pread64_chk[rsi] = |call| { verify(call, 2, 4); pread_in(call) };
    instead recv[rsi] = |call| receive_in(call, call.int(3), 0, 0);
    instead __recv_chk[rsi] = |call| {
        verify(call, 2, 3);
        receive_in(call, call.int(4), 0, 0)
    };
    instead recvfrom[rsi r8 r9] = |call| {
        receive_in(call, call.int(3), call.arg(4), call.arg(5))
    };
    instead __recvfrom_chk[rsi r9] = |call| {
        verify(call, 2, 3);
        receive_in(call, call.int(4), call.arg(5), call.saved.on_stack)
    };
    instead recvmsg[any] = |call| receive_message(call);
    instead readv[any] = |call| scatter_in(call, |v, n| super::readv(call.int(0), v, n));
    instead preadv[any] = |call| {
        scatter_in(call, |v, n| preadv64(call.int(0), v, n, call.arg(3) as off64_t))
    };
    instead preadv64[any] = |call| {
        scatter_in(call, |v, n| super::preadv64(call.int(0), v, n, call.arg(3) as off64_t))
    };
    before write[rsi] = |call| call.reads("buf", 1, call.arg(2));
    before __write[rsi] = |call| call.reads("buf", 1, call.arg(2));
    before pwrite[rsi] = |call| call.reads("buf", 1, call.arg(2));
    before pwrite64[rsi] = |call| call.reads("buf", 1, call.arg(2));
    before __pwrite64[rsi] = |call| call.reads("buf", 1, call.arg(2));
    before send[rsi] = |call| call.reads("buf", 1, call.arg(2));
    before __send[rsi] = |call| call.reads("buf", 1, call.arg(2));
    before sendto[rsi r8] = |call| {
        call.reads("buf", 1, call.arg(2));
        call.reads("dest_addr", 4, call.arg(5) as u32 as usize);
    };
    before sendmsg[any] = |call| {
        call.reads("msg", 1, size_of::<msghdr>());
        if let Some(message) = call.ptr::<msghdr>(1).as_ref() {
            sends_message(call, message);
        }
    };
    before writev[any] = |call| {
        all_touched(call, Direction::Read, "iov_base", call.arg(1), call.int(2).max(0) as usize)
    };
    before pwritev[any] = |call| {
        all_touched(call, Direction::Read, "iov_base", call.arg(1), call.int(2).max(0) as usize)
    };
    before pwritev64[any] = |call| {
        all_touched(call, Direction::Read, "iov_base", call.arg(1), call.int(2).max(0) as usize)
    };
    before connect[rsi] = |call| call.reads("addr", 1, call.arg(2) as u32 as usize);
    before bind[rsi] = |call| call.reads("addr", 1, call.arg(2) as u32 as usize);
    before pipe[rdi] = |call| call.writes("pipefd", 0, 8);
    before pipe2[rdi] = |call| call.writes("pipefd", 0, 8);
    before socketpair[rcx] = |call| call.writes("sv", 3, 8);
    before getrandom[rdi] = |call| call.writes("buf", 0, call.arg(1));
    before getentropy[rdi] = |call| call.writes("buffer", 0, call.arg(1));
    before poll[rdi] = |call| polls(call);
    before __poll_chk[rdi] = |call| polls(call);
    before select[rsi rdx rcx] = |call| selects(call);
    instead epoll_wait[rsi] = |call| {
        wait_for_events(call, || {
            super::epoll_wait(call.int(0), call.ptr(1), call.int(2), call.int(3))
        })
    };
    before stat[rdi rsi] = |call| stats(call, 0);
    before stat64[rdi rsi] = |call| stats(call, 0);
    before lstat[rdi rsi] = |call| stats(call, 0);
    before lstat64[rdi rsi] = |call| stats(call, 0);
    before fstat[rsi] = |call| call.writes("statbuf", 1, size_of::<libc::stat>());
    before fstat64[rsi] = |call| call.writes("statbuf", 1, size_of::<libc::stat>());
    before fstatat[rsi rdx] = |call| stats(call, 1);
    before fstatat64[rsi rdx] = |call| stats(call, 1);
    before __xstat[rsi rdx] = |call| stats(call, 1);
    before __xstat64[rsi rdx] = |call| stats(call, 1);
    before __lxstat[rsi rdx] = |call| stats(call, 1);
    before __lxstat64[rsi rdx] = |call| stats(call, 1);
    before __fxstat[rdx] = |call| call.writes("statbuf", 2, size_of::<libc::stat>());
    before __fxstat64[rdx] = |call| call.writes("statbuf", 2, size_of::<libc::stat>());
    before __fxstatat[rdx rcx] = |call| stats(call, 2);
    before __fxstatat64[rdx rcx] = |call| stats(call, 2);
    before statx[rsi r8] = |call| {
        reads_whole::<u8>(call, "path", 1);
        call.writes("statxbuf", 4, size_of::<libc::statx>());
    };
    instead getcwd[rdi] = |call| current_directory(call);
    instead __getcwd_chk[rdi] = |call| { verify(call, 1, 2); current_directory(call) };
    instead realpath[rdi rsi] = |call| resolve_path(call);
    instead __realpath_chk[rdi rsi] = |call| {
        if call.arg(2) < PATH_BYTES {
            __chk_fail();
        }
        resolve_path(call)
    };
    instead readlink[rdi rsi] = |call| link(call, 1, |b, n| libc::readlink(call.ptr(0), b, n));
    instead __readlink_chk[rdi rsi] = |call| {
        verify(call, 2, 3);
        link(call, 1, |b, n| libc::readlink(call.ptr(0), b, n))
    };
    instead readlinkat[rsi rdx] = |call| {
        link(call, 2, |b, n| libc::readlinkat(call.int(0), call.ptr(1), b, n))
    };
    instead __readlinkat_chk[rsi rdx] = |call| {
        verify(call, 3, 4);
        link(call, 2, |b, n| libc::readlinkat(call.int(0), call.ptr(1), b, n))
    };
    instead gethostname[rdi] = |call| host_name(call);
    instead __gethostname_chk[rdi] = |call| { verify(call, 1, 2); host_name(call) };
}
