//! The functions that `include/fencepost.h` declares, for programs and debuggers. They are exported under their own
//! names.

use super::trampoline;
use crate::allocator::inspect;
use crate::report::hook::{self, Hook};
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

extern "C" fn check_heap(sp: usize, bp: usize) -> usize {
    // SAFETY: the trampoline passes the stack pointer that it had on entry.
    inspect::check_heap(unsafe { Caller::from_entry(sp, bp) })
}

/// Sets the function that gets every report, and returns the one before. Null stands for none.
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_set_report_hook(hook: Option<Hook>) -> Option<Hook> {
    hook::set(hook)
}
