//! A whole walk, and how it reuses the last one.
//!
//! Consecutive stacks of a thread share their outer frames. A walk keeps, for every frame, the slot that its return
//! address was loaded from, and the value there. The next walk steps outward only until it meets a frame of the last
//! one: the same value in the same slot. If all slots further out still hold their values, which takes one load each,
//! the rest of the stack is the same and is taken over.
//!
//! Why this is exact: a frame's rule depends on its pc only, so from the same pc and sp the walk takes the same way as
//! long as the rules go by sp. If a rule goes by rbp, that must be the same too. So the rbp of the frame where the
//! walks meet is compared, and the slots further out that it was restored from are checked together with the return
//! addresses; code compiled without frame pointers has few of those. A signal frame's sp comes from memory too, so
//! nothing inside of one is taken over. (The CFA that a frame with over-aligned locals saved is not checked: it differs
//! only if another such frame, with other padding, is in the same place.)

use super::depot::TraceId;
use super::frames::{Caller, Frames, MAX_DEPTH, Pc};
use super::unwind::{BpFate, Registers, step};
use crate::sys::probe::{self, Expected};

/// One frame, and what to check before its way outward is taken again. All zeros is a valid value.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct RememberedFrame {
    /// The slot that the frame's pc was loaded from, and the pc's `Pc` bits, which are the slot's value for a return
    /// address. The slot of frame 0 is the word below its sp: its real slot if the frame made a call, and as good a
    /// mark if it was interrupted.
    pub(super) pc: Expected,
    /// The frame's rbp, and the slot that it was loaded from. If the way outward does not depend on it, the slot is the
    /// address of `bp.value` itself once the frame is part of a stack, so the check succeeds.
    pub(super) bp: Expected,
    /// The number of the stack from this frame outward; NONE while that is not stored.
    pub(super) id: TraceId,
    /// Whether the way outward depends on the rbp. `Carried` occurs during a walk only.
    pub(super) bp_fate: BpFate,
}

const STRIDE: isize = size_of::<RememberedFrame>() as isize;

impl RememberedFrame {
    /// Whether this frame is the one with `registers`, found in `slot`, so that the way outward from it is the same as
    /// long as the slots are.
    #[inline]
    fn is_at(&self, slot: usize, registers: &Registers) -> bool {
        self.pc.slot == slot
            && self.pc.value == registers.pc.bits()
            && (self.bp.value == registers.bp || self.bp_fate != BpFate::Used)
    }

    /// Returns the address of `bp.value`, which stands for a slot whose check always succeeds.
    fn own_bp(&self) -> usize {
        &raw const self.bp.value as usize
    }

    /// Returns the rbp that must be found in memory, if the way outward depends on it.
    pub(super) fn needed_bp(&self) -> Option<Expected> {
        (self.bp.slot != self.own_bp()).then_some(self.bp)
    }
}

/// The most frames of a stack: twice what one walk records, so that room is made in large steps.
pub(super) const CAPACITY: usize = 2 * MAX_DEPTH;

/// A thread's last stack, and room for the next. It does not move while in use. All zeros is valid, and has no frames.
#[derive(Debug)]
#[repr(C)]
pub(super) struct LastStack {
    len: usize,
    /// Whether the walk reached the end of the stack, and not only the wanted depth.
    ended: bool,
    /// How many of the outermost frames may be met: those up to the outermost frame that a signal interrupted; all if
    /// there is none.
    joinable: usize,
    /// No frame before this index has a `bp` that must be checked.
    bp_start: usize,
    /// How many frames the last walk put on top of the stack before it.
    added: usize,
    /// The stack, outermost frame first, so that changes are at its end. During a walk the new frames follow, innermost
    /// first. Only deep stacks touch the next pages.
    frames: [RememberedFrame; CAPACITY + MAX_DEPTH],
}

