//! Freed objects of a thread that wait to be revoked together, by `revocation`.

use super::slot::{Freeing, Home};
use super::stock::SlotStack;

/// The most objects that wait in one thread; the upper limit of the option `revoke`.
pub const MOST_WAITING: usize = 512;

/// What a thread has freed, by class and index.
pub struct Quarantine(SlotStack<MOST_WAITING>);

/// Packs the class and the index of a slot into one number.
fn pack(class: usize, index: usize) -> usize {
    class << 32 | index
}

fn unpack(number: usize) -> (usize, usize) {
    (number >> 32, number & 0xffff_ffff)
}

impl Quarantine {
    pub const fn new() -> Quarantine {
        Quarantine(SlotStack::new())
    }

    /// Whether the object may wait here.
    #[inline(always)]
    pub fn takes(&self, object: &Freeing<'_>) -> bool {
        object.slot().home != Home::Large && object.snapshot().size > 0 && self.0.has_room()
    }

    /// Adds the slot `index` of class `class`. Returns false if there is no room.
    pub fn push(&self, class: usize, index: usize) -> bool {
        self.0.push(pack(class, index))
    }

    /// Takes out the class and the index of one that waits.
    pub fn pop(&self) -> Option<(usize, usize)> {
        self.0.pop().map(unpack)
    }

    /// Returns how many wait.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_names_class_and_index() {
        for (class, index) in [(0, 0), (3, 0xffff_ffff), (1, 7)] {
            assert_eq!(unpack(pack(class, index)), (class, index));
        }
    }
}
