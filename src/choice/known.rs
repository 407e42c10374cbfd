//! What a thread knows of the sites it calls from, and its bill since the last settlement.
//!
//! A thread takes a block of memory for this at its first call, and keeps it until it ends. A signal handler that
//! interrupts the use of the block does without one.

use super::sites::SiteId;
use crate::sys::blocks::Blocks;
use crate::sys::per_thread::per_thread;
use crate::sys::ticks;
use crate::trace::{Caller, Innermost};
use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering, compiler_fence};

/// A call from one frame, and its site.
#[repr(C)]
pub struct Call {
    innermost: Innermost,
    pub site: SiteId,
    /// The numbers of objects that the thread has taken for this call: the next one, and how many there are.
    pub next: u32,
    pub left: u32,
}

/// How many calls are remembered; until so many misses, only those of the first page.
const CALLS: usize = 256;
const FEW_CALLS: usize = 24;
const FEW_MISSES: u32 = 128;

/// What one thread knows. All zeros is valid, and is nothing.
#[repr(C)]
pub struct Known {
    pub bill: Bill,
    misses: u32,
    calls: [Call; CALLS],
}

const _: () = assert!(size_of::<Call>() == 128);
const _: () = assert!(size_of::<Bill>() + FEW_CALLS * size_of::<Call>() < 4096);

/// What a thread did since it last settled.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Bill {
    /// Time of operations that were measured, in ticks.
    pub ticks: u64,
    /// How many operations without pages there were.
    pub cheap: u32,
    /// How much happened, in parts of [`DUE`](super::DUE).
    pub weight: u32,
    /// The thread's processor time at the last settlement, and the ticks then.
    pub settled_ns: u64,
    pub settled_ticks: u64,
}

impl Bill {
    /// Starts afresh, and returns what there was.
    pub fn take(&mut self) -> Bill {
        let taken = *self;
        (self.ticks, self.cheap, self.weight) = (0, 0, 0);
        taken
    }
}

impl Known {
    /// Returns what is known of a call from `caller`. `find` is called if nothing is.
    #[inline(always)]
    pub fn call(
        &mut self,
        caller: &Caller,
        find: impl FnOnce(&Caller) -> (SiteId, Innermost),
    ) -> &mut Call {
        let place = self.place_of(caller);
        if !self.calls[place].innermost.is_of(caller) {
            self.misses = self.misses.saturating_add(1);
            let (site, innermost) = find(caller);
            self.calls[place] = Call { innermost, site, next: 0, left: 0 };
        }
        &mut self.calls[place]
    }

    /// Returns where a call is kept, by Fibonacci hashing.
    #[inline(always)]
    fn place_of(&self, caller: &Caller) -> usize {
        let mixed = (caller.pc ^ caller.sp.rotate_left(20)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let most = if self.misses < FEW_MISSES { FEW_CALLS } else { CALLS };
        ((mixed >> 32) * most) >> 32
    }
}

/// The memory of all threads' blocks.
static BLOCKS: Blocks = Blocks::new();

/// The state of one thread.
struct Owner {
    /// Null before the thread's first call, [`EXITED`] after its last.
    known: Cell<*mut Known>,
    /// The sp of the caller for whom the block is in use; 0 if it is not.
    used_from: AtomicUsize,
}

/// Stands for the block of a thread that has ended.
const EXITED: *mut Known = core::ptr::without_provenance_mut(1);

per_thread! {
    unsafe static MINE: Owner, "fencepost_known_sites"
}

/// Two stack pointers further apart than this, in bytes, are not on the same stack.
const STACK_LIMIT: usize = 8 << 20;

/// Makes room for blocks. Further calls do nothing.
pub fn init() {
    BLOCKS.reserve(size_of::<Known>());
}

/// Runs `body` with what the thread knows. `None` if the thread was interrupted in the middle of that, or has ended, or
/// there is no memory.
#[inline(always)]
pub fn with<R>(sp: usize, body: impl FnOnce(&mut Known) -> R) -> Option<R> {
    MINE.with(|mine| {
        let known = mine.known.get();
        let known = if known.is_null() { begin(mine)? } else { known };
        let interrupted = mine.used_from.load(Ordering::Relaxed);
        if known == EXITED || interrupted != 0 && is_interrupted(sp, interrupted) {
            return None;
        }
        mine.used_from.store(sp.max(1), Ordering::Relaxed);
        // A signal handler of this thread must see the mark before the block is touched.
        compiler_fence(Ordering::SeqCst);
        // SAFETY: the block is this thread's, and the mark keeps its signal handlers away.
        let result = body(unsafe { &mut *known });
        compiler_fence(Ordering::SeqCst);
        mine.used_from.store(0, Ordering::Relaxed);
        Some(result)
    })
}

/// Whether a call with stack pointer `sp` is from a handler that interrupted the one with `interrupted`. Such a handler
/// has its frames below those. A caller above them means that a longjmp has left the interrupted call.
#[cold]
fn is_interrupted(sp: usize, interrupted: usize) -> bool {
    sp <= interrupted || sp - interrupted > STACK_LIMIT
}

#[cold]
#[inline(never)]
fn begin(mine: &Owner) -> Option<*mut Known> {
    let taken = BLOCKS.take()? as *mut Known;
    if !mine.known.get().is_null() {
        // A signal handler was faster.
        // SAFETY: the block was just taken, so nobody else uses it.
        unsafe { BLOCKS.give_back(taken.addr()) };
        return Some(mine.known.get());
    }
    // What an earlier owner knew of its calls may stay: it is checked before it is believed, and the numbers that it
    // has left are nobody else's.
    let bill = Bill {
        settled_ns: ticks::thread_nanoseconds().unwrap_or(0),
        settled_ticks: ticks::now(),
        ..Bill::default()
    };
    // SAFETY: the block is this thread's. It holds zeros or what an earlier owner knew, and both are valid.
    unsafe { (*taken).bill = bill };
    mine.known.set(taken);
    Some(taken)
}

/// Gives the calling thread's block back. Later calls of the thread do without.
pub fn thread_exit() {
    let known = MINE.with(|mine| mine.known.replace(EXITED));
    if !known.is_null() && known != EXITED {
        // SAFETY: the block was taken for this thread, which does not use it any more.
        unsafe { BLOCKS.give_back(known.addr()) };
    }
}

/// In the child of a fork: frees the blocks of all threads but the calling one, which alone is left.
pub fn after_fork_in_child() {
    let mine = MINE.with(|mine| mine.known.get());
    BLOCKS.forget_others((mine != EXITED && !mine.is_null()).then_some(mine.addr()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_does_without_and_a_longjmp_is_noticed() {
        init();
        let sp = 0x7fff_0000;
        let nested = |inner: usize| with(sp, |_| with(inner, |_| ())).unwrap();
        assert_eq!(nested(sp - 500), None);
        assert_eq!(nested(sp + 500), Some(()));
        assert_eq!(nested(sp + STACK_LIMIT + 1), None);
        assert_eq!(with(sp, |_| 7), Some(7));
        assert!(
            std::thread::spawn(move || {
                assert!(with(sp, |_| ()).is_some());
                thread_exit();
                with(sp, |_| ()).is_none()
            })
            .join()
            .unwrap()
        );
    }
}
