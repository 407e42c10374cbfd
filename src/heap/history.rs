//! Which collapsed stretches keep their records: the latest ones, up to a budget.

use super::pool::STRETCH_RECORD_BYTES;
use crate::sys::lock::Lock;
use crate::sys::scope::RuntimeScope;
use std::collections::VecDeque;

/// A stretch of a class, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StretchId {
    pub class: u8,
    pub number: u32,
}

/// A queue of stretches, oldest first.
pub struct History {
    most: usize,
    queue: Lock<VecDeque<StretchId>>,
}

impl History {
    /// Makes a history that keeps the records of as many stretches as `bytes` hold.
    pub fn new(bytes: usize) -> History {
        History { most: bytes / STRETCH_RECORD_BYTES, queue: Lock::new(VecDeque::new()) }
    }

    /// Adds a stretch that has collapsed. Returns the one that must be forgotten in exchange.
    pub fn push(&self, stretch: StretchId) -> Option<StretchId> {
        // The queue grows in the private heap.
        let _scope = RuntimeScope::enter();
        let mut queue = self.queue.lock();
        if queue.try_reserve(1).is_err() {
            return Some(stretch);
        }
        queue.push_back(stretch);
        if queue.len() > self.most { queue.pop_front() } else { None }
    }

    /// See [`Lock::hold_for_fork`].
    pub fn hold_for_fork(&self) {
        self.queue.hold_for_fork();
    }

    /// # Safety
    /// See [`Lock::release_after_fork`].
    pub unsafe fn release_after_fork(&self) {
        // SAFETY: the caller promises that this thread, or the one that it is a copy of, called `hold_for_fork`.
        unsafe { self.queue.release_after_fork() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest_first() {
        let history = History::new(2 * STRETCH_RECORD_BYTES);
        let id = |number| StretchId { class: 0, number };
        assert_eq!((history.push(id(7)), history.push(id(3))), (None, None));
        assert_eq!(history.push(id(9)), Some(id(7)));
        assert_eq!(history.push(id(1)), Some(id(3)));
    }

    #[test]
    fn without_a_budget_forgets_at_once() {
        let id = StretchId { class: 1, number: 5 };
        assert_eq!(History::new(0).push(id), Some(id));
    }
}
