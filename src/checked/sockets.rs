//! Messages of sockets, and their addresses and options.

use super::descriptors::input;
use super::entry::Call;
use super::names::deliver;
use super::operand;
use super::refused::Operands;
use super::vectors::{Clipped, all_touched, has_touched, refused, slice};
use crate::diagnose::Direction;
use crate::sys::{errno, probe};
use core::ffi::{c_int, c_uint, c_void};
use libc::{mmsghdr, msghdr, sockaddr, sockaddr_storage, socklen_t, ssize_t, timespec, timeval};

// These are cancellation points.
unsafe extern "C-unwind" {
    fn accept(fd: c_int, address: *mut sockaddr, length: *mut socklen_t) -> c_int;
    fn accept4(fd: c_int, address: *mut sockaddr, length: *mut socklen_t, flags: c_int) -> c_int;
    fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t;
    fn recvmmsg(
        fd: c_int,
        messages: *mut mmsghdr,
        count: c_uint,
        flags: c_int,
        timeout: *mut timespec,
    ) -> c_int;
    fn recvfrom(
        fd: c_int,
        buffer: *mut c_void,
        count: usize,
        flags: c_int,
        address: *mut sockaddr,
        length: *mut socklen_t,
    ) -> ssize_t;
}

/// What the program passed at `place`; `None` if that can't be read, so that the kernel refuses the call.
///
/// # Safety
/// `place` must be null, or lead to a valid value where it is readable, which only this thread changes meanwhile.
unsafe fn readable<'a, T>(place: *mut T) -> Option<&'a mut T> {
    let is_readable = !place.is_null() && probe::can_read(place as usize, size_of::<T>());
    // SAFETY: the bytes were just read, and the caller promises that they are a value of which there is no other
    // reference.
    if is_readable { unsafe { place.as_mut() } } else { None }
}

