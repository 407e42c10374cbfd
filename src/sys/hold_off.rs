//! Signals that a write of ours may raise, which the program would not have met without us.

use super::signal::{self, KernelSet};

/// A pipe that nobody reads.
pub const PIPE: KernelSet = signal::bit(libc::SIGPIPE);

/// A file that is as long as the process may make it.
pub const FILE_SIZE: KernelSet = signal::bit(libc::SIGXFSZ);

/// While it lives, such signals are held off; those that have come meanwhile are gone at its end.
pub struct HoldOff {
    signals: KernelSet,
    mask: KernelSet,
    was_pending: KernelSet,
}

impl HoldOff {
    pub fn new(signals: KernelSet) -> HoldOff {
        let mask = signal::change_mask(libc::SIG_BLOCK, signals);
        HoldOff { signals, mask, was_pending: signal::pending() }
    }
}

impl Drop for HoldOff {
    fn drop(&mut self) {
        let come = self.signals & !self.was_pending;
        if come != 0 {
            signal::take_pending(come);
        }
        signal::change_mask(libc::SIG_SETMASK, self.mask);
    }
}
