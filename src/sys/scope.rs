//! Marks a thread as working for the runtime rather than for the program.
//!
//! Memory that the runtime itself needs (symbol tables, strings of a report) must not come from
//! the heap it guards. Inside a scope the allocation functions serve from the private heap.

use super::per_thread::per_thread;
use core::alloc::Layout;
use core::cell::Cell;
use core::hint::black_box;

per_thread! {
    /// Scopes that the thread is inside of.
    unsafe static DEPTH: Cell<u32>, "fencepost_scope_depth"
}

/// While one of these lives, its thread's allocations come from the private heap.
pub struct RuntimeScope(());

impl RuntimeScope {
    #[inline]
    pub fn enter() -> RuntimeScope {
        DEPTH.with(|depth| depth.set(depth.get() + 1));
        RuntimeScope(())
    }

    /// Whether the calling thread is inside a scope.
    #[inline]
    pub fn is_active() -> bool {
        DEPTH.with(Cell::get) != 0
    }
}

/// Whether there are `bytes` for what the runtime is about to make, where std would end the process for want of them.
/// For a thread inside a scope. Should another thread be faster, there are bytes of last resort.
pub fn has_memory(bytes: usize) -> bool {
    // Those are not aligned so.
    const ALIGN: usize = 64;
    let Ok(layout) = Layout::from_size_align(bytes, ALIGN) else { return false };
    // SAFETY: the layout is not empty, and what is freed was just allocated by it.
    unsafe {
        // Or the compiler finds that nobody needs the block.
        let block = black_box(std::alloc::alloc(layout));
        if !block.is_null() {
            std::alloc::dealloc(block, layout);
        }
        !block.is_null()
    }
}

impl Drop for RuntimeScope {
    #[inline]
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}

/// Makes the calling thread work for the program, whatever scopes it is inside of; returns what [`resume`] is
/// to be given when it works for the runtime again.
pub fn suspend() -> u64 {
    u64::from(DEPTH.with(|depth| depth.replace(0)))
}

/// See [`suspend`].
pub fn resume(depth: u64) {
    DEPTH.with(|now| now.set(depth as u32));
}

/// Runs `f`, after which the thread is inside as many scopes as before, even if `f` was given up in its midst.
pub fn keeping<R>(f: impl FnOnce() -> R) -> R {
    let depth = DEPTH.with(Cell::get);
    let result = f();
    DEPTH.with(|now| now.set(depth));
    result
}

/// Runs `f` as the program's code although the thread is inside a scope: for calling back into
/// the program, whose allocations must be guarded.
pub fn outside<R>(f: impl FnOnce() -> R) -> R {
    let depth = DEPTH.with(|depth| depth.replace(0));
    let result = f();
    DEPTH.with(|now| now.set(depth));
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_memory_up_to_some_size() {
        let _scope = RuntimeScope::enter();
        assert!(has_memory(1) && has_memory(1 << 20));
        assert!(!has_memory(usize::MAX) && !has_memory(1 << 60));
    }
}
