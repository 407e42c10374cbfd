//! A growing array at a fixed address: reserved as a whole, committed in steps.
//!
//! With steps, only what is used counts for strict overcommit, RLIMIT_DATA and core dumps.

use crate::sys::lock::Lock;
use crate::sys::memory::Reservation;
use crate::sys::{Errno, PAGE_BYTES, memory, round_up_to_page};
use core::marker::PhantomData;
use core::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes are committed at a time.
const STEP_BYTES: usize = 256 * 1024;

/// Room for `capacity` zeroed values of `T`. All-zero bytes must be a valid `T`.
#[repr(C)]
pub struct Region<T> {
    base: usize,
    capacity: usize,
    /// Only grows. Every element below it is committed.
    committed_bytes: AtomicUsize,
    growing: Lock<()>,
    _element: PhantomData<T>,
}

// SAFETY: a Region hands out only shared references, so sharing it is sharing its elements.
unsafe impl<T: Sync> Sync for Region<T> {}
// SAFETY: a Region holds no state of any thread, and its elements may be shared.
unsafe impl<T: Sync> Send for Region<T> {}

impl<T> Region<T> {
    /// The byte offset of the first element's address, for the assembler.
    pub const BASE_AT: usize = core::mem::offset_of!(Region<T>, base);

    /// Reserves address space for `capacity` elements, or for as many as the process's RLIMIT_AS allows.
    ///
    /// # Safety
    /// All-zero bytes must be a valid `T`, and `T` must need no drop.
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

    /// Returns element `index`, if it is committed.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        let end = (index + 1) * size_of::<T>();
        if end > self.committed_bytes.load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: the check above has found the element committed.
        Some(unsafe { self.committed(index) })
    }

    /// Returns element `index`.
    ///
    /// # Safety
    /// The element must be committed ([`Region::ensure`]).
    #[inline(always)]
    pub unsafe fn committed(&self, index: usize) -> &T {
        // SAFETY: the caller promises that the element is committed. It is aligned, as the base is page-aligned, zeroed
        // or written through shared references, and never removed.
        unsafe { &*((self.base + index * size_of::<T>()) as *const T) }
    }

    /// Zeroes `count` elements, which must fill whole pages, and gives their memory back.
    pub fn discard(&self, first: usize, count: usize) {
        let (start, bytes) = (self.base + first * size_of::<T>(), count * size_of::<T>());
        debug_assert!(start.is_multiple_of(PAGE_BYTES) && bytes.is_multiple_of(PAGE_BYTES));
        // SAFETY: the range is in the region, zero is valid for every element, and readers use atomics. If the kernel
        // refuses, only the memory stays.
        let _ = unsafe { memory::discard(start, bytes) };
    }

    /// See [`Lock::hold_for_fork`].
    pub fn hold_for_fork(&self) {
        self.growing.hold_for_fork();
    }

    /// # Safety
    /// See [`Lock::release_after_fork`].
    pub unsafe fn release_after_fork(&self) {
        // SAFETY: the caller promises that this thread, or the one that it is a copy of, called `hold_for_fork`.
        unsafe { self.growing.release_after_fork() }
    }
}
