//! The terms of a heap, which all its parts share: the options it follows, and what they charge and count.

use super::budget::headroom::Shares;
use super::budget::{Budget, Cost};
use super::closure::Closure;
use super::place::Placing;
use super::tally::{Reason, Tally};
use super::threads::{Counter, ThreadCache};
use crate::sys::limits;

/// How the heap behaves.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub placing: Placing,
    /// Slack on each side of an object that is filled with canaries.
    pub canary_bytes: usize,
    /// What fresh objects are filled with; zeros without it.
    pub fill: Option<u8>,
    /// What freed objects are filled with where they can still be read; see the option `free-fill`.
    pub free_fill: Option<u8>,
    /// Memory that live guarded objects may hold, and what is kept of others.
    pub shares: Shares,
    /// Writable memory that guarded small objects, live or not, may take with their guards.
    pub room_bytes: usize,
    /// Kernel mappings that live guarded objects may cost.
    pub max_mappings: usize,
    /// One in so many allocations is guarded.
    pub sample: u32,
    /// Freed objects that a thread collects before it revokes their pages; 0 revokes at each free.
    pub batch: usize,
    /// Memory for the records of objects freed long ago.
    pub history_bytes: usize,
}

/// The options, the budget, the count of what went unguarded, and whether the heap is closed.
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

/// One thread's dealings with the heap: it charges the shared budget by way of what the thread has
/// in reserve, and counts for the thread.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    pub terms: &'a Terms,
    pub cache: &'a ThreadCache,
}

impl Account<'_> {
    /// See [`Budget::charge`].
    #[inline(always)]
    pub fn charge(self, cost: Cost) -> Result<(), Reason> {
        self.terms.budget.charge(self.cache.credit(), cost)
    }

    /// Takes back what [`Account::charge`] charged.
    #[inline(always)]
    pub fn refund(self, cost: Cost) {
        self.terms.budget.refund(self.cache.credit(), cost);
    }

    /// See [`Budget::charge_size`].
    #[inline(always)]
    pub fn charge_size(self, size: usize) -> Result<(), Reason> {
        self.terms.budget.charge_size(self.cache.credit(), size)
    }

    /// Takes back what [`Account::charge_size`] charged.
    #[inline(always)]
    pub fn refund_size(self, size: usize) {
        self.terms.budget.refund_size(self.cache.credit(), size);
    }

    /// Gives back for good what the thread has in reserve.
    pub fn end_credit(self) {
        self.terms.budget.take_back(self.cache.end_credit());
    }

    #[inline(always)]
    pub fn count(self, counter: Counter) {
        self.cache.count(counter);
    }
}
