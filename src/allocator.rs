//! What every face of the allocator does: allocate, free, resize, and tell of bad calls.

pub mod fork;
pub mod inspect;

use crate::diagnose::{BadRequest, FoundBy, Owner, Wrong};
use crate::fault::{self, tally};
use crate::heap::record::Family;
use crate::heap::release::{Deallocator, Mismatch, Release};
use crate::heap::{AllocationRequest, BadCall, Object, next_heap, private, threads};
use crate::options::{BadRequests, SummaryChoice};
use crate::report::symbolize::operators;
use crate::report::{notice, record};
use crate::runtime::{self, Runtime};
use crate::sys::residency::SharedPages;
use crate::sys::scope::RuntimeScope;
use crate::sys::{next, streams};
use crate::trace::{self, Caller, Frames};
use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, Ordering};

/// The runtime, ready to guard; none in a process that is not followed.
#[inline]
pub fn runtime() -> Option<&'static Runtime> {
    runtime::get_or_start(fault::install)
}

/// Allocates for the program. Null when there is no memory.
#[inline(never)]
#[unsafe(link_section = ".text.hot")]
pub fn allocate(request: AllocationRequest, caller: Caller) -> *mut u8 {
    if RuntimeScope::is_active() {
        return private::allocate(request.size, request.align);
    }
    let Some(runtime) = runtime() else {
        return next_heap::allocate(request.size, request.align, request.zeroed);
    };
    threads::with_cache(|cache| runtime.heap.allocate(cache, request, || runtime.event(caller)))
}

/// Frees for the program; null is fine.
#[inline(never)]
#[unsafe(link_section = ".text.hot")]
pub fn free(address: usize, release: Release, caller: Caller) {
    if address == 0 {
        return;
    }
    if private::contains(address) {
        // Allocated by the runtime, or while it was interrupted.
        // SAFETY: the address is the private heap's.
        return unsafe { private::free(address) };
    }
    let Some(runtime) = runtime() else {
        // SAFETY: not ours; what the program passes is the program's responsibility.
        return unsafe { next_heap::free(address) };
    };
    if runtime.heap.is_sampling() && !runtime.heap.contains(address) {
        // SAFETY: as above.
        return unsafe { next_heap::free(address) };
    }
    let freed = threads::with_cache(|cache| {
        runtime.heap.free(cache, address, release, || runtime.event(caller))
    });
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
        // SAFETY: not ours; what the program passes is the program's responsibility.
        BadCall::Foreign if is_next(runtime, address) => unsafe { next_heap::free(address) },
        bad => {
            fault::report_call(runtime, FoundBy::Release(release.by), address, bad, caller);
            // What is lent lives on in a run that goes on: libc's threads would die by it.
            if matches!(bad, BadCall::Mismatch(..)) {
                free(address, release.unchecked(), caller);
            }
        }
    }
}

