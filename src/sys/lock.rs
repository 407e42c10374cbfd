//! The runtime's lock: a spin lock that yields, held with signals blocked.
//!
//! A handler that interrupted the holder and allocated would wait for itself; with signals blocked
//! it cannot run there. Faults stay deliverable: the runtime's own fault handler takes no such lock
//! before it knows that the thread holds none.

use super::per_thread::per_thread;
use super::{process, signal};
use core::cell::Cell;
use core::ops::{Deref, DerefMut};
use spin::mutex::{SpinMutex, SpinMutexGuard};
use spin::relax::RelaxStrategy;

/// Gives the processor away instead of burning it: the holder may be the thread that needs it. A
/// real-time thread yields to its equals only, so now and then it sleeps, for any holder to go on.
pub struct Yield;

/// Yields between sleeps.
const YIELDS: u32 = 64;

per_thread! {
    unsafe static YIELDED: Cell<u32>, "fencepost_yielded"
}

impl RelaxStrategy for Yield {
    fn relax() {
        let yielded = YIELDED.with(|yielded| {
            yielded.set(yielded.get().wrapping_add(1));
            yielded.get()
        });
        if yielded.is_multiple_of(YIELDS) { process::nap() } else { process::yield_now() }
    }
}

/// A lock over `T`.
pub struct Lock<T>(SpinMutex<T, Yield>);

impl<T> Lock<T> {
    pub const fn new(value: T) -> Self {
        Lock(SpinMutex::new(value))
    }

    /// Waits for the lock with signals blocked.
    pub fn lock(&self) -> Guard<'_, T> {
        let mask = signal::BlockedSignals::block();
        Guard { guard: self.0.lock(), _mask: mask }
    }

    /// Whether the lock stays closed for longer than any holder needs, some milliseconds.
    pub fn is_stuck(&self) -> bool {
        const ROUNDS: u32 = 64 * YIELDS;
        !(0..ROUNDS).any(|_| {
            let is_open = !self.0.is_locked();
            if !is_open {
                Yield::relax();
            }
            is_open
        })
    }

    /// Opens a lock that a thread of another process closed: in a copy of that process.
    ///
    /// # Safety
    /// No thread of this process may hold it.
    pub unsafe fn break_open(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.0.force_unlock() }
    }

    /// Takes the lock and keeps it beyond this call: before fork, so that the child's copy is of a
    /// quiet state. Signals must be blocked until [`Lock::release_after_fork`].
    pub fn hold_for_fork(&self) {
        core::mem::forget(self.0.lock());
    }

    /// Ends [`Lock::hold_for_fork`], in the parent or in the child.
    ///
    /// # Safety
    /// The calling thread, or its image before fork, must have called `hold_for_fork`.
    pub unsafe fn release_after_fork(&self) {
        // SAFETY: the caller's promise: the lock is held and its guard was forgotten.
        unsafe { self.0.force_unlock() }
    }
}

/// Holds a [`Lock`]; the lock opens before signals do.
pub struct Guard<'a, T> {
    guard: SpinMutexGuard<'a, T, Yield>,
    _mask: signal::BlockedSignals,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}
