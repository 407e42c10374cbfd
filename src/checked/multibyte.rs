//! Conversions of strings: of multibyte characters to wide ones and back, and between character sets.
//!
//! How far a conversion goes is told by one to nowhere, before the call. A sequence that is no
//! character ends it: then nothing is reported.
//!
//! glibc first looks for the terminator, further than a conversion may go. Where the source lies in an
//! object without one, and nothing is wrong, a form is called that is told where the object ends.

use super::entry::Call;
use super::operand;
use super::text::{Extent, Unit, readable};
use crate::sys::errno;
use core::ffi::{c_char, c_void};
use core::ptr::{null, null_mut};

/// mbstate_t of glibc.
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

/// Defines the forms that stop where the object of the source ends.
macro_rules! clipped {
    ($name:ident: $from:ty => $to:ty, by $convert:ident) => {
        mod $name {
            use super::*;

            type From = *const $from;

            /// As mbstowcs and wcstombs.
            pub unsafe extern "C" fn string(to: *mut $to, mut from: From, most: usize) -> usize {
                let mut state = 0;
                // SAFETY: as this function demands, the arguments are those of the conversion.
                unsafe { bounded(to, &raw mut from, usize::MAX, most, &raw mut state) }
            }

            /// As mbsrtowcs and wcsrtombs.
            pub unsafe extern "C" fn restartable(
                to: *mut $to,
                from: *mut From,
                most: usize,
                state: *mut State,
            ) -> usize {
                // SAFETY: as this function demands, the arguments are those of the conversion.
                unsafe { bounded(to, from, usize::MAX, most, state) }
            }

            /// As mbsnrtowcs and wcsnrtombs.
            pub unsafe extern "C" fn bounded(
                to: *mut $to,
                from: *mut From,
                bound: usize,
                most: usize,
                state: *mut State,
            ) -> usize {
                // SAFETY: as this function demands, the arguments are those of the conversion.
                unsafe {
                    $convert(to, from, bound.min(readable::<$from>(*from as usize)), most, state)
                }
            }
        }
    };
}
clipped!(wide: u8 => u32, by mbsnrtowcs);
clipped!(narrow: u32 => u8, by wcsnrtombs);

/// The form to call in place of a fortified one: none where that is about to abort.
fn unless_fortified(call: &Call<'_>, most: usize, room: usize, clipped: *const ()) -> *const () {
    if call.arg(most) > call.arg(room) { null() } else { clipped }
}

/// Most bytes of a character in the locale.
fn character_bytes() -> usize {
    // SAFETY: it takes nothing.
    unsafe { __ctype_get_mb_cur_max() }.max(1)
}

/// The state that a call begins with. Where the program gives none, the one that libc keeps is taken
/// to be initial.
unsafe fn state(call: &Call<'_>, index: usize) -> State {
    let state = call.ptr::<State>(index);
    // SAFETY: the function's manual demands it of the program, and looked at; an mbstate_t is aligned to 4.
    if state.is_null() { 0 } else { unsafe { state.read_unaligned() } }
}

/// The string at the pointer that is argument 1.
unsafe fn source(call: &Call<'_>) -> usize {
    // SAFETY: the function's manual demands it of the program, and looked at.
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
    // SAFETY: as this function demands, the arguments are those of the conversion.
    match unsafe { U::terminator(from, bound) } {
        Some(at) => (at, true),
        None => (bound, false),
    }
}

/// At most `bytes` bytes at `from` become at most `most` wide characters at argument 0, or are counted:
/// by `clipped` if the object there ends before.
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
    // SAFETY: the function's manual demands it of the program; within the bounds of objects.
    unsafe {
        let characters = |bound: usize| {
            let (taken, ends) = taken::<u8>(from, bound);
            let (mut start, mut state) = (from as *const u8, state);
            let convert = || mbsnrtowcs(null_mut(), &raw mut start, taken, 0, &raw mut state);
            Some(count(convert)? + usize::from(ends))
        };
        // A wide character takes one byte at least.
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

/// At most `units` wide characters at `from` become at most `most` bytes at argument 0, or are counted:
/// by `clipped` if the object there ends before.
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
    // SAFETY: the function's manual demands it of the program; within the bounds of objects.
    unsafe {
        let converted = |bound: usize| {
            let (taken, ends) = taken::<u32>(from, bound);
            let (mut start, mut state) = (from as *const u32, state);
            let convert = || wcsnrtombs(null_mut(), &raw mut start, taken, 0, &raw mut state);
            Some(count(convert)? + usize::from(ends))
        };
        // A wide character makes one byte at least.
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
                // One that does not fit is not begun.
                let surely =
                    if bytes <= most { bytes } else { most - (character_bytes() - 1).min(most) };
                call.writes("dest", 0, surely);
            }
        }
    }
}

