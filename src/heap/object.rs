//! What is asked of the heap, and what it returns about an object or a wrong call.

use super::canary::Damage;
use super::loans::Loan;
use super::record::{Event, Family, Snapshot, State};
use super::release::{Mismatch, Release};

/// The largest request in bytes: a pointer difference must be able to express it (as in glibc).
pub const MAX_SIZE: usize = isize::MAX as usize;

/// A request to [`Heap::allocate`](super::Heap::allocate).
#[derive(Clone, Copy, Debug)]
pub struct AllocationRequest {
    pub size: usize,
    /// A power of two; 1 if the caller asked for no alignment.
    pub align: usize,
    pub family: Family,
    pub zeroed: bool,
}

/// One object, as diagnosis sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    pub start: usize,
    pub size: usize,
    pub family: Family,
    /// The logarithm of the alignment asked for; 0 if there was none.
    pub align_log2: u8,
    pub state: State,
    pub allocated: Event,
    pub freed: Option<Event>,
}

impl Object {
    /// The object at `start` that `snapshot` describes.
    pub fn new(start: usize, snapshot: &Snapshot) -> Object {
        Object {
            start,
            size: snapshot.size,
            family: snapshot.family,
            align_log2: snapshot.align_log2,
            state: snapshot.state,
            allocated: snapshot.allocated,
            freed: snapshot.freed,
        }
    }
}

/// A wrong call, found before it did harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadCall {
    /// The object was freed before.
    DoubleFree(Object),
    /// The address is in the heap, but no object begins there. Holds the object around it, if there is one.
    NotAnObject(Option<Object>),
    /// The address does not belong to the heap.
    Foreign,
    /// The object does not match the call, and lives on.
    Mismatch(Object, Release, Mismatch),
    /// libc's own threads use the object, which lives on.
    Lent(Object, Loan),
    /// The object was freed, and its slack had been overwritten.
    Overwritten(Object, Damage),
    /// The object was written to after it was freed. It may be another than that of the call.
    WrittenAfterFree(Object, Damage),
}
