//! Slots that a thread sets aside.

use crate::sys::per_thread::OwnWord;

/// Numbers of slots that a thread sets aside, at most `N`. Zero is an empty place, so they are kept
/// plus one.
///
/// A signal handler may allocate or free in the middle of either operation. Each takes or fills a
/// place in one step and moves `top` after, so that a handler in between finds a place empty or
/// full that should not be: then the stack serves a little less, but no slot twice.
pub struct SlotStack<const N: usize> {
    top: OwnWord,
    places: [OwnWord; N],
}

impl<const N: usize> SlotStack<N> {
    pub const fn new() -> Self {
        SlotStack { top: OwnWord::new(0), places: [const { OwnWord::new(0) }; N] }
    }

    /// Takes the slot that was set aside last: its page is the warmest.
    #[inline]
    pub fn pop(&self) -> Option<usize> {
        let below = self.top.get().checked_sub(1)?;
        let number = self.places[below as usize].swap(0);
        self.top.set(below);
        number.checked_sub(1).map(|number| number as usize)
    }

    /// Keeps a slot; false when there is no room.
    #[inline]
    pub fn push(&self, number: usize) -> bool {
        let top = self.top.get();
        let Some(place) = self.places.get(top as usize) else { return false };
        if place.exchange(0, number as u64 + 1).is_err() {
            return false;
        }
        self.top.set(top + 1);
        true
    }

    /// How many slots there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.top.get() as usize
    }

    /// Whether [`SlotStack::push`] would find room.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.len() < N
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_back_last_first_and_no_more_than_fit() {
        let stack = SlotStack::<128>::new();
        assert_eq!(stack.pop(), None);
        let kept = (0..1000).take_while(|&slot| stack.push(slot)).count();
        assert_eq!(kept, 128);
        assert!(!stack.has_room());
        for slot in (0..kept).rev() {
            assert_eq!(stack.pop(), Some(slot));
        }
        assert_eq!(stack.pop(), None);
    }
}
