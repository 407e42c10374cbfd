//! The guarded heap: every object alone at the edge of a page, next to a page that faults.
//!
//! [`Heap`] is its face. Its parts know only what is below them. [`spaces`] makes and ends guarded objects, in
//! [`small`] slots or as [`large`] ranges; [`unguarded`] keeps those that could not be guarded; [`resize`] moves
//! objects, or lets them grow. The heap knows nothing of signals, of the C API, or of reports: for a wrong call it
//! returns a [`BadCall`], which others report.

pub mod budget;
pub mod canary;
mod closure;
pub mod confinement;
pub mod give;
pub mod history;
pub mod hit;
pub mod large;
pub mod live;
pub mod loans;
pub mod next_heap;
pub mod object;
pub mod opening;
mod packed;
pub mod place;
pub mod pool;
pub mod private;
pub mod program_pages;
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
mod unpaged;

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
use packed::PackedSlot;
use pool::Class;
use program_pages::ProgramPages;
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

/// What was found at an address.
enum Found<'a> {
    Guarded(Slot<'a>, Snapshot),
    Packed(PackedSlot<'a>, Snapshot),
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
    /// Reserves the address space of a heap.
    pub fn new(pages: &'static dyn PageProtection, config: Config) -> Result<Heap, Errno> {
        let terms = Terms::new(config);
        let spaces = Spaces::new(pages, &terms)?;
        Ok(Heap { terms, spaces, unguarded: UnguardedObjects::new() })
    }

    #[inline(always)]
    fn account<'a>(&'a self, cache: &'a ThreadCache) -> Account<'a> {
        Account { terms: &self.terms, cache }
    }

    /// Allocates an object. Returns null if there is no memory at all, like `malloc`. Calls `allocated` only for
    /// objects that are guarded, or should have been.
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
            // It would be refused natively. While sampling, small requests are checked only if sampled.
            Err(Reason::Refused) if self.is_sampling() && !self.terms.budget.permits(size) => {
                core::ptr::null_mut()
            }
            Err(reason) if self.is_sampling() || self.is_closed() => {
                // Nothing tells the next allocator's blocks apart, so all of them must be plain.
                self.terms.tally.count(reason);
                self.terms.closure.allocate_plainly(size, align, zeroed)
            }
            Err(reason) => self.pack(cache, request, allocated, reason),
        };
        if !zeroed && !address.is_null() {
            self.fill_fresh(address, size);
        }
        address
    }

    /// Whether `size` more bytes would be granted natively, for an object that is not sampled.
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

    /// Fills an object that nobody knows yet with what the options want in fresh objects.
    #[inline(always)]
    fn fill_fresh(&self, address: *mut u8, size: usize) {
        if let Some(byte) = self.terms.config.fill {
            // SAFETY: the object has `size` bytes, and nobody else knows it yet.
            unsafe { core::ptr::write_bytes(address, byte, size) };
        }
    }

    /// Frees the object at `address`, if `release` matches it.
    #[inline(always)]
    pub fn free(
        &self,
        cache: &ThreadCache,
        address: usize,
        release: Release,
        freed: impl FnOnce() -> Event,
    ) -> Result<(), BadCall> {
        if self.spaces.packed.contains(address) {
            return self.free_packed(cache, address, release, freed());
        }
        let slot = self.spaces.locate(address);
        if let Some(slot) = &slot {
            // The record of an old object is in no cache. The walk of the stack hides that miss.
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
            // Asked above.
            Found::Packed(..) => Err(BadCall::Foreign),
            Found::Unguarded(found) => self.free_unguarded(cache, found, release),
            Found::Wrong(bad) => Err(bad),
        }
    }

    /// Changes the object at `address` to `size` bytes, aligned to `align`, and returns its new address. If it has
    /// moved, the old object is freed; a new place has no pages if `unpaged` says why. The second result says what was
    /// wrong with its canaries. Without memory, returns null and leaves the object as it was.
    #[expect(
        clippy::too_many_arguments,
        reason = "what realloc needs, and where the object may go"
    )]
    pub fn resize(
        &self,
        cache: &ThreadCache,
        address: usize,
        size: usize,
        align: usize,
        release: Release,
        event: Event,
        unpaged: Option<Reason>,
    ) -> Result<(*mut u8, Result<(), BadCall>), BadCall> {
        let found = self.find(address);
        let object = match &found {
            Found::Guarded(slot, snapshot) => slot.object(snapshot),
            Found::Packed(slot, snapshot) => slot.object(snapshot),
            Found::Unguarded(object) => object.object(),
            Found::Wrong(bad) => return Err(*bad),
        };
        if let Some(which) = release.mismatch(object.family, object.size, object.align_log2) {
            return Err(BadCall::Mismatch(object, release, which));
        }
        let request = AllocationRequest { size, align, family: object.family, zeroed: false };
        let resizing =
            Resizing { account: self.account(cache), spaces: &self.spaces, request, event };
        let in_place = match &found {
            Found::Guarded(slot, snapshot) => resizing.try_in_place(*slot, *snapshot),
            // If it may have pages now, it moves there.
            Found::Packed(slot, snapshot) if unpaged.is_some() => {
                self.resize_packed(cache, (*slot, *snapshot), (size, align), event)
            }
            _ => InPlace::MustMove,
        };
        match in_place {
            InPlace::Done(checked) => return Ok((address as *mut u8, checked)),
            InPlace::Lost(bad) => return Err(bad),
            InPlace::MustMove => {}
        }
        // Natively a mapping grows where it is, so the old object is not charged beside the new one.
        let forgiven = (object.size > MOST_RESERVED).then_some(object.size);
        forgiven.inspect(|&size| resizing.account.refund_size(size));
        let new = match &found {
            Found::Guarded(_, snapshot) if unpaged.is_none() => {
                self.allocate_to_move(&resizing, snapshot)
            }
            _ => self.allocate_as(cache, request, event, unpaged),
        };
        forgiven.inspect(|&size| self.terms.budget.charge_size_anyhow(size));
        if new.is_null() {
            return Ok((new, Ok(())));
        }
        let moved = match found {
            Found::Guarded(slot, snapshot) => {
                Freeing::begin(slot, snapshot).map(|object| resizing.move_to(object, new as usize))
            }
            Found::Packed(slot, snapshot) => {
                self.move_packed(cache, (slot, snapshot), (new, size), event)
            }
            Found::Unguarded(object) => self.claim_unguarded(&object).map(|object| {
                let bytes = size.min(object.size);
                // SAFETY: the object is out of the table, so no other thread frees it meanwhile. Nobody knows the new
                // one, and the two do not overlap.
                unsafe { core::ptr::copy_nonoverlapping(address as *const u8, new, bytes) };
                self.end_unguarded(cache, object)
            }),
            Found::Wrong(bad) => Err(bad),
        };
        match moved {
            Ok(checked) => Ok((new, checked)),
            Err(bad) => {
                // Another thread was faster, and nobody has seen the new object.
                let _ = self.free(cache, new as usize, release.unchecked(), || event);
                Err(bad)
            }
        }
    }

    /// Allocates the new place of an object that moves away from `old`. Returns null without memory.
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

    /// Lets any function free the object at `address`. It came from one function by way of another, and only the caller
    /// knows it yet.
    pub fn forget_family(&self, address: usize) {
        match self.find(address) {
            Found::Guarded(slot, _) => slot.record.forget_family(),
            Found::Packed(slot, _) => slot.record.forget_family(),
            Found::Unguarded(_) => self.unguarded.forget_family(address),
            Found::Wrong(_) => {}
        }
    }

    /// Returns how many bytes were asked for when the object at `address` was allocated.
    pub fn size_of(&self, address: usize) -> Result<usize, BadCall> {
        match self.find(address) {
            Found::Guarded(_, snapshot) | Found::Packed(_, snapshot) => Ok(snapshot.size),
            Found::Unguarded(object) => Ok(object.size),
            Found::Wrong(bad) => Err(bad),
        }
    }

    /// Gives back what an ending thread has in store. The error says what is wrong with an object that it freed.
    pub fn give_back(&self, cache: &ThreadCache) -> Result<(), BadCall> {
        let account = self.account(cache);
        let quarantine = cache.quarantine_if_made();
        let checked =
            quarantine.map_or(Ok(()), |list| revocation::empty(list, account, &self.spaces.small));
        cache.end_quarantine();
        let packed = cache.packed_if_made();
        let checked =
            checked.and(packed.map_or(Ok(()), |it| self.spaces.packed.give_back(account, it)));
        cache.end_packed();
        self.spaces.small.give_back(account);
        checked
    }

    fn find(&self, address: usize) -> Found<'_> {
        if self.spaces.packed.contains(address) {
            return match self.find_packed(address) {
                Ok((slot, snapshot)) => Found::Packed(slot, snapshot),
                Err(bad) => Found::Wrong(bad),
            };
        }
        self.find_in(self.spaces.locate(address), address)
    }

    /// Says what is at `address`, which lies in `slot`.
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
            // Another thread has resized the object in place.
            return Found::Guarded(slot, snapshot);
        }
        Found::Wrong(if object.start == address {
            BadCall::DoubleFree(object)
        } else {
            BadCall::NotAnObject(Some(object))
        })
    }

    /// Whether most allocations go straight to the next allocator.
    #[inline]
    pub fn is_sampling(&self) -> bool {
        self.terms.config.sample > 1
    }

    pub fn backend(&self) -> &'static dyn PageProtection {
        self.spaces.small.pages
    }
}

