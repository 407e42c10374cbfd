//! How often the heap did what, for the statistics that a user may ask for.

use core::sync::atomic::{AtomicU64, Ordering};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Counter {
    /// Slots whose pages were made accessible by a call of their own.
    Populates,
    /// Pages moved from a freed object to a slot made ready.
    Moves,
    /// Slots that were ready when they were needed.
    Reuses,
    /// Slots whose pages were revoked and dropped by a call of their own.
    Drops,
    /// Objects with a range of their own.
    Large,
}

impl Counter {
    pub const ALL: [(Counter, &'static str); 5] = [
        (Counter::Populates, "populates"),
        (Counter::Moves, "moves"),
        (Counter::Reuses, "reuses"),
        (Counter::Drops, "drops"),
        (Counter::Large, "large"),
    ];
}

/// Threads count in different places, so that they do not take each other's cache lines.
const STRIPES: usize = 16;

#[derive(Default)]
#[repr(align(128))]
struct Stripe([AtomicU64; Counter::ALL.len()]);

#[derive(Default)]
pub struct Counters([Stripe; STRIPES]);

impl Counters {
    /// Counts for the thread numbered `thread`.
    #[inline]
    pub fn count(&self, thread: u32, counter: Counter) {
        let stripe = &self.0[thread as usize % STRIPES];
        stripe.0[counter as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn get(&self, counter: Counter) -> u64 {
        self.0.iter().map(|stripe| stripe.0[counter as usize].load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_what_threads_count() {
        let counters = Counters::default();
        for thread in 0..40 {
            counters.count(thread, Counter::Moves);
        }
        assert_eq!((counters.get(Counter::Moves), counters.get(Counter::Drops)), (40, 0));
    }
}
