//! What an object costs: pages of memory, and what the program asked for.

use crate::sys::{PAGE_BYTES, round_up_to_page};

/// Requests from this size on get a mapping of their own from glibc's malloc (M_MMAP_THRESHOLD, mallopt(3)).
pub const MAPPED_BYTES: usize = 128 << 10;

/// What malloc adds to a block, and the smallest block that it makes.
const HEADER_BYTES: usize = 8;
const LEAST_BLOCK_BYTES: usize = 32;

/// Address space that `size` bytes take natively, about.
pub fn native_bytes(size: usize) -> usize {
    if size < MAPPED_BYTES {
        ((size + HEADER_BYTES).next_multiple_of(UNIT_BYTES)).max(LEAST_BLOCK_BYTES)
    } else {
        round_up_to_page(size.saturating_add(2 * HEADER_BYTES))
    }
}

/// What blocks are multiples of.
const UNIT_BYTES: usize = 16;

/// What an object costs, in one word, so that a thread's reserve changes in one step. The upper half counts pages
/// of a guarded object, the lower the units of [`native_bytes`]; the top bit of each is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost(u64);

impl Cost {
    pub const NONE: Cost = Cost(0);

    /// What a thread takes in reserve at a time, 64 KiB of each. It never has more than twice as much for long.
    pub const RESERVE: Cost = Cost(16 << 32 | RESERVED_UNITS as u64);

    const TOP_BITS: u64 = 1 << 63 | 1 << 31;

    /// The bits that only fields of twice the reserve and more have.
    const MUCH: u64 = 0x7fff_ffe0_7fff_e000;

    /// What a guarded object of `size` bytes in the pool costs.
    #[inline]
    pub fn of_slot(size: usize) -> Cost {
        Cost::of_pages(round_up_to_page(size)).with(Cost::of_request(size))
    }

    /// The pages of so many bytes.
    #[inline]
    pub const fn of_pages(bytes: usize) -> Cost {
        Cost(((bytes / PAGE_BYTES) as u64) << 32)
    }

    /// What the program asked for, of no more than [`MOST_RESERVED`] bytes.
    #[inline]
    pub fn of_request(size: usize) -> Cost {
        Cost((native_bytes(size) / UNIT_BYTES) as u64)
    }

    #[inline]
    pub fn with(self, other: Cost) -> Cost {
        Cost(self.0 + other.0)
    }

    /// What is left; `None` when either part would be less than nothing.
    #[inline]
    pub fn less(self, other: Cost) -> Option<Cost> {
        let left = (self.0 | Cost::TOP_BITS).wrapping_sub(other.0);
        (left & Cost::TOP_BITS == Cost::TOP_BITS).then_some(Cost(left & !Cost::TOP_BITS))
    }

    /// What of it a thread is to give back: a reserve of what it has too much of.
    #[inline]
    pub fn excess(self) -> Cost {
        if self.0 & Cost::MUCH == 0 { Cost::NONE } else { self.find_excess() }
    }

    #[cold]
    fn find_excess(self) -> Cost {
        let part = |of: Cost, reserve: Cost| {
            if of.0 & Cost::MUCH == 0 { Cost::NONE } else { reserve }
        };
        part(self.pages(), Cost::RESERVE.pages())
            .with(part(self.request(), Cost::RESERVE.request()))
    }

    /// The part in pages alone.
    pub fn pages(self) -> Cost {
        Cost(self.0 >> 32 << 32)
    }

    /// The part that was asked for alone.
    pub fn request(self) -> Cost {
        Cost(u64::from(self.0 as u32))
    }

    pub fn page_bytes(self) -> usize {
        (self.0 >> 32) as usize * PAGE_BYTES
    }

    pub fn request_bytes(self) -> usize {
        self.0 as u32 as usize * UNIT_BYTES
    }

    pub fn from_word(word: u64) -> Cost {
        Cost(word)
    }

    pub fn word(self) -> u64 {
        self.0
    }
}

const RESERVED_UNITS: usize = 4096;
const _: () = assert!(Cost::MUCH == (0x7fff_ffff & !31) << 32 | (0x7fff_ffff & !8191));

/// Requests of more bytes are not taken from reserves.
pub const MOST_RESERVED: usize = RESERVED_UNITS * UNIT_BYTES;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_cost_what_they_take_natively() {
        let cases = [(0, 32), (24, 32), (25, 48), (100, 112), (131_071, 131_088)];
        assert_eq!(cases.map(|(size, _)| native_bytes(size)), cases.map(|(_, bytes)| bytes));
        assert_eq!(native_bytes(131_072), 131_072 + 4096);
        assert_eq!(native_bytes(usize::MAX), usize::MAX & !4095);
    }

    #[test]
    fn both_parts_of_a_cost_must_be_there() {
        let cost = |pages: usize, units: usize| Cost((pages as u64) << 32 | units as u64);
        assert_eq!(cost(5, 10).less(cost(2, 10)), Some(cost(3, 0)));
        assert_eq!(cost(5, 10).less(cost(2, 11)), None);
        assert_eq!(cost(5, 10).less(cost(6, 1)), None);
        assert_eq!(cost(0, 0).less(cost(0, 0)), Some(Cost::NONE));
        assert_eq!(cost(31, 8191).excess(), Cost::NONE);
        assert_eq!(cost(32, 8191).excess(), cost(16, 0));
        assert_eq!(cost(31, 8192).excess(), cost(0, 4096));
        assert_eq!(cost(900, 90_000).excess(), Cost::RESERVE);
    }
}
