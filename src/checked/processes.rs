//! Programs that are executed, and what the kernel tells of processes and their memory.
//!
//! What executes is looked at before: execve is called in children of vfork.

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

/// The call reads an array of strings at argument `index`, up to a null pointer.
pub unsafe fn reads_strings(call: &Call<'_>, name: &'static str, index: usize) {
    const POINTER_BYTES: usize = size_of::<usize>();
    let start = call.arg(index);
    if start == 0 {
        return;
    }
    let there = operand::room(start) / POINTER_BYTES;
    for at in 0..there {
        // A bad address is the kernel's to refuse.
        let string = match passed::load(start.wrapping_add(at * POINTER_BYTES)) {
            None | Some(0) => return,
            Some(string) => string,
        };
        // SAFETY: the function's manual demands it of the program; what is not in the heap is not looked at.
        unsafe { reads_string_at::<u8>(call, name, string, usize::MAX) };
    }
    call.reads(name, index, (there + 1) * POINTER_BYTES);
}

/// The arguments of a program and its environment, at these arguments.
pub unsafe fn executes(call: &Call<'_>, arguments: usize, environment: usize) {
    // SAFETY: the function's manual demands it of the program.
    unsafe {
        reads_strings(call, "argv", arguments);
        reads_strings(call, "envp", environment);
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
    // SAFETY: the function's manual demands it of the program.
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

/// process_vm_readv.
pub unsafe fn read_memory(call: &Call<'_>) -> ssize_t {
    // SAFETY: the function's manual demands it of the program.
    unsafe { transfer(call, Direction::Write, process_vm_readv) }
}

/// process_vm_writev.
pub unsafe fn write_memory(call: &Call<'_>) -> ssize_t {
    // SAFETY: the function's manual demands it of the program.
    unsafe { transfer(call, Direction::Read, process_vm_writev) }
}

/// mincore: a byte a page. The kernel refuses addresses that are not a page's.
pub fn tells_residency(call: &Call<'_>) {
    if call.arg(0).is_multiple_of(PAGE_BYTES) {
        call.writes("vec", 2, call.arg(1).div_ceil(PAGE_BYTES));
    }
}

/// getloadavg: at most three averages.
pub fn tells_load(call: &Call<'_>) {
    call.writes("loadavg", 0, call.int(1).clamp(0, 3) as usize * size_of::<f64>());
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
