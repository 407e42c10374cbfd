//! The guarded heap: every object alone at the edge of a page, next to a page that faults.
//!
//! [`Heap`] is the face of it; what it does is done by parts that know nothing of each other but what
//! is below them: [`spaces`] makes and ends guarded objects, in [`small`] slots or as [`large`] ranges;
//! [`unguarded`] keeps those that could not be guarded; [`resize`] moves objects, or lets them grow.
//! The heap knows nothing of signals, of the C API, or of reports: a wrong call comes back as a
//! [`BadCall`] for others to tell.

pub mod budget;
pub mod canary;
mod closure;
pub mod give;
pub mod history;
pub mod large;
pub mod loans;
pub mod next_heap;
pub mod object;
pub mod opening;
pub mod place;
pub mod pool;
pub mod private;
pub mod quarantine;
pub mod record;
pub mod region;
pub mod release;
pub mod report_memory;
mod resize;
mod restore;
pub mod revocation;
mod room;
pub mod slot;
mod small;
mod spaces;
mod stock;
pub mod tally;
mod terms;
#[cfg(test)]
mod tests;
pub mod threads;
pub mod unguarded;
mod unguarded_table;

use crate::pages::{Outlook, PageProtection};
use crate::sys::Errno;
use crate::sys::residency::SharedPages;
use crate::sys::sandbox::Coming;
use budget::{MAPPED_BYTES, MOST_RESERVED};
use core::ops::Range;
use give::Demand;
use large::LargeSpace;
pub use object::{AllocationRequest, BadCall, MAX_SIZE, Object};
use opening::OpenPage;
use pool::Class;
use record::{Event, Snapshot, State};
use release::Release;
use resize::{InPlace, Resizing};
use slot::{Freeing, Slot};
pub use spaces::MOST_RESERVED_BYTES;
use spaces::Spaces;
use tally::{Reason, Tally};
pub use terms::Config;
use terms::{Account, Terms};
use threads::{Counter, ThreadCache};
use unguarded::{Unguarded, UnguardedObjects};

/// What an address is.
enum Found<'a> {
    Guarded(Slot<'a>, Snapshot),
    Unguarded(Unguarded),
    Wrong(BadCall),
}

/// A guarded heap. Aligned so that its hot part is on one page.
#[repr(align(4096))]
pub struct Heap {
    terms: Terms,
    spaces: Spaces,
    unguarded: UnguardedObjects,
}

impl Heap {
    /// Reserves a heap.
    pub fn new(pages: &'static dyn PageProtection, config: Config) -> Result<Heap, Errno> {
        let terms = Terms::new(config);
        let spaces = Spaces::new(pages, &terms)?;
        Ok(Heap { terms, spaces, unguarded: UnguardedObjects::new() })
    }

    #[inline(always)]
    fn account<'a>(&'a self, cache: &'a ThreadCache) -> Account<'a> {
        Account { terms: &self.terms, cache }
    }

    /// Allocates. Null when there is no memory at all, as `malloc`. `allocated` is asked only for
    /// what is guarded, or should have been.
    #[inline(always)]
    pub fn allocate(
        &self,
        cache: &ThreadCache,
        request: AllocationRequest,
        allocated: impl FnOnce() -> Event,
    ) -> *mut u8 {
        let AllocationRequest { size, align, zeroed, .. } = request;
        if size > MAX_SIZE || align > MAX_SIZE / 2 {
            return core::ptr::null_mut();
        }
        if self.is_sampling() && !cache.is_sampled(self.terms.config.sample) {
            return match self.permits_unsampled(size) {
                true => next_heap::allocate(size, align, zeroed),
                false => core::ptr::null_mut(),
            };
        }
        let allocated = allocated();
        let address = match self.allocate_guarded(cache, request, allocated) {
            Ok(address) => address as *mut u8,
            // Natively refused. Of what is small, only those that are sampled are asked about.
            Err(Reason::Refused) if self.is_sampling() && !self.terms.budget.permits(size) => {
                core::ptr::null_mut()
            }
            Err(reason) if self.is_sampling() || self.is_closed() => {
                // Blocks of the next allocator must all be alike: nothing tells them apart.
                self.terms.tally.count(reason);
                self.terms.closure.allocate_plainly(size, align, zeroed)
            }
            Err(reason) => self.unguarded.allocate(self.account(cache), request, allocated, reason),
        };
        if !zeroed && !address.is_null() {
            self.fill_fresh(address, size);
        }
        address
    }