/// What the fault handler and checked calls ask. All of it is lock-free, and safe in signal handlers.
impl Heap {
    /// Whether `address` lies in the guarded address space.
    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        self.spaces.contains(address)
    }

    /// Returns the address space in which [`Heap::contains`] may hold.
    pub fn reserved(&self) -> Range<usize> {
        self.spaces.reserved()
    }

    /// Returns the probable class of an object at `offset` in the reserved address space; `None` where the large
    /// objects are.
    pub fn class_near(&self, offset: usize) -> Option<&Class> {
        self.spaces.class_near(offset)
    }

    /// Returns the space of large objects.
    pub fn large(&self) -> &LargeSpace {
        &self.spaces.large
    }

    /// Returns the bytes from `address` to the end of the live object that it lies in or right behind; `None` if there
    /// is none.
    #[inline(always)]
    pub fn room(&self, address: usize) -> Option<usize> {
        self.spaces.room(address)
    }

    /// Whether a guard made the access to `address` fault. The pages of a live object are no guards: they are
    /// accessible unless the program itself has protected them, as garbage collectors do.
    pub fn guards(&self, address: usize) -> bool {
        self.spaces.guards(address)
    }

    /// Returns the objects in the slots before, at and behind `address`.
    pub fn neighbourhood(&self, address: usize) -> [Option<Object>; 3] {
        self.spaces.neighbourhood(address)
    }

    /// Makes the guarded page at `address` accessible. It reads as zeros, or as the option `free-fill` says if a freed
    /// object was there. `None` if an object may come to lie there, or the kernel refuses.
    pub fn open_page(&self, address: usize) -> Option<OpenPage> {
        OpenPage::open(&self.spaces, address, self.terms.config.free_fill)
    }

    /// Makes the page fault again. What was written to it is lost.
    pub fn close_page(&self, open: OpenPage) -> Result<(), Errno> {
        open.close(self.backend())
    }
}

