//! Blocks of memory, one for each thread that wants one. A block that is given back goes to the next thread.
//!
//! They lie side by side in one reservation, so all blocks are one mapping; the kernel gives their pages as these are
//! touched. There is no lock: blocks may be taken in signal handlers.

use super::memory::{self, Reservation};
use super::{PAGE_BYTES, round_up_to_page};
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// Most blocks of the reservation. Each further block has a mapping of its own.
const MOST: usize = 1 << 16;

/// Blocks made usable at a time.
const STEP: usize = 16;

/// Where RLIMIT_AS is set, the reservation takes at most one part in so many of it.
const SHARE: usize = 32;

/// Blocks of one size; none before [`Blocks::reserve`].
pub struct Blocks {
    /// First address of the reservation.
    start: AtomicUsize,
    /// Size of a block, in whole pages.
    block_bytes: AtomicUsize,
    /// How many blocks the reservation has room for; 0 before there is one.
    capacity: AtomicUsize,
    /// How many blocks are usable; only grows.
    usable: AtomicUsize,
    /// How many different blocks have been taken; only grows.
    taken: AtomicUsize,
    /// The list of blocks that were given back. Lower half: number of the first plus one, or 0. Upper half: how often
    /// a block was taken from the list, so that a compare-exchange notices when the first has left and come back.
    free: AtomicU64,
}

impl Blocks {
    pub const fn new() -> Blocks {
        Blocks {
            start: AtomicUsize::new(0),
            block_bytes: AtomicUsize::new(0),
            capacity: AtomicUsize::new(0),
            usable: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            free: AtomicU64::new(0),
        }
    }

    /// Reserves address space for blocks of `bytes` bytes, and makes the first ones usable. A second call does nothing.
    pub fn reserve(&self, bytes: usize) {
        let block_bytes = round_up_to_page(bytes);
        let order = (Ordering::AcqRel, Ordering::Relaxed);
        if self.block_bytes.compare_exchange(0, block_bytes, order.0, order.1).is_err() {
            return;
        }
        let (most, least) = (bytes_of(MOST, block_bytes), bytes_of(1, block_bytes));
        let Some(room) = Reservation::new(most, least, SHARE) else { return };
        // A huge page would be memory for many threads that do not exist yet.
        memory::refuse_huge_pages(room.start, room.bytes);
        // One page is left for rounding the links up to whole pages.
        let capacity = (room.bytes - PAGE_BYTES) / (block_bytes + size_of::<AtomicU32>());
        let capacity = capacity.min(MOST);
        if room.commit(0, links_bytes(capacity)).is_ok() {
            self.start.store(room.start, Ordering::Relaxed);
            self.capacity.store(capacity, Ordering::Release);
            self.make_usable(0);
        }
    }

    /// Takes a block for the calling thread. It holds zeros, or what its last owner left. `None` if there is no memory.
    pub fn take(&self) -> Option<usize> {
        let bytes = self.block_bytes.load(Ordering::Acquire);
        if bytes == 0 {
            return None;
        }
        let number = self.take_free().or_else(|| self.take_new());
        number.map(|number| self.address(number)).or_else(|| memory::map(bytes).ok())
    }

    /// Gives a block back.
    ///
    /// # Safety
    /// The block must have come from [`Blocks::take`], and nobody may use it any more.
    pub unsafe fn give_back(&self, address: usize) {
        match self.number(address) {
            Some(number) => self.put_free(number),
            // SAFETY: the caller promises that it came from `take`, which mapped it alone, and that nobody uses it.
            None => unsafe { memory::unmap(address, self.block_bytes.load(Ordering::Relaxed)) },
        }
    }

    /// In the child of a fork, which has one thread: frees all blocks but the one at `kept`. (Blocks with mappings of
    /// their own stay as they are.)
    pub fn forget_others(&self, kept: Option<usize>) {
        let kept = kept.and_then(|address| self.number(address));
        self.free.store(0, Ordering::Relaxed);
        let taken = self.taken.load(Ordering::Relaxed);
        (0..taken).filter(|&number| Some(number) != kept).for_each(|number| self.put_free(number));
    }

    fn first(&self) -> usize {
        self.start.load(Ordering::Relaxed) + links_bytes(self.capacity.load(Ordering::Relaxed))
    }

    fn address(&self, number: usize) -> usize {
        self.first() + number * self.block_bytes.load(Ordering::Relaxed)
    }

    /// The number of the block at `address`; `None` if the block has a mapping of its own.
    fn number(&self, address: usize) -> Option<usize> {
        let offset = address.checked_sub(self.first())?;
        let number = offset / self.block_bytes.load(Ordering::Relaxed);
        (number < self.capacity.load(Ordering::Relaxed)).then_some(number)
    }

    /// The link of a block in the list: number of the next block plus one, or 0.
    fn link(&self, number: usize) -> &AtomicU32 {
        debug_assert!(number < self.capacity.load(Ordering::Relaxed));
        let links = self.start.load(Ordering::Relaxed) as *const AtomicU32;
        // SAFETY: the reservation starts with a link for each block. That part was committed before `capacity` was
        // set, and is never unmapped.
        unsafe { &*links.add(number) }
    }

