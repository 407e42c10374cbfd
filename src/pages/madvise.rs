//! Guard markers: `madvise(MADV_GUARD_INSTALL)`, Linux 6.13 and later.
//!
//! A marker is in the page table and makes its page fault. It costs no mapping, survives fork, and needs no privilege.
//! A stretch of the pool is made writable (one mapping grows) and filled with markers. A slot's markers are removed
//! while it lives. When it is retired they are put back, which also drops its memory.
//!
//! The kernel refuses to install markers in locked memory (mlockall(2)), and a seccomp filter may refuse too. From then
//! on page permissions do the work, as in [`super::mprotect`]: every range is inaccessible unless its slot lives. So
//! nothing goes unguarded, but each live slot costs mappings.

use super::{Outlook, PageProtection, PageRange, vectors};
use crate::sys::sandbox::{self, Coming, Need};
use crate::sys::{Errno, memory};
use core::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
pub struct Madvise {
    /// Set for good by the first refusal. Stretches opened later carry no markers.
    markers_refused: AtomicBool,
    /// Whether a seccomp filter is the reason.
    is_filtered: AtomicBool,
    /// Whether a filter forbids both markers and permissions.
    has_ended: AtomicBool,
}

impl Madvise {
    pub const fn new() -> Madvise {
        Madvise {
            markers_refused: AtomicBool::new(false),
            is_filtered: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
        }
    }

    /// Guards by page permissions from now on.
    fn refuse_markers(&self, is_filtered: bool) {
        if !self.markers_refused.swap(true, Ordering::Relaxed) {
            self.is_filtered.store(is_filtered, Ordering::Relaxed);
        }
    }
}

impl PageProtection for Madvise {
    fn name(&self) -> &'static str {
        "madvise"
    }

    fn prepare(&self, reservation: PageRange) -> Result<(), Errno> {
        // A huge page in the one large writable mapping would fill guard pages. (The other backends map single slots,
        // and the flag would keep the kernel from merging retired slots.)
        memory::refuse_huge_pages(reservation.start(), reservation.bytes());
        Ok(())
    }

    unsafe fn open(&self, stretch: PageRange) -> Result<(), Errno> {
        // Commit first: markers in the pool's inaccessible rest would give all of it an anon_vma, and with that a place
        // in core dumps. Nobody has a pointer here yet.
        // SAFETY: the caller owns the stretch, which is not in service yet.
        unsafe {
            memory::commit(stretch.start(), stretch.bytes())?;
            if memory::guard_install(stretch.start(), stretch.bytes()).is_err() {
                self.refuse_markers(sandbox::is_restricted());
                memory::revoke(stretch.start(), stretch.bytes())?;
            }
        }
        Ok(())
    }

    unsafe fn populate(&self, pages: PageRange) -> Result<(), Errno> {
        // SAFETY: the caller owns the pages. A stretch opened before the refusal has markers, one opened after it is
        // inaccessible; doing both is right for either. A kernel that does not know markers has made none.
        unsafe {
            match memory::guard_remove(pages.start(), pages.bytes()) {
                // A filter forbids to remove markers; a new mapping has none.
                Err(_) if sandbox::is_restricted() => {
                    self.refuse_markers(true);
                    return memory::replace(pages.start(), pages.bytes());
                }
                Err(Errno::EINVAL) if self.markers_refused.load(Ordering::Relaxed) => {}
                result => result?,
            }
            if self.markers_refused.load(Ordering::Relaxed) {
                memory::commit(pages.start(), pages.bytes())?;
            }
        }
        Ok(())
    }

    unsafe fn retire(&self, pages: PageRange) -> Result<(), Errno> {
        // SAFETY: the caller owns the pages, and nothing relies on their contents any more.
        unsafe {
            if self.is_filtered.load(Ordering::Relaxed) {
                return memory::revoke(pages.start(), pages.bytes());
            }
            memory::guard_install(pages.start(), pages.bytes()).or_else(|error| {
                // Where a page is not mapped any more, nothing is wrong with the others.
                if error != Errno::ENOMEM {
                    self.refuse_markers(sandbox::is_restricted());
                }
                memory::revoke(pages.start(), pages.bytes())
            })
        }
    }

    unsafe fn retire_all(&self, ranges: &[PageRange]) -> Result<(), Errno> {
        if self.is_filtered.load(Ordering::Relaxed) {
            // SAFETY: the caller promises that each range is populated and its own.
            return ranges.iter().try_for_each(|&pages| unsafe { self.retire(pages) });
        }
        let vectors = &vectors(ranges)[..ranges.len()];
        // Drop the pages first, with one TLB flush for all: installing a marker over a present page flushes for each.
        // SAFETY: the caller owns the pages, and nothing relies on their contents any more.
        unsafe {
            let _ = memory::discard_all(vectors);
            memory::guard_install_all(vectors)
                .or_else(|_| ranges.iter().try_for_each(|&pages| self.retire(pages)))
        }
    }

    fn mappings_per_slot(&self) -> usize {
        if self.markers_refused.load(Ordering::Relaxed) { 2 } else { 0 }
    }

    fn prepare_for(&self, filter: &Coming) -> Outlook {
        let has_markers = !self.markers_refused.load(Ordering::Relaxed);
        if has_markers && filter.allows(Need::GuardMarkers) {
            return Outlook::Lives;
        }
        // A new mapping can replace a marker too.
        let can_replace = filter.allows(Need::GuardMarkers) || filter.allows(Need::Replacing);
        if !filter.allows(Need::Permissions) || !can_replace {
            self.has_ended.store(true, Ordering::Relaxed);
            return Outlook::Ends;
        }
        if has_markers {
            self.refuse_markers(true);
        }
        Outlook::Lives
    }

    fn lost(&self) -> Option<&'static str> {
        let is_locked = self.markers_refused.load(Ordering::Relaxed)
            && !self.is_filtered.load(Ordering::Relaxed)
            && !self.has_ended.load(Ordering::Relaxed);
        is_locked.then_some(LOCKED)
    }

    fn replaced(&self) -> Option<&'static str> {
        let is_replaced =
            self.is_filtered.load(Ordering::Relaxed) && !self.has_ended.load(Ordering::Relaxed);
        is_replaced.then_some(FILTERED)
    }
}

const LOCKED: &str = "the kernel makes no guard markers in locked memory (mlockall), nor before Linux 6.13; \
     page permissions guard in their place";
const FILTERED: &str = "the program's seccomp filter forbids guard markers; \
     page permissions guard in their place";
