//! What threads have in stock, so that most allocations need no other thread: batches of virgin slots, and ready slots.
//!
//! A thread claims a *batch* of a whole page table at a time, so that threads do not wait for each other's page table
//! locks. A thread that has not allocated much gets only a part, cut from a batch that such threads share: each page
//! table, and each page of records, takes memory.
//!
//! A *ready* slot is virgin, but has the pages that its next object needs. They were moved there from freed objects,
//! and still hold those contents. Each thread keeps some, by number of pages. Of those with one page it passes surplus
//! ones, many at a time, to a store that all threads share: what one thread frees serves another thread, and a program
//! that shrinks and grows again. What does not fit there is dropped, many in one call.

use super::pool::CLASS_PAGES;
use crate::sys::PAGE_BYTES;
use crate::sys::lock::Lock;
use crate::sys::per_thread::OwnWord;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How many pages the slots of a batch span: those of one page table (2 MiB).
pub const BATCH_PAGES: usize = 512;

/// How many objects a thread allocates before it gets whole batches.
pub const FEW_OBJECTS: u64 = 64;

/// Until then a thread gets a batch divided by this.
pub const PARTS: usize = 16;

/// Packs the slots `next..end` of one class into one word.
fn pack(slots: &Range<usize>) -> u64 {
    (slots.start as u64) << 32 | slots.end as u64
}

/// Inverts [`pack`].
fn unpack(word: u64) -> Range<usize> {
    (word >> 32) as usize..word as u32 as usize
}

/// The slots of one thread. They are one word, so a signal handler that allocates in the middle of an allocation can't
/// get the same slot.
#[derive(Default)]
pub struct Batch(OwnWord);

impl Batch {
    pub const fn new() -> Batch {
        Batch(OwnWord::new(0))
    }

    /// Takes one slot.
    #[inline(always)]
    pub fn take(&self) -> Option<usize> {
        let mut word = self.0.get();
        loop {
            let Range { start, end } = unpack(word);
            if start >= end {
                return None;
            }
            match self.0.exchange(word, pack(&(start + 1..end))) {
                Ok(()) => return Some(start),
                Err(now) => word = now,
            }
        }
    }

    /// Replaces what is left by a fresh claim.
    pub fn refill(&self, slots: Range<usize>) {
        self.0.set(pack(&slots));
    }
}

/// The slots of one class from which threads get parts. Several words may hold rests of batches: threads that find
/// nothing at the same time claim a batch each.
#[derive(Default)]
pub struct SharedBatches([AtomicU64; 4]);

impl SharedBatches {
    /// Cuts off `count` slots, or as many as are left. If none are left, `claim` returns a whole batch to cut from.
    pub fn cut<E>(
        &self,
        count: usize,
        claim: impl FnOnce() -> Result<Range<usize>, E>,
    ) -> Result<Range<usize>, E> {
        if let Some(slots) = self.0.iter().find_map(|word| cut(word, count)) {
            return Ok(slots);
        }
        let slots = claim()?;
        let middle = slots.end.min(slots.start + count);
        let rest = middle..slots.end;
        // If there is no room for the rest, this thread gets it all.
        let is_shared = self.0.iter().any(|word| refill(word, &rest));
        Ok(if is_shared { slots.start..middle } else { slots })
    }
}

fn cut(word: &AtomicU64, count: usize) -> Option<Range<usize>> {
    let without = |slots: u64| {
        let Range { start, end } = unpack(slots);
        (start < end).then(|| pack(&(end.min(start + count)..end)))
    };
    let before = word.fetch_update(Ordering::Acquire, Ordering::Relaxed, without).ok()?;
    let Range { start, end } = unpack(before);
    Some(start..end.min(start + count))
}

/// Puts slots into an empty word. Returns false if it is not empty.
fn refill(word: &AtomicU64, slots: &Range<usize>) -> bool {
    let instead = |before| unpack(before).is_empty().then(|| pack(slots));
    word.fetch_update(Ordering::Release, Ordering::Relaxed, instead).is_ok()
}

/// The class of slots with one page.
const SINGLE: usize = 0;
const _: () = assert!(CLASS_PAGES[SINGLE] == 1);

/// The most slots with one page that a thread keeps.
const SINGLES: usize = 128;

/// A thread keeps one for every so many objects that it has allocated, as ready slots take memory.
const OBJECTS_PER_SINGLE: u64 = 32;

/// Returns how many slots with one page a thread keeps at most once it has allocated `objects` objects.
#[inline(always)]
pub fn most_singles(objects: u64) -> usize {
    SINGLES.min((1 + objects / OBJECTS_PER_SINGLE) as usize)
}

/// The most slots that a thread keeps for each larger number of pages.
const RUNS: usize = 8;

