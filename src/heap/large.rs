//! Objects over a few pages: each gets its own range, which is populated as it is touched.
//!
//! Ranges are handed out in rising order, one guard page apart, and never again. So their table is sorted, and an
//! address is found by binary search, without a lock.

use super::place::{Edge, Place};
use super::record::Record;
use super::region::Region;
use super::slot::{FreshSlot, Home, Slot};
use crate::pages::PageRange;
use crate::sys::lock::Lock;
use crate::sys::{Errno, PAGE_BYTES, memory, round_up_to_page};
use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// How many ranges a process can use up.
const MAX_RANGES: usize = 1 << 26;

/// Bytes left free before the first range, so that an access that far before it is recognised.
const FRONT_BYTES: usize = 64 << 10;

/// How many ranges found last are remembered, and how many bytes of address space share an entry.
pub const FOUND: usize = 64;
pub const FOUND_BYTES: usize = 64 << 10;

/// The place of one range. Fixed before the range is counted.
pub struct LargeRange {
    start: AtomicUsize,
    pages: AtomicUsize,
    record: Record,
}

impl LargeRange {
    /// Byte offsets of two fields, for the assembler.
    pub const START_AT: usize = offset_of!(LargeRange, start);
    pub const RECORD_AT: usize = offset_of!(LargeRange, record);
}

/// The address space of large objects.
pub struct LargeSpace {
    base: usize,
    /// How many bytes there were at first, and how many are left.
    first_bytes: usize,
    bytes: AtomicUsize,
    ranges: Region<LargeRange>,
    /// All ranges below this index are fixed.
    count: AtomicUsize,
    /// The ranges found last, by bits of the address, as most are looked up again. Any value is valid.
    found: [AtomicU32; FOUND],
    /// The end of the last range and its guard, in bytes from `base`.
    used: Lock<usize>,
}

impl LargeSpace {
    /// Byte offsets, for the assembler: of the ranges' address, of the number that are fixed, and of the numbers found
    /// last.
    pub const RANGES_AT: usize = offset_of!(LargeSpace, ranges) + Region::<LargeRange>::BASE_AT;
    pub const COUNT_AT: usize = offset_of!(LargeSpace, count);
    pub const FOUND_AT: usize = offset_of!(LargeSpace, found);

    /// Makes a space of `bytes` bytes of reserved address space at `base`.
    pub fn new(base: usize, bytes: usize) -> Result<LargeSpace, Errno> {
        Ok(LargeSpace {
            base,
            first_bytes: bytes,
            bytes: AtomicUsize::new(bytes),
            // SAFETY: all fields are atomics, for which zero is valid, and need no drop.
            ranges: unsafe { Region::reserve(MAX_RANGES)? },
            count: AtomicUsize::new(0),
            found: [const { AtomicU32::new(0) }; FOUND],
            used: Lock::new(FRONT_BYTES),
        })
    }