    /// Whether natively there would be `size` bytes more for an object that is not sampled.
    #[inline(always)]
    pub fn permits_unsampled(&self, size: usize) -> bool {
        size < MAPPED_BYTES || self.terms.budget.permits(size)
    }

    #[inline(always)]
    fn allocate_guarded(
        &self,
        cache: &ThreadCache,
        request: AllocationRequest,
        allocated: Event,
    ) -> Result<usize, Reason> {
        let AllocationRequest { size, align, .. } = request;
        let config = &self.terms.config;
        let align = config.placing.effective_align(size, align);
        let fresh = self.spaces.claim(self.account(cache), size, align)?;
        cache.count(Counter::Objects);
        Ok(fresh.publish(config.canary_bytes, request, allocated))
    }

    /// Fills an object that nobody knows yet with what the options want fresh objects to hold.
    #[inline(always)]
    fn fill_fresh(&self, address: *mut u8, size: usize) {
        if let Some(byte) = self.terms.config.fill {
            // SAFETY: the object is `size` bytes long, and nobody else knows it yet.
            unsafe { core::ptr::write_bytes(address, byte, size) };
        }
    }

    /// Frees the object at `address`, if it goes with `release`.
    #[inline(always)]
    pub fn free(
        &self,
        cache: &ThreadCache,
        address: usize,
        release: Release,
        freed: impl FnOnce() -> Event,
    ) -> Result<(), BadCall> {
        let slot = self.spaces.locate(address);
        if let Some(slot) = &slot {
            // The record of an old object is in no cache; beside a stack walk the miss is free.
            slot.prefetch_record();
        }
        let freed = freed();
        match self.find_in(slot, address) {
            Found::Guarded(slot, found) => {
                match release.mismatch(found.family, found.size, found.align_log2) {
                    None => {
                        self.spaces.end(self.account(cache), Freeing::begin(slot, found)?, freed)
                    }
                    Some(which) => Err(BadCall::Mismatch(slot.object(&found), release, which)),
                }
            }
            Found::Unguarded(found) => self.free_unguarded(cache, found, release),
            Found::Wrong(bad) => Err(bad),
        }
    }

    #[cold]
    #[inline(never)]
    fn free_unguarded(
        &self,
        cache: &ThreadCache,
        found: Unguarded,
        release: Release,
    ) -> Result<(), BadCall> {
        if let Some(which) = release.mismatch(found.family, found.size, found.align_log2) {
            return Err(BadCall::Mismatch(found.object(), release, which));
        }
        self.end_unguarded(cache, self.claim_unguarded(&found)?)
    }

    /// Takes an object that was found out of the table, for one of several threads that free it.
    fn claim_unguarded(&self, found: &Unguarded) -> Result<Unguarded, BadCall> {
        self.unguarded.remove(found.address).ok_or(BadCall::DoubleFree(found.object()))
    }

    /// Ends an object that this thread took out of the table.
    fn end_unguarded(&self, cache: &ThreadCache, object: Unguarded) -> Result<(), BadCall> {
        let damage = object.damage();
        // SAFETY: the object is out of the table, by `claim_unguarded`, so no other thread frees it.
        unsafe { object.release(self.account(cache)) };
        match damage {
            Some(damage) => Err(BadCall::Overwritten(object.object(), damage)),
            None => Ok(()),
        }
    }

