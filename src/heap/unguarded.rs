//! Objects that could not be guarded.
//!
//! They come from the next allocator, with canaries on both sides and an entry in a table, so that
//! a wild write beside them and a wrong free are still found, though late.

use super::budget::headroom::Headroom;
use super::canary::{self, Damage};
use super::next_heap;
use super::object::AllocationRequest;
use super::object::Object;
use super::place::{log2, natural_align};
use super::record::{Event, Family, State};
use super::tally::Reason;
use super::terms::Account;
use super::unguarded_table::{Cursor, ROW_BYTES, Table};

pub use super::unguarded_table::Unguarded;
use crate::sys::limits;
use crate::sys::scope::RuntimeScope;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Canary bytes behind an unguarded object, at least.
const BACK_BYTES: usize = 16;

impl Unguarded {
    fn front(&self) -> usize {
        1 << self.front_log2
    }

    /// The object, as others see it.
    pub fn object(&self) -> Object {
        Object {
            start: self.address,
            size: self.size,
            family: self.family,
            align_log2: self.align_log2,
            state: State::Live,
            allocated: self.allocated,
            freed: None,
        }
    }

    /// Looks for damage in its canaries.
    pub fn damage(&self) -> Option<Damage> {
        let front = self.address - self.front()..self.address;
        let end = self.address + self.size;
        canary::find_carefully([front, end..end + BACK_BYTES], canary::BYTE)
    }
}

/// The unguarded objects.
pub struct UnguardedObjects {
    table: Table,
    /// Whether there has ever been one: in most processes there is none.
    has_any: AtomicBool,
    unrecorded: AtomicU64,
}

impl UnguardedObjects {
    pub fn new() -> UnguardedObjects {
        UnguardedObjects {
            table: Table::new(),
            has_any: AtomicBool::new(false),
            unrecorded: AtomicU64::new(0),
        }
    }

    /// Allocates from the next allocator what is not guarded for `reason`; zeroed if asked. Null when it has no memory
    /// either.
    #[cold]
    #[inline(never)]
    pub fn allocate(
        &self,
        account: Account<'_>,
        request: AllocationRequest,
        allocated: Event,
        reason: Reason,
    ) -> *mut u8 {
        if account.charge_size(request.size).is_err() {
            return core::ptr::null_mut();
        }
        let (address, is_kept) = self.make(&account.terms.budget.headroom, request, allocated);
        if !is_kept {
            // Nobody will see its end.
            account.refund_size(request.size);
        }
        if !address.is_null() {
            account.terms.tally.count(reason);
        }
        address
    }

    /// An object, and whether something of it is kept. If not, it is as if the next allocator had been called.
    fn make(
        &self,
        headroom: &Headroom,
        AllocationRequest { size, align, family, zeroed }: AllocationRequest,
        allocated: Event,
    ) -> (*mut u8, bool) {
        // A signal handler that interrupts the next allocator must not come to it again.
        let _scope = RuntimeScope::enter();
        let front = align.max(natural_align(size)).max(BACK_BYTES);
        let plain = || {
            let address = next_heap::allocate(size, align, zeroed);
            self.unrecorded.fetch_add(u64::from(!address.is_null()), Ordering::Relaxed);
            (address, false)
        };
        let kept = front + BACK_BYTES;
        if !headroom.keep(kept + ROW_BYTES) {
            return plain();
        }
        let total = size.saturating_add(kept);
        let block = next_heap::allocate(total, front, false);
        if block.is_null() {
            headroom.keep_no_more(kept + ROW_BYTES);
            return plain();
        }
        let address = block as usize + front;
        // SAFETY: the block is ours and `total` bytes long.
        unsafe {
            core::ptr::write_bytes(block, canary::BYTE, front);
            core::ptr::write_bytes((address + size) as *mut u8, canary::BYTE, BACK_BYTES);
            if zeroed {
                core::ptr::write_bytes(address as *mut u8, 0, size);
            }
        }
        limits::note_held(total as isize);
        let align_log2 = log2(align);
        let front_log2 = log2(front);
        let object = Unguarded { address, size, family, align_log2, allocated, front_log2 };
        self.has_any.store(true, Ordering::Relaxed);
        if self.table.insert(&object) {
            return (address as *mut u8, true);
        }
        limits::note_held(-(total as isize));
        // SAFETY: the block is ours, and nobody has seen it.
        unsafe { next_heap::free(block as usize) };
        headroom.keep_no_more(kept + ROW_BYTES);
        plain()
    }

    /// Objects of the next allocator that the table had no room for: nothing is known of them.
    pub fn unrecorded(&self) -> u64 {
        self.unrecorded.load(Ordering::Relaxed)
    }

    /// The live unguarded object at `address`.
    pub fn find(&self, address: usize) -> Option<Unguarded> {
        self.table.get(address)
    }

    /// From now on any function may free the object at `address`, which only the caller knows yet.
    pub fn forget_family(&self, address: usize) {
        let forget = |object: &mut Unguarded| (object.family, object.align_log2) = (Family::Any, 0);
        self.table.change(address, forget);
    }

    /// Takes the object at `address` out of the table, for one caller; [`Unguarded::release`]
    /// comes next.
    pub fn remove(&self, address: usize) -> Option<Unguarded> {
        self.table.remove(address)
    }

    /// The object that holds `address`, or has it among its canaries.
    pub fn find_near(&self, address: usize) -> Option<Unguarded> {
        self.table.next(&mut Cursor::default(), |object| {
            let end = object.address + object.size + BACK_BYTES;
            (object.address - object.front()..end).contains(&address).then_some(*object)
        })
    }

    /// The damaged objects.
    pub fn damaged(&self) -> impl Iterator<Item = (Unguarded, Damage)> + '_ {
        let mut cursor = Cursor::default();
        core::iter::from_fn(move || {
            if !self.has_any.load(Ordering::Relaxed) {
                return None;
            }
            self.table.next(&mut cursor, |object| Some((*object, object.damage()?)))
        })
    }

    /// See [`Lock::hold_for_fork`](crate::sys::lock::Lock::hold_for_fork).
    pub fn hold_for_fork(&self) {
        self.table.hold_for_fork();
    }

    /// # Safety
    /// See [`Lock::release_after_fork`](crate::sys::lock::Lock::release_after_fork).
    pub unsafe fn release_after_fork(&self) {
        // SAFETY: the caller has called `hold_for_fork`.
        unsafe { self.table.release_after_fork() }
    }
}

impl Unguarded {
    /// Gives the object back to the next allocator, filled as the option `free-fill` says. What
    /// that allocator does to the bytes then is its own matter.
    ///
    /// # Safety
    /// It must have been removed from the table by the caller.
    pub unsafe fn release(self, account: Account<'_>) {
        account.refund_size(self.size);
        account.terms.budget.headroom.keep_no_more(self.front() + BACK_BYTES + ROW_BYTES);
        // SAFETY: the block came from the next allocator, and is freed once; the object lies in it.
        unsafe {
            if let Some(byte) = account.terms.config.free_fill {
                core::ptr::write_bytes(self.address as *mut u8, byte, self.size);
            }
            limits::note_held(-((self.front() + self.size + BACK_BYTES) as isize));
            next_heap::free(self.address - self.front());
        }
    }
}
