//! `mappings=guard`: a guard behind each mapping that the kernel is free to place, and places of mappings that are gone, which
//! stay inaccessible and are not given out again. So a pointer into a mapping that is gone, or past the end of one, faults.
//!
//! To the program all is as it would be otherwise: what it may map over, grow into or hint at is given up first, and calls about
//! a place that is kept fail as where nothing is mapped.

use crate::fault::suspicion;
use crate::mappings::guarded::{self, Use};
use crate::report::notice;
use crate::runtime;
use crate::sys::next;
use crate::sys::scope::RuntimeScope;
use crate::sys::{Errno, PAGE_BYTES, errno, memory, round_up_to_page};
use crate::trace::Caller;
use core::ffi::c_int;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};

const FAILED: usize = usize::MAX;

/// Of all addresses that a process can have, the end.
const ADDRESSES_END: usize = 1 << 47;

/// Whether mappings of this process are guarded. A child of vfork shares its parent's.
pub fn is_on() -> bool {
    guarded::is_on() && runtime::get().is_some_and(runtime::Runtime::is_own_process)
}

/// Makes a mapping by `make`, which takes an address and the flags of mmap(2), and returns what that does.
pub fn map(
    address: usize,
    bytes: usize,
    flags: c_int,
    make: impl Fn(usize, c_int) -> usize,
) -> usize {
    let length = round_up_to_page(bytes);
    let own = |start: usize| start..start.saturating_add(length);
    let Some(mut pieces) = guarded::hold() else { return make(address, flags) };
    let has_room = pieces.has_room();
    let is_fixed = flags & (libc::MAP_FIXED | libc::MAP_FIXED_NOREPLACE) != 0;
    if is_fixed || address != 0 {
        // What is kept is free for the program. MAP_FIXED replaces it.
        if flags & libc::MAP_FIXED == 0 {
            give_up(&mut pieces, own(address & !(PAGE_BYTES - 1)));
        }
        let mapped = make(address, flags);
        if mapped != FAILED {
            let lost = pieces.inaccessible_bytes(own(mapped));
            pieces.cut(own(mapped));
            memory::disown(lost);
        }
        return mapped;
    }
    const NOT_GUARDED: c_int = libc::MAP_GROWSDOWN | libc::MAP_HUGETLB | libc::MAP_32BIT;
    if flags & NOT_GUARDED == 0 && (1..ADDRESSES_END).contains(&length) && has_room {
        let ahead = if guarded::has_both() { PAGE_BYTES } else { 0 };
        let whole = ahead + length + PAGE_BYTES;
        if let Ok(place) = memory::reserve_for_program(whole) {
            let before = errno::get();
            let (start, end) = (place + ahead, place + ahead + length);
            let mapped = make(start, flags | libc::MAP_FIXED);
            if mapped == start {
                pieces.put(place..start, Use::GuardBefore);
                pieces.put(start..end, Use::Mapping);
                pieces.put(end..place + whole, Use::Guard);
                memory::note_own(ahead + PAGE_BYTES);
                return mapped;
            }
            // Perhaps the file or the device wants another place. Otherwise it fails again.
            // SAFETY: just reserved, and nobody knows the pages.
            unsafe { memory::unmap_for_program(place, whole) };
            errno::set(before);
        }
    }
    let mapped = make(address, flags);
    if mapped != FAILED {
        pieces.cut(own(mapped));
    }
    drop(pieces);
    if !has_room {
        say_that_there_is_no_room();
    }
    mapped
}

/// Once: the user must know what is not guarded.
#[cold]
fn say_that_there_is_no_room() {
    static IS_SAID: AtomicBool = AtomicBool::new(false);
    if !IS_SAID.swap(true, Ordering::Relaxed)
        && let Some(runtime) = runtime::get()
    {
        let before = errno::get();
        notice::say(
            runtime,
            "mappings=guard: half of the mappings that the kernel allows are there (vm.max_map_count): \
             further ones get no guard",
        );
        errno::set(before);
    }
}

/// munmap(2). `unmap` takes an address and bytes, and does it.
pub fn unmap(address: usize, bytes: usize, unmap: impl Fn(usize, usize) -> c_int) -> c_int {
    let range = address..address.saturating_add(round_up_to_page(bytes));
    let is_valid = address.is_multiple_of(PAGE_BYTES) && range.end <= ADDRESSES_END;
    if bytes == 0 || !is_valid {
        return unmap(address, bytes);
    }
    let Some(mut pieces) = guarded::hold() else { return unmap(address, bytes) };
    let parts: Vec<(Range<usize>, Use)> = pieces.within(range.clone()).collect();
    let mut at = range.start;
    for (part, what) in parts.into_iter().chain([(range.end..range.end, Use::Guard)]) {
        if at < part.start {
            let result = unmap(at, part.start - at);
            if result != 0 {
                return result;
            }
        }
        at = part.end;
        if what != Use::Mapping || part.is_empty() {
            continue;
        }
        // SAFETY: the program unmaps it.
        if unsafe { memory::decommit(part.start, part.len()) }.is_ok() {
            memory::note_own(part.len());
            // With the end of a mapping its guard is kept, too.
            let whole = pieces.with_guards(part);
            pieces.keep(whole);
        } else {
            let result = unmap(part.start, part.len());
            if result != 0 {
                return result;
            }
            pieces.cut(part);
        }
    }
    trim(&mut pieces);
    0
}

