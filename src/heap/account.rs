//! What all parts of the heap share: the options they follow, and what they charge and count.

use super::budget::Budget;
use super::closure::Closure;
use super::config::Config;
use super::cost::Cost;
use super::counters::Counter;
use super::place::{self, Place};
use super::slot::Slot;
use super::tally::{Reason, Tally};
use super::threads::ThreadCache;
use crate::sys::{PAGE_BYTES, limits};

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

    /// Where in `slot` an object of `size` bytes goes.
    #[inline(always)]
    pub fn place(&self, slot: &Slot<'_>, size: usize, align: usize) -> Place {
        Place::at_edge(self.edge_of(slot.data.start()), slot.data.bytes(), size, align)
    }

    /// The edge that the object at `start`, or of another number that tells it from others, touches.
    #[inline(always)]
    pub fn edge_of(&self, start: usize) -> place::Edge {
        let mixed =
            ((start / PAGE_BYTES) as u64 ^ self.config.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        place::edge(self.config.placement, mixed ^ mixed >> 31)
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
        self.terms.budget.charge(self.cache, cost)
    }

    /// Takes back what [`Account::charge`] charged.
    #[inline(always)]
    pub fn refund(self, cost: Cost) {
        self.terms.budget.refund(self.cache, cost);
    }

    /// See [`Budget::charge_size`].
    #[inline(always)]
    pub fn charge_size(self, size: usize) -> Result<(), Reason> {
        self.terms.budget.charge_size(self.cache, size)
    }

    /// Takes back what [`Account::charge_size`] charged.
    #[inline(always)]
    pub fn refund_size(self, size: usize) {
        self.terms.budget.refund_size(self.cache, size);
    }

    #[inline(always)]
    pub fn count(self, counter: Counter) {
        self.cache.count(counter);
    }
}
