//! Packed objects by themselves.

use super::super::record::{Family, ThreadId};
use super::super::release::{Deallocator, Release};
use super::super::tally::Reason;
use super::super::threads::{self, ThreadCache};
use super::super::{Config, Heap};
use super::*;
use crate::pages::trial_backends;
use crate::trace::TraceId;

const EVENT: Event = Event { thread: ThreadId(7), trace: TraceId::NONE };

/// A heap of which each object is packed.
fn heap(waiting_bytes: usize) -> Heap {
    let backend = trial_backends().next().unwrap();
    Heap::new(backend, Config { waiting_bytes, ..Config::of_tests() }).unwrap()
}

/// Runs `test` with the cache of a thread that is enrolled.
fn with_thread(test: impl FnOnce(&ThreadCache) + Send) {
    let run = || {
        threads::enrol(None);
        threads::with_cache(test);
    };
    std::thread::scope(|scope| scope.spawn(run).join()).unwrap();
}

fn pack(heap: &Heap, cache: &ThreadCache, size: usize, align: usize) -> usize {
    let request = AllocationRequest { size, align, family: Family::Malloc, zeroed: false };
    let object = heap.allocate_unpaged(cache, request, EVENT, Reason::Unchosen) as usize;
    assert!(object != 0 && heap.is_packed(object) == (size < PAGE_BYTES && align < PAGE_BYTES));
    object
}

fn free(heap: &Heap, cache: &ThreadCache, object: usize) -> Result<(), BadCall> {
    heap.free(cache, object, Release::new(Deallocator::Free), || EVENT)
}

fn fill(object: usize, size: usize, byte: u8) {
    // SAFETY: tests fill only their own objects.
    unsafe { core::ptr::write_bytes(object as *mut u8, byte, size) }
}

#[test]
fn objects_of_all_sizes_are_aligned_apart_and_zero() {
    let heap = heap(0);
    with_thread(|cache| {
        let mut objects = Vec::new();
        for round in 0..3_u8 {
            for size in (0..600).chain([2000, 4095, 4096, 60_000]) {
                for align in [1, 16, 64, 2048, 4096] {
                    let object = pack(&heap, cache, size, align);
                    assert!(object.is_multiple_of(align.max(16)));
                    assert_eq!(heap.size_of(object), Ok(size));
                    // SAFETY: the object was just made.
                    let bytes = unsafe { core::slice::from_raw_parts(object as *const u8, size) };
                    assert!(!heap.is_packed(object) || bytes.iter().all(|&byte| byte == 0));
                    fill(object, size, round);
                    objects.push((object, size));
                }
            }
            let mut ranges: Vec<_> = objects.iter().map(|&(at, size)| at..at + size).collect();
            ranges.retain(|range| heap.is_packed(range.start));
            ranges.sort_by_key(|range| range.start);
            assert!(ranges.windows(2).all(|pair| pair[0].end + 8 <= pair[1].start));
            for (object, _) in objects.drain(..) {
                assert_eq!(free(&heap, cache, object), Ok(()));
            }
        }
        heap.give_back(cache).unwrap();
    });
}

#[test]
fn a_slot_is_used_again_only_after_the_wait_of_its_object() {
    for (waiting_bytes, is_reused) in [(0, true), (1 << 20, false)] {
        let heap = heap(waiting_bytes);
        with_thread(|cache| {
            let first = pack(&heap, cache, 100, 1);
            free(&heap, cache, first).unwrap();
            let again = (0..500).any(|_| {
                let object = pack(&heap, cache, 100, 1);
                free(&heap, cache, object).unwrap();
                object == first
            });
            assert_eq!(again, is_reused);
            heap.give_back(cache).unwrap();
        });
    }
}

#[test]
fn what_is_written_to_a_waiting_object_is_found_later() {
    let heap = heap(0);
    with_thread(|cache| {
        let stale = pack(&heap, cache, 50, 1);
        free(&heap, cache, stale).unwrap();
        assert_eq!(heap.damaged(None).count(), 0);
        fill(stale + 49, 1, 0);
        assert_eq!(heap.damaged(None).count(), 1);
        let found = (0..100).find_map(|_| free(&heap, cache, pack(&heap, cache, 50, 1)).err());
        let Some(BadCall::WrittenAfterFree(object, damage)) = found else { panic!("{found:?}") };
        assert_eq!((object.start, damage.address), (stale, stale + 49));
        heap.give_back(cache).unwrap();
    });
}

