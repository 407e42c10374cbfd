//! How far functions on strings read: shared by those of bytes and of wide characters.

use super::entry::Call;
use super::memory::wmemchr;
use crate::checks;
use core::ffi::c_int;

/// What a string is made of.
pub trait Unit: Copy + PartialEq {
    const BYTES: usize = size_of::<Self>();
    const NUL: Self;

    /// Offset of the terminator among the first `limit` units.
    ///
    /// # Safety
    /// They must be readable up to the terminator.
    unsafe fn terminator(start: usize, limit: usize) -> Option<usize>;

    /// The unit for comparisons that ignore case, by the locale.
    fn folded(self) -> Self;
}

impl Unit for u8 {
    const NUL: u8 = 0;

    unsafe fn terminator(start: usize, limit: usize) -> Option<usize> {
        // SAFETY: the caller's promise.
        (unsafe { libc::memchr(start as *const _, 0, limit) } as usize).checked_sub(start)
    }

    fn folded(self) -> u8 {
        // SAFETY: any byte is fine.
        unsafe { libc::tolower(c_int::from(self)) as u8 }
    }
}

unsafe extern "C" {
    fn towlower(character: u32) -> u32;
}

impl Unit for u32 {
    const NUL: u32 = 0;

    unsafe fn terminator(start: usize, limit: usize) -> Option<usize> {
        // SAFETY: the caller's promise.
        let found = unsafe { wmemchr(start as *const u32, 0, limit) } as usize;
        found.checked_sub(start).map(|bytes| bytes / Self::BYTES)
    }

    fn folded(self) -> u32 {
        // SAFETY: any character is fine.
        unsafe { towlower(self) }
    }
}

/// Whether letters of both cases are alike.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Case {
    Matters,
    Ignored,
}

/// Whole units that may be read at `start`.
pub fn readable<U: Unit>(start: usize) -> usize {
    checks::room(start) / U::BYTES
}

/// Bytes of `units` units.
pub const fn bytes<U: Unit>(units: usize) -> usize {
    units.saturating_mul(U::BYTES)
}

/// Units that a function reads of the string at `start` when it stops behind its terminator or after
/// `limit` units: one more than there are where the string runs out of its object.
///
/// # Safety
/// A string, or `limit` units, must be there, unless it is in the heap.
pub unsafe fn extent<U: Unit>(start: usize, limit: usize) -> usize {
    let readable = readable::<U>(start);
    // wmemchr takes no count beyond the address space.
    let bound = limit.min(readable).min(isize::MAX as usize / U::BYTES);
    // SAFETY: the caller's promise; what lies in a live object is readable.
    match unsafe { U::terminator(start, bound) } {
        Some(offset) => offset + 1,
        None => limit.min(readable.saturating_add(1)),
    }
}

/// Units before the terminator, or the limit: as `strnlen`.
///
/// # Safety
/// As [`extent`].
pub unsafe fn length<U: Unit>(start: usize, limit: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe { length_in::<U>(start, extent::<U>(start, limit)) }
}

/// The same where [`extent`] is known.
///
/// # Safety
/// As [`extent`].
pub unsafe fn length_in<U: Unit>(start: usize, extent: usize) -> usize {
    // SAFETY: the last unit is readable if all of them are.
    let ends = extent > 0
        && extent <= readable::<U>(start)
        && unsafe { *((start + bytes::<U>(extent - 1)) as *const U) } == U::NUL;
    if ends { extent - 1 } else { extent }
}

/// The call reads the string at argument `index`, of at most `limit` units.
///
/// # Safety
/// As [`extent`].
pub unsafe fn reads_string<U: Unit>(
    call: &Call<'_>,
    name: &'static str,
    index: usize,
    limit: usize,
) {
    if checks::is_checked(call.arg(index)) {
        // SAFETY: the caller's promise.
        call.reads(name, index, bytes::<U>(unsafe { extent::<U>(call.arg(index), limit) }));
    }
}

/// The call reads a whole string at `index`. See [`reads_string`].
///
/// # Safety
/// As [`extent`].
pub unsafe fn reads_whole<U: Unit>(call: &Call<'_>, name: &'static str, index: usize) {
    // SAFETY: the caller's promise.
    unsafe { reads_string::<U>(call, name, index, usize::MAX) }
}

