//! Where an object lies in its pages: only arithmetic.

use crate::options::Placement;
use crate::pages::PageRange;
use crate::sys::{PAGE_BYTES, round_up_to_page};

/// Returns the alignment that production allocators give to `size` bytes (C17 7.22.3 asks for no more).
pub const fn natural_align(size: usize) -> usize {
    if size <= 8 { 8 } else { 16 }
}

/// Returns the logarithm of an alignment; for no power of two, one that no object can have.
pub const fn log2(align: usize) -> u8 {
    if align.is_power_of_two() { align.trailing_zeros() as u8 } else { u8::MAX }
}

/// The end of its pages that an object touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The object ends at the end of the pages, or closer to it than its alignment.
    Right,
    /// The object begins where the pages begin.
    Left,
}

/// The place of an object in `data_bytes` bytes of data pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes from the first data page to the object.
    pub offset: usize,
    pub size: usize,
}

impl Place {
    /// Places `size` bytes, aligned to `align` (a power of two, at most a page), at an edge of `data_bytes` (whole
    /// pages, at least `size`).
    pub fn at_edge(edge: Edge, data_bytes: usize, size: usize, align: usize) -> Place {
        debug_assert!(align.is_power_of_two() && align <= PAGE_BYTES && size <= data_bytes);
        let offset = match edge {
            Edge::Right => (data_bytes - size) & !(align - 1),
            Edge::Left => 0,
        };
        Place { offset, size }
    }

    /// Returns the offset of the first page that holds a byte of the object.
    pub fn first_page(self) -> usize {
        self.offset & !(PAGE_BYTES - 1)
    }

    /// Returns how many pages hold a byte of the object: these must be populated.
    pub fn pages(self) -> usize {
        if self.size == 0 {
            return 0;
        }
        (round_up_to_page(self.offset + self.size) - self.first_page()) / PAGE_BYTES
    }
}

/// How a heap places its objects.
#[derive(Clone, Copy, Debug)]
pub struct Placing {
    pub placement: Placement,
    /// Used by [`Placement::Random`].
    pub seed: u64,
}

impl Placing {
    /// Returns the place of an object of `size` bytes, aligned to `align`, in a slot with the pages `data`.
    #[inline(always)]
    pub fn place(self, data: PageRange, size: usize, align: usize) -> Place {
        Place::at_edge(self.edge_of(data.start()), data.bytes(), size, align)
    }

    /// Returns the edge that the object at `start` touches. Any other number that differs by object will do.
    #[inline(always)]
    pub fn edge_of(self, start: usize) -> Edge {
        match self.placement {
            Placement::Right | Placement::Exact => Edge::Right,
            Placement::Left => Edge::Left,
            Placement::Random if self.mix(start) & 1 == 0 => Edge::Right,
            Placement::Random => Edge::Left,
        }
    }

    #[inline(always)]
    fn mix(self, start: usize) -> u64 {
        let mixed = ((start / PAGE_BYTES) as u64 ^ self.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ mixed >> 31
    }

    /// Returns the alignment to place with: what was asked for, but at least what C promises. With
    /// [`Placement::Exact`], only what was asked for.
    pub fn effective_align(self, size: usize, requested: usize) -> usize {
        match self.placement {
            Placement::Exact => requested.max(1),
            _ => requested.max(natural_align(size)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_leaves_less_than_the_alignment() {
        let place = Place::at_edge(Edge::Right, 4096, 40, 16);
        assert_eq!(place.offset, 4096 - 48);
        assert_eq!(place.pages(), 1);
        assert_eq!(Place::at_edge(Edge::Right, 4096, 48, 16).offset, 4096 - 48);
    }

    #[test]
    fn exact_leaves_nothing() {
        let exact = Placing { placement: Placement::Exact, seed: 0 };
        let align = exact.effective_align(13, 1);
        assert_eq!(Place::at_edge(Edge::Right, 4096, 13, align).offset, 4096 - 13);
    }

    #[test]
    fn populates_only_pages_of_the_object() {
        let place = Place::at_edge(Edge::Right, 4 * 4096, 4097, 16);
        assert_eq!((place.first_page(), place.pages()), (2 * 4096, 2));
        let place = Place::at_edge(Edge::Left, 4 * 4096, 4097, 16);
        assert_eq!((place.first_page(), place.pages()), (0, 2));
    }

    #[test]
    fn nothing_needs_no_page_and_lies_on_the_guard() {
        let place = Place::at_edge(Edge::Right, 4096, 0, 8);
        assert_eq!((place.offset, place.pages()), (4096, 0));
    }

    #[test]
    fn alignment_never_moves_an_object_to_one_more_page() {
        for size in 1..=8192usize {
            for align in [1, 8, 16, 64, 512, 4096] {
                let data = round_up_to_page(size);
                let place = Place::at_edge(Edge::Right, data, size, align);
                assert!(place.offset.is_multiple_of(align));
                assert_eq!(place.pages(), data / PAGE_BYTES, "size {size} align {align}");
            }
        }
    }
}