/// How a walk ended.
enum Outcome {
    /// It met this frame of the last stack, which continues outward from there.
    Met(usize),
    /// It reached the end of the stack.
    Ended,
    /// It reached the wanted depth.
    DeepEnough,
}

impl LastStack {
    /// Walks outward from `caller` for at least `depth` frames, if the stack has so many. Keeps more if they cost
    /// nothing.
    pub(super) fn walk(&mut self, caller: &Caller, depth: usize) -> &mut Self {
        let start = self.len;
        let (walked, outcome) = self.walk_fresh(caller, depth.clamp(1, MAX_DEPTH));
        // The frame that was met is stored already, and stays as it is. The new frames go on top.
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
                // The walk may have ended because of the outermost frame's rbp.
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

    /// Puts the walked frames behind those of the last stack. Returns their number.
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

    /// Returns how many of the `outer` outermost frames, counted from the innermost of these, have their return
    /// addresses, and their rbp if it matters, in place.
    #[inline(always)]
    pub(super) fn count_unchanged(&self, outer: usize) -> usize {
        if outer == 0 {
            return 0;
        }
        let innermost = &self.frames[outer - 1];
        // SAFETY: there are `outer` frames from this one back, each with a pair at its start.
        let matching = unsafe { probe::count_matching(&innermost.pc, -STRIDE, outer) };
        let checked = matching.min(outer.saturating_sub(self.bp_start));
        // SAFETY: there are `outer` frames from this one back, each with a second pair `bp`.
        let matching_bp = unsafe { probe::count_matching(&innermost.bp, -STRIDE, checked) };
        if matching_bp == checked { matching } else { matching_bp }
    }

    /// Forgets the last stack, before one that has nothing in common with it.
    fn restart(&mut self, ended: bool) {
        self.len = 0;
        self.ended = ended;
        self.joinable = CAPACITY;
        self.bp_start = CAPACITY;
    }

    /// Drops outermost frames, if necessary, so that `more` fit.
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

    /// Puts `count` of the new frames, which begin at `start`, on top of the last stack. `outer_fate` is what happens
    /// to an rbp that is carried out of them.
    fn take_fresh(&mut self, start: usize, count: usize, outer_fate: BpFate) {
        // A frame must not be overwritten before it is read. If the frames are in the stack's order, that can't happen,
        // as the stack ends at or before `start`.
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
            // A signal frame's stack pointer came from memory that is not checked, so nothing inside of it may be met.
            // The innermost frame is no signal frame.
            let is_innermost = nth + 1 == count;
            let interrupted = !is_innermost && !Pc::from_bits(pc.value).is_return_address();
            if interrupted && self.joinable == CAPACITY {
                self.joinable = self.len;
            }
        }
    }

    /// Forgets the last stack, for a new owner, or after a walk that was interrupted and never continued.
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

    /// Returns the frames, outermost first.
    #[inline(always)]
    pub(super) fn frames(&self) -> &[RememberedFrame] {
        &self.frames[..self.len]
    }

    /// Returns the frames, outermost first, to be changed.
    pub(super) fn frames_mut(&mut self) -> &mut [RememberedFrame] {
        &mut self.frames[..self.len]
    }

    /// Returns frame `at`, counted from the outermost, if a later stack may meet it.
    #[inline(always)]
    pub(super) fn joinable_frame(&self, at: usize) -> Option<&RememberedFrame> {
        self.frames[..self.len.min(self.joinable)].get(at)
    }

    /// Whether a stack that shares the outermost `count` frames, and has `inner` other ones, has all the frames that
    /// are wanted with a depth of `depth`.
    #[inline(always)]
    pub(super) fn is_deep_enough(&self, inner: usize, count: usize, depth: usize) -> bool {
        self.ended || inner + count >= depth
    }

    /// Returns how many frames the last walk put on top of the stack before it; 0 if it came through a signal frame, as
    /// the frames inside of that can't be checked.
    pub(super) fn added(&self) -> usize {
        if self.joinable == CAPACITY { self.added } else { 0 }
    }
}
