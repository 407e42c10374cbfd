//! The guarded heap: every object alone at the edge of a page, next to a page that faults.
//!
//! [`Heap`] ties the parts together: a slot from the pool or the large space, its pages from a
//! [`PageProtection`] backend, its place, its canaries, its record. It knows nothing of signals, of
//! the C API, or of reports: a wrong call comes back as a [`BadCall`] for others to tell.

pub mod budget;
pub mod canary;
pub mod class;
pub mod counters;
pub mod give;
pub mod history;
mod inspect;
pub mod large;
pub mod next_heap;
pub mod object;
pub mod opening;
pub mod place;
pub mod pool;
pub mod private;
pub mod quarantine;
mod ready;
pub mod record;
pub mod region;
pub mod release;
pub mod report_memory;
mod resize;
mod restore;
mod retire;
mod sandbox;
pub mod slot;
mod slot_stack;
pub mod threads;
pub mod unguarded;

use crate::options::Placement;
use crate::pages::{PageProtection, PageRange};
use crate::sys::lock::Lock;
use crate::sys::memory::Reservation;
use crate::sys::{Errno, PAGE_BYTES, round_up_to_page};
use budget::{Budget, Cost};
use canary::Damage;
use class::Class;
use counters::Counter;
use history::History;
use large::LargeSpace;
pub use object::{BadCall, Object};
use object::{view, view_unguarded};
use place::Place;
use pool::Pool;
use ready::SharedReady;
use record::{Entry, Event, Family, State};
use release::Release;
use sandbox::Closure;
use slot::Slot;
use threads::ThreadCache;
use unguarded::{Reason, Tally, Unguarded, UnguardedObjects};

/// Address space for small and for large objects, each; halved until it fits. Mostly both fit between the program and its
/// libraries, so that below the program all is free, as without us.
const RESERVED_BYTES: usize = 16 << 40;

/// Address space of a whole heap at most.
pub const MOST_RESERVED_BYTES: usize = 2 * RESERVED_BYTES;

/// With less than this for both, hardly anything could be guarded.
const LEAST_RESERVED_BYTES: usize = 8 << 20;

/// Pages that the slots span which a thread claims at a time: those of one page table (2 MiB), so that
/// threads do not wait for each other's page table locks.
const BATCH_PAGES: usize = 512;

/// Largest request: no object may be larger than a pointer difference can tell (as glibc).
pub const MAX_SIZE: usize = isize::MAX as usize;

/// How the heap behaves.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub placement: Placement,
    /// For [`Placement::Random`].
    pub seed: u64,
    /// Slack on each side of an object that is filled with canaries.
    pub canary_bytes: usize,
    /// What fresh objects are filled with; zeros without it.
    pub fill: Option<u8>,
    /// What freed objects are filled with where they can still be read; see the option `free-fill`.
    pub free_fill: Option<u8>,
    /// Memory that live guarded objects may hold.
    pub budget_bytes: usize,
    /// Writable memory that guarded small objects, live or not, may take with their guards.
    pub room_bytes: usize,
    /// Kernel mappings that live guarded objects may cost.
    pub max_mappings: usize,
    /// One in so many allocations is guarded.
    pub sample: u32,
    /// Freed objects that a thread collects before it revokes their pages; 0 revokes at each free.
    pub batch: usize,
    /// Memory for the records of objects freed long ago.
    pub history_bytes: usize,
}

/// What is asked of [`Heap::allocate`].
#[derive(Clone, Copy, Debug)]
pub struct Request {
    pub size: usize,
    /// A power of two; 1 where the caller asked for no alignment.
    pub align: usize,
    pub family: Family,
    pub zeroed: bool,
}

/// What an address is.
enum Found<'a> {
    Guarded(Slot<'a>, Entry),
    Unguarded(Unguarded),
    Wrong(BadCall),
}

/// See the module's text. Aligned so that its hot part is on one page.
#[repr(align(4096))]
pub struct Heap {
    pages: &'static dyn PageProtection,
    config: Config,
    pool: Pool,
    large: LargeSpace,
    unguarded: UnguardedObjects,
    history: History,
    budget: Budget,
    shared_ready: SharedReady,
    /// Held while guards are put back.
    restoring: Lock<()>,
    closure: Closure,
    /// Guarded address space, that of small objects first: start and bytes.
    reserved: (usize, usize),
}

