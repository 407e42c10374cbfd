//! What every face of the allocator does: allocate, free, resize, and report bad calls.

mod budgeted;
mod focus;
pub mod fork;
pub mod inspect;
pub mod leaks;

use crate::diagnose::{BadRequest, FoundBy, Owner, Wrong};
use crate::fault::{self, tally};
use crate::heap::record::Family;
use crate::heap::release::{Deallocator, Mismatch, Release};
use crate::heap::{AllocationRequest, BadCall, Object, next_heap, private, threads};
use crate::options::{BadRequests, SummaryChoice};
use crate::report::symbolize::operators;
use crate::report::{notice, record};
use crate::runtime::{self, Runtime};
use crate::sys::registers::with_registers;
use crate::sys::residency::SharedPages;
use crate::sys::scope::RuntimeScope;
use crate::sys::{next, process, streams};
use crate::trace::{self, Caller, Frames};
use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, Ordering};
pub use leaks::Ending;

/// Returns the runtime, ready to guard, or `None` in a process that is not followed.
#[inline]
pub fn runtime() -> Option<&'static Runtime> {
    runtime::get_or_start(fault::install)
}

/// Allocates for the program. Returns null when there is no memory.
#[inline(never)]
#[unsafe(link_section = ".text.hot")]
pub fn allocate(request: AllocationRequest, caller: Caller) -> *mut u8 {
    if RuntimeScope::is_active() {
        return private::allocate(request.size, request.align);
    }
    let Some(runtime) = runtime() else {
        return next_heap::allocate(request.size, request.align, request.zeroed);
    };
    if let Some(choice) = &runtime.choice {
        return budgeted::allocate(runtime, choice, request, caller);
    }
    threads::with_cache(|cache| runtime.heap.allocate(cache, request, || runtime.event(caller)))
}

/// Frees an object for the program. A null address is allowed.
#[inline(never)]
#[unsafe(link_section = ".text.hot")]
pub fn free(address: usize, release: Release, caller: Caller) {
    if address == 0 {
        return;
    }
    if private::contains(address) {
        // The runtime allocated this, or the program did while a signal handler had interrupted the runtime.
        // SAFETY: `private::contains` found the address in the private heap.
        return unsafe { private::free(address) };
    }
    let Some(runtime) = runtime() else {
        // SAFETY: without a runtime all objects are the next allocator's; a bad address is bad natively too.
        return unsafe { next_heap::free(address) };
    };
    if runtime.heap.is_sampling() && !runtime.heap.contains(address) {
        // SAFETY: an address outside the heap is the next allocator's; a bad one would be bad there natively too.
        return unsafe { next_heap::free(address) };
    }
    let freed = match &runtime.choice {
        Some(choice) => budgeted::free(runtime, choice, address, release, caller),
        None => threads::with_cache(|cache| {
            runtime.heap.free(cache, address, release, || runtime.event(caller))
        }),
    };
    if let Err(bad) = freed {
        free_badly(runtime, address, release, bad, caller);
    }
}

#[cold]
#[inline(never)]
fn free_badly(
    runtime: &'static Runtime,
    address: usize,
    release: Release,
    bad: BadCall,
    caller: Caller,
) {
    match bad {
        BadCall::Mismatch(object, _, which)
            if is_excused(runtime, &object, release, which, caller) =>
        {
            free(address, release.unchecked(), caller);
        }
        // SAFETY: `is_next` says that the next allocator may own it; a bad address would be bad there natively too.
        BadCall::Foreign if is_next(runtime, address) => unsafe { next_heap::free(address) },
        bad => {
            fault::report_call(runtime, FoundBy::Release(release.by), address, bad, caller);
            // With keep-going, an object lent to libc's threads lives on: they would crash without it.
            if matches!(bad, BadCall::Mismatch(..)) {
                free(address, release.unchecked(), caller);
            }
        }
    }
}

