//! A gate: many threads may be inside at a time, until one thread closes it.
//!
//! It does not block signals. A handler may enter even if it has interrupted a thread that is inside or has closed
//! the gate.

use super::process;
use core::sync::atomic::{AtomicU32, Ordering};

/// Most threads inside at a time; others wait for a place.
const PLACES: usize = 64;

/// Threads may enter until one closes the gate.
pub struct Gate {
    /// Kernel ids of the threads inside, or 0.
    inside: [AtomicU32; PLACES],
    /// Kernel id of the thread that has closed it, or 0.
    closed_by: AtomicU32,
}

/// One entry; dropping it leaves the gate.
pub struct Inside<'a>(&'a AtomicU32);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

impl Gate {
    pub const fn new() -> Gate {
        Gate { inside: [const { AtomicU32::new(0) }; PLACES], closed_by: AtomicU32::new(0) }
    }

    /// Enters; waits until the gate is open or closed by the calling thread itself.
    pub fn enter(&self) -> Inside<'_> {
        let me = process::tid();
        loop {
            for place in &self.inside {
                if place.compare_exchange(0, me, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
                    let inside = Inside(place);
                    // Read after the place is taken: either this thread sees the gate closed, or the closing thread
                    // sees the place.
                    let closed_by = self.closed_by.load(Ordering::SeqCst);
                    if closed_by == 0 || closed_by == me {
                        return inside;
                    }
                    break;
                }
            }
            process::nap();
        }
    }

    /// Closes the gate, and waits until no other thread is inside.
    pub fn close(&self) {
        let me = process::tid();
        while self.closed_by.compare_exchange(0, me, Ordering::SeqCst, Ordering::Relaxed).is_err() {
            process::nap();
        }
        for place in &self.inside {
            let mut rounds = 0_u32;
            loop {
                let thread = place.load(Ordering::SeqCst);
                if thread == 0 || thread == me {
                    break;
                }
                process::nap();
                rounds += 1;
                // A thread that was cancelled inside has not freed its place.
                if rounds.is_multiple_of(64) && !process::has_thread(thread) {
                    let _ = place.compare_exchange(thread, 0, Ordering::AcqRel, Ordering::Relaxed);
                }
            }
        }
    }

    /// Opens the gate again.
    pub fn open(&self) {
        self.closed_by.store(0, Ordering::Release);
    }

    /// Opens and empties the gate: for a copy of the process, which has one thread.
    pub fn reset(&self) {
        self.inside.iter().for_each(|place| place.store(0, Ordering::Relaxed));
        self.open();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicBool;

    #[test]
    fn a_closed_gate_keeps_others_out() {
        static GATE: Gate = Gate::new();
        static IS_INSIDE: AtomicBool = AtomicBool::new(false);
        GATE.close();
        // The thread that closed it may enter.
        drop(GATE.enter());
        let other = std::thread::spawn(|| {
            let inside = GATE.enter();
            IS_INSIDE.store(true, Ordering::SeqCst);
            drop(inside);
        });
        for _ in 0..20 {
            process::nap();
        }
        assert!(!IS_INSIDE.load(Ordering::SeqCst));
        GATE.open();
        other.join().unwrap();
        assert!(IS_INSIDE.load(Ordering::SeqCst));
    }

    #[test]
    fn closing_waits_for_those_inside_but_not_for_the_dead() {
        static GATE: Gate = Gate::new();
        static HAS_LEFT: AtomicBool = AtomicBool::new(false);
        let (entered, wait) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || {
            let inside = GATE.enter();
            core::mem::forget(GATE.enter());
            entered.send(()).unwrap();
            for _ in 0..20 {
                process::nap();
            }
            HAS_LEFT.store(true, Ordering::SeqCst);
            drop(inside);
        });
        wait.recv().unwrap();
        GATE.close();
        assert!(HAS_LEFT.load(Ordering::SeqCst));
        other.join().unwrap();
    }
}
