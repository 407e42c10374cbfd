//! realloc: objects that move, and those that stay where they are.
//!
//! An object moves, so that stale pointers to it fault and its end is at the guard. Moving it at each of many small
//! steps would take time by the square of its size. So each object's record says how much was moved so far to
//! bring it there; after [`MANY_MOVED`] it gets spare pages behind it at the next move, by a share of its size, which
//! fault until it reaches them. Then it grows where it is, page by page, until they are spent. The slack behind it,
//! less than a page, is filled with canaries, which are verified at each step.

use super::budget::{Cost, MOST_RESERVED};
use super::canary;
use super::object::{BadCall, view, view_unguarded};
use super::place::{self, Place};
use super::record::{Entry, Event, MOST_MOVED};
use super::release::Release;
use super::slot::{Home, Slot};
use super::threads::ThreadCache;
use super::unguarded::Reason;
use super::{Found, Heap, MAX_SIZE, Pool, Request};
use crate::pages::PageRange;
use crate::sys::{Errno, PAGE_BYTES, memory, round_up_to_page};

/// What must have been moved before an object may grow where it is: a move counts as one, and one more for each
/// [`MOVED_BYTES`]. So the first 64 moves of a small object are moves, and the first of one of 16 MiB.
pub const MANY_MOVED: u8 = 64;
const _: () = assert!(MANY_MOVED <= MOST_MOVED);

const MOVED_BYTES: usize = 256 << 10;

/// Spare pages are one part in so many of the object's.
const SPARE_PARTS: usize = 2;

/// An object that shrinks by less than one part in so many stays, where it would if it grew.
const SHRINK_PARTS: usize = 4;

/// From here on a move leaves the pages that are all zeros, so that it does not fill them.
const SPARSE_BYTES: usize = 1 << 20;

/// How much of a large object is copied before its old pages are dropped.
const STEP_BYTES: usize = 2 << 20;

impl Heap {
    /// Gives the object at `address` `size` bytes, aligned to `align`; returns where it is now. If it has moved, the
    /// old one is freed. The second result tells what was wrong with its canaries. Null, and the object untouched,
    /// when there is no memory.
    pub fn resize(
        &self,
        cache: &ThreadCache,
        address: usize,
        (size, align): (usize, usize),
        release: Release,
        event: Event,
    ) -> Result<(*mut u8, Result<(), BadCall>), BadCall> {
        let found = self.find(address);
        let object = match &found {
            Found::Guarded(slot, entry) => view(slot, entry),
            Found::Unguarded(object) => view_unguarded(object),
            Found::Wrong(bad) => return Err(*bad),
        };
        if let Some(which) = release.mismatch(object.family, object.size, object.align_log2) {
            return Err(BadCall::Mismatch(object, release, which));
        }
        let request = Request { size, align, family: object.family, zeroed: false };
        if let Found::Guarded(slot, entry) = &found
            && let Some(resized) = self.resize_in_place(cache, slot, *entry, request, event)
        {
            return resized.map(|checked| (address as *mut u8, checked));
        }
        // Natively a mapping grows where it is: the old object is not charged beside the new one.
        let forgiven = (object.size > MOST_RESERVED).then_some(object.size);
        forgiven.inspect(|&size| self.budget.refund_size(cache, size));
        let new = match &found {
            Found::Guarded(_, entry) => self.allocate_to_move(cache, request, *entry, event),
            _ => self.allocate(cache, request, || event),
        };
        forgiven.inspect(|&size| self.budget.charge_size_anyhow(size));
        if new.is_null() {
            return Ok((new, Ok(())));
        }
        let claimed = match found {
            Found::Guarded(slot, entry) => self
                .claim(&slot, entry)
                .map(|entry| self.move_to(cache, slot, entry, (new as usize, size), event)),
            Found::Unguarded(object) => self.claim_unguarded(&object).map(|object| {
                // SAFETY: this thread has claimed the object, so that no other frees it meanwhile; the two are
                // distinct.
                unsafe {
                    let bytes = size.min(object.size);
                    core::ptr::copy_nonoverlapping(address as *const u8, new, bytes);
                    self.release_unguarded(cache, object)
                }
            }),
            Found::Wrong(bad) => Err(bad),
        };
        match claimed {
            Ok(checked) => Ok((new, checked)),
            Err(bad) => {
                // Another thread was faster; nobody has seen the new object.
                let _ = self.free(cache, new as usize, release.unchecked(), || event);
                Err(bad)
            }
        }
    }

