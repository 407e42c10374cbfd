//! Whether the kernel still calls us for the fault signals.

use crate::sys::signal::{self, FAULT_SIGNALS};
use core::sync::atomic::{AtomicUsize, Ordering};

/// Our handler's address, or 0.
static HANDLER: AtomicUsize = AtomicUsize::new(0);

/// Notes the handler that we have set for the fault signals.
pub fn take(handler: usize) {
    HANDLER.store(handler, Ordering::Relaxed);
}

/// Whether the kernel still calls us for the fault signals. A program can take them by a system call that we do not
/// see; its faults go unreported then.
pub fn is_in_charge() -> bool {
    let handler = HANDLER.load(Ordering::Relaxed);
    FAULT_SIGNALS.into_iter().all(|fault| {
        // Where a filter forbids to ask, nobody has changed the action either.
        signal::action(fault).map_or(true, |now| now.handler == handler)
    })
}
