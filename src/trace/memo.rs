//! What a thread remembers of its walks: the last stack, the calls of the allocator that it made, and
//! nodes of the depot.
//!
//! A thread begins with tables for few, which share a page with its last stack: most threads of a
//! server are small. One that walks often gets larger tables. Their memory is there from the start,
//! but takes none before it is touched.

use super::caller::Caller;
use super::depot::{Depot, TraceId};
use super::frames::{Frames, Pc};
use super::unwind::BpFate;
use super::walk::LastStack;
use crate::sys::PAGE_BYTES;
use crate::sys::probe::{self, Expected};
use core::mem::offset_of;

/// A node of the depot: the stack with innermost frame `pc` and outer frames `outer` is `id`, unless
/// that is none.
#[derive(Clone, Copy, Debug)]
struct Known {
    pc: usize,
    outer: TraceId,
    id: TraceId,
}

/// A call of the allocator, and how its stack went on the last time. Most captures come from a few
/// dozen call sites in turns, in frames that have not moved.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct CallSite {
    /// The innermost frame.
    pc: usize,
    sp: usize,
    bp: usize,
    /// The frame where the stack met the one before it: where it was found, and its rbp.
    outer: Expected,
    outer_bp: usize,
    outer_id: TraceId,
    /// The whole stack.
    id: TraceId,
    /// The place of `outer` in the last stack.
    at: u16,
    /// Frames between the innermost and `outer`: those of functions like `xmalloc` and their callers,
    /// which other calls replace in the last stack.
    between: u8,
    /// What must be in place for those frames to be the same: so many of [`Tables::checks`].
    checks: u8,
    /// Whether the way outward depends on the rbp; else it is data.
    uses_bp: bool,
}

/// Call sites on a page of a large table.
const PAGE_SITES: usize = PAGE_BYTES / size_of::<CallSite>();

/// Pages of them.
const SITE_PAGES: usize = 4;

/// Places for call sites, of which the hash in [`place_of`] has as many values, and for nodes, as
/// that in [`node_place`] has: in a large table.
const SITES: usize = SITE_PAGES * PAGE_SITES;
const NODES: usize = 256;
const _: () = assert!(SITE_PAGES == 4 && PAGE_SITES == 64);
const _: () = assert!(NODES.is_power_of_two() && FEW_NODES.is_power_of_two());

/// And in a small one.
const FEW_SITES: usize = 16;
const FEW_NODES: usize = 16;

/// Walks after which a thread gets the large tables.
const FEW_WALKS: u32 = 256;

/// Frames between that a call site keeps at most, in a large and in a small table. Each has a return
/// address to check, and perhaps an rbp.
const BETWEEN: usize = 6;
const FEW_BETWEEN: usize = 2;

const PHI: usize = 0x9e37_79b9_7f4a_7c15;

/// Where the site of a call is kept: Fibonacci hashing. The sites of one frame are on one page.
#[inline]
fn place_of(caller: &Caller) -> usize {
    let page = caller.sp.wrapping_mul(PHI) >> 62;
    let on_page = (caller.pc ^ caller.sp << 8).wrapping_mul(PHI) >> 58;
    page * PAGE_SITES + on_page
}

/// Where a node is kept: the call sites of a loop differ in their low bits.
#[inline]
fn node_place(pc: usize, outer: TraceId) -> usize {
    (pc ^ outer.get() as usize).wrapping_mul(PHI) >> 56
}

/// What is remembered of `S` call sites, with `C` checks each, and `N` nodes. All zeros is a valid
/// value, of none.
#[derive(Debug)]
#[repr(C)]
struct Tables<const S: usize, const C: usize, const N: usize> {
    sites: [CallSite; S],
    /// For each site, what must be in place for the frames between.
    checks: [[Expected; C]; S],
    /// Nodes asked for lately, so that call sites that take turns are found here.
    nodes: [Known; N],
}

