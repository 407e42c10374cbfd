//! Tests of the heap's parts together.

use super::budget::headroom::Shares;
use super::place::Placing;
use super::record::{Event, Family, ThreadId};
use super::release::{Deallocator, Release};
use super::tally::Reason;
use super::threads::{self, ThreadCache};
use super::{AllocationRequest, Config, Heap, give, stock};
use crate::options::Placement;
use crate::pages::{Outlook, PageProtection, PageRange};
use crate::sys::sandbox::Coming;
use crate::sys::{Errno, PAGE_BYTES, memory};
use crate::trace::TraceId;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The heap of a process lives as long as the process; those of tests make room for others.
impl Drop for Heap {
    fn drop(&mut self) {
        // What was given away may belong to another test's heap by now.
        for kept in give::kept(&self.spaces) {
            // SAFETY: nobody uses the heap any more.
            unsafe { memory::unmap(kept.start, kept.len()) }
        }
    }
}

const EVENT: Event = Event { thread: ThreadId(0), trace: TraceId::NONE };

/// A backend by page permissions. It moves pages by copying. While it refuses, it drops only some pages.
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
        // SAFETY: the caller promises that it owns the pages.
        unsafe { memory::commit(pages.start(), pages.bytes()) }
    }

    unsafe fn retire(&self, pages: PageRange) -> Result<(), Errno> {
        // Of each two pages it refuses one.
        let nth = self.dropped.fetch_add(1, Ordering::Relaxed);
        if self.refuses.load(Ordering::Relaxed) && nth.is_multiple_of(2) {
            return Err(Errno::ENOMEM);
        }
        // SAFETY: the caller promises that it owns the pages.
        unsafe { memory::revoke(pages.start(), pages.bytes()) }
    }

    fn can_recycle(&self) -> bool {
        true
    }

    unsafe fn recycle(&self, from: PageRange, to: PageRange) -> Result<(), Errno> {
        // SAFETY: the caller promises that it owns both ranges.
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
    let request = AllocationRequest { size: 32, align: 1, family: Family::Malloc, zeroed: false };
    let allocate = |()| heap.allocate(cache, request, || EVENT) as usize;
    let free =
        |object| heap.free(cache, object, Release::new(Deallocator::Free), || EVENT).unwrap();
    while stock::most_singles(cache.objects()) < 40 {
        free(allocate(()));
    }
    [(); 40].map(allocate).into_iter().for_each(free);
    assert_eq!((cache.ready().unwrap().singles(), heap.tally().total()), (40, 0));
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
        placing: Placing { placement: Placement::Right, seed: 0 },
        canary_bytes: 16,
        fill: None,
        free_fill: None,
        // The shared store may hold three of these pages.
        shares: Shares::of_user(63 * PAGE_BYTES),
        room_bytes: usize::MAX,
        max_mappings: 10_000,
        sample: 1,
        batch: 0,
        history_bytes: 1 << 20,
        waiting_bytes: 1 << 20,
    };
    let heap = Heap::new(pages, config).unwrap();
    // A thread that has nothing from another heap.
    let test = || threads::with_cache(|cache| fill_and_empty(&heap, cache, pages));
    std::thread::scope(|scope| scope.spawn(test).join().unwrap());
    // After the first refusal 37 pages were tried one by one.
    assert_eq!(heap.tally().get(Reason::NotRevoked), 18);
}
