//! A whole walk, and the reuse of the last one.
//!
//! Consecutive stacks of a thread share their outer frames. A walk keeps, for every frame, the
//! slot that its return address was loaded from and the value found there. The next walk steps
//! outward only until it meets a frame of the last one, the same value in the same slot; if all
//! slots further out still hold their values as well, which takes one load each, the rest of the
//! stack is the same and is taken over.
//!
//! Why this is exact: a frame's rule depends on its pc alone, so from the same pc and sp the walk
//! takes the same way as long as the rules go by sp. Rules that go by rbp need the same rbp too;
//! so if a frame's rbp was used further out, before it was restored from the stack, the two must
//! agree. (An rbp restored from the stack further out is not
//! checked again. It could differ only if a frame of variable size was replaced by one of another
//! size that left every inner frame in place and every return address beyond it intact.) A signal
//! frame's sp comes from memory as well: nothing inside of one is taken over.

use super::caller::Caller;
use super::depot::{Depot, TraceId};
use super::frames::{Frames, MAX_DEPTH, Pc};
use super::unwind::{BpFate, Registers, step};
use crate::sys::probe;

/// One stack, as found. All zeros is a valid one, of no frames.
#[derive(Debug)]
pub(super) struct Walk {
    len: usize,
    /// The walk came to the end of the stack, as opposed to the asked depth.
    ended: bool,
    /// The outermost frame that was interrupted by a signal, 0 for none. Inside of it, nothing is
    /// taken over.
    join_floor: usize,
    /// Where each frame's pc was loaded from. For frame 0: the word below its sp, which is that
    /// for a caller, and as good a mark for an interrupted frame.
    slots: [usize; MAX_DEPTH],
    /// `Pc` bits; for return addresses, just the value in the slot.
    values: [usize; MAX_DEPTH],
    bps: [usize; MAX_DEPTH],
    /// Name of the stack from this frame outward, NONE when not stored yet.
    ids: [TraceId; MAX_DEPTH],
    /// What the step outward from each frame did with its rbp.
    bp_fates: [BpFate; MAX_DEPTH],
}

/// The last walk and room for the next. All zeros is a valid value.
#[derive(Debug)]
pub(super) struct Memo {
    walks: [Walk; 2],
    /// Index of the last walk, 0 or 1.
    last: usize,
}

impl Memo {
    /// Walks outward from `caller` for at least `depth` frames, if the stack has so many, and more
    /// if they come for free.
    pub(super) fn walk(&mut self, caller: &Caller, depth: usize) -> &mut Walk {
        let [first, second] = &mut self.walks;
        let (old, new) = if self.last == 0 { (first, second) } else { (second, first) };
        new.record(caller, old, depth.clamp(1, MAX_DEPTH));
        self.last ^= 1;
        new
    }

    /// Forgets the last walk: for a new owner, and after an interruption that never returned.
    pub(super) fn clear(&mut self) {
        for walk in &mut self.walks {
            walk.len = 0;
        }
    }
}

impl Walk {
    fn record(&mut self, caller: &Caller, old: &Walk, depth: usize) {
        self.len = 0;
        self.ended = false;
        self.join_floor = 0;
        let mut registers =
            Registers { pc: Pc::new(caller.pc, caller.kind), sp: caller.sp, bp: caller.bp };
        let mut slot = caller.sp.wrapping_sub(8);
        // First frame of the old walk that this one may still meet.
        let mut meet = 0;
        loop {
            let at = self.len;
            self.slots[at] = slot;
            self.values[at] = registers.pc.bits();
            self.bps[at] = registers.bp;
            self.ids[at] = TraceId::NONE;
            self.bp_fates[at] = BpFate::Restored;
            self.len += 1;
            while meet < old.len && old.slots[meet] < slot {
                meet += 1;
            }
            if meet < old.len && old.is_at(meet, slot, &registers) {
                let rest = meet + 1..old.len;
                if !old.ended && self.len + rest.len() < depth {
                    // The old walk stopped too early for this one.
                    meet = old.len;
                } else {
                    let (slots, values) = (&old.slots[rest.clone()], &old.values[rest.clone()]);
                    let matching = probe::count_matching(slots, values);
                    if matching == rest.len() {
                        self.take_over(old, meet);
                        break;
                    }
                    // Frames up to the one that differs have other callers now.
                    meet += matching + 2;
                }
            }
            if self.len >= depth {
                break;
            }
            let Some(next) = step(&registers) else {
                self.ended = true;
                // What ended the walk may have been this rbp.
                self.bp_fates[at] = BpFate::Used;
                break;
            };
            self.bp_fates[at] = next.bp_fate;
            if !next.registers.pc.is_return_address() {
                self.join_floor = self.len;
            }
            registers = next.registers;
            slot = next.slot;
        }
    }

