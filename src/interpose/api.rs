//! The functions that `include/fencepost.h` declares, for programs and debuggers. They are exported under their own
//! names.

use super::trampoline;
use crate::allocator::{self, inspect, leaks};
use crate::report::hook::{self, Hook};
use crate::runtime::Runtime;
use crate::sys::registers::with_all_registers;
use crate::trace::Caller;
use core::ffi::c_void;

trampoline! {
    fencepost_check_heap("rdi", "rsi") => check_heap;
}

/// Writes on standard error what lies at an address.
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_describe_address(address: *const c_void) {
    inspect::describe_address(address as usize);
}

with_all_registers! {
    /// Looks for leaks.
    fencepost_check_leaks("rdi") => check_leaks;
    /// Looks for what has grown since the check of a number.
    fencepost_check_leaks_since("rsi") => check_leaks_since;
    /// Remembers what is there now, and returns a number for it.
    fencepost_mark_leaks("rdi") => mark_leaks;
}

extern "C" fn check_leaks(from: usize) -> usize {
    own_runtime().map_or(0, |runtime| leaks::check(runtime, None, from))
}

extern "C" fn check_leaks_since(mark: usize, from: usize) -> usize {
    own_runtime().map_or(0, |runtime| leaks::check(runtime, Some(mark), from))
}

extern "C" fn mark_leaks(from: usize) -> usize {
    own_runtime().map_or(0, |runtime| leaks::mark(runtime, from))
}

/// The runtime, unless this process is a child that shares its parent's memory.
fn own_runtime() -> Option<&'static Runtime> {
    allocator::runtime().filter(|runtime| runtime.is_own_process())
}

extern "C" fn check_heap(sp: usize, bp: usize) -> usize {
    // SAFETY: the trampoline passes the stack pointer that it had on entry.
    inspect::check_heap(unsafe { Caller::from_entry(sp, bp) })
}

/// Sets the function that gets every report, and returns the one before. Null stands for none.
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_set_report_hook(hook: Option<Hook>) -> Option<Hook> {
    hook::set(hook)
}
