//! realloc: objects that move, and objects that stay in place.
//!
//! An object moves, so that stale pointers to it fault and its end is at the guard. Moving it at each of many small
//! steps would take quadratic time. So each object's record says how much was moved so far to bring it there. After
//! [`MANY_MOVED`] its next move leaves spare pages behind it, in proportion to its size, which fault until it reaches
//! them. Then it grows in place, page by page, until they are spent. The slack behind it, less than a page, is filled
//! with canaries, which are checked at each step.

use super::budget::{Cost, native_bytes};
use super::canary;
use super::object::BadCall;
use super::object::{AllocationRequest, MAX_SIZE};
use super::record::{Event, MANY_MOVED, MOST_MOVED, Snapshot};
use super::slot::{Freeing, FreshSlot, Home, Slot};
use super::spaces::Spaces;
use super::tally::Reason;
use super::terms::Account;
use crate::pages::PageRange;
use crate::sys::{Errno, PAGE_BYTES, memory, round_up_to_page};
use core::ops::Range;

/// A move counts one towards [`MANY_MOVED`], and one more for each so many bytes. So a small object really moves its
/// first 64 times, and one of 16 MiB once.
const MOVED_BYTES: usize = 256 << 10;

/// The object's pages divided by this are its spare pages.
const SPARE_PARTS: usize = 2;

/// An object that could grow in place stays if it shrinks by at most one part in so many.
const SHRINK_PARTS: usize = 4;

/// From this size on, a move skips pages that are all zeros, so that it does not fill the new ones.
const SPARSE_BYTES: usize = 1 << 20;

/// How many bytes of a large object are copied before its old pages are dropped.
const STEP_BYTES: usize = 2 << 20;

/// What happened to an object that was to be resized in place.
pub enum InPlace {
    /// It has its new size. The error says what was wrong with its canaries.
    Done(Result<(), BadCall>),
    /// Another thread has ended it.
    Lost(BadCall),
    /// It must move.
    MustMove,
}

/// One call of realloc for a guarded object.
pub struct Resizing<'a> {
    pub account: Account<'a>,
    pub spaces: &'a Spaces,
    pub request: AllocationRequest,
    pub event: Event,
}

