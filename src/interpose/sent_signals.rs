//! Signals that the program sends to one of its threads.
//!
//! Of two SIGTRAPs that wait for a thread the kernel keeps the first. The trap that ends an instruction of a known or
//! reported bug is one, so a SIGTRAP of the program's is sent between such instructions. One that another process sends
//! to the very thread can be lost.

use super::signals::fail;
use crate::fault::step;
use crate::sys::{Errno, next};
use core::ffi::{c_int, c_long};
use libc::{pid_t, pthread_t};

unsafe extern "C-unwind" {
    fn syscall(number: c_long, ...) -> c_long;
}

fn send<R>(signal: c_int, send: impl FnOnce() -> R) -> R {
    if signal == libc::SIGTRAP { step::between_steps(send) } else { send() }
}

/// pthread_kill(3).
///
/// # Safety
/// As pthread_kill(3) demands of its caller.
pub unsafe extern "C" fn fencepost_pthread_kill(thread: pthread_t, signal: c_int) -> c_int {
    type Function = unsafe extern "C" fn(pthread_t, c_int) -> c_int;
    // SAFETY: `Function` is pthread_kill's signature.
    let next = unsafe { next::PTHREAD_KILL.get::<Function>() };
    // SAFETY: this is the program's own call, with its arguments.
    next.map_or(libc::ENOSYS, |next| send(signal, || unsafe { next(thread, signal) }))
}

/// pthread_sigqueue(3); the value is a union of a word.
///
/// # Safety
/// As pthread_sigqueue(3) demands of its caller.
pub unsafe extern "C" fn fencepost_pthread_sigqueue(
    thread: pthread_t,
    signal: c_int,
    value: usize,
) -> c_int {
    type Function = unsafe extern "C" fn(pthread_t, c_int, usize) -> c_int;
    // SAFETY: `Function` is pthread_sigqueue's signature.
    let next = unsafe { next::PTHREAD_SIGQUEUE.get::<Function>() };
    // SAFETY: this is the program's own call, with its arguments.
    next.map_or(libc::ENOSYS, |next| send(signal, || unsafe { next(thread, signal, value) }))
}

/// tgkill(2).
pub extern "C" fn fencepost_tgkill(process: pid_t, thread: pid_t, signal: c_int) -> c_int {
    type Function = unsafe extern "C" fn(pid_t, pid_t, c_int) -> c_int;
    // SAFETY: tgkill's signature.
    let Some(next) = (unsafe { next::TGKILL.get::<Function>() }) else {
        return fail(Errno(libc::ENOSYS));
    };
    // SAFETY: it touches no memory.
    send(signal, || unsafe { next(process, thread, signal) })
}

/// What a call of syscall(2) with these arguments is done by, if it sends a signal to a thread; else null.
pub fn in_place_of_syscall(arguments: &[usize; 6]) -> *const () {
    let signal = match arguments[0] as c_long {
        libc::SYS_tkill => arguments[2],
        libc::SYS_tgkill | libc::SYS_rt_tgsigqueueinfo => arguments[3],
        _ => return core::ptr::null(),
    };
    if signal as c_int == libc::SIGTRAP { by_number as *const () } else { core::ptr::null() }
}

unsafe extern "C-unwind" fn by_number(
    number: c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
) -> c_long {
    // SAFETY: this is the program's own call; of those that come here none has more arguments.
    step::between_steps(|| unsafe { syscall(number, a, b, c, d) })
}
