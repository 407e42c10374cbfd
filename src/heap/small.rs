//! Small objects: slots of the pool, with pages from the backend.
//!
//! A thread that allocates takes a slot that it has ready; or fetches some from the store that all threads share; or
//! takes a virgin slot from its batch and has its pages populated. A thread that frees moves the pages to a slot, which
//! it then has ready, if the backend can do that; or it has them revoked. When no slot of a stretch will be used again,
//! the stretch collapses.

use super::budget::Cost;
use super::canary::{self, Damage};
use super::history::{History, StretchId};
use super::place::{Edge, Place};
use super::pool::{CLASS_PAGES, Pool};
use super::restore;
use super::slot::{Ended, FreshSlot, Home, Slot};
use super::stock::{BATCH_PAGES, FEW_OBJECTS, PARTS, SharedBatches};
use super::stock::{MOST_READY_PAGES, ReadySlots, SHARED_TAKE, SharedReady, most_singles};
use super::tally::Reason;
use super::terms::{Account, Terms};
use super::threads::Counter;
use crate::pages::{MOST_RANGES, PageProtection, PageRange};
use crate::sys::lock::Lock;
use crate::sys::{Errno, PAGE_BYTES};

/// The pool, the backend that guards its pages, and the slots that are ready in it.
pub struct SmallSpace {
    pub pages: &'static dyn PageProtection,
    pub pool: Pool,
    shared_ready: SharedReady,
    shared_batches: [SharedBatches; CLASS_PAGES.len()],
    history: History,
    /// Held while guards are restored.
    restoring: Lock<()>,
}

impl SmallSpace {
    /// Makes the space of `bytes` bytes of reserved address space at `base`, which `pages` is prepared for.
    pub fn new(
        pages: &'static dyn PageProtection,
        base: usize,
        bytes: usize,
        terms: &Terms,
    ) -> Result<SmallSpace, Errno> {
        Ok(SmallSpace {
            pages,
            pool: Pool::new(base, bytes)?,
            shared_ready: SharedReady::new(terms.budget.headroom.guarded_bytes()),
            shared_batches: Default::default(),
            history: History::new(terms.config.history_bytes),
            restoring: Lock::new(()),
        })
    }

