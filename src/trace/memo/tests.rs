//! Tests of the memory of walks, and of passing it on.

use super::super::frames::{MAX_DEPTH, PcKind};
use super::*;
use crate::sys::residency::Residency;
use std::collections::HashSet;

fn memo() -> Box<Memo> {
    probe::install_test_handler();
    // SAFETY: all zeros is a valid memo, as its documentation says.
    unsafe { Box::new(core::mem::zeroed()) }
}

fn fresh(caller: &Caller, depth: usize) -> Frames {
    let mut out = Frames::new();
    memo().walk(caller, depth, &mut out);
    out
}

/// Walks with `memo` and without, and expects the same frames.
#[inline(never)]
fn check(memo: &mut Memo, depth: usize) {
    let caller = Caller::here();
    let mut out = Frames::new();
    memo.walk(&caller, depth, &mut out);
    assert_eq!(out, fresh(&caller, depth));
    assert!(out.len() > 1);
}

/// Captures with [`Memo::capture`] and walks without a memo, and expects the same frames.
#[inline(never)]
fn check_capture(memo: &mut Memo, depth: usize) {
    static DEPOT: Depot = Depot::new();
    DEPOT.init();
    let caller = Caller::here();
    for _ in 0..2 {
        let mut out = Frames::new();
        DEPOT.frames(memo.capture(&caller, depth, &DEPOT), &mut out);
        out.truncate(depth);
        assert_eq!(out, fresh(&caller, depth));
    }
}

#[inline(never)]
fn wander(memo: &mut Memo, depth: usize, random: &mut u32, budget: u32) {
    check(memo, depth);
    check_capture(memo, depth);
    for _ in 0..3 {
        *random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        match *random >> 30 {
            0 | 1 if budget > 0 => wander(memo, depth, random, budget - 1),
            2 if budget > 0 => [1].iter().for_each(|_| wander(memo, depth, random, budget - 1)),
            _ if *random >> 29 & 1 == 0 => check(memo, depth),
            _ => check_capture(memo, depth),
        }
    }
}

#[test]
fn a_walk_with_a_memory_finds_what_one_without_does() {
    crate::trace::init();
    for depth in [3, 8, 20, MAX_DEPTH] {
        wander(&mut memo(), depth, &mut 7, 9);
    }
}

#[test]
fn the_same_stack_is_stored_once_and_has_one_name() {
    crate::trace::init();
    let (mut memo, depot) = (memo(), Depot::new());
    depot.init();
    let caller = Caller::here();
    let mut store = || {
        memo.stack.walk(&caller, MAX_DEPTH);
        memo.intern(&depot)
    };
    let first = store();
    let nodes = depot.usage().0;
    let again = store();
    assert_eq!((again, depot.usage().0), (first, nodes));
    let mut frames = Frames::new();
    depot.frames(first, &mut frames);
    assert_eq!(frames, fresh(&caller, MAX_DEPTH));
}

#[test]
fn calls_that_take_turns_are_recalled() {
    crate::trace::init();
    let (mut memo, depot) = (memo(), Depot::new());
    depot.init();
    let (first, second) = (Caller::here(), Caller::here());
    for walks in [0, FEW_WALKS] {
        memo.walks = walks;
        let ids = [&first, &second].map(|caller| memo.capture(caller, MAX_DEPTH, &depot));
        assert_ne!(ids[0], ids[1]);
        let recalled = [&first, &second].map(|caller| memo.recall(caller, MAX_DEPTH));
        assert_eq!(recalled, ids.map(Some));
    }
}

#[test]
fn garbage_registers_end_the_walk() {
    crate::trace::init();
    probe::install_test_handler();
    let here = Caller::here();
    let garbage = [0, 1, 8, 4096, here.sp, here.pc, 1 << 62, usize::MAX - 7, usize::MAX];
    for sp in garbage {
        for bp in garbage {
            for pc in [0, 1, 0x1234, here.pc, usize::MAX] {
                for kind in [PcKind::Exact, PcKind::Return] {
                    let frames = fresh(&Caller { pc, sp, bp, kind }, MAX_DEPTH);
                    assert!(!frames.is_empty());
                }
            }
        }
    }
}

