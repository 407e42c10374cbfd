//! How often the heap did what, for the statistics that a user may ask for.

use crate::sys::per_thread::OwnWord;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Counter {
    /// Guarded allocations.
    Objects,
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
    const COUNT: usize = Counter::Large as usize + 1;

    /// All but the objects, which statistics tell along with those that are not guarded.
    pub const OPERATIONS: [(Counter, &'static str); 6] = [
        (Counter::Populates, "populates"),
        (Counter::Moves, "moves"),
        (Counter::Reuses, "reuses"),
        (Counter::Drops, "drops"),
        (Counter::Batches, "batches"),
        (Counter::Large, "large"),
    ];
}

/// The counters of one thread.
pub struct Counters([OwnWord; Counter::COUNT]);

impl Counters {
    #[inline]
    pub fn count(&self, counter: Counter) {
        self.0[counter as usize].add(1);
    }

    /// Begins anew to count the operations; the owner must not be counting.
    pub fn clear_operations(&self) {
        Counter::OPERATIONS.iter().for_each(|&(counter, _)| self.0[counter as usize].set(0));
    }

    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize].get()
    }
}
