//! What a thread needs to walk its stack: room for the last walk and the next.
//!
//! A thread takes a memo at its first walk and keeps it until [`thread_exit`], which hands it on to
//! others. Nothing here allocates or locks, and no destructor of a thread-local is needed. A signal
//! handler that interrupts a walk and walks itself borrows another one.

use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::caller::Caller;
use super::memo::Memo;
use crate::sys::blocks::Blocks;
use crate::sys::per_thread::per_thread;
use crate::sys::{PAGE_BYTES, memory};

/// The memory of all memos. Some is ready from the start, so that signal handlers need none.
static MEMOS: Blocks = Blocks::new();

/// What one thread has.
struct Walker {
    /// Null before the thread's first walk, [`EXITED`] after its last.
    memo: Cell<*mut Memo>,
    /// The sp that a walk in progress with `memo` began at, 0 when there is none.
    walking_from: AtomicUsize,
}

/// In place of a memo once the thread is past its `thread_exit`: it borrows from then on.
const EXITED: *mut Memo = core::ptr::without_provenance_mut(1);

per_thread! {
    unsafe static MINE: Walker, "fencepost_walker"
}

impl Walker {
    /// Takes the thread's memo.
    #[cold]
    fn begin(&self) -> Option<*mut Memo> {
        let taken = take()?;
        if !self.memo.get().is_null() {
            // A signal handler was faster.
            // SAFETY: just taken.
            unsafe { release(taken) };
            return Some(self.memo.get());
        }
        self.memo.set(taken);
        Some(taken)
    }
}

/// Makes room for memos. Idempotent.
pub(super) fn init() {
    MEMOS.reserve(size_of::<Memo>());
}

/// Runs `body` with the thread's memory of its last walk, or with a borrowed one when the thread is
/// in the middle of a walk. `None` when there is no memory for one.
#[inline(always)]
pub(super) fn with_memo<R>(caller: &Caller, body: impl FnOnce(&mut Memo) -> R) -> Option<R> {
    MINE.with(|mine| {
        let memo = mine.memo.get();
        if memo == EXITED {
            return borrow(body);
        }
        let memo = if memo.is_null() { mine.begin()? } else { memo };
        let interrupted = mine.walking_from.load(Ordering::Relaxed);
        if interrupted != 0 {
            // A handler that runs on the same stack has its frames below those of the walk that it
            // interrupted. A caller from above means that the walk was left by a longjmp.
            if caller.sp <= interrupted || caller.sp - interrupted > STACK_LIMIT {
                return borrow(body);
            }
            // SAFETY: the walk that was using the memo is gone, and this is its thread.
            unsafe { (*memo).clear() };
        }
        mine.walking_from.store(caller.sp.max(1), Ordering::Relaxed);
        // A signal handler of this thread must see the mark before the memo is touched.
        core::sync::atomic::compiler_fence(Ordering::SeqCst);
        // SAFETY: the memo is this thread's, and the mark keeps its signal handlers away.
        let result = body(unsafe { &mut *memo });
        core::sync::atomic::compiler_fence(Ordering::SeqCst);
        mine.walking_from.store(0, Ordering::Relaxed);
        Some(result)
    })
}

/// Further apart, two stack pointers are not on the same stack.
const STACK_LIMIT: usize = 8 << 20;

fn borrow<R>(body: impl FnOnce(&mut Memo) -> R) -> Option<R> {
    let memo = take()?;
    // Whoever had it last may have been another thread with a stack at the same addresses.
    // SAFETY: just taken, so nobody else has it.
    let result = body(unsafe { &mut *memo });
    // SAFETY: `body` is over.
    unsafe { release(memo) };
    Some(result)
}

/// A memo for the calling thread alone, without memories. `None` when there is no memory for one.
fn take() -> Option<*mut Memo> {
    let memo = MEMOS.take()? as *mut Memo;
    // SAFETY: the block is as large and as aligned as a memo, and this thread's until `release`. It holds zeros or
    // what was left of one: valid values both.
    unsafe { (*memo).begin_anew() };
    Some(memo)
}

