//! Objects that got neither pages of their own nor a packed slot.
//!
//! They come from the next allocator, with canaries on both sides and a row in a table, so that a wild write beside
//! them and a wrong free are still found, although late.

use super::budget::headroom::Headroom;
use super::canary::{self, Damage};
use super::next_heap;
use super::object::AllocationRequest;
use super::object::Object;
use super::place::{log2, natural_align};
use super::record::{Event, Family, State};
use super::terms::Account;
use super::unguarded_table::{Cursor, ROW_BYTES, Table};

pub use super::unguarded_table::Unguarded;
use crate::sys::limits;
use crate::sys::scope::RuntimeScope;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The least number of canary bytes behind an unguarded object.
const BACK_BYTES: usize = 16;

impl Unguarded {
    fn front(&self) -> usize {
        1 << self.front_log2
    }

    /// Returns the object, as other layers see it.
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

    /// Looks for damage in the object's canaries.
    pub fn damage(&self) -> Option<Damage> {
        let front = self.address - self.front()..self.address;
        let end = self.address + self.size;
        canary::find_carefully([front, end..end + BACK_BYTES], canary::BYTE)
    }
}

/// The unguarded objects.
pub struct UnguardedObjects {
    table: Table,
    /// Whether there has ever been one; most processes have none.
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

    /// Allocates an object from the next allocator, and zeroes it if wanted. Returns null if that has no memory either.
    /// It must be charged; what is not recorded is refunded.
    #[cold]
    #[inline(never)]
    pub fn allocate(
        &self,
        account: Account<'_>,
        request: AllocationRequest,
        allocated: Event,
    ) -> *mut u8 {
        let (address, is_kept) = self.make(&account.terms.budget.headroom, request, allocated);
        if !is_kept {
            // Nobody will see the end of this object.
            account.refund_size(request.size);
        }
        address
    }

    /// Makes an object, and says whether it is recorded. If not, it is a plain block of the next allocator.
    fn make(
        &self,
        headroom: &Headroom,
        AllocationRequest { size, align, family, zeroed }: AllocationRequest,
        allocated: Event,
    ) -> (*mut u8, bool) {
        // A signal handler that interrupts the next allocator must not call it again.
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
        // SAFETY: the block was just allocated, with `total` bytes.
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
        // SAFETY: the block was just allocated, and nobody else has seen it.
        unsafe { next_heap::free(block as usize) };
        headroom.keep_no_more(kept + ROW_BYTES);
        plain()
    }

    /// Returns how many objects of the next allocator have no row in the table, so that nothing is known of them.
    pub fn unrecorded(&self) -> u64 {
        self.unrecorded.load(Ordering::Relaxed)
    }

    /// Returns the live unguarded object at `address`.
    pub fn find(&self, address: usize) -> Option<Unguarded> {
        self.table.get(address)
    }

    /// Lets any function free the object at `address`, which only the caller knows yet.
    pub fn forget_family(&self, address: usize) {
        let forget = |object: &mut Unguarded| (object.family, object.align_log2) = (Family::Any, 0);
        self.table.change(address, forget);
    }

    /// Takes the object at `address` out of the table. Only one caller gets it, and must call [`Unguarded::release`]
    /// next.
    pub fn remove(&self, address: usize) -> Option<Unguarded> {
        self.table.remove(address)
    }

    /// Returns the object that has `address` in its bytes or canaries.
    pub fn find_near(&self, address: usize) -> Option<Unguarded> {
        self.table.next(&mut Cursor::default(), |object| {
            let end = object.address + object.size + BACK_BYTES;
            (object.address - object.front()..end).contains(&address).then_some(*object)
        })
    }

    /// Returns the damaged objects.
    pub fn damaged(&self) -> impl Iterator<Item = (Unguarded, Damage)> + '_ {
        let mut cursor = Cursor::default();
        core::iter::from_fn(move || {
            if !self.has_any.load(Ordering::Relaxed) {
                return None;
            }
            self.table.next(&mut cursor, |object| Some((*object, object.damage()?)))
        })
    }

    /// Passes all to `each`. Nobody else may come or go meanwhile.
    pub fn visit(&self, mut each: impl FnMut(&Unguarded)) {
        if self.has_any.load(Ordering::Relaxed) {
            let _: Option<()> = self.table.next(&mut Cursor::default(), |object| {
                each(object);
                None
            });
        }
    }

    /// See [`Lock::hold_for_fork`](crate::sys::lock::Lock::hold_for_fork).
    pub fn hold_for_fork(&self) {
        self.table.hold_for_fork();
    }

    /// # Safety
    /// See [`Lock::release_after_fork`](crate::sys::lock::Lock::release_after_fork).
    pub unsafe fn release_after_fork(&self) {
        // SAFETY: the caller promises that `hold_for_fork` has taken the locks.
        unsafe { self.table.release_after_fork() }
    }
}

impl Unguarded {
    /// Gives the object back to the next allocator, filled as the option `free-fill` says. That allocator may change
    /// the bytes again.
    ///
    /// # Safety
    /// The caller must have removed the object from the table.
    pub unsafe fn release(self, account: Account<'_>) {
        account.refund_size(self.size);
        account.terms.budget.headroom.keep_no_more(self.front() + BACK_BYTES + ROW_BYTES);
        // SAFETY: the next allocator made the block, which holds the object. Its row is gone, so it is freed once.
        unsafe {
            if let Some(byte) = account.terms.config.free_fill {
                core::ptr::write_bytes(self.address as *mut u8, byte, self.size);
            }
            limits::note_held(-((self.front() + self.size + BACK_BYTES) as isize));
            next_heap::free(self.address - self.front());
        }
    }
}
