//! One slot: data pages between guards, and the record of the object in it.
//!
//! Any thread may look at a [`Slot`]. Two types say that one thread owns it: a [`FreshSlot`] waits for its object, and
//! the object in a [`Freeing`] is about to end.

use super::canary;
use super::loans;
use super::object::{AllocationRequest, BadCall, Object};
use super::place::{self, Place};
use super::record::{Event, Record, Snapshot, State};
use crate::pages::PageRange;
use crate::sys::PAGE_BYTES;

/// A slot of the pool, or a range of the large space. The guard page behind `data` belongs to it: the pointer to an
/// object of no bytes points there.
#[derive(Clone, Copy)]
pub struct Slot<'a> {
    pub record: &'a Record,
    pub data: PageRange,
    pub home: Home,
}

/// Where a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// In the pool: the number of the class, and of the slot in it.
    Pool { class: usize, index: usize },
    /// A range in the large space.
    Large,
}

impl Slot<'_> {
    /// Returns the address of the object that `snapshot` describes.
    pub fn address(&self, snapshot: &Snapshot) -> usize {
        self.data.start() + snapshot.offset
    }

    /// Has the processor fetch the record into its caches.
    #[inline]
    pub fn prefetch_record(&self) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: SSE is part of x86_64, and a prefetch has no visible effect.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(self.record).cast()) }
    }

    /// Returns the pages that hold the object's bytes; none for an object of no bytes.
    pub fn populated(&self, place: Place) -> Option<PageRange> {
        let pages = place.pages();
        (pages > 0).then(|| PageRange::new(self.data.start() + place.first_page(), pages))
    }

    /// Returns the pages that hold the bytes of the live object.
    pub fn live_pages(&self) -> Option<PageRange> {
        self.populated(self.record.live_place()?)
    }

    /// Returns the end of the slot, including its guard page.
    pub fn end(&self) -> usize {
        self.data.end() + PAGE_BYTES
    }

    /// Returns the object that `snapshot` describes, as other layers see it.
    pub fn object(&self, snapshot: &Snapshot) -> Object {
        Object::new(self.address(snapshot), snapshot)
    }
}

/// A slot that no other thread sees yet, with accessible pages under the place of its object.
#[must_use = "its pages stay accessible until its object is published and freed"]
pub struct FreshSlot<'a> {
    slot: Slot<'a>,
    place: Place,
}

impl<'a> FreshSlot<'a> {
    /// Must be called by the thread that took the slot from its space and populated the pages under `place`.
    #[inline(always)]
    pub fn new(slot: Slot<'a>, place: Place) -> FreshSlot<'a> {
        FreshSlot { slot, place }
    }

    /// Returns the address of the future object.
    pub fn address(&self) -> usize {
        self.slot.data.start() + self.place.offset
    }

    /// Makes the slot the object that was asked for, with canaries in up to `canary_bytes` of slack on each side.
    /// Returns its address.
    #[inline(always)]
    pub fn publish(
        self,
        canary_bytes: usize,
        request: AllocationRequest,
        allocated: Event,
    ) -> usize {
        let start = self.address();
        // SAFETY: no other thread sees the slot, and the pages under the place are accessible.
        unsafe { canary::fill(start, self.place.size, canary_bytes) };
        let origin = (request.family, place::log2(request.align));
        self.slot.record.publish(self.place, origin, allocated);
        start
    }
}

/// An object that only this thread may end or resize: of all that tried, it won the record.
#[must_use = "the object stays in the state Freeing until it is ended or resumed"]
pub struct Freeing<'a> {
    slot: Slot<'a>,
    snapshot: Snapshot,
}

impl<'a> Freeing<'a> {
    /// Tries to win the live object in `slot`. If another thread has won, it has ended the object, or resized it in
    /// place and released it again. An object that libc's own threads use must not end.
    #[inline(always)]
    pub fn begin(slot: Slot<'a>, snapshot: Snapshot) -> Result<Freeing<'a>, BadCall> {
        if snapshot.is_lent {
            let start = slot.address(&snapshot);
            if let Some(loan) = loans::find_or_forget(start..start + snapshot.size) {
                return Err(BadCall::Lent(slot.object(&snapshot), loan));
            }
        }
        if slot.record.begin_free().is_err() {
            return Freeing::begin_settled(slot, snapshot);
        }
        // Another thread may have resized the object since.
        let now = if snapshot.may_stay() { slot.record.read() } else { None };
        Ok(Freeing { slot, snapshot: now.map_or(snapshot, Snapshot::as_live) })
    }

    /// Tries like [`Freeing::begin`], after another thread is done with the object.
    #[cold]
    #[inline(never)]
    fn begin_settled(slot: Slot<'a>, snapshot: Snapshot) -> Result<Freeing<'a>, BadCall> {
        loop {
            let settled = slot.record.read_settled().unwrap_or(snapshot);
            if settled.state != State::Live {
                return Err(BadCall::DoubleFree(slot.object(&settled)));
            }
            // The other thread has resized the object.
            if slot.record.begin_free().is_ok() {
                let now = slot.record.read().unwrap_or(settled);
                return Ok(Freeing { slot, snapshot: now.as_live() });
            }
        }
    }

    pub fn slot(&self) -> &Slot<'a> {
        &self.slot
    }

    /// Returns what the record said of the live object.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub fn address(&self) -> usize {
        self.slot.address(&self.snapshot)
    }

    pub fn object(&self) -> Object {
        self.slot.object(&self.snapshot)
    }

    /// Lets the object live on, with `size` bytes, as if `event` had allocated it.
    pub fn resume(self, size: usize, event: Event) {
        self.slot.record.resume(size, event);
    }

    /// Ends the object. Its pages are still accessible, and this thread must revoke them.
    #[inline(always)]
    pub fn end(self, freed: Event) -> Ended<'a> {
        self.slot.record.finish_free(freed);
        Ended { slot: self.slot, snapshot: self.snapshot }
    }

    /// Ends the object, whose pages this thread must revoke later: [`Record::leave_quarantine`].
    pub fn quarantine(self, freed: Event) {
        self.slot.record.quarantine(freed);
    }
}

/// An object that has ended. Only this thread may revoke its pages, and must.
#[must_use = "its pages stay accessible until they are revoked"]
pub struct Ended<'a> {
    pub slot: Slot<'a>,
    /// What the record said of the object while it lived.
    pub snapshot: Snapshot,
}

impl Ended<'_> {
    pub fn address(&self) -> usize {
        self.slot.address(&self.snapshot)
    }

    pub fn pages(&self) -> Option<PageRange> {
        self.slot.populated(self.snapshot.place())
    }

    pub fn object(&self) -> Object {
        self.slot.object(&self.snapshot)
    }
}