/// What is asked at exit, and for reports.
impl Heap {
    /// Returns the unguarded object that has `address` in its bytes or canaries. Searches all of them.
    pub fn unguarded_near(&self, address: usize) -> Option<Object> {
        self.unguarded.find_near(address).as_ref().map(Unguarded::object)
    }

    /// Returns the objects whose canaries or junk were overwritten, except those in `shared` pages.
    pub fn damaged(&self, shared: Option<SharedPages>) -> impl Iterator<Item = BadCall> + '_ {
        let unguarded = self.unguarded.damaged();
        let unguarded =
            unguarded.map(|(object, damage)| BadCall::Overwritten(object.object(), damage));
        self.spaces.damaged(&self.terms, shared).chain(unguarded)
    }

    /// Returns how many objects of the next allocator have no record, for lack of memory.
    pub fn unrecorded(&self) -> u64 {
        self.unguarded.unrecorded()
    }

    /// Returns the allocations that were not guarded, by reason.
    pub fn tally(&self) -> &Tally {
        &self.terms.tally
    }

    /// Returns the number of guarded allocations so far.
    pub fn guarded_allocations(&self) -> u64 {
        threads::counted(Counter::Objects)
    }

    /// Returns the bytes that live guarded objects of up to a few pages hold.
    pub fn live_bytes(&self) -> usize {
        self.terms.budget.live_bytes(threads::credits())
    }

    /// Returns the bytes that all live objects would take natively.
    pub fn asked_bytes(&self) -> usize {
        self.terms.budget.asked_bytes(threads::credits())
    }
}