/// Resizes for the program, to a size and an alignment; null when there is no memory, and then the old
/// object stands.
pub fn resize(
    address: usize,
    size: usize,
    align: usize,
    release: Release,
    caller: Caller,
) -> *mut u8 {
    if private::contains(address) {
        // SAFETY: the address is the private heap's.
        return unsafe { private::resize(address, size, align) };
    }
    let Some(runtime) = runtime() else {
        // SAFETY: not ours; what the program passes is the program's responsibility.
        return unsafe { next_heap::resize(address, size, align) };
    };
    // An object of the next allocator stays there: nobody has seen it so far.
    if runtime.heap.is_sampling() && !runtime.heap.contains(address) {
        // SAFETY: not ours; what the program passes is the program's responsibility.
        return unsafe {
            // One that moves is there twice for a while, but natively a mapping grows where it is.
            let more = size.saturating_sub(next_heap::usable_size(address));
            if !runtime.heap.permits_unsampled(more) {
                return core::ptr::null_mut();
            }
            next_heap::resize(address, size, align)
        };
    }
    let event = runtime.event(caller);
    let resized = threads::with_cache(|cache| {
        runtime.heap.resize(cache, address, size, align, release, event)
    });
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
        // SAFETY: as above.
        Err(BadCall::Foreign) if is_next(runtime, address) => unsafe {
            next_heap::resize(address, size, align)
        },
        Err(bad @ BadCall::Lent(object, _)) => {
            fault::report_call(runtime, FoundBy::Release(release.by), address, bad, caller);
            // In a run that goes on the old one stays, for libc's threads.
            let request = AllocationRequest { size, align, family: object.family, zeroed: false };
            let new = allocate(request, caller);
            if !new.is_null() {
                let bytes = size.min(object.size);
                // SAFETY: the old object was live a moment ago and is the program's to give back; nobody knows the new
                // one, which is distinct from it.
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

/// Bytes that the program may use at `address`: what it asked for.
pub fn usable_size(address: usize, caller: Caller) -> usize {
    if address == 0 {
        return 0;
    }
    if private::contains(address) {
        // SAFETY: the address is the private heap's.
        return unsafe { private::size(address) };
    }
    let Some(runtime) = runtime() else {
        // SAFETY: not ours; what the program passes is the program's responsibility.
        return unsafe { next_heap::usable_size(address) };
    };
    match runtime.heap.size_of(address) {
        Ok(size) => size,
        // SAFETY: as above.
        Err(BadCall::Foreign) if is_next(runtime, address) => unsafe {
            next_heap::usable_size(address)
        },
        Err(bad) => {
            fault::report_call(runtime, FoundBy::UsableSize, address, bad, caller);
            0
        }
    }
}

/// Notes a request that can't be granted; reports it where the user wants that. The caller returns
/// as libc does.
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

/// Whether an address that the heap does not know may be the next allocator's, which has checks of
/// its own: most are while sampling or once the heap is closed, and some may have been allocated without us.
fn is_next(runtime: &Runtime, address: usize) -> bool {
    runtime.heap.is_sampling()
        || runtime.heap.unrecorded() > 0
        || runtime.heap.is_closed()
        || fault::owner_of(address) == Owner::Mapped("[heap]".to_owned())
}

/// Whether the program has C++ operators of its own: then an object can come from ours and go to
/// theirs, or the other way, and both may do right.
static OPERATORS_REPLACED: AtomicBool = AtomicBool::new(false);

/// Notes whether the program has C++ operators of its own.
pub fn note_operators(replaced: bool) {
    OPERATORS_REPLACED.store(replaced, Ordering::Relaxed);
}

/// What came from a function of ours by way of another may be freed by any.
pub fn forget_family(address: usize) {
    if let Some(runtime) = runtime() {
        runtime.heap.forget_family(address);
    }
}

/// Whether a mismatch is not to be reported: it is not wanted, or may be none.
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
    // The side that speaks of malloc and free may be an operator that we do not see.
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

/// When the process ends: verifies what still lives, and tells what was not guarded. Once. Answers the
/// exit code to end with, where the program's is not to be.
pub fn finish() -> Option<c_int> {
    let runtime = runtime::get()?;
    if !runtime.is_own_process() {
        return None;
    }
    fault::reporter::wait_for_reporter();
    let options = &runtime.options;
    let failed = || options.error_exitcode.filter(|_| !tally::is_empty()).map(c_int::from);
    if FINISHED.swap(true, Ordering::AcqRel) {
        return failed();
    }
    if options.check_at_exit {
        // What a child has in common with its parent is as it was at the fork, and the parent's to
        // check. What is common with a child of its own may have been changed before.
        let shared = fork::is_fresh_child().then(SharedPages::new);
        for bad in runtime.heap.damaged(shared) {
            // What the program printed must not be lost with the abort that follows.
            streams::flush_unused();
            fault::report_at_exit(runtime, bad);
        }
    }
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
    if runtime.lost_coverage() || !in_charge || !tally::is_empty() {
        crate::report::sink::write(runtime, &text);
    } else if !text.is_empty() {
        // Many programs close standard error as they end. That is no reason to leave a file about.
        crate::report::sink::write_if_open(runtime, &text);
    }
    failed()
}

/// What a process needs beyond its first allocation: hooks on fork and exit, an alternate stack
/// for its first thread, and the look-up of the functions behind ours. Called once, while the
/// process has one thread.
pub fn set_up_process() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::AcqRel) {
        return;
    }
    let Some(runtime) = runtime() else { return };
    let _scope = RuntimeScope::enter();
    next::resolve();
    streams::init();
    threads::current();
    fault::belief::meet_first_thread();
    if runtime.may_go_on() {
        fault::trap::install();
    }
    fork::register();
    // SAFETY: the handler is safe to run where exit runs handlers.
    unsafe { libc::atexit(at_exit) };
    record::begin(runtime);
}

extern "C" fn at_exit() {
    if let Some(code) = finish() {
        // Goes on where exit(3) was, with what is left of its work, and another code.
        // SAFETY: glibc allows it in a handler.
        unsafe { libc::exit(code) };
    }
}
