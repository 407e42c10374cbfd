//! Alternate signal stacks: a fault must be reportable on a thread whose stack is spent or tiny.

use super::syscall;

/// Enough for the kernel's frame with the largest vector state (AMX: about 11 KiB) and the few
/// frames before the handler moves to the report stack.
pub const BYTES: usize = 64 * 1024;

fn none() -> libc::stack_t {
    libc::stack_t { ss_sp: core::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 }
}

/// The calling thread's alternate stack, if it has one.
pub fn current() -> Option<libc::stack_t> {
    let mut stack = none();
    // SAFETY: the kernel fills `stack`.
    unsafe { syscall(libc::SYS_sigaltstack, [0, &raw mut stack as usize, 0, 0, 0, 0]) }.ok()?;
    (stack.ss_flags & libc::SS_DISABLE == 0).then_some(stack)
}

fn set(stack: &libc::stack_t) {
    // SAFETY: the kernel reads `stack`. Fails only while the thread runs on an alternate stack.
    let _ = unsafe {
        syscall(libc::SYS_sigaltstack, [core::ptr::from_ref(stack) as usize, 0, 0, 0, 0, 0])
    };
}

/// Gives the calling thread `[base, base + BYTES)` as alternate stack.
///
/// # Safety
/// The range must be writable, unused, and stay so until the thread ends or [`disable`] is called.
pub unsafe fn install(base: usize) {
    set(&libc::stack_t { ss_sp: base as *mut _, ss_flags: 0, ss_size: BYTES });
}

/// Puts back what [`current`] answered.
///
/// # Safety
/// The memory must still be there.
pub unsafe fn restore(stack: Option<libc::stack_t>) {
    // SS_ONSTACK is the kernel's to say.
    set(&stack.map_or_else(none, |stack| libc::stack_t { ss_flags: 0, ..stack }));
}

/// Takes the calling thread's alternate stack away.
pub fn disable() {
    set(&none());
}
