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

use super::depot::TraceId;
use super::frames::{Caller, Frames, MAX_DEPTH, Pc};
use super::unwind::{BpFate, Registers, step};
use crate::sys::probe::{self, Expected};

/// One frame, and what to check before its way outward is taken again. All zeros is a valid value.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct RememberedFrame {
    /// Where the frame's pc was loaded from and its `Pc` bits; for a return address, just what is
    /// in the slot. For frame 0, the word below its sp: its slot too if the frame made a call, and
    /// as good a mark for an interrupted frame.
    pub(super) pc: Expected,
    /// The frame's rbp and where it was loaded from. Where the way outward does not depend on it,
    /// the slot is the address of `bp.value` itself, once the frame is part of a stack: a check
    /// that succeeds.
    pub(super) bp: Expected,
    /// Name of the stack from this frame outward, NONE while not stored.
    pub(super) id: TraceId,
    /// Whether the way outward depends on the rbp. `Carried` during a walk only.
    pub(super) bp_fate: BpFate,
}

const STRIDE: isize = size_of::<RememberedFrame>() as isize;

impl RememberedFrame {
    /// Whether this frame is the one with `registers`, found in `slot`, and the way outward from
    /// it the same as long as the slots are.
    #[inline]
    fn is_at(&self, slot: usize, registers: &Registers) -> bool {
        self.pc.slot == slot
            && self.pc.value == registers.pc.bits()
            && (self.bp.value == registers.bp || self.bp_fate != BpFate::Used)
    }

    /// The address of `bp.value`: see `bp`.
    fn own_bp(&self) -> usize {
        &raw const self.bp.value as usize
    }

    /// The rbp that is to be found in memory, if the way outward depends on it.
    pub(super) fn needed_bp(&self) -> Option<Expected> {
        (self.bp.slot != self.own_bp()).then_some(self.bp)
    }
}

/// Most frames of a stack: twice what one walk records, so that room is made in large steps.
pub(super) const CAPACITY: usize = 2 * MAX_DEPTH;

/// A thread's last stack, and room for the next. Does not move once it is in use. All zeros is a
/// valid value, of no frames.
#[derive(Debug)]
#[repr(C)]
pub(super) struct LastStack {
    len: usize,
    /// The walk came to the end of the stack, as opposed to the asked depth.
    ended: bool,
    /// Only so many outermost frames may be met: up to the outermost that a signal interrupted,
    /// all when there is none.
    joinable: usize,
    /// No frame before this index has a `bp` worth checking.
    bp_start: usize,
    /// How many frames the last walk put on top of the stack before it.
    added: usize,
    /// The stack, outermost frame first, so that what changes is at the end. Behind it, during a
    /// walk, the frames walked anew, innermost first: the next pages are touched by deep stacks
    /// only.
    frames: [RememberedFrame; CAPACITY + MAX_DEPTH],
}

/// How a walk came to its end.
enum Outcome {
    /// Met the last stack: the frame just walked is this one of it, and so on outward.
    Met(usize),
    /// Came to the end of the stack.
    Ended,
    /// Walked as deep as was asked.
    DeepEnough,
}

