//! madvise(2) and its relatives, by which a program may drop pages of its own objects.
//!
//! A page that a program drops reads as zeros afterwards. With userfaultfd a missing page is a guard, so pages of
//! live objects are filled with zeros at once: the kernel may be the next to touch them, and its accesses would fail. The
//! same is done in children that find pages empty (MADV_WIPEONFORK).

use super::object_pages::{self, Way};
use super::{guarding, history, way_trampoline};
use crate::mappings::{Call, Claim, Step};
use crate::runtime;
use crate::sys::next;
use crate::sys::{PAGE_BYTES, errno, memory};
use crate::trace::Caller;
use core::ffi::{c_int, c_void};
use core::ops::Range;
use libc::{iovec, size_t, ssize_t};

/// Advice of Linux 5.18: drops locked pages too.
const MADV_DONTNEED_LOCKED: c_int = 24;

/// What advice does to pages of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Nothing,
    /// What they hold is gone.
    Drops,
    /// Children find no pages there, or empty ones.
    KeepsFromChildren,
}

impl Effect {
    fn of(advice: c_int) -> Effect {
        const GUARD_INSTALL: c_int = crate::sys::memory::MADV_GUARD_INSTALL as c_int;
        const GUARD_REMOVE: c_int = crate::sys::memory::MADV_GUARD_REMOVE as c_int;
        match advice {
            libc::MADV_DONTNEED | MADV_DONTNEED_LOCKED | libc::MADV_FREE | libc::MADV_REMOVE => {
                Effect::Drops
            }
            // The program's own guard markers drop pages. Once they are removed, the pages read as zeros.
            GUARD_INSTALL | GUARD_REMOVE => Effect::Drops,
            libc::MADV_DONTFORK | libc::MADV_WIPEONFORK => Effect::KeepsFromChildren,
            _ => Effect::Nothing,
        }
    }
}

/// The pages that hold the `bytes` bytes at `start`.
fn pages_of(start: usize, bytes: usize) -> Range<usize> {
    start & !(PAGE_BYTES - 1)..start.saturating_add(bytes).next_multiple_of(PAGE_BYTES)
}

/// The effect on objects at `start`.
fn effect_at(start: usize, advice: c_int) -> Effect {
    match Effect::of(advice) {
        Effect::Nothing => Effect::Nothing,
        effect => {
            let concerns = |runtime: &runtime::Runtime| runtime.heap.program_pages().concern(start);
            if runtime::get().is_some_and(concerns) { effect } else { Effect::Nothing }
        }
    }
}

/// Tells the heap what advice has done. Keeps errno.
fn note(start: usize, bytes: usize, effect: Effect) {
    let before = errno::get();
    let pages = pages_of(start, bytes);
    if let Some(runtime) = runtime::get() {
        match effect {
            Effect::Nothing => {}
            Effect::Drops => runtime.heap.program_pages().refill_dropped(pages),
            Effect::KeepsFromChildren => runtime.heap.program_pages().keep_from_children(pages),
        }
    }
    errno::set(before);
}

/// Replaces MADV_FREE, by which the kernel may drop pages later: then nobody would fill them.
fn at_once(advice: c_int) -> c_int {
    if advice == libc::MADV_FREE { libc::MADV_DONTNEED } else { advice }
}

way_trampoline! {
    /// madvise(2).
    fencepost_madvise("rcx", "r8") => madvise;
}

/// # Safety
/// As madvise(2) demands of its caller.
unsafe extern "C" fn madvise(
    address: *mut c_void,
    bytes: size_t,
    advice: c_int,
    sp: usize,
    bp: usize,
) -> c_int {
    // SAFETY: the trampoline passes the stack pointer as it was on entry; the rest is the program's.
    unsafe { advise_noted(address, bytes, advice, Caller::from_entry(sp, bp)) }
}

