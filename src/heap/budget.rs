//! What live guarded objects may cost: memory, and kernel mappings.
//!
//! Memory is charged by way of the threads: each has a little in reserve, so that most calls leave
//! the sum that all share alone.

use super::threads::{self, ThreadCache};
use super::unguarded::Reason;
use core::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

pub struct Budget {
    most_bytes: usize,
    /// Charged: by live objects, and by threads in reserve.
    bytes: AtomicUsize,
    most_mappings: isize,
    /// Signed: what a slot costs can change while it lives (see
    /// [`PageProtection::lost`](crate::pages::PageProtection::lost)).
    mappings: AtomicIsize,
}

impl Budget {
    pub fn new(most_bytes: usize, most_mappings: usize) -> Budget {
        Budget {
            most_bytes,
            bytes: AtomicUsize::new(0),
            most_mappings: most_mappings as isize,
            mappings: AtomicIsize::new(0),
        }
    }

    #[inline]
    pub fn charge_bytes(&self, cache: &ThreadCache, bytes: usize) -> Result<(), Reason> {
        if bytes == 0 || cache.take_credit(bytes) {
            return Ok(());
        }
        self.charge_shared(cache, bytes)
    }

    #[cold]
    #[inline(never)]
    fn charge_shared(&self, cache: &ThreadCache, bytes: usize) -> Result<(), Reason> {
        let charge = |bytes: usize| {
            let charged = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
            let fits = charged <= self.most_bytes;
            if !fits {
                self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            }
            fits
        };
        if charge(bytes + threads::CREDIT_BYTES) {
            self.refund_bytes(cache, threads::CREDIT_BYTES);
            return Ok(());
        }
        if charge(bytes) { Ok(()) } else { Err(Reason::Budget) }
    }

    #[inline]
    pub fn refund_bytes(&self, cache: &ThreadCache, bytes: usize) {
        let excess = cache.add_credit(bytes);
        if excess > 0 {
            self.bytes.fetch_sub(excess, Ordering::Relaxed);
        }
    }

    /// Takes back what a thread that ends has in reserve.
    pub fn end_credit(&self, cache: &ThreadCache) {
        self.bytes.fetch_sub(cache.end_credit(), Ordering::Relaxed);
    }

    /// Memory that live objects hold.
    pub fn live_bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed).saturating_sub(threads::credit_bytes())
    }

    /// All threads share this sum; it is left alone where there is nothing to take.
    #[inline]
    pub fn charge_mappings(&self, mappings: usize) -> Result<(), Reason> {
        let cost = mappings as isize;
        if mappings > 0
            && self.mappings.fetch_add(cost, Ordering::Relaxed) + cost > self.most_mappings
        {
            self.refund_mappings(mappings);
            return Err(Reason::Mappings);
        }
        Ok(())
    }

    #[inline]
    pub fn refund_mappings(&self, mappings: usize) {
        if mappings > 0 {
            self.mappings.fetch_sub(mappings as isize, Ordering::Relaxed);
        }
    }

    /// Takes `cost` mappings, which may be negative, for what spares memory: only while half of
    /// them are left for objects.
    pub fn charge_spare_mappings(&self, cost: isize) -> bool {
        let mappings = self.mappings.fetch_add(cost, Ordering::Relaxed) + cost;
        let affordable = cost <= 0 || mappings <= self.most_mappings / 2;
        if !affordable {
            self.mappings.fetch_sub(cost, Ordering::Relaxed);
        }
        affordable
    }

    /// Takes back what [`Budget::charge_spare_mappings`] took.
    pub fn refund_spare_mappings(&self, cost: isize) {
        self.mappings.fetch_sub(cost, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refunded_can_be_charged_again() {
        let (budget, cache) = (Budget::new(8192, 4), ThreadCache::new());
        assert_eq!(budget.charge_bytes(&cache, 4096), Ok(()));
        assert_eq!(budget.charge_bytes(&cache, 4096), Ok(()));
        assert_eq!(budget.charge_bytes(&cache, 4096), Err(Reason::Budget));
        budget.refund_bytes(&cache, 4096);
        assert_eq!(budget.charge_bytes(&cache, 4096), Ok(()));
    }

    #[test]
    fn a_thread_takes_more_than_it_needs_while_there_is_plenty() {
        let budget = Budget::new(1 << 30, 4);
        threads::current();
        threads::with_cache(|cache| {
            assert_eq!(budget.charge_bytes(cache, 4096), Ok(()));
            let charged = budget.bytes.load(Ordering::Relaxed);
            assert!(charged > 4096, "{charged}");
            assert_eq!(budget.charge_bytes(cache, 4096), Ok(()));
            assert_eq!(budget.bytes.load(Ordering::Relaxed), charged);
        });
    }

    #[test]
    fn mappings_run_out() {
        let budget = Budget::new(0, 4);
        assert_eq!([0; 2].map(|_| budget.charge_mappings(2)), [Ok(()); 2]);
        assert_eq!(budget.charge_mappings(2), Err(Reason::Mappings));
        assert!(!budget.charge_spare_mappings(2));
        budget.refund_mappings(2);
        assert_eq!(budget.charge_mappings(2), Ok(()));
    }
}
