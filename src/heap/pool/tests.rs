//! Tests of the pool and its classes.

use super::*;
use crate::pages::trial_backends;

const BYTES: usize = 1 << 30;

fn pool() -> Pool {
    Pool::new(memory::reserve(BYTES).unwrap(), BYTES).unwrap()
}

#[test]
fn every_address_of_a_slot_and_its_guard_finds_the_slot() {
    for backend in trial_backends() {
        let pool = pool();
        for (number, pages) in CLASS_PAGES.into_iter().enumerate() {
            let range = pool.class(number).claim(backend, &Room::new(usize::MAX), 3).unwrap();
            assert_eq!(range, 0..3);
            let slot = pool.class(number).slot(1).unwrap();
            assert_eq!(slot.data.bytes(), pages * PAGE_BYTES);
            for address in [slot.data.start(), slot.data.end() - 1, slot.data.end()] {
                let found = pool.locate(address).unwrap();
                assert_eq!(found.data, slot.data);
            }
            assert_eq!(pool.locate(slot.end()).unwrap().data.start(), slot.end());
        }
    }
}

#[test]
fn addresses_outside_are_not_located() {
    let pool = pool();
    assert!(!pool.contains(pool.base - 1) && pool.contains(pool.base));
    assert!(pool.locate(pool.base).is_none(), "the first guard belongs to no slot");
    assert!(pool.locate(pool.base + 5 * PAGE_BYTES).is_none(), "not in service");
    assert!(pool.locate(0).is_none() && pool.locate(usize::MAX).is_none());
}

#[test]
fn a_spent_class_says_so() {
    let bytes = CLASS_PAGES.len() * STRETCH_ALIGN;
    let pool = Pool::new(memory::reserve(bytes).unwrap(), bytes).unwrap();
    let backend = trial_backends().next().unwrap();
    let mut slots = 0;
    while let Ok(range) = pool.class(1).claim(backend, &Room::new(usize::MAX), 2) {
        slots += range.len();
    }
    // One guard and 170 slots of three pages fit into 512 pages.
    assert_eq!(slots, 170);
}

#[test]
fn threads_never_share_a_slot() {
    let pool = pool();
    let backend = trial_backends().next().unwrap();
    let mut all: Vec<usize> = std::thread::scope(|scope| {
        let claim = || {
            (0..200)
                .flat_map(|_| pool.class(0).claim(backend, &Room::new(usize::MAX), 8).unwrap())
                .collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(claim)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(all.len(), 6400);
}

/// The size of the largest reservation, and an address for it.
const MOST_BYTES: usize = 4 << 40;
const BASE: usize = 1 << 45;

#[test]
fn addresses_to_the_end_of_the_range_find_their_slots() {
    for (data_pages, bytes) in
        [(1, 2 * MOST_BYTES), (2, MOST_BYTES), (4, MOST_BYTES), (8, MOST_BYTES), (16, MOST_BYTES)]
    {
        let class = Class::new(0, BASE, bytes, data_pages).unwrap();
        assert!(class.capacity() * class.stride > bytes / 10 * 9, "{data_pages}");
        let spread = (0..64).map(|n| class.capacity() / 64 * n + n);
        for index in spread.chain(class.capacity() - 100..class.capacity()) {
            let start = class.start() + index * class.stride;
            assert_eq!(class.index_of(start), Some(index));
            assert_eq!(class.index_of(start + class.stride - 1), Some(index));
        }
        // An address behind the slots belongs to none of them.
        let last = BASE + bytes - 1;
        assert!(class.index_of(last).is_some_and(|index| index + 1 >= class.capacity()));
        assert_eq!(class.index_of(BASE), None);
    }
}

#[test]
fn what_is_given_up_is_never_taken_into_service() {
    let bytes = 64 << 20;
    for backend in trial_backends() {
        let base = memory::reserve(bytes).unwrap();
        let (class, room) = (Class::new(0, base, bytes, 1).unwrap(), Room::new(usize::MAX));
        assert_eq!(class.unused(), base..base + bytes);
        assert_eq!(class.claim(backend, &room, 8), Ok(0..8));
        let first_unused = class.unused().start;
        assert!(!class.give_up(first_unused - PAGE_BYTES));
        let from = first_unused + 100 * PAGE_BYTES;
        assert!(class.give_up(from) && class.has(from - 1) && !class.has(from));
        let mut last = 0;
        while let Ok(slots) = class.claim(backend, &room, 64) {
            last = slots.end;
        }
        let end = class.slot(last - 1).unwrap().end();
        assert!(end <= from && from - end < 2 * PAGE_BYTES);
        // SAFETY: only this test knows the range.
        unsafe { memory::unmap(base, bytes) };
    }
}
