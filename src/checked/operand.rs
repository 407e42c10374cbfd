//! The operands of libc calls, held against the exact bounds of heap objects.
//!
//! A guard page sees an overrun that reaches it; the bytes between an object and its page's edge, and
//! what the kernel does with an address, it does not. Here a range is asked about before or after a
//! call touches it. Lock-free and allocation-free until there is something to report; errno is kept.

use crate::diagnose::{Direction, LibcCall, Misuse, Operand};
use crate::fault;
use crate::heap::large::LargeSpace;
use crate::heap::pool::Class;
use crate::heap::{Heap, MAX_SIZE, MOST_RESERVED_BYTES};
use crate::runtime;
use crate::trace::Caller;
use core::mem::offset_of;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// The address space in which operands are looked at; of no bytes while nothing is checked. Its
/// layout is known to the entries of the calls, which are assembler.
#[repr(C, align(32))]
pub struct Checked {
    pub base: AtomicUsize,
    pub bytes: AtomicUsize,
    /// The heap there: beside what was read already.
    heap: AtomicPtr<Heap>,
    /// Its large objects.
    large: AtomicPtr<LargeSpace>,
    /// For each [`GUESS_BYTES`] bytes, what is guessed to be the class of the objects there; null for large
    /// ones.
    guesses: [AtomicPtr<Class>; GUESSES],
}

impl Checked {
    /// Where assembler finds them: byte offsets.
    pub const LARGE_AT: usize = offset_of!(Checked, large);
    pub const GUESSES_AT: usize = offset_of!(Checked, guesses);
}

const _: () = assert!(offset_of!(Checked, base) == 0 && offset_of!(Checked, bytes) == 8);

/// Where the whole address space of the heap could be reserved, that of one class or two.
pub const GUESS_BYTES: usize = 2 << 40;
const GUESSES: usize = MOST_RESERVED_BYTES.div_ceil(GUESS_BYTES);

pub static CHECKED: Checked = Checked {
    base: AtomicUsize::new(0),
    bytes: AtomicUsize::new(0),
    heap: AtomicPtr::new(core::ptr::null_mut()),
    large: AtomicPtr::new(core::ptr::null_mut()),
    guesses: [const { AtomicPtr::new(core::ptr::null_mut()) }; GUESSES],
};

/// Begins to check, if the options say so.
pub fn enable() {
    if let Some(runtime) = runtime::get()
        && runtime.options.check_calls
    {
        let reserved = runtime.heap.reserved();
        CHECKED.heap.store((&raw const runtime.heap).cast_mut(), Ordering::Relaxed);
        for (number, guess) in CHECKED.guesses.iter().enumerate() {
            // By the last byte: where less could be reserved, that is with the smallest slots.
            let class = runtime.heap.class_near((number + 1) * GUESS_BYTES - 1);
            let class = class.map_or(core::ptr::null(), core::ptr::from_ref);
            guess.store(class.cast_mut(), Ordering::Relaxed);
        }
        CHECKED.large.store((&raw const *runtime.heap.large()).cast_mut(), Ordering::Relaxed);
        CHECKED.base.store(reserved.start, Ordering::Relaxed);
        CHECKED.bytes.store(reserved.len(), Ordering::Release);
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
    heap.room(address).unwrap_or_else(|| room_elsewhere(heap, address))
}

/// [`room`] where no object is: none, unless the heap has given the address to the program.
#[cold]
#[inline(never)]
fn room_elsewhere(heap: &Heap, address: usize) -> usize {
    if heap.contains(address) { 0 } else { usize::MAX }
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
