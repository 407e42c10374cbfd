//! The end of an object, and of the slots around it.

use super::history::StretchId;
use super::object::{BadCall, view};
use super::place::Place;
use super::record::{Entry, Event};
use super::slot::{Home, Slot};
use super::threads::ThreadCache;
use super::unguarded::Reason;
use super::{Counter, Damage, Heap, LARGE_MAPPINGS, READY_CLASS, canary};
use crate::pages::{MOST_RANGES, PageRange};
use crate::sys::{Errno, PAGE_BYTES, round_up_to_page};

impl Heap {
    /// Frees the live object in `slot`.
    #[inline(always)]
    pub(super) fn retire(
        &self,
        cache: &ThreadCache,
        slot: Slot<'_>,
        entry: Entry,
        freed: Event,
    ) -> Result<(), BadCall> {
        self.claim(&slot, &entry)?;
        self.end(cache, slot, entry, freed)
    }

    /// Makes the live object this thread's alone to free: of several threads, for one.
    /// [`Heap::end`] comes next.
    #[inline(always)]
    pub(super) fn claim(&self, slot: &Slot<'_>, entry: &Entry) -> Result<(), BadCall> {
        slot.record.begin_free().map_err(|_| {
            let entry = slot.record.read_settled().unwrap_or(*entry);
            BadCall::DoubleFree(view(slot, &entry))
        })
    }

    /// Frees an object that this thread has claimed.
    #[inline(always)]
    pub(super) fn end(
        &self,
        cache: &ThreadCache,
        slot: Slot<'_>,
        entry: Entry,
        freed: Event,
    ) -> Result<(), BadCall> {
        let start = slot.address(&entry);
        if self.config.batch > 0
            && let Some(list) = self.quarantine_for(cache, &slot, &entry)
        {
            return self.quarantine(cache, list, &slot, &entry, freed);
        }
        slot.record.finish_free(freed);
        let (revoked, damage) = match slot.home {
            // SAFETY: begin_free made the object this thread's alone; it is still accessible.
            Home::Large => unsafe {
                let damage = canary::check(start, entry.size, self.config.canary_bytes);
                (self.large.retire(slot), damage)
            },
            Home::Pool { .. } => self.revoke(cache, &slot, &entry),
        };
        match revoked {
            Ok(()) => self.settle(cache, &slot, &entry),
            Err(_) => self.unguarded.tally().count(Reason::NotRevoked),
        }
        match damage {
            Some(damage) => Err(BadCall::Overwritten(view(&slot, &entry), damage)),
            None => Ok(()),
        }
    }

    /// Takes back what an object cost, now that its pages are gone.
    #[inline(always)]
    pub(super) fn settle(&self, cache: &ThreadCache, slot: &Slot<'_>, entry: &Entry) {
        match slot.home {
            Home::Large => self.budget.refund_mappings(LARGE_MAPPINGS),
            Home::Pool { class, index } => {
                self.budget.refund_bytes(cache, round_up_to_page(entry.size));
                self.budget.refund_mappings(self.pages.mappings_per_slot());
                self.count_done(class, index);
            }
        }
    }

    /// Makes the pages of an object in the pool, which this thread is retiring, fault; and checks
    /// its canaries.
    #[inline(always)]
    fn revoke(
        &self,
        cache: &ThreadCache,
        slot: &Slot<'_>,
        entry: &Entry,
    ) -> (Result<(), Errno>, Option<Damage>) {
        let place = Place { offset: entry.offset, size: entry.size };
        let Some(pages) = slot.populated(place) else { return (Ok(()), None) };
        let start = slot.address(entry);
        // SAFETY: called below with the object's address while its pages are this thread's and
        // accessible there.
        let check = |at| unsafe { canary::check(at, entry.size, self.config.canary_bytes) };
        let Some(next) = self.move_to_next(cache, pages) else {
            let damage = check(start);
            cache.count(Counter::Drops);
            // SAFETY: the object is this thread's to retire; its pages are populated.
            return (unsafe { self.pages.retire(pages) }, damage);
        };
        // The contents are looked at where they are now: the kernel has just been there, and the
        // next object will be, while the way to the old address is in no cache.
        let moved = next.data.start() + (start - pages.start());
        let damage = check(moved);
        self.keep_ready(cache, next);
        (Ok(()), damage.map(|damage| Damage { address: damage.address - moved + start, ..damage }))
    }

