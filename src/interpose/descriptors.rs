//! File descriptors: the one that the guards hang on is not the program's to close.
//!
//! To the program it does not exist: closing it fails with EBADF, ranges leave it out, and a
//! descriptor that is to have its number gets it, after ours has moved out of the way. A child of
//! vfork has a table of its own, and does with it what it likes.

use crate::runtime;
use crate::sys::next::{self, Next};
use crate::sys::{Errno, errno};
use core::ffi::{c_int, c_uint};

/// The runtime's descriptor in this process's own table.
fn ours() -> Option<c_int> {
    let runtime = runtime::get()?;
    let descriptor = runtime.heap.backend().descriptor()?;
    runtime.is_own_process().then_some(descriptor)
}

fn fail(error: Errno) -> c_int {
    errno::set(error);
    -1
}

fn call<F: Copy>(next: &Next, call: impl FnOnce(F) -> c_int) -> c_int {
    // SAFETY: the callers name the signature of the function.
    match unsafe { next.get::<F>() } {
        Some(function) => call(function),
        None => fail(Errno(libc::ENOSYS)),
    }
}

/// close(2).
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_close(descriptor: c_int) -> c_int {
    if descriptor >= 0 && ours() == Some(descriptor) {
        return fail(Errno(libc::EBADF));
    }
    call(&next::CLOSE, |close: extern "C" fn(c_int) -> c_int| close(descriptor))
}

/// close_range(2).
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    call(&next::CLOSE_RANGE, |close_range: extern "C" fn(c_uint, c_uint, c_int) -> c_int| {
        let inside = |ours: &c_uint| (first..=last).contains(ours);
        let Some(ours) = ours().map(|ours| ours as c_uint).filter(inside) else {
            return close_range(first, last, flags);
        };
        let below = if ours > first { close_range(first, ours - 1, flags) } else { 0 };
        if below != 0 || ours == last { below } else { close_range(ours + 1, last, flags) }
    })
}

/// closefrom(3).
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_closefrom(first: c_int) {
    let first = first.max(0);
    if ours().is_some_and(|ours| ours >= first) {
        fencepost_close_range(first as c_uint, c_uint::MAX, 0);
    } else {
        call(&next::CLOSEFROM, |closefrom: extern "C" fn(c_int)| {
            closefrom(first);
            0
        });
    }
}

/// Sees to it that neither number of a dup2 is ours. False when `old` is.
fn make_room(old: c_int, new: c_int) -> Result<(), Errno> {
    let Some(ours) = ours() else { return Ok(()) };
    if old == ours {
        return Err(Errno(libc::EBADF));
    }
    if new == ours
        && let Some(runtime) = runtime::get()
    {
        return runtime.heap.backend().move_descriptor_above(new);
    }
    Ok(())
}

/// dup2(2).
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_dup2(old: c_int, new: c_int) -> c_int {
    match make_room(old, new) {
        Ok(()) => call(&next::DUP2, |dup2: extern "C" fn(c_int, c_int) -> c_int| dup2(old, new)),
        Err(error) => fail(error),
    }
}

/// dup3(2).
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_dup3(old: c_int, new: c_int, flags: c_int) -> c_int {
    match make_room(old, new) {
        Ok(()) => call(&next::DUP3, |dup3: extern "C" fn(c_int, c_int, c_int) -> c_int| {
            dup3(old, new, flags)
        }),
        Err(error) => fail(error),
    }
}