/// Changes an object's size and alignment for the program. Returns null when there is no memory, and leaves the
/// object as it was then.
pub fn resize(
    address: usize,
    size: usize,
    align: usize,
    release: Release,
    caller: Caller,
) -> *mut u8 {
    if private::contains(address) {
        // SAFETY: `private::contains` found the address in the private heap.
        return unsafe { private::resize(address, size, align) };
    }
    let Some(runtime) = runtime() else {
        // SAFETY: without a runtime all objects are the next allocator's; a bad address is bad natively too.
        return unsafe { next_heap::resize(address, size, align) };
    };
    // An object of the next allocator stays there: the heap has no record of it.
    if runtime.heap.is_sampling() && !runtime.heap.contains(address) {
        // SAFETY: an address outside the heap is the next allocator's; a bad one would be bad there natively too.
        return unsafe {
            // An object that moves needs memory twice for a while; but natively a mapping grows where it is.
            let more = size.saturating_sub(next_heap::usable_size(address));
            if !runtime.heap.permits_unsampled(more) {
                return core::ptr::null_mut();
            }
            next_heap::resize(address, size, align)
        };
    }
    let resized = match &runtime.choice {
        Some(choice) => budgeted::resize(runtime, choice, (address, size, align), release, caller),
        None => {
            let event = runtime.event(caller);
            threads::with_cache(|cache| {
                runtime.heap.resize(cache, address, size, align, release, event, None)
            })
        }
    };
    match resized {
        Ok((new, checked)) => {
            if let Err(bad) = checked {
                fault::report_call(runtime, FoundBy::Release(release.by), address, bad, caller);
            }
            new
        }
        Err(bad @ BadCall::Mismatch(object, _, which)) => {
            if !is_excused(runtime, &object, release, which, caller) {
                fault::report_call(runtime, FoundBy::Release(release.by), address, bad, caller);
            }
            resize(address, size, align, release.unchecked(), caller)
        }
        // SAFETY: `is_next` says that the next allocator may own it; a bad address would be bad there natively too.
        Err(BadCall::Foreign) if is_next(runtime, address) => unsafe {
            next_heap::resize(address, size, align)
        },
        Err(bad @ BadCall::Lent(object, _)) => {
            fault::report_call(runtime, FoundBy::Release(release.by), address, bad, caller);
            // With keep-going, the old object stays as it is: libc's threads still use it.
            let request = AllocationRequest { size, align, family: object.family, zeroed: false };
            let new = allocate(request, caller);
            if !new.is_null() {
                let bytes = size.min(object.size);
                // SAFETY: the old object was live a moment ago, and the program owns it. The new one is distinct from
                // it, and nobody else knows its address yet.
                unsafe { core::ptr::copy_nonoverlapping(address as *const u8, new, bytes) };
            }
            new
        }
        Err(bad) => {
            fault::report_call(runtime, FoundBy::Release(release.by), address, bad, caller);
            core::ptr::null_mut()
        }
    }
}

/// Returns how many bytes the program may use at `address`: as many as it asked for.
pub fn usable_size(address: usize, caller: Caller) -> usize {
    if address == 0 {
        return 0;
    }
    if private::contains(address) {
        // SAFETY: `private::contains` found the address in the private heap.
        return unsafe { private::size(address) };
    }
    let Some(runtime) = runtime() else {
        // SAFETY: without a runtime all objects are the next allocator's; a bad address is bad natively too.
        return unsafe { next_heap::usable_size(address) };
    };
    match runtime.heap.size_of(address) {
        Ok(size) => size,
        // SAFETY: `is_next` says that the next allocator may own it; a bad address would be bad there natively too.
        Err(BadCall::Foreign) if is_next(runtime, address) => unsafe {
            next_heap::usable_size(address)
        },
        Err(bad) => {
            fault::report_call(runtime, FoundBy::UsableSize, address, bad, caller);
            0
        }
    }
}

/// Notes a request that can't be granted, and reports it if the option `bad-requests` says so. The caller then
/// returns as libc does.
#[cold]
pub fn refuse(function: &'static str, wrong: Wrong, caller: Caller) {
    if RuntimeScope::is_active() {
        return;
    }
    if let Some(runtime) = runtime()
        && runtime.options.bad_requests == BadRequests::Report
    {
        fault::report_request(runtime, BadRequest { function, wrong }, caller);
    }
}

/// Whether the next allocator may own an address that the heap does not know; it has its own checks. Most such
/// objects come while sampling or once the heap is closed; some were allocated before we were loaded or without us.
fn is_next(runtime: &Runtime, address: usize) -> bool {
    runtime.heap.is_sampling()
        || runtime.heap.unrecorded() > 0
        || runtime.heap.is_closed()
        || fault::owner_of(address) == Owner::Mapped("[heap]".to_owned())
}

/// Whether the program has C++ operators of its own. Then an object may come from our function and be freed by
/// theirs, or the other way round, and both are right.
static OPERATORS_REPLACED: AtomicBool = AtomicBool::new(false);

/// Notes whether the program has C++ operators of its own.
pub fn note_operators(replaced: bool) {
    OPERATORS_REPLACED.store(replaced, Ordering::Relaxed);
}

/// Lets every function free this object: the program got it through another function, which called ours.
pub fn forget_family(address: usize) {
    if let Some(runtime) = runtime() {
        runtime.heap.forget_family(address);
    }
}