/// Makes a checked call of recvfrom, or of recv with `address` and `length` null.
pub unsafe fn receive(call: &Call<'_>, flags: c_int, address: usize, length: usize) -> ssize_t {
    let fd = call.int(0);
    // SAFETY: the program passes what the manual demands; the clipped buffers are valid.
    unsafe {
        let length = length as *mut socklen_t;
        let mut most = 0;
        if !length.is_null() && address != 0 {
            // Without a length, the kernel refuses the call.
            let Some(given) = readable(length) else {
                return recvfrom(fd, call.ptr(1), call.arg(2), flags, address as *mut _, length);
            };
            most = *given;
        }
        let result = input(
            call,
            || recvfrom(fd, call.ptr(1), call.arg(2), flags, address as *mut _, length),
            |v| {
                let mut message: msghdr = core::mem::zeroed();
                message.msg_name = address as *mut c_void;
                message.msg_namelen = most;
                message.msg_iov = v.as_mut_ptr();
                message.msg_iovlen = v.len();
                let result = recvmsg(fd, &raw mut message, flags);
                if result >= 0 && !length.is_null() && address != 0 {
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

/// Checks the buffers, the name and the control data of a message to send.
///
/// # Safety
/// Each part must be readable, unless it is in the heap.
unsafe fn sends(call: &Call<'_>, message: &msghdr) {
    // SAFETY: the caller promises that each part is readable, unless it is in the heap.
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

/// Makes a checked call of recvmsg.
pub unsafe fn receive_message(call: &Call<'_>) -> ssize_t {
    // SAFETY: the program passes what the manual demands; the clipped buffers are valid.
    unsafe {
        let plain = || recvmsg(call.int(0), call.ptr(1), call.int(2));
        let Some(message) = readable(call.ptr::<msghdr>(1)) else { return plain() };
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

/// Checks a call of sendmsg.
pub unsafe fn sends_message(call: &Call<'_>) {
    // SAFETY: the program passes what the manual demands, and the message was checked.
    unsafe {
        if let Some(message) = readable(call.ptr::<msghdr>(1)) {
            sends(call, message);
        }
    }
}

/// Passes what a message leads to, of a call that has failed, to `operands`.
///
/// # Safety
/// The program must have passed what the manual demands, as far as it is readable.
pub unsafe fn refused_message(call: &Call<'_>, operands: &mut Operands, direction: Direction) {
    // SAFETY: as this function demands.
    let Some(message) = (unsafe { readable(call.ptr::<msghdr>(1)) }) else { return };
    if direction == Direction::Read {
        operands.reads("msg_name", message.msg_name as usize, message.msg_namelen as usize);
        operands.reads("msg_control", message.msg_control as usize, message.msg_controllen);
    }
    let list = (message.msg_iov as usize, message.msg_iovlen);
    operands.reads("iov", list.0, list.1.saturating_mul(size_of::<libc::iovec>()));
    // SAFETY: as this function demands.
    unsafe { refused(call, operands, direction, list) }
}

/// Returns the messages of a call. The kernel takes at most UIO_MAXIOV of them.
unsafe fn messages<'a>(call: &Call<'_>) -> &'a [mmsghdr] {
    let count = (call.arg(2) as c_uint).min(libc::UIO_MAXIOV as c_uint) as usize;
    if call.arg(1) == 0 || count == 0 {
        return &[];
    }
    let bytes = count * size_of::<mmsghdr>();
    call.writes("msgvec", 1, bytes);
    if !probe::can_read(call.arg(1), bytes) {
        return &[];
    }
    // SAFETY: all of the bytes were just read; the program passes messages there.
    unsafe { core::slice::from_raw_parts(call.ptr(1), count) }
}

/// Makes a checked call of recvmmsg. Only after the call is known how much of each buffer was used.
pub unsafe fn receive_messages(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands.
    unsafe {
        let most = messages(call).len();
        let count = call.arg(2) as c_uint;
        let result = recvmmsg(call.int(0), call.ptr(1), count, call.int(3), call.ptr(4));
        // Read them anew: the kernel has written to them.
        for message in &messages(call)[..most.min(result.max(0) as usize)] {
            let header = &message.msg_hdr;
            let buffers = slice(call, header.msg_iov as usize, header.msg_iovlen);
            has_touched(call, Direction::Write, buffers, message.msg_len as usize);
        }
        result
    }
}

/// Checks a call of sendmmsg.
pub unsafe fn sends_messages(call: &Call<'_>) {
    // SAFETY: the program passes what the manual demands.
    unsafe {
        for message in messages(call) {
            sends(call, &message.msg_hdr);
        }
    }
}

/// Makes a checked call that writes an address to argument 1, and its length to where argument 2 points.
unsafe fn socket_address(
    call: &Call<'_>,
    get: impl FnOnce(*mut sockaddr, *mut socklen_t) -> c_int,
) -> c_int {
    let (address, length) = (call.ptr::<sockaddr>(1), call.ptr::<socklen_t>(2));
    if address.is_null() {
        return get(address, length);
    }
    call.writes("addrlen", 2, size_of::<socklen_t>());
    // SAFETY: the program passes what the manual demands; only what the kernel has written to our buffer is copied.
    unsafe {
        let most = match readable(length) {
            Some(&mut most) if most as usize > call.room(1) && most <= c_int::MAX as socklen_t => {
                most
            }
            _ => return get(address, length),
        };
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

/// Makes a checked call of getsockopt. Checks it afterwards, since some options also read the buffer.
pub unsafe fn get_option(call: &Call<'_>) -> c_int {
    let length = call.ptr::<socklen_t>(4);
    // SAFETY: the program passes what the manual demands.
    unsafe {
        let get = || libc::getsockopt(call.int(0), call.int(1), call.int(2), call.ptr(3), length);
        let Some(&mut most) = readable(length) else { return get() };
        let most = most as usize;
        let result = get();
        let refused = result < 0 && errno::get() == errno::Errno(libc::EFAULT);
        if result == 0 {
            call.writes("optval", 3, most.min(*length as usize));
        } else if refused {
            // The kernel has reached the guard page.
            call.writes("optval", 3, most);
        }
        result
    }
}

/// Returns how many bytes of an option the kernel surely reads: an int if the program passes one, more for a few.
fn option_bytes(level: c_int, name: c_int) -> usize {
    match (level, name) {
        (libc::SOL_SOCKET, libc::SO_LINGER) => size_of::<libc::linger>(),
        (libc::SOL_SOCKET, libc::SO_RCVTIMEO | libc::SO_SNDTIMEO) => size_of::<timeval>(),
        _ => size_of::<c_int>(),
    }
}

/// Checks a call of setsockopt.
pub fn sets_option(call: &Call<'_>) {
    let bytes = call.arg(4) as u32 as usize;
    call.reads("optval", 3, bytes.min(option_bytes(call.int(1), call.int(2))));
}

/// Makes a checked call of accept.
pub unsafe fn accept_caller(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands; each address has as many bytes as its length says.
    unsafe { socket_address(call, |address, length| accept(call.int(0), address, length)) }
}

/// Makes a checked call of accept4.
pub unsafe fn accept_caller_with(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands; each address has as many bytes as its length says.
    unsafe {
        socket_address(call, |address, length| accept4(call.int(0), address, length, call.int(3)))
    }
}

/// Makes a checked call of getsockname.
pub unsafe fn own_name(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands; each address has as many bytes as its length says.
    unsafe {
        socket_address(call, |address, length| libc::getsockname(call.int(0), address, length))
    }
}

/// Makes a checked call of getpeername.
pub unsafe fn name_of_peer(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands; each address has as many bytes as its length says.
    unsafe {
        socket_address(call, |address, length| libc::getpeername(call.int(0), address, length))
    }
}
