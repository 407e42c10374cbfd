//! Objects that get no pages of their own: the memory for those is spent, the kernel refuses them, or the option `budget` has
//! others for them. They are packed, or if that can't be, they come from the next allocator.

use super::Heap;
use super::loans;
use super::object::{AllocationRequest, BadCall, MAX_SIZE};
use super::packed::PackedSlot;
use super::record::{Event, Snapshot, State};
use super::release::Release;
use super::resize::InPlace;
use super::tally::Reason;
use super::threads::ThreadCache;
use super::unguarded::Unguarded;

impl Heap {
    /// Whether an object at `address` has pages of its own. Lock-free, and safe in signal handlers.
    #[inline]
    pub fn has_pages(&self, address: usize) -> bool {
        self.spaces.has_pages(address)
    }

    /// Has the processor fetch the record of a packed object into its caches.
    #[inline(always)]
    pub fn prefetch_packed(&self, address: usize) {
        self.spaces.packed.locate(address).inspect(PackedSlot::prefetch);
    }

    /// Whether there ever was a packed object.
    pub fn has_packed(&self) -> bool {
        self.spaces.packed.is_in_use()
    }

    /// Allocates an object that gets no pages, for `reason`. Returns null if there is no memory at all, like `malloc`.
    #[inline]
    pub fn allocate_unpaged(
        &self,
        cache: &ThreadCache,
        request: AllocationRequest,
        allocated: Event,
        reason: Reason,
    ) -> *mut u8 {
        let AllocationRequest { size, align, zeroed, .. } = request;
        if size > MAX_SIZE || align > MAX_SIZE / 2 {
            return core::ptr::null_mut();
        }
        let address = if self.is_closed() {
            self.terms.tally.count(reason);
            self.terms.closure.allocate_plainly(size, align, zeroed)
        } else {
            self.pack(cache, request, allocated, reason)
        };
        if !zeroed && !address.is_null() {
            self.fill_fresh(address, size);
        }
        address
    }

    /// Makes an object without pages, for `reason`. Returns null if there is no memory at all.
    #[inline(never)]
    #[unsafe(link_section = ".text.hot")]
    pub(super) fn pack(
        &self,
        cache: &ThreadCache,
        request: AllocationRequest,
        allocated: Event,
        reason: Reason,
    ) -> *mut u8 {
        let account = self.account(cache);
        if account.charge_size(request.size).is_err() {
            return core::ptr::null_mut();
        }
        let address = match self.spaces.packed.allocate(account, request, allocated) {
            Some(address) => address as *mut u8,
            None => self.unguarded.allocate(account, request, allocated),
        };
        if !address.is_null() {
            self.terms.tally.count(reason);
        }
        address
    }

    /// Says what is at `address`, which is where packed objects are.
    #[inline(always)]
    pub(super) fn find_packed(
        &self,
        address: usize,
    ) -> Result<(PackedSlot<'_>, Snapshot), BadCall> {
        let slot = self.spaces.packed.locate(address).ok_or(BadCall::NotAnObject(None))?;
        match slot.record.read() {
            Some(found) if found.state == State::Live && slot.address(&found) == address => {
                Ok((slot, found))
            }
            _ => find_settled(slot, address),
        }
    }

    /// Frees the object at `address`, which is where packed objects are.
    #[inline(never)]
    #[unsafe(link_section = ".text.hot")]
    pub fn free_packed(
        &self,
        cache: &ThreadCache,
        address: usize,
        release: Release,
        freed: Event,
    ) -> Result<(), BadCall> {
        let (slot, found) = self.find_packed(address)?;
        if let Some(which) = release.mismatch(found.family, found.size, found.align_log2) {
            return Err(BadCall::Mismatch(slot.object(&found), release, which));
        }
        let won = begin(&slot, found)?;
        self.end_packed(cache, slot, won, freed)
    }

    /// Ends a packed object whose record this thread has won.
    fn end_packed(
        &self,
        cache: &ThreadCache,
        slot: PackedSlot<'_>,
        won: Snapshot,
        freed: Event,
    ) -> Result<(), BadCall> {
        let account = self.account(cache);
        account.refund_size(won.size);
        self.spaces.packed.end(account, slot, won, freed)
    }

