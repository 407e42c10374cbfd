//! SIGTRAP, which ends a step: one instruction that runs by itself after a report.

use super::{belief, chain, reporter, step};
use crate::runtime;
use crate::sys;
use crate::sys::signal::{self, KernelAction};
use libc::{c_int, c_void, siginfo_t, ucontext_t};

/// Takes over SIGTRAP. The action that was set before becomes the program's.
pub fn install() {
    let ours = KernelAction {
        handler: on_trap as *const () as usize,
        flags: (libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER) as u64,
        restorer: 0,
        mask: !signal::SYNCHRONOUS,
    };
    // SAFETY: `on_trap` touches only state that is sound at any instruction.
    if let Ok(before) = unsafe { signal::set_action(libc::SIGTRAP, &ours) } {
        belief::take_trap(before);
    }
}

extern "C" fn on_trap(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes valid pointers to an SA_SIGINFO handler.
    let (info, context) = unsafe { (&mut *info, &mut *context.cast::<ucontext_t>()) };
    let errno = sys::errno::get();
    match runtime::get() {
        Some(runtime) if reporter::is_me() && step::is_active() => {
            if step::is_ended_by(info, context) {
                step::abandon(runtime, context);
                reporter::end_report();
            }
        }
        Some(_) if reporter::is_me() && info.si_code <= 0 => step::put_off(info, context),
        _ => chain::chain(signal, info, context, info.si_code, 0),
    }
    sys::errno::set(errno);
}
