//! How often the heap did what, for the statistics that a user may ask for.

use crate::sys::per_thread::OwnWord;

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
    /// Times that many slots were revoked together.
    Batches,
    /// Objects with a range of their own.
    Large,
}

impl Counter {
    pub const ALL: [(Counter, &'static str); 6] = [
        (Counter::Populates, "populates"),
        (Counter::Moves, "moves"),
        (Counter::Reuses, "reuses"),
        (Counter::Drops, "drops"),
        (Counter::Batches, "batches"),
        (Counter::Large, "large"),
    ];
}

/// The counters of one thread.
pub struct Counters([OwnWord; Counter::ALL.len()]);

impl Counters {
    #[inline]
    pub fn count(&self, counter: Counter) {
        self.0[counter as usize].add(1);
    }

    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize].get()
    }
}
