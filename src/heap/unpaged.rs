//! Objects that get no pages of their own because the caller wants it so: the option `budget` has others for them.

use super::Heap;
use super::object::{AllocationRequest, MAX_SIZE};
use super::record::Event;
use super::tally::Reason;
use super::threads::ThreadCache;

impl Heap {
    /// Whether an object at `address` has pages of its own. Lock-free, and safe in signal handlers.
    #[inline]
    pub fn has_pages(&self, address: usize) -> bool {
        self.spaces.small.pool.contains(address) || self.spaces.large.contains(address)
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
            self.unguarded.allocate(self.account(cache), request, allocated, reason)
        };
        if !zeroed && !address.is_null() {
            self.fill_fresh(address, size);
        }
        address
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
