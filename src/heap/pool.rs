//! Slots of a few sizes, found from an address by arithmetic.
//!
//! One reservation holds a range for each class. A range is one guard page, then slots side by side,
//! each of the class's data pages and one guard page: every slot has a guard on both sides. All ranges
//! but the last have the same power of two of bytes, so that the class of an address is found by a
//! shift. The last is that of the smallest slots, of which most programs need most, and has the rest.
//!
//! Slots are handed out once, in order, and never again: an address names one object for the life
//! of the process.

use super::class::{Class, STRETCH_ALIGN};
use super::slot::Slot;
use crate::sys::{Errno, PAGE_BYTES};
use core::sync::atomic::{AtomicBool, Ordering};

/// Data pages of each class. Larger objects get a range of their own (see [`super::large`]).
pub const CLASS_PAGES: [usize; 5] = [1, 2, 4, 8, 16];

/// The classes, side by side in one reservation.
pub struct Pool {
    base: usize,
    bytes: usize,
    /// Whether a class has given up addresses.
    is_cut: AtomicBool,
    /// Log2 of the bytes of each range but the last.
    shift: u32,
    classes: [Class; CLASS_PAGES.len()],
}

/// The class whose range comes last.
const LAST: usize = 0;

impl Pool {
    /// Lays the pool over `bytes` bytes of reserved address space at `base`.
    pub fn new(base: usize, bytes: usize) -> Result<Pool, Errno> {
        // Each class begins one page before a boundary, with the guard of its first slot. Where
        // space is short it is not spent on that.
        let roomy = bytes / CLASS_PAGES.len() > 2 * STRETCH_ALIGN;
        let align = if roomy { STRETCH_ALIGN } else { PAGE_BYTES };
        let first = (base + PAGE_BYTES).next_multiple_of(align) - PAGE_BYTES;
        let bytes = (base + bytes).saturating_sub(first) & !(align - 1);
        let shift = (bytes / CLASS_PAGES.len()).checked_ilog2().ok_or(Errno::ENOMEM)?;
        if 1 << shift < 32 * PAGE_BYTES {
            return Err(Errno::ENOMEM);
        }
        let class = |number| {
            let start = first + (Self::range_of(number) << shift);
            let end = if number == LAST { first + bytes } else { start + (1 << shift) };
            Class::new(number, start, end - start, CLASS_PAGES[number])
        };
        let classes = [class(0)?, class(1)?, class(2)?, class(3)?, class(4)?];
        Ok(Pool { base: first, bytes, is_cut: AtomicBool::new(false), shift, classes })
    }

    /// Which range is a class's, and which class's a range is: the other way round.
    #[inline]
    const fn range_of(number: usize) -> usize {
        CLASS_PAGES.len() - 1 - number
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
        let offset = address.wrapping_sub(self.base);
        offset < self.bytes
            && (!self.is_cut.load(Ordering::Relaxed) || self.class_at(offset).has(address))
    }

    /// Notes that a class is about to give up addresses.
    pub fn note_cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }

    /// The slot that `address` lies in, if it is in service.
    #[inline(always)]
    pub fn locate(&self, address: usize) -> Option<Slot<'_>> {
        // Most objects are in the smallest slots: by a stride that is known.
        let smallest = &self.classes[LAST];
        let offset = address.wrapping_sub(smallest.start());
        if let Some(slot) = smallest.slot(offset / ((CLASS_PAGES[LAST] + 1) * PAGE_BYTES)) {
            return Some(slot);
        }
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

    /// The class in whose range `address` lies.
    #[inline]
    pub fn class_of(&self, address: usize) -> Option<&Class> {
        let offset = address.wrapping_sub(self.base);
        (offset < self.bytes).then(|| self.class_at(offset))
    }

    /// The class in whose range the byte at `offset` in the pool lies; behind all, the last one.
    #[inline]
    pub fn class_at(&self, offset: usize) -> &Class {
        // The last range is as long as it is.
        let range = (offset >> self.shift).min(CLASS_PAGES.len() - 1);
        &self.classes[Self::range_of(range)]
    }

    /// See [`Lock::hold_for_fork`].
    pub fn hold_for_fork(&self) {
        self.classes.iter().for_each(Class::hold_for_fork);
    }

    /// # Safety
    /// See [`Lock::release_after_fork`].
    pub unsafe fn release_after_fork(&self) {
        for class in &self.classes {
            // SAFETY: this thread, or its image before the fork, holds what is released, as this function demands.
            unsafe { class.release_after_fork() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::room::Room;
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
                let range = pool.class(number).claim(backend, &Room::new(usize::MAX), 3).unwrap();
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
        let bytes = CLASS_PAGES.len() * STRETCH_ALIGN;
        let pool = Pool::new(memory::reserve(bytes).unwrap(), bytes).unwrap();
        let backend = trial_backends().next().unwrap();
        let mut slots = 0;
        while let Ok(range) = pool.class(1).claim(backend, &Room::new(usize::MAX), 2) {
            slots += range.len();
        }
        // 512 pages: one guard, then slots of three pages.
        assert_eq!(slots, 170);
    }

    #[test]
    fn threads_never_share_a_slot() {
        let pool = pool();
        let backend = trial_backends().next().unwrap();
        let mut all: Vec<usize> = std::thread::scope(|scope| {
            let claim = || {
                (0..200)
                    .flat_map(|_| pool.class(0).claim(backend, &Room::new(usize::MAX), 8).unwrap())
                    .collect::<Vec<_>>()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(claim)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(all.len(), 6400);
    }
}
