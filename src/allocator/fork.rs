//! Fork: what must be quiet while the kernel copies the process, and what the child needs.
//!
//! All locks of ours are held over the copy. A lock that libc's fork takes after our handler, and that other
//! threads hold while they allocate, must be taken before ours; ARCHITECTURE.md has the order of all.

use super::runtime;
use crate::fault::{self, tally};
use crate::heap::{loans, threads};
use crate::sys::gate::Gate;
use crate::sys::signal::{self, KernelSet};
use crate::sys::{process, streams};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Calls of libc that allocate under a lock of libc's that can't be taken from outside. They pass here, and fork
/// waits until none is under way.
pub static GATE: Gate = Gate::new();

/// What the forking thread did before the fork. The gate is closed, so it is one thread's.
static MASK: AtomicU64 = AtomicU64::new(0);
static HAS_LIST: AtomicBool = AtomicBool::new(false);

/// Whether the process was forked, and has not forked since.
static IS_FRESH_CHILD: AtomicBool = AtomicBool::new(false);

/// See [`IS_FRESH_CHILD`].
pub fn is_fresh_child() -> bool {
    IS_FRESH_CHILD.load(Ordering::Relaxed)
}

/// Registers our handlers, once. Those that are registered before all others run last before the fork and first
/// after it, so that the others find the heap open.
pub fn register() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::AcqRel) {
        return;
    }
    // SAFETY: the handlers are safe to run where fork runs them.
    unsafe { process::register_atfork(before, after, after_in_child) };
}

extern "C" fn before() {
    GATE.close();
    // Signals are still delivered: it may take long, as in libc's fork.
    HAS_LIST.store(streams::lock_for_fork(), Ordering::Relaxed);
    MASK.store(hold(), Ordering::Relaxed);
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

/// `_Fork` of libc, given as `fork`, which runs no handlers: as fork, but for the locks of libc.
pub fn fork_plainly(fork: impl FnOnce() -> libc::pid_t) -> libc::pid_t {
    let mask = hold();
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

/// Blocks signals and takes all locks. Returns the mask from before.
fn hold() -> KernelSet {
    let mask = signal::change_mask(libc::SIG_BLOCK, !signal::SYNCHRONOUS);
    fault::hold_for_fork();
    loans::hold_for_fork();
    if let Some(runtime) = runtime() {
        runtime.heap.hold_for_fork();
    }
    threads::hold_for_fork();
    IS_FRESH_CHILD.store(false, Ordering::Relaxed);
    mask
}

/// Lets go of the locks, in the parent or in the child.
fn release() {
    // SAFETY: `hold` was called by this thread or its image.
    unsafe {
        threads::release_after_fork();
        if let Some(runtime) = runtime() {
            runtime.heap.release_after_fork();
        }
        loans::release_after_fork();
        fault::release_after_fork();
    }
}

/// In the child, while it holds the locks: what is the parent's is not the child's.
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

/// In the child, after it has let go of the locks.
fn settle() {
    fault::after_fork_in_child();
    tally::after_fork_in_child();
    // Where the backend could not be renewed, another takes over.
    if let Some(runtime) = runtime() {
        runtime.heap.restore_guards();
    }
}
