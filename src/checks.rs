//! The operands of libc calls, held against the exact bounds of heap objects.
//!
//! A guard page sees an overrun that reaches it; the bytes between an object and its page's edge, and
//! what the kernel does with an address, it does not. Here a range is asked about before or after a
//! call touches it. Lock-free and allocation-free until there is something to report; errno is kept.

use crate::diagnose::{Direction, LibcCall, Misuse, Operand};
use crate::fault;
use crate::heap::{Heap, MAX_SIZE};
use crate::runtime;
use crate::trace::Caller;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// The address space in which operands are looked at; of no bytes while nothing is checked. Its
/// layout is known to the entries of the calls, which are assembler.
#[repr(C, align(32))]
pub struct Checked {
    pub base: AtomicUsize,
    pub bytes: AtomicUsize,
    /// The heap there: beside what was read already.
    heap: AtomicPtr<Heap>,
}

pub static CHECKED: Checked = Checked {
    base: AtomicUsize::new(0),
    bytes: AtomicUsize::new(0),
    heap: AtomicPtr::new(core::ptr::null_mut()),
};

/// Begins to check, if the options say so.
pub fn enable() {
    if let Some(runtime) = runtime::get()
        && runtime.options.check_calls
    {
        let (base, bytes) = runtime.heap.reserved();
        CHECKED.heap.store((&raw const runtime.heap).cast_mut(), Ordering::Relaxed);
        CHECKED.base.store(base, Ordering::Relaxed);
        CHECKED.bytes.store(bytes, Ordering::Release);
    }
}

/// Whether an operand at `address` is looked at.
#[inline]
pub fn is_checked(address: usize) -> bool {
    address.wrapping_sub(CHECKED.base.load(Ordering::Relaxed))
        < CHECKED.bytes.load(Ordering::Acquire)
}

/// Bytes that a call may touch at `address`: unbounded for what is not looked at.
#[inline(always)]
pub fn room(address: usize) -> usize {
    if !is_checked(address) {
        return usize::MAX;
    }
    // SAFETY: never null while addresses are checked, and the runtime stays.
    let heap = unsafe { &*CHECKED.heap.load(Ordering::Relaxed) };
    heap.room(address).unwrap_or(0)
}

/// Whether a call may touch `bytes` bytes at `address`. The usual answer, in few instructions.
#[inline(always)]
pub fn fits(address: usize, bytes: usize) -> bool {
    bytes == 0 || bytes <= room(address)
}

/// Whether a live object ends at `address`: a buffer there is none, but neither is it stale.
pub fn is_end(address: usize) -> bool {
    runtime::get().is_some_and(|runtime| runtime.heap.room(address) == Some(0))
}

/// A call under way.
#[derive(Clone, Copy)]
pub struct Site {
    pub function: &'static str,
    pub caller: Caller,
}

impl Site {
    /// The call reads `bytes` bytes at `start`.
    #[inline]
    pub fn reads(&self, name: &'static str, start: usize, bytes: usize) {
        self.touches(Direction::Read, Operand { name, start, bytes });
    }

    /// The call writes `bytes` bytes at `start`.
    #[inline]
    pub fn writes(&self, name: &'static str, start: usize, bytes: usize) {
        self.touches(Direction::Write, Operand { name, start, bytes });
    }

    #[inline]
    fn touches(&self, direction: Direction, operand: Operand) {
        if operand.bytes == 0 {
            return;
        }
        let inside = room(operand.start);
        if operand.bytes <= inside {
            return;
        }
        self.report(match operand.bytes {
            bytes if bytes > MAX_SIZE => Misuse::Size { bytes, at: operand.start },
            _ => Misuse::OutOfBounds { direction, operand, inside },
        });
    }

    /// The two ranges must not overlap. Asked only of operands of which one is looked at.
    #[inline]
    pub fn distinct(&self, destination: (usize, usize), source: (usize, usize)) {
        let operand = |name, (start, bytes)| Operand { name, start, bytes };
        let destination = operand("destination", destination);
        let source = operand("source", source);
        if is_checked(destination.start) && destination.overlaps(&source) {
            self.report(Misuse::Overlap { destination, source });
        }
    }

    #[cold]
    fn report(&self, misuse: Misuse) {
        if let Some(runtime) = runtime::get() {
            let Site { function, caller } = *self;
            fault::report_libc(runtime, LibcCall { function, caller, misuse });
        }
    }
}
