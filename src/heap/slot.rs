//! One slot: data pages between guards, and the record of the object in it.

use super::place::Place;
use super::record::{Entry, Record};
use crate::pages::PageRange;
use crate::sys::PAGE_BYTES;

/// A slot of the pool or of the large space. The guard page behind `data` is the slot's too: the
/// pointer to an object of no bytes lies there.
#[derive(Clone, Copy)]
pub struct Slot<'a> {
    pub record: &'a Record,
    pub data: PageRange,
    pub home: Home,
}

/// Where a slot lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// In the pool: number of the class, and of the slot in it.
    Pool { class: usize, index: usize },
    /// In the large space, by itself.
    Large,
}

impl Slot<'_> {
    /// Address of the object described by `entry`.
    pub fn address(&self, entry: &Entry) -> usize {
        self.data.start() + entry.offset
    }

    /// Has the processor fetch the record into its caches.
    #[inline]
    pub fn prefetch_record(&self) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: SSE is part of x86_64, and a prefetch has no effect that shows.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(self.record).cast()) }
    }

    /// Pages that hold the object's bytes; none for an object of no bytes.
    pub fn populated(&self, place: Place) -> Option<PageRange> {
        let pages = place.pages();
        (pages > 0).then(|| PageRange::new(self.data.start() + place.first_page(), pages))
    }

    /// Pages that hold the bytes of the live object.
    pub fn live_pages(&self) -> Option<PageRange> {
        let (offset, size) = self.record.live_place()?;
        self.populated(Place { offset, size })
    }

    /// End of the slot, its guard page included.
    pub fn end(&self) -> usize {
        self.data.end() + PAGE_BYTES
    }
}