impl Resizing<'_> {
    /// Returns the alignment that the object must have afterwards.
    fn align(&self) -> usize {
        let AllocationRequest { size, align, .. } = self.request;
        self.account.terms.config.placing.effective_align(size, align)
    }

    /// Whether an object may have its new size in place.
    fn may_stay(&self, slot: &Slot<'_>, snapshot: &Snapshot) -> bool {
        let size = self.request.size;
        snapshot.may_stay()
            && !snapshot.is_remapped
            && snapshot.size.min(size) > 0
            && slot.address(snapshot).is_multiple_of(self.align())
            && size <= slot.data.bytes() - snapshot.offset
            && size >= snapshot.size - snapshot.size / SHRINK_PARTS
    }

    /// Resizes an object in place, if much was moved to make it and it has room.
    pub fn try_in_place(&self, slot: Slot<'_>, snapshot: Snapshot) -> InPlace {
        if !self.may_stay(&slot, &snapshot) {
            return InPlace::MustMove;
        }
        let object = match Freeing::begin(slot, snapshot) {
            Ok(object) => object,
            Err(bad) => return InPlace::Lost(bad),
        };
        let config = &self.account.terms.config;
        let (start, old_size, size) = (object.address(), object.snapshot().size, self.request.size);
        // SAFETY: only this thread may resize the object, whose pages are accessible.
        let damage = unsafe { canary::check(start, old_size, config.canary_bytes) };
        if !self.may_stay(object.slot(), object.snapshot())
            || self.change_pages(&object, size).is_err()
        {
            let allocated = object.snapshot().allocated;
            object.resume(old_size, allocated);
            return InPlace::MustMove;
        }
        let old_end = start + old_size;
        // Further pages are zeros.
        let end = match config.fill {
            Some(_) => start + size,
            None => (start + size).min(round_up_to_page(old_end)),
        };
        // SAFETY: only this thread may resize the object, and its pages are accessible up to the new end.
        unsafe {
            let fill = config.fill.unwrap_or(0);
            core::ptr::write_bytes(old_end as *mut u8, fill, end.saturating_sub(old_end));
            canary::fill(start, size, config.canary_bytes);
        }
        let last_seen = object.object();
        object.resume(size, self.event);
        InPlace::Done(match damage {
            Some(damage) => Err(BadCall::Overwritten(last_seen, damage)),
            None => Ok(()),
        })
    }

    /// Gives an object the pages for `size` bytes, and takes those behind them. An error leaves it as it was.
    fn change_pages(&self, object: &Freeing<'_>, size: usize) -> Result<(), Reason> {
        let (account, slot, old) = (self.account, object.slot(), object.snapshot());
        let is_large = slot.home == Home::Large;
        let end = |size| slot.data.start() + round_up_to_page(old.offset + size);
        let (old_end, new_end) = (end(old.size), end(size));
        if new_end == old_end && native_bytes(size) == native_bytes(old.size) {
            return Ok(());
        }
        let charge = || match is_large {
            true => account.charge_size(size),
            false => account.charge(Cost::of_slot(size)),
        };
        let refund = |size| match is_large {
            true => account.refund_size(size),
            false => account.refund(Cost::of_slot(size)),
        };
        if let Err(reason) = charge() {
            // Natively a mapping grows where it is, so the old size is not charged beside the new one.
            if !is_large {
                return Err(reason);
            }
            refund(old.size);
            let charged = charge();
            account.terms.budget.charge_size_anyhow(old.size);
            charged?;
        }
        if new_end > old_end {
            let pages = PageRange::new(old_end, (new_end - old_end) / PAGE_BYTES);
            // SAFETY: the pages belong to the slot, lie behind the object, and fault.
            let populated = unsafe {
                match is_large {
                    true => memory::commit(pages.start(), pages.bytes()),
                    false => self.spaces.small.pages.populate(pages),
                }
            };
            if populated.is_err() {
                refund(size);
                return Err(Reason::Refused);
            }
        }
        if new_end < old_end {
            let pages = PageRange::new(new_end, (old_end - new_end) / PAGE_BYTES);
            // SAFETY: the pages lie behind the object from now on, and nobody else uses them.
            let retired = unsafe {
                match is_large {
                    true => memory::revoke(pages.start(), pages.bytes()),
                    false => self.spaces.small.pages.retire(pages),
                }
            };
            if retired.is_err() {
                refund(size);
                return Err(Reason::NotRevoked);
            }
        }
        refund(old.size);
        Ok(())
    }

    /// Returns how much was moved to make the new object, once `old` has moved to it.
    pub fn moved_with(&self, old: &Snapshot) -> u8 {
        let bytes = old.size.min(self.request.size);
        let moved = usize::from(old.moved) + 1 + bytes / MOVED_BYTES;
        moved.min(usize::from(MOST_MOVED)) as u8
    }

    /// Claims a slot with spare pages behind the new object, if enough was `moved` to make it.
    pub fn claim_roomy(&self, moved: u8) -> Option<FreshSlot<'_>> {
        let (size, align) = (self.request.size, self.align());
        let fits = (1..=MAX_SIZE / 2).contains(&size) && align <= PAGE_BYTES;
        if moved < MANY_MOVED || self.account.terms.config.sample > 1 || !fits {
            return None;
        }
        let spare = round_up_to_page(round_up_to_page(size) / SPARE_PARTS);
        self.spaces.claim_roomy(self.account, size, align, spare).ok()
    }

    /// Moves an object's contents to a fresh object at `new`, and ends the old one.
    pub fn move_to(&self, object: Freeing<'_>, new: usize) -> Result<(), BadCall> {
        let config = &self.account.terms.config;
        let (old, old_size) = (object.address(), object.snapshot().size);
        let bytes = self.request.size.min(old_size);
        let are_large = object.slot().home == Home::Large && self.spaces.large.contains(new);
        let must_copy = object.snapshot().is_remapped || config.fill.is_some();
        if bytes < SPARSE_BYTES || !are_large || must_copy {
            // SAFETY: only this thread may end the old object, and nobody else knows the new one.
            unsafe { core::ptr::copy_nonoverlapping(old as *const u8, new as *mut u8, bytes) };
            return self.spaces.end(self.account, object, self.event);
        }
        // SAFETY: only this thread may end the old object, and nobody else knows the new one. Canaries may move too.
        let damage = unsafe {
            let damage = canary::check(old, old_size, config.canary_bytes);
            let new = new..new + self.request.size;
            if move_whole_pages(old..old + bytes, new.clone(), config.canary_bytes).is_err() {
                copy_sparsely(old..old + bytes, new.start);
            }
            damage
        };
        self.spaces.end_emptied(self.account, object, self.event, damage)
    }
}

/// Moves the pages of the bytes `old` to the fresh large object `new`, if both have the same offset in their pages.
///
/// # Safety
/// Only the caller may use both objects.
unsafe fn move_whole_pages(
    old: Range<usize>,
    new: Range<usize>,
    canary_bytes: usize,
) -> Result<(), Errno> {
    let in_page = old.start % PAGE_BYTES;
    if in_page != new.start % PAGE_BYTES {
        return Err(Errno::EINVAL);
    }
    let (from, to) = (old.start - in_page, new.start - in_page);
    let whole = round_up_to_page(in_page + old.len());
    // SAFETY: the caller promises that it alone uses both objects. The last page's bytes behind the old object,
    // canaries and perhaps cut-off contents, are overwritten; so are the new object's canaries, which the move lost.
    unsafe {
        memory::move_pages(from, to, whole)?;
        let (end, page_end) = (new.start + old.len(), to + whole);
        core::ptr::write_bytes(end as *mut u8, 0, page_end - end);
        canary::fill(new.start, new.len(), canary_bytes);
    }
    Ok(())
}

