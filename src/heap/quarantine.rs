//! Freed objects that wait to be revoked together: one kernel call, and one flush of the processors'
//! address translations, for many.
//!
//! Until then such an object is filled with junk: [`JUNK`], or what the option `free-fill` says. What is missed meanwhile are reads of it: they
//! find junk. A write to it is found when the batch is revoked, and a second free at once.

use super::canary::{self, Damage};
use super::object::{BadCall, view};
use super::place::Place;
use super::record::{Entry, Event};
use super::slot::{Home, Slot};
use super::slot_stack::SlotStack;
use super::threads::ThreadCache;
use super::unguarded::Reason;
use super::{Counter, Heap};
use crate::pages::{MOST_RANGES, PageRange};

/// The byte that freed objects are filled with unless the user wants another (as OpenBSD's malloc does). Eight of it are no address that
/// a process can have, so following a pointer read from a freed object faults.
pub const JUNK: u8 = 0xdf;

/// Most objects that wait in one thread; the range of the option `revoke`.
pub const MOST_WAITING: usize = 512;

/// What a thread has freed, by class and index.
pub type Quarantine = SlotStack<MOST_WAITING>;

/// Class and index of a slot in one number.
fn pack(class: usize, index: usize) -> usize {
    class << 32 | index
}

fn unpack(number: usize) -> (usize, usize) {
    (number >> 32, number & 0xffff_ffff)
}

impl Heap {
    /// The byte that objects in quarantine hold.
    fn junk(&self) -> u8 {
        self.config.free_fill.unwrap_or(JUNK)
    }

    /// Looks for writes to a quarantined object, surviving unreadable bytes.
    pub(super) fn check_junk(&self, start: usize, size: usize) -> Option<Damage> {
        canary::find_carefully([(start, start + size), (start, start)], self.junk())
    }

    /// Where the object is to wait; `None` if it can't.
    #[inline(always)]
    pub(super) fn quarantine_for(
        &self,
        cache: &ThreadCache,
        slot: &Slot<'_>,
        entry: &Entry,
    ) -> Option<&'static Quarantine> {
        let is_small = slot.home != Home::Large && entry.size > 0;
        cache.quarantine().filter(|list| is_small && list.has_room())
    }

    /// Ends the life of an object, whose pages stay for a while.
    #[inline(never)]
    pub(super) fn quarantine(
        &self,
        cache: &ThreadCache,
        list: &Quarantine,
        slot: &Slot<'_>,
        entry: &Entry,
        freed: Event,
    ) -> Result<(), BadCall> {
        let start = slot.address(entry);
        // SAFETY: begin_free made the object this thread's alone; it is still accessible.
        let damage = unsafe {
            let damage = canary::check(start, entry.size, self.config.canary_bytes);
            core::ptr::write_bytes(start as *mut u8, self.junk(), entry.size);
            damage
        };
        slot.record.quarantine(freed);
        let Home::Pool { class, index } = slot.home else { return Ok(()) };
        let checked = if !list.push(pack(class, index)) {
            // A signal handler was faster, and took the last place.
            self.revoke_together(cache, &[pack(class, index)])
        } else if list.len() >= self.config.batch {
            self.empty_quarantine(cache, list)
        } else {
            Ok(())
        };
        match damage {
            Some(damage) => Err(BadCall::Overwritten(view(slot, entry), damage)),
            None => checked,
        }
    }

    /// Revokes all that waits; answers the first object found to have been written to.
    #[inline(never)]
    pub(super) fn empty_quarantine(
        &self,
        cache: &ThreadCache,
        list: &Quarantine,
    ) -> Result<(), BadCall> {
        let mut checked = Ok(());
        let mut waiting = [0; MOST_RANGES];
        loop {
            let mut count = 0;
            while count < MOST_RANGES
                && let Some(number) = list.pop()
            {
                waiting[count] = number;
                count += 1;
            }
            if count == 0 {
                return checked;
            }
            checked = checked.and(self.revoke_together(cache, &waiting[..count]));
        }
    }

    /// Makes the pages of up to [`MOST_RANGES`] objects in quarantine fault, and answers the first that has
    /// been written to.
    fn revoke_together(&self, cache: &ThreadCache, numbers: &[usize]) -> Result<(), BadCall> {
        let object = |&number: &usize| {
            let (class, index) = unpack(number);
            let slot = self.pool.class(class).slot(index)?;
            let entry = slot.record.read()?;
            let place = Place { offset: entry.offset, size: entry.size };
            slot.populated(place).map(|pages| (slot, entry, pages))
        };
        let mut written = None;
        let mut ranges = [PageRange::new(0, 1); MOST_RANGES];
        let mut count = 0;
        for (slot, entry, pages) in numbers.iter().filter_map(object) {
            if written.is_none()
                && let Some(damage) = self.check_junk(slot.address(&entry), entry.size)
            {
                written = Some(BadCall::WrittenAfterFree(view(&slot, &entry), damage));
            }
            // Before the junk is gone: a check at exit, or in the child of a fork, may look any time.
            slot.record.leave_quarantine();
            ranges[count] = pages;
            count += 1;
        }
        // SAFETY: the objects were freed by this thread, and wait for it alone.
        let revoked = unsafe { self.pages.retire_all(&ranges[..count]) };
        cache.count(Counter::Batches);
        for (slot, entry, pages) in numbers.iter().filter_map(object) {
            // After an error some may be revoked all the same: each is tried by itself.
            // SAFETY: as above.
            match revoked.or_else(|_| unsafe { self.pages.retire(pages) }) {
                Ok(()) => self.settle(cache, &slot, &entry),
                Err(_) => self.unguarded.tally().count(Reason::NotRevoked),
            }
        }
        written.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_names_class_and_index() {
        for (class, index) in [(0, 0), (3, 0xffff_ffff), (1, 7)] {
            assert_eq!(unpack(pack(class, index)), (class, index));
        }
    }
}