/// The most slots that a thread fetches from the shared store at a time: half of what it keeps.
pub const SHARED_TAKE: usize = SINGLES / 2;

/// The most pages of a ready slot.
pub const MOST_READY_PAGES: usize = CLASS_PAGES[CLASS_PAGES.len() - 1];

/// The most slots in the shared store, with 32 MiB.
const SHARED: usize = 8192;

/// The shared store holds at most the memory that live objects may hold, divided by this.
const SHARED_SHARE: usize = 16;

/// The slots that one thread has ready. All zeros is valid, and holds none.
pub struct ReadySlots {
    singles: SlotStack<SINGLES>,
    /// Those with two pages, three, and so on.
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

    /// Keeps a slot with `pages` pages. Returns false if there is no room.
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

    /// Returns how many there are with one page.
    pub fn singles(&self) -> usize {
        self.singles.len()
    }

    fn run(&self, pages: usize) -> Option<&SlotStack<RUNS>> {
        self.runs.get(pages.checked_sub(2)?)
    }
}

/// The store that all threads share: slots with one page. The oldest are taken first, so that none keeps its stretch
/// from collapsing for good.
pub struct SharedReady {
    ring: Lock<Ring>,
    /// How many there are, and for how many there is room. They show without the lock, which costs system calls, when
    /// it is not worth taking.
    len: AtomicUsize,
    most: usize,
}

struct Ring {
    numbers: Box<[u32]>,
    start: usize,
    len: usize,
}

impl SharedReady {
    /// Makes a store for its share of `budget_bytes`.
    pub fn new(budget_bytes: usize) -> SharedReady {
        let most = (budget_bytes / PAGE_BYTES / SHARED_SHARE).min(SHARED);
        let numbers = vec![0; most].into_boxed_slice();
        let ring = Lock::new(Ring { numbers, start: 0, len: 0 });
        SharedReady { ring, len: AtomicUsize::new(0), most }
    }

    /// Puts in as many slots as find room. Returns how many.
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

    /// Takes slots out. Returns how many.
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
        // SAFETY: the caller promises that `hold_for_fork` has taken the lock.
        unsafe { self.ring.release_after_fork() }
    }
}

/// The numbers of at most `N` slots that a thread sets aside. Zero is an empty place, so the numbers are stored plus
/// one.
///
/// A signal handler may allocate or free in the middle of either operation. Each takes or fills a place in one step and
/// moves `top` afterwards. So a handler in between may find a place wrongly empty or full: then the stack is less
/// useful for a moment, but no slot is taken twice.
pub struct SlotStack<const N: usize> {
    top: OwnWord,
    places: [OwnWord; N],
}

impl<const N: usize> SlotStack<N> {
    pub const fn new() -> Self {
        SlotStack { top: OwnWord::new(0), places: [const { OwnWord::new(0) }; N] }
    }

    /// Takes the slot that was set aside last: its page is most likely in the caches.
    #[inline]
    pub fn pop(&self) -> Option<usize> {
        let below = self.top.get().checked_sub(1)?;
        let number = self.places[below as usize].swap(0);
        self.top.set(below);
        number.checked_sub(1).map(|number| number as usize)
    }

    /// Keeps a slot. Returns false if there is no room.
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

    /// Returns how many slots there are.
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
    fn a_batch_gives_each_slot_once() {
        let batch = Batch::new();
        assert_eq!(batch.take(), None);
        batch.refill(5..7);
        assert_eq!([batch.take(), batch.take(), batch.take()], [Some(5), Some(6), None]);
    }

    #[test]
    fn shared_batches_are_cut_into_parts_and_claimed_when_nothing_is_left() {
        let shared = SharedBatches::default();
        let cut = |claimed: Result<Range<usize>, i32>| shared.cut(4, || claimed);
        assert_eq!(cut(Err(7)), Err(7));
        assert_eq!(cut(Ok(10..16)), Ok(10..14));
        assert_eq!(cut(Err(7)), Ok(14..16));
        // Other threads claim a batch while this one does, and the last one finds no room.
        let claim = |nth: usize| Ok::<_, i32>(100 * nth..100 * nth + 6);
        let mut others = Vec::new();
        let slots = shared.cut(4, || {
            others.extend((1..5).map(|nth| {
                let held = shared.0.each_ref().map(|word| word.swap(0, Ordering::Relaxed));
                let slots = shared.cut(4, || {
                    shared
                        .0
                        .iter()
                        .zip(held)
                        .for_each(|(word, held)| word.store(held, Ordering::Relaxed));
                    claim(nth)
                });
                slots.unwrap()
            }));
            claim(5)
        });
        assert_eq!(others, [100..104, 200..204, 300..304, 400..404]);
        assert_eq!(slots, Ok(500..506));
        assert_eq!(cut(Err(7)), Ok(104..106));
    }

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