    /// Claims a fresh, writable range for an object of `size` bytes aligned to `align`. Behind its pages the range has
    /// `spare` inaccessible bytes.
    pub fn claim(
        &self,
        edge: Edge,
        size: usize,
        align: usize,
        spare: usize,
    ) -> Result<FreshSlot<'_>, Errno> {
        let mut used = self.used.lock();
        let index = self.count.load(Ordering::Relaxed);
        self.ranges.ensure(index + 1)?;
        // An alignment above a page leaves no choice of edge.
        let start = (self.base + *used).next_multiple_of(align.max(PAGE_BYTES));
        let data_bytes = round_up_to_page(size.max(1));
        let all_bytes = data_bytes.checked_add(round_up_to_page(spare)).ok_or(Errno::ENOMEM)?;
        let end = (start - self.base).checked_add(all_bytes).ok_or(Errno::ENOMEM)?;
        if end.saturating_add(PAGE_BYTES) > self.bytes() {
            return Err(Errno::ENOMEM);
        }
        // SAFETY: the range is behind all others, in our own reservation.
        unsafe { memory::commit(start, data_bytes) }?;
        let range = self.ranges.get(index).ok_or(Errno::ENOMEM)?;
        range.start.store(start, Ordering::Relaxed);
        range.pages.store(all_bytes / PAGE_BYTES, Ordering::Relaxed);
        *used = end + PAGE_BYTES;
        self.count.store(index + 1, Ordering::Release);
        let offset = match edge {
            Edge::Right if align <= PAGE_BYTES => (data_bytes - size) & !(align - 1),
            _ => 0,
        };
        let data = PageRange::new(start, all_bytes / PAGE_BYTES);
        let slot = Slot { record: &range.record, data, home: Home::Large };
        Ok(FreshSlot::new(slot, Place { offset, size }))
    }

    /// Makes a range fault for good, and drops its memory.
    ///
    /// # Safety
    /// The caller must own the object in it, to free it.
    pub unsafe fn retire(&self, slot: Slot<'_>) -> Result<(), Errno> {
        // SAFETY: the range is in our reservation, and the caller promises to own its object.
        unsafe { memory::revoke(slot.data.start(), slot.data.bytes()) }
    }

    #[inline]
    fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns all addresses that the space had at first.
    pub fn whole(&self) -> core::ops::Range<usize> {
        self.base..self.base + self.first_bytes
    }

    /// Returns the addresses behind all ranges.
    pub fn unused(&self) -> core::ops::Range<usize> {
        self.base + *self.used.lock()..self.base + self.bytes()
    }

    /// The same without a lock, for the fault handler. A range that another thread is making counts as unused.
    pub fn not_handed_out(&self) -> core::ops::Range<usize> {
        let last = self.count().checked_sub(1).and_then(|index| self.slot(index));
        last.map_or(self.base, |last| last.end())..self.base + self.bytes()
    }

    /// Gives up the addresses from `from` on. Returns false if a range lies there.
    pub fn give_up(&self, from: usize) -> bool {
        let used = self.used.lock();
        let is_unused = from >= self.base + *used;
        if is_unused {
            self.bytes.fetch_min(from - self.base, Ordering::Relaxed);
        }
        is_unused
    }

    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.base) < self.bytes()
    }

    /// Returns range `index`, if it was handed out.
    pub fn slot(&self, index: usize) -> Option<Slot<'_>> {
        if index >= self.count.load(Ordering::Acquire) {
            return None;
        }
        let range = self.ranges.get(index)?;
        let start = range.start.load(Ordering::Relaxed);
        let data = PageRange::new(start, range.pages.load(Ordering::Relaxed));
        Some(Slot { record: &range.record, data, home: Home::Large })
    }

    /// Whether `size` more bytes do not fit.
    pub fn is_spent(&self, size: usize) -> bool {
        let rest = self.bytes().saturating_sub(*self.used.lock());
        size.saturating_add(2 * PAGE_BYTES) > rest || self.count() >= MAX_RANGES
    }

    /// Returns how many ranges were handed out.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Returns the number of the last range that starts at or below `address`.
    pub fn index_below(&self, address: usize) -> Option<usize> {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = (low + high) / 2;
            if self.slot(middle)?.data.start() <= address {
                low = middle + 1
            } else {
                high = middle
            }
        }
        low.checked_sub(1)
    }

    /// Returns the range that `address` lies in; the range includes its guard.
    #[inline(never)]
    pub fn locate(&self, address: usize) -> Option<Slot<'_>> {
        let found = &self.found[address / FOUND_BYTES % FOUND];
        if let Some(slot) = self.slot(found.load(Ordering::Relaxed) as usize)
            && (slot.data.start()..slot.end()).contains(&address)
        {
            return Some(slot);
        }
        let index = self.index_below(address)?;
        let slot = self.slot(index)?;
        if address >= slot.end() {
            return None;
        }
        found.store(index as u32, Ordering::Relaxed);
        Some(slot)
    }

    /// Whether `address` lies in a range, or in its guard, that was handed out: no other will be there.
    pub fn is_handed_out(&self, address: usize) -> bool {
        let last = self.count().checked_sub(1).and_then(|index| self.slot(index));
        address >= self.base && last.is_some_and(|last| address < last.end())
    }

    /// Returns the ranges before, at and behind `address`.
    pub fn neighbourhood(&self, address: usize) -> [Option<Slot<'_>>; 3] {
        match self.index_below(address) {
            Some(i) => {
                [i.checked_sub(1).and_then(|i| self.slot(i)), self.slot(i), self.slot(i + 1)]
            }
            None => [None, None, self.slot(0)],
        }
    }

    /// See [`Lock::hold_for_fork`].
    pub fn hold_for_fork(&self) {
        self.used.hold_for_fork();
        self.ranges.hold_for_fork();
    }

    /// # Safety
    /// See [`Lock::release_after_fork`].
    pub unsafe fn release_after_fork(&self) {
        // SAFETY: the caller promises that this thread, or the one that it is a copy of, called `hold_for_fork`.
        unsafe {
            self.ranges.release_after_fork();
            self.used.release_after_fork();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::probe;

    fn space(bytes: usize) -> LargeSpace {
        probe::install_test_handler();
        LargeSpace::new(memory::reserve(bytes).unwrap(), bytes).unwrap()
    }

    #[test]
    fn finds_ranges_by_any_address_in_them() {
        let space = space(1 << 30);
        let starts: Vec<usize> = (0..100)
            .map(|i| {
                let _fresh = space.claim(Edge::Right, 40_000 + i * 5000, 16, 0).unwrap();
                space.slot(i).unwrap().data.start()
            })
            .collect();
        for (i, &start) in starts.iter().enumerate() {
            let slot = space.slot(i).unwrap();
            assert_eq!(slot.data.start(), start);
            for address in [start, slot.data.end() - 1, slot.data.end()] {
                assert_eq!(space.locate(address).unwrap().data.start(), start);
            }
        }
        assert!(space.locate(starts[0] - 1).is_none());
        let last = space.slot(99).unwrap();
        assert!(space.locate(last.end()).is_none());
    }

    #[test]
    fn has_guards_on_both_sides_and_faults_when_retired() {
        let space = space(1 << 30);
        let fresh = space.claim(Edge::Right, 100_000, 16, 0).unwrap();
        let slot = space.slot(0).unwrap();
        assert_eq!(fresh.address() + 100_000, slot.data.end());
        assert_eq!(probe::load(slot.data.end() - 8), Some(0));
        assert_eq!(probe::load(slot.data.end()), None);
        assert_eq!(probe::load(slot.data.start() - 8), None);
        // SAFETY: only this test uses the range.
        unsafe { space.retire(slot) }.unwrap();
        assert_eq!(probe::load(slot.data.start()), None);
    }

    #[test]
    fn aligns_beyond_a_page() {
        let space = space(1 << 30);
        let fresh = space.claim(Edge::Right, 100, 1 << 20, 0).unwrap();
        assert!(fresh.address().is_multiple_of(1 << 20));
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let space = space(1 << 20);
        assert!(space.claim(Edge::Left, 2 << 20, 16, 0).is_err());
        assert!(space.claim(Edge::Left, isize::MAX as usize, 16, 0).is_err());
        assert!(space.claim(Edge::Left, 1000, 16, 0).is_ok());
    }
}
