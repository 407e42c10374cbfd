//! How far functions on strings read: shared by strings of bytes and of wide characters.

use super::entry::Call;
use super::memory::wmemchr;
use super::operand;
use crate::sys::{PAGE_BYTES, probe};
use core::ffi::c_int;

/// What a string consists of: bytes or wide characters.
pub trait Unit: Copy + PartialEq {
    const BYTES: usize = size_of::<Self>();
    const NUL: Self;

    /// Returns the terminator's offset among the first `limit` units.
    ///
    /// # Safety
    /// The units must be readable up to the terminator or the limit.
    unsafe fn terminator(start: usize, limit: usize) -> Option<usize>;

    /// Returns the unit for comparisons that ignore case in this locale.
    fn folded(self) -> Self;
}

impl Unit for u8 {
    const NUL: u8 = 0;

    unsafe fn terminator(start: usize, limit: usize) -> Option<usize> {
        // SAFETY: the caller promises that the bytes are readable up to the terminator or the limit.
        (unsafe { libc::memchr(start as *const _, 0, limit) } as usize).checked_sub(start)
    }

    fn folded(self) -> u8 {
        // SAFETY: tolower takes any byte.
        unsafe { libc::tolower(c_int::from(self)) as u8 }
    }
}

unsafe extern "C" {
    fn towlower(character: u32) -> u32;
}

impl Unit for u32 {
    const NUL: u32 = 0;

    unsafe fn terminator(start: usize, limit: usize) -> Option<usize> {
        // SAFETY: the caller promises that the characters are readable up to the terminator or the limit.
        let found = unsafe { wmemchr(start as *const u32, 0, limit) } as usize;
        found.checked_sub(start).map(|bytes| bytes / Self::BYTES)
    }

    fn folded(self) -> u32 {
        // SAFETY: towlower takes any character.
        unsafe { towlower(self) }
    }
}

/// Whether a letter's two cases are different.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Case {
    Matters,
    Ignored,
}

/// Returns how many whole units may be read at `start`.
#[inline]
pub fn readable<U: Unit>(start: usize) -> usize {
    operand::room(start) / U::BYTES
}

/// Returns the bytes of `units` units.
pub const fn bytes<U: Unit>(units: usize) -> usize {
    units.saturating_mul(U::BYTES)
}

/// The part of a string that a function reads.
#[derive(Clone, Copy)]
pub struct Extent<U> {
    start: *const U,
    /// The number of units: one more than there are if the string's object ends too early.
    pub units: usize,
    /// Whether all units can be read.
    pub fits: bool,
}

impl<U: Unit> Extent<U> {
    /// Returns what a function reads of the string at `start` if it stops behind the terminator or after `limit` units.
    ///
    /// # Safety
    /// A string, or `limit` units, must be readable, unless they are in the heap.
    pub unsafe fn of(start: usize, limit: usize) -> Extent<U> {
        let readable = readable::<U>(start);
        // wmemchr takes no count beyond the address space.
        let bound = limit.min(readable).min(isize::MAX as usize / U::BYTES);
        // SAFETY: the search stays in the object's units. Outside the heap, the caller promises readable units.
        let units = match unsafe { U::terminator(start, bound) } {
            Some(offset) => offset + 1,
            None => limit.min(readable.saturating_add(1)),
        };
        Extent { start: start as *const U, units, fits: units <= readable }
    }

    pub const fn bytes(self) -> usize {
        bytes::<U>(self.units)
    }

    /// Returns the units before the terminator, the limit, or the end of the object.
    ///
    /// # Safety
    /// The string must still be there, and must stay while the units are used.
    unsafe fn content(self) -> Units<U> {
        // SAFETY: the caller promises that the string is still there.
        let count = if self.fits { unsafe { self.length() } } else { self.units - 1 };
        Units { start: self.start, count }
    }

    /// Returns the number of units before the terminator or the limit, like `strnlen`.
    ///
    /// # Safety
    /// The string must still be there.
    pub unsafe fn length(self) -> usize {
        // SAFETY: all units fit, so the last one is readable.
        let ends =
            self.fits && self.units > 0 && unsafe { *self.start.add(self.units - 1) } == U::NUL;
        self.units - usize::from(ends)
    }
}

/// Checks that the call may read the string at argument `index`, of at most `limit` units.
///
/// # Safety
/// A string, or `limit` units, must be at the argument, unless they are in the heap.
pub unsafe fn reads_string<U: Unit>(
    call: &Call<'_>,
    name: &'static str,
    index: usize,
    limit: usize,
) {
    // SAFETY: the caller promises a string at the argument, unless that is in the heap.
    unsafe { reads_string_at::<U>(call, name, call.arg(index), limit) }
}

