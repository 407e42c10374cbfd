//! Allocations that were not guarded, counted by reason.

use core::sync::atomic::{AtomicU64, Ordering};

/// Why an object is not guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Reason {
    /// The kernel's limit on mappings (`vm.max_map_count`) is near.
    Mappings,
    /// The memory budget is spent.
    Budget,
    /// The share of the memory that the process may commit (RLIMIT_DATA, strict overcommit) is spent.
    Room,
    /// The reservation has no addresses left for this size.
    Addresses,
    /// The kernel refused memory.
    Refused,
    /// The pages of a retired object, or of a slot that a thread had ready, could not be made to fault.
    NotRevoked,
    /// A seccomp filter forbids what guarding needs.
    Forbidden,
    /// The option `budget` gives it no pages.
    Unchosen,
}

impl Reason {
    pub const ALL: [Reason; 8] = [
        Reason::Mappings,
        Reason::Budget,
        Reason::Room,
        Reason::Addresses,
        Reason::Refused,
        Reason::NotRevoked,
        Reason::Forbidden,
        Reason::Unchosen,
    ];
}

/// How many allocations were not guarded, by [`Reason`].
#[derive(Default)]
pub struct Tally([AtomicU64; Reason::ALL.len()]);

impl Tally {
    pub fn count(&self, reason: Reason) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn get(&self, reason: Reason) -> u64 {
        self.0[reason as usize].load(Ordering::Relaxed)
    }

    pub fn total(&self) -> u64 {
        Reason::ALL.iter().map(|&reason| self.get(reason)).sum()
    }

    /// Returns how many were not guarded although the user wanted that.
    pub fn unwanted(&self) -> u64 {
        self.total() - self.get(Reason::Unchosen)
    }
}
