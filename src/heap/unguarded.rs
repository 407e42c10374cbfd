//! Objects that could not be guarded.
//!
//! They come from the next allocator, with canaries on both sides and an entry in a table, so that
//! a wild write beside them and a wrong free are still found, though late.

use super::canary::{self, Damage};
use super::next_heap;
use super::object::Object;
use super::place::natural_align;
use super::record::{Event, Family, State};
use super::release;
use super::request::AllocationRequest;
use crate::sys::limits;
use crate::sys::lock::Lock;
use crate::sys::scope::RuntimeScope;
use core::hash::{BuildHasherDefault, Hasher};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::collections::HashMap;

/// Canary bytes behind an unguarded object, at least.
const BACK_BYTES: usize = 16;

/// One live object of the next allocator.
#[derive(Clone, Copy, Debug)]
pub struct Unguarded {
    pub address: usize,
    pub size: usize,
    pub family: Family,
    /// Of the alignment asked for; 0 where none was.
    pub align_log2: u8,
    pub allocated: Event,
    /// Canary bytes before the object; also the distance to the next allocator's block.
    front: usize,
}

impl Unguarded {
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
        let front = self.address - self.front..self.address;
        let end = self.address + self.size;
        canary::find_carefully([front, end..end + BACK_BYTES], canary::BYTE)
    }
}

/// Addresses are spread already but for their low bits.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("only addresses are hashed")
    }
    fn write_usize(&mut self, address: usize) {
        self.0 = (address as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

type Table = HashMap<usize, Unguarded, BuildHasherDefault<AddressHasher>>;

const SHARDS: usize = 64;

/// The table of unguarded objects, in parts so that threads seldom meet.
pub struct UnguardedObjects {
    shards: [Lock<Table>; SHARDS],
    /// Whether there has ever been one: in most processes there is none.
    has_any: AtomicBool,
    unrecorded: AtomicU64,
}

impl UnguardedObjects {
    pub fn new() -> UnguardedObjects {
        UnguardedObjects {
            shards: [const { Lock::new(Table::with_hasher(BuildHasherDefault::new())) }; SHARDS],
            has_any: AtomicBool::new(false),
            unrecorded: AtomicU64::new(0),
        }
    }

    fn shard(&self, address: usize) -> &Lock<Table> {
        &self.shards[(address >> 4 ^ address >> 12) % SHARDS]
    }

    /// Allocates from the next allocator; zeroed if asked. Null when it has no memory either.
    pub fn allocate(
        &self,
        AllocationRequest { size, align, family, zeroed }: AllocationRequest,
        allocated: Event,
    ) -> *mut u8 {
        // The table grows in the private heap.
        let _scope = RuntimeScope::enter();
        let front = align.max(natural_align(size)).max(BACK_BYTES);
        let Some(total) = size.checked_add(front + BACK_BYTES) else {
            return core::ptr::null_mut();
        };
        let block = next_heap::allocate(total, front, false);
        if block.is_null() {
            return core::ptr::null_mut();
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
        let align_log2 = release::log2(align);
        let object = Unguarded { address, size, family, align_log2, allocated, front };
        self.has_any.store(true, Ordering::Relaxed);
        let mut table = self.shard(address).lock();
        // Once there was no memory for a table, those that are full stay as they are.
        let may_grow = self.unrecorded() == 0 || table.len() < table.capacity();
        if may_grow && table.try_reserve(1).is_ok() {
            table.insert(address, object);
            return address as *mut u8;
        }
        drop(table);
        limits::note_held(-(total as isize));
        // SAFETY: the block is ours, and nobody has seen it.
        unsafe { next_heap::free(block as usize) };
        self.unrecorded.fetch_add(1, Ordering::Relaxed);
        next_heap::allocate(size, align, zeroed)
    }

    /// Objects of the next allocator that the table had no room for: nothing is known of them.
    pub fn unrecorded(&self) -> u64 {
        self.unrecorded.load(Ordering::Relaxed)
    }

    /// The live unguarded object at `address`.
    pub fn find(&self, address: usize) -> Option<Unguarded> {
        self.shard(address).lock().get(&address).copied()
    }

    /// From now on any function may free the object at `address`, which only the caller knows yet.
    pub fn forget_family(&self, address: usize) {
        if let Some(object) = self.shard(address).lock().get_mut(&address) {
            (object.family, object.align_log2) = (Family::Any, 0);
        }
    }

    /// Takes the object at `address` out of the table, for one caller; [`Unguarded::release`]
    /// comes next.
    pub fn remove(&self, address: usize) -> Option<Unguarded> {
        let _scope = RuntimeScope::enter();
        self.shard(address).lock().remove(&address)
    }

    /// The object that holds `address`, or has it among its canaries.
    pub fn find_near(&self, address: usize) -> Option<Unguarded> {
        let is_near = |object: &&Unguarded| {
            let end = object.address + object.size + BACK_BYTES;
            (object.address - object.front..end).contains(&address)
        };
        self.shards.iter().find_map(|shard| shard.lock().values().find(is_near).copied())
    }

    /// The damaged objects.
    pub fn damaged(&self) -> Vec<(Unguarded, Damage)> {
        let _scope = RuntimeScope::enter();
        let mut found = Vec::new();
        if !self.has_any.load(Ordering::Relaxed) {
            return found;
        }
        for shard in &self.shards {
            let shard = shard.lock();
            found.extend(shard.values().filter_map(|object| Some((*object, object.damage()?))));
        }
        found
    }

    /// See [`Lock::hold_for_fork`].
    pub fn hold_for_fork(&self) {
        self.shards.iter().for_each(Lock::hold_for_fork);
    }

    /// # Safety
    /// See [`Lock::release_after_fork`].
    pub unsafe fn release_after_fork(&self) {
        for shard in &self.shards {
            // SAFETY: the caller's promise.
            unsafe { shard.release_after_fork() }
        }
    }
}

impl Unguarded {
    /// Gives the object back to the next allocator, filled with `fill` where the user wants that. What
    /// that allocator does to the bytes then is its own matter.
    ///
    /// # Safety
    /// It must have been removed from the table by the caller.
    pub unsafe fn release(self, fill: Option<u8>) {
        // SAFETY: the block came from the next allocator, and is freed once; the object lies in it.
        unsafe {
            if let Some(byte) = fill {
                core::ptr::write_bytes(self.address as *mut u8, byte, self.size);
            }
            limits::note_held(-((self.front + self.size + BACK_BYTES) as isize));
            next_heap::free(self.address - self.front);
        }
    }
}
