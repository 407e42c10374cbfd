//! The innermost frames of a stack, and what must hold for the next call from the same place to have the same ones.
//!
//! They name the place of an allocation without a whole walk. Whoever keeps an [`Innermost`] needs no step at all the
//! next time: the same pc, stack pointer and, if it matters, rbp, with the same words in the slots that the steps have
//! read, lead to the same frames (`walk` says why).

use super::frames::{Caller, Pc};
use super::unwind::{BpFate, CallerFrame, Registers, step};
use crate::sys::probe::{self, Expected};

/// How many frames name a place: the caller of malloc, and three outer ones, as programs wrap malloc.
pub const INNERMOST: usize = 4;

/// The most words that must be unchanged: a return address for each step, and perhaps two frame pointers.
pub const MOST_CHECKS: usize = 5;

/// The innermost frames of one stack. All zeros is valid, and is no stack's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Innermost {
    /// The bits of the first frame's pc.
    pc: usize,
    sp: usize,
    bp: usize,
    checks: [Expected; MOST_CHECKS],
    /// How many of `checks` must hold.
    count: u8,
    /// Whether the rbp must be the same.
    uses_bp: bool,
}

impl Innermost {
    /// Whether `caller` has the frames that this was made from.
    #[inline(always)]
    pub fn is_of(&self, caller: &Caller) -> bool {
        self.pc == Pc::new(caller.pc, caller.kind).bits()
            && self.sp == caller.sp
            && (!self.uses_bp || self.bp == caller.bp)
            && self.is_unchanged()
    }

    #[inline(always)]
    fn is_unchanged(&self) -> bool {
        let (first, count) = (self.checks.as_ptr(), usize::from(self.count));
        // SAFETY: `count` is at most the number of checks, which lie side by side.
        unsafe { probe::count_matching(first, size_of::<Expected>() as isize, count) == count }
    }

    /// Steps outward from `caller`. Returns the addresses of its frames, innermost first and zeros behind the outermost,
    /// and what must hold for them. Of the same stack it always returns the same frames.
    ///
    /// Async-signal-safe; keeps errno. The first sight of a module allocates.
    pub fn find(caller: &Caller) -> ([usize; INNERMOST], Innermost) {
        let first = Registers { pc: Pc::new(caller.pc, caller.kind), sp: caller.sp, bp: caller.bp };
        let mut found = Innermost {
            pc: first.pc.bits(),
            sp: caller.sp,
            bp: caller.bp,
            checks: [Expected { slot: 0, value: 0 }; MOST_CHECKS],
            count: 0,
            uses_bp: false,
        };
        let mut pcs = [0; INNERMOST];
        pcs[0] = first.pc.address();
        let mut steps: [Option<CallerFrame>; INNERMOST] = [None; INNERMOST];
        let mut registers = first;
        for at in 1..INNERMOST {
            let Some(next) = step(&registers) else { break };
            if !next.registers.pc.is_return_address() {
                // What a signal has interrupted is found by words that are not checked.
                break;
            }
            let fits = next.bp_fate != BpFate::Used || found.needs_bp_of(&steps[1..at]);
            if !fits || !found.expect(next.slot, next.registers.pc.bits()) {
                break;
            }
            pcs[at] = next.registers.pc.address();
            steps[at] = Some(next);
            registers = next.registers;
        }
        (pcs, found)
    }

    /// Notes that the rbp of the frame behind `steps` matters. False if there is no room for that.
    fn needs_bp_of(&mut self, steps: &[Option<CallerFrame>]) -> bool {
        let loaded = steps.iter().rev().flatten().find(|step| step.bp_slot != 0);
        match loaded {
            Some(step) => self.expect(step.bp_slot, step.registers.bp),
            None => {
                self.uses_bp = true;
                true
            }
        }
    }

    fn expect(&mut self, slot: usize, value: usize) -> bool {
        let Some(check) = self.checks.get_mut(usize::from(self.count)) else { return false };
        *check = Expected { slot, value };
        self.count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Frames, walk};
    use core::hint::black_box;

    #[inline(never)]
    fn inner(depth: usize) -> ([usize; INNERMOST], Innermost, bool) {
        if depth > 0 {
            return black_box(inner(black_box(depth - 1)));
        }
        let caller = Caller::here();
        let (pcs, found) = Innermost::find(&caller);
        let mut frames = Frames::new();
        walk(caller, &mut frames);
        let walked: Vec<usize> =
            frames.as_slice().iter().take(INNERMOST).map(|pc| pc.address()).collect();
        assert_eq!(pcs[..], walked[..]);
        (pcs, found, found.is_of(&caller))
    }

    #[test]
    fn they_are_those_of_a_walk_and_are_known_again() {
        crate::trace::init();
        let (first, found, is_same) = inner(6);
        assert!(is_same);
        // The frames have gone, so other words are in their slots; or the same, after the same calls.
        let (second, again, _) = inner(6);
        assert_eq!((first, found.count, found.sp), (second, again.count, again.sp));
        assert_ne!(inner(0).0, first);
    }

    #[test]
    fn another_stack_pointer_or_word_is_another_stack() {
        crate::trace::init();
        let caller = Caller::here();
        let (_, mut found) = Innermost::find(&caller);
        assert!(found.is_of(&caller));
        assert!(!found.is_of(&Caller { sp: caller.sp + 16, ..caller }));
        assert!(!found.is_of(&Caller { pc: caller.pc + 1, ..caller }));
        found.checks[0].value ^= 1;
        assert!(!found.is_of(&caller));
    }
}
