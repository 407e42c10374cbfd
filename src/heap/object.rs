//! What is asked of the heap, and what it tells: of an object, and of a wrong call.

use super::canary::Damage;
use super::loans::Loan;
use super::record::{Event, Family, State};
use super::release::{Mismatch, Release};

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

/// One object, as the diagnosis sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    pub start: usize,
    pub size: usize,
    pub family: Family,
    /// Of the alignment asked for; 0 where none was.
    pub align_log2: u8,
    pub state: State,
    pub allocated: Event,
    pub freed: Option<Event>,
}

/// A wrong call, found before it did harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadCall {
    /// The object has been freed before.
    DoubleFree(Object),
    /// The address lies in the heap, but no object begins there; the object around it, if any.
    NotAnObject(Option<Object>),
    /// The address is not the heap's.
    Foreign,
    /// The object does not go with the call, and lives on.
    Mismatch(Object, Release, Mismatch),
    /// libc's own threads work on the object, which lives on.
    Lent(Object, Loan),
    /// The object was freed, and its slack had been overwritten.
    Overwritten(Object, Damage),
    /// The object, which may be another than the one that the call was about, was written to after it had
    /// been freed.
    WrittenAfterFree(Object, Damage),
}
