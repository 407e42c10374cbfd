//! What the heap tells of its objects: to the fault handler, to reports, and at exit.

use super::class::Class;
use super::large::LargeSpace;
use super::object::{BadCall, view, view_unguarded};
use super::place::Place;
use super::record::{Event, Family, State, ThreadId};
use super::slot::{Home, Slot};
use super::{Heap, Object, canary};
use crate::pages::PageRange;
use crate::sys::PAGE_BYTES;
use crate::sys::residency::SharedPages;
use crate::trace::TraceId;

impl Heap {
    /// Start and bytes of the address space in which [`Heap::contains`] can hold.
    pub fn reserved(&self) -> (usize, usize) {
        self.reserved
    }

    /// A good guess at the class of an object at `offset` in the reserved address space; `None` where
    /// the large ones are.
    pub fn class_near(&self, offset: usize) -> Option<&Class> {
        let (base, _) = self.reserved();
        (!self.large.contains(base + offset)).then(|| self.pool.class_at(offset))
    }

    /// The space of large objects.
    pub fn large(&self) -> &LargeSpace {
        &self.large
    }

    /// Passes the pages of each live large object to `visit`: where they start, and bytes.
    pub fn visit_large(&self, visit: impl Fn(usize, usize)) {
        for slot in (0..self.large.count()).filter_map(|index| self.large.slot(index)) {
            if let Some(pages) = slot.live_pages() {
                visit(pages.start(), pages.bytes());
            }
        }
    }

    /// Bytes from `address` to the end of the live object that it lies in, or just behind; `None`
    /// where there is none. Lock-free; for signal handlers too.
    #[inline(always)]
    pub fn room(&self, address: usize) -> Option<usize> {
        let slot = self.locate(address)?;
        let (offset, size) = slot.record.live_place()?;
        let start = slot.data.start() + offset;
        if address < start { None } else { (start + size).checked_sub(address) }
    }

    /// Whether a fault at `address` is the guard's work. It is not in the pages of a live object:
    /// those are accessible unless the program itself has protected them, as collectors do.
    /// Lock-free; for signal handlers too.
    pub fn guards(&self, address: usize) -> bool {
        self.contains(address) && !self.is_populated(address)
    }

    /// Whether `address` lies in pages of an object that are accessible. They are until its record says
    /// Retired.
    fn is_populated(&self, address: usize) -> bool {
        self.locate(address).is_some_and(|slot| {
            let Some(entry) = slot.record.read() else { return false };
            let place = Place { offset: entry.offset, size: entry.size };
            let populated = slot.populated(place).is_some_and(|pages| pages.contains(address));
            populated && entry.state != State::Retired
        })
    }

    /// Where missing pages fault, a program that has dropped pages of a live object (MADV_DONTNEED)
    /// must find zeros there, as it would without us. Puts the page at `address` back; false when
    /// that is not what happened. For the fault handler, and for drops that [`Heap::refill_dropped`] did not see.
    pub fn restore_dropped(&self, address: usize) -> bool {
        if !self.pages.faults_on_missing() || !self.pool.contains(address) {
            return false;
        }
        let page = PageRange::new(address & !(PAGE_BYTES - 1), 1);
        // SAFETY: the page is a live object's, and contents that are there stay: a page that is
        // not missing is an error.
        self.is_populated(address) && unsafe { self.pages.fill_missing(page) }.is_ok()
    }

    /// After the program has dropped the pages from `start` to `end`: those of live objects hold zeros again, at once.
    /// [`Heap::restore_dropped`] comes too late for the kernel's own accesses (of system calls, and for the frame of a
    /// signal), since they fail on a missing page and raise no fault.
    pub fn refill_dropped(&self, start: usize, end: usize) {
        if !self.pages.faults_on_missing() {
            return;
        }
        for slot in self.slots_between(start, end) {
            let Some(pages) = slot.live_pages() else { continue };
            let (first, last) = (pages.start().max(start), pages.end().min(end));
            for page in (first..last).step_by(PAGE_BYTES) {
                // What is there stays, and so does what the program has mapped there instead: both are errors.
                // SAFETY: the page is a live object's.
                let _ = unsafe { self.pages.fill_missing(PageRange::new(page, 1)) };
            }
        }
    }

