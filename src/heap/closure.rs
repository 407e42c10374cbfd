//! The heap under a seccomp filter that forbids what guarding takes: from then on it is closed, and objects go
//! to the next allocator as they are. Nothing is known of them, as the tables can't grow either.

use super::tally::Reason;
use super::{next_heap, private};
use crate::sys::sandbox::{Coming, Need};
use core::sync::atomic::{AtomicBool, Ordering};

/// Memory that is set aside for the program where it can get no more, even for what its own allocator would
/// have had in store by then.
const STOCK_BYTES: usize = 8 << 20;

/// Whether the heap is closed, and what its objects come from.
#[derive(Default)]
pub struct Closure {
    is_closed: AtomicBool,
    has_stock: AtomicBool,
}

impl Closure {
    /// Closes the heap for good, for a filter that is about to be installed.
    pub fn close(&self, filter: &Coming) {
        if !filter.allows(Need::NativeMemory) {
            private::stock_up(STOCK_BYTES);
            self.has_stock.store(true, Ordering::Relaxed);
        }
        self.is_closed.store(true, Ordering::Release);
    }

    /// Undoes [`Closure::close`]: the filter was not installed.
    pub fn reopen(&self) {
        self.is_closed.store(false, Ordering::Release);
    }

    /// Whether objects are not guarded any more, and may be the next allocator's.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub fn refuse_if_closed(&self) -> Result<(), Reason> {
        if self.is_closed() { Err(Reason::Forbidden) } else { Ok(()) }
    }

    /// An object that nothing is known of.
    #[cold]
    pub fn allocate_plainly(&self, size: usize, align: usize, zeroed: bool) -> *mut u8 {
        if self.has_stock.load(Ordering::Relaxed) {
            let object = private::allocate_from_stock(size, align);
            if !object.is_null() {
                return object;
            }
        }
        next_heap::allocate(size, align, zeroed)
    }
}

/// Has the next allocator do what it does at first only: glibc's asks for randomness, and for an arena of the
/// thread. Without us it would have done so by now.
pub fn warm_up_next() {
    const BYTES: usize = 100 << 10;
    let object = next_heap::allocate(BYTES, 1, false);
    if !object.is_null() {
        // SAFETY: just allocated there, and known to nobody else.
        unsafe { next_heap::free(object as usize) };
    }
}
