//! Holds off signals that a write of ours may raise, since the program would not get them without us.

use super::signal::{self, KernelSet};

/// The signal for a write to a pipe that nobody reads.
pub const PIPE: KernelSet = signal::bit(libc::SIGPIPE);

/// The signal for a write to a file that is as long as the process may make it.
pub const FILE_SIZE: KernelSet = signal::bit(libc::SIGXFSZ);

/// Blocks the given signals while it lives. When dropped, it discards those that have come meanwhile.
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