    /// Retires a page by moving it to the slot that this thread will hand out next. `None` when
    /// that can't be; then the page is as it was.
    #[inline(always)]
    fn move_to_next(&self, cache: &ThreadCache, page: PageRange) -> Option<Slot<'_>> {
        if !self.pages.can_recycle() || page.bytes() != PAGE_BYTES {
            return None;
        }
        if !cache.ready.has_room() {
            // A move and a share in one call for many cost less than a drop by itself.
            self.drop_ready_ones(cache);
        }
        let index = self.take_slot(cache, READY_CLASS).ok()?;
        let next = self.pool.class(READY_CLASS).slot(index)?;
        // SAFETY: the object in `page` is this thread's to retire; the slot is its own and virgin.
        if unsafe { self.pages.recycle(page, next.data) }.is_err() {
            // Shared since a fork, or pinned by the kernel; or guards are lost.
            self.count_done(READY_CLASS, index);
            self.restore_guards();
            return None;
        }
        cache.count(Counter::Moves);
        Some(next)
    }

    #[inline(always)]
    fn keep_ready(&self, cache: &ThreadCache, slot: Slot<'_>) {
        let Home::Pool { index, .. } = slot.home else { return };
        if !cache.ready.push(index) {
            // A signal handler was faster; the page is given back.
            self.drop_ready(index);
        }
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

    /// Gives back what a thread that ends has in store; answers what is wrong with what it freed.
    pub fn give_back(&self, cache: &ThreadCache) -> Result<(), BadCall> {
        let checked =
            cache.quarantine_if_made().map_or(Ok(()), |list| self.empty_quarantine(cache, list));
        cache.end_quarantine();
        while cache.ready.len() > 0 {
            self.drop_ready_ones(cache);
        }
        self.budget.end_credit(cache);
        for (class, batch) in cache.batches.iter().enumerate() {
            while let Some(index) = batch.take() {
                self.count_done(class, index);
            }
        }
        checked
    }

    /// Gives up slots that are ready, as many as one call takes.
    #[inline(never)]
    fn drop_ready_ones(&self, cache: &ThreadCache) {
        let class = self.pool.class(READY_CLASS);
        let mut ranges = [PageRange::new(0, 1); MOST_RANGES];
        let mut indexes = [0; MOST_RANGES];
        let mut count = 0;
        while count < MOST_RANGES
            && let Some(index) = cache.ready.pop()
        {
            if let Some(slot) = class.slot(index) {
                (ranges[count], indexes[count]) = (slot.data, index);
                count += 1;
            }
        }
        // SAFETY: the slots are this thread's alone.
        if unsafe { self.pages.retire_all(&ranges[..count]) }.is_ok() {
            indexes[..count].iter().for_each(|&index| self.count_done(READY_CLASS, index));
        }
    }

    /// Notes that a slot is retired or given up. With the last one its stretch collapses, unless
    /// that costs mappings which are short; and for its records older ones are forgotten.
    #[inline(always)]
    pub(super) fn count_done(&self, number: usize, index: usize) {
        if let Some(stretch) = self.pool.class(number).count_done(index) {
            self.collapse(number, stretch);
        }
    }

    #[cold]
    #[inline(never)]
    fn collapse(&self, number: usize, stretch: usize) {
        let class = self.pool.class(number);
        let cost = class.mappings_to_collapse(stretch);
        if !self.budget.charge_spare_mappings(cost) {
            return;
        }
        // SAFETY: all slots of the stretch are done with.
        if unsafe { class.collapse(stretch, &self.budget.room) }.is_err() {
            self.budget.refund_spare_mappings(cost);
            return;
        }
        let collapsed = StretchId { class: number as u8, number: stretch as u32 };
        if let Some(oldest) = self.history.push(collapsed) {
            self.pool.class(usize::from(oldest.class)).forget(oldest.number as usize);
        }
    }
}