impl Heap {
    /// Reserves a heap.
    pub fn new(pages: &'static dyn PageProtection, config: Config) -> Result<Heap, Errno> {
        let whole = Reservation::above_program(&[MOST_RESERVED_BYTES, MOST_RESERVED_BYTES / 2])
            .or_else(|| Reservation::new(MOST_RESERVED_BYTES, LEAST_RESERVED_BYTES, 4))
            .ok_or(Errno::ENOMEM)?;
        let (base, bytes) = (whole.start, (whole.bytes / 2) & !(PAGE_BYTES - 1));
        pages.prepare(PageRange::new(base, bytes / PAGE_BYTES))?;
        Ok(Heap {
            reserved: (base, 2 * bytes),
            pages,
            config,
            pool: Pool::new(base, bytes)?,
            large: LargeSpace::new(base + bytes, bytes)?,
            unguarded: UnguardedObjects::new(),
            history: History::new(config.history_bytes),
            budget: Budget::new(config.budget_bytes, config.max_mappings, config.room_bytes),
            shared_ready: SharedReady::new(config.budget_bytes),
            restoring: Lock::new(()),
            closure: Closure::default(),
        })
    }

    /// Allocates. Null when there is no memory at all, as `malloc`. `allocated` is asked only for
    /// what is guarded, or should have been.
    #[inline(always)]
    pub fn allocate(
        &self,
        cache: &ThreadCache,
        request: Request,
        allocated: impl FnOnce() -> Event,
    ) -> *mut u8 {
        let Request { size, align, zeroed, .. } = request;
        if size > MAX_SIZE || align > MAX_SIZE / 2 {
            return core::ptr::null_mut();
        }
        if self.is_sampling() && !cache.is_sampled(self.config.sample) {
            return next_heap::allocate(size, align, zeroed);
        }
        let allocated = allocated();
        let address = match self.allocate_guarded(cache, request, allocated) {
            Ok(address) => address as *mut u8,
            Err(reason) if self.is_sampling() || self.is_closed() => {
                // Blocks of the next allocator must all be alike: nothing tells them apart.
                self.tally().count(reason);
                self.allocate_plainly(size, align, zeroed)
            }
            Err(reason) => self.allocate_unguarded(cache, request, allocated, reason),
        };
        if let Some(byte) = self.config.fill
            && !zeroed
            && !address.is_null()
        {
            // SAFETY: the object is `size` bytes long, and nobody else knows it yet.
            unsafe { core::ptr::write_bytes(address, byte, size) };
        }
        address
    }

    /// Whether most allocations go to the next allocator, untouched.
    #[inline]
    pub fn is_sampling(&self) -> bool {
        self.config.sample > 1
    }

    #[inline(always)]
    fn allocate_guarded(
        &self,
        cache: &ThreadCache,
        request: Request,
        allocated: Event,
    ) -> Result<usize, Reason> {
        let Request { size, .. } = request;
        let align = place::effective_align(self.config.placement, size, request.align);
        let class = if align > PAGE_BYTES {
            None
        } else {
            Pool::class_for(round_up_to_page(size) / PAGE_BYTES)
        };
        let (slot, place) = match class {
            Some(class) => self.claim_small(cache, class, size, align)?,
            None => self.claim_large(cache, size, align, 0)?,
        };
        Ok(self.publish(cache, &slot, place, request, allocated))
    }

    /// Makes a claimed slot the object that was asked for, and returns its address.
    #[inline(always)]
    fn publish(
        &self,
        cache: &ThreadCache,
        slot: &Slot<'_>,
        place: Place,
        request: Request,
        allocated: Event,
    ) -> usize {
        let start = slot.data.start() + place.offset;
        // SAFETY: the slot is this thread's alone until it is published, and its pages are
        // populated.
        unsafe { canary::fill(start, place.size, self.config.canary_bytes) };
        let origin = (request.family, release::log2(request.align));
        cache.count(Counter::Objects);
        slot.record.publish(place.offset, place.size, origin, allocated);
        start
    }

    #[inline(always)]
    fn claim_small(
        &self,
        cache: &ThreadCache,
        class: usize,
        size: usize,
        align: usize,
    ) -> Result<(Slot<'_>, Place), Reason> {
        self.charge(cache, size, || self.take_populated(cache, class, size, align))
    }

    /// What `take` returns, with the budget charged for it: a slot in the pool for `size` bytes.
    #[inline(always)]
    fn charge<T>(
        &self,
        cache: &ThreadCache,
        size: usize,
        take: impl FnOnce() -> Result<T, Reason>,
    ) -> Result<T, Reason> {
        let cost = Cost::of_slot(size);
        self.budget.charge(cache, cost)?;
        let mappings = self.pages.mappings_per_slot();
        let claimed = self
            .budget
            .charge_mappings(mappings)
            .and_then(|()| take().inspect_err(|_| self.budget.refund_mappings(mappings)));
        claimed.inspect_err(|_| self.budget.refund(cache, cost))
    }