    /// Gives the object at `address` `size` bytes, aligned to `align`; returns where it is now. If it has moved, the
    /// old one is freed. The second result tells what was wrong with its canaries. Null, and the object untouched,
    /// when there is no memory.
    pub fn resize(
        &self,
        cache: &ThreadCache,
        address: usize,
        size: usize,
        align: usize,
        release: Release,
        event: Event,
    ) -> Result<(*mut u8, Result<(), BadCall>), BadCall> {
        let found = self.find(address);
        let object = match &found {
            Found::Guarded(slot, snapshot) => slot.object(snapshot),
            Found::Unguarded(object) => object.object(),
            Found::Wrong(bad) => return Err(*bad),
        };
        if let Some(which) = release.mismatch(object.family, object.size, object.align_log2) {
            return Err(BadCall::Mismatch(object, release, which));
        }
        let request = AllocationRequest { size, align, family: object.family, zeroed: false };
        let resizing =
            Resizing { account: self.account(cache), spaces: &self.spaces, request, event };
        if let Found::Guarded(slot, snapshot) = &found {
            match resizing.try_in_place(*slot, *snapshot) {
                InPlace::Done(checked) => return Ok((address as *mut u8, checked)),
                InPlace::Lost(bad) => return Err(bad),
                InPlace::MustMove => {}
            }
        }
        // Natively a mapping grows where it is: the old object is not charged beside the new one.
        let forgiven = (object.size > MOST_RESERVED).then_some(object.size);
        forgiven.inspect(|&size| resizing.account.refund_size(size));
        let new = match &found {
            Found::Guarded(_, snapshot) => self.allocate_to_move(&resizing, snapshot),
            _ => self.allocate(cache, request, || event),
        };
        forgiven.inspect(|&size| self.terms.budget.charge_size_anyhow(size));
        if new.is_null() {
            return Ok((new, Ok(())));
        }
        let moved = match found {
            Found::Guarded(slot, snapshot) => {
                Freeing::begin(slot, snapshot).map(|object| resizing.move_to(object, new as usize))
            }
            Found::Unguarded(object) => self.claim_unguarded(&object).map(|object| {
                let bytes = size.min(object.size);
                // SAFETY: the object is out of the table, so no other thread frees it meanwhile; nobody
                // knows the new one, and the two are distinct.
                unsafe { core::ptr::copy_nonoverlapping(address as *const u8, new, bytes) };
                self.end_unguarded(cache, object)
            }),
            Found::Wrong(bad) => Err(bad),
        };
        match moved {
            Ok(checked) => Ok((new, checked)),
            Err(bad) => {
                // Another thread was faster; nobody has seen the new object.
                let _ = self.free(cache, new as usize, release.unchecked(), || event);
                Err(bad)
            }
        }
    }

    /// Allocates for an object that moves from where `old` was. Null without memory.
    fn allocate_to_move(&self, resizing: &Resizing<'_>, old: &Snapshot) -> *mut u8 {
        let (request, event) = (resizing.request, resizing.event);
        let moved = resizing.moved_with(old);
        let new = match resizing.claim_roomy(moved) {
            Some(fresh) => {
                resizing.account.count(Counter::Objects);
                let new = fresh.publish(self.terms.config.canary_bytes, request, event) as *mut u8;
                self.fill_fresh(new, request.size);
                new
            }
            None => self.allocate(resizing.account.cache, request, || event),
        };
        if let Some(slot) = self.spaces.locate(new as usize) {
            slot.record.note_moved(moved);
        }
        new
    }

    /// From now on any function may free the object at `address`: it came from one function by way
    /// of another, and nobody but the caller knows it yet.
    pub fn forget_family(&self, address: usize) {
        match self.find(address) {
            Found::Guarded(slot, _) => slot.record.forget_family(),
            Found::Unguarded(_) => self.unguarded.forget_family(address),
            Found::Wrong(_) => {}
        }
    }

    /// Bytes asked for when the object at `address` was allocated.
    pub fn size_of(&self, address: usize) -> Result<usize, BadCall> {
        match self.find(address) {
            Found::Guarded(_, snapshot) => Ok(snapshot.size),
            Found::Unguarded(object) => Ok(object.size),
            Found::Wrong(bad) => Err(bad),
        }
    }

    /// Gives back what a thread that ends has in store. The error is what is wrong with what it freed.
    pub fn give_back(&self, cache: &ThreadCache) -> Result<(), BadCall> {
        let account = self.account(cache);
        let quarantine = cache.quarantine_if_made();
        let checked =
            quarantine.map_or(Ok(()), |list| revocation::empty(list, account, &self.spaces.small));
        cache.end_quarantine();
        self.spaces.small.give_back(account);
        checked
    }