/// Checks that the call may read the string at `start`, of at most `limit` units.
///
/// # Safety
/// A string, or `limit` units, must be at `start`, unless they are in the heap.
pub unsafe fn reads_string_at<U: Unit>(
    call: &Call<'_>,
    name: &'static str,
    start: usize,
    limit: usize,
) {
    if !operand::is_checked(start) || limit <= readable::<U>(start) || ends_in_nul::<U>(start) {
        return;
    }
    // SAFETY: the caller promises a string at `start`, unless that is in the heap.
    let extent = unsafe { Extent::<U>::of(start, limit) };
    if !extent.fits {
        call.site.reads(name, start, extent.bytes());
    }
}

/// Whether the object at `start` ends in a terminator, as most objects with a string do: then no search is needed. Uses
/// a probe, as the program may have protected that page.
fn ends_in_nul<U: Unit>(start: usize) -> bool {
    const WORD_BYTES: usize = size_of::<usize>();
    let there = bytes::<U>(readable::<U>(start));
    there >= WORD_BYTES
        && probe::load(start + there - WORD_BYTES)
            .is_some_and(|word| word >> (8 * (WORD_BYTES - U::BYTES)) == 0)
}

/// Checks that the call may read the string at argument `index`, and returns its extent, also if it is not in the heap.
///
/// # Safety
/// A string, or `limit` units, must be at the argument, unless they are in the heap.
pub unsafe fn reads_extent<U: Unit>(
    call: &Call<'_>,
    name: &'static str,
    index: usize,
    limit: usize,
) -> Extent<U> {
    // SAFETY: the caller promises a string at the argument, unless that is in the heap.
    let extent = unsafe { Extent::<U>::of(call.arg(index), limit) };
    if !extent.fits {
        call.reads(name, index, extent.bytes());
    }
    extent
}

/// Checks that the call may read the whole string at argument `index`.
///
/// # Safety
/// A string must be at the argument, unless it is in the heap.
pub unsafe fn reads_whole<U: Unit>(call: &Call<'_>, name: &'static str, index: usize) {
    // SAFETY: the caller promises a string at the argument, unless that is in the heap.
    unsafe { reads_string::<U>(call, name, index, usize::MAX) }
}

/// A number of readable units, at an address of any alignment.
#[derive(Clone, Copy)]
struct Units<U> {
    start: *const U,
    count: usize,
}

impl<U: Unit> Units<U> {
    fn iter(self) -> impl Iterator<Item = U> {
        // SAFETY: the units are readable, as the caller of `Extent::content` promises.
        (0..self.count).map(move |index| unsafe { self.start.add(index).read_unaligned() })
    }

    fn contains(self, unit: U) -> bool {
        self.iter().any(|each| each == unit)
    }

    /// Whether these units contain `needle`.
    fn contains_all(self, needle: Units<U>, case: Case) -> bool {
        let same = |a: U, b: U| a == b || case == Case::Ignored && a.folded() == b.folded();
        (needle.count..=self.count).any(|end| {
            let start = self.start.wrapping_add(end - needle.count);
            let part = Units { start, count: needle.count };
            part.iter().zip(needle.iter()).all(|(a, b)| same(a, b))
        })
    }
}

/// Checks a call that goes through the string at argument 0 up to a place that it searches. If the string has no
/// terminator in its object, `stops` says whether that place is among the units there.
///
/// # Safety
/// A string must be at argument 0, unless it is in the heap.
unsafe fn goes_through<U: Unit>(call: &Call<'_>, stops: impl FnOnce(Units<U>) -> bool) {
    let start = call.arg(0);
    if operand::is_checked(start) && !ends_in_nul::<U>(start) {
        // SAFETY: the caller promises a string at argument 0, unless that is in the heap.
        unsafe {
            let extent = Extent::<U>::of(start, usize::MAX);
            if !extent.fits && !stops(extent.content()) {
                call.reads("string", 0, extent.bytes());
            }
        }
    }
}

/// Checks a call that searches the string at argument 0 for `unit`.
///
/// # Safety
/// A string must be at argument 0, unless it is in the heap.
pub unsafe fn finds<U: Unit>(call: &Call<'_>, unit: U) {
    // SAFETY: the caller promises a string at argument 0, unless that is in the heap.
    unsafe { goes_through::<U>(call, |string| string.contains(unit)) }
}

/// Checks a call that searches the string at argument 0 for the string at argument 1.
///
/// # Safety
/// A string must be at both arguments, unless it is in the heap.
pub unsafe fn finds_string<U: Unit>(call: &Call<'_>, case: Case) {
    // SAFETY: the caller promises strings at both arguments, unless they are in the heap.
    unsafe {
        goes_through::<U>(call, |string| {
            let needle = Extent::of(call.arg(1), usize::MAX).content();
            string.contains_all(needle, case)
        });
    }
}

