//! Allocating, freeing and resizing with the option `budget`: some objects get pages, and each operation is paid for.

use crate::choice::{Choice, Home};
use crate::heap::record::Event;
use crate::heap::release::Release;
use crate::heap::tally::Reason;
use crate::heap::{AllocationRequest, BadCall, threads};
use crate::runtime::Runtime;
use crate::sys::scope::RuntimeScope;
use crate::sys::ticks;
use crate::trace::{self, Caller, TraceId};

/// Allocates for the program. Returns null when there is no memory.
#[inline(never)]
#[unsafe(link_section = ".text.hot")]
pub fn allocate(
    runtime: &Runtime,
    choice: &Choice,
    request: AllocationRequest,
    caller: Caller,
) -> *mut u8 {
    with_choice(runtime, choice, request.size, caller, |event, unpaged| {
        threads::with_cache(|cache| match unpaged {
            None => runtime.heap.allocate(cache, request, || event),
            Some(reason) => runtime.heap.allocate_unpaged(cache, request, event, reason),
        })
    })
}

/// Resizes an object for the program: see [`crate::heap::Heap::resize`]. The new place is chosen as for a new object
/// from here.
pub fn resize(
    runtime: &Runtime,
    choice: &Choice,
    (address, size, align): (usize, usize, usize),
    release: Release,
    caller: Caller,
) -> Result<(*mut u8, Result<(), BadCall>), BadCall> {
    with_choice(runtime, choice, size, caller, |event, unpaged| {
        threads::with_cache(|cache| {
            runtime.heap.resize(cache, address, size, align, release, event, unpaged)
        })
    })
}

/// Chooses for an object of `size` bytes, has `make` make it, and pays.
#[inline(always)]
fn with_choice<R>(
    runtime: &Runtime,
    choice: &Choice,
    size: usize,
    caller: Caller,
    make: impl FnOnce(Event, Option<Reason>) -> R,
) -> R {
    // The first sight of a site, or of a module, allocates for the runtime.
    let scope = RuntimeScope::enter();
    let chosen = choice.of_allocation(&caller, size);
    let thread = threads::current();
    if chosen.home == Home::Pages {
        let began = ticks::now();
        let trace = trace::capture(caller);
        choice.note_paged(chosen, trace);
        drop(scope);
        let made = make(Event { thread, trace }, None);
        if choice.pay(&caller, ticks::now().wrapping_sub(began)) {
            settle(runtime, choice, &caller);
        }
        return made;
    }
    let trace = choice.trace(chosen, || trace::capture(caller));
    drop(scope);
    let event = Event { thread, trace };
    if !chosen.is_measured {
        return make(event, Some(Reason::Unchosen));
    }
    measure_cheap(runtime, choice, &caller, || make(event, Some(Reason::Unchosen)))
}

/// Frees an object for the program: see [`crate::heap::Heap::free`].
#[inline(never)]
#[unsafe(link_section = ".text.hot")]
pub fn free(
    runtime: &Runtime,
    choice: &Choice,
    address: usize,
    release: Release,
    caller: Caller,
) -> Result<(), BadCall> {
    let end = |freed: Event| {
        threads::with_cache(|cache| runtime.heap.free(cache, address, release, || freed))
    };
    if runtime.heap.has_pages(address) {
        let began = ticks::now();
        let freed = end(runtime.event(caller));
        if choice.pay(&caller, ticks::now().wrapping_sub(began)) {
            settle(runtime, choice, &caller);
        }
        return freed;
    }
    runtime.heap.prefetch_packed(address);
    let (trace, is_measured) = trace_of_free(choice, &caller);
    let event = Event { thread: threads::current(), trace };
    if !is_measured {
        return end(event);
    }
    measure_cheap(runtime, choice, &caller, || end(event))
}

#[inline(always)]
fn trace_of_free(choice: &Choice, caller: &Caller) -> (TraceId, bool) {
    let _scope = RuntimeScope::enter();
    choice.trace_of_free(caller, || trace::capture(*caller))
}

/// Measures an operation without pages, as an example of many.
#[cold]
#[inline(never)]
fn measure_cheap<R>(
    runtime: &Runtime,
    choice: &Choice,
    caller: &Caller,
    operation: impl FnOnce() -> R,
) -> R {
    let began = ticks::now();
    let done = operation();
    if choice.note_cheap(caller, ticks::now().wrapping_sub(began)) {
        settle(runtime, choice, caller);
    }
    done
}

#[cold]
#[inline(never)]
fn settle(runtime: &Runtime, choice: &Choice, caller: &Caller) {
    choice.settle(caller, runtime.is_page_memory_spent());
}

/// Leaves what this process has met for the next run, if it belongs to a `fencepost run` that leaves records. A forked
/// process leaves nothing: it would count again what its parent has met.
pub fn leave(runtime: &Runtime) {
    let run = runtime.run_id();
    if let (Some(choice), Some(directory)) = (&runtime.choice, &runtime.report_directory)
        && !run.is_empty()
        && !runtime.is_forked()
    {
        // Without the file the next run chooses as if it were the first.
        let _ = choice.leave(directory, run);
    }
}
