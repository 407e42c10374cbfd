//! Fork: what must be quiet while the kernel copies the process, and what the child needs afterwards.
//!
//! All our locks are held while the kernel copies. If libc's fork takes a lock after our handler, and other threads
//! allocate under that lock, it must be taken before ours; ARCHITECTURE.md has the order of all locks.

use super::{leaks, runtime};
use crate::fault::{self, tally};
use crate::heap::{loans, threads};
use crate::mappings::guarded;
use crate::sys::gate::Gate;
use crate::sys::signal::{self, KernelSet};
use crate::sys::{process, streams};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts calls that allocate under a lock of libc's which can't be taken from outside. Fork waits until none is
/// under way.
pub static GATE: Gate = Gate::new();

/// What the forking thread did before the fork. The gate is closed, so only one thread uses these.
static MASK: AtomicU64 = AtomicU64::new(0);
static HAS_LIST: AtomicBool = AtomicBool::new(false);

/// Whether this process was forked, and has not forked a child itself.
static IS_FRESH_CHILD: AtomicBool = AtomicBool::new(false);

/// Whether this process was forked, and has not forked a child itself.
pub fn is_fresh_child() -> bool {
    IS_FRESH_CHILD.load(Ordering::Relaxed)
}

/// Registers our handlers, once. The handlers registered first run last before the fork and first after it, so the
/// heap is open while the others run.
pub fn register() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::AcqRel) {
        return;
    }
    // SAFETY: the handlers lock in the order that ARCHITECTURE.md gives, and this library is never unloaded.
    unsafe { process::register_atfork(before, after, after_in_child) };
}

extern "C" fn before() {
    GATE.close();
    // Signals are still delivered here: this may take long, as it may in libc's fork.
    HAS_LIST.store(streams::lock_for_fork(), Ordering::Relaxed);
    MASK.store(hold(), Ordering::Relaxed);
    IS_FRESH_CHILD.store(false, Ordering::Relaxed);
}

extern "C" fn after() {
    let mask = MASK.load(Ordering::Relaxed);
    release();
    if HAS_LIST.load(Ordering::Relaxed) {
        streams::unlock();
    }
    GATE.open();
    signal::change_mask(libc::SIG_SETMASK, mask);
}

extern "C" fn after_in_child() {
    renew();
    GATE.reset();
    let mask = MASK.load(Ordering::Relaxed);
    release();
    settle();
    signal::change_mask(libc::SIG_SETMASK, mask);
}

/// Runs libc's `_Fork`, given as `fork`, with our locks held. It runs no handlers, so libc's locks are not taken.
pub fn fork_plainly(fork: impl FnOnce() -> libc::pid_t) -> libc::pid_t {
    let mask = hold();
    IS_FRESH_CHILD.store(false, Ordering::Relaxed);
    let child = fork();
    if child == 0 {
        renew();
        GATE.reset();
        release();
        settle();
    } else {
        release();
    }
    signal::change_mask(libc::SIG_SETMASK, mask);
    child
}

/// Blocks signals and takes all our locks. Returns the earlier signal mask.
pub fn hold() -> KernelSet {
    let mask = signal::change_mask(libc::SIG_BLOCK, !signal::SYNCHRONOUS);
    leaks::hold_for_fork();
    fault::hold_for_fork();
    loans::hold_for_fork();
    guarded::hold_for_fork();
    if let Some(runtime) = runtime() {
        runtime.heap.hold_for_fork();
    }
    threads::hold_for_fork();
    mask
}

/// Releases our locks, in the parent or in the child.
pub fn release() {
    // SAFETY: `hold` was called by this thread, or by the parent's thread that it is a copy of.
    unsafe {
        threads::release_after_fork();
        if let Some(runtime) = runtime() {
            runtime.heap.release_after_fork();
        }
        guarded::release_after_fork();
        loans::release_after_fork();
        fault::release_after_fork();
        leaks::release_after_fork();
    }
}

/// Makes the parent's state the child's own, while the locks are held.
fn renew() {
    let runtime = runtime();
    if let Some(runtime) = runtime {
        runtime.heap.backend().after_fork_in_child();
    }
    crate::trace::after_fork_in_child();
    crate::sys::altstack::after_fork_in_child();
    if let Some(runtime) = runtime {
        runtime.adopt_process();
    }
    super::FINISHED.store(false, Ordering::Release);
    IS_FRESH_CHILD.store(true, Ordering::Relaxed);
}

/// Finishes the child's start, once the locks are released.
fn settle() {
    fault::after_fork_in_child();
    tally::after_fork_in_child();
    leaks::after_fork_in_child();
    crate::mappings::after_fork_in_child();
    if let Some(runtime) = runtime() {
        runtime.heap.program_pages().settle_in_child();
        // If the backend could not be renewed, another takes over.
        runtime.heap.restore_guards();
    }
}