impl<const S: usize, const C: usize, const N: usize> Tables<S, C, N> {
    #[inline(always)]
    fn site(&self, place: usize) -> (&CallSite, &[Expected]) {
        (&self.sites[place % S], &self.checks[place % S])
    }

    fn site_mut(&mut self, place: usize) -> (&mut CallSite, &mut [Expected]) {
        (&mut self.sites[place % S], &mut self.checks[place % S])
    }
}

/// Begins on a page of its own, as a memo does.
#[derive(Debug)]
#[repr(C, align(4096))]
struct LargeTables(Tables<SITES, { 2 * BETWEEN }, NODES>);

/// See the module's text. Does not move once it is in use. All zeros is a valid value, of no frames.
///
/// What a capture mostly reads is on two pages: see `build.rs` on why pages count.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Memo {
    few: Tables<FEW_SITES, { 2 * FEW_BETWEEN }, FEW_NODES>,
    /// Walks so far, up to [`FEW_WALKS`]. From then on `many` is used, and `few` no more.
    walks: u32,
    stack: LastStack,
    many: LargeTables,
}

// A small thread touches one page, as long as its stack has no more than forty frames.
const _: () = assert!(offset_of!(Memo, stack) + 41 * 40 <= PAGE_BYTES);

impl Memo {
    /// Walks outward from `caller` for at least `depth` frames, and stores the stack.
    #[unsafe(link_section = ".text.hot")]
    #[inline(never)]
    pub(super) fn capture(&mut self, caller: &Caller, depth: usize, depot: &Depot) -> TraceId {
        match self.recall(caller, depth) {
            Some(id) => id,
            None => self.capture_anew(caller, depth, depot),
        }
    }

    #[inline(never)]
    fn capture_anew(&mut self, caller: &Caller, depth: usize, depot: &Depot) -> TraceId {
        if !self.is_large() {
            self.walks += 1;
        }
        self.stack.walk(caller, depth);
        let id = self.intern(depot);
        self.remember(caller, id);
        id
    }

    /// Whether the thread has walked often, and has memory behind the first page.
    #[inline(always)]
    pub(super) fn is_large(&self) -> bool {
        self.walks >= FEW_WALKS
    }

    /// As [`LastStack::walk`], without storing anything.
    pub(super) fn walk(&mut self, caller: &Caller, depth: usize, out: &mut Frames) {
        self.stack.walk(caller, depth);
        self.stack.copy_to(out, depth);
    }

    /// Forgets the last stack: after an interruption that never returned.
    pub(super) fn clear(&mut self) {
        self.stack.clear();
    }

    /// As [`Memo::clear`], for a new owner, who begins with small tables.
    pub(super) fn begin_anew(&mut self) {
        self.walks = 0;
        self.clear();
    }

    #[inline(always)]
    fn site(&self, place: usize) -> (&CallSite, &[Expected]) {
        if self.is_large() { self.many.0.site(place) } else { self.few.site(place) }
    }

    /// The stack of a call that was made before, from the same frame, with the same frames around
    /// it. The same pc, sp and, where it matters, rbp lead to the slot of the next frame outward;
    /// if that and those of the frames between hold what they held, the way leads to the frame
    /// where this stack met another, and from there on the last stack is checked as in a walk.
    #[inline(always)]
    fn recall(&self, caller: &Caller, depth: usize) -> Option<TraceId> {
        let (site, checks) = self.site(place_of(caller));
        let pc = Pc::new(caller.pc, caller.kind).bits();
        let is_site = site.pc == pc && site.sp == caller.sp && !site.id.is_none();
        if !is_site || site.uses_bp && site.bp != caller.bp {
            return None;
        }
        let (at, between) = (usize::from(site.at), usize::from(site.between));
        let outer = self.stack.joinable_frame(at)?;
        let is_same = outer.pc == site.outer
            && outer.id == site.outer_id
            && (outer.bp_fate != BpFate::Used || outer.bp.value == site.outer_bp);
        let is_unchanged = is_same
            && self.stack.is_deep_enough(1 + between, at + 1, depth)
            && are_in_place(&checks[..usize::from(site.checks)])
            && self.stack.count_unchanged(at + 1) == at + 1;
        is_unchanged.then_some(site.id)
    }

