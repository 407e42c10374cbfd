//! What is reached, and what is lost with what, in a small heap.

use super::mapped::Mapped;
use super::mark::Marker;
use super::objects::{Objects, Reach};
use crate::heap::budget::headroom::Shares;
use crate::heap::place::Placing;
use crate::heap::record::{Event, Family, ThreadId};
use crate::heap::release::{Deallocator, Release};
use crate::heap::threads::{self, ThreadCache};
use crate::heap::{AllocationRequest, Config, Heap};
use crate::options::{BackendChoice, Heuristics, Placement};
use crate::pages;
use crate::sys::held_pages::HeldPages;
use crate::sys::probe;
use crate::trace::TraceId;

const EVENT: Event = Event { thread: ThreadId(0), trace: TraceId::NONE };

struct Bench<'a> {
    heap: &'a Heap,
    cache: &'a ThreadCache,
}

fn on_a_heap(placement: Placement, test: impl FnOnce(&Bench<'_>) + Send) {
    probe::install_test_handler();
    let config = Config {
        placing: Placing { placement, seed: 0 },
        canary_bytes: 16,
        fill: None,
        free_fill: None,
        shares: Shares::of_user(64 << 20),
        room_bytes: usize::MAX,
        max_mappings: 10_000,
        sample: 1,
        batch: 0,
        history_bytes: 1 << 20,
        waiting_bytes: 1 << 20,
    };
    let Ok(selection) = pages::select(BackendChoice::Mprotect) else {
        panic!("page permissions work everywhere");
    };
    let heap = Heap::new(selection.backend, config).unwrap();
    // A thread that has nothing from another heap.
    let run = || {
        threads::current();
        threads::with_cache(|cache| {
            test(&Bench { heap: &heap, cache });
            heap.give_back(cache).unwrap();
        });
    };
    std::thread::scope(|scope| scope.spawn(run).join().unwrap());
}

impl Bench<'_> {
    fn allocate(&self, size: usize) -> usize {
        let request = AllocationRequest { size, align: 1, family: Family::Malloc, zeroed: true };
        self.heap.allocate(self.cache, request, || EVENT) as usize
    }

    fn free(&self, object: usize) {
        self.heap.free(self.cache, object, Release::new(Deallocator::Free), || EVENT).unwrap();
    }

    /// Writes a word of an object.
    fn put(&self, object: usize, index: usize, word: usize) {
        // SAFETY: the object is the test's, and larger.
        unsafe { ((object + 8 * index) as *mut usize).write_unaligned(word) }
    }

    fn marker(&self, heuristics: Heuristics, tag_bits: u64, roots: &[usize]) -> Objects<'_> {
        let pages = HeldPages::new();
        let objects = Objects::read(self.heap).unwrap();
        let mapped = Mapped::none().unwrap();
        let mut marker = Marker::new(objects, mapped, &pages, tag_bits, heuristics);
        roots.iter().for_each(|&root| marker.mark_word(root));
        marker.finish().0
    }

    /// How each object is reached from the roots, and which stands for it.
    fn look<const N: usize>(&self, roots: &[usize], objects: [usize; N]) -> [(Reach, usize); N] {
        let mut found = self.marker(Heuristics::NONE, 0, roots);
        objects.map(|object| {
            let number = found.find(object).unwrap();
            let leader = found.leader(number);
            (found.entries()[number].reach(), found.entries()[leader].start())
        })
    }

    fn reach(&self, heuristics: Heuristics, tag_bits: u64, root: usize, object: usize) -> Reach {
        let found = self.marker(heuristics, tag_bits, &[root]);
        found.entries()[found.find(object).unwrap()].reach()
    }
}

#[test]
fn starts_reach_and_middles_perhaps() {
    on_a_heap(Placement::Right, |bench| {
        let [a, b, c, d, e] = [40, 5000, 100_000, 0, 24].map(|size| bench.allocate(size));
        bench.put(a, 1, b);
        bench.put(b, 600, c + 99_999);
        bench.put(c, 7, d);
        let (reachable, possible) = (Reach::Reachable, Reach::Possible);
        let all = bench.look(&[a], [a, b, c, d, e]).map(|(reach, _)| reach);
        assert_eq!(all, [reachable, reachable, possible, possible, Reach::Unreached]);
        // A better way is found later.
        bench.put(a, 4, c);
        let all = bench.look(&[a], [c, d]).map(|(reach, _)| reach);
        assert_eq!(all, [reachable; 2]);
        // One byte beyond the end is no pointer to the object.
        assert_eq!(bench.look(&[e + 24], [e])[0].0, Reach::Unreached);
        bench.free(e);
        assert!(bench.marker(Heuristics::NONE, 0, &[]).find(e).is_none());
    });
}

