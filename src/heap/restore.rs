//! Restores guards after a time without them: see [`Gap`].
//!
//! Other threads go on meanwhile. A page is left alone if its record says that it is in use, or if it holds something
//! and may belong to a thread that is about to publish or to retire an object there. So pages of freed objects that the
//! program touched during the gap stay accessible. All guard pages are restored, as nobody may touch those.

use super::budget::Budget;
use super::pool::Pool;
use super::record::State;
use super::slot::Slot;
use crate::pages::{Gap, MOST_RANGES, PageProtection, PageRange};
use crate::sys::PAGE_BYTES;
use crate::sys::lock::Lock;
use crate::sys::residency::{MOST_PAGES, Residency};
use core::ops::Range;

/// Restores pages that were touched while guards were off. One thread at a time does this, and holds `restoring`.
pub fn restore_guards(
    pages: &'static dyn PageProtection,
    pool: &Pool,
    restoring: &Lock<()>,
    budget: &Budget,
) {
    if pages.gap() != Gap::None {
        restore_now(pages, pool, restoring, budget);
    }
}

/// A function of its own, as it takes much room on a stack that may be small.
#[inline(never)]
fn restore_now(
    pages: &'static dyn PageProtection,
    pool: &Pool,
    restoring: &Lock<()>,
    budget: &Budget,
) {
    let _restoring = restoring.lock();
    let gap = pages.gap();
    if gap == Gap::None {
        return;
    }
    let mut sweep = Sweep::new(pages, gap);
    for class in pool.classes() {
        class.first_guard().into_iter().for_each(|page| sweep.add(page));
        class.visit_in_service(|slot| {
            let in_use = sweep.visit(&slot);
            // If guards cost mappings from now on, objects in service are charged for theirs.
            let mappings = if in_use { pages.mappings_per_slot() } else { 0 };
            sweep.all &= budget.charge_mappings(mappings).is_ok();
            sweep.all
        });
        sweep.end_run();
    }
    sweep.flush();
    pages.end_gap(sweep.all);
}

/// Collects pages to guard, in runs.
struct Sweep {
    pages: &'static dyn PageProtection,
    gap: Gap,
    residency: Residency,
    /// The addresses of the run that is being collected.
    run: Range<usize>,
    ranges: [PageRange; MOST_RANGES],
    count: usize,
    /// Whether nothing has failed.
    all: bool,
}

impl Sweep {
    fn new(pages: &'static dyn PageProtection, gap: Gap) -> Sweep {
        let ranges = [PageRange::new(0, 1); MOST_RANGES];
        let residency = Residency::new();
        Sweep { pages, gap, residency, run: 0..0, ranges, count: 0, all: true }
    }

    /// Adds the pages of the slot that must fault. Returns whether it is in use.
    fn visit(&mut self, slot: &Slot<'_>) -> bool {
        let in_use = slot
            .record
            .read()
            .filter(|snapshot| snapshot.state != State::Retired)
            .and_then(|snapshot| slot.populated(snapshot.place()));
        if self.gap == Gap::Open {
            let mut held = [true; MOST_PAGES];
            let held = &mut held[..slot.data.bytes() / PAGE_BYTES];
            if self.residency.ask(slot.data.start(), held).is_err() {
                self.all = false;
            }
            for (page, held) in (slot.data.start()..).step_by(PAGE_BYTES).zip(&*held) {
                if !held && !in_use.is_some_and(|pages| pages.contains(page)) {
                    self.add(page);
                }
            }
        }
        self.add(slot.data.end());
        in_use.is_some()
    }

    fn add(&mut self, page: usize) {
        if page != self.run.end {
            self.end_run();
            self.run.start = page;
        }
        self.run.end = page + PAGE_BYTES;
    }

    fn end_run(&mut self) {
        let run = core::mem::take(&mut self.run);
        if !run.is_empty() {
            self.ranges[self.count] = PageRange::new(run.start, run.len() / PAGE_BYTES);
            self.count += 1;
        }
        if self.count == MOST_RANGES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let ranges = &self.ranges[..core::mem::take(&mut self.count)];
        // SAFETY: these are guards of slots in service, and missing pages of slots without an object, which nobody can
        // populate before the gap ends.
        if !ranges.is_empty() && unsafe { self.pages.restore(ranges) }.is_err() {
            self.all = false;
        }
    }
}