/// mbstowcs.
pub unsafe fn widens(call: &Call<'_>) {
    let clipped = wide::string as *const ();
    // SAFETY: the function's manual demands it of the program.
    unsafe { to_wide(call, call.arg(1), usize::MAX, call.arg(2), 0, clipped) }
}

/// Its form that knows how long the destination is.
pub unsafe fn widens_checked(call: &Call<'_>) {
    let clipped = unless_fortified(call, 2, 3, wide::string as *const ());
    // SAFETY: the function's manual demands it of the program.
    unsafe { to_wide(call, call.arg(1), usize::MAX, call.arg(2), 0, clipped) }
}

/// mbsrtowcs.
pub unsafe fn widens_on(call: &Call<'_>) {
    let clipped = wide::restartable as *const ();
    // SAFETY: the function's manual demands it of the program.
    unsafe { to_wide(call, source(call), usize::MAX, call.arg(2), state(call, 3), clipped) }
}

/// Its form that knows how long the destination is.
pub unsafe fn widens_on_checked(call: &Call<'_>) {
    let clipped = unless_fortified(call, 2, 4, wide::restartable as *const ());
    // SAFETY: the function's manual demands it of the program.
    unsafe { to_wide(call, source(call), usize::MAX, call.arg(2), state(call, 3), clipped) }
}

/// mbsnrtowcs.
pub unsafe fn widens_some(call: &Call<'_>) {
    let clipped = wide::bounded as *const ();
    // SAFETY: the function's manual demands it of the program.
    unsafe { to_wide(call, source(call), call.arg(2), call.arg(3), state(call, 4), clipped) }
}

/// Its form that knows how long the destination is.
pub unsafe fn widens_some_checked(call: &Call<'_>) {
    let clipped = unless_fortified(call, 3, 5, wide::bounded as *const ());
    // SAFETY: the function's manual demands it of the program.
    unsafe { to_wide(call, source(call), call.arg(2), call.arg(3), state(call, 4), clipped) }
}

/// wcstombs.
pub unsafe fn narrows(call: &Call<'_>) {
    let clipped = narrow::string as *const ();
    // SAFETY: the function's manual demands it of the program.
    unsafe { to_bytes(call, call.arg(1), usize::MAX, call.arg(2), 0, clipped) }
}

/// Its form that knows how long the destination is.
pub unsafe fn narrows_checked(call: &Call<'_>) {
    let clipped = unless_fortified(call, 2, 3, narrow::string as *const ());
    // SAFETY: the function's manual demands it of the program.
    unsafe { to_bytes(call, call.arg(1), usize::MAX, call.arg(2), 0, clipped) }
}

/// wcsrtombs.
pub unsafe fn narrows_on(call: &Call<'_>) {
    let clipped = narrow::restartable as *const ();
    // SAFETY: the function's manual demands it of the program.
    unsafe { to_bytes(call, source(call), usize::MAX, call.arg(2), state(call, 3), clipped) }
}

/// Its form that knows how long the destination is.
pub unsafe fn narrows_on_checked(call: &Call<'_>) {
    let clipped = unless_fortified(call, 2, 4, narrow::restartable as *const ());
    // SAFETY: the function's manual demands it of the program.
    unsafe { to_bytes(call, source(call), usize::MAX, call.arg(2), state(call, 3), clipped) }
}

/// wcsnrtombs.
pub unsafe fn narrows_some(call: &Call<'_>) {
    let clipped = narrow::bounded as *const ();
    // SAFETY: the function's manual demands it of the program.
    unsafe { to_bytes(call, source(call), call.arg(2), call.arg(3), state(call, 4), clipped) }
}

/// Its form that knows how long the destination is.
pub unsafe fn narrows_some_checked(call: &Call<'_>) {
    let clipped = unless_fortified(call, 3, 5, narrow::bounded as *const ());
    // SAFETY: the function's manual demands it of the program.
    unsafe { to_bytes(call, source(call), call.arg(2), call.arg(3), state(call, 4), clipped) }
}

/// A pointer into a buffer, and the bytes left there, at two arguments; not there if either is null.
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
        // SAFETY: the function's manual demands it of the program.
        let start = unsafe { at.read_unaligned() } as usize;
        if start == 0 || left.is_null() {
            return None;
        }
        call.writes("bytes left", index + 1, size_of::<usize>());
        Some(Cursor { name, at, start })
    }

    /// Whether it points to no object any more.
    fn is_stale(&self) -> bool {
        operand::room(self.start) == 0 && !operand::is_end(self.start)
    }

    /// Bytes that it has gone on.
    unsafe fn passed(&self) -> usize {
        // SAFETY: the function's manual demands it of the program.
        (unsafe { self.at.read_unaligned() } as usize).saturating_sub(self.start)
    }
}

/// iconv.
pub unsafe fn convert(call: &Call<'_>) -> usize {
    // SAFETY: the function's manual demands it of the program.
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
