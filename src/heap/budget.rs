//! The limits on objects: memory and kernel mappings for guarded ones, and for all what the program may ask for.
//!
//! Both kinds of memory are charged through the threads. Each has a small reserve, its [`Credit`], so most calls do not
//! touch the sums that all threads share. A thread that the heap does not know has none.

pub mod headroom;

use super::room::Room;
use super::tally::Reason;
use crate::sys::per_thread::OwnWord;
use crate::sys::{PAGE_BYTES, limits, round_up_to_page};
use core::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use headroom::{Headroom, Shares};

/// From this size on, glibc's malloc gives a request its own mapping (M_MMAP_THRESHOLD, mallopt(3)).
pub const MAPPED_BYTES: usize = 128 << 10;

/// The bytes that malloc adds to a block, and the size of its smallest block.
const HEADER_BYTES: usize = 8;
const LEAST_BLOCK_BYTES: usize = 32;

/// Returns about how much address space `size` bytes take natively.
pub fn native_bytes(size: usize) -> usize {
    if size < MAPPED_BYTES {
        ((size + HEADER_BYTES).next_multiple_of(UNIT_BYTES)).max(LEAST_BLOCK_BYTES)
    } else {
        round_up_to_page(size.saturating_add(2 * HEADER_BYTES))
    }
}

/// The size of every block is a multiple of this.
const UNIT_BYTES: usize = 16;

/// The cost of an object, in one word, so that a thread's reserve changes in one step. The upper half counts a guarded
/// object's pages, the lower half units of [`native_bytes`]. The top bit of each half is unused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost(u64);

impl Cost {
    pub const NONE: Cost = Cost(0);

    /// What a thread reserves at a time: 64 KiB of each kind. It never keeps more than twice as much.
    pub const RESERVE: Cost = Cost(16 << 32 | RESERVED_UNITS as u64);

    const TOP_BITS: u64 = 1 << 63 | 1 << 31;

    /// The bits that a half has only if it is at least twice the reserve.
    const MUCH: u64 = 0x7fff_ffe0_7fff_e000;

    /// Returns the cost of a guarded object of `size` bytes in the pool.
    #[inline]
    pub fn of_slot(size: usize) -> Cost {
        Cost::of_pages(round_up_to_page(size)).with(Cost::of_request(size))
    }

    /// Returns the cost of the pages that hold `bytes` bytes.
    #[inline]
    pub const fn of_pages(bytes: usize) -> Cost {
        Cost(((bytes / PAGE_BYTES) as u64) << 32)
    }

    /// Returns the cost of a request of at most [`MOST_RESERVED`] bytes.
    #[inline]
    pub fn of_request(size: usize) -> Cost {
        Cost((native_bytes(size) / UNIT_BYTES) as u64)
    }

    #[inline]
    pub fn with(self, other: Cost) -> Cost {
        Cost(self.0 + other.0)
    }

    /// Returns the difference, or `None` if either half would be negative.
    #[inline]
    pub fn less(self, other: Cost) -> Option<Cost> {
        let left = (self.0 | Cost::TOP_BITS).wrapping_sub(other.0);
        (left & Cost::TOP_BITS == Cost::TOP_BITS).then_some(Cost(left & !Cost::TOP_BITS))
    }

    /// Returns what a thread must give back of this reserve: one reserve of each kind that it has too much of.
    #[inline]
    pub fn excess(self) -> Cost {
        if self.0 & Cost::MUCH == 0 { Cost::NONE } else { self.find_excess() }
    }

    #[cold]
    fn find_excess(self) -> Cost {
        let part = |of: Cost, reserve: Cost| {
            if of.0 & Cost::MUCH == 0 { Cost::NONE } else { reserve }
        };
        part(self.pages(), Cost::RESERVE.pages())
            .with(part(self.request(), Cost::RESERVE.request()))
    }

