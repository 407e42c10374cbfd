//! What every face of the allocator does: allocate, free, resize, and tell of bad calls.

use crate::diagnose::{Call, Owner};
use crate::fault;
use crate::heap::record::Family;
use crate::heap::{BadCall, Request, next_heap, private, threads};
use crate::options::SummaryChoice;
use crate::runtime::{self, Runtime};
use crate::sys::next;
use crate::sys::scope::RuntimeScope;
use crate::trace::Caller;
use core::sync::atomic::{AtomicBool, Ordering};

/// The runtime, ready to guard.
#[inline]
pub fn runtime() -> &'static Runtime {
    runtime::get_or_start(fault::install)
}

/// Allocates for the program. Null when there is no memory.
#[inline(never)]
#[unsafe(link_section = ".text.hot")]
pub fn allocate(request: Request, caller: Caller) -> *mut u8 {
    if RuntimeScope::is_active() {
        return private::allocate(request.size, request.align);
    }
    let runtime = runtime();
    threads::with_cache(|cache| runtime.heap.allocate(cache, request, || runtime.event(caller)))
}

/// Frees for the program; null is fine.
#[inline(never)]
#[unsafe(link_section = ".text.hot")]
pub fn free(address: usize, _family: Family, caller: Caller) {
    if address == 0 {
        return;
    }
    if private::contains(address) {
        // Allocated by the runtime, or while it was interrupted.
        // SAFETY: the address is the private heap's.
        return unsafe { private::free(address) };
    }
    let runtime = runtime();
    if runtime.heap.is_sampling() && !runtime.heap.contains(address) {
        // SAFETY: not ours; what the program passes is the program's responsibility.
        return unsafe { next_heap::free(address) };
    }
    let freed =
        threads::with_cache(|cache| runtime.heap.free(cache, address, || runtime.event(caller)));
    if let Err(bad) = freed {
        free_badly(runtime, address, bad, caller);
    }
}

#[cold]
#[inline(never)]
fn free_badly(runtime: &'static Runtime, address: usize, bad: BadCall, caller: Caller) {
    match bad {
        // SAFETY: not ours; what the program passes is the program's responsibility.
        BadCall::Foreign if is_next(runtime, address) => unsafe { next_heap::free(address) },
        bad => fault::report_call(runtime, Call::Free, address, bad, caller),
    }
}

/// Resizes for the program; null when there is no memory, and then the old object stands.
pub fn resize(address: usize, size: usize, caller: Caller) -> *mut u8 {
    if private::contains(address) {
        // SAFETY: the address is the private heap's.
        return unsafe { private::resize(address, size) };
    }
    let runtime = runtime();
    // An object of the next allocator stays there: nobody has seen it so far.
    if runtime.heap.is_sampling() && !runtime.heap.contains(address) {
        // SAFETY: as above.
        return unsafe { next_heap::resize(address, size) };
    }
    let event = runtime.event(caller);
    match threads::with_cache(|cache| runtime.heap.resize(cache, address, size, event)) {
        Ok(new) => new,
        // SAFETY: as above.
        Err(BadCall::Foreign) if is_next(runtime, address) => unsafe {
            next_heap::resize(address, size)
        },
        Err(bad) => {
            fault::report_call(runtime, Call::Realloc, address, bad, caller);
            core::ptr::null_mut()
        }
    }
}

/// Bytes that the program may use at `address`: what it asked for.
pub fn usable_size(address: usize, caller: Caller) -> usize {
    if address == 0 {
        return 0;
    }
    if private::contains(address) {
        // SAFETY: the address is the private heap's.
        return unsafe { private::size(address) };
    }
    let runtime = runtime();
    match runtime.heap.size_of(address) {
        Ok(size) => size,
        // SAFETY: as above.
        Err(BadCall::Foreign) if is_next(runtime, address) => unsafe {
            next_heap::usable_size(address)
        },
        Err(bad) => {
            fault::report_call(runtime, Call::UsableSize, address, bad, caller);
            0
        }
    }
}

/// Whether an address that the heap does not know may be the next allocator's, which has checks of
/// its own: most are while sampling, and some may have been allocated without us.
fn is_next(runtime: &Runtime, address: usize) -> bool {
    runtime.heap.is_sampling() || fault::owner_of(address) == Owner::Mapped("[heap]".to_owned())
}

static FINISHED: AtomicBool = AtomicBool::new(false);

/// When the process ends: verifies what still lives, and tells what was not guarded. Once.
pub fn finish() {
    let Some(runtime) = runtime::get() else {
        return;
    };
    if !runtime.is_own_process() {
        return;
    }
    fault::wait_for_reporter();
    if FINISHED.swap(true, Ordering::AcqRel) {
        return;
    }
    if runtime.options.check_at_exit
        && let Some(bad) = runtime.heap.find_damaged()
    {
        flush_streams();
        fault::report_at_exit(runtime, bad);
    }
    let _scope = RuntimeScope::enter();
    let mut text = runtime.summary().unwrap_or_default();
    let in_charge = fault::is_in_charge();
    if !in_charge && runtime.options.summary != SummaryChoice::Never {
        text += "fencepost: the program took SIGSEGV or SIGBUS by a system call of its own: \
                 faults from then on were not reported\n";
    }
    if runtime.options.stats {
        text += &runtime.stats();
    }
    if runtime.lost_coverage() || !in_charge {
        crate::report::sink::write(runtime, &text);
    } else if !text.is_empty() {
        // Many programs close standard error as they end. That is no reason to leave a file about.
        crate::report::sink::write_if_open(runtime, &text);
    }
}

/// What the program printed must not be lost with the abort that follows.
fn flush_streams() {
    // SAFETY: fflush(NULL) flushes all output streams; no stream of ours is involved.
    unsafe { libc::fflush(core::ptr::null_mut()) };
}

/// What a process needs beyond its first allocation: hooks on fork and exit, an alternate stack
/// for its first thread, and the look-up of the functions behind ours. Called once, while the
/// process has one thread.
pub fn set_up_process() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::AcqRel) {
        return;
    }
    runtime();
    let _scope = RuntimeScope::enter();
    next::resolve();
    threads::current();
    fault::give_altstack();
    // SAFETY: the handlers below are safe to run where fork and exit run handlers.
    unsafe {
        libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(after_fork_in_child));
        libc::atexit(at_exit);
    }
}

extern "C" fn at_exit() {
    finish();
}

static FORK_MASK: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(0);

extern "C" fn before_fork() {
    use crate::sys::signal;
    let mask = signal::change_mask(libc::SIG_BLOCK, !signal::SYNCHRONOUS);
    fault::hold_for_fork();
    runtime().heap.hold_for_fork();
    threads::hold_for_fork();
    // Under the locks, so that of several forking threads each finds its own.
    FORK_MASK.store(mask, Ordering::Relaxed);
}

extern "C" fn after_fork() {
    use crate::sys::signal;
    let mask = FORK_MASK.load(Ordering::Relaxed);
    // SAFETY: before_fork ran in this thread or its image.
    unsafe {
        threads::release_after_fork();
        runtime().heap.release_after_fork();
        fault::release_after_fork();
    }
    signal::change_mask(libc::SIG_SETMASK, mask);
}

extern "C" fn after_fork_in_child() {
    runtime().heap.backend().after_fork_in_child();
    crate::trace::after_fork_in_child();
    runtime().adopt_process();
    fault::after_fork_in_child();
    FINISHED.store(false, Ordering::Release);
    after_fork();
}