#[test]
fn bounds_and_states_are_exact() {
    let heap = heap(1 << 20);
    with_thread(|cache| {
        let object = pack(&heap, cache, 50, 1);
        assert_eq!(heap.room(object), Some(50));
        assert_eq!(heap.room(object + 50), Some(0));
        assert_eq!(heap.room(object + 51), None);
        assert_eq!(heap.room(object - 1), None);
        assert!(heap.contains(object) && !heap.guards(object) && !heap.has_pages(object));
        let inside = free(&heap, cache, object + 16);
        assert!(matches!(inside, Err(BadCall::NotAnObject(Some(o))) if o.start == object));
        free(&heap, cache, object).unwrap();
        assert_eq!(heap.room(object), None);
        let twice = free(&heap, cache, object);
        assert!(matches!(twice, Err(BadCall::DoubleFree(o)) if o.freed == Some(EVENT)));
        heap.give_back(cache).unwrap();
    });
}

#[test]
fn damage_on_each_side_is_found_at_free() {
    let heap = heap(1 << 20);
    with_thread(|cache| {
        for size in 0..300 {
            for at in [size as isize, size as isize + 7, -1, -16] {
                let object = pack(&heap, cache, size, 1);
                let address = object.wrapping_add_signed(at);
                fill(address, 1, 1);
                let freed = free(&heap, cache, object);
                let is_found = matches!(freed, Err(BadCall::Overwritten(o, damage))
                    if o.start == object && damage.address == address);
                assert!(is_found, "{size} {at}: {freed:?}");
            }
        }
        heap.give_back(cache).unwrap();
    });
}

#[test]
fn an_object_is_resized_in_its_slot_or_moves() {
    let heap = heap(1 << 20);
    with_thread(|cache| {
        let resize = |object, size| {
            let release = Release::new(Deallocator::Realloc);
            let unpaged = Some(Reason::Unchosen);
            let (new, checked) =
                heap.resize(cache, object, size, 1, release, EVENT, unpaged).unwrap();
            checked.unwrap();
            new as usize
        };
        let object = pack(&heap, cache, 25, 1);
        fill(object, 25, 3);
        assert_eq!(resize(object, 40), object);
        assert_eq!((heap.size_of(object), heap.room(object + 40)), (Ok(40), Some(0)));
        let moved = resize(object, 41);
        assert_ne!(moved, object);
        // SAFETY: the object has 41 bytes.
        let bytes = unsafe { core::slice::from_raw_parts(moved as *const u8, 41) };
        assert!(bytes[..25].iter().all(|&byte| byte == 3) && bytes[25..].iter().all(|&b| b == 0));
        assert!(matches!(free(&heap, cache, object), Err(BadCall::DoubleFree(_))));
        free(&heap, cache, moved).unwrap();
        // Its slot has room for a page, but packed objects have none.
        let large = resize(pack(&heap, cache, 4090, 1), 4096);
        assert!(!heap.is_packed(large));
        free(&heap, cache, large).unwrap();
        heap.give_back(cache).unwrap();
    });
}

#[test]
fn threads_pass_slots_on_and_of_racing_frees_one_wins() {
    let heap = heap(1 << 14);
    for _ in 0..4 {
        let objects: Vec<usize> = std::thread::scope(|scope| {
            let make = || {
                let mut made = Vec::new();
                threads::enrol(None);
                threads::with_cache(|cache| {
                    made.extend((0..5000).map(|n| pack(&heap, cache, n % 200, 1)));
                    heap.give_back(cache).unwrap();
                });
                made
            };
            let makers: Vec<_> = (0..2).map(|_| scope.spawn(make)).collect();
            makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect()
        });
        let distinct: std::collections::HashSet<_> = objects.iter().collect();
        assert_eq!(distinct.len(), objects.len());
        let freed: usize = std::thread::scope(|scope| {
            let end = || {
                threads::enrol(None);
                threads::with_cache(|cache| {
                    let freed = objects.iter().filter(|&&it| free(&heap, cache, it).is_ok());
                    let freed = freed.count();
                    heap.give_back(cache).unwrap();
                    freed
                })
            };
            let threads: Vec<_> = (0..2).map(|_| scope.spawn(end)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(freed, objects.len());
    }
    assert_eq!(heap.asked_bytes(), 0);
}

#[test]
fn an_ending_thread_gives_back_the_room_for_its_slots() {
    let heap = heap(0);
    with_thread(|cache| {
        let object = pack(&heap, cache, 10, 1);
        assert!(cache.packed_if_made().is_some());
        heap.give_back(cache).unwrap();
        assert!(cache.packed_if_made().is_none());
        // Nobody would give back more.
        let other = pack(&heap, cache, 10, 1);
        assert_ne!(object, other);
        free(&heap, cache, other).unwrap();
        assert!(cache.packed_if_made().is_none());
    });
}
