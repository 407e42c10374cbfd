//! Calls that fail with EFAULT: with `mappings=check` their operands are looked at then.
//!
//! Nothing stands in front of libc's functions without that option. With it, `next` leads to a routine that calls libc's
//! function itself, and looks at the operands when that has returned -1. What the program sees of the call stays the same.
//!
//! The kernel does not say which operand it could not use. So something is told only if just one of them is bad.

use super::entry::Call;
use crate::diagnose::{Direction, Operand};
use crate::fault::refusal::{self, Refusal};
use crate::sys::errno::{self, Errno};
use crate::sys::next::Next;
use crate::sys::passed;
use crate::trace;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Programs find out whether memory is there by calls about one byte.
const LEAST_BYTES: usize = 2;

/// Whether calls that fail are looked at.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// What stands in front of one of libc's functions.
#[repr(C)]
pub struct Front {
    /// libc's function. It is the first field, which the routine in assembler reads.
    function: AtomicUsize,
    next: &'static Next,
    routine: extern "C" fn(),
}

impl Front {
    pub const fn new(next: &'static Next, routine: extern "C" fn()) -> Front {
        Front { function: AtomicUsize::new(0), next, routine }
    }

    /// Puts the routine in front of libc's function, if `is_wanted` says so of that one's address.
    pub fn stand(&self, is_wanted: impl FnOnce(usize) -> bool) {
        if let Some(function) = self.next.address().filter(|address| is_wanted(address.get())) {
            self.function.store(function.get(), Ordering::Release);
            self.next.lead_to(self.routine as *const ());
            IS_ON.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether a call that has returned `result` has failed, and is to be looked at.
pub fn has_failed(result: usize) -> bool {
    result as i32 == -1 && IS_ON.load(Ordering::Relaxed)
}

/// Looks at the operands of a call that has failed, which `list` passes on. Keeps errno.
#[cold]
pub fn look(call: &Call<'_>, list: fn(&Call<'_>, &mut Operands)) {
    if errno::get() != Errno(libc::EFAULT) || !refusal::is_looked_for() {
        return;
    }
    let mut operands = Operands { bad: None, is_clear: true };
    list(call, &mut operands);
    if let (Some((operand, direction, at)), true) = (operands.bad, operands.is_clear) {
        let (function, caller) = (call.site.function, call.site.caller);
        refusal::report(Refusal { function, caller, direction, operand, at });
    }
    errno::set(Errno(libc::EFAULT));
}

/// The same, unless the call is one of the runtime's own.
#[cold]
pub fn look_unless_own(call: &Call<'_>, list: fn(&Call<'_>, &mut Operands)) {
    let own = trace::module_of(look as *const () as usize);
    if !own.is_some_and(|own| own.contains(call.site.caller.pc)) {
        look(call, list);
    }
}

/// The operands of a call, each of which is looked at when it is passed.
pub struct Operands {
    /// The first that is bad, and its first byte that is.
    bad: Option<(Operand, Direction, usize)>,
    /// Whether no other one is bad.
    is_clear: bool,
}

impl Operands {
    /// The call reads `bytes` bytes from `start` on.
    pub fn reads(&mut self, name: &'static str, start: usize, bytes: usize) {
        self.add(Operand { name, start, bytes }, Direction::Read);
    }

    /// The call may write to `bytes` bytes from `start` on. Many such operands may be null.
    pub fn writes(&mut self, name: &'static str, start: usize, bytes: usize) {
        if start != 0 {
            self.add(Operand { name, start, bytes }, Direction::Write);
        }
    }

    /// The call reads a string, of which one byte may do.
    pub fn text(&mut self, start: usize) {
        self.is_clear &= passed::is_readable_to_kernel(start);
    }

    fn add(&mut self, operand: Operand, direction: Direction) {
        if operand.bytes == 0 {
            return;
        }
        let Some(at) = refusal::first_bad(&operand, direction) else { return };
        if operand.bytes < LEAST_BYTES || self.bad.is_some() {
            self.is_clear = false;
        } else {
            self.bad = Some((operand, direction, at));
        }
    }

    /// The call uses buffers, of which the kernel takes the first that is bad.
    pub fn first_of(&mut self, buffers: impl Iterator<Item = Operand>, direction: Direction) {
        let is_bad = |operand: &Operand| {
            operand.bytes > 0 && refusal::first_bad(operand, direction).is_some()
        };
        if let Some(bad) = { buffers }.find(is_bad) {
            self.add(bad, direction);
        }
    }
}