/// madvise(2), called by `by`.
///
/// # Safety
/// The arguments must be valid for madvise(2).
pub unsafe fn advise_noted(
    address: *mut c_void,
    bytes: size_t,
    advice: c_int,
    by: Caller,
) -> c_int {
    let claim = claim_advice(address as usize, bytes, advice, by);
    // SAFETY: as this function demands.
    let result = unsafe { advise(address, bytes, advice) };
    history::settle(claim, result == 0);
    result
}

/// Notes advice after which some accesses fault: in this process, or in its children.
fn claim_advice(start: usize, bytes: usize, advice: c_int, by: Caller) -> Option<Claim> {
    const GUARD: c_int = memory::MADV_GUARD_INSTALL as c_int;
    const UNGUARD: c_int = memory::MADV_GUARD_REMOVE as c_int;
    let call = match advice {
        GUARD => Call::Guard,
        UNGUARD => Call::Unguard,
        libc::MADV_DONTFORK => Call::DontFork,
        libc::MADV_DOFORK => Call::DoFork,
        _ => return None,
    };
    history::claim(Some(Step::new(call, start, bytes, history::caller(by)?)))
}

/// # Safety
/// As madvise(2) demands of its caller.
unsafe fn advise(address: *mut c_void, bytes: size_t, advice: c_int) -> c_int {
    type MadviseFn = unsafe extern "C" fn(*mut c_void, size_t, c_int) -> c_int;
    // SAFETY: `MadviseFn` is madvise's signature.
    let Some(next) = (unsafe { next::MADVISE.get::<MadviseFn>() }) else {
        errno::set(errno::Errno(libc::ENOSYS));
        return -1;
    };
    // SAFETY: the program passed the arguments, and must make them valid for the call.
    let next = |address: *mut c_void, bytes, advice| unsafe {
        guarding::refuse_kept(address as usize, bytes, true, |start, bytes| {
            next(start as *mut c_void, bytes, advice)
        })
    };
    let effect = effect_at(address as usize, advice);
    if effect == Effect::Nothing {
        return next(address, bytes, advice);
    }
    // MADV_FREE allows the kernel to drop the pages at once.
    let drop = |start: usize, bytes| next(start as *mut c_void, bytes, at_once(advice));
    let pages = object_pages::pages_of(address as usize, bytes).filter(|_| effect == Effect::Drops);
    let way = pages.as_ref().map_or(Way::Plain, object_pages::way_of);
    let result = match (way, pages) {
        (Way::InParts(beginning), Some(pages)) => object_pages::in_parts(pages, drop)
            .unwrap_or_else(|| object_pages::nothing_done(beginning)),
        _ => drop(address as usize, bytes),
    };
    if result == 0 || effect == Effect::Drops {
        // A drop that failed may have been done in part.
        note(address as usize, bytes, effect);
    }
    result
}

/// process_madvise(2). The target may be this process.
///
/// # Safety
/// The arguments must be valid for process_madvise(2).
pub unsafe extern "C" fn fencepost_process_madvise(
    process: c_int,
    ranges: *const iovec,
    count: size_t,
    advice: c_int,
    flags: libc::c_uint,
) -> ssize_t {
    type ProcessMadviseFn =
        unsafe extern "C" fn(c_int, *const iovec, size_t, c_int, libc::c_uint) -> ssize_t;
    // SAFETY: `ProcessMadviseFn` is process_madvise's signature.
    let Some(next) = (unsafe { next::PROCESS_MADVISE.get::<ProcessMadviseFn>() }) else {
        errno::set(errno::Errno(libc::ENOSYS));
        return -1;
    };
    // SAFETY: the program passed the arguments, and must make them valid for process_madvise(2).
    let result = unsafe { next(process, ranges, count, advice, flags) };
    if result > 0 {
        // SAFETY: the kernel has read `count` ranges there.
        let ranges = unsafe { core::slice::from_raw_parts(ranges, count) };
        for range in ranges {
            let start = range.iov_base as usize;
            note(start, range.iov_len, effect_at(start, advice));
        }
    }
    result
}