    fn take_free(&self) -> Option<usize> {
        let mut head = self.free.load(Ordering::Acquire);
        loop {
            let number = (head as u32).checked_sub(1)? as usize;
            let next = u64::from(self.link(number).load(Ordering::Relaxed));
            let rest = (head >> 32).wrapping_add(1) << 32 | next;
            match self.free.compare_exchange(head, rest, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(number),
                Err(now) => head = now,
            }
        }
    }

    fn put_free(&self, number: usize) {
        let mut head = self.free.load(Ordering::Relaxed);
        loop {
            self.link(number).store(head as u32, Ordering::Relaxed);
            let longer = head & !u64::from(u32::MAX) | (number as u64 + 1);
            // Release: whoever takes the block sees all writes to it.
            match self.free.compare_exchange(head, longer, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    fn take_new(&self) -> Option<usize> {
        let mut number = self.taken.load(Ordering::Relaxed);
        loop {
            if !self.make_usable(number) {
                return None;
            }
            let order = Ordering::Relaxed;
            match self.taken.compare_exchange(number, number + 1, order, order) {
                Ok(_) => return Some(number),
                Err(now) => number = now,
            }
        }
    }

    /// Makes blocks usable up to number `number`; false if the kernel has no memory, or there is no such block.
    fn make_usable(&self, number: usize) -> bool {
        let usable = self.usable.load(Ordering::Acquire);
        if number < usable {
            return true;
        }
        let end = (usable + STEP).min(self.capacity.load(Ordering::Acquire));
        if number >= end {
            return false;
        }
        let bytes = (end - usable) * self.block_bytes.load(Ordering::Relaxed);
        // If two threads do so at once, the second call changes nothing.
        // SAFETY: the range is inside the reservation, behind the usable blocks.
        if unsafe { memory::commit(self.address(usable), bytes) }.is_err() {
            return false;
        }
        self.usable.fetch_max(end, Ordering::AcqRel);
        true
    }
}

/// Bytes of the links of `capacity` blocks, rounded up to whole pages.
fn links_bytes(capacity: usize) -> usize {
    round_up_to_page(capacity * size_of::<AtomicU32>())
}

/// Bytes of a reservation for `capacity` blocks.
fn bytes_of(capacity: usize, block_bytes: usize) -> usize {
    PAGE_BYTES + capacity * (block_bytes + size_of::<AtomicU32>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const BYTES: usize = 5000;

    fn blocks() -> Blocks {
        let blocks = Blocks::new();
        blocks.reserve(BYTES);
        blocks
    }

    #[test]
    fn blocks_are_writable_apart_and_handed_on() {
        let blocks = blocks();
        let taken: HashSet<usize> = (0..3 * STEP).map(|_| blocks.take().unwrap()).collect();
        assert_eq!(taken.len(), 3 * STEP);
        for &block in &taken {
            // SAFETY: the block is this test's.
            unsafe { core::ptr::write_bytes(block as *mut u8, 1, BYTES) };
        }
        // SAFETY: the blocks are this test's, and not used any more.
        taken.iter().for_each(|&block| unsafe { blocks.give_back(block) });
        assert_eq!((0..3 * STEP).map(|_| blocks.take().unwrap()).collect::<HashSet<_>>(), taken);
        assert!(!taken.contains(&blocks.take().unwrap()));
    }

    #[test]
    fn without_room_a_block_is_a_mapping_of_its_own() {
        let blocks = Blocks::new();
        assert_eq!(blocks.take(), None);
        blocks.block_bytes.store(2 * PAGE_BYTES, Ordering::Relaxed);
        let block = blocks.take().unwrap();
        // SAFETY: the block is this test's.
        unsafe {
            core::ptr::write_bytes(block as *mut u8, 1, 2 * PAGE_BYTES);
            blocks.give_back(block);
        }
        assert_eq!(blocks.taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_child_of_a_fork_has_all_but_its_own() {
        let blocks = blocks();
        let taken = [(); 5].map(|()| blocks.take().unwrap());
        blocks.forget_others(Some(taken[2]));
        let again: HashSet<usize> = (0..4).map(|_| blocks.take().unwrap()).collect();
        assert!(!again.contains(&taken[2]) && again.iter().all(|block| taken.contains(block)));
    }

    #[test]
    fn threads_never_share_a_block() {
        let blocks = blocks();
        let churn = || {
            for round in 0..20_000_usize {
                let block = blocks.take().unwrap() as *mut usize;
                let mark = core::ptr::from_ref(&round) as usize + round;
                // SAFETY: the block is this thread's until it is given back.
                unsafe {
                    block.write_volatile(mark);
                    assert_eq!(block.read_volatile(), mark);
                    blocks.give_back(block as usize);
                }
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(churn))));
        assert!(blocks.taken.load(Ordering::Relaxed) <= 4);
    }
}