/// Whether all bytes are zero. This is fast.
fn is_zero(part: &[u8]) -> bool {
    // SAFETY: any eight bytes are a number.
    let (start, words, end) = unsafe { part.align_to::<u64>() };
    start.iter().chain(end).all(|&byte| byte == 0)
        && words.chunks(32).all(|chunk| chunk.iter().fold(0, |all, word| all | word) == 0)
}

/// Copies the bytes `old` to zeroed memory at `new`, except pages that hold only zeros, and drops the old pages on the
/// way.
///
/// # Safety
/// Only the caller may use the memory, and nothing may rely on what is at `old` any more.
unsafe fn copy_sparsely(Range { start: old, end }: Range<usize>, new: usize) {
    let (mut at, mut dropped) = (old, round_up_to_page(old));
    while at < end {
        let next = (at + 1).next_multiple_of(PAGE_BYTES).min(end);
        // SAFETY: the caller promises that it alone uses the memory. Reading an untouched page takes no memory.
        unsafe {
            let part = core::slice::from_raw_parts(at as *const u8, next - at);
            if !is_zero(part) {
                let to = (new + (at - old)) as *mut u8;
                core::ptr::copy_nonoverlapping(part.as_ptr(), to, part.len());
            }
            if next - dropped.min(next) >= STEP_BYTES {
                // If the kernel refuses, the pages are dropped at the end.
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
    use super::super::release::Release;
    use super::super::threads::{self, ThreadCache};
    use super::super::{Config, Heap};
    use super::*;
    use crate::heap::budget::headroom::Shares;
    use crate::heap::place::Placing;
    use crate::options::Placement;
    use crate::pages::{PageProtection, trial_backends};
    use crate::sys::probe;
    use crate::trace::TraceId;

    const EVENT: Event = Event { thread: ThreadId(0), trace: TraceId::NONE };

    fn heap(pages: &'static dyn PageProtection, placement: Placement, fill: Option<u8>) -> Heap {
        let config = Config {
            placing: Placing { placement, seed: 0 },
            canary_bytes: 128,
            fill,
            free_fill: None,
            shares: Shares::of_user(1 << 30),
            room_bytes: usize::MAX,
            max_mappings: 10_000,
            sample: 1,
            batch: 0,
            history_bytes: 1 << 20,
            waiting_bytes: 1 << 20,
        };
        Heap::new(pages, config).unwrap()
    }

    /// Runs `test` with each backend, in a thread that has nothing from another heap.
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
        let request = AllocationRequest { size, align: 1, family: Family::Malloc, zeroed: false };
        heap.allocate(cache, request, || EVENT) as usize
    }

    fn resize(heap: &Heap, cache: &ThreadCache, address: usize, size: usize) -> usize {
        let release = Release::new(Deallocator::Realloc);
        let (new, checked) = heap.resize(cache, address, size, 1, release, EVENT, None).unwrap();
        checked.unwrap();
        new as usize
    }

    fn free(heap: &Heap, cache: &ThreadCache, address: usize) {
        heap.free(cache, address, Release::new(Deallocator::Free), || EVENT).unwrap();
    }

    /// Allocates an object of `size` bytes for which much was moved.
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
                        // SAFETY: the index is inside the object.
                        assert_eq!(unsafe { *((new + index) as *const u8) }, byte(index));
                    }
                    for index in size..new_size {
                        // SAFETY: the index is inside the object.
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
            let (new, checked) = heap.resize(cache, grown, 176, 1, release, EVENT, None).unwrap();
            assert_eq!(new as usize, grown);
            assert!(matches!(checked, Err(BadCall::Overwritten(object, damage))
                if object.size == 168 && damage.address == grown + 168));
            // The damage is reported only once.
            free(heap, cache, grown);
        });
    }

    #[test]
    fn pages_that_hold_nothing_are_left_out() {
        let residency = crate::sys::residency::Residency::new();
        with_heaps(Placement::Right, None, |heap, cache| {
            // Once with the same offset in their pages, and once with another.
            for size in [64 << 20, (64 << 20) + 1000] {
                let at = allocate(heap, cache, size);
                let touched = [5, 20 << 20, size - 1];
                // SAFETY: the indexes are inside the object.
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
