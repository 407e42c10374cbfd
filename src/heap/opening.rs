//! Lets one access through: a guarded page is opened, and closed again after it.
//!
//! Only pages that no object will ever use are opened: guards, pages of freed objects, and pages of a slot that its
//! object does not reach. So nobody populates a page that is about to be closed.

use super::record::State;
use super::spaces::Spaces;
use crate::pages::{PageProtection, PageRange};
use crate::sys::{Errno, PAGE_BYTES, memory, process};

/// A guarded page that was made accessible.
#[must_use]
#[derive(Clone, Copy, Debug)]
pub struct OpenPage {
    page: PageRange,
    guarded_by: GuardedBy,
}

/// The reason why a page faults.
#[derive(Clone, Copy, Debug)]
enum GuardedBy {
    Backend,
    /// An inaccessible mapping, over a collapsed stretch or in the space of large objects.
    Mapping,
}

impl OpenPage {
    /// Opens a page; see [`super::Heap::open_page`]. Freed objects read as `free_fill`.
    pub fn open(spaces: &Spaces, address: usize, free_fill: Option<u8>) -> Option<OpenPage> {
        let guarded_by = guarded_by(spaces, address)?;
        let page = PageRange::new(address & !(PAGE_BYTES - 1), 1);
        // SAFETY: nobody owns this page now or later, and it faults.
        let opened = unsafe {
            match guarded_by {
                GuardedBy::Backend => spaces.small.pages.populate(page),
                GuardedBy::Mapping => memory::commit(page.start(), page.bytes()),
            }
        };
        if let Some(byte) = free_fill
            && opened.is_ok()
            && was_freed_at(spaces, address)
        {
            // SAFETY: nobody owns this page now or later, and it was just made accessible.
            unsafe { core::ptr::write_bytes(page.start() as *mut u8, byte, page.bytes()) };
        }
        opened.ok().map(|()| OpenPage { page, guarded_by })
    }

    /// Closes the page; see [`super::Heap::close_page`].
    pub fn close(self, pages: &dyn PageProtection) -> Result<(), Errno> {
        // SAFETY: nobody owns the page. Only accesses that were reported rely on it.
        unsafe {
            match self.guarded_by {
                GuardedBy::Backend => pages.retire(self.page),
                GuardedBy::Mapping => memory::revoke(self.page.start(), self.page.bytes()),
            }
        }
    }

    pub fn contains(&self, address: usize) -> bool {
        self.page.contains(address)
    }
}

/// Whether `address` lies in the data pages of a slot whose object was freed.
fn was_freed_at(spaces: &Spaces, address: usize) -> bool {
    spaces.locate(address).filter(|slot| slot.data.contains(address)).is_some_and(|slot| match slot
        .record
        .read()
    {
        Some(snapshot) => snapshot.freed.is_some(),
        None => spaces.forgotten(&slot).is_some(),
    })
}

/// Whether another thread may be growing an object in place, up to the page of `address`.
fn may_grow_to(spaces: &Spaces, address: usize) -> bool {
    let Some(slot) = spaces.locate(address).filter(|slot| slot.data.contains(address)) else {
        return false;
    };
    let is_growing = slot.record.read_settled().is_some_and(|snapshot| {
        matches!(snapshot.state, State::Live | State::Freeing) && snapshot.may_stay()
    });
    is_growing && !process::has_one_thread()
}

/// Returns what makes the page of `address` fault, if it does and no object can come to lie there.
fn guarded_by(spaces: &Spaces, address: usize) -> Option<GuardedBy> {
    if !spaces.guards(address) {
        return None;
    }
    if spaces.large.contains(address) {
        let may_open = spaces.large.is_handed_out(address) && !may_grow_to(spaces, address);
        return may_open.then_some(GuardedBy::Mapping);
    }
    let class = spaces.small.pool.class_of(address)?;
    let Some(index) = class.index_of(address) else {
        return class.is_first_guard(address).then_some(GuardedBy::Backend);
    };
    let slot = class.slot(index)?;
    if class.has_collapsed(index) {
        return Some(GuardedBy::Mapping);
    }
    let is_free = !slot.data.contains(address)
        || match slot.record.read_settled() {
            Some(snapshot) => snapshot.state != State::Freeing && !may_grow_to(spaces, address),
            // Another thread may be about to get this slot.
            None => process::has_one_thread(),
        };
    is_free.then_some(GuardedBy::Backend)
}

