//! Marks a thread as working for the runtime rather than for the program.
//!
//! Memory that the runtime itself needs (symbol tables, strings of a report) must not come from
//! the heap that it guards. Inside a scope, allocations come from the private heap.

use super::per_thread::per_thread;
use core::alloc::Layout;
use core::cell::Cell;
use core::hint::black_box;

per_thread! {
    /// Number of scopes that the thread is in.
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

/// Whether the private heap has `bytes` left; call it before std allocates, as std ends the process where memory runs
/// out. For a thread inside a scope. If another thread takes the bytes first, there is a reserve.
pub fn has_memory(bytes: usize) -> bool {
    // The reserve is never used for this alignment.
    const ALIGN: usize = 64;
    let Ok(layout) = Layout::from_size_align(bytes, ALIGN) else { return false };
    // SAFETY: the layout is not empty, and the block is freed with the layout that it was allocated with.
    unsafe {
        // Without `black_box` the compiler could leave the allocation out.
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

/// Makes the calling thread work for the program, even inside scopes; returns the value to give [`resume`] when the
/// thread works for the runtime again.
pub fn suspend() -> u64 {
    u64::from(DEPTH.with(|depth| depth.replace(0)))
}

/// Ends [`suspend`], which returned `depth`.
pub fn resume(depth: u64) {
    DEPTH.with(|now| now.set(depth as u32));
}

/// Runs `f`. Afterwards the thread is in as many scopes as before, even if `f` contains an attempt that was given up.
pub fn keeping<R>(f: impl FnOnce() -> R) -> R {
    let depth = DEPTH.with(Cell::get);
    let result = f();
    DEPTH.with(|now| now.set(depth));
    result
}

/// Runs `f` as the program's code even inside a scope: for calls back into the program, whose
/// allocations must be guarded.
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
