//! The heap under a seccomp filter that forbids what guarding needs. It is closed then: objects come straight from the
//! next allocator, and nothing is known of them, as the tables can't grow either.

use super::tally::Reason;
use super::{next_heap, private};
use crate::sys::sandbox::{Coming, Need};
use core::sync::atomic::{AtomicBool, Ordering};

/// Memory set aside for the program if the filter lets it get no more, in bytes: its own allocator would have had some
/// in store by then.
const STOCK_BYTES: usize = 8 << 20;

/// Whether the heap is closed, and where objects come from then.
#[derive(Default)]
pub struct Closure {
    is_closed: AtomicBool,
    has_stock: AtomicBool,
}

impl Closure {
    /// Closes the heap for good, before a filter is installed.
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

    /// Whether objects are no longer guarded, and may belong to the next allocator.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub fn refuse_if_closed(&self) -> Result<(), Reason> {
        if self.is_closed() { Err(Reason::Forbidden) } else { Ok(()) }
    }

    /// Allocates an object of which nothing is recorded.
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

/// Has the next allocator do what it does at its first call: glibc's asks for randomness, and for an arena of the
/// thread. Without us it would have done so by now.
pub fn warm_up_next() {
    const BYTES: usize = 100 << 10;
    let object = next_heap::allocate(BYTES, 1, false);
    if !object.is_null() {
        // SAFETY: the object was just allocated there, and nobody else knows it.
        unsafe { next_heap::free(object as usize) };
    }
}
