//! Slots that are ready: virgin, but with the pages that their next object needs, which were moved
//! there from freed objects and still hold their contents.
//!
//! Each thread keeps some, by number of pages. Of those with one page it passes what it has too much
//! of, many at a time, to a store that all threads share: what one thread frees serves another, and a
//! program that shrinks and grows again. What does not fit there is dropped, many in one call.

use super::pool::CLASS_PAGES;
use super::slot::Slot;
use super::slot_stack::SlotStack;
use super::threads::ThreadCache;
use super::unguarded::Reason;
use super::{Counter, Heap, Place, place};
use crate::pages::{MOST_RANGES, PageRange};
use crate::sys::PAGE_BYTES;
use crate::sys::lock::Lock;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The class of slots with one page.
const SINGLE: usize = 0;
const _: () = assert!(CLASS_PAGES[SINGLE] == 1);

/// Most slots with one page that a thread keeps.
const SINGLES: usize = 128;

/// Most slots that a thread keeps for each larger number of pages.
const RUNS: usize = 8;

/// Most pages of a slot.
const MOST_PAGES: usize = CLASS_PAGES[CLASS_PAGES.len() - 1];

/// Most slots in the shared store: 32 MiB.
const SHARED: usize = 8192;

/// And no more than this share of the memory that live objects may hold.
const SHARED_SHARE: usize = 16;

/// The slots that one thread has ready. All zeros is a valid value, of none.
pub struct ReadySlots {
    singles: SlotStack<SINGLES>,
    /// With two pages, three, and so on.
    runs: [SlotStack<RUNS>; MOST_PAGES - 1],
}

impl ReadySlots {
    pub const fn new() -> ReadySlots {
        ReadySlots { singles: SlotStack::new(), runs: [const { SlotStack::new() }; MOST_PAGES - 1] }
    }

    /// The number of a slot with `pages` pages.
    #[inline(always)]
    fn pop(&self, pages: usize) -> Option<usize> {
        if pages == 1 { self.singles.pop() } else { self.run(pages)?.pop() }
    }

