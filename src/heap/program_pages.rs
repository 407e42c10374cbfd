//! What the program does to whole pages of its objects: it drops them, locks them, keeps them from its children, or
//! registers them with a userfaultfd(2) of its own.
//!
//! Without us all this works with page-aligned and with large objects. If the backend can't guard an object that is used
//! so, the object's pages become ordinary ones, and an inaccessible mapping guards them when the object is freed.

use super::record::Snapshot;
use super::slot::Slot;
use super::spaces::Spaces;
use crate::pages::PageRange;
use crate::sys::{PAGE_BYTES, address_map, memory};
use core::ops::Range;
use core::sync::atomic::Ordering;

/// See [`super::Heap::program_pages`].
pub struct ProgramPages<'a> {
    pub(super) spaces: &'a Spaces,
}

impl<'a> ProgramPages<'a> {
    pub fn new(spaces: &'a Spaces) -> ProgramPages<'a> {
        ProgramPages { spaces }
    }

    /// The live objects that have pages in `pages`.
    fn objects(&self, pages: Range<usize>) -> impl Iterator<Item = (Slot<'a>, Snapshot)> + use<'a> {
        let Spaces { small, large, .. } = self.spaces;
        let small = small.slots_between(pages.start, pages.end);
        small.chain(large.locate(pages.start)).filter_map(|slot| {
            slot.record.live_place()?;
            Some((slot, slot.record.read()?))
        })
    }

    /// Notes that the contents of pages are gone, in this process or in its children. Canaries that were there are gone
    /// too, so they are not checked any more.
    fn note_emptied(&self, pages: Range<usize>) {
        for (slot, snapshot) in self.objects(pages.clone()) {
            if slack(&slot, &snapshot)
                .iter()
                .any(|slack| slack.start < pages.end.min(slack.end) && pages.start < slack.end)
            {
                slot.record.note_remapped();
            }
        }
    }

    /// Whether the heap must be told what happens to pages from `address` on.
    pub fn concern(&self, address: usize) -> bool {
        self.spaces.contains(address)
    }

    /// Fills pages that the program has dropped with zeros, if they are a live object's. The fault handler would be too
    /// late for the kernel's own accesses (in system calls, and for a signal's frame): on a missing page these fail and
    /// raise no fault.
    pub fn refill_dropped(&self, pages: Range<usize>) {
        self.note_emptied(pages.clone());
        let backend = self.spaces.small.pages;
        if !backend.faults_on_missing() {
            return;
        }
        let slots = self.spaces.small.slots_between(pages.start, pages.end);
        for own in slots.filter_map(|slot| slot.live_pages()) {
            let (first, last) = (own.start().max(pages.start), own.end().min(pages.end));
            // The kernel would fill pages that are registered with the program's userfaultfd, too.
            for page in (first..last).step_by(PAGE_BYTES).filter(|&page| !backend.is_exempt(page)) {
                // Contents stay, and so does what the program has mapped there instead: both are errors.
                // SAFETY: the page belongs to a live object.
                let _ = unsafe { backend.fill_missing(PageRange::new(page, 1)) };
            }
        }
    }

    /// Notes that the program keeps pages from its children: those will have no pages there, or empty ones.
    pub fn keep_from_children(&self, pages: Range<usize>) {
        self.note_emptied(pages.clone());
        self.spaces.kept_from_children.lock().insert(pages);
    }

    /// In the child of a fork: keeps the places of pages that the child has not got, so that no other mapping comes to
    /// lie there; fills pages that are empty.
    pub fn settle_in_child(&self) {
        let kept = self.spaces.kept_from_children.lock();
        for pages in kept.iter() {
            if memory::reserve_at(pages.start, pages.len()).is_err() {
                for page in pages.clone().step_by(PAGE_BYTES) {
                    // Most pages are there, which is an error.
                    let _ = memory::reserve_at(page, PAGE_BYTES);
                }
            }
            self.refill_dropped(pages);
        }
    }

    /// Notes that the program has locked pages. They are unlocked when their object is freed: no other object will use
    /// them, and the amount of locked memory is limited.
    pub fn note_locked(&self, pages: Range<usize>) {
        self.objects(pages).for_each(|(slot, _)| slot.record.note_locked());
    }

    /// Makes pages of live objects ordinary ones. Returns whether there were any.
    pub fn release(&self, pages: Range<usize>) -> bool {
        let backend = self.spaces.small.pages;
        let mut has_released = false;
        for slot in self.spaces.small.slots_between(pages.start, pages.end) {
            let Some(own) = slot.live_pages() else { continue };
            let (first, last) = (own.start().max(pages.start), own.end().min(pages.end));
            if first < last {
                slot.record.note_remapped();
                let own = PageRange::new(first, (last - first) / PAGE_BYTES);
                has_released |= backend.release(own).is_ok();
            }
        }
        has_released
    }

    /// Whether the program has changed what is mapped at `address`, where no object is: without calling our functions where there has
    /// been none yet; by any where a large one has been. Asks the kernel. Takes no lock, for the fault handler.
    pub fn are_taken(&self, address: usize) -> bool {
        let Spaces { small, large, .. } = self.spaces;
        let unused = match small.pool.class_of(address) {
            Some(class) => class.unused(),
            None => large.not_handed_out(),
        };
        let is_unused = unused.contains(&address);
        let may_be_mapped_over =
            large.contains(address) && self.spaces.is_mapped_over.load(Ordering::Relaxed);
        if !is_unused && !may_be_mapped_over {
            return false;
        }
        // What we have there is one inaccessible mapping, which begins at the last object or before; behind that, others.
        let mut is_ours = false;
        let asked = address_map::visit(|mapping| {
            if mapping.end <= address {
                return true;
            }
            let is_first = mapping.start <= unused.start || !is_unused;
            is_ours = is_first && !mapping.is_accessible && !mapping.is_file;
            false
        });
        asked.is_ok() && !is_ours
    }
}

/// The bytes of an object's pages before and after it.
fn slack(slot: &Slot<'_>, snapshot: &Snapshot) -> [Range<usize>; 2] {
    let start = slot.address(snapshot);
    match slot.populated(snapshot.place()) {
        Some(pages) => [pages.start()..start, start + snapshot.size..pages.end()],
        None => [start..start, start..start],
    }
}
