//! What a thread needs to walk its stack: room for the last walk and the next.
//!
//! A thread takes a walker at its first walk and keeps it until [`thread_exit`]; walkers are never
//! freed but handed on. They come straight from the kernel, so nothing here allocates or locks, and
//! no destructor of a thread-local is needed. A signal handler that interrupts a walk and walks
//! itself borrows another one.

use core::cell::{Cell, UnsafeCell};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use super::caller::Caller;
use super::walk::Memo;
use crate::sys::loader::{self, with_errno_kept};
use crate::sys::per_thread::per_thread;

#[repr(C, align(4096))]
struct Walker {
    /// The next older walker; constant once published.
    next: *const Walker,
    /// Kernel id of the thread that has it, 0 when it is free.
    owner: AtomicU32,
    /// The sp that a walk in progress began at, 0 when there is none.
    walking_from: AtomicUsize,
    /// For the owner only, and only under `walking_from`.
    memo: UnsafeCell<Memo>,
}

/// All walkers, newest first.
static WALKERS: AtomicPtr<Walker> = AtomicPtr::new(core::ptr::null_mut());

/// Walkers that `init` makes for the use of signal handlers, so that those need no memory.
const SPARES: usize = 2;

/// What [`MINE`] holds once the thread is past its `thread_exit`: it borrows from then on.
const EXITED: *const Walker = core::ptr::without_provenance(1);

// SAFETY: `memo` is used by the owner only; the other members are atomic or constant.
unsafe impl Sync for Walker {}

per_thread! {
    /// The thread's walker, null before its first walk, [`EXITED`] after its last.
    unsafe static MINE: Cell<*const Walker>, "fencepost_walker"
}

/// Makes the spare walkers. Idempotent.
pub(super) fn init() {
    let present = all().count();
    for _ in present..SPARES {
        let _ = Walker::create(0);
    }
}

/// Runs `body` with the thread's memory of its last walk, or that of a borrowed walker when the
/// thread is in the middle of a walk. `None` when there is no memory for one.
#[inline(always)]
pub(super) fn with_memo<R>(caller: &Caller, body: impl FnOnce(&mut Memo) -> R) -> Option<R> {
    let mine = MINE.with(Cell::get);
    let walker = if mine.is_null() {
        let walker = Walker::take()?;
        MINE.with(|mine| mine.set(walker));
        walker
    } else if mine == EXITED {
        return borrow(body);
    } else {
        // SAFETY: walkers live for ever.
        unsafe { &*mine }
    };
    let interrupted = walker.walking_from.load(Ordering::Relaxed);
    if interrupted != 0 {
        // A handler that runs on the same stack has its frames below those of the walk that it
        // interrupted. A caller from above means that the walk was left by a longjmp.
        if caller.sp <= interrupted || caller.sp - interrupted > STACK_LIMIT {
            return borrow(body);
        }
        // SAFETY: the walk that was using the memo is gone, and this is its thread.
        unsafe { (*walker.memo.get()).clear() };
    }
    Some(walker.run(caller.sp.max(1), body))
}

/// Further apart, two stack pointers are not on the same stack.
const STACK_LIMIT: usize = 8 << 20;

fn borrow<R>(body: impl FnOnce(&mut Memo) -> R) -> Option<R> {
    let walker = Walker::take()?;
    // Whoever had it last may have been another thread with a stack at the same addresses.
    let result = walker.run(1, body);
    walker.release();
    Some(result)
}

/// Gives the calling thread's walker back. Later walks of the thread borrow one.
pub(super) fn thread_exit() {
    let mine = MINE.with(|mine| mine.replace(EXITED));
    if mine != EXITED {
        // SAFETY: null or a walker, and those live for ever.
        if let Some(walker) = unsafe { mine.as_ref() } {
            walker.release();
        }
    }
}

/// In the child of a fork: only the calling thread is left, under a new kernel id.
pub(super) fn reset_after_fork() {
    let mine = MINE.with(Cell::get);
    for walker in all() {
        if core::ptr::eq(walker, mine) {
            walker.owner.store(loader::thread_id(), Ordering::Relaxed);
        } else {
            walker.walking_from.store(0, Ordering::Relaxed);
            walker.owner.store(0, Ordering::Release);
        }
    }
}

fn all() -> impl Iterator<Item = &'static Walker> {
    // SAFETY: published walkers live for ever.
    let first = unsafe { WALKERS.load(Ordering::Acquire).as_ref() };
    // SAFETY: as above; null ends the list.
    core::iter::successors(first, |walker| unsafe { walker.next.as_ref() })
}

impl Walker {
    /// A walker for the calling thread: a free one, or a new one.
    fn take() -> Option<&'static Self> {
        let me = loader::thread_id();
        for walker in all() {
            let order = (Ordering::Acquire, Ordering::Relaxed);
            if walker.owner.compare_exchange(0, me, order.0, order.1).is_ok() {
                walker.walking_from.store(0, Ordering::Relaxed);
                // SAFETY: just become its owner.
                unsafe { (*walker.memo.get()).clear() };
                return Some(walker);
            }
        }
        Self::create(me)
    }

    fn create(owner: u32) -> Option<&'static Self> {
        // SAFETY: a new anonymous mapping wherever the kernel likes.
        let memory = with_errno_kept(|| unsafe {
            libc::mmap(
                core::ptr::null_mut(),
                size_of::<Self>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        });
        if memory == libc::MAP_FAILED {
            return None;
        }
        let walker = memory.cast::<Self>();
        let mut first = WALKERS.load(Ordering::Acquire);
        loop {
            // SAFETY: our own fresh mapping, page-aligned, not published yet; all zeros is a valid
            // walker, which leaves two members to set.
            unsafe {
                (*walker).next = first;
                (*walker).owner = AtomicU32::new(owner);
            }
            let order = (Ordering::AcqRel, Ordering::Acquire);
            match WALKERS.compare_exchange(first, walker, order.0, order.1) {
                // SAFETY: published, and never unmapped.
                Ok(_) => return Some(unsafe { &*walker }),
                Err(newer) => first = newer,
            }
        }
    }

    #[inline(always)]
    fn run<R>(&self, from: usize, body: impl FnOnce(&mut Memo) -> R) -> R {
        self.walking_from.store(from, Ordering::Relaxed);
        // A signal handler of this thread must see the mark before the memo is touched.
        core::sync::atomic::compiler_fence(Ordering::SeqCst);
        // SAFETY: this thread owns the walker, and the mark keeps its signal handlers away.
        let result = body(unsafe { &mut *self.memo.get() });
        core::sync::atomic::compiler_fence(Ordering::SeqCst);
        self.walking_from.store(0, Ordering::Relaxed);
        result
    }

    fn release(&self) {
        self.owner.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_walk_gets_another_walker() {
        let caller = Caller::here();
        let nested = with_memo(&caller, |outer| {
            let outer = core::ptr::from_ref(outer);
            with_memo(&caller, |inner| !core::ptr::eq(inner, outer))
        });
        assert_eq!(nested, Some(Some(true)));
    }

    #[test]
    fn walkers_are_handed_on() {
        let count = || all().count();
        let walk = || {
            with_memo(&Caller::here(), |_| ()).unwrap();
            thread_exit();
            with_memo(&Caller::here(), |_| ()).unwrap();
        };
        std::thread::spawn(walk).join().unwrap();
        let before = count();
        for _ in 0..200 {
            std::thread::spawn(walk).join().unwrap();
        }
        // Other tests' threads may take some meanwhile, but not one for each of ours.
        assert!(count() < before + 100);
    }
}
