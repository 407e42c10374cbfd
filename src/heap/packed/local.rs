//! The packed slots that one thread keeps: those it may use next, and those it has freed and not passed on yet.
//!
//! A signal handler may allocate or free in the middle of any operation. Each takes or adds a slot in one step.

use super::super::stock::Batch;
use super::class::{CLASSES, Class, PackedSlot, number, plus_one};
use crate::sys::per_thread::OwnWord;

/// What a thread keeps of each class. All zeros is valid, and holds nothing.
pub struct Local([Kept; CLASSES]);

impl Local {
    pub const fn new() -> Local {
        Local(
            [const { Kept { fresh: Batch::new(), usable: OwnWord::new(0), freed: OwnWord::new(0) } };
                CLASSES],
        )
    }

    #[inline(always)]
    pub fn of(&self, class: usize) -> &Kept {
        &self.0[class]
    }
}

/// What a thread keeps of one class.
pub struct Kept {
    /// Slots that were never used.
    pub fresh: Batch,
    /// A chain of slots that were used before: in the low half its first slot; in the other one the number of changes,
    /// so that a handler that has changed the chain is noticed even if the first slot is the same again.
    usable: OwnWord,
    /// A chain of slots that wait: in the low half its first slot, in the other one their number.
    freed: OwnWord,
}

/// The word that counts in the upper half of the others.
const ONE: u64 = 1 << 32;

impl Kept {
    /// Takes a slot for an object.
    #[inline(always)]
    pub fn take(&self, class: &Class) -> Option<usize> {
        let mut word = self.usable.get();
        while let Some(first) = number(word as u32) {
            let rest = u64::from(plus_one(class.next(first)));
            match self.usable.exchange(word, (word & !(ONE - 1)).wrapping_add(ONE) | rest) {
                Ok(()) => {
                    // The next object will need it.
                    number(rest as u32)
                        .and_then(|next| class.slot(next))
                        .inspect(PackedSlot::prefetch);
                    return Some(first);
                }
                Err(now) => word = now,
            }
        }
        self.fresh.take()
    }

    /// Keeps a chain for later. Returns false if there is one already.
    pub fn keep(&self, first: Option<usize>) -> bool {
        let word = self.usable.get();
        let kept = (word & !(ONE - 1)).wrapping_add(ONE) | u64::from(plus_one(first));
        number(word as u32).is_none() && self.usable.exchange(word, kept).is_ok()
    }

    /// Adds slot `index` to those that wait. Returns how many there are.
    #[inline(always)]
    pub fn add_freed(&self, class: &Class, index: usize) -> usize {
        let mut word = self.freed.get();
        loop {
            class.set_next(index, number(word as u32));
            let longer = (word & !(ONE - 1)).wrapping_add(ONE) | u64::from(plus_one(Some(index)));
            match self.freed.exchange(word, longer) {
                Ok(()) => return (longer / ONE) as usize,
                Err(now) => word = now,
            }
        }
    }

    /// Takes the chain of those that wait.
    pub fn take_freed(&self) -> Option<usize> {
        number(self.freed.swap(0) as u32)
    }

    /// Takes the chain of usable slots.
    pub fn take_usable(&self) -> Option<usize> {
        number(self.usable.swap(0) as u32)
    }
}
