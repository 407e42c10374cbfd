//! Functions that execute programs, and functions that write about processes and their memory.
//!
//! Functions that execute are checked before the call, as children of vfork call execve.

use super::entry::Call;
use super::operand;
use super::text::reads_string_at;
use super::vectors::{has_touched, slice};
use crate::diagnose::Direction;
use crate::sys::{PAGE_BYTES, passed};
use core::ffi::{c_long, c_ulong};
use libc::{iovec, pid_t, ssize_t};

unsafe extern "C-unwind" {
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

/// Checks a read of an array of strings at argument `index`, up to a null pointer.
pub unsafe fn reads_strings(call: &Call<'_>, name: &'static str, index: usize) {
    const POINTER_BYTES: usize = size_of::<usize>();
    let start = call.arg(index);
    if start == 0 {
        return;
    }
    let there = operand::room(start) / POINTER_BYTES;
    for at in 0..there {
        // The kernel will refuse a bad address.
        let string = match passed::load(start.wrapping_add(at * POINTER_BYTES)) {
            None | Some(0) => return,
            Some(string) => string,
        };
        // SAFETY: the program passes what the manual demands; only strings in the heap are checked.
        unsafe { reads_string_at::<u8>(call, name, string, usize::MAX) };
    }
    call.reads(name, index, (there + 1) * POINTER_BYTES);
}

/// Checks the arguments and the environment of a program, which are at these arguments.
pub unsafe fn executes(call: &Call<'_>, arguments: usize, environment: usize) {
    // SAFETY: the program passes what the manual demands.
    unsafe {
        reads_strings(call, "argv", arguments);
        reads_strings(call, "envp", environment);
    }
}

/// Makes a call that transfers this process's memory, at the vectors that are argument 1, and checks it.
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
    // SAFETY: the program passes what the manual demands.
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

/// Makes a checked call of process_vm_readv.
pub unsafe fn read_memory(call: &Call<'_>) -> ssize_t {
    // SAFETY: the program passes what the manual demands.
    unsafe { transfer(call, Direction::Write, process_vm_readv) }
}

/// Makes a checked call of process_vm_writev.
pub unsafe fn write_memory(call: &Call<'_>) -> ssize_t {
    // SAFETY: the program passes what the manual demands.
    unsafe { transfer(call, Direction::Read, process_vm_writev) }
}

/// Checks a call of mincore, which writes a byte a page. The kernel refuses addresses inside a page.
pub fn tells_residency(call: &Call<'_>) {
    if call.arg(0).is_multiple_of(PAGE_BYTES) {
        call.writes("vec", 2, call.arg(1).div_ceil(PAGE_BYTES));
    }
}

/// Checks a call of getloadavg, which writes at most three averages.
pub fn tells_load(call: &Call<'_>) {
    call.writes("loadavg", 0, call.int(1).clamp(0, 3) as usize * size_of::<f64>());
}

/// Checks a call of syscall(2), whose number is argument 0, if it surely touches its buffer. (A futex may have been
/// freed: waking nobody there is usual.)
pub fn calls_by_number(call: &Call<'_>) {
    match call.arg(0) as c_long {
        libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_sendto => {
            call.reads("buf", 2, call.arg(3));
        }
        // The number of bytes that arrive is not known before.
        libc::SYS_read | libc::SYS_pread64 | libc::SYS_recvfrom if call.room(2) == 0 => {
            call.writes("buf", 2, call.arg(3));
        }
        libc::SYS_getrandom => call.writes("buf", 1, call.arg(2)),
        _ => {}
    }
}