/// The stack has other callers than the last walk found, in the same slots.
#[test]
fn a_changed_caller_is_noticed() {
    crate::trace::init();
    let mut memo = memo();
    let mut invented = [0_usize; 64];
    let base = invented.as_ptr() as usize;
    // Frames of unknown code, linked by frame pointers: each even word is an rbp.
    let caller = Caller { pc: 0x1000, sp: base, bp: base + 16, kind: PcKind::Return };
    let mut expect = |words: &[(usize, usize)]| {
        for (index, &(next, address)) in words.iter().enumerate() {
            invented[2 + index * 2] = next;
            invented[3 + index * 2] = address;
        }
        core::hint::black_box(&mut invented);
        let mut out = Frames::new();
        memo.walk(&caller, MAX_DEPTH, &mut out);
        assert_eq!(out, fresh(&caller, MAX_DEPTH));
        out.len()
    };
    let long = [(base + 32, base + 1), (base + 48, base + 2), (0, base + 3)];
    assert_eq!(expect(&long), 4);
    assert_eq!(expect(&long), 4);
    assert_eq!(expect(&[(base + 32, base + 1), (base + 48, base + 5), (0, base + 3)]), 4);
    assert_eq!(expect(&[(base + 32, base + 1), (0, base + 5)]), 3);
}

#[test]
fn a_nested_walk_gets_another_walker() {
    init();
    let caller = Caller::here();
    let nested = with(&caller, |outer| {
        let outer = core::ptr::from_ref(outer);
        with(&caller, |inner| !core::ptr::eq(inner, outer))
    });
    assert_eq!(nested, Some(Some(true)));
}

/// Returns how many of a memo's pages are in memory.
fn pages_of(memo: *mut Memo) -> usize {
    let mut held = vec![false; size_of::<Memo>() / PAGE_BYTES];
    let residency = Residency::new();
    for (at, held) in held.iter_mut().enumerate() {
        residency.ask(memo.addr() + at * PAGE_BYTES, core::slice::from_mut(held)).unwrap();
    }
    held.into_iter().filter(|&held| held).count()
}

#[test]
fn a_memo_begins_with_a_page_grows_and_shrinks() {
    crate::trace::init();
    probe::install_test_handler();
    let depot = Depot::new();
    depot.init();
    let memo = memory::map(size_of::<Memo>()).unwrap() as *mut Memo;
    let capture = |number: usize| {
        let caller = Caller { pc: 0x1000 + number, sp: 0, bp: 0, kind: PcKind::Return };
        // SAFETY: zeros are a valid memo, and only this test uses it.
        unsafe { (*memo).capture(&caller, 8, &depot) };
    };
    capture(0);
    // SAFETY: only this test uses the memo, which begins anew before it is used again.
    unsafe { shrink(memo) };
    assert_eq!(pages_of(memo), 1);
    (0..1000).for_each(capture);
    assert!(pages_of(memo) > 1);
    // SAFETY: only this test uses the memo, which begins anew before it is used again.
    unsafe {
        shrink(memo);
        assert_eq!(pages_of(memo), 1);
        (*memo).begin_anew();
        capture(0);
        assert_eq!(pages_of(memo), 1);
        memory::unmap(memo.addr(), size_of::<Memo>());
    }
}

#[test]
fn walkers_are_handed_on() {
    init();
    let walk = |seen: &mut HashSet<usize>| {
        with(&Caller::here(), |memo| seen.insert(core::ptr::from_ref(memo).addr()));
        thread_exit();
        with(&Caller::here(), |memo| seen.insert(core::ptr::from_ref(memo).addr()));
    };
    let mut seen = HashSet::new();
    for _ in 0..200 {
        std::thread::scope(|scope| drop(scope.spawn(|| walk(&mut seen))));
    }
    // Other tests' threads take some memos meanwhile, but not one for each of ours.
    assert!((1..100).contains(&seen.len()));
}
