//! Faults and traps that are not ours: they end as they would have without us.

use super::belief::{believed_blocked, context_mask, exchange_action};
use super::death::{die_by_mask, die_of};
use super::{crash, delivery};
use crate::sys::signal;
use libc::{c_int, siginfo_t, ucontext_t};

/// Passes on a fault that is not ours, to the program's handler or to the default.
pub fn chain(
    signal: c_int,
    info: &mut siginfo_t,
    context: &mut ucontext_t,
    code: c_int,
    fault: usize,
) {
    let from_kernel = code > 0;
    let action = exchange_action(signal, None);
    let believed = believed_blocked(context_mask(context));
    let blocked = from_kernel && believed & signal::bit(signal) != 0;
    match action.handler {
        // A signal that a process sent is ignored; a fault can't be ignored (sigaction(2)).
        libc::SIG_IGN if !from_kernel => {}
        handler if handler == libc::SIG_DFL || handler == libc::SIG_IGN || blocked => {
            if signal != libc::SIGTRAP {
                crash::report(signal, code, fault, context);
            }
            // A trap comes after its instruction, which will not raise it again.
            if !die_of(signal, from_kernel && signal != libc::SIGTRAP) {
                die_by_mask(context, signal);
            }
        }
        _ => {
            delivery::call_handler(signal, &action, info, context);
            crash::report(signal, code, fault, context);
            if !die_of(signal, from_kernel) {
                die_by_mask(context, signal);
            }
        }
    }
}