/// Whether a mismatch is not reported: the user does not want it, or it may be no error.
#[cold]
fn is_excused(
    runtime: &Runtime,
    object: &Object,
    release: Release,
    which: Mismatch,
    caller: Caller,
) -> bool {
    let options = &runtime.options;
    match (which, release.by) {
        (Mismatch::Family, _) => {}
        (_, Deallocator::Delete | Deallocator::DeleteArray) => {
            return !options.new_delete_type_mismatch;
        }
        (..) => return !options.free_size_mismatch,
    }
    if !options.alloc_dealloc_mismatch || OPERATORS_REPLACED.load(Ordering::Relaxed) {
        return true;
    }
    // An operator that we can't see may have called our malloc or free: then this is no mismatch.
    let pc = match release.by {
        Deallocator::Delete | Deallocator::DeleteArray if object.family == Family::Malloc => {
            let mut frames = Frames::new();
            trace::frames(object.allocated.trace, &mut frames);
            frames.as_slice().first().map_or(0, |pc| pc.address())
        }
        Deallocator::Delete | Deallocator::DeleteArray => return false,
        _ => caller.pc,
    };
    let _scope = RuntimeScope::enter();
    operators::are_called_near(pc)
}

static FINISHED: AtomicBool = AtomicBool::new(false);

/// Checks live objects when the process ends, and says what was not guarded. Works once. Returns the exit code to use
/// instead of the program's, if there is one.
pub fn finish(ending: Ending, from: usize) -> Option<c_int> {
    let runtime = runtime::get()?;
    if !runtime.is_own_process() {
        return None;
    }
    fault::reporter::wait_for_reporter();
    let options = &runtime.options;
    let failed = || {
        let has_failed = !tally::is_empty() || leaks::have_failed();
        options.error_exitcode.filter(|_| has_failed).map(c_int::from)
    };
    if FINISHED.swap(true, Ordering::AcqRel) {
        return failed();
    }
    if options.check_at_exit {
        // Pages that a child shares with its parent are as they were at the fork, and the parent checks them.
        // Pages that it shares with a child of its own may have been changed before that fork.
        let shared = fork::is_fresh_child().then(SharedPages::new);
        for bad in runtime.heap.damaged(shared) {
            // Flush first, so that the abort below does not lose what the program printed.
            streams::flush_unused();
            fault::report_at_exit(runtime, bad);
        }
    }
    fault::suspicion::at_exit(runtime);
    leaks::check_at_end(runtime, ending, from);
    let _scope = RuntimeScope::enter();
    let mut notices = runtime.summary();
    let in_charge = fault::is_in_charge();
    if !in_charge && options.summary != SummaryChoice::Never {
        notices.push(
            "the program took SIGSEGV or SIGBUS by a system call of its own: \
             faults from then on were not reported"
                .to_owned(),
        );
    }
    let mut text: String =
        notices.iter().filter_map(|words| notice::note(runtime, words)).collect();
    if !tally::is_empty() && options.summary != SummaryChoice::Never {
        text += &tally::summary(options.max_reports);
    }
    if options.stats {
        text += &runtime.stats();
    }
    record::end(runtime);
    budgeted::leave(runtime);
    if runtime.lost_coverage() || !in_charge || !tally::is_empty() {
        crate::report::sink::write(runtime, &text);
    } else if !text.is_empty() {
        // Many programs close standard error as they end. That is no reason to create a file.
        crate::report::sink::write_if_open(runtime, &text);
    }
    failed()
}

/// Sets up what a process needs beyond its first allocation: hooks on fork and exit, an alternate stack for its first
/// thread, and the functions behind ours. Called while the process has one thread; only the first call does
/// something.
pub fn set_up_process() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::AcqRel) {
        return;
    }
    let Some(runtime) = runtime() else { return };
    let _scope = RuntimeScope::enter();
    next::resolve();
    next_heap::set_up();
    streams::init();
    threads::current();
    fault::belief::meet_first_thread();
    if runtime.may_go_on() {
        fault::trap::install();
    }
    fork::register();
    // SAFETY: `at_exit` only calls `finish`, and perhaps exit again, which glibc allows in a handler.
    unsafe { process::register_exit(at_exit) };
    record::begin(runtime);
    focus::look_up(runtime);
}

with_registers! {
    at_exit("rdi") => end_by_exit;
}

extern "C" fn end_by_exit(from: usize) {
    if let Some(code) = finish(Ending::Exit, from) {
        // exit(3) goes on where it was, with the handlers that are left, and with this code.
        // SAFETY: glibc allows a handler to call exit.
        unsafe { libc::exit(code) };
    }
}
