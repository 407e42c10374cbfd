//! The operands of libc calls, compared with the exact bounds of heap objects.
//!
//! A guard page catches an overrun that reaches it. It does not see the bytes between an object and its page's edge,
//! nor what the kernel does with an address. Here ranges are checked before or after a call touches them. Takes no lock
//! and allocates nothing unless there is something to report. Keeps errno.

use crate::diagnose::{Direction, LibcCall, Misuse, Operand};
use crate::fault;
use crate::heap::large::LargeSpace;
use crate::heap::pool::Class;
use crate::heap::{Heap, MAX_SIZE, MOST_RESERVED_BYTES};
use crate::runtime;
use crate::trace::Caller;
use core::mem::offset_of;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// The addresses at which operands are checked; no bytes while nothing is checked. The calls' entries, in assembler,
/// know this layout.
#[repr(C, align(32))]
pub struct Checked {
    pub base: AtomicUsize,
    pub bytes: AtomicUsize,
    /// The heap at these addresses. It is next to what a check has just read.
    heap: AtomicPtr<Heap>,
    /// The heap's large objects.
    large: AtomicPtr<LargeSpace>,
    /// For each [`GUESS_BYTES`] bytes, the class that objects there probably have; null for large objects.
    guesses: [AtomicPtr<Class>; GUESSES],
}

impl Checked {
    /// Byte offsets of two fields, for the assembler.
    pub const LARGE_AT: usize = offset_of!(Checked, large);
    pub const GUESSES_AT: usize = offset_of!(Checked, guesses);
}

const _: () = assert!(offset_of!(Checked, base) == 0 && offset_of!(Checked, bytes) == 8);

/// If all the address space was reserved that the heap wants, so many bytes hold one or two classes.
pub const GUESS_BYTES: usize = 2 << 40;
const GUESSES: usize = MOST_RESERVED_BYTES.div_ceil(GUESS_BYTES);

pub static CHECKED: Checked = Checked {
    base: AtomicUsize::new(0),
    bytes: AtomicUsize::new(0),
    heap: AtomicPtr::new(core::ptr::null_mut()),
    large: AtomicPtr::new(core::ptr::null_mut()),
    guesses: [const { AtomicPtr::new(core::ptr::null_mut()) }; GUESSES],
};

/// Begins to check operands, if the options say so.
pub fn enable() {
    if let Some(runtime) = runtime::get()
        && runtime.options.check_calls
    {
        let reserved = runtime.heap.reserved();
        CHECKED.heap.store((&raw const runtime.heap).cast_mut(), Ordering::Relaxed);
        for (number, guess) in CHECKED.guesses.iter().enumerate() {
            // By the last byte: if less could be reserved, the smallest slots are there.
            let class = runtime.heap.class_near((number + 1) * GUESS_BYTES - 1);
            let class = class.map_or(core::ptr::null(), core::ptr::from_ref);
            guess.store(class.cast_mut(), Ordering::Relaxed);
        }
        CHECKED.large.store((&raw const *runtime.heap.large()).cast_mut(), Ordering::Relaxed);
        CHECKED.base.store(reserved.start, Ordering::Relaxed);
        CHECKED.bytes.store(reserved.len(), Ordering::Release);
    }
}

/// Whether operands at `address` are checked.
#[inline]
pub fn is_checked(address: usize) -> bool {
    address.wrapping_sub(CHECKED.base.load(Ordering::Relaxed))
        < CHECKED.bytes.load(Ordering::Acquire)
}

/// Returns how many bytes a call may touch at `address`; [`usize::MAX`] where nothing is checked.
#[inline(always)]
pub fn room(address: usize) -> usize {
    if !is_checked(address) {
        return usize::MAX;
    }
    // SAFETY: the pointer was set before any address was checked, and the runtime is never freed.
    let heap = unsafe { &*CHECKED.heap.load(Ordering::Relaxed) };
    heap.room(address).unwrap_or_else(|| room_elsewhere(heap, address))
}

/// Returns [`room`] where there is no object: 0, or [`usize::MAX`] if the heap gave the address to the program, or the program
/// has mapped something there itself.
#[cold]
#[inline(never)]
fn room_elsewhere(heap: &Heap, address: usize) -> usize {
    let is_heaps = heap.contains(address) && !heap.program_pages().are_taken(address);
    if is_heaps { 0 } else { usize::MAX }
}

/// Whether a live object ends at `address`. A buffer there has no bytes, but it is not stale.
pub fn is_end(address: usize) -> bool {
    runtime::get().is_some_and(|runtime| runtime.heap.room(address) == Some(0))
}

/// A call, for the reports about it.
#[derive(Clone, Copy)]
pub struct Site {
    pub function: &'static str,
    pub caller: Caller,
}

impl Site {
    /// Checks that the call may read `bytes` bytes at `start`, and reports it if not.
    #[inline]
    pub fn reads(&self, name: &'static str, start: usize, bytes: usize) {
        self.touches(Direction::Read, Operand { name, start, bytes });
    }

    /// Checks that the call may write `bytes` bytes at `start`, and reports it if not.
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

    /// Checks that two ranges do not overlap. Called only if at least one of them is in the heap.
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