    /// Returns the half that counts pages.
    pub fn pages(self) -> Cost {
        Cost(self.0 >> 32 << 32)
    }

    /// Returns the half that counts what was asked for.
    pub fn request(self) -> Cost {
        Cost(u64::from(self.0 as u32))
    }

    pub fn page_bytes(self) -> usize {
        (self.0 >> 32) as usize * PAGE_BYTES
    }

    pub fn request_bytes(self) -> usize {
        self.0 as u32 as usize * UNIT_BYTES
    }
}

const RESERVED_UNITS: usize = 4096;
const _: () = assert!(Cost::MUCH == (0x7fff_ffff & !31) << 32 | (0x7fff_ffff & !8191));

/// Larger requests, in bytes, are not taken from reserves.
pub const MOST_RESERVED: usize = RESERVED_UNITS * UNIT_BYTES;

/// A thread's reserve: a cost that is charged to the budget, but not in use. It is one word, as a signal handler may
/// charge in the middle of a charge. All zeros is valid, and holds nothing.
pub struct Credit(OwnWord);

impl Credit {
    /// Takes `cost` out. Returns false if there is too little of either kind.
    #[inline]
    fn take(&self, cost: Cost) -> bool {
        let mut credit = self.0.get();
        loop {
            let Some(left) = Cost(credit).less(cost) else { return false };
            match self.0.exchange(credit, left.0) {
                Ok(()) => return true,
                Err(now) => credit = now,
            }
        }
    }

    /// Puts `cost` in, however much is there.
    #[inline]
    pub fn put(&self, cost: Cost) {
        self.0.add(cost.0);
    }

    /// Puts `cost` in. Returns what the thread now has too much of.
    #[inline]
    fn put_within(&self, cost: Cost) -> Cost {
        self.put(cost);
        let excess = self.cost().excess();
        if excess != Cost::NONE && self.take(excess) { excess } else { Cost::NONE }
    }

    pub fn cost(&self) -> Cost {
        Cost(self.0.get())
    }

    /// Takes everything out.
    pub fn empty(&self) -> Cost {
        Cost(self.0.swap(0))
    }
}

pub struct Budget {
    pub room: Room,
    /// The upper limit of [`Budget::bytes`].
    pub headroom: Headroom,
    /// Bytes charged for pages: those of live objects, and those in reserve.
    bytes: AtomicUsize,
    /// Bytes charged for requests, guarded or not, with those in reserve.
    asked: AtomicUsize,
    most_mappings: isize,
    /// Signed, as the mappings of a slot can change while it lives (see
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

    /// Charges a guarded object's pages, and what the program asked for.
    #[inline]
    pub fn charge(&self, credit: Option<&Credit>, cost: Cost) -> Result<(), Reason> {
        if takes(credit, cost) { Ok(()) } else { self.charge_shared(credit, cost) }
    }

    #[cold]
    #[inline(never)]
    fn charge_shared(&self, credit: Option<&Credit>, cost: Cost) -> Result<(), Reason> {
        let (pages, request) = (cost.pages(), cost.request());
        if pages != Cost::NONE && !takes(credit, pages) {
            self.charge_pages(credit, pages)?;
        }
        if request != Cost::NONE && !takes(credit, request) {
            let more = Cost::RESERVE.request();
            if self.charge_request(request.with(more).request_bytes()) {
                self.refund(credit, more);
            } else if !self.charge_request(request.request_bytes()) {
                self.refund(credit, pages);
                return Err(Reason::Refused);
            }
        }
        Ok(())
    }