    /// Resizes an object for which much was moved where it is, if it has room. `None`: it must move.
    fn resize_in_place(
        &self,
        cache: &ThreadCache,
        slot: &Slot<'_>,
        entry: Entry,
        request: Request,
        event: Event,
    ) -> Option<Result<Result<(), BadCall>, BadCall>> {
        let Request { size, align, .. } = request;
        let align = place::effective_align(self.config.placement, size, align);
        let can_stay = |entry: &Entry| {
            entry.moved >= MANY_MOVED
                && !entry.is_remapped
                && entry.size.min(size) > 0
                && slot.address(entry).is_multiple_of(align)
                && size <= slot.data.bytes() - entry.offset
                && size >= entry.size - entry.size / SHRINK_PARTS
        };
        if !can_stay(&entry) {
            return None;
        }
        let entry = match self.claim(slot, entry) {
            Ok(entry) => entry,
            Err(bad) => return Some(Err(bad)),
        };
        let start = slot.address(&entry);
        // SAFETY: the object is this thread's alone, and accessible.
        let damage = unsafe { canary::check(start, entry.size, self.config.canary_bytes) };
        if !can_stay(&entry) || self.change_pages(cache, slot, &entry, size).is_err() {
            slot.record.resume(entry.size, entry.allocated);
            return None;
        }
        let old_end = start + entry.size;
        // Further pages are zeros.
        let end = match self.config.fill {
            Some(_) => start + size,
            None => (start + size).min(round_up_to_page(old_end)),
        };
        // SAFETY: as above, to the new end.
        unsafe {
            let fill = self.config.fill.unwrap_or(0);
            core::ptr::write_bytes(old_end as *mut u8, fill, end.saturating_sub(old_end));
            canary::fill(start, size, self.config.canary_bytes);
        }
        slot.record.resume(size, event);
        Some(Ok(match damage {
            Some(damage) => Err(BadCall::Overwritten(view(slot, &entry), damage)),
            None => Ok(()),
        }))
    }

    /// Gives the object in `slot`, which this thread has claimed, the pages for `size` bytes, and takes those
    /// behind them. After an error it has what it had.
    fn change_pages(
        &self,
        cache: &ThreadCache,
        slot: &Slot<'_>,
        entry: &Entry,
        size: usize,
    ) -> Result<(), Reason> {
        let end = |size| slot.data.start() + round_up_to_page(entry.offset + size);
        let (old_end, new_end) = (end(entry.size), end(size));
        let charge = || match slot.home {
            Home::Large => self.budget.charge_size(cache, size),
            Home::Pool { .. } => self.budget.charge(cache, Cost::of_slot(size)),
        };
        let refund = |size| match slot.home {
            Home::Large => self.budget.refund_size(cache, size),
            Home::Pool { .. } => self.budget.refund(cache, Cost::of_slot(size)),
        };
        if let Err(reason) = charge() {
            // Natively a mapping grows where it is: the old size is not charged beside the new one.
            if slot.home != Home::Large {
                return Err(reason);
            }
            refund(entry.size);
            let charged = charge();
            self.budget.charge_size_anyhow(entry.size);
            charged?;
        }
        if new_end > old_end {
            let pages = PageRange::new(old_end, (new_end - old_end) / PAGE_BYTES);
            // SAFETY: the pages are the slot's, behind the object, and fault.
            let populated = unsafe {
                match slot.home {
                    Home::Large => memory::commit(pages.start(), pages.bytes()),
                    Home::Pool { .. } => self.pages.populate(pages),
                }
            };
            if populated.is_err() {
                refund(size);
                return Err(Reason::Refused);
            }
        }
        if new_end < old_end {
            let pages = PageRange::new(new_end, (old_end - new_end) / PAGE_BYTES);
            // SAFETY: the pages are behind the object from now on, and nobody else's.
            let retired = unsafe {
                match slot.home {
                    Home::Large => memory::revoke(pages.start(), pages.bytes()),
                    Home::Pool { .. } => self.pages.retire(pages),
                }
            };
            if retired.is_err() {
                refund(size);
                return Err(Reason::NotRevoked);
            }
        }
        refund(entry.size);
        Ok(())
    }

