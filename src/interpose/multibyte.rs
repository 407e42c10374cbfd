//! The checked functions that convert strings of multibyte characters to wide ones and back.
//!
//! How far a conversion goes is told by one to nowhere, before the call. A sequence that is no
//! character ends it: then nothing is reported.

use super::entry::{Call, entries};
use super::text::{Extent, Unit, readable};
use crate::checks;
use crate::sys::errno;
use core::ffi::c_char;
use core::ptr::null_mut;

/// mbstate_t of glibc.
type State = u64;

unsafe extern "C" {
    fn mbsnrtowcs(
        to: *mut u32,
        from: *mut *const c_char,
        bytes: usize,
        most: usize,
        state: *mut State,
    ) -> usize;
    fn wcsnrtombs(
        to: *mut c_char,
        from: *mut *const u32,
        units: usize,
        most: usize,
        state: *mut State,
    ) -> usize;
    fn __ctype_get_mb_cur_max() -> usize;
}

/// Most bytes of a character in the locale.
fn character_bytes() -> usize {
    // SAFETY: it takes nothing.
    unsafe { __ctype_get_mb_cur_max() }.max(1)
}

/// The state that a call begins with. Where the program gives none, the one that libc keeps is taken
/// to be initial.
unsafe fn state(call: &Call<'_>, index: usize) -> State {
    call.writes("ps", index, size_of::<State>());
    let state = call.ptr::<State>(index);
    // SAFETY: the program's promise; an mbstate_t is aligned to 4.
    if state.is_null() { 0 } else { unsafe { state.read_unaligned() } }
}

/// The string at the pointer that is argument 1.
unsafe fn source(call: &Call<'_>) -> usize {
    call.reads("src", 1, size_of::<usize>());
    // SAFETY: the program's promise.
    unsafe { *call.ptr::<usize>(1) }
}

/// Result of a conversion to nowhere, which keeps errno; `None` if it is none.
fn count(convert: impl FnOnce() -> usize) -> Option<usize> {
    let before = errno::get();
    let count = convert();
    errno::set(before);
    (count != usize::MAX).then_some(count)
}

/// Units of the string that a conversion of `bound` of them takes in, and whether one is its terminator.
///
/// # Safety
/// They must be readable up to the terminator.
unsafe fn taken<U: Unit>(from: usize, bound: usize) -> (usize, bool) {
    // memchr and wmemchr take no count beyond the address space.
    let bound = bound.min(isize::MAX as usize / U::BYTES);
    // SAFETY: the caller's promise.
    match unsafe { U::terminator(from, bound) } {
        Some(at) => (at, true),
        None => (bound, false),
    }
}

/// At most `bytes` bytes at `from` become at most `most` wide characters at argument 0, or are counted.
unsafe fn to_wide(call: &Call<'_>, from: usize, bytes: usize, most: usize, state: State) {
    let (to, room) = (call.arg(0), readable::<u32>(call.arg(0)));
    let in_source = checks::room(from);
    if !checks::is_checked(to) && !checks::is_checked(from) {
        return;
    }
    // SAFETY: the program's promise; within the bounds of objects.
    unsafe {
        let characters = |bound: usize| {
            let (taken, ends) = taken::<u8>(from, bound);
            let (mut start, mut state) = (from as *const c_char, state);
            let convert = || mbsnrtowcs(null_mut(), &raw mut start, taken, 0, &raw mut state);
            Some(count(convert)? + usize::from(ends))
        };
        // A wide character takes one byte at least.
        let extent = Extent::<u8>::of(from, if to == 0 { bytes } else { bytes.min(most) });
        if !extent.fits && characters(in_source).is_some() {
            call.site.reads("src", from, extent.bytes());
        }
        if to != 0 && most > room {
            let bound = room.saturating_add(1).saturating_mul(character_bytes());
            if let Some(written) = characters(bound.min(bytes).min(in_source)) {
                call.writes("dest", 0, written.min(most) * u32::BYTES);
            }
        }
    }
}

/// At most `units` wide characters at `from` become at most `most` bytes at argument 0, or are counted.
unsafe fn to_bytes(call: &Call<'_>, from: usize, units: usize, most: usize, state: State) {
    let (to, room) = (call.arg(0), call.room(0));
    let in_source = readable::<u32>(from);
    if !checks::is_checked(to) && !checks::is_checked(from) {
        return;
    }
    let most = if to == 0 { usize::MAX } else { most };
    // SAFETY: the program's promise; within the bounds of objects.
    unsafe {
        let converted = |bound: usize| {
            let (taken, ends) = taken::<u32>(from, bound);
            let (mut start, mut state) = (from as *const u32, state);
            let convert = || wcsnrtombs(null_mut(), &raw mut start, taken, 0, &raw mut state);
            Some(count(convert)? + usize::from(ends))
        };
        // A wide character makes one byte at least.
        let extent = Extent::<u32>::of(from, units.min(most));
        if !extent.fits && converted(in_source).is_some_and(|bytes| bytes < most) {
            call.site.reads("src", from, extent.bytes());
        }
        if to != 0 && most > room {
            let bound = room.saturating_add(1).min(units).min(in_source);
            if let Some(bytes) = converted(bound) {
                // One that does not fit is not begun.
                let surely =
                    if bytes <= most { bytes } else { most - (character_bytes() - 1).min(most) };
                call.writes("dest", 0, surely);
            }
        }
    }
}

entries! {
    before mbstowcs[rdi rsi] = |call| to_wide(call, call.arg(1), usize::MAX, call.arg(2), 0);
    before __mbstowcs_chk[rdi rsi] = |call| to_wide(call, call.arg(1), usize::MAX, call.arg(2), 0);
    before wcstombs[rdi rsi] = |call| to_bytes(call, call.arg(1), usize::MAX, call.arg(2), 0);
    before __wcstombs_chk[rdi rsi] = |call| to_bytes(call, call.arg(1), usize::MAX, call.arg(2), 0);
    before mbsrtowcs[any] = |call| {
        to_wide(call, source(call), usize::MAX, call.arg(2), state(call, 3))
    };
    before __mbsrtowcs_chk[any] = |call| {
        to_wide(call, source(call), usize::MAX, call.arg(2), state(call, 3))
    };
    before wcsrtombs[any] = |call| {
        to_bytes(call, source(call), usize::MAX, call.arg(2), state(call, 3))
    };
    before __wcsrtombs_chk[any] = |call| {
        to_bytes(call, source(call), usize::MAX, call.arg(2), state(call, 3))
    };
    before mbsnrtowcs[any] = |call| {
        to_wide(call, source(call), call.arg(2), call.arg(3), state(call, 4))
    };
    before __mbsnrtowcs_chk[any] = |call| {
        to_wide(call, source(call), call.arg(2), call.arg(3), state(call, 4))
    };
    before wcsnrtombs[any] = |call| {
        to_bytes(call, source(call), call.arg(2), call.arg(3), state(call, 4))
    };
    before __wcsnrtombs_chk[any] = |call| {
        to_bytes(call, source(call), call.arg(2), call.arg(3), state(call, 4))
    };
}
