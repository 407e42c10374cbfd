//! The runtime's lock: a spin lock that yields, held with signals blocked. And [`Patience`], for waits that must end.
//!
//! If a handler interrupted the holder and allocated, the thread would wait for itself; so signals are blocked.
//! (Where a seccomp filter forbids that, handlers must not allocate, as without us.) Fault signals are not blocked:
//! the runtime's fault handler takes no such lock before it knows that the thread holds none.

use super::per_thread::per_thread;
use super::{process, signal};
use core::cell::Cell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use spin::mutex::{SpinMutex, SpinMutexGuard};
use spin::relax::RelaxStrategy;

/// How a waiting thread waits: it yields, as the holder may need the processor. A real-time thread
/// yields only to threads of its priority, so now and then it sleeps to let every holder go on.
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

/// A number that tells living threads apart. In the child of a fork the thread keeps its number.
fn this_thread() -> usize {
    YIELDED.with(|yielded| core::ptr::from_ref(yielded) as usize)
}

/// The thread that waits only for a while where it holds locks for a fork, or 0; and whether it has given up.
static HASTY: AtomicUsize = AtomicUsize::new(0);
static HAS_GIVEN_UP: AtomicBool = AtomicBool::new(false);

/// Calls `hold`, which holds locks for a fork, and waits for each at most `milliseconds`. False if one could not be had; the others
/// have to be released all the same. One thread at a time.
pub fn hold_hastily(milliseconds: u64, hold: impl FnOnce()) -> bool {
    HAS_GIVEN_UP.store(false, Ordering::Relaxed);
    MOST_MILLISECONDS.store(milliseconds, Ordering::Relaxed);
    HASTY.store(this_thread(), Ordering::Relaxed);
    hold();
    HASTY.store(0, Ordering::Relaxed);
    !HAS_GIVEN_UP.load(Ordering::Relaxed)
}

static MOST_MILLISECONDS: AtomicU64 = AtomicU64::new(0);

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
            // Between our handlers of fork, another handler or libc allocates.
            None if self.is_held_for_own_fork() => None,
            None => Some(self.value.lock()),
        };
        Guard { guard, lock: self, _mask: mask }
    }

    /// Takes the lock if nobody has it, with signals blocked.
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        let mask = signal::BlockedSignals::block();
        let guard = self.value.try_lock()?;
        Some(Guard { guard: Some(guard), lock: self, _mask: mask })
    }

    #[cold]
    fn is_held_for_own_fork(&self) -> bool {
        self.forker.load(Ordering::Relaxed) == this_thread()
    }

    /// Whether the calling thread can't take the lock for `milliseconds`, which should be longer than any holder needs.
    pub fn is_stuck(&self, milliseconds: u64) -> bool {
        let mut patience = Patience::new(milliseconds);
        while self.value.is_locked() && !self.is_held_for_own_fork() {
            if !patience.is_left() {
                return true;
            }
        }
        false
    }

    /// Opens the lock in a copy of a process, where it was held by a thread that the copy does not have.
    ///
    /// # Safety
    /// No thread of this process may hold it.
    pub unsafe fn break_open(&self) {
        // SAFETY: the caller promises that no thread of this process holds the lock.
        unsafe { self.value.force_unlock() }
    }

    /// Takes the lock before fork and keeps it beyond this call, so that nobody is changing the value
    /// while the child's copy is made. Signals must be blocked until [`Lock::release_after_fork`].
    /// Until then the calling thread may lock it again.
    pub fn hold_for_fork(&self) {
        if HASTY.load(Ordering::Relaxed) == this_thread() && !self.is_free_in_time() {
            HAS_GIVEN_UP.store(true, Ordering::Relaxed);
            return;
        }
        core::mem::forget(self.value.lock());
        self.forker.store(this_thread(), Ordering::Relaxed);
    }

    /// Whether nobody has the lock, before the time of a hasty thread is over.
    fn is_free_in_time(&self) -> bool {
        let end =
            process::clock_nanoseconds() + MOST_MILLISECONDS.load(Ordering::Relaxed) * 1_000_000;
        while self.value.is_locked() && !self.is_held_for_own_fork() {
            if HAS_GIVEN_UP.load(Ordering::Relaxed) || process::clock_nanoseconds() > end {
                return false;
            }
            process::nap();
        }
        true
    }

    /// Ends [`Lock::hold_for_fork`], in the parent or in the child, if that has taken the lock.
    ///
    /// # Safety
    /// The calling thread, or its image before fork, must have called `hold_for_fork`.
    pub unsafe fn release_after_fork(&self) {
        if !self.is_held_for_own_fork() {
            return;
        }
        self.forker.store(0, Ordering::Relaxed);
        // SAFETY: this thread, or its image before fork, holds the lock; `hold_for_fork` has forgotten the guard.
        unsafe { self.value.force_unlock() }
    }
}

/// Holds a [`Lock`]. When dropped, it opens the lock, and then unblocks signals.
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
            // SAFETY: this thread holds the lock for a fork, and no other guard of it exists: signals are blocked, and
            // no code that runs under a guard forks.
            None => unsafe { &*self.lock.value.as_mut_ptr() },
        }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.guard {
            Some(guard) => guard,
            // SAFETY: this thread holds the lock for a fork, and no other guard of it exists (see `deref`).
            None => unsafe { &mut *self.lock.value.as_mut_ptr() },
        }
    }
}

/// Most turns of waiting, even if the clock does not work.
const MOST_TURNS: u32 = 4000;

/// A limit for waiting on another thread that may never come. It goes by the clock, because on a loaded machine one
/// yield may take milliseconds. See [`Patience::is_left`].
pub struct Patience {
    turns: u32,
    end_nanoseconds: u64,
}

impl Patience {
    pub fn new(milliseconds: u64) -> Patience {
        let now = process::clock_nanoseconds();
        Patience { turns: 0, end_nanoseconds: now + milliseconds * 1_000_000 }
    }

    /// Yields or sleeps for a moment. False when the time is over.
    pub fn is_left(&mut self) -> bool {
        self.turns += 1;
        if self.turns > MOST_TURNS || process::clock_nanoseconds() > self.end_nanoseconds {
            return false;
        }
        // A real-time thread yields only to threads of its priority, so it must sleep too.
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
