//! What objects may cost: guarded ones memory and kernel mappings, and all of them what the program may ask for.
//!
//! Both kinds of memory are charged by way of the threads: each has a little in reserve, so that most calls
//! leave the sums that all share alone.

pub mod headroom;

use super::cost::{Cost, MOST_RESERVED, native_bytes};
use super::room::Room;
use super::tally::Reason;
use super::threads::{self, ThreadCache};
use crate::sys::limits;
use core::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use headroom::{Headroom, Shares};

pub struct Budget {
    pub room: Room,
    /// What [`Budget::bytes`] may be.
    pub headroom: Headroom,
    /// Charged for pages: by live objects, and by threads in reserve.
    bytes: AtomicUsize,
    /// The same of what the program asked for, guarded or not.
    asked: AtomicUsize,
    most_mappings: isize,
    /// Signed: what a slot costs can change while it lives (see
    /// [`PageProtection::lost`](crate::pages::PageProtection::lost)).
    mappings: AtomicIsize,
}

impl Budget {
    pub fn new(shares: Shares, most_mappings: usize, room_bytes: usize) -> Budget {
        let headroom = Headroom::new(shares);
        headroom.watch(0);
        Budget {
            room: Room::new(room_bytes),
            headroom,
            bytes: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
            most_mappings: most_mappings as isize,
            mappings: AtomicIsize::new(0),
        }
    }

    /// Charges the pages of a guarded object and what the program asked for.
    #[inline]
    pub fn charge(&self, cache: &ThreadCache, cost: Cost) -> Result<(), Reason> {
        if cache.take_credit(cost) { Ok(()) } else { self.charge_shared(cache, cost) }
    }

    #[cold]
    #[inline(never)]
    fn charge_shared(&self, cache: &ThreadCache, cost: Cost) -> Result<(), Reason> {
        let (pages, request) = (cost.pages(), cost.request());
        if pages != Cost::NONE && !cache.take_credit(pages) {
            self.charge_pages(cache, pages)?;
        }
        if request != Cost::NONE && !cache.take_credit(request) {
            let more = Cost::RESERVE.request();
            if self.charge_request(request.with(more).request_bytes()) {
                self.refund(cache, more);
            } else if !self.charge_request(request.request_bytes()) {
                self.refund(cache, pages);
                return Err(Reason::Refused);
            }
        }
        Ok(())
    }

    fn charge_pages(&self, cache: &ThreadCache, pages: Cost) -> Result<(), Reason> {
        let charge = |bytes: usize| {
            let charged = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
            let fits = charged <= self.headroom.guarded_bytes();
            if !fits {
                self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            }
            fits
        };
        self.watch();
        let more = Cost::RESERVE.pages();
        if charge(pages.with(more).page_bytes()) {
            self.refund(cache, more);
            return Ok(());
        }
        if charge(pages.page_bytes()) {
            return Ok(());
        }
        self.headroom.note_refusal();
        Err(Reason::Budget)
    }

    /// At coarse moments: has the memory control groups looked at, if need be.
    fn watch(&self) {
        let [bytes, asked] = [&self.bytes, &self.asked].map(|sum| sum.load(Ordering::Relaxed));
        self.headroom.watch(bytes.saturating_add(asked));
    }

    /// Charges `bytes` that the program asks for; false where they would be refused natively.
    fn charge_request(&self, bytes: usize) -> bool {
        let asked = self.asked.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let permitted = limits::permit(bytes, asked);
        if !permitted {
            self.asked.fetch_sub(bytes, Ordering::Relaxed);
        }
        self.watch();
        permitted
    }

    /// Whether natively there would be `size` bytes more, for an object that is not charged.
    #[cold]
    #[inline(never)]
    pub fn permits(&self, size: usize) -> bool {
        let bytes = native_bytes(size);
        limits::permit(bytes, self.asked.load(Ordering::Relaxed).saturating_add(bytes))
    }

    /// Charges what the program asks for, for an object of any size that takes no pages of the budget.
    pub fn charge_size(&self, cache: &ThreadCache, size: usize) -> Result<(), Reason> {
        if size <= MOST_RESERVED {
            self.charge(cache, Cost::of_request(size))
        } else if self.charge_request(native_bytes(size)) {
            Ok(())
        } else {
            Err(Reason::Refused)
        }
    }

    /// The same for what is there already, whatever the limit.
    pub fn charge_size_anyhow(&self, size: usize) {
        self.asked.fetch_add(native_bytes(size), Ordering::Relaxed);
    }

