//! A whole walk, and the reuse of the last one.
//!
//! Consecutive stacks of a thread share their outer frames. A walk keeps, for every frame, the
//! slot that its return address was loaded from and the value found there. The next walk steps
//! outward only until it meets a frame of the last one, the same value in the same slot; if all
//! slots further out still hold their values as well, which takes one load each, the rest of the
//! stack is the same and is taken over.
//!
//! Why this is exact: a frame's rule depends on its pc alone, so from the same pc and sp the walk
//! takes the same way as long as the rules go by sp. Where a rule goes by rbp, that has to be the
//! same too: the rbp of the frame where the walks meet is compared, and the slots that it was
//! restored from further out are checked along with the return addresses. Code compiled without
//! frame pointers has few of those. A signal frame's sp comes from memory as well: nothing inside
//! of one is taken over. (What a frame with over-aligned locals saved of its CFA is not checked
//! either: that would take another such frame in the same place, with other padding.)

use super::caller::Caller;
use super::depot::{Depot, TraceId};
use super::frames::{Frames, MAX_DEPTH, Pc};
use super::unwind::{BpFate, Registers, step};
use crate::sys::PAGE_BYTES;
use crate::sys::probe::{self, Expected};

/// One frame, and what to check before its way outward is taken again. All zeros is a valid value.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Entry {
    /// Where the frame's pc was loaded from and its `Pc` bits; for a return address, just what is
    /// in the slot. For frame 0, the word below its sp: its slot too if the frame made a call, and
    /// as good a mark for an interrupted frame.
    pc: Expected,
    /// The frame's rbp and where it was loaded from. Where the way outward does not depend on it,
    /// the slot is the address of `bp.value` itself, once the entry is in [`Memo::last`]: a check
    /// that succeeds.
    bp: Expected,
    /// Name of the stack from this frame outward, NONE while not stored.
    id: TraceId,
    /// Whether the way outward depends on the rbp. `Carried` during a walk only.
    bp_fate: BpFate,
}

const STRIDE: isize = size_of::<Entry>() as isize;

impl Entry {
    /// Whether this frame is the one with `registers`, found in `slot`, and the way outward from
    /// it the same as long as the slots are.
    #[inline]
    fn is_at(&self, slot: usize, registers: &Registers) -> bool {
        self.pc.slot == slot
            && self.pc.value == registers.pc.bits()
            && (self.bp.value == registers.bp || self.bp_fate != BpFate::Used)
    }
}

/// Twice what one walk records, so that room is made in large steps.
const CAPACITY: usize = 2 * MAX_DEPTH;

/// A node of the depot: the stack with innermost frame `pc` and outer frames `outer` is `id`, unless
/// that is none.
#[derive(Clone, Copy, Debug)]
struct Known {
    pc: usize,
    outer: TraceId,
    id: TraceId,
}

/// Places for them; the hash in [`Memo::intern`] has as many values.
const KNOWN: usize = 256;

/// A call of the allocator, and how its stack went on the last time. Most captures come from a few
/// dozen call sites in turns, in frames that have not moved.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Site {
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
    /// The place of `outer` in [`Memo::last`].
    at: u16,
    /// Frames between the innermost and `outer`, kept in [`Memo::between`]: those of functions like
    /// `xmalloc` and their callers, which other calls replace in [`Memo::last`].
    between: u8,
    /// Whether the way outward depends on the rbp; else it is data.
    uses_bp: bool,
}

/// Sites on a page.
const PAGE_SITES: usize = PAGE_BYTES / size_of::<Site>();

/// Pages of them.
const SITE_PAGES: usize = 4;

/// Places for sites; the hash in [`place_of`] has as many values.
const SITES: usize = SITE_PAGES * PAGE_SITES;
const _: () = assert!(SITE_PAGES == 4 && PAGE_SITES == 64);

/// Most frames that a site keeps for itself.
const BETWEEN: usize = 6;

/// Where the site of a call is kept: Fibonacci hashing. The sites of one frame are on one page.
#[inline]
fn place_of(caller: &Caller) -> usize {
    const PHI: usize = 0x9e37_79b9_7f4a_7c15;
    let page = caller.sp.wrapping_mul(PHI) >> 62;
    let on_page = (caller.pc ^ caller.sp << 8).wrapping_mul(PHI) >> 58;
    page * PAGE_SITES + on_page
}

