//! The heap's address space: first that of small objects, then that of large ones, then that of packed ones.
//!
//! It makes and ends guarded objects, and describes them to the fault handler, to reports, and at exit.

use super::budget::MOST_RESERVED;
use super::canary::{self, Damage};
use super::confinement;
use super::large::LargeSpace;
use super::object::{BadCall, Object};
use super::packed::PackedSpace;
use super::pool::Class;
use super::pool::Pool;
use super::record::{Event, Family, State, ThreadId};
use super::revocation;
use super::slot::{Ended, Freeing, FreshSlot, Home, Slot};
use super::small::SmallSpace;
use super::tally::Reason;
use super::terms::{Account, Terms};
use super::threads::Counter;
use crate::pages::{PageProtection, PageRange};
use crate::sys::lock::Lock;
use crate::sys::memory::Reservation;
use crate::sys::memory_locks;
use crate::sys::range_set::RangeSet;
use crate::sys::residency::SharedPages;
use crate::sys::{Errno, PAGE_BYTES, memory, round_up_to_page};
use crate::trace::TraceId;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};

/// Address space for small and for large objects each, in bytes; halved until it fits. Mostly both fit between the
/// program and its libraries, so that all is free below the program, as without us.
const RESERVED_BYTES: usize = 16 << 40;

/// The most address space of a whole heap, in bytes.
pub const MOST_RESERVED_BYTES: usize = 2 * RESERVED_BYTES;

/// Of the space of large objects so much is for packed ones.
const PACKED_PARTS: usize = 8;

/// With less than this for both, hardly anything could be guarded.
const LEAST_RESERVED_BYTES: usize = 8 << 20;

/// How many mappings a live large object costs: itself and the guard behind it.
const LARGE_MAPPINGS: usize = 2;

/// The slots of small objects, the ranges of large ones, and packed slots, in one reservation.
pub struct Spaces {
    pub small: SmallSpace,
    pub large: LargeSpace,
    pub packed: PackedSpace,
    reserved: Range<usize>,
    /// Pages that the program keeps from its children.
    pub kept_from_children: Lock<RangeSet>,
    /// Whether the program has mapped something where large objects were, or beside them.
    pub is_mapped_over: AtomicBool,
}

impl Spaces {
    /// Reserves both spaces, which `pages` guards.
    pub fn new(pages: &'static dyn PageProtection, terms: &Terms) -> Result<Spaces, Errno> {
        let whole = Reservation::above_program(&[MOST_RESERVED_BYTES, MOST_RESERVED_BYTES / 2])
            .or_else(|| Reservation::new(MOST_RESERVED_BYTES, LEAST_RESERVED_BYTES, 4))
            .ok_or(Errno::ENOMEM)?;
        let (base, bytes) = (whole.start, (whole.bytes / 2) & !(PAGE_BYTES - 1));
        pages.prepare(PageRange::new(base, bytes / PAGE_BYTES))?;
        let packed = (bytes / PACKED_PARTS) & !(PAGE_BYTES - 1);
        Ok(Spaces {
            small: SmallSpace::new(pages, base, bytes, terms)?,
            large: LargeSpace::new(base + bytes, bytes - packed)?,
            packed: PackedSpace::new(base + 2 * bytes - packed, packed, terms.config.waiting_bytes),
            reserved: base..base + 2 * bytes,
            kept_from_children: Lock::new(RangeSet::new()),
            is_mapped_over: AtomicBool::new(false),
        })
    }

    /// Returns the address space in which [`Spaces::contains`] may hold.
    pub fn reserved(&self) -> Range<usize> {
        self.reserved.clone()
    }