#[cfg(test)]
mod tests {
    use super::super::record::{Event, Family, ThreadId};
    use super::super::release::{Deallocator, Release};
    use super::super::threads::ThreadCache;
    use super::super::{AllocationRequest, Config, Heap};
    use super::*;
    use crate::heap::budget::headroom::Shares;
    use crate::heap::place::Placing;
    use crate::options::Placement;
    use crate::pages::trial_backends;
    use crate::sys::probe;
    use crate::trace::TraceId;

    const EVENT: Event = Event { thread: ThreadId(0), trace: TraceId::NONE };

    fn heap(pages: &'static dyn PageProtection, free_fill: Option<u8>) -> Heap {
        let config = Config {
            placing: Placing { placement: Placement::Right, seed: 0 },
            canary_bytes: 128,
            fill: None,
            free_fill,
            shares: Shares::of_user(usize::MAX),
            room_bytes: usize::MAX,
            max_mappings: 10_000,
            sample: 1,
            batch: 0,
            history_bytes: 1 << 20,
            waiting_bytes: 1 << 20,
        };
        Heap::new(pages, config).unwrap()
    }

    fn allocate(heap: &Heap, cache: &ThreadCache, size: usize) -> usize {
        let request = AllocationRequest { size, align: 1, family: Family::Malloc, zeroed: false };
        heap.allocate(cache, request, || EVENT) as usize
    }

    /// Opens the page of `address`, expects `found` there, writes, and expects a fault after closing it.
    fn check(heap: &Heap, address: usize, found: u8, what: &str) {
        let name = heap.backend().name();
        assert_eq!(probe::load_byte(address), None, "{what} on {name}");
        for _ in 0..2 {
            let open = heap.open_page(address).unwrap_or_else(|| panic!("{what} on {name}"));
            assert!(open.contains(address));
            assert_eq!(probe::load_byte(address), Some(found), "{what} on {name}");
            // SAFETY: the page was just opened.
            unsafe { (address as *mut u8).write(7) };
            heap.close_page(open).unwrap();
            assert_eq!(probe::load_byte(address), None, "{what} on {name}");
        }
    }

    #[test]
    fn guards_and_freed_pages_open_and_close() {
        for (backend, fill) in trial_backends().flat_map(|b| [(b, None), (b, Some(0xa5))]) {
            let freed = fill.unwrap_or(0);
            let heap = heap(backend, fill);
            let cache = ThreadCache::new();
            let free = |at| {
                heap.free(&cache, at, Release::new(Deallocator::Free), || EVENT).unwrap();
            };
            let small = allocate(&heap, &cache, 64);
            check(&heap, small + 64, 0, "the guard behind an object");
            check(&heap, small - 4096, 0, "the guard before the first object");
            let large = allocate(&heap, &cache, 100_000);
            check(&heap, large + 100_000 + 15, 0, "the guard behind a large object");
            let other = allocate(&heap, &cache, 64);
            free(small);
            check(&heap, small, freed, "a freed object");
            check(&heap, small + 64, 0, "the guard behind a freed object");
            free(large);
            check(&heap, large, freed, "a freed large object");
            assert!(heap.open_page(other).is_none(), "a live object");
            for _ in 0..2000 {
                let at = allocate(&heap, &cache, 64);
                free(at);
            }
            free(other);
            check(&heap, small, freed, "a freed object of a collapsed stretch");
        }
    }

    #[test]
    fn nothing_opens_where_objects_may_come() {
        for backend in trial_backends() {
            let heap = heap(backend, None);
            let cache = ThreadCache::new();
            let small = allocate(&heap, &cache, 64);
            let large = allocate(&heap, &cache, 100_000);
            assert!(heap.open_page(small + (1 << 30)).is_none());
            assert!(heap.open_page(large + (1 << 30)).is_none());
            assert!(heap.open_page(0x1000).is_none());
        }
    }
}