/// A thread's last stack, and room for the next. Does not move once it is in use. All zeros is a
/// valid value, of no frames.
///
/// What a capture mostly reads comes first, on one page: see `build.rs` on why pages count.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Memo {
    len: usize,
    /// The walk came to the end of the stack, as opposed to the asked depth.
    ended: bool,
    /// Only so many outermost frames may be met: up to the outermost that a signal interrupted,
    /// all when there is none.
    joinable: usize,
    /// No frame of `last` before this index has a `bp` worth checking.
    bp_start: usize,
    /// How many frames the last walk put on top of the stack before it.
    added: usize,
    /// The last stack, outermost frame first, so that what changes is at the end.
    last: [Entry; CAPACITY],
    sites: [Site; SITES],
    /// For each site its frames between, outermost first.
    between: [[Entry; BETWEEN]; SITES],
    /// The frames walked anew, innermost first.
    fresh: [Entry; MAX_DEPTH],
    /// Nodes of the depot asked for lately, so that call sites that take turns are found here.
    known: [Known; KNOWN],
}

/// How a walk came to its end.
enum Outcome {
    /// Met the last stack: the frame just walked is this one of `last`, and so on outward.
    Met(usize),
    /// Came to the end of the stack.
    Ended,
    /// Walked as deep as was asked.
    DeepEnough,
}

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
        let id = self.walk(caller, depth).intern(depot);
        self.remember(caller, id);
        id
    }

    /// The stack of a call that was made before, from the same frame, with the same frames around
    /// it. The same pc, sp and, where it matters, rbp lead to the slot of the next frame outward;
    /// if that and those of the frames between hold what they held, the way leads to the frame
    /// where this stack met another, and from there on [`Memo::last`] is checked as in a walk.
    #[inline(always)]
    fn recall(&self, caller: &Caller, depth: usize) -> Option<TraceId> {
        let place = place_of(caller);
        let site = &self.sites[place];
        let pc = Pc::new(caller.pc, caller.kind).bits();
        let is_site = site.pc == pc && site.sp == caller.sp && !site.id.is_none();
        if !is_site || site.uses_bp && site.bp != caller.bp {
            return None;
        }
        let (count, between) = (usize::from(site.at) + 1, usize::from(site.between));
        let outer = self.last[..self.len.min(self.joinable)].get(count - 1)?;
        let is_same = outer.pc == site.outer
            && outer.id == site.outer_id
            && (outer.bp_fate != BpFate::Used || outer.bp.value == site.outer_bp);
        let is_deep_enough = self.ended || 1 + between + count >= depth;
        let is_unchanged = is_same
            && is_deep_enough
            && (between == 0 || self.is_unchanged_between(place, between))
            && self.count_unchanged(count) == count;
        is_unchanged.then_some(site.id)
    }

    /// Whether the frames between of a site have their return addresses, and their rbp where it
    /// matters, in place.
    fn is_unchanged_between(&self, place: usize, count: usize) -> bool {
        let entries = &self.between[place][..count];
        let Some(first) = entries.first() else { return true };
        // SAFETY: there are `count` entries from the first on, each with two pairs at its start.
        unsafe {
            probe::count_matching(&first.pc, STRIDE, count) == count
                && probe::count_matching(&first.bp, STRIDE, count) == count
        }
    }

    fn remember(&mut self, caller: &Caller, id: TraceId) {
        // What came from a signal frame can't be checked.
        let added = if self.joinable == CAPACITY { self.added } else { 0 };
        let between = added.saturating_sub(1).min(BETWEEN).min(self.len.saturating_sub(2));
        let [.., innermost] = &self.last[..self.len] else { return };
        let uses_bp = innermost.bp_fate == BpFate::Used;
        let Some(at) = self.len.checked_sub(2 + between) else { return };
        let (outer, place) = (self.last[at], place_of(caller));
        for number in 0..between {
            let mut entry = self.last[at + 1 + number];
            let kept = &mut self.between[place][number];
            if entry.bp.slot == &raw const self.last[at + 1 + number].bp.value as usize {
                entry.bp.slot = &raw const kept.bp.value as usize;
            }
            *kept = entry;
        }
        self.sites[place] = Site {
            pc: Pc::new(caller.pc, caller.kind).bits(),
            sp: caller.sp,
            bp: caller.bp,
            outer: outer.pc,
            outer_bp: outer.bp.value,
            outer_id: outer.id,
            id,
            at: at as u16,
            between: between as u8,
            uses_bp,
        };
    }

    /// Walks outward from `caller` for at least `depth` frames, if the stack has so many, and
    /// keeps more if they come for free.
    pub(super) fn walk(&mut self, caller: &Caller, depth: usize) -> &mut Self {
        let (walked, outcome) = self.walk_fresh(caller, depth.clamp(1, MAX_DEPTH));
        // The frame met is stored, and what is known of it stays; the fresh ones go on top.
        let (fresh, outer_fate) = match outcome {
            Outcome::Met(at) => {
                self.len = at + 1;
                if self.joinable > self.len {
                    self.joinable = CAPACITY;
                }
                (walked - 1, self.last[at].bp_fate)
            }
            Outcome::Ended => {
                self.restart(true);
                // What ended the walk may have been the outermost frame's rbp.
                (walked, BpFate::Used)
            }
            Outcome::DeepEnough => {
                self.restart(false);
                (walked, BpFate::Restored)
            }
        };
        self.added = fresh;
        self.make_room(fresh);
        self.take_fresh(fresh, outer_fate);
        self
    }

    /// Fills `fresh`; returns how many frames there are in it.
    fn walk_fresh(&mut self, caller: &Caller, depth: usize) -> (usize, Outcome) {
        let mut registers =
            Registers { pc: Pc::new(caller.pc, caller.kind), sp: caller.sp, bp: caller.bp };
        let (mut slot, mut bp_slot) = (caller.sp.wrapping_sub(8), 0);
        // How many of the last stack's frames, counted from the outermost, may still be met.
        let mut remaining = self.joinable.min(self.len);
        for at in 0..depth {
            while remaining > 0 && self.last[remaining - 1].pc.slot < slot {
                remaining -= 1;
            }
            let entry = &mut self.fresh[at];
            entry.pc = Expected { slot, value: registers.pc.bits() };
            entry.bp = Expected { slot: bp_slot, value: registers.bp };
            entry.id = TraceId::NONE;
            if remaining > 0 && self.last[remaining - 1].is_at(slot, &registers) {
                if !self.ended && at + remaining < depth {
                    // The last walk stopped too early for this one.
                    remaining = 0;
                } else {
                    let outer = remaining - 1;
                    let matching = self.count_unchanged(outer);
                    if matching == outer {
                        return (at + 1, Outcome::Met(outer));
                    }
                    // Frames up to the one that differs have other callers now.
                    remaining = outer - matching - 1;
                }
            }
            if at + 1 == depth {
                break;
            }
            let Some(next) = step(&registers) else {
                return (at + 1, Outcome::Ended);
            };
            self.fresh[at].bp_fate = next.bp_fate;
            registers = next.registers;
            (slot, bp_slot) = (next.slot, next.bp_slot);
        }
        (depth, Outcome::DeepEnough)
    }

    /// How many of the `outer` outermost frames, counted from their innermost, have their return
    /// address, and their rbp where it matters, in place.
    #[inline(always)]
    fn count_unchanged(&self, outer: usize) -> usize {
        if outer == 0 {
            return 0;
        }
        let innermost = &self.last[outer - 1];
        // SAFETY: there are `outer` entries from this one back, each with a pair at its start.
        let matching = unsafe { probe::count_matching(&innermost.pc, -STRIDE, outer) };
        let checked = matching.min(outer.saturating_sub(self.bp_start));
        // SAFETY: as above, with the second pair of each entry.
        let matching_bp = unsafe { probe::count_matching(&innermost.bp, -STRIDE, checked) };
        if matching_bp == checked { matching } else { matching_bp }
    }

    /// Forgets the last stack, for one that has nothing in common with it.
    fn restart(&mut self, ended: bool) {
        self.len = 0;
        self.ended = ended;
        self.joinable = CAPACITY;
        self.bp_start = CAPACITY;
    }

    /// Drops outermost frames, if need be, so that `more` fit.
    fn make_room(&mut self, more: usize) {
        if self.len + more <= CAPACITY {
            return;
        }
        let keep = MAX_DEPTH - more.min(MAX_DEPTH);
        let dropped = self.len - keep;
        for to in 0..keep {
            let mut entry = self.last[to + dropped];
            if entry.bp_fate != BpFate::Used {
                entry.bp.slot = &raw const self.last[to].bp.value as usize;
            }
            self.last[to] = entry;
        }
        self.len = keep;
        self.ended = false;
        if self.joinable != CAPACITY {
            let joinable = self.joinable.saturating_sub(dropped);
            self.joinable = if joinable == 0 { CAPACITY } else { joinable };
        }
        self.bp_start = self.bp_start.saturating_sub(dropped);
    }

    /// Puts the innermost `count` of the fresh frames on top of the last stack. `outer_fate` is
    /// what becomes of an rbp that is carried out of them.
    fn take_fresh(&mut self, count: usize, outer_fate: BpFate) {
        let mut fate = outer_fate;
        for at in (0..count).rev() {
            let mut entry = self.fresh[at];
            let is_outermost = self.len == 0;
            if !is_outermost && entry.bp_fate != BpFate::Carried {
                fate = entry.bp_fate;
            }
            entry.bp_fate = fate;
            let to = self.len;
            if fate == BpFate::Used && entry.bp.slot != 0 {
                self.bp_start = self.bp_start.min(to);
            } else {
                entry.bp.slot = &raw const self.last[to].bp.value as usize;
            }
            self.last[to] = entry;
            self.len += 1;
            // A signal frame's stack pointer came from memory that is not checked, so nothing
            // inside of it is met. Frame 0 is no signal frame.
            let interrupted = at > 0 && !Pc::from_bits(entry.pc.value).is_return_address();
            if interrupted && self.joinable == CAPACITY {
                self.joinable = self.len;
            }
        }
    }

    /// Forgets the last stack: for a new owner, and after an interruption that never returned.
    pub(super) fn clear(&mut self) {
        self.restart(false);
    }

    /// Stores the last stack; what it has in common with an earlier one costs nothing.
    pub(super) fn intern(&mut self, depot: &Depot) -> TraceId {
        let stack = &mut self.last[..self.len];
        let stored = stack.iter().rposition(|entry| !entry.id.is_none());
        let (mut id, first) = match stored {
            Some(at) => (stack[at].id, at + 1),
            None => (TraceId::NONE, 0),
        };
        for entry in &mut stack[first..] {
            let pc = entry.pc.value;
            // Fibonacci hashing; the call sites of a loop differ in their low bits.
            let place = (pc ^ id.get() as usize).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
            let known = &mut self.known[place];
            if known.pc != pc || known.outer != id || known.id.is_none() {
                let inner = depot.child(id, Pc::from_bits(pc));
                *known = Known { pc, outer: id, id: inner };
            }
            id = known.id;
            entry.id = id;
            if id.is_none() {
                break;
            }
        }
        id
    }

    /// Copies the innermost frames of the last stack, at most `depth`.
    pub(super) fn copy_to(&self, out: &mut Frames, depth: usize) {
        out.clear();
        for entry in self.last[..self.len].iter().rev().take(depth) {
            out.push(Pc::from_bits(entry.pc.value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::PcKind;
    use super::*;

    fn memo() -> Box<Memo> {
        probe::install_test_handler();
        // SAFETY: all zeros is a valid memo, as its documentation says.
        unsafe { Box::new(core::mem::zeroed()) }
    }

    fn fresh(caller: &Caller, depth: usize) -> Frames {
        let mut out = Frames::new();
        memo().walk(caller, depth).copy_to(&mut out, depth);
        out
    }

    /// Walks with `memo` and without, and expects the same.
    #[inline(never)]
    fn check(memo: &mut Memo, depth: usize) {
        let caller = Caller::here();
        let mut out = Frames::new();
        memo.walk(&caller, depth).copy_to(&mut out, depth);
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
        let first = memo.walk(&caller, MAX_DEPTH).intern(&depot);
        let nodes = depot.usage().0;
        let again = memo.walk(&caller, MAX_DEPTH).intern(&depot);
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
        let ids = [&first, &second].map(|caller| memo.capture(caller, MAX_DEPTH, &depot));
        assert_ne!(ids[0], ids[1]);
        let recalled = [&first, &second].map(|caller| memo.recall(caller, MAX_DEPTH));
        assert_eq!(recalled, ids.map(Some));
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
            memo.walk(&caller, MAX_DEPTH).copy_to(&mut out, MAX_DEPTH);
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