    fn find(&self, address: usize) -> Found<'_> {
        self.find_in(self.spaces.locate(address), address)
    }

    /// What `address` is, given the slot that it lies in.
    #[inline(always)]
    fn find_in<'a>(&'a self, slot: Option<Slot<'a>>, address: usize) -> Found<'a> {
        if let Some(slot) = slot
            && let Some(snapshot) = slot.record.read()
            && snapshot.state == State::Live
            && slot.address(&snapshot) == address
        {
            return Found::Guarded(slot, snapshot);
        }
        self.find_rarely(slot, address)
    }

    #[cold]
    #[inline(never)]
    fn find_rarely<'a>(&'a self, slot: Option<Slot<'a>>, address: usize) -> Found<'a> {
        if slot.is_none() && !self.contains(address) {
            return match self.unguarded.find(address) {
                Some(object) => Found::Unguarded(object),
                None => Found::Wrong(BadCall::Foreign),
            };
        }
        let Some(slot) = slot else { return Found::Wrong(BadCall::NotAnObject(None)) };
        let Some(snapshot) = slot.record.read_settled() else {
            let forgotten = self.spaces.forgotten(&slot).map(BadCall::DoubleFree);
            return Found::Wrong(forgotten.unwrap_or(BadCall::NotAnObject(None)));
        };
        let object = slot.object(&snapshot);
        if snapshot.state == State::Live && object.start == address {
            // Another thread has resized it where it is.
            return Found::Guarded(slot, snapshot);
        }
        Found::Wrong(if object.start == address {
            BadCall::DoubleFree(object)
        } else {
            BadCall::NotAnObject(Some(object))
        })
    }

    /// Whether most allocations go to the next allocator, untouched.
    #[inline]
    pub fn is_sampling(&self) -> bool {
        self.terms.config.sample > 1
    }

    pub fn backend(&self) -> &'static dyn PageProtection {
        self.spaces.small.pages
    }
}

/// What the fault handler and checked calls ask. All is lock-free, and for signal handlers too.
impl Heap {
    /// Whether `address` lies in the guarded address space.
    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        self.spaces.contains(address)
    }

    /// The address space in which [`Heap::contains`] can hold.
    pub fn reserved(&self) -> Range<usize> {
        self.spaces.reserved()
    }

    /// A good guess at the class of an object at `offset` in the reserved address space; `None` where
    /// the large ones are.
    pub fn class_near(&self, offset: usize) -> Option<&Class> {
        self.spaces.class_near(offset)
    }

    /// The space of large objects.
    pub fn large(&self) -> &LargeSpace {
        &self.spaces.large
    }

    /// Bytes from `address` to the end of the live object that it lies in, or just behind; `None`
    /// where there is none.
    #[inline(always)]
    pub fn room(&self, address: usize) -> Option<usize> {
        self.spaces.room(address)
    }

    /// Whether a fault at `address` is the guard's work. It is not in the pages of a live object:
    /// those are accessible unless the program itself has protected them, as collectors do.
    pub fn guards(&self, address: usize) -> bool {
        self.spaces.guards(address)
    }

    /// Objects in the slot of `address` and in its neighbours: before, at, after.
    pub fn neighbourhood(&self, address: usize) -> [Option<Object>; 3] {
        self.spaces.neighbourhood(address)
    }

    /// Makes the guarded page at `address` accessible; it reads as zeros, or where it was a freed object's,
    /// as the option `free-fill` says. `None` if an object may come to lie there, or if the kernel refuses.
    pub fn open_page(&self, address: usize) -> Option<OpenPage> {
        OpenPage::open(&self.spaces, address, self.terms.config.free_fill)
    }

    /// Makes the page fault again; what was written to it is gone.
    pub fn close_page(&self, open: OpenPage) -> Result<(), Errno> {
        open.close(self.backend())
    }
}

/// What is asked at exit and for reports.
impl Heap {
    /// The unguarded object that holds `address`, or has it among its canaries. Looks at all.
    pub fn unguarded_near(&self, address: usize) -> Option<Object> {
        self.unguarded.find_near(address).as_ref().map(Unguarded::object)
    }

    /// Objects with damaged canaries, or with junk that was written to; those that lie in
    /// `shared` pages are left out.
    pub fn damaged(&self, shared: Option<SharedPages>) -> impl Iterator<Item = BadCall> + '_ {
        let unguarded = self.unguarded.damaged();
        let unguarded =
            unguarded.map(|(object, damage)| BadCall::Overwritten(object.object(), damage));
        self.spaces.damaged(&self.terms, shared).chain(unguarded)
    }

    /// Objects of the next allocator of which nothing is known, for want of memory.
    pub fn unrecorded(&self) -> u64 {
        self.unguarded.unrecorded()
    }

    /// Allocations that were not guarded, by reason.
    pub fn tally(&self) -> &Tally {
        &self.terms.tally
    }

    /// Allocations so far, guarded ones only.
    pub fn guarded_allocations(&self) -> u64 {
        threads::counted(Counter::Objects)
    }

    /// Memory that live guarded objects of up to a few pages hold.
    pub fn live_bytes(&self) -> usize {
        self.terms.budget.live_bytes(threads::credits())
    }

    /// What all live objects would take natively.
    pub fn asked_bytes(&self) -> usize {
        self.terms.budget.asked_bytes(threads::credits())
    }
}

