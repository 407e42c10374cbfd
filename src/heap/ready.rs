//! Slots that are ready: virgin, but with the pages that their next object needs, which were moved
//! there from freed objects and still hold their contents.
//!
//! Each thread keeps some, by number of pages. Of those with one page it passes what it has too much
//! of, many at a time, to a store that all threads share: what one thread frees serves another, and a
//! program that shrinks and grows again. What does not fit there is dropped, many in one call.

use super::pool::CLASS_PAGES;
use crate::sys::PAGE_BYTES;
use crate::sys::lock::Lock;
use crate::sys::per_thread::OwnWord;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The class of slots with one page.
const SINGLE: usize = 0;
const _: () = assert!(CLASS_PAGES[SINGLE] == 1);

/// Most slots with one page that a thread keeps.
const SINGLES: usize = 128;

/// For every so many objects that it has allocated a thread keeps one: what is ready takes memory.
const OBJECTS_PER_SINGLE: u64 = 32;

/// Most slots with one page that a thread keeps which has allocated `objects` objects.
#[inline(always)]
pub fn most_singles(objects: u64) -> usize {
    SINGLES.min((1 + objects / OBJECTS_PER_SINGLE) as usize)
}

/// Most slots that a thread keeps for each larger number of pages.
const RUNS: usize = 8;

/// Most that a thread fetches from the shared store at a time: half of what it keeps.
pub const SHARED_TAKE: usize = SINGLES / 2;

/// Most pages of a ready slot.
pub const MOST_READY_PAGES: usize = CLASS_PAGES[CLASS_PAGES.len() - 1];

/// Most slots in the shared store: 32 MiB.
const SHARED: usize = 8192;

/// And no more than this share of the memory that live objects may hold.
const SHARED_SHARE: usize = 16;

/// The slots that one thread has ready. All zeros is a valid value, of none.
pub struct ReadySlots {
    singles: SlotStack<SINGLES>,
    /// With two pages, three, and so on.
    runs: [SlotStack<RUNS>; MOST_READY_PAGES - 1],
}

impl ReadySlots {
    pub const fn new() -> ReadySlots {
        ReadySlots {
            singles: SlotStack::new(),
            runs: [const { SlotStack::new() }; MOST_READY_PAGES - 1],
        }
    }

    /// Takes the number of a slot with `pages` pages.
    #[inline(always)]
    pub fn pop(&self, pages: usize) -> Option<usize> {
        if pages == 1 { self.singles.pop() } else { self.run(pages)?.pop() }
    }

    /// Keeps a slot with `pages` pages; false when there is no room.
    #[inline(always)]
    pub fn push(&self, pages: usize, number: usize) -> bool {
        if pages == 1 {
            self.singles.push(number)
        } else {
            self.run(pages).is_some_and(|stack| stack.push(number))
        }
    }

    /// Whether [`ReadySlots::push`] would find room.
    #[inline(always)]
    pub fn has_room(&self, pages: usize) -> bool {
        if pages == 1 {
            self.singles.has_room()
        } else {
            self.run(pages).is_some_and(SlotStack::has_room)
        }
    }

    /// How many there are with one page.
    pub fn singles(&self) -> usize {
        self.singles.len()
    }

    fn run(&self, pages: usize) -> Option<&SlotStack<RUNS>> {
        self.runs.get(pages.checked_sub(2)?)
    }
}

/// The store that all threads share: slots with one page, the oldest first, so that none holds back
/// its stretch for good.
pub struct SharedReady {
    ring: Lock<Ring>,
    /// How many there are, and room for how many: to see without the lock, which costs system calls,
    /// that it is not worth taking.
    len: AtomicUsize,
    most: usize,
}

struct Ring {
    numbers: Box<[u32]>,
    start: usize,
    len: usize,
}

impl SharedReady {
    /// A store for the share of `budget_bytes` that it may hold.
    pub fn new(budget_bytes: usize) -> SharedReady {
        let most = (budget_bytes / PAGE_BYTES / SHARED_SHARE).min(SHARED);
        let numbers = vec![0; most].into_boxed_slice();
        let ring = Lock::new(Ring { numbers, start: 0, len: 0 });
        SharedReady { ring, len: AtomicUsize::new(0), most }
    }

    /// Puts slots in, as many as find room; returns how many.
    pub fn put(&self, numbers: &[usize]) -> usize {
        if self.len.load(Ordering::Relaxed) == self.most {
            return 0;
        }
        let mut ring = self.ring.lock();
        let count = numbers.len().min(self.most - ring.len);
        for &number in &numbers[..count] {
            let at = (ring.start + ring.len) % ring.numbers.len();
            ring.numbers[at] = number as u32;
            ring.len += 1;
        }
        self.len.store(ring.len, Ordering::Relaxed);
        count
    }

    /// Takes slots out; returns how many.
    pub fn take(&self, numbers: &mut [usize]) -> usize {
        if self.len.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        let mut ring = self.ring.lock();
        let count = numbers.len().min(ring.len);
        for number in &mut numbers[..count] {
            *number = ring.numbers[ring.start] as usize;
            ring.start = (ring.start + 1) % ring.numbers.len();
            ring.len -= 1;
        }
        self.len.store(ring.len, Ordering::Relaxed);
        count
    }

    /// See [`Lock::hold_for_fork`].
    pub fn hold_for_fork(&self) {
        self.ring.hold_for_fork();
    }

    /// # Safety
    /// See [`Lock::release_after_fork`].
    pub unsafe fn release_after_fork(&self) {
        // SAFETY: the caller holds the lock for the fork, as this function demands.
        unsafe { self.ring.release_after_fork() }
    }
}

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

    #[test]
    fn slots_are_kept_by_number_of_pages() {
        let ready = ReadySlots::new();
        for pages in 1..=MOST_READY_PAGES {
            assert!(ready.push(pages, 100 + pages));
        }
        assert!(!ready.push(MOST_READY_PAGES + 1, 0) && !ready.push(0, 0));
        for pages in 1..=MOST_READY_PAGES {
            assert_eq!((ready.pop(pages), ready.pop(pages)), (Some(100 + pages), None));
        }
        assert_eq!((ready.pop(0), ready.pop(MOST_READY_PAGES + 1)), (None, None));
    }

    #[test]
    fn the_shared_store_gives_the_oldest_first_and_keeps_to_its_size() {
        let shared = SharedReady::new(5 * SHARED_SHARE * PAGE_BYTES);
        assert_eq!(shared.put(&[1, 2, 3]), 3);
        assert_eq!(shared.put(&[4, 5, 6, 7]), 2);
        let mut out = [0; 4];
        assert_eq!((shared.take(&mut out), out), (4, [1, 2, 3, 4]));
        assert_eq!(shared.put(&[8, 9]), 2);
        assert_eq!((shared.take(&mut out), out[..3].to_vec()), (3, vec![5, 8, 9]));
        assert_eq!(shared.take(&mut out), 0);
        assert_eq!(SharedReady::new(0).put(&[1]), 0);
    }
}
