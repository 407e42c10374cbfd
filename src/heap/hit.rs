//! What a call about whole pages hits in the heap: munmap(2), mprotect(2), mremap(2), mmap(2) with MAP_FIXED.
//!
//! The pages of its live objects are the program's, and it may do with them what it likes. All else in the heap is not: guards, the
//! places of freed objects, slots that wait for an object. Natively other memory of the allocator's would be there. Nothing here
//! takes a lock, as handlers of signals call mprotect(2).

use super::large::LargeSpace;
use super::object::Object;
use super::pool::{Class, STRETCH_SLOTS};
use super::program_pages::ProgramPages;
use super::record::State;
use super::slot::{Home, Slot};
use crate::pages::PageRange;
use crate::sys::{PAGE_BYTES, memory, round_up_to_page};
use core::ops::Range;

/// An object in whose pages a call begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    pub object: Object,
    /// How many bytes of the call's pages are not the object's: before it, and behind it.
    pub before: usize,
    pub behind: usize,
    /// Whether the call reaches another live object.
    pub reaches_another: bool,
}

impl Hit {
    /// Whether the object was not freed.
    pub fn is_live(&self) -> bool {
        self.object.state == State::Live
    }

    /// Whether all bytes of the pages are the live object's.
    pub fn is_within(&self) -> bool {
        self.is_live() && self.before == 0 && self.behind == 0
    }
}

/// Where the pages of a call are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Not in the heap.
    Outside,
    /// They begin with a page of an object.
    Object(Hit),
    /// They begin with another page that is in service.
    Beside,
    /// They begin elsewhere, and some of them are the heap's.
    Elsewhere,
}

/// A part of the heap: what of it the program may change next, and where the part ends.
type Found = (Option<Range<usize>>, usize);

impl ProgramPages<'_> {
    /// Where `pages` are, which must begin and end with a page.
    pub fn reach(&self, pages: &Range<usize>) -> Reach {
        let reserved = self.spaces.reserved();
        if pages.is_empty() || pages.end <= reserved.start || reserved.end <= pages.start {
            return Reach::Outside;
        }
        match self.hit(pages) {
            Some(hit) => Reach::Object(hit),
            None if !self.spaces.contains(pages.start)
                && self.next_part(pages.clone()).as_ref() == Some(pages) =>
            {
                Reach::Outside
            }
            None if self.spaces.locate(pages.start).is_some() => Reach::Beside,
            None => Reach::Elsewhere,
        }
    }

    /// The object whose bytes' pages hold the first of `pages`. None while another thread resizes or frees it.
    fn hit(&self, pages: &Range<usize>) -> Option<Hit> {
        let slot = self.spaces.locate(pages.start)?;
        let object = match slot.record.read() {
            Some(snapshot) => {
                let own = slot.populated(snapshot.place())?;
                let is_there = own.contains(pages.start) && snapshot.state != State::Freeing;
                is_there.then(|| slot.object(&snapshot))?
            }
            None => self.spaces.forgotten(&slot).filter(|_| slot.data.contains(pages.start))?,
        };
        let end = object.start + object.size;
        Some(Hit {
            object,
            before: object.start.saturating_sub(pages.start),
            behind: pages.end.saturating_sub(end),
            reaches_another: self.has_live(round_up_to_page(end)..pages.end),
        })
    }

    /// Whether a live object has pages in `pages`.
    fn has_live(&self, mut pages: Range<usize>) -> bool {
        while let Some(part) = self.next_part(pages.clone()) {
            if self.spaces.locate(part.start).is_some() {
                return true;
            }
            pages.start = part.end;
        }
        false
    }

    /// The first part of `pages` that the program may change: outside of the heap, or in pages of one live object.
    pub fn next_part(&self, pages: Range<usize>) -> Option<Range<usize>> {
        let reserved = self.spaces.reserved();
        let (small, large) = (&self.spaces.small.pool, &self.spaces.large);
        // The pages of packed objects have others' objects, too, unless they were given to the program.
        let packed = self.spaces.packed.kept();
        let mut at = pages.start;
        while at < pages.end {
            let (part, behind) = if at < reserved.start {
                (Some(at..reserved.start), reserved.start)
            } else if at >= reserved.end {
                (Some(at..pages.end), pages.end)
            } else if large.whole().contains(&at) {
                next_large(large, at, pages.end)
            } else if packed.contains(&at) {
                (None, packed.end)
            } else {
                match small.class_of(at) {
                    Some(class) => next_small(class, at, pages.end),
                    None => (None, at + PAGE_BYTES),
                }
            };
            if let Some(part) = part {
                let (start, end) = (part.start.max(at), part.end.min(pages.end));
                return (start < end).then_some(start..end);
            }
            at = behind.max(at + PAGE_BYTES);
        }
        None
    }

    /// Must be called after a part was changed: if its object was freed meanwhile, its pages fault again.
    pub fn settle(&self, part: &Range<usize>) {
        let Some(slot) = self.spaces.locate(part.start) else { return };
        let Some(snapshot) = slot.record.read().filter(|it| it.state == State::Retired) else {
            return;
        };
        let Some(pages) = slot.populated(snapshot.place()) else { return };
        // SAFETY: the object has ended, and its slot is never used again.
        let _ = unsafe {
            match slot.home {
                Home::Pool { .. } if !snapshot.is_remapped => self.spaces.small.pages.retire(pages),
                _ => memory::revoke(pages.start(), pages.bytes()),
            }
        };
    }
}

fn next_small(class: &Class, at: usize, end: usize) -> Found {
    let (kept, whole) = (class.unused().end, class.whole());
    if at >= kept {
        return (Some(at..whole.end), whole.end);
    }
    let mut index = class.index_of(at).unwrap_or(0);
    while let Some(slot) = class.slot(index) {
        if slot.data.start() >= end {
            return (None, end);
        }
        if class.has_collapsed(index) {
            index = (index / STRETCH_SLOTS + 1) * STRETCH_SLOTS;
            continue;
        }
        if let Some(pages) = live_behind(&slot, at) {
            return (Some(pages), end);
        }
        index += 1;
    }
    given(kept..whole.end)
}

fn next_large(large: &LargeSpace, at: usize, end: usize) -> Found {
    let (kept, whole) = (large.not_handed_out().end, large.whole());
    if at >= kept {
        return (Some(at..whole.end), whole.end);
    }
    let mut index = large.index_below(at).unwrap_or(0);
    while let Some(slot) = large.slot(index) {
        if slot.data.start() >= end {
            return (None, end);
        }
        if let Some(pages) = live_behind(&slot, at) {
            return (Some(pages), end);
        }
        index += 1;
    }
    given(kept..whole.end)
}

/// The pages of the slot's live object, unless they end before `at`.
fn live_behind(slot: &Slot<'_>, at: usize) -> Option<Range<usize>> {
    let own: PageRange = slot.live_pages()?;
    (own.end() > at).then(|| own.start()..own.end())
}

/// What was given to the program at the end of a space.
fn given(part: Range<usize>) -> Found {
    let end = part.end;
    ((!part.is_empty()).then_some(part), end)
}

#[cfg(test)]
mod tests;
