//! The end of an object, and of the slots around it.

use super::budget::Cost;
use super::history::StretchId;
use super::object::{BadCall, view};
use super::place::Place;
use super::record::{Entry, Event, State};
use super::resize::MANY_MOVED;
use super::slot::{Home, Slot};
use super::threads::ThreadCache;
use super::unguarded::Reason;
use super::{Counter, Damage, Heap, LARGE_MAPPINGS, Pool, canary};
use crate::pages::PageRange;
use crate::sys::{Errno, PAGE_BYTES, memory};

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
        let entry = self.claim(&slot, entry)?;
        self.end(cache, slot, entry, freed)
    }

    /// Makes the live object this thread's alone to free or to resize: of several threads, for one. Returns
    /// what its record says now. [`Heap::end`] comes next.
    #[inline(always)]
    pub(super) fn claim(&self, slot: &Slot<'_>, entry: Entry) -> Result<Entry, BadCall> {
        if slot.record.begin_free().is_err() {
            return self.claim_settled(slot, entry);
        }
        // Another thread may have resized it since.
        let now = if entry.moved < MANY_MOVED { None } else { slot.record.read() };
        Ok(now.map_or(entry, |now| Entry { state: State::Live, ..now }))
    }

    /// [`Heap::claim`], after another thread is done with the object.
    #[cold]
    #[inline(never)]
    fn claim_settled(&self, slot: &Slot<'_>, entry: Entry) -> Result<Entry, BadCall> {
        loop {
            let settled = slot.record.read_settled().unwrap_or(entry);
            if settled.state != State::Live {
                return Err(BadCall::DoubleFree(view(slot, &settled)));
            }
            // That one has resized it.
            if slot.record.begin_free().is_ok() {
                let now = slot.record.read().unwrap_or(settled);
                return Ok(Entry { state: State::Live, ..now });
            }
        }
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
        if entry.is_remapped {
            return self.end_remapped(cache, slot, entry, freed);
        }
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
            Home::Pool { class, .. } => self.revoke(cache, class, &slot, &entry),
        };
        self.conclude(cache, &slot, &entry, revoked, damage)
    }

    /// Frees a large object that this thread has claimed, and whose contents have gone elsewhere. What was wrong with
    /// its canaries is known.
    #[cold]
    pub(super) fn end_emptied(
        &self,
        cache: &ThreadCache,
        slot: Slot<'_>,
        entry: Entry,
        freed: Event,
        damage: Option<Damage>,
    ) -> Result<(), BadCall> {
        slot.record.finish_free(freed);
        // SAFETY: the object was this thread's to free.
        let revoked = unsafe { self.large.retire(slot) };
        self.conclude(cache, &slot, &entry, revoked, damage)
    }

    #[inline(always)]
    fn conclude(
        &self,
        cache: &ThreadCache,
        slot: &Slot<'_>,
        entry: &Entry,
        revoked: Result<(), Errno>,
        damage: Option<Damage>,
    ) -> Result<(), BadCall> {
        match revoked {
            Ok(()) => self.settle(cache, slot, entry),
            Err(_) => self.unguarded.tally().count(Reason::NotRevoked),
        }
        match damage {
            Some(damage) => Err(BadCall::Overwritten(view(slot, entry), damage)),
            None => Ok(()),
        }
    }

    /// Frees an object over which the program has mapped something, a file say. What lies there is the program's, so it
    /// holds no canaries, and no backend can guard it: an inaccessible mapping is laid over it.
    #[cold]
    #[inline(never)]
    fn end_remapped(
        &self,
        cache: &ThreadCache,
        slot: Slot<'_>,
        entry: Entry,
        freed: Event,
    ) -> Result<(), BadCall> {
        slot.record.finish_free(freed);
        let revoked =
            slot.populated(Place { offset: entry.offset, size: entry.size }).map(|pages| {
                // SAFETY: the object was this thread's to free, and its slot is never used again.
                unsafe { memory::revoke(pages.start(), pages.bytes()) }
            });
        match revoked {
            Some(Err(_)) => self.unguarded.tally().count(Reason::NotRevoked),
            _ => self.settle(cache, &slot, &entry),
        }
        Ok(())
    }

    /// Takes back what an object cost, now that its pages are gone.
    #[inline(always)]
    pub(super) fn settle(&self, cache: &ThreadCache, slot: &Slot<'_>, entry: &Entry) {
        match slot.home {
            Home::Large => {
                self.budget.refund_mappings(LARGE_MAPPINGS);
                self.budget.refund_size(cache, entry.size);
            }
            Home::Pool { class, index } => {
                self.budget.refund(cache, Cost::of_slot(entry.size));
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
        class: usize,
        slot: &Slot<'_>,
        entry: &Entry,
    ) -> (Result<(), Errno>, Option<Damage>) {
        let place = Place { offset: entry.offset, size: entry.size };
        let Some(pages) = slot.populated(place) else { return (Ok(()), None) };
        let start = slot.address(entry);
        // SAFETY: called below with the object's address while its pages are this thread's and
        // accessible there.
        let check = |at| unsafe { canary::check(at, entry.size, self.config.canary_bytes) };
        // Several pages may be moved in part.
        let early = (pages.bytes() > PAGE_BYTES).then(|| check(start));
        let Some((to, next)) = self.move_to_next(cache, class, pages) else {
            let damage = early.unwrap_or_else(|| check(start));
            cache.count(Counter::Drops);
            // SAFETY: the object is this thread's to retire; its pages are populated.
            return (unsafe { self.pages.retire(pages) }, damage);
        };
        // The contents of one page are looked at where they are now: the kernel has just been
        // there, and the next object will be, while the way to the old address is in no cache.
        let moved = to.start() + (start - pages.start());
        let damage = match early {
            Some(damage) => damage,
            None => check(moved)
                .map(|damage| Damage { address: damage.address - moved + start, ..damage }),
        };
        self.keep_ready(cache, pages.bytes() / PAGE_BYTES, next);
        (Ok(()), damage)
    }

    /// Retires the pages of an object of `class` by moving them to a slot that this thread will hand
    /// out; answers where they are now, and the slot's number. `None` when that can't be; then the
    /// pages are as they were, or some are gone.
    #[inline(always)]
    fn move_to_next(
        &self,
        cache: &ThreadCache,
        class: usize,
        pages: PageRange,
    ) -> Option<(PageRange, usize)> {
        let count = pages.bytes() / PAGE_BYTES;
        if !self.pages.can_recycle() || !self.has_room_for_ready(cache, count) {
            return None;
        }
        // An object with room to grow was in a larger slot than the next of its pages will be.
        if Pool::class_for(count) != Some(class) {
            return None;
        }
        let index = self.take_slot(cache, class).ok()?;
        let next = self.pool.class(class).slot(index)?;
        let to = self.ready_pages(&next, count);
        // SAFETY: the object in `pages` is this thread's to retire; the slot is its own and virgin.
        if unsafe { self.pages.recycle(pages, to) }.is_err() {
            self.give_up_next(class, index, to);
            return None;
        }
        cache.count(Counter::Moves);
        Some((to, index))
    }

    /// After a move that failed: the page is shared since a fork, or pinned by the kernel; or guards
    /// are lost.
    #[cold]
    fn give_up_next(&self, class: usize, index: usize, to: PageRange) {
        // Of several pages some may have been moved.
        // SAFETY: the slot is this thread's alone.
        match to.bytes() == PAGE_BYTES || unsafe { self.pages.retire(to) }.is_ok() {
            true => self.count_done(class, index),
            false => self.tally().count(Reason::NotRevoked),
        }
        self.restore_guards();
    }

    /// Gives back what a thread that ends has in store; answers what is wrong with what it freed.
    pub fn give_back(&self, cache: &ThreadCache) -> Result<(), BadCall> {
        let checked =
            cache.quarantine_if_made().map_or(Ok(()), |list| self.empty_quarantine(cache, list));
        cache.end_quarantine();
        self.give_back_ready(cache);
        self.budget.end_credit(cache);
        cache.end_ready();
        for (class, batch) in cache.batches.iter().enumerate() {
            while let Some(index) = batch.take() {
                self.count_done(class, index);
            }
        }
        checked
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