#[test]
fn what_is_lost_goes_with_what_leads_to_it() {
    on_a_heap(Placement::Right, |bench| {
        let [leaf, left, right, root] = [16, 40, 40, 40].map(|size| bench.allocate(size));
        // The root comes last, when its parts have been taken for leaders.
        bench.put(left, 0, leaf + 3);
        bench.put(root, 0, left);
        bench.put(root, 1, right);
        let all = bench.look(&[], [root, left, right, leaf]);
        assert_eq!(all[0], (Reach::Unreached, root));
        assert_eq!(all[1..], [(Reach::Indirect, root); 3]);
        // Of a ring the first stands for the others.
        bench.put(leaf, 0, root);
        let all = bench.look(&[], [leaf, root, left, right]);
        assert_eq!(all[0], (Reach::Unreached, leaf));
        assert_eq!(all[1..], [(Reach::Indirect, leaf); 3]);
        assert!(bench.look(&[right], [right])[0].0 == Reach::Reachable);
    });
}

#[test]
fn heuristics_take_some_middles_for_starts() {
    on_a_heap(Placement::Right, |bench| {
        let reach = |heuristics, pointer, object| bench.reach(heuristics, 0, pointer, object);
        let array = bench.allocate(8 + 3 * 16);
        bench.put(array, 0, 3);
        assert_eq!(reach(Heuristics::NEW_ARRAY, array + 8, array), Reach::Reachable);
        assert_eq!(reach(Heuristics::LENGTH, array + 8, array), Reach::Possible);
        assert_eq!(reach(Heuristics::ALL, array + 16, array), Reach::Possible);
        bench.put(array, 0, 48);
        assert_eq!(reach(Heuristics::LENGTH, array + 8, array), Reach::Reachable);
        let string = bench.allocate(24 + 10 + 1);
        bench.put(string, 0, 4);
        bench.put(string, 1, 10);
        assert_eq!(reach(Heuristics::STRING, string + 24, string), Reach::Reachable);
        bench.put(string, 0, 11);
        assert_eq!(reach(Heuristics::STRING, string + 24, string), Reach::Possible);
    });
}

#[test]
fn tags_are_left_out() {
    on_a_heap(Placement::Right, |bench| {
        let object = bench.allocate(40);
        let reach = |bits, root| bench.reach(Heuristics::NONE, bits, root, object);
        assert_eq!(reach(7, object | 5), Reach::Reachable);
        assert_eq!(reach(0, object | 5), Reach::Possible);
        assert_eq!(reach(0, object | 1 << 60), Reach::Unreached);
        assert_eq!(reach(0xf << 60, object | 1 << 60), Reach::Reachable);
    });
}

#[test]
fn words_of_an_unaligned_object_count_from_its_start() {
    on_a_heap(Placement::Exact, |bench| {
        let [outer, inner] = [43, 20].map(|size| bench.allocate(size));
        assert!(!outer.is_multiple_of(8));
        bench.put(outer, 2, inner);
        assert_eq!(bench.look(&[outer], [inner])[0].0, Reach::Reachable);
    });
}

#[test]
fn every_object_is_found_by_its_bytes() {
    on_a_heap(Placement::Left, |bench| {
        let sizes = (0..3000).map(|number| 1 + number * 7 % 9000);
        let objects: Vec<(usize, usize)> = sizes.map(|size| (bench.allocate(size), size)).collect();
        let (kept, freed): (Vec<_>, Vec<_>) =
            objects.iter().enumerate().partition(|(number, _)| number % 3 > 0);
        freed.iter().for_each(|&(_, &(object, _))| bench.free(object));
        let found = bench.marker(Heuristics::NONE, 0, &[]);
        assert_eq!(found.entries().len(), kept.len());
        for (_, &(object, size)) in kept {
            let number = found.find(object).unwrap();
            assert_eq!(found.entries()[number].range(), object..object + size);
            assert_eq!(found.find(object + size - 1), Some(number));
            assert_ne!(found.find(object + size), Some(number));
        }
        assert!(freed.iter().all(|&(_, &(object, _))| found.find(object).is_none()));
    });
}