    /// A slot of `class` for this thread alone, with zeroed pages under the place of `size` bytes.
    #[inline(always)]
    fn take_populated(
        &self,
        cache: &ThreadCache,
        class: usize,
        size: usize,
        align: usize,
    ) -> Result<(Slot<'_>, Place), Reason> {
        match self.take_ready(cache, class, size, align) {
            Some(taken) => Ok(taken),
            None => self.take_unready(cache, class, size, align),
        }
    }

    #[inline(never)]
    fn take_unready(
        &self,
        cache: &ThreadCache,
        class: usize,
        size: usize,
        align: usize,
    ) -> Result<(Slot<'_>, Place), Reason> {
        if (1..=PAGE_BYTES).contains(&size)
            && self.fetch_ready(cache)
            && let Some(taken) = self.take_ready(cache, class, size, align)
        {
            return Ok(taken);
        }
        self.refuse_if_closed()?;
        self.populate(cache, class, |slot| self.place(slot, size, align))
    }

    /// As [`Heap::take_populated`], with pages from the kernel, for an object at the place that `choose` returns.
    fn populate(
        &self,
        cache: &ThreadCache,
        class: usize,
        choose: impl FnOnce(&Slot<'_>) -> Place,
    ) -> Result<(Slot<'_>, Place), Reason> {
        let index = self.take_slot(cache, class)?;
        let slot = self.pool.class(class).slot(index).ok_or(Reason::Refused)?;
        let place = choose(&slot);
        if let Some(pages) = slot.populated(place) {
            // SAFETY: the slot is this thread's alone, and virgin, so it faults.
            let populate = || unsafe { self.pages.populate(pages) };
            let populated = populate().or_else(|_| {
                self.restore_guards();
                populate()
            });
            if populated.is_err() {
                self.count_done(class, index);
                return Err(Reason::Refused);
            }
            cache.count(Counter::Populates);
        }
        Ok((slot, place))
    }

    /// Where in `slot` an object goes.
    #[inline(always)]
    fn place(&self, slot: &Slot<'_>, size: usize, align: usize) -> Place {
        let edge = place::edge(self.config.placement, self.random(slot.data.start()));
        Place::at_edge(edge, slot.data.bytes(), size, align)
    }

    /// Number of a virgin slot for this thread alone.
    #[inline(always)]
    fn take_slot(&self, cache: &ThreadCache, number: usize) -> Result<usize, Reason> {
        match cache.batches[number].take() {
            Some(index) => Ok(index),
            None => self.claim_batch(cache, number),
        }
    }

    #[cold]
    #[inline(never)]
    fn claim_batch(&self, cache: &ThreadCache, number: usize) -> Result<usize, Reason> {
        // Before the stretch that they may open.
        self.restore_guards();
        let class = self.pool.class(number);
        let mut slots = class
            .claim(self.pages, &self.budget.room, BATCH_PAGES / (pool::CLASS_PAGES[number] + 1))
            .map_err(|error| match error {
                Errno(libc::EDQUOT) => Reason::Room,
                _ => self.spent_or_refused(class),
            })?;
        let first = slots.next().ok_or(Reason::Addresses)?;
        cache.batches[number].refill(slots);
        Ok(first)
    }

    fn spent_or_refused(&self, class: &Class) -> Reason {
        if class.is_spent() { Reason::Addresses } else { Reason::Refused }
    }

    #[cold]
    #[inline(never)]
    fn claim_large(
        &self,
        cache: &ThreadCache,
        size: usize,
        align: usize,
        spare: usize,
    ) -> Result<(Slot<'_>, Place), Reason> {
        cache.count(Counter::Large);
        self.refuse_if_closed()?;
        if align > budget::MOST_RESERVED {
            // malloc takes as much more, and gives back what it does not need.
            self.budget.charge_size(cache, size.saturating_add(align))?;
            self.budget.refund_size(cache, size.saturating_add(align));
        }
        // Populated as it is touched, so of memory only what the program asks for is charged.
        self.budget.charge_size(cache, size)?;
        let claimed = self.budget.charge_mappings(LARGE_MAPPINGS).and_then(|()| {
            // The address is not known yet; its size serves as well for a random edge.
            let edge = place::edge(self.config.placement, self.random(size));
            match self.large.claim(edge, size, align, spare) {
                Ok((slot, offset)) => Ok((slot, Place { offset, size })),
                Err(_) => {
                    self.budget.refund_mappings(LARGE_MAPPINGS);
                    let is_spent = self.large.is_spent(size);
                    Err(if is_spent { Reason::Addresses } else { Reason::Refused })
                }
            }
        });
        claimed.inspect_err(|_| self.budget.refund_size(cache, size))
    }

    fn random(&self, of: usize) -> u64 {
        let mixed =
            ((of / PAGE_BYTES) as u64 ^ self.config.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ mixed >> 31
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
        let slot = self.locate(address);
        if let Some(slot) = &slot {
            // The record of an old object is in no cache; beside a stack walk the miss is free.
            slot.prefetch_record();
        }
        let freed = freed();
        match self.find_in(slot, address) {
            Found::Guarded(slot, entry) => {
                match release.mismatch(entry.family, entry.size, entry.align_log2) {
                    None => self.retire(cache, slot, entry, freed),
                    Some(which) => Err(BadCall::Mismatch(view(&slot, &entry), release, which)),
                }
            }
            Found::Unguarded(object) => {
                match release.mismatch(object.family, object.size, object.align_log2) {
                    None => self.free_unguarded(cache, &object),
                    Some(which) => Err(BadCall::Mismatch(view_unguarded(&object), release, which)),
                }
            }
            Found::Wrong(bad) => Err(bad),
        }
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
            Found::Guarded(_, entry) => Ok(entry.size),
            Found::Unguarded(object) => Ok(object.size),
            Found::Wrong(bad) => Err(bad),
        }
    }

    /// The slot that `address` lies in, if it is in service.
    #[inline]
    fn locate(&self, address: usize) -> Option<Slot<'_>> {
        self.pool.locate(address).or_else(|| self.large.locate(address))
    }