/// What the program does to pages and addresses.
impl Heap {
    /// Passes the pages of each live large object to `visit`: where they start, and bytes.
    pub fn visit_large(&self, visit: impl Fn(usize, usize)) {
        self.spaces.live_large_pages().for_each(|pages| visit(pages.start(), pages.bytes()));
    }

    /// Where missing pages fault, a program that has dropped pages of a live object (MADV_DONTNEED)
    /// must find zeros there, as it would without us. Puts the page at `address` back; false when
    /// that is not what happened. For the fault handler, and for drops that [`Heap::refill_dropped`] did not see.
    pub fn restore_dropped(&self, address: usize) -> bool {
        self.spaces.restore_dropped(address)
    }

    /// After the program has dropped the pages from `start` to `end`: those of live objects hold zeros again, at once.
    /// [`Heap::restore_dropped`] comes too late for the kernel's own accesses (of system calls, and for the frame of a
    /// signal), since they fail on a missing page and raise no fault.
    pub fn refill_dropped(&self, start: usize, end: usize) {
        self.spaces.refill_dropped(start, end);
    }

    /// Whether a live object of the pool has pages between `start` and `end` that fault once they are missing.
    pub fn must_refill(&self, start: usize, end: usize) -> bool {
        self.spaces.must_refill(start, end)
    }

    /// Notes that the program has laid a mapping of its own over the pages from `start` to `end`. Those of live
    /// objects are its own from then on, and the backend can't guard them once they are freed.
    pub fn note_remapped(&self, start: usize, end: usize) {
        self.spaces.note_remapped(start, end);
    }

    /// Notes that libc's own threads are about to work at `address`; false if no live object that is guarded holds it.
    pub fn lend(&self, address: usize) -> bool {
        self.spaces.lend(address)
    }

    /// Gives the addresses from `start` to `end`, as far as they are reserved, to the program, which is about to map
    /// something there. What is given is not mapped afterwards, unless it is to be replaced. If a part is in use, or a wish is too
    /// large, nothing is given. Whether anything was.
    pub fn give(&self, start: usize, end: usize, demand: Demand) -> bool {
        give::give(&self.spaces, start..end, demand)
    }

    /// Gives what is unused of one space away, for a mapping of so many bytes that found no place; false if none has as many.
    pub fn make_room(&self, bytes: usize) -> bool {
        give::make_room(&self.spaces, bytes)
    }

    /// Whether `address` was reserved and has been given away.
    pub fn has_given(&self, address: usize) -> bool {
        give::has_given(&self.spaces, address)
    }
}

/// Guards that are lost, sandboxes, forks.
impl Heap {
    /// Makes good what happened while guards were off, if they were.
    pub fn restore_guards(&self) {
        self.spaces.small.restore_guards(&self.terms);
    }

    /// Makes ready for a filter that is about to be installed.
    pub fn prepare_for(&self, filter: &Coming) -> Outlook {
        closure::warm_up_next();
        let outlook = self.backend().prepare_for(filter);
        self.restore_guards();
        if outlook == Outlook::Ends {
            self.terms.closure.close(filter);
        }
        outlook
    }

    /// Undoes [`Heap::prepare_for`], as far as it closed the heap: the filter was not installed.
    pub fn reopen(&self) {
        self.terms.closure.reopen();
    }

    /// Whether objects are not guarded any more, and may be the next allocator's.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.terms.closure.is_closed()
    }

    /// Quiets the heap for a fork: its locks are held until [`Heap::release_after_fork`]. The order
    /// is that in which they nest elsewhere.
    pub fn hold_for_fork(&self) {
        self.spaces.small.hold_restoring_for_fork();
        self.unguarded.hold_for_fork();
        self.spaces.large.hold_for_fork();
        self.spaces.small.hold_for_fork();
        private::hold_for_fork();
    }

    /// # Safety
    /// The calling thread, or its image before fork, must have called `hold_for_fork`.
    pub unsafe fn release_after_fork(&self) {
        // SAFETY: this thread, or its image, holds all the locks by `hold_for_fork`, as this function demands.
        unsafe {
            private::release_after_fork();
            self.spaces.small.release_after_fork();
            self.spaces.large.release_after_fork();
            self.unguarded.release_after_fork();
            self.spaces.small.release_restoring_after_fork();
        }
    }
}