    /// Allocates for an object that moves. Null without memory.
    fn allocate_to_move(
        &self,
        cache: &ThreadCache,
        request: Request,
        old: Entry,
        event: Event,
    ) -> *mut u8 {
        let bytes = old.size.min(request.size);
        let moved = usize::from(old.moved) + 1 + bytes / MOVED_BYTES;
        let moved = moved.min(usize::from(MOST_MOVED)) as u8;
        let new = match self.allocate_roomy(cache, request, moved, event) {
            Some(new) => new as *mut u8,
            None => self.allocate(cache, request, || event),
        };
        if let Some(slot) = self.locate(new as usize) {
            slot.record.note_moved(moved);
        }
        new
    }

    /// Allocates an object with spare pages behind it, if enough was moved to make it.
    fn allocate_roomy(
        &self,
        cache: &ThreadCache,
        request: Request,
        moved: u8,
        event: Event,
    ) -> Option<usize> {
        let Request { size, .. } = request;
        let align = place::effective_align(self.config.placement, size, request.align);
        let fits = (1..=MAX_SIZE / 2).contains(&size) && align <= PAGE_BYTES;
        if moved < MANY_MOVED || self.is_sampling() || !fits {
            return None;
        }
        let needed = round_up_to_page(size);
        let spare = round_up_to_page(needed / SPARE_PARTS);
        let choose = |slot: &Slot<'_>| {
            let edge = place::edge(self.config.placement, self.random(slot.data.start()));
            Place::at_edge(edge, needed, size, align)
        };
        let (slot, place) = match Pool::class_for((needed + spare) / PAGE_BYTES) {
            Some(class) => self.charge(cache, size, || self.populate(cache, class, choose)).ok()?,
            None => self.claim_large(cache, size, align, spare).ok()?,
        };
        let start = self.publish(cache, &slot, place, request, event);
        if let Some(byte) = self.config.fill {
            // SAFETY: the object is `size` bytes long, and nobody else knows it yet.
            unsafe { core::ptr::write_bytes(start as *mut u8, byte, size) };
        }
        Some(start)
    }

    /// Moves what is in an object that this thread has claimed to a fresh one, given by address and size, and frees
    /// the old one.
    fn move_to(
        &self,
        cache: &ThreadCache,
        slot: Slot<'_>,
        entry: Entry,
        (new, size): (usize, usize),
        event: Event,
    ) -> Result<(), BadCall> {
        let (old, bytes) = (slot.address(&entry), size.min(entry.size));
        let is_large = slot.home == Home::Large && self.large.contains(new);
        if bytes < SPARSE_BYTES || !is_large || entry.is_remapped || self.config.fill.is_some() {
            // SAFETY: the old object is this thread's to free, and nobody knows the new one.
            unsafe { core::ptr::copy_nonoverlapping(old as *const u8, new as *mut u8, bytes) };
            return self.end(cache, slot, entry, event);
        }
        // SAFETY: as above; its canaries may go with its contents.
        let damage = unsafe {
            let damage = canary::check(old, entry.size, self.config.canary_bytes);
            if self.move_whole_pages(old, (new, size), bytes).is_err() {
                copy_sparsely(old, new, bytes);
            }
            damage
        };
        self.end_emptied(cache, slot, entry, event, damage)
    }

    /// Moves the pages of `bytes` bytes at `old` to the fresh large object at `new`, if both lie alike in their pages.
    ///
    /// # Safety
    /// Both objects must be the caller's alone.
    unsafe fn move_whole_pages(
        &self,
        old: usize,
        (new, size): (usize, usize),
        bytes: usize,
    ) -> Result<(), Errno> {
        let in_page = old % PAGE_BYTES;
        if in_page != new % PAGE_BYTES {
            return Err(Errno::EINVAL);
        }
        let (from, to) = (old - in_page, new - in_page);
        let whole = round_up_to_page(in_page + bytes);
        // SAFETY: the caller's promise. What the last page holds behind the old object, canaries and perhaps
        // bytes that are cut off, is overwritten; so are the canaries of the new object, which were lost.
        unsafe {
            memory::move_pages(from, to, whole)?;
            let (end, page_end) = (new + bytes, to + whole);
            core::ptr::write_bytes(end as *mut u8, 0, page_end - end);
            canary::fill(new, size, self.config.canary_bytes);
        }
        Ok(())
    }
}

