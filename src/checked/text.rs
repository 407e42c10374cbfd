//! How far functions on strings read: shared by those of bytes and of wide characters.

use super::entry::Call;
use super::memory::wmemchr;
use super::operand;
use crate::sys::{PAGE_BYTES, probe};
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
        // SAFETY: as this function demands, the string is there, unless it lies in the heap.
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
        // SAFETY: as this function demands, the string is there, unless it lies in the heap.
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
#[inline]
pub fn readable<U: Unit>(start: usize) -> usize {
    operand::room(start) / U::BYTES
}

/// Bytes of `units` units.
pub const fn bytes<U: Unit>(units: usize) -> usize {
    units.saturating_mul(U::BYTES)
}

/// What a function reads of a string.
#[derive(Clone, Copy)]
pub struct Extent<U> {
    start: *const U,
    /// Units: one more than there are where the string runs out of its object.
    pub units: usize,
    /// Whether they can all be read.
    pub fits: bool,
}

impl<U: Unit> Extent<U> {
    /// What a function reads of the string at `start` that stops behind its terminator or after
    /// `limit` units.
    ///
    /// # Safety
    /// A string, or `limit` units, must be there, unless it is in the heap.
    pub unsafe fn of(start: usize, limit: usize) -> Extent<U> {
        let readable = readable::<U>(start);
        // wmemchr takes no count beyond the address space.
        let bound = limit.min(readable).min(isize::MAX as usize / U::BYTES);
        // SAFETY: as this function demands, the string is there, unless it lies in the heap; what lies in a live object is readable.
        let units = match unsafe { U::terminator(start, bound) } {
            Some(offset) => offset + 1,
            None => limit.min(readable.saturating_add(1)),
        };
        Extent { start: start as *const U, units, fits: units <= readable }
    }

    pub const fn bytes(self) -> usize {
        bytes::<U>(self.units)
    }

    /// The units before the terminator, the limit, or the end of the object.
    ///
    /// # Safety
    /// The string must still be there, and stay while they are asked.
    unsafe fn content(self) -> Units<U> {
        // SAFETY: as this function demands, the string is there, unless it lies in the heap.
        let count = if self.fits { unsafe { self.length() } } else { self.units - 1 };
        Units { start: self.start, count }
    }

    /// Units before the terminator, or the limit: as `strnlen`.
    ///
    /// # Safety
    /// The string must still be there.
    pub unsafe fn length(self) -> usize {
        // SAFETY: the last unit is readable if all of them are.
        let ends =
            self.fits && self.units > 0 && unsafe { *self.start.add(self.units - 1) } == U::NUL;
        self.units - usize::from(ends)
    }
}

/// The call reads the string at argument `index`, of at most `limit` units.
///
/// # Safety
/// As [`Extent::of`].
pub unsafe fn reads_string<U: Unit>(
    call: &Call<'_>,
    name: &'static str,
    index: usize,
    limit: usize,
) {
    // SAFETY: as this function demands, the string is there, unless it lies in the heap.
    unsafe { reads_string_at::<U>(call, name, call.arg(index), limit) }
}

/// The same of a string at `start`.
///
/// # Safety
/// As [`Extent::of`].
pub unsafe fn reads_string_at<U: Unit>(
    call: &Call<'_>,
    name: &'static str,
    start: usize,
    limit: usize,
) {
    if !operand::is_checked(start) || limit <= readable::<U>(start) || ends_in_nul::<U>(start) {
        return;
    }
    // SAFETY: as this function demands, the string is there, unless it lies in the heap.
    let extent = unsafe { Extent::<U>::of(start, limit) };
    if !extent.fits {
        call.site.reads(name, start, extent.bytes());
    }
}

/// Whether the object at `start` ends in a terminator, as most of those that hold a string do: then it need not
/// be searched for one. The program may have protected that page.
fn ends_in_nul<U: Unit>(start: usize) -> bool {
    const WORD_BYTES: usize = size_of::<usize>();
    let there = bytes::<U>(readable::<U>(start));
    there >= WORD_BYTES
        && probe::load(start + there - WORD_BYTES)
            .is_some_and(|word| word >> (8 * (WORD_BYTES - U::BYTES)) == 0)
}

/// The same, also of what is not looked at, to go on with what was read.
///
/// # Safety
/// As [`Extent::of`].
pub unsafe fn reads_extent<U: Unit>(
    call: &Call<'_>,
    name: &'static str,
    index: usize,
    limit: usize,
) -> Extent<U> {
    // SAFETY: as this function demands, the string is there, unless it lies in the heap.
    let extent = unsafe { Extent::<U>::of(call.arg(index), limit) };
    if !extent.fits {
        call.reads(name, index, extent.bytes());
    }
    extent
}

/// The call reads a whole string at `index`. See [`reads_string`].
///
/// # Safety
/// As [`Extent::of`].
pub unsafe fn reads_whole<U: Unit>(call: &Call<'_>, name: &'static str, index: usize) {
    // SAFETY: as this function demands, the string is there, unless it lies in the heap.
    unsafe { reads_string::<U>(call, name, index, usize::MAX) }
}

/// Units that are readable, at an address of any alignment.
#[derive(Clone, Copy)]
struct Units<U> {
    start: *const U,
    count: usize,
}

impl<U: Unit> Units<U> {
    fn iter(self) -> impl Iterator<Item = U> {
        // SAFETY: readable, by the promise of whoever made them.
        (0..self.count).map(move |index| unsafe { self.start.add(index).read_unaligned() })
    }

    fn contains(self, unit: U) -> bool {
        self.iter().any(|each| each == unit)
    }