    #[inline(always)]
    fn push(&self, pages: usize, number: usize) -> bool {
        if pages == 1 {
            self.singles.push(number)
        } else {
            self.run(pages).is_some_and(|stack| stack.push(number))
        }
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

    /// Puts slots in; answers how many found room.
    fn put(&self, numbers: &[usize]) -> usize {
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

    /// Takes slots out; answers how many.
    fn take(&self, numbers: &mut [usize]) -> usize {
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
        // SAFETY: the caller's promise.
        unsafe { self.ring.release_after_fork() }
    }
}

impl Heap {
    /// A slot that this thread has ready for `size` bytes, and where they go in it: they are zeros.
    #[inline(always)]
    pub(super) fn take_ready(
        &self,
        cache: &ThreadCache,
        class: usize,
        size: usize,
        align: usize,
    ) -> Option<(Slot<'_>, Place)> {
        let index = cache.ready_if_made()?.pop(size.div_ceil(PAGE_BYTES))?;
        let slot = self.pool.class(class).slot(index)?;
        let place = self.place(&slot, size, align);
        let start = slot.data.start() + place.offset;
        // SAFETY: the slot is this thread's alone, and its pages accessible.
        unsafe { core::ptr::write_bytes(start as *mut u8, 0, size) };
        cache.count(Counter::Reuses);
        Some((slot, place))
    }

    /// Fetches slots from the shared store; whether there were any.
    pub(super) fn fetch_ready(&self, cache: &ThreadCache) -> bool {
        let mut numbers = [0; SINGLES / 2];
        let count = self.shared_ready.take(&mut numbers);
        for &number in &numbers[..count] {
            self.keep_ready(cache, 1, number);
        }
        count > 0
    }

    /// Whether a freed object's `pages` pages could be moved to a slot that this thread keeps;
    /// makes room if need be.
    #[inline(always)]
    pub(super) fn has_room_for_ready(&self, cache: &ThreadCache, pages: usize) -> bool {
        let Some(ready) = cache.ready() else { return false };
        if pages == 1 {
            if !ready.singles.has_room() {
                // A move and a share in one call for many cost less than a drop by itself.
                self.pass_on_ready(ready);
            }
            return true;
        }
        ready.run(pages).is_some_and(SlotStack::has_room)
    }

    /// The pages of a slot in which the next object of `count` pages will lie.
    #[inline(always)]
    pub(super) fn ready_pages(&self, slot: &Slot<'_>, count: usize) -> PageRange {
        if slot.data.bytes() == count * PAGE_BYTES {
            return slot.data;
        }
        match place::edge(self.config.placement, self.random(slot.data.start())) {
            place::Edge::Left => PageRange::new(slot.data.start(), count),
            place::Edge::Right => PageRange::new(slot.data.end() - count * PAGE_BYTES, count),
        }
    }

    /// Keeps a slot of this thread's with `pages` pages.
    #[inline(always)]
    pub(super) fn keep_ready(&self, cache: &ThreadCache, pages: usize, index: usize) {
        if !cache.ready().is_some_and(|ready| ready.push(pages, index)) {
            // A signal handler was faster, or the thread is ending; the pages are given back.
            self.drop_ready(pages, &[index]);
        }
    }

    /// Passes a part of what this thread has ready to the others, or drops it.
    #[inline(never)]
    fn pass_on_ready(&self, ready: &ReadySlots) {
        let mut numbers = [0; MOST_RANGES];
        let mut count = 0;
        while count < MOST_RANGES
            && let Some(index) = ready.singles.pop()
        {
            numbers[count] = index;
            count += 1;
        }
        let kept = self.shared_ready.put(&numbers[..count]);
        self.drop_ready(1, &numbers[kept..count]);
    }

    /// Gives up slots with `pages` pages that are this thread's: at most [`MOST_RANGES`].
    #[cold]
    #[inline(never)]
    fn drop_ready(&self, pages: usize, numbers: &[usize]) {
        let Some(class) = super::Pool::class_for(pages) else { return };
        let mut ranges = [PageRange::new(0, 1); MOST_RANGES];
        let mut count = 0;
        for &number in numbers {
            if let Some(slot) = self.pool.class(class).slot(number) {
                ranges[count] = self.ready_pages(&slot, pages);
                count += 1;
            }
        }
        if count == 0 {
            return;
        }
        // SAFETY: the slots are this thread's alone.
        let dropped = unsafe { self.pages.retire_all(&ranges[..count]) };
        for (&number, &pages) in numbers.iter().zip(&ranges[..count]) {
            // After an error some may be dropped all the same: each is tried by itself.
            // SAFETY: as above.
            match dropped.or_else(|_| unsafe { self.pages.retire(pages) }) {
                Ok(()) => self.count_done(class, number),
                Err(_) => self.tally().count(Reason::NotRevoked),
            }
        }
    }

    /// Gives up all that a thread has ready which ends.
    pub(super) fn give_back_ready(&self, cache: &ThreadCache) {
        let Some(ready) = cache.ready_if_made() else { return };
        while ready.singles.len() > 0 {
            self.pass_on_ready(ready);
        }
        for pages in 2..=MOST_PAGES {
            while let Some(index) = ready.pop(pages) {
                self.drop_ready(pages, &[index]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Event, Family, ThreadId};
    use super::super::release::{Deallocator, Release};
    use super::super::{Config, Request, threads};
    use super::*;
    use crate::options::Placement;
    use crate::pages::{Outlook, PageProtection};
    use crate::sys::sandbox::Coming;
    use crate::sys::{Errno, memory};
    use crate::trace::TraceId;
    use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    #[test]
    fn slots_are_kept_by_number_of_pages() {
        let ready = ReadySlots::new();
        for pages in 1..=MOST_PAGES {
            assert!(ready.push(pages, 100 + pages));
        }
        assert!(!ready.push(MOST_PAGES + 1, 0) && !ready.push(0, 0));
        for pages in 1..=MOST_PAGES {
            assert_eq!((ready.pop(pages), ready.pop(pages)), (Some(100 + pages), None));
        }
        assert_eq!((ready.pop(0), ready.pop(MOST_PAGES + 1)), (None, None));
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

    const EVENT: Event = Event { thread: ThreadId(0), trace: TraceId::NONE };

    /// Page permissions; moves pages by copying, and drops none while it refuses.
    struct Refusing {
        refuses: AtomicBool,
        dropped: AtomicUsize,
    }

    impl PageProtection for Refusing {
        fn name(&self) -> &'static str {
            "refusing"
        }

        unsafe fn open(&self, _: PageRange) -> Result<(), Errno> {
            Ok(())
        }

        unsafe fn populate(&self, pages: PageRange) -> Result<(), Errno> {
            // SAFETY: the caller owns the pages.
            unsafe { memory::commit(pages.start(), pages.bytes()) }
        }

        unsafe fn retire(&self, pages: PageRange) -> Result<(), Errno> {
            // Of two pages it refuses one.
            let nth = self.dropped.fetch_add(1, Ordering::Relaxed);
            if self.refuses.load(Ordering::Relaxed) && nth.is_multiple_of(2) {
                return Err(Errno::ENOMEM);
            }
            // SAFETY: the caller owns the pages.
            unsafe { memory::revoke(pages.start(), pages.bytes()) }
        }

        fn can_recycle(&self) -> bool {
            true
        }

        unsafe fn recycle(&self, from: PageRange, to: PageRange) -> Result<(), Errno> {
            // SAFETY: the caller owns both.
            unsafe {
                memory::commit(to.start(), to.bytes())?;
                let (source, target) = (from.start() as *const u8, to.start() as *mut u8);
                core::ptr::copy_nonoverlapping(source, target, from.bytes());
                memory::revoke(from.start(), from.bytes())
            }
        }

        fn mappings_per_slot(&self) -> usize {
            2
        }

        fn prepare_for(&self, _: &Coming) -> Outlook {
            Outlook::Lives
        }
    }

    fn fill_and_empty(heap: &Heap, cache: &ThreadCache, pages: &Refusing) {
        threads::current();
        let request = Request { size: 32, align: 1, family: Family::Malloc, zeroed: false };
        let objects = [(); 40].map(|()| heap.allocate(cache, request, || EVENT) as usize);
        for object in objects {
            heap.free(cache, object, Release::new(Deallocator::Free), || EVENT).unwrap();
        }
        assert_eq!((cache.ready().unwrap().singles.len(), heap.tally().total()), (40, 0));
        pages.refuses.store(true, Ordering::Relaxed);
        heap.give_back(cache).unwrap();
        assert!(cache.ready().is_none());
    }

    #[test]
    fn ready_slots_that_can_not_be_dropped_are_counted() {
        let pages: &'static Refusing = Box::leak(Box::new(Refusing {
            refuses: AtomicBool::new(false),
            dropped: AtomicUsize::new(0),
        }));
        let config = Config {
            placement: Placement::Right,
            seed: 0,
            canary_bytes: 16,
            fill: None,
            free_fill: None,
            // Of which the shared store may hold three pages.
            budget_bytes: 63 * PAGE_BYTES,
            room_bytes: usize::MAX,
            max_mappings: 10_000,
            sample: 1,
            batch: 0,
            history_bytes: 1 << 20,
        };
        let heap = Heap::new(pages, config).unwrap();
        // A thread without anything of another heap.
        let test = || threads::with_cache(|cache| fill_and_empty(&heap, cache, pages));
        std::thread::scope(|scope| scope.spawn(test).join().unwrap());
        // 37 were tried one by one after the first refusal.
        assert_eq!(heap.tally().get(Reason::NotRevoked), 18);
    }
}
