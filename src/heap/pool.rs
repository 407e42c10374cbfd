//! Slots of a few sizes, found from an address by arithmetic.
//!
//! One reservation holds a range for each class. A range is one guard page, then slots side by side,
//! each of the class's data pages and one guard page: every slot has a guard on both sides.
//!
//! Slots are handed out once, in order, and never again: an address names one object for the life
//! of the process.

use super::record::Record;
use super::region::Region;
use super::slot::Slot;
use crate::pages::{PageProtection, PageRange};
use crate::sys::lock::Lock;
use crate::sys::{Errno, PAGE_BYTES};
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Data pages of each class. Larger objects get a range of their own (see [`super::large`]).
pub const CLASS_PAGES: [usize; 4] = [1, 2, 4, 8];

/// Pages taken into service at a time.
const STRETCH_PAGES: usize = 512;

/// Slots of one size.
pub struct Class {
    base: usize,
    data_pages: usize,
    capacity: usize,
    /// Slots handed out, possibly past `capacity`.
    claimed: AtomicUsize,
    /// Slots whose pages and records are in service; only grows.
    opened: AtomicUsize,
    opening: Lock<()>,
    records: Region<Record>,
}

impl Class {
    fn new(base: usize, bytes: usize, data_pages: usize) -> Result<Class, Errno> {
        // Slot numbers are 32 bits wide where threads keep them.
        let capacity = (bytes / PAGE_BYTES - 1) / (data_pages + 1);
        let capacity = capacity.min(u32::MAX as usize - 1);
        Ok(Class {
            base,
            data_pages,
            capacity,
            claimed: AtomicUsize::new(0),
            opened: AtomicUsize::new(0),
            opening: Lock::new(()),
            // SAFETY: a zeroed Record is Virgin; it has no drop glue.
            records: unsafe { Region::reserve(capacity)? },
        })
    }

    fn stride(&self) -> usize {
        (self.data_pages + 1) * PAGE_BYTES
    }

    /// Slot `index`, if it is in service.
    pub fn slot(&self, index: usize) -> Option<Slot<'_>> {
        if index >= self.opened.load(Ordering::Acquire) {
            return None;
        }
        let start = self.base + PAGE_BYTES + index * self.stride();
        let record = self.records.get(index)?;
        Some(Slot { record, data: PageRange::new(start, self.data_pages) })
    }

    /// Takes up to `count` fresh slots for the caller alone.
    pub fn claim(&self, pages: &dyn PageProtection, count: usize) -> Result<Range<usize>, Errno> {
        // Checked first so that the counter does not run on once the class is spent.
        if self.is_spent() {
            return Err(Errno::ENOMEM);
        }
        let start = self.claimed.fetch_add(count, Ordering::Relaxed);
        let end = (start + count).min(self.capacity);
        if start >= end {
            return Err(Errno::ENOMEM);
        }
        self.open(pages, end)?;
        Ok(start..end)
    }

    /// Takes slots into service until the first `count` are.
    fn open(&self, pages: &dyn PageProtection, count: usize) -> Result<(), Errno> {
        if count <= self.opened.load(Ordering::Acquire) {
            return Ok(());
        }
        let _opening = self.opening.lock();
        let opened = self.opened.load(Ordering::Acquire);
        let step = (STRETCH_PAGES / (self.data_pages + 1)).max(1);
        let wanted = count.next_multiple_of(step).min(self.capacity);
        if wanted > opened {
            self.records.ensure(wanted)?;
            let start = self.base + PAGE_BYTES + opened * self.stride();
            let stretch = PageRange::new(start, (wanted - opened) * (self.data_pages + 1));
            // SAFETY: the stretch follows what is in service, inside the class's own range.
            unsafe { pages.open(stretch) }?;
            self.opened.store(wanted, Ordering::Release);
        }
        Ok(())
    }

    /// Number of the slot whose stride holds `address`, which must lie in the class's range.
    fn index_of(&self, address: usize) -> Option<usize> {
        Some(address.checked_sub(self.base + PAGE_BYTES)? / self.stride())
    }

    /// Whether all slots have been handed out.
    pub fn is_spent(&self) -> bool {
        self.claimed.load(Ordering::Relaxed) >= self.capacity
    }

    /// Slots handed out so far.
    pub fn claimed(&self) -> usize {
        self.claimed.load(Ordering::Relaxed).min(self.capacity)
    }
}

/// The classes, side by side in one reservation.
pub struct Pool {
    base: usize,
    class_bytes: usize,
    classes: [Class; CLASS_PAGES.len()],
}