    fn remember(&mut self, caller: &Caller, id: TraceId) {
        let (frames, is_large) = (self.stack.frames(), self.is_large());
        let (few, many, place) = (&mut self.few, &mut self.many.0, place_of(caller));
        let (site, checks) = if is_large { many.site_mut(place) } else { few.site_mut(place) };
        let between = self.stack.added().saturating_sub(1).min(checks.len() / 2);
        let between = between.min(frames.len().saturating_sub(2));
        let [.., innermost] = frames else { return };
        let Some(at) = frames.len().checked_sub(2 + between) else { return };
        let (outer, mut count) = (&frames[at], 0);
        for frame in &frames[at + 1..=at + between] {
            checks[count] = frame.pc;
            count += 1;
            if let Some(bp) = frame.needed_bp() {
                checks[count] = bp;
                count += 1;
            }
        }
        *site = CallSite {
            pc: Pc::new(caller.pc, caller.kind).bits(),
            sp: caller.sp,
            bp: caller.bp,
            outer: outer.pc,
            outer_bp: outer.bp.value,
            outer_id: outer.id,
            id,
            at: at as u16,
            between: between as u8,
            checks: count as u8,
            uses_bp: innermost.bp_fate == BpFate::Used,
        };
    }

    /// Stores the last stack; what it has in common with an earlier one costs nothing.
    fn intern(&mut self, depot: &Depot) -> TraceId {
        let nodes: &mut [Known] =
            if self.is_large() { &mut self.many.0.nodes } else { &mut self.few.nodes };
        let mask = nodes.len() - 1;
        let stack = self.stack.frames_mut();
        let stored = stack.iter().rposition(|frame| !frame.id.is_none());
        let (mut id, first) = match stored {
            Some(at) => (stack[at].id, at + 1),
            None => (TraceId::NONE, 0),
        };
        for frame in &mut stack[first..] {
            let pc = frame.pc.value;
            // The size of both tables is a power of two.
            let known = &mut nodes[node_place(pc, id) & mask];
            if known.pc != pc || known.outer != id || known.id.is_none() {
                let inner = depot.child(id, Pc::from_bits(pc));
                *known = Known { pc, outer: id, id: inner };
            }
            id = known.id;
            frame.id = id;
            if id.is_none() {
                break;
            }
        }
        id
    }
}

/// Whether all slots hold what is expected.
#[inline(always)]
fn are_in_place(checks: &[Expected]) -> bool {
    let Some(first) = checks.first() else { return true };
    let stride = size_of::<Expected>() as isize;
    // SAFETY: so many pairs lie side by side, from the first on.
    unsafe { probe::count_matching(first, stride, checks.len()) == checks.len() }
}

#[cfg(test)]
mod tests {
    use super::super::caller::PcKind;
    use super::super::frames::MAX_DEPTH;
    use super::*;

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

    /// Walks with `memo` and without, and expects the same.
    #[inline(never)]
    fn check(memo: &mut Memo, depth: usize) {
        let caller = Caller::here();
        let mut out = Frames::new();
        memo.walk(&caller, depth, &mut out);
        assert_eq!(out, fresh(&caller, depth));
        assert!(out.len() > 1);
    }

    /// As [`check`], with what [`Memo::capture`] stores.
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
        super::super::init();
        for depth in [3, 8, 20, MAX_DEPTH] {
            wander(&mut memo(), depth, &mut 7, 9);
        }
    }

    #[test]
    fn the_same_stack_is_stored_once_and_has_one_name() {
        super::super::init();
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
        super::super::init();
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
        super::super::init();
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
        super::super::init();
        let mut memo = memo();
        let mut invented = [0_usize; 64];
        let base = invented.as_ptr() as usize;
        // Frames of unknown code, linked by frame pointers: rbp at each even word.
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
}
