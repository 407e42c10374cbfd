//! Marks a thread as working for the runtime rather than for the program.
//!
//! Memory that the runtime itself needs (symbol tables, strings of a report) must not come from
//! the heap it guards. Inside a scope the allocation functions serve from the private heap.

use core::cell::Cell;

thread_local! {
    // `const` and without a destructor: usable before main, in signal handlers, in thread exit.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// While one of these lives, its thread's allocations come from the private heap.
pub struct RuntimeScope(());

impl RuntimeScope {
    pub fn enter() -> RuntimeScope {
        DEPTH.set(DEPTH.get() + 1);
        RuntimeScope(())
    }

    /// Whether the calling thread is inside a scope.
    #[inline]
    pub fn is_active() -> bool {
        DEPTH.get() != 0
    }
}

impl Drop for RuntimeScope {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Runs `f` as the program's code although the thread is inside a scope: for calling back into
/// the program, whose allocations must be guarded.
pub fn outside<R>(f: impl FnOnce() -> R) -> R {
    let depth = DEPTH.replace(0);
    let result = f();
    DEPTH.set(depth);
    result
}