    /// Whether all of `needle` is somewhere in these.
    fn contains_all(self, needle: Units<U>, case: Case) -> bool {
        let same = |a: U, b: U| a == b || case == Case::Ignored && a.folded() == b.folded();
        (needle.count..=self.count).any(|end| {
            let start = self.start.wrapping_add(end - needle.count);
            let part = Units { start, count: needle.count };
            part.iter().zip(needle.iter()).all(|(a, b)| same(a, b))
        })
    }
}

/// The call goes through the string at argument 0 up to a place that it finds. If the string has no
/// terminator in its object, `stops` tells whether it finds that among the units there are.
///
/// # Safety
/// As [`Extent::of`].
unsafe fn goes_through<U: Unit>(call: &Call<'_>, stops: impl FnOnce(Units<U>) -> bool) {
    let start = call.arg(0);
    if operand::is_checked(start) && !ends_in_nul::<U>(start) {
        // SAFETY: as this function demands, the string is there, unless it lies in the heap.
        unsafe {
            let extent = Extent::<U>::of(start, usize::MAX);
            if !extent.fits && !stops(extent.content()) {
                call.reads("string", 0, extent.bytes());
            }
        }
    }
}

/// The same for the first of some unit.
///
/// # Safety
/// As [`Extent::of`].
pub unsafe fn finds<U: Unit>(call: &Call<'_>, unit: U) {
    // SAFETY: as this function demands, the string is there, unless it lies in the heap.
    unsafe { goes_through::<U>(call, |string| string.contains(unit)) }
}

/// The same for the string at argument 1.
///
/// # Safety
/// As [`Extent::of`], for both.
pub unsafe fn finds_string<U: Unit>(call: &Call<'_>, case: Case) {
    // SAFETY: as this function demands, the string is there, unless it lies in the heap.
    unsafe {
        goes_through::<U>(call, |string| {
            let needle = Extent::of(call.arg(1), usize::MAX).content();
            string.contains_all(needle, case)
        });
    }
}

/// The same for the first unit that is one of the set at argument 1, or the first that is not.
///
/// # Safety
/// As [`Extent::of`], for both.
pub unsafe fn finds_of_set<U: Unit>(call: &Call<'_>, is_in: bool) {
    // SAFETY: as this function demands, the string is there, unless it lies in the heap.
    unsafe {
        goes_through::<U>(call, |string| {
            let set = Extent::of(call.arg(1), usize::MAX).content();
            string.iter().any(|unit| set.contains(unit) == is_in)
        });
    }
}

/// The call copies the string at argument 1, of at most `limit` units, to argument 0, where it writes
/// `written` units, or as many as it reads.
///
/// # Safety
/// As [`Extent::of`].
pub unsafe fn copies_string<U: Unit>(call: &Call<'_>, limit: usize, written: Option<usize>) {
    // SAFETY: as this function demands, the string is there, unless it lies in the heap.
    let extent = unsafe { Extent::<U>::of(call.arg(1), limit) };
    let read = extent.bytes();
    if !extent.fits {
        call.reads("source", 1, read);
    }
    call.writes("destination", 0, written.map_or(read, bytes::<U>));
    call.site.distinct((call.arg(0), read), (call.arg(1), read));
}

/// The call appends the string at argument 1, or its first `limit` units and a terminator, to that at
/// argument 0.
///
/// # Safety
/// As [`Extent::of`].
pub unsafe fn appends_string<U: Unit>(call: &Call<'_>, limit: usize) {
    // SAFETY: as this function demands, the string is there, unless it lies in the heap.
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

/// So many bytes are the same at both addresses, and not NUL: a multiple of 8, at most `bound`. `None` if
/// the first difference or NUL is among the `bound` bytes for certain.
///
/// # Safety
/// `bound` bytes must be readable at both, as far as they are strings, whose pages are readable to the
/// end.
unsafe fn alike(first: usize, second: usize, bound: usize) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let in_page = |address: usize| address % PAGE_BYTES <= PAGE_BYTES - 8;
    let mut bytes = 0;
    while bytes + 8 <= bound && in_page(first + bytes) && in_page(second + bytes) {
        // SAFETY: both lie in a page in which a string begins or goes on.
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

/// Whether two strings part, or both end, among their first `bound` bytes.
///
/// # Safety
/// As [`alike`].
pub unsafe fn part_within(first: usize, second: usize, bound: usize) -> bool {
    let mut at = 0;
    loop {
        // SAFETY: as this function demands, the string is there, unless it lies in the heap; so far neither has ended.
        match unsafe { alike(first + at, second + at, bound - at) } {
            Some(bytes) => at += bytes,
            None => return true,
        }
        // Byte by byte over the edge of a page, or to the end.
        let stop = bound.min(at + 8);
        if at == stop {
            return false;
        }
        while at < stop {
            // SAFETY: as above.
            let (a, b) = unsafe { (*((first + at) as *const u8), *((second + at) as *const u8)) };
            at += 1;
            if a != b || a == 0 {
                return true;
            }
        }
    }
}

/// The call compares the strings at arguments 0 and 1, up to the first difference, terminator, or
/// `limit` units.
///
/// # Safety
/// As [`Extent::of`], for both.
pub unsafe fn compares_strings<U: Unit>(call: &Call<'_>, limit: usize, case: Case) {
    let (first, second) = (call.arg(0), call.arg(1));
    let (in_first, in_second) = (readable::<U>(first), readable::<U>(second));
    let bound = limit.min(in_first).min(in_second);
    let mut units = 0;
    if case == Case::Matters && U::BYTES == 1 {
        // SAFETY: as below.
        if unsafe { part_within(first, second, bound) } {
            return;
        }
        units = bound;
    }
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
