//! The instruction decoder, whose tables are built once.
//!
//! Building them takes milliseconds, too long for the start of every process, so the first report does it. The
//! decoder's own crate has other threads wait for the one that builds, but a copy of the process may lack that thread.
//! So they wait at a lock of ours, which fork waits for too.

use crate::sys::lock::Lock;
use core::sync::atomic::{AtomicBool, Ordering};
use iced_x86::{Decoder, DecoderOptions, Instruction};

/// Held while the tables are built.
static BUILDING: Lock<()> = Lock::new(());

/// Whether the thread that was building them is missing in this copy of the process.
static ABANDONED: AtomicBool = AtomicBool::new(false);

/// Decodes the instruction at `pc` from its bytes. Returns an invalid one if that is impossible.
pub fn decode(code: &[u8], pc: usize) -> Instruction {
    if ABANDONED.load(Ordering::Relaxed) {
        return Instruction::default();
    }
    let building = BUILDING.lock();
    let mut decoder = Decoder::with_ip(64, code, pc as u64, DecoderOptions::NONE);
    drop(building);
    decoder.decode()
}

/// In a copy of the process in which no handler has run: gives up the decoder if it was being built.
pub fn abandon_if_held() {
    if BUILDING.is_stuck(100) {
        ABANDONED.store(true, Ordering::Relaxed);
    }
}

/// See [`Lock::hold_for_fork`].
pub fn hold_for_fork() {
    BUILDING.hold_for_fork();
}

/// # Safety
/// See [`Lock::release_after_fork`].
pub unsafe fn release_after_fork() {
    // SAFETY: `hold_for_fork` has taken the lock; the caller promises that it was called.
    unsafe { BUILDING.release_after_fork() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_is_decoded_and_nonsense_is_invalid() {
        assert_eq!(decode(&[0xf3, 0xa4], 0).mnemonic(), iced_x86::Mnemonic::Movsb);
        assert!(decode(&[0x06], 0).is_invalid() && decode(&[], 0).is_invalid());
        assert!(Instruction::default().is_invalid());
    }
}