    fn charge_pages(&self, credit: Option<&Credit>, pages: Cost) -> Result<(), Reason> {
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
            self.refund(credit, more);
            return Ok(());
        }
        if charge(pages.page_bytes()) {
            return Ok(());
        }
        self.headroom.note_refusal();
        Err(Reason::Budget)
    }

    /// Called now and then: has the memory control groups looked at, if necessary.
    fn watch(&self) {
        let [bytes, asked] = [&self.bytes, &self.asked].map(|sum| sum.load(Ordering::Relaxed));
        self.headroom.watch(bytes.saturating_add(asked));
    }

    /// Charges `bytes` that the program asks for. Returns false if they would be refused natively.
    fn charge_request(&self, bytes: usize) -> bool {
        let asked = self.asked.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let permitted = limits::permit(bytes, asked);
        if !permitted {
            self.asked.fetch_sub(bytes, Ordering::Relaxed);
        }
        self.watch();
        permitted
    }

    /// Whether `size` more bytes would be granted natively, for an object that is not charged.
    #[cold]
    #[inline(never)]
    pub fn permits(&self, size: usize) -> bool {
        let bytes = native_bytes(size);
        limits::permit(bytes, self.asked.load(Ordering::Relaxed).saturating_add(bytes))
    }

    /// Charges the size of an object that takes no pages of the budget.
    pub fn charge_size(&self, credit: Option<&Credit>, size: usize) -> Result<(), Reason> {
        if size <= MOST_RESERVED {
            self.charge(credit, Cost::of_request(size))
        } else if self.charge_request(native_bytes(size)) {
            Ok(())
        } else {
            Err(Reason::Refused)
        }
    }

    /// Charges the size of an object that exists already, whatever the limit.
    pub fn charge_size_anyhow(&self, size: usize) {
        self.asked.fetch_add(native_bytes(size), Ordering::Relaxed);
    }

    /// Takes back what [`Budget::charge_size`] charged.
    pub fn refund_size(&self, credit: Option<&Credit>, size: usize) {
        if size <= MOST_RESERVED {
            self.refund(credit, Cost::of_request(size));
        } else {
            self.asked.fetch_sub(native_bytes(size), Ordering::Relaxed);
        }
    }

    #[inline]
    pub fn refund(&self, credit: Option<&Credit>, cost: Cost) {
        let excess = credit.map_or(cost, |credit| credit.put_within(cost));
        if excess != Cost::NONE {
            self.take_back(excess);
        }
    }

    /// Takes back a cost that is no longer in any thread's reserve.
    #[cold]
    pub fn take_back(&self, cost: Cost) {
        self.bytes.fetch_sub(cost.page_bytes(), Ordering::Relaxed);
        self.asked.fetch_sub(cost.request_bytes(), Ordering::Relaxed);
    }

    /// Returns the bytes charged for pages and for requests, with the threads' reserves.
    pub fn held_and_asked(&self) -> [usize; 2] {
        [&self.bytes, &self.asked].map(|sum| sum.load(Ordering::Relaxed))
    }

    /// Returns the bytes that live guarded objects hold, if `reserved` are the threads' reserves.
    pub fn live_bytes(&self, reserved: impl Iterator<Item = Cost>) -> usize {
        let reserved: usize = reserved.map(Cost::page_bytes).sum();
        self.bytes.load(Ordering::Relaxed).saturating_sub(reserved)
    }

    /// Returns the bytes that all live objects would take natively, if `reserved` are the threads' reserves.
    pub fn asked_bytes(&self, reserved: impl Iterator<Item = Cost>) -> usize {
        let reserved: usize = reserved.map(Cost::request_bytes).sum();
        self.asked.load(Ordering::Relaxed).saturating_sub(reserved)
    }

    /// Charges kernel mappings. Does not touch the sum, which all threads share, if there is nothing to charge.
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

    /// Charges mappings for something that saves memory; `cost` may be negative. Returns false if less than half of the
    /// mappings would be left for objects.
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