    fn find(&self, address: usize) -> Found<'_> {
        self.find_in(self.locate(address), address)
    }

    /// What `address` is, given the slot that it lies in.
    #[inline(always)]
    fn find_in<'a>(&'a self, slot: Option<Slot<'a>>, address: usize) -> Found<'a> {
        if let Some(slot) = slot
            && let Some(entry) = slot.record.read()
            && entry.state == State::Live
            && slot.address(&entry) == address
        {
            return Found::Guarded(slot, entry);
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
        let Some(entry) = slot.record.read_settled() else {
            return Found::Wrong(match self.forgotten(&slot) {
                Some(object) => BadCall::DoubleFree(object),
                None => BadCall::NotAnObject(None),
            });
        };
        let object = view(&slot, &entry);
        if entry.state == State::Live && object.start == address {
            // Another thread has resized it where it is.
            return Found::Guarded(slot, entry);
        }
        Found::Wrong(if object.start == address {
            BadCall::DoubleFree(object)
        } else {
            BadCall::NotAnObject(Some(object))
        })
    }

    /// Whether `address` lies in the guarded address space. Lock-free; for signal handlers too.
    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        self.pool.contains(address) || self.large.contains(address)
    }

    /// Objects of the next allocator of which nothing is known, for want of memory.
    pub fn unrecorded(&self) -> u64 {
        self.unguarded.unrecorded()
    }

    /// Allocations that were not guarded, by reason.
    pub fn tally(&self) -> &Tally {
        self.unguarded.tally()
    }

    /// Allocations so far, guarded ones only.
    pub fn guarded_allocations(&self) -> u64 {
        threads::counted(Counter::Objects)
    }

    /// Memory that live guarded objects of up to a few pages hold.
    pub fn live_bytes(&self) -> usize {
        self.budget.live_bytes()
    }

    /// What all live objects would take natively.
    pub fn asked_bytes(&self) -> usize {
        self.budget.asked_bytes()
    }

    pub fn backend(&self) -> &'static dyn PageProtection {
        self.pages
    }

    /// Quiets the heap for a fork: its locks are held until [`Heap::release_after_fork`]. The order
    /// is that in which they nest elsewhere.
    pub fn hold_for_fork(&self) {
        self.restoring.hold_for_fork();
        self.unguarded.hold_for_fork();
        self.large.hold_for_fork();
        self.history.hold_for_fork();
        self.shared_ready.hold_for_fork();
        self.pool.hold_for_fork();
        self.pages.hold_for_fork();
        private::hold_for_fork();
    }

    /// # Safety
    /// The calling thread, or its image before fork, must have called `hold_for_fork`.
    pub unsafe fn release_after_fork(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            private::release_after_fork();
            self.pages.release_after_fork();
            self.pool.release_after_fork();
            self.shared_ready.release_after_fork();
            self.history.release_after_fork();
            self.large.release_after_fork();
            self.unguarded.release_after_fork();
            self.restoring.release_after_fork();
        }
    }
}

/// Mappings that a live large object costs: itself and the guard behind it.
const LARGE_MAPPINGS: usize = 2;

/// The heap of a process lives as long as that; those of tests make room for others.
#[cfg(test)]
impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: nobody uses the heap any more.
        unsafe { crate::sys::memory::unmap(self.reserved.0, self.reserved.1) }
    }
}
