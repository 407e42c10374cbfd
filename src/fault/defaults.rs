//! Signals that the program has left at their default action, where the kernel has our handler instead.
//!
//! SIGFPE, SIGILL and SIGABRT kill a process by default, and a report comes first. The program is told of the default
//! that it asked for. A handler of its own, or SIG_IGN, goes to the kernel as it is.

use crate::sys::signal::{self, KernelAction};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use libc::{c_int, c_void, siginfo_t};

/// Signals whose default action we precede.
const CRASH_SIGNALS: [c_int; 3] = [libc::SIGFPE, libc::SIGILL, libc::SIGABRT];

/// A handler as the kernel calls it with SA_SIGINFO.
type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// Our handler, or 0 before [`install`].
static HANDLER: AtomicUsize = AtomicUsize::new(0);

/// Flags and mask that the program gave with its last SIG_DFL for each of [`CRASH_SIGNALS`].
static DEFAULTS: [(AtomicU64, AtomicU64); 3] =
    [const { (AtomicU64::new(0), AtomicU64::new(0)) }; 3];

fn index_of(signal: c_int) -> Option<usize> {
    CRASH_SIGNALS.iter().position(|&crash| crash == signal)
}

/// Takes the signals that are at their default.
///
/// # Safety
/// `handler` must touch only state that is sound at any instruction of the process.
pub unsafe fn install(handler: Handler) {
    HANDLER.store(handler as *const () as usize, Ordering::Relaxed);
    for signal in CRASH_SIGNALS {
        if signal::action(signal).is_ok_and(|now| now.handler == libc::SIG_DFL) {
            // SAFETY: the kernel calls `handler`, which is sound at any instruction by the promise above.
            let _ = unsafe { signal::set_action(signal, &action(handler as *const () as usize)) };
        }
    }
}

fn action(handler: usize) -> KernelAction {
    KernelAction {
        handler,
        flags: (libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER) as u64,
        restorer: 0,
        mask: !signal::SYNCHRONOUS,
    }
}

/// What the kernel gets in place of what the program wants done on a signal, if anything.
pub fn in_place_of(signal: c_int, wanted: &KernelAction) -> Option<KernelAction> {
    let handler = HANDLER.load(Ordering::Relaxed);
    if wanted.handler != libc::SIG_DFL || handler == 0 {
        return None;
    }
    let (flags, mask) = &DEFAULTS[index_of(signal)?];
    flags.store(wanted.flags, Ordering::Relaxed);
    mask.store(wanted.mask, Ordering::Relaxed);
    Some(action(handler))
}

/// Whether a handler that the kernel has is ours, in the place of the default.
pub fn is_ours(handler: usize) -> bool {
    handler != 0 && handler == HANDLER.load(Ordering::Relaxed)
}

/// What the program asked for where [`is_ours`].
pub fn remembered(signal: c_int) -> Option<KernelAction> {
    let (flags, mask) = &DEFAULTS[index_of(signal)?];
    Some(KernelAction {
        flags: flags.load(Ordering::Relaxed),
        mask: mask.load(Ordering::Relaxed),
        ..KernelAction::DEFAULT
    })
}