impl LastStack {
    /// Walks outward from `caller` for at least `depth` frames, if the stack has so many, and
    /// keeps more if they come for free.
    pub(super) fn walk(&mut self, caller: &Caller, depth: usize) -> &mut Self {
        let start = self.len;
        let (walked, outcome) = self.walk_fresh(caller, depth.clamp(1, MAX_DEPTH));
        // The frame met is stored, and what is known of it stays; the fresh ones go on top.
        let (fresh, outer_fate) = match outcome {
            Outcome::Met(at) => {
                self.len = at + 1;
                if self.joinable > self.len {
                    self.joinable = CAPACITY;
                }
                (walked - 1, self.frames[at].bp_fate)
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
        self.take_fresh(start, fresh, outer_fate);
        self
    }

    /// Puts the frames behind those of the last stack; returns how many there are.
    fn walk_fresh(&mut self, caller: &Caller, depth: usize) -> (usize, Outcome) {
        let mut registers =
            Registers { pc: Pc::new(caller.pc, caller.kind), sp: caller.sp, bp: caller.bp };
        let (mut slot, mut bp_slot) = (caller.sp.wrapping_sub(8), 0);
        // How many of the last stack's frames, counted from the outermost, may still be met.
        let mut remaining = self.joinable.min(self.len);
        let start = self.len.min(CAPACITY);
        for at in 0..depth {
            while remaining > 0 && self.frames[remaining - 1].pc.slot < slot {
                remaining -= 1;
            }
            let frame = &mut self.frames[start + at];
            frame.pc = Expected { slot, value: registers.pc.bits() };
            frame.bp = Expected { slot: bp_slot, value: registers.bp };
            if remaining > 0 && self.frames[remaining - 1].is_at(slot, &registers) {
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
            self.frames[start + at].bp_fate = next.bp_fate;
            registers = next.registers;
            (slot, bp_slot) = (next.slot, next.bp_slot);
        }
        (depth, Outcome::DeepEnough)
    }

    /// How many of the `outer` outermost frames, counted from their innermost, have their return
    /// address, and their rbp where it matters, in place.
    #[inline(always)]
    pub(super) fn count_unchanged(&self, outer: usize) -> usize {
        if outer == 0 {
            return 0;
        }
        let innermost = &self.frames[outer - 1];
        // SAFETY: there are `outer` frames from this one back, each with a pair at its start.
        let matching = unsafe { probe::count_matching(&innermost.pc, -STRIDE, outer) };
        let checked = matching.min(outer.saturating_sub(self.bp_start));
        // SAFETY: as above, with the second pair of each frame.
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
            let is_bp_needed = self.frames[to + dropped].needed_bp().is_some();
            self.frames[to] = self.frames[to + dropped];
            if !is_bp_needed {
                self.frames[to].bp.slot = self.frames[to].own_bp();
            }
        }
        self.len = keep;
        self.ended = false;
        if self.joinable != CAPACITY {
            let joinable = self.joinable.saturating_sub(dropped);
            self.joinable = if joinable == 0 { CAPACITY } else { joinable };
        }
        self.bp_start = self.bp_start.saturating_sub(dropped);
    }

    /// Puts `count` of the frames walked anew, which begin at `start`, on top of the last stack.
    /// `outer_fate` is what becomes of an rbp that is carried out of them.
    fn take_fresh(&mut self, start: usize, count: usize, outer_fate: BpFate) {
        // A frame must not be overwritten before it is read. The stack ends at or before `start`: in
        // its order that is so.
        let is_apart = self.len + count <= start;
        if !is_apart {
            self.frames[start..start + count].reverse();
        }
        let mut fate = outer_fate;
        for nth in 0..count {
            let from = start + if is_apart { count - 1 - nth } else { nth };
            let RememberedFrame { pc, mut bp, bp_fate, .. } = self.frames[from];
            let to = self.len;
            if to > 0 && bp_fate != BpFate::Carried {
                fate = bp_fate;
            }
            if fate == BpFate::Used && bp.slot != 0 {
                self.bp_start = self.bp_start.min(to);
            } else {
                bp.slot = self.frames[to].own_bp();
            }
            self.frames[to] = RememberedFrame { pc, bp, id: TraceId::NONE, bp_fate: fate };
            self.len += 1;
            // A signal frame's stack pointer came from memory that is not checked, so nothing
            // inside of it is met. The innermost frame is no signal frame.
            let is_innermost = nth + 1 == count;
            let interrupted = !is_innermost && !Pc::from_bits(pc.value).is_return_address();
            if interrupted && self.joinable == CAPACITY {
                self.joinable = self.len;
            }
        }
    }

    /// Forgets the last stack: for a new owner, and after an interruption that never returned.
    pub(super) fn clear(&mut self) {
        self.restart(false);
    }

    /// Copies the innermost frames, at most `depth`.
    pub(super) fn copy_to(&self, out: &mut Frames, depth: usize) {
        out.clear();
        for frame in self.frames().iter().rev().take(depth) {
            out.push(Pc::from_bits(frame.pc.value));
        }
    }

    /// The frames, outermost first.
    #[inline(always)]
    pub(super) fn frames(&self) -> &[RememberedFrame] {
        &self.frames[..self.len]
    }

    /// As [`LastStack::frames`].
    pub(super) fn frames_mut(&mut self) -> &mut [RememberedFrame] {
        &mut self.frames[..self.len]
    }

    /// Frame `at`, counted from the outermost, if a later stack may be met there.
    #[inline(always)]
    pub(super) fn joinable_frame(&self, at: usize) -> Option<&RememberedFrame> {
        self.frames[..self.len.min(self.joinable)].get(at)
    }

    /// Whether a stack that shares the outermost `count` frames, and has `inner` others, has all
    /// the frames that are wanted of it if those are `depth`.
    #[inline(always)]
    pub(super) fn is_deep_enough(&self, inner: usize, count: usize, depth: usize) -> bool {
        self.ended || inner + count >= depth
    }

    /// How many frames the last walk put on top of the stack before it. None if it came through a
    /// signal frame: what came from that can't be checked.
    pub(super) fn added(&self) -> usize {
        if self.joinable == CAPACITY { self.added } else { 0 }
    }
}
