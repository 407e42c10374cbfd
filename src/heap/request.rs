//! What is asked of a heap.

use super::record::Family;

/// Largest request: no object may be larger than a pointer difference can tell (as glibc).
pub const MAX_SIZE: usize = isize::MAX as usize;

/// What is asked of [`Heap::allocate`](super::Heap::allocate).
#[derive(Clone, Copy, Debug)]
pub struct AllocationRequest {
    pub size: usize,
    /// A power of two; 1 where the caller asked for no alignment.
    pub align: usize,
    pub family: Family,
    pub zeroed: bool,
}
