//! A growing array at a fixed address: reserved whole, committed in steps.
//!
//! Steps keep strict overcommit, RLIMIT_DATA and core dumps honest: only what is used counts.

use crate::sys::lock::Lock;
use crate::sys::memory::Reservation;
use crate::sys::{Errno, PAGE_BYTES, memory, round_up_to_page};
use core::marker::PhantomData;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Bytes committed at a time.
const STEP_BYTES: usize = 256 * 1024;

/// Room for `capacity` values of `T`, zeroed. `T` must be valid when all its bytes are zero.
#[repr(C)]
pub struct Region<T> {
    base: usize,
    capacity: usize,
    /// Only grows; every element below it is committed.
    committed_bytes: AtomicUsize,
    growing: Lock<()>,
    _element: PhantomData<T>,
}

// SAFETY: a Region hands out shared references only, so it is as shareable as its elements.
unsafe impl<T: Sync> Sync for Region<T> {}
// SAFETY: likewise; it owns no thread's state.
unsafe impl<T: Sync> Send for Region<T> {}

impl<T> Region<T> {
    /// Where assembler finds the address of the first element: a byte offset.
    pub const BASE_AT: usize = core::mem::offset_of!(Region<T>, base);

    /// Reserves address space for `capacity` elements, or for as many as an RLIMIT_AS of the
    /// process leaves room for.
    ///
    /// # Safety
    /// All-zero bytes must be a valid `T` without drop glue.
    pub unsafe fn reserve(capacity: usize) -> Result<Region<T>, Errno> {
        let wanted = round_up_to_page(capacity * size_of::<T>());
        let least = wanted.min(STEP_BYTES);
        let reservation = Reservation::new(wanted, least, 64).ok_or(Errno::ENOMEM)?;
        Ok(Region {
            base: reservation.start,
            capacity: capacity.min(reservation.bytes / size_of::<T>()),
            committed_bytes: AtomicUsize::new(0),
            growing: Lock::new(()),
            _element: PhantomData,
        })
    }

    /// Commits the first `count` elements.
    pub fn ensure(&self, count: usize) -> Result<(), Errno> {
        if count * size_of::<T>() <= self.committed_bytes.load(Ordering::Acquire) {
            return Ok(());
        }
        if count > self.capacity {
            return Err(Errno::ENOMEM);
        }
        let _growing = self.growing.lock();
        let end = round_up_to_page(self.capacity * size_of::<T>());
        let wanted = (count * size_of::<T>()).next_multiple_of(STEP_BYTES).min(end);
        let committed = self.committed_bytes.load(Ordering::Acquire);
        if wanted > committed {
            // SAFETY: the range is ours and not in use yet.
            unsafe { memory::commit(self.base + committed, wanted - committed) }?;
            self.committed_bytes.store(wanted, Ordering::Release);
        }
        Ok(())
    }

    /// Element `index`, if it is committed.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        let end = (index + 1) * size_of::<T>();
        if end > self.committed_bytes.load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: just seen to be.
        Some(unsafe { self.committed(index) })
    }

    /// Element `index`.
    ///
    /// # Safety
    /// It must be committed ([`Region::ensure`]).
    #[inline(always)]
    pub unsafe fn committed(&self, index: usize) -> &T {
        // SAFETY: committed, aligned (the base is page-aligned), zeroed or written through shared
        // references, and never taken away.
        unsafe { &*((self.base + index * size_of::<T>()) as *const T) }
    }

    /// Zeroes elements and gives back their memory; `count` of them must fill whole pages.
    pub fn discard(&self, first: usize, count: usize) {
        let (start, bytes) = (self.base + first * size_of::<T>(), count * size_of::<T>());
        debug_assert!(start.is_multiple_of(PAGE_BYTES) && bytes.is_multiple_of(PAGE_BYTES));
        // SAFETY: inside the region; zero is valid for every element, and readers use atomics.
        // Should the kernel refuse, the memory stays: that is all.
        let _ = unsafe { memory::discard(start, bytes) };
    }

    /// See [`Lock::hold_for_fork`].
    pub fn hold_for_fork(&self) {
        self.growing.hold_for_fork();
    }

    /// # Safety
    /// See [`Lock::release_after_fork`].
    pub unsafe fn release_after_fork(&self) {
        // SAFETY: this thread, or its image before the fork, holds what is released, as this function demands.
        unsafe { self.growing.release_after_fork() }
    }
}
