//! Conversions of strings: of multibyte characters to wide ones and back, and between character sets.
//!
//! A conversion to nowhere, before the call, shows how far the conversion goes. An invalid sequence ends it: then
//! nothing is reported.
//!
//! glibc looks for the terminator first, further than a conversion may go. If the source's object has no terminator,
//! but the call is right, a form of ours is called that knows where the object ends.

use super::entry::Call;
use super::operand;
use super::text::{Extent, Unit, readable};
use crate::sys::errno;
use core::ffi::{c_char, c_void};
use core::ptr::{null, null_mut};

/// glibc's mbstate_t.
type State = u64;

unsafe extern "C" {
    fn mbsnrtowcs(
        to: *mut u32,
        from: *mut *const u8,
        bytes: usize,
        most: usize,
        state: *mut State,
    ) -> usize;
    fn wcsnrtombs(
        to: *mut u8,
        from: *mut *const u32,
        units: usize,
        most: usize,
        state: *mut State,
    ) -> usize;
    fn __ctype_get_mb_cur_max() -> usize;
}

unsafe extern "C-unwind" {
    fn iconv(
        conversion: *mut c_void,
        input: *mut *mut c_char,
        input_left: *mut usize,
        output: *mut *mut c_char,
        output_left: *mut usize,
    ) -> usize;
}

/// Defines forms that stop where the object of the source ends.
macro_rules! clipped {
    ($name:ident: $from:ty => $to:ty, by $convert:ident) => {
        mod $name {
            use super::*;

            type From = *const $from;

            /// Does what mbstowcs or wcstombs does.
            pub unsafe extern "C" fn string(to: *mut $to, mut from: From, most: usize) -> usize {
                let mut state = 0;
                // SAFETY: the program passes what the manual demands; `state` is ours.
                unsafe { bounded(to, &raw mut from, usize::MAX, most, &raw mut state) }
            }

            /// Does what mbsrtowcs or wcsrtombs does.
            pub unsafe extern "C" fn restartable(
                to: *mut $to,
                from: *mut From,
                most: usize,
                state: *mut State,
            ) -> usize {
                // SAFETY: the program passes what the manual demands.
                unsafe { bounded(to, from, usize::MAX, most, state) }
            }

            /// Does what mbsnrtowcs or wcsnrtombs does.
            pub unsafe extern "C" fn bounded(
                to: *mut $to,
                from: *mut From,
                bound: usize,
                most: usize,
                state: *mut State,
            ) -> usize {
                // SAFETY: the program passes what the manual demands; the bound is no more than the object has.
                unsafe {
                    $convert(to, from, bound.min(readable::<$from>(*from as usize)), most, state)
                }
            }
        }
    };
}
clipped!(wide: u8 => u32, by mbsnrtowcs);
clipped!(narrow: u32 => u8, by wcsnrtombs);

/// Returns the form to call in place of a fortified one, or null if that one is about to abort.
fn unless_fortified(call: &Call<'_>, most: usize, room: usize, clipped: *const ()) -> *const () {
    if call.arg(most) > call.arg(room) { null() } else { clipped }
}

/// Returns the most bytes that a character takes in this locale.
fn character_bytes() -> usize {
    // SAFETY: it takes no arguments.
    unsafe { __ctype_get_mb_cur_max() }.max(1)
}

/// Returns the state that a call begins with. If the program passes none, libc's own state is taken to be initial.
unsafe fn state(call: &Call<'_>, index: usize) -> State {
    let state = call.ptr::<State>(index);
    // SAFETY: the program passes a valid state, which was checked; the read needs no alignment.
    if state.is_null() { 0 } else { unsafe { state.read_unaligned() } }
}

/// Returns the string at the pointer that is argument 1.
unsafe fn source(call: &Call<'_>) -> usize {
    // SAFETY: the program passes a valid pointer, which was checked.
    unsafe { *call.ptr::<usize>(1) }
}

/// Returns the result of a conversion to nowhere, or `None` if it fails. Keeps errno.
fn count(convert: impl FnOnce() -> usize) -> Option<usize> {
    let before = errno::get();
    let count = convert();
    errno::set(before);
    (count != usize::MAX).then_some(count)
}

/// Returns how many units a conversion of `bound` units takes in, and whether one is the terminator.
///
/// # Safety
/// The string must be readable up to its terminator, or for `bound` units.
unsafe fn taken<U: Unit>(from: usize, bound: usize) -> (usize, bool) {
    // memchr and wmemchr take no count beyond the address space.
    let bound = bound.min(isize::MAX as usize / U::BYTES);
    // SAFETY: the caller promises that the string is readable up to its terminator or `bound`.
    match unsafe { U::terminator(from, bound) } {
        Some(at) => (at, true),
        None => (bound, false),
    }
}