/// Takes `cost` out of a thread's reserve. Returns false if the reserve is too small.
#[inline]
fn takes(credit: Option<&Credit>, cost: Cost) -> bool {
    credit.is_some_and(|credit| credit.take(cost))
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::iter::empty;

    /// Makes a budget of the given size, even if the test runs in a memory control group.
    fn budget(guarded: usize, most_mappings: usize) -> Budget {
        Budget::new(Shares { guarded, kept: 0, is_default: false }, most_mappings, 0)
    }

    #[test]
    fn what_is_refunded_can_be_charged_again() {
        let budget = budget(8192, 4);
        let page = Cost::of_pages(4096).with(Cost::of_request(100));
        assert_eq!(budget.charge(None, page), Ok(()));
        assert_eq!(budget.charge(None, page), Ok(()));
        assert_eq!(budget.charge(None, page), Err(Reason::Budget));
        budget.refund(None, page);
        assert_eq!(budget.charge(None, page), Ok(()));
        assert_eq!((budget.live_bytes(empty()), budget.asked_bytes(empty())), (8192, 2 * 112));
    }

    #[test]
    fn a_thread_takes_more_than_it_needs_while_there_is_plenty() {
        let (budget, credit) = (budget(1 << 30, 4), Credit(OwnWord::new(0)));
        let credit = Some(&credit);
        let page = Cost::of_pages(4096).with(Cost::of_request(4096));
        assert_eq!(budget.charge(credit, page), Ok(()));
        let shared = || [&budget.bytes, &budget.asked].map(|sum| sum.load(Ordering::Relaxed));
        let charged = shared();
        assert!(charged.iter().all(|&sum| sum > 4200), "{charged:?}");
        assert_eq!(budget.charge(credit, page), Ok(()));
        assert_eq!(shared(), charged);
        for _ in 0..100 {
            assert_eq!(budget.charge(credit, page), Ok(()));
        }
        for _ in 0..102 {
            budget.refund(credit, page);
        }
        // No more than two reserves stay with the thread.
        assert!(shared().iter().all(|&sum| sum <= 3 << 16), "{:?}", shared());
        budget.take_back(credit.map_or(Cost::NONE, Credit::empty));
        assert_eq!(shared(), [0, 0]);
    }

    #[test]
    fn large_requests_are_charged_to_all() {
        let budget = budget(0, 4);
        for size in [10, 5000, MOST_RESERVED, MOST_RESERVED + 1, 200_000] {
            assert_eq!(budget.charge_size(None, size), Ok(()));
            assert_eq!(budget.asked_bytes(empty()), native_bytes(size));
            budget.refund_size(None, size);
            assert_eq!(budget.asked_bytes(empty()), 0);
        }
        budget.charge_size_anyhow(5000);
        budget.refund_size(None, 5000);
        assert_eq!(budget.asked_bytes(empty()), 0);
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

    #[test]
    fn requests_cost_what_they_take_natively() {
        let cases = [(0, 32), (24, 32), (25, 48), (100, 112), (131_071, 131_088)];
        assert_eq!(cases.map(|(size, _)| native_bytes(size)), cases.map(|(_, bytes)| bytes));
        assert_eq!(native_bytes(131_072), 131_072 + 4096);
        assert_eq!(native_bytes(usize::MAX), usize::MAX & !4095);
    }

    #[test]
    fn both_parts_of_a_cost_must_be_there() {
        let cost = |pages: usize, units: usize| Cost((pages as u64) << 32 | units as u64);
        assert_eq!(cost(5, 10).less(cost(2, 10)), Some(cost(3, 0)));
        assert_eq!(cost(5, 10).less(cost(2, 11)), None);
        assert_eq!(cost(5, 10).less(cost(6, 1)), None);
        assert_eq!(cost(0, 0).less(cost(0, 0)), Some(Cost::NONE));
        assert_eq!(cost(31, 8191).excess(), Cost::NONE);
        assert_eq!(cost(32, 8191).excess(), cost(16, 0));
        assert_eq!(cost(31, 8192).excess(), cost(0, 4096));
        assert_eq!(cost(900, 90_000).excess(), Cost::RESERVE);
    }
}
