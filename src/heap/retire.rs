//! The end of an object, and of the slots around it.

use super::history::StretchId;
use super::object::{BadCall, view};
use super::place::Place;
use super::record::{Entry, Event};
use super::slot::{Home, Slot};
use super::threads::ThreadCache;
use super::unguarded::Reason;
use super::{Counter, Heap, LARGE_MAPPINGS, READY_CLASS, canary};
use crate::pages::PageRange;
use crate::sys::{PAGE_BYTES, round_up_to_page};
use core::sync::atomic::Ordering;

impl Heap {
    /// Frees the live object in `slot`.
    pub(super) fn retire(
        &self,
        cache: &ThreadCache,
        slot: Slot<'_>,
        entry: Entry,
        freed: impl FnOnce() -> Event,
    ) -> Result<(), BadCall> {
        let start = slot.address(&entry);
        // The canaries are read after the stack walk; their cache misses go on meanwhile.
        prefetch(start);
        prefetch(start + entry.size);
        let freed = freed();
        if slot.record.begin_free().is_err() {
            let entry = slot.record.read_settled().unwrap_or(entry);
            return Err(BadCall::DoubleFree(view(&slot, &entry)));
        }
        // SAFETY: begin_free made the object this thread's alone; its pages are still populated.
        let damage = unsafe { canary::check(start, entry.size, self.config.canary_bytes) };
        let object = view(&slot, &entry);
        slot.record.finish_free(freed);
        let place = Place { offset: entry.offset, size: entry.size };
        let revoked = if slot.home == Home::Large {
            // SAFETY: as above.
            unsafe { self.large.retire(slot) }
        } else {
            match slot.populated(place) {
                Some(pages) if self.make_next_ready(cache, pages) => Ok(()),
                Some(pages) => {
                    self.counters.count(cache.number(), Counter::Drops);
                    // SAFETY: as above.
                    unsafe { self.pages.retire(pages) }
                }
                None => Ok(()),
            }
        };
        match revoked {
            Ok(()) => match slot.home {
                Home::Large => self.refund(0, LARGE_MAPPINGS),
                Home::Pool { class, index } => {
                    self.refund(round_up_to_page(entry.size), self.pages.mappings_per_slot());
                    self.count_done(class, index);
                }
            },
            Err(_) => self.unguarded.tally().count(Reason::NotRevoked),
        }
        match damage {
            Some(damage) => Err(BadCall::Overwritten(object, damage)),
            None => Ok(()),
        }
    }

    /// Retires a page by moving it to the slot that this thread will hand out next. False when that
    /// can't be; then the page is as it was.
    fn make_next_ready(&self, cache: &ThreadCache, page: PageRange) -> bool {
        if !self.pages.can_recycle() || page.bytes() != PAGE_BYTES || !cache.ready.has_room() {
            return false;
        }
        let Ok(index) = self.take_slot(cache, READY_CLASS) else { return false };
        let Some(slot) = self.pool.class(READY_CLASS).slot(index) else { return false };
        // SAFETY: the object in `page` is this thread's to retire; the slot is its own and virgin.
        if unsafe { self.pages.recycle(page, slot.data) }.is_err() {
            // Shared since a fork, or pinned by the kernel.
            self.count_done(READY_CLASS, index);
            return false;
        }
        self.counters.count(cache.number(), Counter::Moves);
        if !cache.ready.push(index) {
            // A signal handler was faster; the page is given back.
            self.drop_ready(index);
        }
        true
    }

    /// Gives up a slot of this thread's that is ready.
    fn drop_ready(&self, index: usize) {
        if let Some(slot) = self.pool.class(READY_CLASS).slot(index)
            // SAFETY: the slot is this thread's alone.
            && unsafe { self.pages.retire(slot.data) }.is_ok()
        {
            self.count_done(READY_CLASS, index);
        }
    }

    /// Gives back what a thread that ends has in store.
    pub fn give_back(&self, cache: &ThreadCache) {
        while let Some(index) = cache.ready.pop() {
            self.drop_ready(index);
        }
        for (class, batch) in cache.batches.iter().enumerate() {
            while let Some(index) = batch.take() {
                self.count_done(class, index);
            }
        }
    }

    /// Notes that a slot is retired or given up. With the last one its stretch collapses, unless
    /// that costs mappings which are short; and for its records older ones are forgotten.
    pub(super) fn count_done(&self, number: usize, index: usize) {
        let class = self.pool.class(number);
        let Some(stretch) = class.count_done(index) else { return };
        let cost = class.mappings_to_collapse(stretch);
        let mappings = self.mappings.fetch_add(cost, Ordering::Relaxed) + cost;
        let affordable = cost <= 0 || mappings <= self.config.max_mappings as isize / 2;
        // SAFETY: all slots of the stretch are done with.
        if !affordable || unsafe { class.collapse(stretch) }.is_err() {
            self.mappings.fetch_sub(cost, Ordering::Relaxed);
            return;
        }
        let collapsed = StretchId { class: number as u8, number: stretch as u32 };
        if let Some(oldest) = self.history.push(collapsed) {
            self.pool.class(usize::from(oldest.class)).forget(oldest.number as usize);
        }
    }
}

/// Asks the processor to fetch the line at `address`; a bad address does no harm.
#[inline]
fn prefetch(address: usize) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: SSE is part of x86_64, and a prefetch never faults.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address as *const i8) }
}