/// Checks a conversion of at most `bytes` bytes at `from` to at most `most` wide characters at argument 0, which are
/// only counted if that is null. Has `clipped` called if the source's object ends early.
unsafe fn to_wide(
    call: &Call<'_>,
    from: usize,
    bytes: usize,
    most: usize,
    state: State,
    clipped: *const (),
) {
    let (to, room) = (call.arg(0), readable::<u32>(call.arg(0)));
    let in_source = operand::room(from);
    if !operand::is_checked(to) && !operand::is_checked(from) {
        return;
    }
    // SAFETY: the program passes what the manual demands; nothing is read beyond the bounds of objects.
    unsafe {
        let characters = |bound: usize| {
            let (taken, ends) = taken::<u8>(from, bound);
            let (mut start, mut state) = (from as *const u8, state);
            let convert = || mbsnrtowcs(null_mut(), &raw mut start, taken, 0, &raw mut state);
            Some(count(convert)? + usize::from(ends))
        };
        // A wide character takes at least one byte.
        let extent = Extent::<u8>::of(from, if to == 0 { bytes } else { bytes.min(most) });
        if !extent.fits {
            match characters(in_source) {
                Some(_) => call.site.reads("src", from, extent.bytes()),
                None => call.divert(clipped),
            }
        }
        if to != 0 && most > room {
            let bound = room.saturating_add(1).saturating_mul(character_bytes());
            if let Some(written) = characters(bound.min(bytes).min(in_source)) {
                call.writes("dest", 0, written.min(most) * u32::BYTES);
            }
        }
    }
}

/// Checks a conversion of at most `units` wide characters at `from` to at most `most` bytes at argument 0, which are
/// only counted if that is null. Has `clipped` called if the source's object ends early.
unsafe fn to_bytes(
    call: &Call<'_>,
    from: usize,
    units: usize,
    most: usize,
    state: State,
    clipped: *const (),
) {
    let (to, room) = (call.arg(0), call.room(0));
    let in_source = readable::<u32>(from);
    if !operand::is_checked(to) && !operand::is_checked(from) {
        return;
    }
    let most = if to == 0 { usize::MAX } else { most };
    // SAFETY: the program passes what the manual demands; nothing is read beyond the bounds of objects.
    unsafe {
        let converted = |bound: usize| {
            let (taken, ends) = taken::<u32>(from, bound);
            let (mut start, mut state) = (from as *const u32, state);
            let convert = || wcsnrtombs(null_mut(), &raw mut start, taken, 0, &raw mut state);
            Some(count(convert)? + usize::from(ends))
        };
        // A wide character becomes at least one byte.
        let extent = Extent::<u32>::of(from, units.min(most));
        if !extent.fits {
            match converted(in_source) {
                Some(bytes) if bytes < most => call.site.reads("src", from, extent.bytes()),
                _ => call.divert(clipped),
            }
        }
        if to != 0 && most > room {
            let bound = room.saturating_add(1).min(units).min(in_source);
            if let Some(bytes) = converted(bound) {
                // A character that does not fit is not written at all.
                let surely =
                    if bytes <= most { bytes } else { most - (character_bytes() - 1).min(most) };
                call.writes("dest", 0, surely);
            }
        }
    }
}

/// Checks a call of mbstowcs.
pub unsafe fn widens(call: &Call<'_>) {
    let clipped = wide::string as *const ();
    // SAFETY: the program passes what the manual demands.
    unsafe { to_wide(call, call.arg(1), usize::MAX, call.arg(2), 0, clipped) }
}

/// Checks a call of __mbstowcs_chk, which knows the destination's size.
pub unsafe fn widens_checked(call: &Call<'_>) {
    let clipped = unless_fortified(call, 2, 3, wide::string as *const ());
    // SAFETY: the program passes what the manual demands.
    unsafe { to_wide(call, call.arg(1), usize::MAX, call.arg(2), 0, clipped) }
}

/// Checks a call of mbsrtowcs.
pub unsafe fn widens_on(call: &Call<'_>) {
    let clipped = wide::restartable as *const ();
    // SAFETY: the program passes what the manual demands.
    unsafe { to_wide(call, source(call), usize::MAX, call.arg(2), state(call, 3), clipped) }
}

/// Checks a call of __mbsrtowcs_chk, which knows the destination's size.
pub unsafe fn widens_on_checked(call: &Call<'_>) {
    let clipped = unless_fortified(call, 2, 4, wide::restartable as *const ());
    // SAFETY: the program passes what the manual demands.
    unsafe { to_wide(call, source(call), usize::MAX, call.arg(2), state(call, 3), clipped) }
}

/// Checks a call of mbsnrtowcs.
pub unsafe fn widens_some(call: &Call<'_>) {
    let clipped = wide::bounded as *const ();
    // SAFETY: the program passes what the manual demands.
    unsafe { to_wide(call, source(call), call.arg(2), call.arg(3), state(call, 4), clipped) }
}