/// mremap(2), which `make` does, with MREMAP_FIXED or without; `keeps_old`: the old pages stay (MREMAP_DONTUNMAP).
pub fn remap(
    old: Range<usize>,
    new_bytes: usize,
    is_fixed: bool,
    keeps_old: bool,
    make: impl Fn() -> usize,
) -> usize {
    let new_bytes = round_up_to_page(new_bytes);
    let Some(mut pieces) = guarded::hold() else { return make() };
    if pieces.at(old.start).is_some_and(|what| what != Use::Mapping) {
        errno::set(Errno(libc::EFAULT));
        return FAILED;
    }
    let is_guarded = pieces.at(old.start) == Some(Use::Mapping);
    let wanted_end = old.start.saturating_add(new_bytes);
    // It grows into what is free for the program.
    let grown_to = if wanted_end > old.end && !is_fixed {
        pieces.inaccessible_from(old.end, wanted_end)
    } else {
        old.end
    };
    give_up(&mut pieces, old.end..grown_to);
    let mapped = make();
    if mapped == FAILED {
        if is_guarded {
            guard(&mut pieces, old.end, Use::Guard);
        }
        return FAILED;
    }
    let new = mapped..mapped + new_bytes;
    let lost = pieces.inaccessible_bytes(new.clone());
    pieces.cut(new.clone());
    memory::disown(lost);
    if is_guarded {
        pieces.put(new.clone(), Use::Mapping);
    }
    if mapped == old.start {
        if is_guarded && new.end < old.end {
            keep_place(&mut pieces, new.end..old.end);
        }
    } else if !keeps_old {
        pieces.cut(old.clone());
        if is_guarded {
            keep_place(&mut pieces, old.clone());
        }
    }
    if is_guarded && (mapped != old.start || new.end > old.end) {
        guard(&mut pieces, new.end, Use::Guard);
    }
    if is_guarded && mapped != old.start && guarded::has_both() && !is_fixed {
        guard(&mut pieces, new.start - PAGE_BYTES, Use::GuardBefore);
    }
    trim(&mut pieces);
    mapped
}

/// Makes a call about `range`, which `call` makes for a part of it. Where nothing is mapped as far as the program knows, such calls do
/// the parts before that, or all others, and fail with ENOMEM (mprotect(2), msync(2), madvise(2)).
pub fn refuse_kept(
    start: usize,
    bytes: usize,
    does_others: bool,
    call: impl Fn(usize, usize) -> c_int,
) -> c_int {
    let range = start..start.saturating_add(round_up_to_page(bytes));
    if !is_on() || !start.is_multiple_of(PAGE_BYTES) || bytes == 0 {
        return call(start, bytes);
    }
    let is_hole = |(part, what): (Range<usize>, Use)| (what != Use::Mapping).then_some(part);
    let _scope = RuntimeScope::enter();
    let holes: Vec<Range<usize>> = match guarded::hold() {
        Some(pieces) => pieces.within(range.clone()).filter_map(is_hole).collect(),
        None => Vec::new(),
    };
    if holes.is_empty() {
        return call(start, bytes);
    }
    let mut at = range.start;
    for hole in holes.into_iter().chain(core::iter::once(range.end..range.end)) {
        if at < hole.start {
            let result = call(at, hole.start - at);
            if result != 0 && !does_others {
                return result;
            }
        }
        at = hole.end;
        if !does_others {
            break;
        }
    }
    errno::set(Errno::ENOMEM);
    -1
}

/// msync(2).
///
/// # Safety
/// As msync(2) demands of its caller.
pub unsafe extern "C" fn fencepost_msync(start: usize, bytes: usize, flags: c_int) -> c_int {
    type MsyncFn = unsafe extern "C" fn(usize, usize, c_int) -> c_int;
    // SAFETY: msync's signature.
    let Some(next) = (unsafe { next::MSYNC.get::<MsyncFn>() }) else {
        errno::set(Errno(libc::ENOSYS));
        return -1;
    };
    // Frames of ours are left out where stacks are shown.
    suspicion::before_msync(start, bytes, Caller::here());
    // SAFETY: the program passed the arguments, and must make them valid for the call.
    let result =
        refuse_kept(start, bytes, true, |start, bytes| unsafe { next(start, bytes, flags) });
    if result != 0 && errno::get() == Errno::ENOMEM {
        suspicion::after_failed_msync(start, bytes, Caller::here());
    }
    result
}

/// Unmaps what is kept of `range`, and guards in it.
fn give_up(pieces: &mut guarded::Pieces, range: Range<usize>) {
    let is_ours = |(part, what): (Range<usize>, Use)| (what != Use::Mapping).then_some(part);
    let parts: Vec<Range<usize>> = pieces.within(range).filter_map(is_ours).collect();
    for part in parts {
        // SAFETY: a guard, or a place that was kept: for the program nothing is there.
        unsafe { memory::unmap_for_program(part.start, part.len()) };
        memory::disown(part.len());
        pieces.cut(part);
    }
}

/// Keeps the place of what the kernel has just unmapped, unless something else is there by now, and with it the guard behind.
fn keep_place(pieces: &mut guarded::Pieces, range: Range<usize>) {
    if memory::reserve_at(range.start, range.len()).is_ok() {
        memory::note_own(range.len());
        let whole = pieces.with_guards(range);
        pieces.keep(whole);
    }
}

/// Lays a guard at `address`, if nothing is there.
fn guard(pieces: &mut guarded::Pieces, address: usize, what: Use) {
    if pieces.has_room() && memory::reserve_at(address, PAGE_BYTES).is_ok() {
        memory::note_own(PAGE_BYTES);
        pieces.put(address..address + PAGE_BYTES, what);
    }
}

/// Gives up what has been kept for longest, as long as there is too much.
fn trim(pieces: &mut guarded::Pieces) {
    while pieces.is_too_much() {
        let Some(parts) = pieces.forget_oldest() else { return };
        for part in parts {
            // SAFETY: a place that was kept: for the program nothing is there.
            unsafe { memory::unmap_for_program(part.start, part.len()) };
            memory::disown(part.len());
        }
    }
}
