//! Canary bytes in the slack: they show, when the object is freed, a write that no guard page caught.

use crate::sys::{PAGE_BYTES, probe, round_up_to_page};
use core::ops::Range;

/// The byte that fills the slack. It is neither 0 nor 0xff, which overruns write most often.
pub const BYTE: u8 = 0xfc;

/// The byte that freed objects are filled with by default (as in OpenBSD's malloc). Eight of them are no valid address,
/// so following a pointer read from a freed object faults.
pub const JUNK: u8 = 0xdf;

/// Returns the slack within `limit` bytes of the object at `start..start + size`, before and behind it, in the pages
/// that hold the object.
fn zones(start: usize, size: usize, limit: usize) -> [Range<usize>; 2] {
    if size == 0 {
        // Not null: an empty slice needs an address too.
        return [start..start, start..start];
    }
    let first = start & !(PAGE_BYTES - 1);
    let end = start + size;
    let last = round_up_to_page(end);
    [first.max(start.saturating_sub(limit))..start, end..last.min(end.saturating_add(limit))]
}

/// Fills the slack of an object.
///
/// # Safety
/// The object's pages must be writable, and used by the caller only.
#[inline(always)]
pub unsafe fn fill(start: usize, size: usize, limit: usize) {
    // SAFETY: the zones lie in the object's pages, which the caller owns.
    unsafe { fill_zones(zones(start, size, limit)) }
}

/// Fills the zones before and behind an object.
///
/// # Safety
/// They must be writable, and used by the caller only.
#[inline(always)]
pub unsafe fn fill_zones(zones: [Range<usize>; 2]) {
    for Range { start: from, end: to } in zones {
        let mut at = from;
        // SAFETY: the caller owns the zones, and each access lies in its zone.
        unsafe {
            while at + size_of::<u128>() <= to {
                (at as *mut u128).write_unaligned(CANARY_WORDS);
                at += size_of::<u128>();
            }
            while at < to {
                (at as *mut u8).write(BYTE);
                at += 1;
            }
        }
    }
}

/// Slack that something has written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The address of the lowest damaged byte.
    pub address: usize,
    /// The bytes from the lowest to the highest damaged one, as many as fit.
    pub bytes: [u8; 16],
    /// The byte that each of them should be.
    pub expected: u8,
    pub shown: usize,
    /// The number of bytes from the lowest damaged one to the highest.
    pub span: usize,
}

/// Looks for damage in the slack of an object whose pages the caller owns.
///
/// # Safety
/// The object's pages must be readable.
#[inline(never)]
#[unsafe(link_section = ".text.hot")]
pub unsafe fn check(start: usize, size: usize, limit: usize) -> Option<Damage> {
    // SAFETY: the zones lie in the object's pages, which the caller says are readable.
    unsafe { check_zones(zones(start, size, limit), BYTE) }
}

/// Looks for bytes other than `byte` in the zones before and behind an object.
///
/// # Safety
/// The pages of the zones must be readable.
#[inline(always)]
pub unsafe fn check_zones(zones: [Range<usize>; 2], byte: u8) -> Option<Damage> {
    let (word, words) = (usize::from_ne_bytes([byte; WORD_BYTES]), u128::from_ne_bytes([byte; 16]));
    // SAFETY: every word that is read lies in the zones' pages, which the caller says are readable.
    let load = |word: usize| unsafe { Some((word as *const usize).read_unaligned()) };
    let are_all = |start: usize, count: usize| {
        // Test once at the end, so that the loads of all lines run at the same time.
        let mut differences = 0;
        let mut at = start;
        while at < start + count / 2 * size_of::<u128>() {
            // SAFETY: every word that is read lies in the zones' pages, which the caller says are readable.
            differences |= unsafe { (at as *const u128).read_unaligned() } ^ words;
            at += size_of::<u128>();
        }
        differences == 0 && load(start + (count - 1) * WORD_BYTES) == Some(word)
    };
    let is_sound = |zone: &Range<usize>| is_sound(zone, word, load, are_all);
    if is_sound(&zones[0]) && is_sound(&zones[1]) {
        return None;
    }
    find_carefully(zones, byte)
}

/// Looks for damage in the slack of an object that another thread may retire meanwhile. Bytes that can't be read count
/// as sound.
pub fn check_carefully(start: usize, size: usize, limit: usize) -> Option<Damage> {
    find_carefully(zones(start, size, limit), BYTE)
}

/// Looks for bytes other than `byte` in the zones before and behind an object. Unreadable bytes do no harm.
pub fn find_carefully(zones: [Range<usize>; 2], byte: u8) -> Option<Damage> {
    let word = usize::from_ne_bytes([byte; WORD_BYTES]);
    find(zones, byte, |zone| {
        // Nearly all zones are sound, and there may be millions.
        let are_all = |start, count| probe::are_all(start, count, word);
        if is_sound(zone, word, probe::load, are_all) {
            return None;
        }
        let damaged = |address: usize| probe::load_byte(address).is_some_and(|b| b != byte);
        let first = zone.clone().find(|&a| damaged(a))?;
        let last = zone.clone().rfind(|&a| damaged(a))?;
        Some(first..last + 1)
    })
}