/// Checks a call of __mbsnrtowcs_chk, which knows the destination's size.
pub unsafe fn widens_some_checked(call: &Call<'_>) {
    let clipped = unless_fortified(call, 3, 5, wide::bounded as *const ());
    // SAFETY: the program passes what the manual demands.
    unsafe { to_wide(call, source(call), call.arg(2), call.arg(3), state(call, 4), clipped) }
}

/// Checks a call of wcstombs.
pub unsafe fn narrows(call: &Call<'_>) {
    let clipped = narrow::string as *const ();
    // SAFETY: the program passes what the manual demands.
    unsafe { to_bytes(call, call.arg(1), usize::MAX, call.arg(2), 0, clipped) }
}

/// Checks a call of __wcstombs_chk, which knows the destination's size.
pub unsafe fn narrows_checked(call: &Call<'_>) {
    let clipped = unless_fortified(call, 2, 3, narrow::string as *const ());
    // SAFETY: the program passes what the manual demands.
    unsafe { to_bytes(call, call.arg(1), usize::MAX, call.arg(2), 0, clipped) }
}

/// Checks a call of wcsrtombs.
pub unsafe fn narrows_on(call: &Call<'_>) {
    let clipped = narrow::restartable as *const ();
    // SAFETY: the program passes what the manual demands.
    unsafe { to_bytes(call, source(call), usize::MAX, call.arg(2), state(call, 3), clipped) }
}

/// Checks a call of __wcsrtombs_chk, which knows the destination's size.
pub unsafe fn narrows_on_checked(call: &Call<'_>) {
    let clipped = unless_fortified(call, 2, 4, narrow::restartable as *const ());
    // SAFETY: the program passes what the manual demands.
    unsafe { to_bytes(call, source(call), usize::MAX, call.arg(2), state(call, 3), clipped) }
}

/// Checks a call of wcsnrtombs.
pub unsafe fn narrows_some(call: &Call<'_>) {
    let clipped = narrow::bounded as *const ();
    // SAFETY: the program passes what the manual demands.
    unsafe { to_bytes(call, source(call), call.arg(2), call.arg(3), state(call, 4), clipped) }
}

/// Checks a call of __wcsnrtombs_chk, which knows the destination's size.
pub unsafe fn narrows_some_checked(call: &Call<'_>) {
    let clipped = unless_fortified(call, 3, 5, narrow::bounded as *const ());
    // SAFETY: the program passes what the manual demands.
    unsafe { to_bytes(call, source(call), call.arg(2), call.arg(3), state(call, 4), clipped) }
}

/// A pointer into a buffer, and the bytes left there, both passed by address. Missing if either is null.
struct Cursor {
    name: &'static str,
    at: *mut *mut c_char,
    start: usize,
}

impl Cursor {
    unsafe fn new(call: &Call<'_>, name: &'static str, index: usize) -> Option<Cursor> {
        let (at, left) = (call.ptr::<*mut c_char>(index), call.ptr::<usize>(index + 1));
        if at.is_null() {
            return None;
        }
        call.writes(name, index, size_of::<usize>());
        // SAFETY: the program passes what the manual demands.
        let start = unsafe { at.read_unaligned() } as usize;
        if start == 0 || left.is_null() {
            return None;
        }
        call.writes("bytes left", index + 1, size_of::<usize>());
        Some(Cursor { name, at, start })
    }

    /// Whether the pointer points to no object any more.
    fn is_stale(&self) -> bool {
        operand::room(self.start) == 0 && !operand::is_end(self.start)
    }

    /// Returns how many bytes the pointer has advanced.
    unsafe fn passed(&self) -> usize {
        // SAFETY: the program passes what the manual demands.
        (unsafe { self.at.read_unaligned() } as usize).saturating_sub(self.start)
    }
}

/// Makes a checked call of iconv.
pub unsafe fn convert(call: &Call<'_>) -> usize {
    // SAFETY: the program passes what the manual demands.
    unsafe {
        let input = Cursor::new(call, "inbuf", 1);
        let output = Cursor::new(call, "outbuf", 3);
        if let Some(input) = &input
            && input.is_stale()
        {
            call.site.reads(input.name, input.start, *call.ptr::<usize>(2));
        }
        if input.is_some()
            && let Some(output) = &output
            && output.is_stale()
        {
            call.site.writes(output.name, output.start, *call.ptr::<usize>(4));
        }
        let result = iconv(call.ptr(0), call.ptr(1), call.ptr(2), call.ptr(3), call.ptr(4));
        if let Some(input) = input {
            call.site.reads(input.name, input.start, input.passed());
        }
        if let Some(output) = output {
            call.site.writes(output.name, output.start, output.passed());
        }
        result
    }
}
