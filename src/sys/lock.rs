//! The runtime's lock: a spin lock that yields, held with signals blocked. And patience, for waits that must end.
//!
//! A handler that interrupted the holder and allocated would wait for itself; with signals blocked
//! it cannot run there. (Where a seccomp filter forbids to block signals, it could, and must not allocate: as natively.) Faults stay deliverable: the runtime's own fault handler takes no such lock
//! before it knows that the thread holds none.

use super::per_thread::per_thread;
use super::{process, signal};
use core::cell::Cell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicUsize, Ordering};
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

/// Tells the living threads apart. The image of a thread in the child of a fork is the same.
fn this_thread() -> usize {
    YIELDED.with(|yielded| core::ptr::from_ref(yielded) as usize)
}

/// A lock over `T`.
pub struct Lock<T> {
    value: SpinMutex<T, Yield>,
    /// The thread that holds it for a fork, or 0; see [`this_thread`].
    forker: AtomicUsize,
}

impl<T> Lock<T> {
    pub const fn new(value: T) -> Self {
        Lock { value: SpinMutex::new(value), forker: AtomicUsize::new(0) }
    }

    /// Waits for the lock with signals blocked.
    pub fn lock(&self) -> Guard<'_, T> {
        let mask = signal::BlockedSignals::block();
        let guard = match self.value.try_lock() {
            Some(guard) => Some(guard),
            // A handler of fork that runs after ours, or libc itself, allocates.
            None if self.is_held_for_own_fork() => None,
            None => Some(self.value.lock()),
        };
        Guard { guard, lock: self, _mask: mask }
    }

    #[cold]
    fn is_held_for_own_fork(&self) -> bool {
        self.forker.load(Ordering::Relaxed) == this_thread()
    }

    /// Whether the lock stays closed to the calling thread for `milliseconds`, longer than any holder needs.
    pub fn is_stuck(&self, milliseconds: u64) -> bool {
        let mut patience = Patience::new(milliseconds);
        while self.value.is_locked() && !self.is_held_for_own_fork() {
            if !patience.is_left() {
                return true;
            }
        }
        false
    }

    /// Opens a lock that a thread of another process closed: in a copy of that process.
    ///
    /// # Safety
    /// No thread of this process may hold it.
    pub unsafe fn break_open(&self) {
        // SAFETY: no thread of this process holds the lock, as this function demands.
        unsafe { self.value.force_unlock() }
    }

    /// Takes the lock and keeps it beyond this call: before fork, so that the child's copy is of a
    /// quiet state. Signals must be blocked until [`Lock::release_after_fork`]. Until then the calling
    /// thread may still lock it: nobody else is inside.
    pub fn hold_for_fork(&self) {
        core::mem::forget(self.value.lock());
        self.forker.store(this_thread(), Ordering::Relaxed);
    }

    /// Ends [`Lock::hold_for_fork`], in the parent or in the child.
    ///
    /// # Safety
    /// The calling thread, or its image before fork, must have called `hold_for_fork`.
    pub unsafe fn release_after_fork(&self) {
        self.forker.store(0, Ordering::Relaxed);
        // SAFETY: the lock is held by this thread or its image, whose guard was forgotten.
        unsafe { self.value.force_unlock() }
    }
}

/// Holds a [`Lock`]; the lock opens before signals do.
pub struct Guard<'a, T> {
    /// `None` where the thread holds the lock already, for a fork.
    guard: Option<SpinMutexGuard<'a, T, Yield>>,
    lock: &'a Lock<T>,
    _mask: signal::BlockedSignals,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        match &self.guard {
            Some(guard) => guard,
            // SAFETY: held by this thread for a fork, outside of every other guard of this lock: it forks with
            // signals blocked, and nothing that runs under a guard forks.
            None => unsafe { &*self.lock.value.as_mut_ptr() },
        }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.guard {
            Some(guard) => guard,
            // SAFETY: as above.
            None => unsafe { &mut *self.lock.value.as_mut_ptr() },
        }
    }
}

/// Turns in which the clock has not to be right.
const MOST_TURNS: u32 = 4000;

/// Waiting for another thread that may never come: by the clock, as on a loaded machine every turn that is given away
/// costs milliseconds. See [`Patience::is_left`].
pub struct Patience {
    turns: u32,
    end_nanoseconds: u64,
}

impl Patience {
    pub fn new(milliseconds: u64) -> Patience {
        let now = process::clock_nanoseconds();
        Patience { turns: 0, end_nanoseconds: now + milliseconds * 1_000_000 }
    }

    /// Gives the processor away for a while. False when there has been time enough.
    pub fn is_left(&mut self) -> bool {
        self.turns += 1;
        if self.turns > MOST_TURNS || process::clock_nanoseconds() > self.end_nanoseconds {
            return false;
        }
        // A real-time thread yields to its equals only.
        if self.turns.is_multiple_of(64) {
            process::nap()
        } else {
            process::yield_now()
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_and_not_at_once() {
        let mut patience = Patience::new(20);
        let turns = core::iter::repeat_with(|| patience.is_left()).take_while(|left| *left).count();
        assert!(turns >= 1 && turns <= MOST_TURNS as usize, "{turns}");
        assert!(!patience.is_left());
    }
}
