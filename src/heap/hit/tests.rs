//! Calls over objects on every backend.

use super::super::record::{Event, Family, ThreadId};
use super::super::release::{Deallocator, Release};
use super::super::threads::ThreadCache;
use super::super::{AllocationRequest, Config, Heap};
use super::*;
use crate::heap::give::Demand;
use crate::pages::{PageProtection, trial_backends};
use crate::sys::probe;
use crate::trace::TraceId;

const EVENT: Event = Event { thread: ThreadId(0), trace: TraceId::NONE };
const PAGE: usize = PAGE_BYTES;

fn heap(pages: &'static dyn PageProtection) -> Heap {
    Heap::new(pages, Config::of_tests()).unwrap()
}

fn allocate(heap: &Heap, cache: &ThreadCache, size: usize, align: usize) -> usize {
    let request = AllocationRequest { size, align, family: Family::Malloc, zeroed: false };
    heap.allocate(cache, request, || EVENT) as usize
}

fn free(heap: &Heap, cache: &ThreadCache, object: usize) {
    heap.free(cache, object, Release::new(Deallocator::Free), || EVENT).unwrap();
}

fn parts(heap: &Heap, mut pages: Range<usize>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    while let Some(part) = heap.program_pages().next_part(pages.clone()) {
        pages.start = part.end;
        parts.push(part);
    }
    parts
}

fn hit(heap: &Heap, pages: Range<usize>) -> Option<Hit> {
    match heap.program_pages().reach(&pages) {
        Reach::Object(hit) => Some(hit),
        _ => None,
    }
}

#[test]
fn what_is_not_an_objects_is_counted_on_both_sides() {
    for backend in trial_backends() {
        let (heap, cache) = (heap(backend), ThreadCache::new());
        for size in [3 * PAGE, 30 * PAGE] {
            let aligned = allocate(&heap, &cache, size, PAGE);
            let within = hit(&heap, aligned + PAGE..aligned + size).unwrap();
            assert!(within.is_within(), "{within:?}");
            let beyond = hit(&heap, aligned + PAGE..aligned + size + PAGE).unwrap();
            assert!(!beyond.is_within() && !beyond.reaches_another);
            assert_eq!((beyond.before, beyond.behind), (0, PAGE));
            let odd = allocate(&heap, &cache, size - 96, 16);
            let page = odd & !(PAGE - 1);
            let around = hit(&heap, page..page + size).unwrap();
            assert_eq!((around.before, around.behind), (odd - page, page + 96 - odd));
            free(&heap, &cache, odd);
            assert!(!hit(&heap, page..page + PAGE).unwrap().is_live());
            assert_eq!(hit(&heap, page + size..page + size + PAGE), None, "a guard");
        }
    }
}

#[test]
fn only_live_objects_and_what_is_outside_may_be_changed() {
    for backend in trial_backends() {
        let (heap, cache) = (heap(backend), ThreadCache::new());
        for size in [PAGE, 40 * PAGE] {
            let objects: Vec<usize> = (0..4).map(|_| allocate(&heap, &cache, size, PAGE)).collect();
            let (first, last) = (objects[0], objects[3] + size);
            free(&heap, &cache, objects[1]);
            let whole = |index: usize| objects[index]..objects[index] + size;
            assert_eq!(parts(&heap, first..last), [whole(0), whole(2), whole(3)]);
            assert!(hit(&heap, first..last).unwrap().reaches_another);
            assert!(!hit(&heap, first..objects[2]).unwrap().reaches_another);
            assert!(parts(&heap, objects[1]..objects[2]).is_empty());
        }
        let reserved = heap.reserved();
        let (below, above) = (reserved.start - PAGE, reserved.end + PAGE);
        let outside = below..reserved.start;
        assert_eq!(heap.program_pages().reach(&outside), Reach::Outside);
        assert_eq!(heap.program_pages().reach(&(below..above)), Reach::Elsewhere);
        let all = parts(&heap, below..above);
        assert_eq!((all.first(), all.last()), (Some(&outside), Some(&(reserved.end..above))));
        assert_eq!(all.len(), 2 + 2 * 3);
    }
}

#[test]
fn what_was_given_away_is_the_programs() {
    for backend in trial_backends() {
        let (heap, cache) = (heap(backend), ThreadCache::new());
        for size in [PAGE, 40 * PAGE] {
            let object = allocate(&heap, &cache, size, PAGE);
            let given = (object + (64 << 20)).next_multiple_of(1 << 20);
            assert!(parts(&heap, given..given + PAGE).is_empty());
            assert!(heap.give(given, given + PAGE, Demand::Exact));
            let pages = given..given + 5 * PAGE;
            assert_eq!(heap.program_pages().reach(&pages), Reach::Outside);
            assert_eq!(parts(&heap, given - PAGE..pages.end), [pages]);
        }
    }
}

#[test]
fn an_object_that_was_freed_meanwhile_faults_again() {
    for backend in trial_backends() {
        let (heap, cache) = (heap(backend), ThreadCache::new());
        for size in [PAGE, 40 * PAGE] {
            let object = allocate(&heap, &cache, size, PAGE);
            let pages = object..object + size;
            free(&heap, &cache, object);
            // As by an mprotect that began before.
            // SAFETY: nobody uses the pages any more.
            unsafe { memory::commit(pages.start, size) }.unwrap();
            heap.program_pages().settle(&pages);
            assert_eq!(probe::load(object), None, "{size} on {}", backend.name());
        }
    }
}