    /// Takes back what [`Budget::charge_size`] charged.
    pub fn refund_size(&self, cache: &ThreadCache, size: usize) {
        if size <= MOST_RESERVED {
            self.refund(cache, Cost::of_request(size));
        } else {
            self.asked.fetch_sub(native_bytes(size), Ordering::Relaxed);
        }
    }

    #[inline]
    pub fn refund(&self, cache: &ThreadCache, cost: Cost) {
        let excess = cache.add_credit(cost);
        if excess != Cost::NONE {
            self.refund_shared(excess);
        }
    }

    #[cold]
    fn refund_shared(&self, cost: Cost) {
        self.bytes.fetch_sub(cost.page_bytes(), Ordering::Relaxed);
        self.asked.fetch_sub(cost.request_bytes(), Ordering::Relaxed);
    }

    /// Takes back what a thread that ends has in reserve.
    pub fn end_credit(&self, cache: &ThreadCache) {
        self.refund_shared(cache.end_credit());
    }

    /// Memory that live guarded objects hold.
    pub fn live_bytes(&self) -> usize {
        let reserved: usize = threads::credits().map(Cost::page_bytes).sum();
        self.bytes.load(Ordering::Relaxed).saturating_sub(reserved)
    }

    /// What all live objects would take natively.
    pub fn asked_bytes(&self) -> usize {
        let reserved: usize = threads::credits().map(Cost::request_bytes).sum();
        self.asked.load(Ordering::Relaxed).saturating_sub(reserved)
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

    /// Of the size that is asked for, whatever group the test runs in.
    fn budget(guarded: usize, most_mappings: usize) -> Budget {
        Budget::new(Shares { guarded, kept: 0, is_default: false }, most_mappings, 0)
    }

    #[test]
    fn what_is_refunded_can_be_charged_again() {
        let (budget, cache) = (budget(8192, 4), ThreadCache::new());
        let page = Cost::of_pages(4096).with(Cost::of_request(100));
        assert_eq!(budget.charge(&cache, page), Ok(()));
        assert_eq!(budget.charge(&cache, page), Ok(()));
        assert_eq!(budget.charge(&cache, page), Err(Reason::Budget));
        budget.refund(&cache, page);
        assert_eq!(budget.charge(&cache, page), Ok(()));
        assert_eq!((budget.live_bytes(), budget.asked_bytes()), (8192, 2 * 112));
    }

    #[test]
    fn a_thread_takes_more_than_it_needs_while_there_is_plenty() {
        let budget = budget(1 << 30, 4);
        threads::current();
        threads::with_cache(|cache| {
            let page = Cost::of_pages(4096).with(Cost::of_request(4096));
            assert_eq!(budget.charge(cache, page), Ok(()));
            let shared = || [&budget.bytes, &budget.asked].map(|sum| sum.load(Ordering::Relaxed));
            let charged = shared();
            assert!(charged.iter().all(|&sum| sum > 4200), "{charged:?}");
            assert_eq!(budget.charge(cache, page), Ok(()));
            assert_eq!(shared(), charged);
            for _ in 0..100 {
                assert_eq!(budget.charge(cache, page), Ok(()));
            }
            for _ in 0..102 {
                budget.refund(cache, page);
            }
            // No more than two reserves stay with the thread.
            assert!(shared().iter().all(|&sum| sum <= 3 << 16), "{:?}", shared());
            budget.end_credit(cache);
            assert_eq!(shared(), [0, 0]);
        });
    }

    #[test]
    fn large_requests_are_charged_to_all() {
        let (budget, cache) = (budget(0, 4), ThreadCache::new());
        for size in [10, 5000, MOST_RESERVED, MOST_RESERVED + 1, 200_000] {
            assert_eq!(budget.charge_size(&cache, size), Ok(()));
            assert_eq!(budget.asked_bytes(), native_bytes(size));
            budget.refund_size(&cache, size);
            assert_eq!(budget.asked_bytes(), 0);
        }
        budget.charge_size_anyhow(5000);
        budget.refund_size(&cache, 5000);
        assert_eq!(budget.asked_bytes(), 0);
    }

    #[test]
    fn mappings_run_out() {
        let budget = budget(0, 4);
        assert_eq!([0; 2].map(|_| budget.charge_mappings(2)), [Ok(()); 2]);
        assert_eq!(budget.charge_mappings(2), Err(Reason::Mappings));
        assert!(!budget.charge_spare_mappings(2));
        budget.refund_mappings(2);
        assert_eq!(budget.charge_mappings(2), Ok(()));
    }
}