    /// Whether frame `at` is the one with `registers`, found in `slot`, and the way outward from
    /// it the same as long as the slots are.
    fn is_at(&self, at: usize, slot: usize, registers: &Registers) -> bool {
        self.slots[at] == slot
            && self.values[at] == registers.pc.bits()
            && at >= self.join_floor
            && (self.bps[at] == registers.bp || !self.bp_matters(at))
    }

    /// Whether a step from frame `at` or further out needs the rbp that frame `at` has.
    fn bp_matters(&self, at: usize) -> bool {
        let fates = self.bp_fates[at..self.len].iter();
        fates.skip_while(|fate| **fate == BpFate::Carried).next() == Some(&BpFate::Used)
    }

    /// The frames of `old` beyond `from` follow the last frame here, which is the same as `from`.
    fn take_over(&mut self, old: &Walk, from: usize) {
        let at = self.len - 1;
        self.ids[at] = old.ids[from];
        self.bp_fates[at] = old.bp_fates[from];
        let count = (old.len - from - 1).min(MAX_DEPTH - self.len);
        let (to, from) = (self.len..self.len + count, from + 1..from + 1 + count);
        self.slots[to.clone()].copy_from_slice(&old.slots[from.clone()]);
        self.values[to.clone()].copy_from_slice(&old.values[from.clone()]);
        self.bps[to.clone()].copy_from_slice(&old.bps[from.clone()]);
        self.ids[to.clone()].copy_from_slice(&old.ids[from.clone()]);
        self.bp_fates[to].copy_from_slice(&old.bp_fates[from.clone()]);
        self.ended = old.ended && from.end == old.len;
        self.len += count;
    }

    /// Stores the stack; what was taken over from a stored one costs nothing.
    pub(super) fn intern(&mut self, depot: &Depot) -> TraceId {
        let ids = &mut self.ids[..self.len];
        let stored = ids.iter().position(|id| !id.is_none()).unwrap_or(ids.len());
        let mut id = ids.get(stored).copied().unwrap_or(TraceId::NONE);
        for at in (0..stored).rev() {
            id = depot.child(id, Pc::from_bits(self.values[at]));
            ids[at] = id;
            if id.is_none() {
                break;
            }
        }
        id
    }

    /// Copies the innermost frames, at most `depth`.
    pub(super) fn copy_to(&self, out: &mut Frames, depth: usize) {
        out.clear();
        for &value in &self.values[..self.len.min(depth)] {
            out.push(Pc::from_bits(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::PcKind;
    use super::*;

    fn memo() -> Box<Memo> {
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

    #[inline(never)]
    fn wander(memo: &mut Memo, depth: usize, random: &mut u32, budget: u32) {
        check(memo, depth);
        for _ in 0..3 {
            *random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            match *random >> 30 {
                0 | 1 if budget > 0 => wander(memo, depth, random, budget - 1),
                2 if budget > 0 => [1].iter().for_each(|_| wander(memo, depth, random, budget - 1)),
                _ => check(memo, depth),
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
        let code = a_changed_caller_is_noticed as *const () as usize & !0xfff;
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
        let _ = code;
        let long = [(base + 32, base + 1), (base + 48, base + 2), (0, base + 3)];
        assert_eq!(expect(&long), 4);
        assert_eq!(expect(&long), 4);
        assert_eq!(expect(&[(base + 32, base + 1), (base + 48, base + 5), (0, base + 3)]), 4);
        assert_eq!(expect(&[(base + 32, base + 1), (0, base + 5)]), 3);
    }
}