/// Checks a call that searches argument 0 for the first unit that is in the set at argument 1, or is not.
///
/// # Safety
/// A string must be at both arguments, unless it is in the heap.
pub unsafe fn finds_of_set<U: Unit>(call: &Call<'_>, is_in: bool) {
    // SAFETY: the caller promises strings at both arguments, unless they are in the heap.
    unsafe {
        goes_through::<U>(call, |string| {
            let set = Extent::of(call.arg(1), usize::MAX).content();
            string.iter().any(|unit| set.contains(unit) == is_in)
        });
    }
}

/// Checks a call that copies the string at argument 1, of at most `limit` units, to argument 0. It writes `written`
/// units there, or as many as it reads.
///
/// # Safety
/// A string, or `limit` units, must be at argument 1, unless they are in the heap.
pub unsafe fn copies_string<U: Unit>(call: &Call<'_>, limit: usize, written: Option<usize>) {
    // SAFETY: the caller promises a string at argument 1, unless that is in the heap.
    let extent = unsafe { Extent::<U>::of(call.arg(1), limit) };
    let read = extent.bytes();
    if !extent.fits {
        call.reads("source", 1, read);
    }
    call.writes("destination", 0, written.map_or(read, bytes::<U>));
    call.site.distinct((call.arg(0), read), (call.arg(1), read));
}

/// Checks a call that appends the string at argument 1, or its first `limit` units and a terminator, to the string at
/// argument 0.
///
/// # Safety
/// A string must be at both arguments, or `limit` units at argument 1, unless they are in the heap.
pub unsafe fn appends_string<U: Unit>(call: &Call<'_>, limit: usize) {
    // SAFETY: the caller promises strings at both arguments, unless they are in the heap.
    unsafe {
        let (old, added) = (
            reads_extent::<U>(call, "destination", 0, usize::MAX).length(),
            reads_extent::<U>(call, "source", 1, limit).length() + 1,
        );
        call.writes("destination", 0, bytes::<U>(old + added));
        if added > 1 {
            let destination = (call.arg(0), bytes::<U>(old + added));
            call.site.distinct(destination, (call.arg(1), bytes::<U>(added.min(limit))));
        }
    }
}

/// Returns how many bytes are equal at both addresses and not NUL: a multiple of 8, at most `bound`. `None` if the
/// first difference or NUL is surely among the `bound` bytes.
///
/// # Safety
/// At both addresses, `bound` bytes must be readable up to the string's terminator, and the pages of the strings must
/// be readable to their ends.
unsafe fn alike(first: usize, second: usize, bound: usize) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let in_page = |address: usize| address % PAGE_BYTES <= PAGE_BYTES - 8;
    let mut bytes = 0;
    while bytes + 8 <= bound && in_page(first + bytes) && in_page(second + bytes) {
        // SAFETY: both words lie in a page that a string reaches, and those are readable to their ends.
        let (a, b) = unsafe {
            (
                ((first + bytes) as *const u64).read_unaligned(),
                ((second + bytes) as *const u64).read_unaligned(),
            )
        };
        let has_nul = a.wrapping_sub(LOW) & !a & LOW << 7 != 0;
        if a != b || has_nul {
            return None;
        }
        bytes += 8;
    }
    Some(bytes)
}

/// Whether two strings differ, or both end, among their first `bound` bytes.
///
/// # Safety
/// At both addresses, `bound` bytes must be readable up to the string's terminator, and the pages to their ends.
pub unsafe fn part_within(first: usize, second: usize, bound: usize) -> bool {
    let mut at = 0;
    loop {
        // SAFETY: the caller promises what `alike` demands, and neither string has ended so far.
        match unsafe { alike(first + at, second + at, bound - at) } {
            Some(bytes) => at += bytes,
            None => return true,
        }
        // Compare byte by byte over the edge of a page, or to the end.
        let stop = bound.min(at + 8);
        if at == stop {
            return false;
        }
        while at < stop {
            // SAFETY: both bytes are within `bound`, and neither string has ended before them.
            let (a, b) = unsafe { (*((first + at) as *const u8), *((second + at) as *const u8)) };
            at += 1;
            if a != b || a == 0 {
                return true;
            }
        }
    }
}

/// Checks a call that compares the strings at arguments 0 and 1, up to the first difference, terminator, or `limit`
/// units.
///
/// # Safety
/// A string, or `limit` units, must be at both arguments, unless they are in the heap.
pub unsafe fn compares_strings<U: Unit>(call: &Call<'_>, limit: usize, case: Case) {
    let (first, second) = (call.arg(0), call.arg(1));
    let (in_first, in_second) = (readable::<U>(first), readable::<U>(second));
    let bound = limit.min(in_first).min(in_second);
    let mut units = 0;
    if case == Case::Matters && U::BYTES == 1 {
        // SAFETY: `bound` stays in the objects; outside the heap, the caller promises strings.
        if unsafe { part_within(first, second, bound) } {
            return;
        }
        units = bound;
    }
    while units < bound {
        // SAFETY: `units` is below `bound`, so within the objects, and neither string has ended before it.
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