    /// Changes the size of a packed object in place, if it stays in its slot: see [`Heap::resize`].
    pub(super) fn resize_packed(
        &self,
        cache: &ThreadCache,
        (slot, found): (PackedSlot<'_>, Snapshot),
        (size, align): (usize, usize),
        event: Event,
    ) -> InPlace {
        let account = self.account(cache);
        if !slot.address(&found).is_multiple_of(align) || account.charge_size(size).is_err() {
            return InPlace::MustMove;
        }
        let won = match begin(&slot, found) {
            Ok(won) => won,
            Err(bad) => {
                account.refund_size(size);
                return InPlace::Lost(bad);
            }
        };
        match self.spaces.packed.resize(account, slot, won, size, event) {
            Some(checked) => {
                account.refund_size(won.size);
                InPlace::Done(checked)
            }
            None => {
                account.refund_size(size);
                slot.record.resume(won.size, won.allocated);
                InPlace::MustMove
            }
        }
    }

    /// Moves a packed object's contents to the fresh object at `new`, of `size` bytes, and ends it.
    pub(super) fn move_packed(
        &self,
        cache: &ThreadCache,
        (slot, found): (PackedSlot<'_>, Snapshot),
        (new, size): (*mut u8, usize),
        event: Event,
    ) -> Result<Result<(), BadCall>, BadCall> {
        let won = begin(&slot, found)?;
        let old = slot.address(&won) as *const u8;
        // SAFETY: this thread has won the object's record, so nobody frees it meanwhile. Nobody knows the new one, and the two
        // do not overlap.
        unsafe { core::ptr::copy_nonoverlapping(old, new, size.min(won.size)) };
        Ok(self.end_packed(cache, slot, won, event))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn free_unguarded(
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

    /// Takes an object that was found out of the table. Only one of several threads that free it succeeds.
    pub(super) fn claim_unguarded(&self, found: &Unguarded) -> Result<Unguarded, BadCall> {
        self.unguarded.remove(found.address).ok_or(BadCall::DoubleFree(found.object()))
    }

    /// Ends an object that this thread has taken out of the table.
    pub(super) fn end_unguarded(
        &self,
        cache: &ThreadCache,
        object: Unguarded,
    ) -> Result<(), BadCall> {
        let damage = object.damage();
        // SAFETY: `claim_unguarded` has taken the object out of the table, so no other thread frees it.
        unsafe { object.release(self.account(cache)) };
        match damage {
            Some(damage) => Err(BadCall::Overwritten(object.object(), damage)),
            None => Ok(()),
        }
    }

    /// Allocates an object with pages, or without for `unpaged`.
    pub(super) fn allocate_as(
        &self,
        cache: &ThreadCache,
        request: AllocationRequest,
        allocated: Event,
        unpaged: Option<Reason>,
    ) -> *mut u8 {
        match unpaged {
            None => self.allocate(cache, request, || allocated),
            Some(reason) => self.allocate_unpaged(cache, request, allocated, reason),
        }
    }

    /// Returns about how many bytes the pages of live small objects hold, and how many all live objects would take
    /// natively. Takes no time.
    pub fn held_and_asked(&self) -> [usize; 2] {
        self.terms.budget.held_and_asked()
    }
}

/// Says what is at `address` in a slot, after another thread is done with it.
#[cold]
#[inline(never)]
fn find_settled(
    slot: PackedSlot<'_>,
    address: usize,
) -> Result<(PackedSlot<'_>, Snapshot), BadCall> {
    let found = slot.record.read_settled().ok_or(BadCall::NotAnObject(None))?;
    let object = slot.object(&found);
    match found.state {
        State::Live if object.start == address => Ok((slot, found)),
        _ if object.start == address => Err(BadCall::DoubleFree(object)),
        _ => Err(BadCall::NotAnObject(Some(object))),
    }
}

/// Tries to win a live packed object. Whoever wins must end it, or resume its record. Returns what the record says of the
/// object, as another thread may have resized it.
#[inline(always)]
fn begin(slot: &PackedSlot<'_>, found: Snapshot) -> Result<Snapshot, BadCall> {
    if found.is_lent {
        let start = slot.address(&found);
        if let Some(loan) = loans::find_or_forget(start..start + found.size) {
            return Err(BadCall::Lent(slot.object(&found), loan));
        }
    }
    loop {
        if slot.record.begin_free().is_ok() {
            return Ok(slot.record.read().unwrap_or(found).as_live());
        }
        let settled = slot.record.read_settled().unwrap_or(found);
        if settled.state != State::Live {
            return Err(BadCall::DoubleFree(slot.object(&settled)));
        }
    }
}
