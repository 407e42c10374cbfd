//! The checked functions that move several messages, or the memory of another process, at a time.
//!
//! How much of the buffers was used is known after the call.

use super::entry::{Call, entries};
use super::io::sends_message;
use super::vectors::slice;
use crate::diagnose::Direction;
use core::ffi::{c_int, c_uint, c_ulong};
use libc::{iovec, mmsghdr, pid_t, ssize_t, timespec};

unsafe extern "C-unwind" {
    // A cancellation point.
    fn recvmmsg(
        fd: c_int,
        messages: *mut mmsghdr,
        count: c_uint,
        flags: c_int,
        timeout: *mut timespec,
    ) -> c_int;
    fn process_vm_readv(
        process: pid_t,
        ours: *const iovec,
        count: c_ulong,
        theirs: *const iovec,
        their_count: c_ulong,
        flags: c_ulong,
    ) -> ssize_t;
    fn process_vm_writev(
        process: pid_t,
        ours: *const iovec,
        count: c_ulong,
        theirs: *const iovec,
        their_count: c_ulong,
        flags: c_ulong,
    ) -> ssize_t;
}

/// The messages of a call; the kernel takes no more than the most of vectors.
unsafe fn messages<'a>(call: &Call<'_>) -> &'a [mmsghdr] {
    let count = (call.arg(2) as c_uint).min(libc::UIO_MAXIOV as c_uint) as usize;
    if call.arg(1) == 0 || count == 0 {
        return &[];
    }
    call.writes("msgvec", 1, count * size_of::<mmsghdr>());
    // SAFETY: the program's promise.
    unsafe { core::slice::from_raw_parts(call.ptr(1), count) }
}

/// The call has touched the first `bytes` bytes of these buffers.
fn has_touched(call: &Call<'_>, direction: Direction, buffers: &[iovec], mut bytes: usize) {
    for buffer in buffers {
        let touched = bytes.min(buffer.iov_len);
        match direction {
            Direction::Write => call.site.writes("iov_base", buffer.iov_base as usize, touched),
            _ => call.site.reads("iov_base", buffer.iov_base as usize, touched),
        }
        bytes -= touched;
    }
}

unsafe fn receive_messages(call: &Call<'_>) -> c_int {
    call.reads("timeout", 4, size_of::<timespec>());
    // SAFETY: the program's promise.
    unsafe {
        let most = messages(call).len();
        let count = call.arg(2) as c_uint;
        let result = recvmmsg(call.int(0), call.ptr(1), count, call.int(3), call.ptr(4));
        // Not the slice of before: the kernel has written to it.
        for message in &messages(call)[..most.min(result.max(0) as usize)] {
            let header = &message.msg_hdr;
            let buffers = slice(call, header.msg_iov as usize, header.msg_iovlen);
            has_touched(call, Direction::Write, buffers, message.msg_len as usize);
        }
        result
    }
}

/// The memory of this process, at the vectors that are argument 1.
unsafe fn transfer(
    call: &Call<'_>,
    direction: Direction,
    function: unsafe extern "C-unwind" fn(
        pid_t,
        *const iovec,
        c_ulong,
        *const iovec,
        c_ulong,
        c_ulong,
    ) -> ssize_t,
) -> ssize_t {
    // SAFETY: the program's promise.
    unsafe {
        let buffers = slice(call, call.arg(1), call.arg(2));
        slice(call, call.arg(3), call.arg(4));
        let (ours, count) = (call.ptr(1), call.arg(2) as c_ulong);
        let (theirs, their_count) = (call.ptr(3), call.arg(4) as c_ulong);
        let flags = call.arg(5) as c_ulong;
        let result = function(call.int(0), ours, count, theirs, their_count, flags);
        has_touched(call, direction, buffers, result.max(0) as usize);
        result
    }
}

entries! {
    before sendmmsg[any] = |call| {
        for message in messages(call) {
            sends_message(call, &message.msg_hdr);
        }
    };
    instead recvmmsg[any] = |call| receive_messages(call);
    instead process_vm_readv[any] = |call| {
        transfer(call, Direction::Write, super::process_vm_readv)
    };
    instead process_vm_writev[any] = |call| {
        transfer(call, Direction::Read, super::process_vm_writev)
    };
}