/// The function called instead found `found` in the string at argument 0, reading `length` units from
/// there on, or read the whole string for nothing.
///
/// # Safety
/// As [`extent`].
pub unsafe fn has_searched<U: Unit>(call: &Call<'_>, found: *const U, length: usize) {
    if found.is_null() {
        // SAFETY: the caller's promise.
        unsafe { reads_whole::<U>(call, "string", 0) };
    } else {
        let before = (found as usize).wrapping_sub(call.arg(0));
        call.reads("string", 0, before.saturating_add(bytes::<U>(length)));
    }
}

/// Strings up to this length are looked at before libc's function is; see [`begins`].
const COPIED_UNITS: usize = 1024;

/// The call goes through the string at argument 0 to a place that is known after it. Where the string
/// ends without a terminator libc's function may run into the guard: `stop` tells, of a copy that is
/// terminated, with which unit the function ends. Long strings are left to the guard.
///
/// # Safety
/// As [`extent`].
pub unsafe fn begins<U: Unit>(call: &Call<'_>, stop: impl FnOnce(*const U) -> usize) {
    call.reads("string", 0, U::BYTES);
    let (start, room) = (call.arg(0), readable::<U>(call.arg(0)));
    // SAFETY: what lies in a live object is readable.
    if room >= COPIED_UNITS || unsafe { U::terminator(start, room) }.is_some() {
        return;
    }
    let mut copy = [U::NUL; COPIED_UNITS];
    // SAFETY: as above; it fits.
    unsafe { core::ptr::copy_nonoverlapping(start as *const U, copy.as_mut_ptr(), room) };
    if stop(copy.as_ptr()) >= room {
        call.reads("string", 0, bytes::<U>(room + 1));
    }
}

/// For [`begins`]: the offset of what was found, if anything was.
pub fn offset_in<U: Unit>(string: *const U, found: *const U) -> usize {
    if found.is_null() {
        return usize::MAX;
    }
    (found as usize - string as usize) / U::BYTES
}

/// The call copies the string at argument 1, of at most `limit` units, to argument 0, where it writes
/// `written` units, or as many as it reads.
///
/// # Safety
/// As [`extent`].
pub unsafe fn copies_string<U: Unit>(call: &Call<'_>, limit: usize, written: Option<usize>) {
    // SAFETY: the caller's promise.
    let read = bytes::<U>(unsafe { extent::<U>(call.arg(1), limit) });
    call.reads("source", 1, read);
    call.writes("destination", 0, written.map_or(read, bytes::<U>));
    call.site.distinct((call.arg(0), read), (call.arg(1), read));
}

/// The call appends the string at argument 1, or its first `limit` units and a terminator, to that at
/// argument 0.
///
/// # Safety
/// As [`extent`].
pub unsafe fn appends_string<U: Unit>(call: &Call<'_>, limit: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        reads_string::<U>(call, "source", 1, limit);
        reads_whole::<U>(call, "destination", 0);
        let old = length::<U>(call.arg(0), usize::MAX);
        let added = length::<U>(call.arg(1), limit) + 1;
        call.writes("destination", 0, bytes::<U>(old + added));
        if added > 1 {
            let destination = (call.arg(0), bytes::<U>(old + added));
            call.site.distinct(destination, (call.arg(1), bytes::<U>(added.min(limit))));
        }
    }
}

/// The call compares the strings at arguments 0 and 1, up to the first difference, terminator, or
/// `limit` units.
///
/// # Safety
/// As [`extent`], for both.
pub unsafe fn compares_strings<U: Unit>(call: &Call<'_>, limit: usize, case: Case) {
    let (first, second) = (call.arg(0), call.arg(1));
    let (in_first, in_second) = (readable::<U>(first), readable::<U>(second));
    let bound = limit.min(in_first).min(in_second);
    let mut units = 0;
    while units < bound {
        // SAFETY: within the bounds of objects, and before the end of either string.
        let (a, b) = unsafe { (*(first as *const U).add(units), *(second as *const U).add(units)) };
        let alike = a == b || case == Case::Ignored && a.folded() == b.folded();
        units += 1;
        if !alike || a == U::NUL {
            return;
        }
    }
    if units < limit {
        call.reads("first", 0, bytes::<U>(units + 1));
        call.reads("second", 1, bytes::<U>(units + 1));
    }
}