/// What the program does to pages and addresses.
impl Heap {
    /// Passes the pages of each live large object to `visit`: their address and their bytes.
    pub fn visit_large(&self, visit: impl Fn(usize, usize)) {
        self.spaces.live_large_pages().for_each(|pages| visit(pages.start(), pages.bytes()));
    }

    /// Puts back a page that the program has dropped (MADV_DONTNEED) from a live object. Where missing pages fault, it
    /// must find zeros there, as without us. Returns false if no page was dropped at `address`. For the fault handler,
    /// and for drops that [`ProgramPages`] was not told of.
    pub fn restore_dropped(&self, address: usize) -> bool {
        self.spaces.restore_dropped(address)
    }

    /// What else the program does to pages of its objects.
    pub fn program_pages(&self) -> ProgramPages<'_> {
        ProgramPages::new(&self.spaces)
    }

    /// Notes that the program has mapped something over the pages from `start` to `end`. Pages of live objects are the
    /// program's then, and the backend can't guard them once they are freed.
    pub fn note_remapped(&self, start: usize, end: usize) {
        self.spaces.note_remapped(start, end);
    }

    /// Notes that libc's threads are about to use the object at `address`. False if no live guarded object holds it.
    pub fn lend(&self, address: usize) -> bool {
        self.spaces.lend(address)
    }

    /// Gives the reserved part of `start` to `end` to the program, which is about to map something there. It is not
    /// mapped afterwards, unless it is to be replaced. Gives nothing if a part is in use, or a wish is too large.
    /// Returns whether anything was given.
    pub fn give(&self, start: usize, end: usize, demand: Demand) -> bool {
        give::give(&self.spaces, start..end, demand)
    }

    /// Gives one space's unused addresses to a mapping of `bytes` bytes that found no place. False if none has enough.
    pub fn make_room(&self, bytes: usize) -> bool {
        give::make_room(&self.spaces, bytes)
    }

    /// Whether `address` was reserved, and was given away later.
    pub fn has_given(&self, address: usize) -> bool {
        give::has_given(&self.spaces, address)
    }
}

/// Lost guards, sandboxes, forks.
impl Heap {
    /// Restores pages that were touched while guards were off, if guards were off.
    pub fn restore_guards(&self) {
        self.spaces.small.restore_guards(&self.terms);
    }

    /// Prepares for a filter that is about to be installed.
    pub fn prepare_for(&self, filter: &Coming) -> Outlook {
        closure::warm_up_next();
        let outlook = self.backend().prepare_for(filter);
        self.restore_guards();
        if outlook == Outlook::Ends {
            self.terms.closure.close(filter);
        }
        outlook
    }

    /// Undoes [`Heap::prepare_for`] if that has closed the heap: the filter was not installed.
    pub fn reopen(&self) {
        self.terms.closure.reopen();
    }

    /// Whether objects are no longer guarded, and may belong to the next allocator.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.terms.closure.is_closed()
    }

    /// Takes the heap's locks for a fork, until [`Heap::release_after_fork`]. The order is that in which they nest
    /// elsewhere.
    pub fn hold_for_fork(&self) {
        self.spaces.small.hold_restoring_for_fork();
        self.unguarded.hold_for_fork();
        self.spaces.packed.hold_for_fork();
        self.spaces.kept_from_children.hold_for_fork();
        self.spaces.large.hold_for_fork();
        self.spaces.small.hold_for_fork();
        private::hold_for_fork();
    }

    /// # Safety
    /// The calling thread, or the one that it is a copy of, must have called `hold_for_fork`.
    pub unsafe fn release_after_fork(&self) {
        // SAFETY: the caller promises that this thread, or the one that it is a copy of, called `hold_for_fork`.
        unsafe {
            private::release_after_fork();
            self.spaces.small.release_after_fork();
            self.spaces.large.release_after_fork();
            self.spaces.kept_from_children.release_after_fork();
            self.spaces.packed.release_after_fork();
            self.unguarded.release_after_fork();
            self.spaces.small.release_restoring_after_fork();
        }
    }
}