    /// Whether a live object of the pool has pages between `start` and `end` that fault once they are missing.
    pub fn must_refill(&self, start: usize, end: usize) -> bool {
        self.pages.faults_on_missing()
            && self.slots_between(start, end).any(|slot| slot.live_pages().is_some())
    }

    /// Notes that the program has laid a mapping of its own over the pages from `start` to `end`. Those of live
    /// objects are its own from then on, and the backend can't guard them once they are freed.
    pub fn note_remapped(&self, start: usize, end: usize) {
        self.slots_between(start, end).for_each(|slot| slot.record.note_remapped());
        if let Some(slot) = self.large.locate(start) {
            slot.record.note_remapped();
        }
    }

    /// Slots of the pool in service that have a page between `start` and `end`, both multiples of the page size.
    fn slots_between(&self, start: usize, end: usize) -> impl Iterator<Item = Slot<'_>> {
        let mut at = start;
        core::iter::from_fn(move || {
            while at < end && self.pool.contains(at) {
                let slot = self.pool.locate(at);
                at = slot.as_ref().map_or(at + PAGE_BYTES, Slot::end);
                if slot.is_some() {
                    return slot;
                }
            }
            None
        })
    }

    /// Objects in the slot of `address` and in its neighbours: before, at, after. Lock-free.
    pub fn neighbourhood(&self, address: usize) -> [Option<Object>; 3] {
        let slots = if self.pool.contains(address) {
            self.pool.neighbourhood(address)
        } else {
            self.large.neighbourhood(address)
        };
        slots.map(|slot| {
            let slot = slot?;
            match slot.record.read_settled() {
                Some(entry) => Some(view(&slot, &entry)),
                None => self.forgotten(&slot),
            }
        })
    }

    /// What is left to say of a slot whose record was dropped.
    pub(super) fn forgotten(&self, slot: &Slot<'_>) -> Option<Object> {
        let Home::Pool { class, index } = slot.home else { return None };
        let nobody = Event { thread: ThreadId(0), trace: TraceId::NONE };
        self.pool.class(class).is_forgotten(index).then(|| Object {
            start: slot.data.start(),
            size: slot.data.bytes(),
            family: Family::Any,
            align_log2: 0,
            state: State::Forgotten,
            allocated: nobody,
            freed: None,
        })
    }

    /// The unguarded object that holds `address`, or has it among its canaries. Looks at all.
    pub fn unguarded_near(&self, address: usize) -> Option<Object> {
        self.unguarded.find_near(address).as_ref().map(view_unguarded)
    }

    /// Objects with damaged canaries, or with junk that was written to; those that lie in
    /// `shared` pages are left out.
    pub fn damaged(&self, mut shared: Option<SharedPages>) -> impl Iterator<Item = BadCall> + '_ {
        let limit = self.config.canary_bytes;
        let damaged = move |slot: Slot<'_>| {
            let entry = slot.record.read()?;
            let start = slot.address(&entry);
            if entry.is_remapped {
                return None;
            }
            if let Some(shared) = &mut shared
                && let Some(pages) =
                    slot.populated(Place { offset: entry.offset, size: entry.size })
                && entry.state != State::Retired
                && (pages.start()..pages.end())
                    .step_by(PAGE_BYTES)
                    .all(|page| shared.contains(page))
            {
                return None;
            }
            let damage = match entry.state {
                State::Live => canary::check_carefully(start, entry.size, limit)?,
                State::Quarantined => self.check_junk(start, entry.size)?,
                _ => return None,
            };
            // Freed, revoked or resized meanwhile: the one who did that has checked it.
            (slot.record.read() == Some(entry)).then(|| match entry.state {
                State::Live => BadCall::Overwritten(view(&slot, &entry), damage),
                _ => BadCall::WrittenAfterFree(view(&slot, &entry), damage),
            })
        };
        let small = self.pool.classes().iter().flat_map(|class| class.in_service());
        let large = (0..self.large.count()).filter_map(|index| self.large.slot(index));
        let unguarded = core::iter::once_with(|| self.unguarded.damaged()).flatten();
        let unguarded =
            unguarded.map(|(object, damage)| BadCall::Overwritten(view_unguarded(&object), damage));
        small.chain(large).filter_map(damaged).chain(unguarded)
    }
}