/// Hands a memo on, and the memory of one that has much back to the kernel.
///
/// # Safety
/// It must have come from `take`, and nobody may use it any more.
unsafe fn release(memo: *mut Memo) {
    // SAFETY: it is a block of the memos' that nobody uses, as this function demands; who takes it next begins it
    // anew.
    unsafe {
        shrink(memo);
        MEMOS.give_back(memo.addr());
    }
}

/// Gives the memory of a large memo back to the kernel, but for its first page.
///
/// # Safety
/// Nobody may use the memo before it has begun anew.
unsafe fn shrink(memo: *mut Memo) {
    // SAFETY: nobody uses the memo, as this function demands. All zeros is a valid value of what is behind its first
    // page; should the kernel refuse, there is what was, which is as good.
    unsafe {
        if (*memo).is_large() {
            let _ = memory::discard(memo.addr() + PAGE_BYTES, size_of::<Memo>() - PAGE_BYTES);
        }
    }
}

/// Gives the calling thread's memo back. Later walks of the thread borrow one.
pub(super) fn thread_exit() {
    let memo = MINE.with(|mine| mine.memo.replace(EXITED));
    if !memo.is_null() && memo != EXITED {
        // SAFETY: it was taken for this thread. A walk that may have been under way never goes on: the thread ends.
        unsafe { release(memo) };
    }
}

/// In the child of a fork: only the calling thread is left.
pub(super) fn reset_after_fork() {
    let mine = MINE.with(|mine| mine.memo.get().addr());
    MEMOS.forget_others((mine != EXITED.addr()).then_some(mine));
}

#[cfg(test)]
mod tests {
    use super::super::caller::PcKind;
    use super::super::depot::Depot;
    use super::*;
    use crate::sys::probe;
    use crate::sys::residency::Residency;
    use std::collections::HashSet;

    #[test]
    fn a_nested_walk_gets_another_walker() {
        init();
        let caller = Caller::here();
        let nested = with_memo(&caller, |outer| {
            let outer = core::ptr::from_ref(outer);
            with_memo(&caller, |inner| !core::ptr::eq(inner, outer))
        });
        assert_eq!(nested, Some(Some(true)));
    }

    /// How many of its pages are in memory.
    fn pages_of(memo: *mut Memo) -> usize {
        let mut held = vec![false; size_of::<Memo>() / PAGE_BYTES];
        let residency = Residency::new();
        for (at, held) in held.iter_mut().enumerate() {
            residency.ask(memo.addr() + at * PAGE_BYTES, core::slice::from_mut(held)).unwrap();
        }
        held.into_iter().filter(|&held| held).count()
    }

    #[test]
    fn a_memo_begins_with_a_page_grows_and_shrinks() {
        super::super::init();
        probe::install_test_handler();
        let depot = Depot::new();
        depot.init();
        let memo = memory::map(size_of::<Memo>()).unwrap() as *mut Memo;
        let capture = |number: usize| {
            let caller = Caller { pc: 0x1000 + number, sp: 0, bp: 0, kind: PcKind::Return };
            // SAFETY: zeros are a valid memo, and this test's.
            unsafe { (*memo).capture(&caller, 8, &depot) };
        };
        capture(0);
        // SAFETY: as above; it begins anew before it is used again.
        unsafe { shrink(memo) };
        assert_eq!(pages_of(memo), 1);
        (0..1000).for_each(capture);
        assert!(pages_of(memo) > 1);
        // SAFETY: as above.
        unsafe {
            shrink(memo);
            assert_eq!(pages_of(memo), 1);
            (*memo).begin_anew();
            capture(0);
            assert_eq!(pages_of(memo), 1);
            memory::unmap(memo.addr(), size_of::<Memo>());
        }
    }

    #[test]
    fn walkers_are_handed_on() {
        init();
        let walk = |seen: &mut HashSet<usize>| {
            with_memo(&Caller::here(), |memo| seen.insert(core::ptr::from_ref(memo).addr()));
            thread_exit();
            with_memo(&Caller::here(), |memo| seen.insert(core::ptr::from_ref(memo).addr()));
        };
        let mut seen = HashSet::new();
        for _ in 0..200 {
            std::thread::scope(|scope| drop(scope.spawn(|| walk(&mut seen))));
        }
        // Other tests' threads take some meanwhile, but not one for each of ours.
        assert!((1..100).contains(&seen.len()));
    }
}