/// Whether there are only zeros, quickly.
fn is_zero(part: &[u8]) -> bool {
    // SAFETY: any eight bytes are a number.
    let (start, words, end) = unsafe { part.align_to::<u64>() };
    start.iter().chain(end).all(|&byte| byte == 0)
        && words.chunks(32).all(|chunk| chunk.iter().fold(0, |all, word| all | word) == 0)
}

/// Copies `bytes` bytes to zeroed memory, but for pages that hold only zeros, and drops the pages at `old`
/// on the way.
///
/// # Safety
/// The memory must be the caller's own; nothing may rely on what is at `old` any more.
unsafe fn copy_sparsely(old: usize, new: usize, bytes: usize) {
    let end = old + bytes;
    let (mut at, mut dropped) = (old, round_up_to_page(old));
    while at < end {
        let next = (at + 1).next_multiple_of(PAGE_BYTES).min(end);
        // SAFETY: the caller's promise. A page that nobody has written to is read without taking memory.
        unsafe {
            let part = core::slice::from_raw_parts(at as *const u8, next - at);
            if !is_zero(part) {
                let to = (new + (at - old)) as *mut u8;
                core::ptr::copy_nonoverlapping(part.as_ptr(), to, part.len());
            }
            if next - dropped.min(next) >= STEP_BYTES {
                // Should the kernel refuse, they are dropped at the end.
                let _ = memory::discard(dropped, next - dropped);
                dropped = next;
            }
        }
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Family, ThreadId};
    use super::super::release::Deallocator;
    use super::super::{Config, threads};
    use super::*;
    use crate::options::Placement;
    use crate::pages::{PageProtection, trial_backends};
    use crate::sys::probe;
    use crate::trace::TraceId;

    const EVENT: Event = Event { thread: ThreadId(0), trace: TraceId::NONE };

    fn heap(pages: &'static dyn PageProtection, placement: Placement, fill: Option<u8>) -> Heap {
        let config = Config {
            placement,
            seed: 0,
            canary_bytes: 128,
            fill,
            free_fill: None,
            budget_bytes: 1 << 30,
            room_bytes: usize::MAX,
            max_mappings: 10_000,
            sample: 1,
            batch: 0,
            history_bytes: 1 << 20,
        };
        Heap::new(pages, config).unwrap()
    }

    /// Runs `test` with each backend, in a thread that has nothing of another heap.
    fn with_heaps(
        placement: Placement,
        fill: Option<u8>,
        test: impl Fn(&Heap, &ThreadCache) + Sync,
    ) {
        for backend in trial_backends() {
            let heap = heap(backend, placement, fill);
            let run = || {
                threads::current();
                threads::with_cache(|cache| test(&heap, cache));
            };
            std::thread::scope(|scope| scope.spawn(run).join().unwrap());
        }
    }

    fn allocate(heap: &Heap, cache: &ThreadCache, size: usize) -> usize {
        let request = Request { size, align: 1, family: Family::Malloc, zeroed: false };
        heap.allocate(cache, request, || EVENT) as usize
    }

    fn resize(heap: &Heap, cache: &ThreadCache, address: usize, size: usize) -> usize {
        let release = Release::new(Deallocator::Realloc);
        let (new, checked) = heap.resize(cache, address, (size, 1), release, EVENT).unwrap();
        checked.unwrap();
        new as usize
    }

    fn free(heap: &Heap, cache: &ThreadCache, address: usize) {
        heap.free(cache, address, Release::new(Deallocator::Free), || EVENT).unwrap();
    }

    /// An object of `size` bytes for which much was moved.
    fn much_moved(heap: &Heap, cache: &ThreadCache, size: usize) -> usize {
        (0..MANY_MOVED).fold(allocate(heap, cache, size), |at, _| {
            let new = resize(heap, cache, at, size);
            assert_ne!(new, at);
            assert_eq!(probe::load_byte(at), None);
            new
        })
    }

    #[test]
    fn contents_stay_and_what_is_behind_them_faults() {
        for placement in [Placement::Right, Placement::Left, Placement::Exact] {
            with_heaps(placement, None, |heap, cache| {
                let byte = |index: usize| (index % 251) as u8;
                let (mut at, mut size, mut moves) = (allocate(heap, cache, 1), 0_usize, 0);
                let mut state = 88_172_645_463_325_252_u64;
                for round in 0..3000 {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    let most = if round % 100 == 0 { 3 << 20 } else { 3000 };
                    let step = state as usize % most;
                    let new_size = match state >> 62 {
                        0 => size.saturating_sub(step).max(1),
                        _ => (size + step).min(6 << 20),
                    };
                    let new = resize(heap, cache, at, new_size);
                    moves += usize::from(new != at);
                    for index in (0..size.min(new_size)).step_by(97) {
                        // SAFETY: inside the object.
                        assert_eq!(unsafe { *((new + index) as *const u8) }, byte(index));
                    }
                    for index in size..new_size {
                        // SAFETY: as above.
                        unsafe {
                            assert_eq!(*((new + index) as *const u8), 0);
                            *((new + index) as *mut u8) = byte(index);
                        }
                    }
                    assert_eq!(
                        probe::load_byte((new + new_size).next_multiple_of(PAGE_BYTES)),
                        None
                    );
                    (at, size) = (new, new_size);
                }
                assert!((10..1000).contains(&moves), "{moves} moves");
                free(heap, cache, at);
                assert_eq!(probe::load_byte(at), None);
                assert_eq!(heap.tally().total(), 0);
                assert_eq!(heap.live_bytes(), 0);
            });
        }
    }

    #[test]
    fn fresh_bytes_are_filled() {
        with_heaps(Placement::Right, Some(0xa5), |heap, cache| {
            let mut at = much_moved(heap, cache, 100);
            let mut size = 100;
            for step in [1, 5000, 70, 40_000, 1 << 20, 5 << 20] {
                let new = resize(heap, cache, at, size + step);
                let is_filled = |address| probe::load_byte(address) == Some(0xa5);
                assert!((new + size..new + size + step).all(is_filled));
                (at, size) = (new, size + step);
            }
            free(heap, cache, at);
        });
    }

    #[test]
    fn damage_is_found_where_an_object_grows() {
        with_heaps(Placement::Right, None, |heap, cache| {
            let at = much_moved(heap, cache, 160);
            let grown = resize(heap, cache, at, 168);
            assert_eq!(at, grown);
            // SAFETY: the slack is accessible.
            unsafe { ((grown + 168) as *mut u8).write(1) };
            let release = Release::new(Deallocator::Realloc);
            let (new, checked) = heap.resize(cache, grown, (176, 1), release, EVENT).unwrap();
            assert_eq!(new as usize, grown);
            assert!(matches!(checked, Err(BadCall::Overwritten(object, damage))
                if object.size == 168 && damage.address == grown + 168));
            // It is told once.
            free(heap, cache, grown);
        });
    }

    #[test]
    fn pages_that_hold_nothing_are_left_out() {
        let residency = crate::sys::residency::Residency::new();
        with_heaps(Placement::Right, None, |heap, cache| {
            // Alike in their pages, and not.
            for size in [64 << 20, (64 << 20) + 1000] {
                let at = allocate(heap, cache, size);
                let touched = [5, 20 << 20, size - 1];
                // SAFETY: inside the object.
                touched.iter().for_each(|index| unsafe { ((at + index) as *mut u8).write(7) });
                let new = resize(heap, cache, at, size + (1 << 20));
                assert!(touched.iter().all(|index| probe::load_byte(new + index) == Some(7)));
                let mut held = [false; 128];
                let page = (new & !(PAGE_BYTES - 1)) + (32 << 20);
                residency.ask(page, &mut held).unwrap();
                assert_eq!(held, [false; 128]);
                assert_eq!(probe::load_byte(at + 5), None);
                free(heap, cache, new);
            }
        });
    }
}
