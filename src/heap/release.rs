//! How an object is given back, and whether that matches how it was made.

use super::place::log2;
use super::record::Family;

/// The functions that give an object back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deallocator {
    Free,
    Realloc,
    /// C23 7.24.3.4.
    FreeSized,
    /// C23 7.24.3.5.
    FreeAlignedSized,
    Delete,
    DeleteArray,
    /// Rust's `GlobalAlloc::dealloc`.
    Dealloc,
    /// Rust's `GlobalAlloc::realloc`.
    Reallocate,
}

impl Deallocator {
    pub const fn name(self) -> &'static str {
        match self {
            Deallocator::Free => "free",
            Deallocator::Realloc | Deallocator::Reallocate => "realloc",
            Deallocator::FreeSized => "free_sized",
            Deallocator::FreeAlignedSized => "free_aligned_sized",
            Deallocator::Delete => "operator delete",
            Deallocator::DeleteArray => "operator delete[]",
            Deallocator::Dealloc => "dealloc",
        }
    }

    /// Returns the family whose objects this function takes.
    const fn family(self) -> Family {
        match self {
            Deallocator::Delete => Family::New,
            Deallocator::DeleteArray => Family::NewArray,
            Deallocator::Dealloc | Deallocator::Reallocate => Family::Rust,
            _ => Family::Malloc,
        }
    }

    /// Whether the caller states the alignment even by naming none. Over-aligned objects must be freed by the forms
    /// that name their alignment (C++ expr.delete, C23 7.24.3.4), and Rust's layouts always name it. `free` takes any.
    const fn implies_alignment(self) -> bool {
        !matches!(self, Deallocator::Free | Deallocator::Realloc)
    }
}

/// One call that gives an object back, and what its caller says about the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    pub by: Deallocator,
    pub size: Option<usize>,
    /// The logarithm of the alignment; 0 if the caller names none.
    pub align_log2: u8,
    /// Whether the call must match the object.
    checked: bool,
}

impl Release {
    pub const fn new(by: Deallocator) -> Release {
        Release { by, size: None, align_log2: 0, checked: true }
    }

    pub const fn sized(self, size: usize) -> Release {
        Release { size: Some(size), ..self }
    }

    pub const fn aligned(self, align: usize) -> Release {
        Release { align_log2: log2(align), ..self }
    }

    /// Returns the same call, which need not match the object any more.
    pub const fn unchecked(self) -> Release {
        Release { checked: false, ..self }
    }

    /// Returns what does not match an object.
    #[inline]
    pub fn mismatch(&self, family: Family, size: usize, align_log2: u8) -> Option<Mismatch> {
        if !self.checked || family == Family::Any {
            return None;
        }
        if family != self.by.family() {
            return Some(Mismatch::Family);
        }
        // libstdc++ asks malloc for one byte if its caller asked for none.
        if self.size.is_some_and(|given| given != size && (given, size) != (0, 1)) {
            return Some(Mismatch::Size);
        }
        let aligned_otherwise = self.by.implies_alignment() && align_log2 != self.align_log2;
        aligned_otherwise.then_some(Mismatch::Alignment)
    }
}

/// How a call and its object differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// One family of functions made the object, and another is to free it.
    Family,
    Size,
    Alignment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_takes_its_own() {
        for (by, family) in [
            (Deallocator::Free, Family::Malloc),
            (Deallocator::Realloc, Family::Malloc),
            (Deallocator::Delete, Family::New),
            (Deallocator::DeleteArray, Family::NewArray),
            (Deallocator::Dealloc, Family::Rust),
            (Deallocator::Reallocate, Family::Rust),
        ] {
            let release = Release::new(by);
            assert_eq!(release.mismatch(family, 8, 0), None);
            assert_eq!(release.mismatch(Family::Any, 8, 0), None);
            for other in [Family::Malloc, Family::New, Family::NewArray] {
                let expected = (other != family).then_some(Mismatch::Family);
                assert_eq!(release.mismatch(other, 8, 0), expected, "{by:?} of {other:?}");
                assert_eq!(release.unchecked().mismatch(other, 8, 0), None);
            }
        }
    }

    #[test]
    fn size_and_alignment_must_be_the_object_s() {
        let delete = Release::new(Deallocator::Delete);
        assert_eq!(delete.sized(8).mismatch(Family::New, 8, 0), None);
        assert_eq!(delete.sized(8).mismatch(Family::New, 16, 0), Some(Mismatch::Size));
        assert_eq!(delete.sized(0).mismatch(Family::New, 1, 0), None);
        assert_eq!(delete.aligned(64).mismatch(Family::New, 8, 6), None);
        assert_eq!(delete.aligned(32).mismatch(Family::New, 8, 6), Some(Mismatch::Alignment));
        assert_eq!(delete.mismatch(Family::New, 8, 6), Some(Mismatch::Alignment));
        assert_eq!(delete.aligned(24).mismatch(Family::New, 8, 6), Some(Mismatch::Alignment));
        assert_eq!(Release::new(Deallocator::Free).mismatch(Family::Malloc, 8, 6), None);
        let dealloc = Release::new(Deallocator::Dealloc).sized(8).aligned(8);
        assert_eq!(dealloc.mismatch(Family::Rust, 8, 3), None);
        assert_eq!(dealloc.mismatch(Family::Rust, 8, 2), Some(Mismatch::Alignment));
        assert_eq!(dealloc.mismatch(Family::Rust, 12, 3), Some(Mismatch::Size));
        let sized = Release::new(Deallocator::FreeSized).sized(8);
        assert_eq!(sized.mismatch(Family::Malloc, 8, 6), Some(Mismatch::Alignment));
    }
}
