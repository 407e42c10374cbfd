//! Revokes many freed objects together, with one kernel call and one flush of the processors' address translations.
//!
//! Until then such an object is filled with junk: [`canary::JUNK`], or the byte of the option `free-fill`. Reads of it are
//! missed meanwhile: they find junk. A write to it is found when the batch is revoked, and a second free at once.

use super::canary;
use super::object::BadCall;
use super::quarantine::Quarantine;
use super::record::Event;
use super::slot::{Freeing, Home};
use super::small::SmallSpace;
use super::tally::Reason;
use super::terms::Account;
use super::threads::Counter;
use crate::pages::{MOST_RANGES, PageRange};

/// Ends an object, whose pages stay for a while.
#[inline(never)]
pub fn admit(
    quarantine: &Quarantine,
    account: Account<'_>,
    small: &SmallSpace,
    object: Freeing<'_>,
    freed: Event,
) -> Result<(), BadCall> {
    let config = &account.terms.config;
    let (start, size) = (object.address(), object.snapshot().size);
    let (home, last_seen) = (object.slot().home, object.object());
    // SAFETY: only this thread may end the object, and its pages are still accessible.
    let damage = unsafe {
        let damage = canary::check(start, size, config.canary_bytes);
        core::ptr::write_bytes(start as *mut u8, config.junk(), size);
        damage
    };
    object.quarantine(freed);
    let Home::Pool { class, index } = home else { return Ok(()) };
    let checked = if !quarantine.push(class, index) {
        // A signal handler was faster, and took the last place.
        revoke_together(account, small, &[(class, index)])
    } else if quarantine.len() >= config.batch {
        empty(quarantine, account, small)
    } else {
        Ok(())
    };
    match damage {
        Some(damage) => Err(BadCall::Overwritten(last_seen, damage)),
        None => checked,
    }
}

/// Revokes everything that waits. The error is the first object that was written to.
#[inline(never)]
pub fn empty(
    quarantine: &Quarantine,
    account: Account<'_>,
    small: &SmallSpace,
) -> Result<(), BadCall> {
    let mut checked = Ok(());
    let mut waiting = [(0, 0); MOST_RANGES];
    loop {
        let mut count = 0;
        while count < MOST_RANGES
            && let Some(place) = quarantine.pop()
        {
            waiting[count] = place;
            count += 1;
        }
        if count == 0 {
            return checked;
        }
        checked = checked.and(revoke_together(account, small, &waiting[..count]));
    }
}

/// Makes the pages of up to [`MOST_RANGES`] objects in quarantine fault. The error is the first object that was written
/// to.
fn revoke_together(
    account: Account<'_>,
    small: &SmallSpace,
    places: &[(usize, usize)],
) -> Result<(), BadCall> {
    let object = |&(class, index): &(usize, usize)| {
        let slot = small.pool.class(class).slot(index)?;
        let snapshot = slot.record.read()?;
        slot.populated(snapshot.place()).map(|pages| (slot, snapshot, pages))
    };
    let mut written = None;
    let mut ranges = [PageRange::new(0, 1); MOST_RANGES];
    let mut count = 0;
    for (slot, snapshot, pages) in places.iter().filter_map(object) {
        if written.is_none()
            && let Some(damage) =
                account.terms.config.check_junk(slot.address(&snapshot), snapshot.size)
        {
            written = Some(BadCall::WrittenAfterFree(slot.object(&snapshot), damage));
        }
        // This comes before the junk is gone: a check at exit, or in the child of a fork, may look at any time.
        slot.record.leave_quarantine();
        ranges[count] = pages;
        count += 1;
    }
    // SAFETY: this thread has ended the objects, and only it knows that they wait.
    let revoked = unsafe { small.pages.retire_all(&ranges[..count]) };
    account.count(Counter::Batches);
    for (slot, snapshot, pages) in places.iter().filter_map(object) {
        // After an error some may be revoked all the same, so each is tried by itself.
        // SAFETY: this thread has ended the object, and only it knows that it waits.
        match revoked.or_else(|_| unsafe { small.pages.retire(pages) }) {
            Ok(()) => small.settle(account, &slot, snapshot.size),
            Err(_) => account.terms.tally.count(Reason::NotRevoked),
        }
    }
    written.map_or(Ok(()), Err)
}
