//! Which objects the program can't reach any more.
//!
//! A check has three steps. [`roots`] marks, in [`objects`], what the memory leads to that the program has at hand ([`mark`] follows the
//! pointers); meanwhile the other threads stand still, and nothing is allocated. Then they go on, and [`groups`] puts together what was allocated from
//! one place. At last [`tell`] tells of it. What is a leak, and of which class, is as in Valgrind's Memcheck.

pub mod groups;
pub mod kept;
mod mapped;
mod mark;
mod objects;
mod roots;
pub mod tell;
#[cfg(test)]
mod tests;
mod thread_block;

pub use groups::{Findings, Group};
pub use objects::Objects;
pub use roots::Here;

use crate::heap::Heap;
use crate::options::Options;
use crate::sys::Errno;
use crate::sys::halt::Halted;
use crate::sys::held_pages::HeldPages;
use mapped::Mapped;
use mark::Marker;

/// What a check has seen.
pub struct Seen<'a> {
    pub objects: Objects<'a>,
    /// The program's own mappings, if they were looked at.
    pub mapped: Mapped,
}

/// Finds out which objects can be reached, and with `has_all_stopped` which mappings. The caller holds all locks of ours, and the other
/// threads stand still, but for those that could not be stopped.
pub fn look<'a>(
    heap: &'a Heap,
    options: &Options,
    here: Here,
    halted: Option<&Halted>,
    has_all_stopped: bool,
) -> Result<Seen<'a>, Errno> {
    let objects = Objects::read(heap)?;
    let mapped = match options.leak_mappings && has_all_stopped {
        true => Mapped::read()?,
        false => Mapped::none()?,
    };
    let pages = HeldPages::new();
    let tag_bits = options.leak_pointer_mask.get();
    let mut marker = Marker::new(objects, mapped, &pages, tag_bits, options.leak_heuristics);
    roots::mark(&mut marker, heap, here, halted)?;
    let (objects, mapped) = marker.finish();
    Ok(Seen { objects, mapped })
}
