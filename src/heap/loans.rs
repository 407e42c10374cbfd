//! Objects that libc's own threads use: control blocks of asynchronous input and output (aio(7)), and their buffers.
//!
//! These threads block all signals, so if one faults in a freed control block, the process dies without a word.
//! Therefore an object's record says that it was lent, and whoever frees it asks here whether libc is done with it. For
//! other objects nothing is asked.

use super::record::Event;
use crate::sys::control_block::ControlBlock;
use crate::sys::lock::Lock;
use crate::sys::process;
use crate::sys::scope::RuntimeScope;
use core::ops::Range;

/// What an operation uses an object for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    ControlBlock,
    Buffer,
}

/// An operation under way that uses an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loan {
    /// The function that began it, and where that was called.
    pub function: &'static str,
    pub begun: Event,
    pub part: Part,
    /// The address where the part begins.
    pub address: usize,
}

/// An operation that the process has begun, and that may be complete.
#[derive(Clone, Copy)]
struct Operation {
    /// The address of the control block.
    block: usize,
    asked: ControlBlock,
    has_buffer: bool,
    function: &'static str,
    begun: Event,
    /// The process that has begun it: its copies do not have libc's threads.
    pid: u32,
}

impl Operation {
    /// Returns how the operation uses the bytes `object`, if it does.
    fn use_of(&self, object: &Range<usize>) -> Option<Loan> {
        let buffer = self.asked.buffer..self.asked.buffer.saturating_add(self.asked.bytes);
        let overlaps = buffer.start < object.end && object.start < buffer.end;
        let (part, address) = match () {
            () if object.contains(&self.block) => (Part::ControlBlock, self.block),
            () if self.has_buffer && overlaps => (Part::Buffer, buffer.start.max(object.start)),
            () => return None,
        };
        Some(Loan { function: self.function, begun: self.begun, part, address })
    }

    /// Whether libc is still at the operation. A program may reuse a control block's memory once it is complete,
    /// without telling us: then the memory no longer holds what was asked for.
    fn is_under_way(&self, pid: u32) -> bool {
        let is_under_way = |now: ControlBlock| now.is_in_progress() && now.asks_as(&self.asked);
        self.pid == pid && ControlBlock::read(self.block).is_some_and(is_under_way)
    }
}

/// Ordered by the address of the control block.
static OPERATIONS: Lock<Vec<Operation>> = Lock::new(Vec::new());

fn position(operations: &[Operation], block: usize) -> Result<usize, usize> {
    operations.binary_search_by_key(&block, |operation| operation.block)
}

/// Notes the operation that the control block at `block` is about to begin. Without memory nothing is noted.
pub fn note(
    block: usize,
    asked: ControlBlock,
    has_buffer: bool,
    function: &'static str,
    begun: Event,
) {
    let operation = Operation { block, asked, has_buffer, function, begun, pid: process::pid() };
    // The list grows in the private heap.
    let _scope = RuntimeScope::enter();
    let mut operations = OPERATIONS.lock();
    match position(&operations, block) {
        Ok(at) => operations[at] = operation,
        Err(at) if operations.try_reserve(1).is_ok() => operations.insert(at, operation),
        Err(_) => {}
    }
}

/// Forgets the operation of the control block at `block`.
pub fn forget(block: usize) {
    let mut operations = OPERATIONS.lock();
    if let Ok(at) = position(&operations, block) {
        operations.remove(at);
    }
}

/// Returns an operation that uses the bytes `object`. If there is none, forgets all that have used them, as the object
/// is about to end.
#[cold]
#[inline(never)]
pub fn find_or_forget(object: Range<usize>) -> Option<Loan> {
    let pid = process::pid();
    let mut operations = OPERATIONS.lock();
    let mut under_way = operations.iter().filter(|operation| operation.is_under_way(pid));
    let loan = under_way.find_map(|operation| operation.use_of(&object));
    if loan.is_none() {
        operations.retain(|operation| operation.use_of(&object).is_none());
    }
    loan
}

/// See [`Lock::hold_for_fork`].
pub fn hold_for_fork() {
    OPERATIONS.hold_for_fork();
}

/// # Safety
/// See [`Lock::release_after_fork`].
pub unsafe fn release_after_fork() {
    // SAFETY: the caller promises that this thread, or the one that it is a copy of, called `hold_for_fork`.
    unsafe { OPERATIONS.release_after_fork() }
}