/// Whether a zone holds nothing but the bytes of `expected`. Reads whole words: the last one of a long zone overlaps
/// the one before, and that of a short zone extends over its edge into the same page.
#[inline(always)]
fn is_sound(
    zone: &Range<usize>,
    expected: usize,
    load: impl Fn(usize) -> Option<usize>,
    are_all: impl Fn(usize, usize) -> bool,
) -> bool {
    let bytes = zone.end - zone.start;
    let unused = 8 * (WORD_BYTES - bytes.min(WORD_BYTES)) as u32;
    let differs = |word: usize| load(word).map(|found| found ^ expected);
    let difference = match bytes {
        0 => return true,
        // The machine is little-endian: the zone's bytes are the word's low ones, or its high ones.
        1..WORD_BYTES if zone.start % PAGE_BYTES < WORD_BYTES => {
            differs(zone.start).map(|bits| bits << unused)
        }
        1..WORD_BYTES => differs(zone.end - WORD_BYTES).map(|bits| bits >> unused),
        _ if !are_all(zone.start, bytes / WORD_BYTES) => return false,
        _ => differs(zone.end - WORD_BYTES),
    };
    // A zone that can't be read is looked at byte by byte later.
    difference == Some(0)
}

const WORD_BYTES: usize = size_of::<usize>();

/// Sixteen canary bytes.
const CANARY_WORDS: u128 = u128::from_ne_bytes([BYTE; 16]);

fn find(
    [before, after]: [Range<usize>; 2],
    expected: u8,
    damaged_in: impl Fn(&Range<usize>) -> Option<Range<usize>>,
) -> Option<Damage> {
    // An overrun is more likely than an underrun, so look behind the object first.
    let damaged = damaged_in(&after).or_else(|| damaged_in(&before))?;
    let (lowest, span) = (damaged.start, damaged.len());
    let mut bytes = [0; 16];
    let shown = span.min(bytes.len());
    for (i, byte) in bytes[..shown].iter_mut().enumerate() {
        *byte = probe::load_byte(lowest + i).unwrap_or(0);
    }
    Some(Damage { address: lowest, bytes, expected, shown, span })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Maps two pages with an object at `offset`, writes at `poke`, and returns the damage.
    fn damage_after(offset: usize, size: usize, poke: &[isize]) -> Option<Damage> {
        let base = crate::sys::memory::map(2 * PAGE_BYTES).unwrap();
        let start = base + offset;
        // SAFETY: only this test uses the mapping, and every write is inside it.
        unsafe {
            fill(start, size, 128);
            for &at in poke {
                *(start.wrapping_add_signed(at) as *mut u8) = 7;
            }
            let found = check(start, size, 128);
            assert_eq!(
                found.map(|d| d.address),
                check_carefully(start, size, 128).map(|d| d.address)
            );
            crate::sys::memory::unmap(base, 2 * PAGE_BYTES);
            found.map(|d| Damage { address: d.address.wrapping_sub(start), ..d })
        }
    }

    #[test]
    fn writes_inside_the_object_are_no_damage() {
        assert_eq!(damage_after(4096 - 16, 13, &[0, 5, 12]), None);
    }

    #[test]
    fn finds_the_first_byte_after_the_object() {
        let damage = damage_after(4096 - 16, 13, &[13]).unwrap();
        assert_eq!((damage.address, damage.span, damage.bytes[0]), (13, 1, 7));
        let damage = damage_after(4096 - 16, 13, &[14, 15]).unwrap();
        assert_eq!((damage.address, damage.span), (14, 2));
    }

    #[test]
    fn finds_the_lowest_byte_before_the_object() {
        let damage = damage_after(2048, 2048, &[-1, -9]).unwrap();
        assert_eq!((damage.span, damage.address), (9, usize::MAX - 8));
    }

    #[test]
    fn looks_no_farther_than_the_limit() {
        assert_eq!(damage_after(2048, 2048, &[-129]), None);
        assert!(damage_after(2048, 2048, &[-128]).is_some());
    }

    /// Puts zones at all distances from a page's ends, with nothing mapped on either side.
    #[test]
    fn reads_no_byte_of_another_page() {
        let base = crate::sys::memory::reserve(3 * PAGE_BYTES).unwrap();
        let page = base + PAGE_BYTES;
        // SAFETY: only this test uses the mapping.
        unsafe {
            crate::sys::memory::commit(page, PAGE_BYTES).unwrap();
            for limit in [1, 4, 7, 9] {
                for offset in 0..20 {
                    for start in [page + offset, page + PAGE_BYTES - 1 - offset] {
                        fill(start, 1, limit);
                        assert_eq!(check(start, 1, limit), None);
                        for neighbour in [start - 1, start + 1] {
                            if neighbour / PAGE_BYTES == page / PAGE_BYTES {
                                *(neighbour as *mut u8) = 7;
                                let damage = check(start, 1, limit).unwrap();
                                assert_eq!((damage.address, damage.span), (neighbour, 1));
                                *(neighbour as *mut u8) = BYTE;
                            }
                        }
                    }
                }
            }
            crate::sys::memory::unmap(base, 3 * PAGE_BYTES);
        }
    }

    #[test]
    fn an_object_of_no_bytes_has_no_slack() {
        assert_eq!(damage_after(4096, 0, &[]), None);
    }
}