impl Pool {
    /// Lays the pool over `bytes` bytes of reserved address space at `base`.
    pub fn new(base: usize, bytes: usize) -> Result<Pool, Errno> {
        let class_bytes = (bytes / CLASS_PAGES.len()) & !(PAGE_BYTES - 1);
        let class = |i: usize| Class::new(base + i * class_bytes, class_bytes, CLASS_PAGES[i]);
        let classes = [class(0)?, class(1)?, class(2)?, class(3)?];
        Ok(Pool { base, class_bytes, classes })
    }

    /// Number of the smallest class whose slots hold `pages` pages.
    pub fn class_for(pages: usize) -> Option<usize> {
        CLASS_PAGES.iter().position(|&class_pages| pages <= class_pages)
    }

    pub fn class(&self, number: usize) -> &Class {
        &self.classes[number]
    }

    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// Whether `address` lies in the pool's address space.
    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.base) < self.class_bytes * CLASS_PAGES.len()
    }

    /// The slot that `address` lies in, if it is in service.
    pub fn locate(&self, address: usize) -> Option<Slot<'_>> {
        let class = self.class_of(address)?;
        class.slot(class.index_of(address)?)
    }

    /// The slot that `address` lies in and its two neighbours, as far as they are in service.
    pub fn neighbourhood(&self, address: usize) -> [Option<Slot<'_>>; 3] {
        let Some(class) = self.class_of(address) else {
            return [None; 3];
        };
        match class.index_of(address) {
            Some(index) => [
                index.checked_sub(1).and_then(|i| class.slot(i)),
                class.slot(index),
                class.slot(index + 1),
            ],
            // The guard before the first slot.
            None => [None, None, class.slot(0)],
        }
    }

    fn class_of(&self, address: usize) -> Option<&Class> {
        self.classes.get(address.checked_sub(self.base)? / self.class_bytes)
    }

    /// See [`Lock::hold_for_fork`].
    pub fn hold_for_fork(&self) {
        for class in &self.classes {
            class.opening.hold_for_fork();
            class.records.hold_for_fork();
        }
    }

    /// # Safety
    /// See [`Lock::release_after_fork`].
    pub unsafe fn release_after_fork(&self) {
        for class in &self.classes {
            // SAFETY: the caller's promise.
            unsafe {
                class.records.release_after_fork();
                class.opening.release_after_fork();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::trial_backends;
    use crate::sys::memory;

    const BYTES: usize = 1 << 30;

    fn pool() -> Pool {
        Pool::new(memory::reserve(BYTES).unwrap(), BYTES).unwrap()
    }

    #[test]
    fn every_address_of_a_slot_and_its_guard_finds_the_slot() {
        for backend in trial_backends() {
            let pool = pool();
            for (number, pages) in CLASS_PAGES.into_iter().enumerate() {
                let range = pool.class(number).claim(backend, 3).unwrap();
                assert_eq!(range, 0..3);
                let slot = pool.class(number).slot(1).unwrap();
                assert_eq!(slot.data.bytes(), pages * PAGE_BYTES);
                for address in [slot.data.start(), slot.data.end() - 1, slot.data.end()] {
                    let found = pool.locate(address).unwrap();
                    assert_eq!(found.data, slot.data);
                }
                assert_eq!(pool.locate(slot.end()).unwrap().data.start(), slot.end());
            }
        }
    }

    #[test]
    fn addresses_outside_are_not_located() {
        let pool = pool();
        assert!(!pool.contains(pool.base - 1) && pool.contains(pool.base));
        assert!(pool.locate(pool.base).is_none(), "the first guard belongs to no slot");
        assert!(pool.locate(pool.base + 5 * PAGE_BYTES).is_none(), "not in service");
        assert!(pool.locate(0).is_none() && pool.locate(usize::MAX).is_none());
    }

    #[test]
    fn a_spent_class_says_so() {
        let bytes = 64 * PAGE_BYTES;
        let pool = Pool::new(memory::reserve(bytes).unwrap(), bytes).unwrap();
        let backend = trial_backends().next().unwrap();
        let mut slots = 0;
        while let Ok(range) = pool.class(0).claim(backend, 2) {
            slots += range.len();
        }
        // 16 pages: one guard, then slots of two pages.
        assert_eq!(slots, 7);
    }

    #[test]
    fn threads_never_share_a_slot() {
        let pool = pool();
        let backend = trial_backends().next().unwrap();
        let mut all: Vec<usize> = std::thread::scope(|scope| {
            let claim = || {
                (0..200).flat_map(|_| pool.class(0).claim(backend, 8).unwrap()).collect::<Vec<_>>()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(claim)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(all.len(), 6400);
    }
}