    /// Claims a slot of `class` for `size` bytes, which read as zeros.
    #[inline(always)]
    pub fn claim(
        &self,
        account: Account<'_>,
        class: usize,
        size: usize,
        align: usize,
    ) -> Result<FreshSlot<'_>, Reason> {
        self.charge(account, size, || match self.reuse(account, class, size, align) {
            Some(fresh) => Ok(fresh),
            None => self.claim_unready(account, class, size, align),
        })
    }

    /// Claims such a slot with spare pages behind the object, which fault: only `needed` bytes get pages.
    pub fn claim_roomy(
        &self,
        account: Account<'_>,
        class: usize,
        needed: usize,
        size: usize,
        align: usize,
    ) -> Result<FreshSlot<'_>, Reason> {
        let choose = |slot: &Slot<'_>| {
            Place::at_edge(
                account.terms.config.placing.edge_of(slot.data.start()),
                needed,
                size,
                align,
            )
        };
        self.charge(account, size, || self.populate(account, class, choose))
    }

    /// Charges the budget for what `take` returns: a slot for `size` bytes.
    #[inline(always)]
    fn charge<T>(
        &self,
        account: Account<'_>,
        size: usize,
        take: impl FnOnce() -> Result<T, Reason>,
    ) -> Result<T, Reason> {
        let cost = Cost::of_slot(size);
        account.charge(cost)?;
        let mappings = self.pages.mappings_per_slot();
        let budget = &account.terms.budget;
        let taken = budget
            .charge_mappings(mappings)
            .and_then(|()| take().inspect_err(|_| budget.refund_mappings(mappings)));
        taken.inspect_err(|_| account.refund(cost))
    }

    /// Takes a slot that this thread has ready.
    #[inline(always)]
    fn reuse(
        &self,
        account: Account<'_>,
        class: usize,
        size: usize,
        align: usize,
    ) -> Option<FreshSlot<'_>> {
        let index = account.cache.ready_if_made()?.pop(size.div_ceil(PAGE_BYTES))?;
        let slot = self.pool.class(class).slot(index)?;
        let place = account.terms.config.placing.place(slot.data, size, align);
        let start = slot.data.start() + place.offset;
        // SAFETY: only this thread has the slot's number, and the pages of a ready slot are accessible.
        unsafe { core::ptr::write_bytes(start as *mut u8, 0, size) };
        account.count(Counter::Reuses);
        Some(FreshSlot::new(slot, place))
    }

    #[inline(never)]
    fn claim_unready(
        &self,
        account: Account<'_>,
        class: usize,
        size: usize,
        align: usize,
    ) -> Result<FreshSlot<'_>, Reason> {
        if (1..=PAGE_BYTES).contains(&size)
            && self.fetch_ready(account)
            && let Some(fresh) = self.reuse(account, class, size, align)
        {
            return Ok(fresh);
        }
        self.populate(account, class, |slot| {
            account.terms.config.placing.place(slot.data, size, align)
        })
    }

    /// Takes a virgin slot, with pages from the kernel under the place that `choose` returns.
    fn populate(
        &self,
        account: Account<'_>,
        class: usize,
        choose: impl FnOnce(&Slot<'_>) -> Place,
    ) -> Result<FreshSlot<'_>, Reason> {
        account.terms.closure.refuse_if_closed()?;
        let index = self.next_virgin(account, class)?;
        let slot = self.pool.class(class).slot(index).ok_or(Reason::Refused)?;
        let place = choose(&slot);
        if let Some(pages) = slot.populated(place) {
            // SAFETY: the slot was handed to this thread only, and it is virgin, so it faults.
            let populate = || unsafe { self.pages.populate(pages) };
            let populated = populate().or_else(|_| {
                self.restore_guards(account.terms);
                populate()
            });
            if populated.is_err() {
                self.count_done(account.terms, class, index);
                return Err(Reason::Refused);
            }
            account.count(Counter::Populates);
        }
        Ok(FreshSlot::new(slot, place))
    }

    /// Returns the number of a virgin slot, for this thread only.
    #[inline(always)]
    fn next_virgin(&self, account: Account<'_>, class: usize) -> Result<usize, Reason> {
        match account.cache.batches[class].take() {
            Some(index) => Ok(index),
            None => self.claim_batch(account, class),
        }
    }

    /// Claims a batch of virgin slots for this thread, and returns the first one's number.
    #[cold]
    #[inline(never)]
    fn claim_batch(&self, account: Account<'_>, number: usize) -> Result<usize, Reason> {
        // This comes before a stretch is opened for them.
        self.restore_guards(account.terms);
        let class = self.pool.class(number);
        let claim = |count| {
            class.claim(self.pages, &account.terms.budget.room, count).map_err(
                |error| match error {
                    Errno(libc::EDQUOT) => Reason::Room,
                    _ if class.is_spent() => Reason::Addresses,
                    _ => Reason::Refused,
                },
            )
        };
        let whole = BATCH_PAGES / (CLASS_PAGES[number] + 1);
        let mut slots = if account.cache.objects() < FEW_OBJECTS {
            self.shared_batches[number].cut(whole.div_ceil(PARTS), || claim(whole))?
        } else {
            claim(whole)?
        };
        let first = slots.next().ok_or(Reason::Addresses)?;
        account.cache.batches[number].refill(slots);
        Ok(first)
    }

    /// Makes the pages of an object that has ended fault, and checks its canaries.
    #[inline(always)]
    pub fn revoke(
        &self,
        account: Account<'_>,
        class: usize,
        ended: &Ended<'_>,
    ) -> (Result<(), Errno>, Option<Damage>) {
        let Some(pages) = ended.pages() else { return (Ok(()), None) };
        let start = ended.address();
        let (size, limit) = (ended.snapshot.size, account.terms.config.canary_bytes);
        // SAFETY: this is called below with the object's address while its pages are accessible there, and only this
        // thread may revoke them.
        let check = |at| unsafe { canary::check(at, size, limit) };
        // If there are several pages, a failed move may have moved some of them.
        let early = (pages.bytes() > PAGE_BYTES).then(|| check(start));
        let Some((to, next)) = self.move_to_next(account, class, pages) else {
            let damage = early.unwrap_or_else(|| check(start));
            account.count(Counter::Drops);
            // SAFETY: the object has ended, its pages are accessible, and only this thread may revoke them.
            return (unsafe { self.pages.retire(pages) }, damage);
        };
        // A single page is checked at its new address: the kernel was just there, and the next object will be, while no
        // cache has the way to the old address.
        let moved = to.start() + (start - pages.start());
        let damage = match early {
            Some(damage) => damage,
            None => check(moved)
                .map(|damage| Damage { address: damage.address - moved + start, ..damage }),
        };
        self.keep_ready(account, pages.bytes() / PAGE_BYTES, next);
        (Ok(()), damage)
    }

    /// Retires the pages of an object of `class` by moving them to a slot that this thread will hand out. Returns where
    /// they are now, and that slot's number. `None` if they can't be moved; then they are as they were, or some are
    /// gone.
    #[inline(always)]
    fn move_to_next(
        &self,
        account: Account<'_>,
        class: usize,
        pages: PageRange,
    ) -> Option<(PageRange, usize)> {
        let count = pages.bytes() / PAGE_BYTES;
        if !self.pages.can_recycle() || !self.has_room_for_ready(account, count) {
            return None;
        }
        // An object with room to grow was in a larger slot than the next object of its pages will be.
        if Pool::class_for(count) != Some(class) {
            return None;
        }
        let index = self.next_virgin(account, class).ok()?;
        let next = self.pool.class(class).slot(index)?;
        let to = ready_pages(account.terms, &next, count);
        // SAFETY: the object in `pages` has ended, and only this thread may revoke it. The slot is virgin, and was
        // handed to this thread only.
        if unsafe { self.pages.recycle(pages, to) }.is_err() {
            self.give_up_next(account.terms, class, index, to);
            return None;
        }
        account.count(Counter::Moves);
        Some((to, index))
    }

    /// Gives up a slot after a failed move: the page is shared since a fork, or pinned by the kernel, or guards are
    /// lost.
    #[cold]
    fn give_up_next(&self, terms: &Terms, class: usize, index: usize, to: PageRange) {
        // Of several pages some may have been moved.
        // SAFETY: the slot was handed to this thread only, and no object lies there.
        match to.bytes() == PAGE_BYTES || unsafe { self.pages.retire(to) }.is_ok() {
            true => self.count_done(terms, class, index),
            false => terms.tally.count(Reason::NotRevoked),
        }
        self.restore_guards(terms);
    }

    /// Refunds the cost of an object whose pages are revoked.
    #[inline(always)]
    pub fn settle(&self, account: Account<'_>, slot: &Slot<'_>, size: usize) {
        let Home::Pool { class, index } = slot.home else { return };
        account.refund(Cost::of_slot(size));
        account.terms.budget.refund_mappings(self.pages.mappings_per_slot());
        self.count_done(account.terms, class, index);
    }

    /// Notes that a slot was retired or given up. After the last one its stretch collapses, unless mappings are too
    /// short for that, and older records are forgotten to keep its own.
    #[inline(always)]
    pub fn count_done(&self, terms: &Terms, class: usize, index: usize) {
        if let Some(stretch) = self.pool.class(class).count_done(index) {
            self.collapse(terms, class, stretch);
        }
    }

    #[cold]
    #[inline(never)]
    fn collapse(&self, terms: &Terms, number: usize, stretch: usize) {
        let class = self.pool.class(number);
        let cost = class.mappings_to_collapse(stretch);
        if !terms.budget.charge_spare_mappings(cost) {
            return;
        }
        // SAFETY: the last slot of the stretch was just counted, so none of them is used again.
        if unsafe { class.collapse(stretch, &terms.budget.room) }.is_err() {
            terms.budget.refund_spare_mappings(cost);
            return;
        }
        let collapsed = StretchId { class: number as u8, number: stretch as u32 };
        if let Some(oldest) = self.history.push(collapsed) {
            self.pool.class(usize::from(oldest.class)).forget(oldest.number as usize);
        }
    }

    /// Fetches slots from the shared store for this thread. Returns whether there were any.
    fn fetch_ready(&self, account: Account<'_>) -> bool {
        let mut numbers = [0; SHARED_TAKE];
        let wanted = most_singles(account.cache.objects()).div_ceil(2);
        let count = self.shared_ready.take(&mut numbers[..wanted]);
        for &number in &numbers[..count] {
            self.keep_ready(account, 1, number);
        }
        count > 0
    }

    /// Whether a freed object's `pages` pages could be moved to a slot that this thread keeps. Makes room if necessary.
    #[inline(always)]
    fn has_room_for_ready(&self, account: Account<'_>, pages: usize) -> bool {
        let Some(ready) = account.cache.ready() else { return false };
        if pages == 1 {
            if ready.singles() >= most_singles(account.cache.objects()) {
                // A move, and a share in one call for many, cost less than a separate drop.
                self.pass_on_ready(account.terms, ready);
            }
            return true;
        }
        ready.has_room(pages)
    }

    /// Keeps a slot of this thread's with `pages` pages.
    #[inline(always)]
    fn keep_ready(&self, account: Account<'_>, pages: usize, index: usize) {
        if !account.cache.ready().is_some_and(|ready| ready.push(pages, index)) {
            // A signal handler was faster, or the thread is ending: give the pages back.
            self.drop_ready(account.terms, pages, &[index]);
        }
    }

    /// Passes a part of this thread's ready slots to the others, or drops it.
    #[inline(never)]
    fn pass_on_ready(&self, terms: &Terms, ready: &ReadySlots) {
        let mut numbers = [0; MOST_RANGES];
        let mut count = 0;
        while count < MOST_RANGES
            && let Some(index) = ready.pop(1)
        {
            numbers[count] = index;
            count += 1;
        }
        let kept = self.shared_ready.put(&numbers[..count]);
        self.drop_ready(terms, 1, &numbers[kept..count]);
    }

    /// Gives up at most [`MOST_RANGES`] slots of this thread's, with `pages` pages each.
    #[cold]
    #[inline(never)]
    fn drop_ready(&self, terms: &Terms, pages: usize, numbers: &[usize]) {
        let Some(class) = Pool::class_for(pages) else { return };
        let mut ranges = [PageRange::new(0, 1); MOST_RANGES];
        let mut count = 0;
        for &number in numbers {
            if let Some(slot) = self.pool.class(class).slot(number) {
                ranges[count] = ready_pages(terms, &slot, pages);
                count += 1;
            }
        }
        if count == 0 {
            return;
        }
        // SAFETY: only this thread has the slots' numbers, and no object lies there.
        let dropped = unsafe { self.pages.retire_all(&ranges[..count]) };
        for (&number, &pages) in numbers.iter().zip(&ranges[..count]) {
            // After an error some may be dropped all the same, so each is tried by itself.
            // SAFETY: only this thread has the slot's number, and no object lies there.
            match dropped.or_else(|_| unsafe { self.pages.retire(pages) }) {
                Ok(()) => self.count_done(terms, class, number),
                Err(_) => terms.tally.count(Reason::NotRevoked),
            }
        }
    }

    /// Gives up all ready slots of a thread that is ending, and those of its batches.
    pub fn give_back(&self, account: Account<'_>) {
        if let Some(ready) = account.cache.ready_if_made() {
            while ready.singles() > 0 {
                self.pass_on_ready(account.terms, ready);
            }
            for pages in 2..=MOST_READY_PAGES {
                while let Some(index) = ready.pop(pages) {
                    self.drop_ready(account.terms, pages, &[index]);
                }
            }
        }
        account.end_credit();
        account.cache.end_ready();
        for (class, batch) in account.cache.batches.iter().enumerate() {
            while let Some(index) = batch.take() {
                self.count_done(account.terms, class, index);
            }
        }
    }

    /// Restores pages that were touched while guards were off, if guards were off.
    #[cold]
    #[inline(never)]
    pub fn restore_guards(&self, terms: &Terms) {
        restore::restore_guards(self.pages, &self.pool, &self.restoring, &terms.budget);
    }

    /// Returns the slots in service with a page from `start` to `end`, both multiples of the page size.
    pub fn slots_between(&self, start: usize, end: usize) -> impl Iterator<Item = Slot<'_>> {
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

    /// Takes the lock that is outside all others of the heap. See [`Lock::hold_for_fork`].
    pub fn hold_restoring_for_fork(&self) {
        self.restoring.hold_for_fork();
    }

    /// # Safety
    /// The calling thread, or the one that it is a copy of, must have called [`SmallSpace::hold_restoring_for_fork`].
    pub unsafe fn release_restoring_after_fork(&self) {
        // SAFETY: the caller promises that `hold_restoring_for_fork` has taken the lock.
        unsafe { self.restoring.release_after_fork() }
    }

    /// Takes the other locks. See [`Lock::hold_for_fork`].
    pub fn hold_for_fork(&self) {
        self.history.hold_for_fork();
        self.shared_ready.hold_for_fork();
        self.pool.hold_for_fork();
        self.pages.hold_for_fork();
    }

    /// # Safety
    /// The calling thread, or the one that it is a copy of, must have called [`SmallSpace::hold_for_fork`].
    pub unsafe fn release_after_fork(&self) {
        // SAFETY: the caller promises that `hold_for_fork` has taken the locks.
        unsafe {
            self.pages.release_after_fork();
            self.pool.release_after_fork();
            self.shared_ready.release_after_fork();
            self.history.release_after_fork();
        }
    }
}

/// Returns the pages of a slot in which the next object of `count` pages will lie.
#[inline(always)]
fn ready_pages(terms: &Terms, slot: &Slot<'_>, count: usize) -> PageRange {
    if slot.data.bytes() == count * PAGE_BYTES {
        return slot.data;
    }
    match terms.config.placing.edge_of(slot.data.start()) {
        Edge::Left => PageRange::new(slot.data.start(), count),
        Edge::Right => PageRange::new(slot.data.end() - count * PAGE_BYTES, count),
    }
}
