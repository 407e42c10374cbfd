//! The terms of a heap, which all its parts share: its options, and what it charges and counts.

use super::budget::headroom::Shares;
use super::budget::{Budget, Cost};
use super::canary::{self, Damage};
use super::closure::Closure;
use super::place::Placing;
use super::tally::{Reason, Tally};
use super::threads::{Counter, ThreadCache};
use crate::sys::limits;

/// The options of a heap.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub placing: Placing,
    /// How many bytes of slack on each side of an object are filled with canaries.
    pub canary_bytes: usize,
    /// The byte that fills fresh objects; zeros if `None`.
    pub fill: Option<u8>,
    /// The byte that fills freed objects while they can be read; see the option `free-fill`.
    pub free_fill: Option<u8>,
    /// How many bytes live guarded objects may hold, and how many may be kept of other objects.
    pub shares: Shares,
    /// How many bytes of writable memory guarded small objects, live or not, may take with their guards.
    pub room_bytes: usize,
    /// How many kernel mappings live guarded objects may cost.
    pub max_mappings: usize,
    /// One in so many allocations is guarded.
    pub sample: u32,
    /// How many freed objects a thread collects before it revokes their pages; 0 revokes at each free.
    pub batch: usize,
    /// How many bytes the records of objects freed long ago may take.
    pub history_bytes: usize,
    /// How many bytes of freed objects without pages may wait.
    pub waiting_bytes: usize,
}

impl Config {
    /// Returns the byte that freed objects hold while they wait.
    pub fn junk(&self) -> u8 {
        self.free_fill.unwrap_or(canary::JUNK)
    }

    /// Looks for writes to a freed object that waits. Unreadable bytes do no harm.
    pub fn check_junk(&self, start: usize, size: usize) -> Option<Damage> {
        canary::find_carefully([start..start + size, start..start], self.junk())
    }
}

#[cfg(test)]
impl Config {
    /// For tests: nothing is spent, and nothing waits.
    pub fn of_tests() -> Config {
        Config {
            placing: Placing { placement: crate::options::Placement::Right, seed: 0 },
            canary_bytes: 128,
            fill: None,
            free_fill: None,
            shares: Shares::of_user(usize::MAX),
            room_bytes: usize::MAX,
            max_mappings: 10_000,
            sample: 1,
            batch: 0,
            history_bytes: 1 << 20,
            waiting_bytes: 1 << 20,
        }
    }
}

/// The options, the budget, the count of unguarded allocations, and whether the heap is closed.
pub struct Terms {
    pub config: Config,
    pub budget: Budget,
    pub tally: Tally,
    pub closure: Closure,
}

impl Terms {
    pub fn new(config: Config) -> Terms {
        if config.sample > 1 {
            limits::count_others_afresh();
        }
        let budget = Budget::new(config.shares, config.max_mappings, config.room_bytes);
        Terms { config, budget, tally: Tally::default(), closure: Closure::default() }
    }
}

/// One thread's account with the heap: it charges the shared budget through the thread's reserve, and counts for the
/// thread.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    pub terms: &'a Terms,
    pub cache: &'a ThreadCache,
}

impl Account<'_> {
    /// Charges a cost; see [`Budget::charge`].
    #[inline(always)]
    pub fn charge(self, cost: Cost) -> Result<(), Reason> {
        self.terms.budget.charge(self.cache.credit(), cost)
    }

    /// Takes back what [`Account::charge`] charged.
    #[inline(always)]
    pub fn refund(self, cost: Cost) {
        self.terms.budget.refund(self.cache.credit(), cost);
    }

    /// Charges a size; see [`Budget::charge_size`].
    #[inline(always)]
    pub fn charge_size(self, size: usize) -> Result<(), Reason> {
        self.terms.budget.charge_size(self.cache.credit(), size)
    }

    /// Takes back what [`Account::charge_size`] charged.
    #[inline(always)]
    pub fn refund_size(self, size: usize) {
        self.terms.budget.refund_size(self.cache.credit(), size);
    }

    /// Gives the thread's reserve back for good.
    pub fn end_credit(self) {
        self.terms.budget.take_back(self.cache.end_credit());
    }

    #[inline(always)]
    pub fn count(self, counter: Counter) {
        self.cache.count(counter);
    }
}