    /// Claims a slot for `size` bytes, which read as zeros, and charges for it.
    #[inline(always)]
    pub fn claim(
        &self,
        account: Account<'_>,
        size: usize,
        align: usize,
    ) -> Result<FreshSlot<'_>, Reason> {
        let class = if align > PAGE_BYTES {
            None
        } else {
            Pool::class_for(round_up_to_page(size) / PAGE_BYTES)
        };
        match class {
            Some(class) => self.small.claim(account, class, size, align),
            None => self.claim_large(account, size, align, 0),
        }
    }

    /// Claims such a slot with `spare` bytes of pages behind the object, which fault until it grows there. Both numbers
    /// of bytes, and an alignment of at most a page, must fit into an address.
    pub fn claim_roomy(
        &self,
        account: Account<'_>,
        size: usize,
        align: usize,
        spare: usize,
    ) -> Result<FreshSlot<'_>, Reason> {
        let needed = round_up_to_page(size);
        match Pool::class_for((needed + spare) / PAGE_BYTES) {
            Some(class) => self.small.claim_roomy(account, class, needed, size, align),
            None => self.claim_large(account, size, align, spare),
        }
    }

    #[cold]
    #[inline(never)]
    fn claim_large(
        &self,
        account: Account<'_>,
        size: usize,
        align: usize,
        spare: usize,
    ) -> Result<FreshSlot<'_>, Reason> {
        let budget = &account.terms.budget;
        account.count(Counter::Large);
        account.terms.closure.refuse_if_closed()?;
        if align > MOST_RESERVED {
            // malloc takes so much more, and gives back what it does not need.
            account.charge_size(size.saturating_add(align))?;
            account.refund_size(size.saturating_add(align));
        }
        // It is populated as it is touched, so only what the program asks for is charged of memory.
        account.charge_size(size)?;
        let claimed = budget.charge_mappings(LARGE_MAPPINGS).and_then(|()| {
            // The address is not known yet; for a random edge the size serves as well.
            let edge = account.terms.config.placing.edge_of(size);
            self.large.claim(edge, size, align, spare).map_err(|_| {
                budget.refund_mappings(LARGE_MAPPINGS);
                if self.large.is_spent(size) { Reason::Addresses } else { Reason::Refused }
            })
        });
        claimed.inspect_err(|_| account.refund_size(size))
    }

    /// Ends an object: its pages fault from now on. The error says what was wrong with its canaries.
    #[inline(always)]
    pub fn end(
        &self,
        account: Account<'_>,
        object: Freeing<'_>,
        freed: Event,
    ) -> Result<(), BadCall> {
        if object.snapshot().is_remapped {
            return self.end_remapped(account, object, freed);
        }
        if object.snapshot().is_locked {
            unlock(&object);
        }
        if account.terms.config.batch > 0
            && let Some(quarantine) = account.cache.quarantine().filter(|list| list.takes(&object))
        {
            return revocation::admit(quarantine, account, &self.small, object, freed);
        }
        let watched = account.cache.watched();
        let attended = confinement::attend(watched);
        let ended = object.end(freed);
        let (revoked, damage) = match ended.slot.home {
            Home::Large => {
                let limit = account.terms.config.canary_bytes;
                // The program may have protected pages of it. Without us nobody would read them.
                let damage = canary::check_carefully(ended.address(), ended.snapshot.size, limit);
                // SAFETY: the object has ended, and only this thread may revoke its pages.
                (unsafe { self.large.retire(ended.slot) }, damage)
            }
            Home::Pool { class, .. } => self.small.revoke(account, class, &ended),
        };
        confinement::finish(watched, attended);
        self.conclude(account, &ended, revoked, damage)
    }

    /// Ends a large object whose contents were moved away. `damage` is what was wrong with its canaries.
    #[cold]
    pub fn end_emptied(
        &self,
        account: Account<'_>,
        object: Freeing<'_>,
        freed: Event,
        damage: Option<Damage>,
    ) -> Result<(), BadCall> {
        let ended = object.end(freed);
        // SAFETY: the object has ended, and only this thread may revoke its pages.
        let revoked = unsafe { self.large.retire(ended.slot) };
        self.conclude(account, &ended, revoked, damage)
    }

    /// Ends an object over which the program has mapped something, such as a file. The program owns what is there, so
    /// there are no canaries, and no backend can guard it: an inaccessible mapping is laid over it.
    #[cold]
    #[inline(never)]
    fn end_remapped(
        &self,
        account: Account<'_>,
        object: Freeing<'_>,
        freed: Event,
    ) -> Result<(), BadCall> {
        let ended = object.end(freed);
        let revoked = ended.pages().map_or(Ok(()), |pages| {
            // SAFETY: the object has ended, and its slot is never used again.
            unsafe { memory::revoke(pages.start(), pages.bytes()) }
        });
        self.conclude(account, &ended, revoked, None)
    }

    #[inline(always)]
    fn conclude(
        &self,
        account: Account<'_>,
        ended: &Ended<'_>,
        revoked: Result<(), Errno>,
        damage: Option<Damage>,
    ) -> Result<(), BadCall> {
        match revoked {
            Ok(()) => self.settle(account, ended),
            Err(_) => account.terms.tally.count(Reason::NotRevoked),
        }
        match damage {
            Some(damage) => Err(BadCall::Overwritten(ended.object(), damage)),
            None => Ok(()),
        }
    }

    /// Refunds the cost of an object whose pages are gone.
    #[inline(always)]
    fn settle(&self, account: Account<'_>, ended: &Ended<'_>) {
        match ended.slot.home {
            Home::Large => {
                account.terms.budget.refund_mappings(LARGE_MAPPINGS);
                account.refund_size(ended.snapshot.size);
            }
            Home::Pool { .. } => self.small.settle(account, &ended.slot, ended.snapshot.size),
        }
    }

    /// Returns the slot with pages that `address` lies in, if it is in service.
    #[inline]
    pub fn locate(&self, address: usize) -> Option<Slot<'_>> {
        self.small.pool.locate(address).or_else(|| self.large.locate(address))
    }

    /// Whether `address` is in the heap's address space. Lock-free, and safe in signal handlers.
    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        self.has_pages(address) || self.packed.contains(address)
    }

    /// Whether an object at `address` has pages of its own. Lock-free, and safe in signal handlers.
    #[inline]
    pub fn has_pages(&self, address: usize) -> bool {
        self.small.pool.contains(address) || self.large.contains(address)
    }

    /// Returns the probable class of an object at `offset` in the reserved address space; `None` where the large and
    /// the packed objects are.
    pub fn class_near(&self, offset: usize) -> Option<&Class> {
        let address = self.reserved.start + offset;
        let is_elsewhere =
            self.large.whole().contains(&address) || self.packed.whole().contains(&address);
        (!is_elsewhere).then(|| self.small.pool.class_at(offset))
    }

    /// Returns the ranges of large objects.
    fn large_slots(&self) -> impl Iterator<Item = Slot<'_>> {
        (0..self.large.count()).filter_map(|index| self.large.slot(index))
    }

    /// Returns the pages of each live large object.
    pub fn live_large_pages(&self) -> impl Iterator<Item = PageRange> {
        self.large_slots().filter_map(|slot| slot.live_pages())
    }

    /// Returns the bytes from `address` to the end of the live object that it lies in or right behind; `None` if there
    /// is none. Lock-free, and safe in signal handlers.
    #[inline(always)]
    pub fn room(&self, address: usize) -> Option<usize> {
        if self.packed.contains(address) {
            return self.packed.room(address);
        }
        let slot = self.locate(address)?;
        let place = slot.record.live_place()?;
        let start = slot.data.start() + place.offset;
        if address < start { None } else { (start + place.size).checked_sub(address) }
    }

    /// Whether a guard makes an access to `address` fault. The pages of a live object are no guards: they are
    /// accessible unless the program itself has protected them, as garbage collectors do. Lock-free, and safe in signal
    /// handlers.
    pub fn guards(&self, address: usize) -> bool {
        self.contains(address) && !self.is_populated(address)
    }

    /// Whether `address` is in accessible pages of an object. They are accessible until its record says Retired.
    fn is_populated(&self, address: usize) -> bool {
        self.packed.locate(address).is_some()
            || self.locate(address).is_some_and(|slot| {
                let Some(snapshot) = slot.record.read() else { return false };
                let populated = slot.populated(snapshot.place());
                populated.is_some_and(|pages| pages.contains(address))
                    && snapshot.state != State::Retired
            })
    }

    /// Puts back the page at `address` if it faults because the program has dropped it from a live object.
    pub fn restore_dropped(&self, address: usize) -> bool {
        if !self.small.pages.faults_on_missing() || !self.small.pool.contains(address) {
            return false;
        }
        let page = PageRange::new(address & !(PAGE_BYTES - 1), 1);
        // SAFETY: the page belongs to a live object. Contents stay: a page that is not missing is an error.
        self.is_populated(address)
            && !self.small.pages.is_exempt(address)
            && unsafe { self.small.pages.fill_missing(page) }.is_ok()
    }

    /// Notes that the program has mapped something over the pages from `start` to `end`.
    pub fn note_remapped(&self, start: usize, end: usize) {
        for slot in self.small.slots_between(start, end) {
            slot.record.note_remapped();
            if let Some(pages) = slot.live_pages() {
                let (first, last) = (pages.start().max(start), pages.end().min(end));
                if first < last {
                    self.small.pages.exempt(PageRange::new(first, (last - first) / PAGE_BYTES));
                }
            }
        }
        if let Some(slot) = self.large.locate(start) {
            slot.record.note_remapped();
            if slot.live_pages().is_none_or(|own| !own.contains(start)) {
                self.is_mapped_over.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Notes that libc's own threads are about to use the object at `address`. Returns whether there is one.
    pub fn lend(&self, address: usize) -> bool {
        if let Some(slot) = self.packed.room(address).and_then(|_| self.packed.locate(address)) {
            return slot.record.note_lent();
        }
        let slot = self.room(address).and_then(|_| self.locate(address));
        slot.is_some_and(|slot| slot.record.note_lent())
    }

    /// Returns the objects in the slots before, at and behind `address`. Lock-free.
    pub fn neighbourhood(&self, address: usize) -> [Option<Object>; 3] {
        if self.packed.contains(address) {
            return self.packed.neighbourhood(address);
        }
        let slots = if self.small.pool.contains(address) {
            self.small.pool.neighbourhood(address)
        } else {
            self.large.neighbourhood(address)
        };
        slots.map(|slot| {
            let slot = slot?;
            match slot.record.read_settled() {
                Some(snapshot) => Some(slot.object(&snapshot)),
                None => self.forgotten(&slot),
            }
        })
    }

    /// Returns what is still known of a slot whose record was dropped.
    pub fn forgotten(&self, slot: &Slot<'_>) -> Option<Object> {
        let Home::Pool { class, index } = slot.home else { return None };
        let nobody = Event { thread: ThreadId(0), trace: TraceId::NONE };
        self.small.pool.class(class).is_forgotten(index).then(|| Object {
            start: slot.data.start(),
            size: slot.data.bytes(),
            family: Family::Any,
            align_log2: 0,
            state: State::Forgotten,
            allocated: nobody,
            freed: None,
        })
    }

    /// Returns the objects whose canaries or junk were overwritten, except those in `shared` pages.
    pub fn damaged(
        &self,
        terms: &Terms,
        mut shared: Option<SharedPages>,
    ) -> impl Iterator<Item = BadCall> {
        let packed = self.packed.damaged(terms, shared.is_some());
        let damaged = move |slot: Slot<'_>| {
            // Few pages of a child are its own. So ask about them first: reading all records takes longer.
            if let Some(shared) = &mut shared
                && slot.home != Home::Large
                && !slot.data.pages().any(|page| shared.may_be_own(page))
            {
                return None;
            }
            let snapshot = slot.record.read()?;
            let start = slot.address(&snapshot);
            if snapshot.is_remapped {
                return None;
            }
            if let Some(shared) = &mut shared
                && let Some(pages) = slot.populated(snapshot.place())
                && snapshot.state != State::Retired
                && pages.pages().all(|page| shared.contains(page))
            {
                return None;
            }
            let config = &terms.config;
            let damage = match snapshot.state {
                State::Live => canary::check_carefully(start, snapshot.size, config.canary_bytes)?,
                State::Quarantined => config.check_junk(start, snapshot.size)?,
                _ => return None,
            };
            // If it was freed, revoked or resized meanwhile, the thread that did so has checked it.
            (slot.record.read() == Some(snapshot)).then(|| match snapshot.state {
                State::Live => BadCall::Overwritten(slot.object(&snapshot), damage),
                _ => BadCall::WrittenAfterFree(slot.object(&snapshot), damage),
            })
        };
        let small = self.small.pool.classes().iter().flat_map(Class::in_service);
        small.chain(self.large_slots()).filter_map(damaged).chain(packed)
    }
}

/// Unlocks the pages of an object that is about to end.
#[cold]
#[inline(never)]
fn unlock(object: &Freeing<'_>) {
    if let Some(pages) = object.slot().populated(object.snapshot().place()) {
        memory_locks::unlock(pages.start(), pages.bytes());
    }
}
