//! Which objects get pages when there is a budget (option `budget`), and what all that costs.
//!
//! [`Choice`] is the face. An object's site is named by its innermost frames ([`known`], [`sites`]); how likely it is to
//! get pages follows from its number there and a threshold ([`odds`]); the threshold follows from the time that
//! guarding has taken ([`steering`]). `docs/budget.md` explains this to users.
//!
//! Nothing here takes a lock, so signal handlers may allocate; errno is kept.

mod carried;
mod known;
pub mod odds;
mod sites;
pub mod steering;

use crate::sys::{Errno, process, ticks};
use crate::trace::{self, Caller, Frames, INNERMOST, Innermost, TraceId};
pub use carried::Earlier;
use carried::row_of;
use core::ops::{Range, RangeInclusive};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use known::Bill;
use odds::{LEAST, Lot, NEAR_WEIGHT, USUAL_WEIGHT};
use once_cell::race::OnceBox;
use sites::{SiteId, Sites};
use steering::{FIRST_THRESHOLD, Steering, Times};

pub use known::thread_exit;

/// A thread settles its bill after so many operations without pages, or [`PAGED_WEIGHT`] times fewer with them.
const DUE: u32 = 512;
const PAGED_WEIGHT: u32 = 16;

/// One in so many operations without pages is measured.
const MEASURED: u32 = 64;

/// About what malloc and free cost without us, in nanoseconds for each call.
const NATIVE_NS: u64 = 12;

/// An object of more bytes has a mapping of its own without us, too, so pages cost little more.
const LARGE_BYTES: usize = 64 << 10;

/// By so much more likely such an object gets pages.
const LARGE_WEIGHT: u64 = 64;

/// By so much more likely an object of a size that the option `focus` names gets pages.
const SIZE_WEIGHT: u64 = 64;

/// What page operations cost beyond their own time, in eighths of it: afterwards the processor has lost its address
/// translations, and at the end the pages must be freed.
const AFTERMATH_EIGHTHS: u64 = 2;

/// A measurement above this, in ticks, is of an operation during which the thread did not run.
const MOST_TICKS: u64 = 200_000;

/// What was chosen for one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    site: SiteId,
    pub home: Home,
    /// Whether the caller should measure the operation even if the object has no pages; see [`Choice::note_cheap`].
    pub is_measured: bool,
}

/// Where an object goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// Pages of its own. It is worth a whole walk of the stack.
    Pages,
    /// None of its own.
    Unpaged,
}

/// What the user wants, and what the process has so far. Parts that change often are on cache lines of their own.
pub struct Choice {
    percent: u64,
    /// What may be spent beyond the budget; less in the child of a fork.
    grant_ns: AtomicU64,
    sites: Sites,
    seed: u64,
    earlier: Option<Earlier>,
    /// The code, and the sizes in bytes, on which the option `focus` is.
    focus: OnceBox<Vec<Range<usize>>>,
    sizes: Vec<RangeInclusive<usize>>,
    threshold: Line<AtomicU64>,
    all_ns: Line<AtomicU64>,
    spent_ns: AtomicU64,
    /// The mean time of an operation without pages, in sixteenths of a tick.
    cheap_ticks: AtomicU32,
    /// Nanoseconds for 2^20 ticks; 0 until that is known.
    tick_ns: AtomicU64,
    /// Ticks and nanoseconds at the start.
    began: [u64; 2],
}

/// A value with a cache line of its own.
#[repr(align(64))]
struct Line<T>(T);

impl Choice {
    /// Makes a choice for a budget of `percent` of the program's own time. Objects of these sizes are preferred.
    pub fn new(
        percent: u32,
        seed: u64,
        earlier: Option<Earlier>,
        sizes: Vec<RangeInclusive<usize>>,
    ) -> Result<Choice, Errno> {
        known::init();
        Ok(Choice {
            percent: u64::from(percent),
            grant_ns: AtomicU64::new(steering::GRANT_NS),
            sites: Sites::new()?,
            seed,
            earlier,
            focus: OnceBox::new(),
            sizes,
            threshold: Line(AtomicU64::new(FIRST_THRESHOLD)),
            all_ns: Line(AtomicU64::new(0)),
            spent_ns: AtomicU64::new(0),
            cheap_ticks: AtomicU32::new(0),
            tick_ns: AtomicU64::new(0),
            began: [ticks::now(), process::clock_nanoseconds()],
        })
    }

    /// Chooses for an object of `size` bytes that is about to be allocated.
    #[inline]
    pub fn of_allocation(&self, caller: &Caller, size: usize) -> Chosen {
        let found = known::with(caller.sp, |known| {
            let is_measured = known.bill.count_cheap();
            let call = known.call(caller, |caller| self.find(caller));
            if call.left == 0 {
                (call.next, call.left) = self.sites.get(call.site).take_numbers();
            }
            let number = call.next;
            (call.next, call.left) = (number.saturating_add(1), call.left - 1);
            (call.site, number, is_measured)
        });
        let (site, number, is_measured) = found.unwrap_or_else(|| self.number_anew(caller));
        let home = if self.wins(site, number, size) { Home::Pages } else { Home::Unpaged };
        Chosen { site, home, is_measured }
    }

    #[inline(always)]
    fn wins(&self, site: SiteId, number: u32, size: usize) -> bool {
        let threshold = self.threshold.0.load(Ordering::Relaxed);
        let threshold = if size > LARGE_BYTES { threshold * LARGE_WEIGHT } else { threshold };
        let threshold = if self.is_preferred(size) { threshold * SIZE_WEIGHT } else { threshold };
        self.sites.get(site).lot().wins(number, threshold)
    }

    #[inline(always)]
    fn is_preferred(&self, size: usize) -> bool {
        !self.sizes.is_empty() && self.sizes.iter().any(|sizes| sizes.contains(&size))
    }

    #[cold]
    #[inline(never)]
    fn number_anew(&self, caller: &Caller) -> (SiteId, u32, bool) {
        let (site, _) = self.find(caller);
        let (number, _) = self.sites.get(site).take_numbers();
        (site, number, false)
    }

    #[cold]
    #[inline(never)]
    fn find(&self, caller: &Caller) -> (SiteId, Innermost) {
        let (frames, innermost) = Innermost::find(caller);
        (self.sites.find(&frames, |frames| self.draw(frames)), innermost)
    }

    /// Says how the objects of a new site draw.
    fn draw(&self, frames: &[usize; INNERMOST]) -> Lot {
        // Where a module lies changes from run to run, but not the offset in a page.
        let salt = frames.iter().fold(self.seed, |salt, pc| {
            (salt ^ (*pc as u64 & 0xfff)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)
        });
        let lot = Lot { salt, phase: self.seed as u32, weight: USUAL_WEIGHT, earlier: 0 };
        let lot = self.earlier.as_ref().map_or(lot, |earlier| earlier.draw(lot, frames));
        if self.has_focus(frames) { Lot { weight: NEAR_WEIGHT, ..lot } } else { lot }
    }

    fn has_focus(&self, frames: &[usize; INNERMOST]) -> bool {
        let focus = self.focus.get().map_or(&[][..], |code| code);
        let is_in = |pc: usize| focus.iter().any(|code| code.contains(&pc.wrapping_sub(1)));
        frames.iter().any(|pc| is_in(*pc))
    }

    /// Prefers the objects of all calls from `code`. For the start; a second call does nothing.
    pub fn focus_on(&self, code: Vec<Range<usize>>) {
        if self.focus.set(Box::new(code)).is_ok() {
            let met = self.sites.all().filter(|(_, frames)| self.has_focus(frames));
            met.for_each(|(site, _)| site.weigh(NEAR_WEIGHT));
        }
    }

    /// Prefers the objects of the sites with this stack from now on: one of them was damaged.
    pub fn note_bug(&self, trace: TraceId) {
        let mut walked = Frames::new();
        trace::frames(trace, &mut walked);
        let walked = walked.as_slice();
        // Some sites have fewer frames, as more could not be checked.
        let is_meant = |frames: &[usize; INNERMOST]| {
            let named = frames.iter().filter(|pc| **pc != 0).count();
            named > 0
                && walked.len() >= named
                && walked.iter().zip(&frames[..named]).all(|(pc, named)| pc.address() == *named)
        };
        let met = self.sites.all().filter(|(_, frames)| is_meant(frames));
        met.for_each(|(site, _)| site.weigh(NEAR_WEIGHT));
    }

    /// Leaves what was met in a report directory, for the `fencepost run` named `run`.
    pub fn leave(&self, directory: &[u8], run: &str) -> Result<(), Errno> {
        let rows = self.sites.all().filter_map(|(site, frames)| row_of(&frames, site.paged()));
        carried::leave(directory, run, rows)
    }

    /// Returns the stack that stands for all from the site of `chosen`; `walk` walks one, if there is none yet.
    #[inline]
    pub fn trace(&self, chosen: Chosen, walk: impl FnOnce() -> TraceId) -> TraceId {
        self.trace_of(chosen.site, walk)
    }

    #[inline(always)]
    fn trace_of(&self, site: SiteId, walk: impl FnOnce() -> TraceId) -> TraceId {
        let site = self.sites.get(site);
        let kept = site.trace();
        if !kept.is_none() {
            return kept;
        }
        let walked = walk();
        site.set_trace(trace::stand_in(walked));
        walked
    }

    /// Returns a stack for a free from `caller` of an object without pages, and whether the caller should measure it.
    #[inline]
    pub fn trace_of_free(
        &self,
        caller: &Caller,
        walk: impl FnOnce() -> TraceId,
    ) -> (TraceId, bool) {
        let found = known::with(caller.sp, |known| {
            let is_measured = known.bill.count_cheap();
            (known.call(caller, |caller| self.find(caller)).site, is_measured)
        });
        let (site, is_measured) = found.unwrap_or_else(|| (self.find(caller).0, false));
        (self.trace_of(site, walk), is_measured)
    }

    /// Notes that an object of `chosen` had pages, and the whole stack of its allocation.
    pub fn note_paged(&self, chosen: Chosen, trace: TraceId) {
        let site = self.sites.get(chosen.site);
        site.note_paged();
        if site.trace().is_none() {
            site.set_trace(trace::stand_in(trace));
        }
    }

    /// Notes how long an operation with pages took. Returns whether the thread should settle.
    pub fn pay(&self, caller: &Caller, took: u64) -> bool {
        let took = took.min(MOST_TICKS);
        let due = known::with(caller.sp, |known| {
            known.bill.ticks += took + took / 8 * AFTERMATH_EIGHTHS;
            known.bill.weight += PAGED_WEIGHT;
            known.bill.weight >= DUE
        });
        due.unwrap_or(false)
    }

    /// Notes how long an operation without pages took. Returns whether the thread should settle.
    #[cold]
    pub fn note_cheap(&self, caller: &Caller, took: u64) -> bool {
        let mean = u64::from(self.cheap_ticks.load(Ordering::Relaxed));
        // One operation may wait for a page or another thread; the mean follows slowly.
        let took = if mean == 0 { took.min(MOST_TICKS / 64) } else { took.min(mean) };
        let next = if mean == 0 { took * 16 } else { mean - mean / 16 + took };
        self.cheap_ticks.store(next as u32, Ordering::Relaxed);
        known::with(caller.sp, |known| known.bill.weight >= DUE).unwrap_or(false)
    }

    /// Settles the calling thread's bill: what it did is added to the times of the process, and the threshold follows.
    /// `is_memory_spent` says whether pages take more memory than they may.
    #[cold]
    #[inline(never)]
    pub fn settle(&self, caller: &Caller, is_memory_spent: bool) {
        let Some((bill, all_ns)) = known::with(caller.sp, |known| {
            let (bill, now) = (known.bill.take(), ticks::now());
            let all_ns = match ticks::thread_nanoseconds() {
                // In the child of a fork the clock has begun anew.
                Some(ns) if ns < bill.settled_ns => known.bill.settle(ns, now, ns),
                Some(ns) => known.bill.settle(ns, now, ns - bill.settled_ns),
                // A filter forbids the clock: the thread may have slept meanwhile.
                None => {
                    let passed = self.nanoseconds(now.saturating_sub(bill.settled_ticks));
                    known.bill.settle(0, now, passed.min(10_000_000))
                }
            };
            (bill, all_ns)
        }) else {
            return;
        };
        self.add(bill, all_ns);
        self.steer(is_memory_spent);
    }

    fn add(&self, bill: Bill, all_ns: u64) {
        self.calibrate();
        let cheap_ticks = u64::from(self.cheap_ticks.load(Ordering::Relaxed)) / 16;
        let cheap_ns = self.nanoseconds(cheap_ticks).saturating_sub(NATIVE_NS);
        let spent = self.nanoseconds(bill.ticks) + u64::from(bill.cheap) * cheap_ns;
        // While it was measured, the thread may have waited for a processor.
        self.spent_ns.fetch_add(spent.min(all_ns), Ordering::Relaxed);
        self.all_ns.0.fetch_add(all_ns, Ordering::Relaxed);
    }

    fn steer(&self, is_memory_spent: bool) {
        let threshold = self.threshold.0.load(Ordering::Relaxed);
        let next = match is_memory_spent {
            true => LEAST,
            false => self.steering().next(threshold, self.times()),
        };
        self.threshold.0.store(next, Ordering::Relaxed);
    }

    fn steering(&self) -> Steering {
        Steering { percent: self.percent, grant_ns: self.grant_ns.load(Ordering::Relaxed) }
    }

    fn times(&self) -> Times {
        Times {
            all_ns: self.all_ns.0.load(Ordering::Relaxed),
            spent_ns: self.spent_ns.load(Ordering::Relaxed),
        }
    }

    /// Measures how long a tick is, until enough time has passed to know.
    fn calibrate(&self) {
        const ENOUGH_NS: u64 = 100_000_000;
        let [ticks, began] = self.began;
        let known = self.tick_ns.load(Ordering::Relaxed);
        if known & 1 == 1 {
            return;
        }
        let (passed_ns, passed) = (
            process::clock_nanoseconds().saturating_sub(began),
            ticks::now().saturating_sub(ticks),
        );
        if passed > 0 && passed_ns > 0 {
            let tick_ns = ((u128::from(passed_ns) << 20) / u128::from(passed)) as u64;
            // The lowest bit says that this is final.
            let is_final = u64::from(passed_ns > ENOUGH_NS);
            self.tick_ns.store(tick_ns & !1 | is_final, Ordering::Relaxed);
        }
    }

    fn nanoseconds(&self, ticks: u64) -> u64 {
        // Where the clock is forbidden, three ticks are taken for a nanosecond.
        let tick_ns = match self.tick_ns.load(Ordering::Relaxed) {
            0 => (1 << 20) / 3,
            known => known,
        };
        ((u128::from(ticks) * u128::from(tick_ns)) >> 20) as u64
    }

    /// In the child of a fork: its times begin anew, and what the parent has saved up is not the child's.
    pub fn after_fork_in_child(&self) {
        known::after_fork_in_child();
        self.grant_ns.store(0, Ordering::Relaxed);
        self.all_ns.0.store(0, Ordering::Relaxed);
        self.spent_ns.store(0, Ordering::Relaxed);
        self.threshold.0.fetch_min(LEAST << 4, Ordering::Relaxed);
    }

    /// Returns how many of how many objects and sites had pages so far.
    pub fn shares(&self) -> Shares {
        let mut shares = Shares::default();
        for (site, _) in self.sites.all() {
            shares.sites += 1;
            shares.paged_sites += u64::from(site.paged() > 0);
            shares.paged += site.paged();
        }
        shares
    }
}

/// How much had pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    pub paged: u64,
    pub sites: u64,
    pub paged_sites: u64,
}

impl Bill {
    /// Counts an operation without pages. Returns whether it should be measured.
    #[inline(always)]
    fn count_cheap(&mut self) -> bool {
        self.cheap += 1;
        self.weight += 1;
        self.cheap.is_multiple_of(MEASURED)
    }

    fn settle(&mut self, ns: u64, ticks: u64, passed_ns: u64) -> u64 {
        (self.settled_ns, self.settled_ticks) = (ns, ticks);
        passed_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice() -> Choice {
        trace::init();
        Choice::new(100, 1, None, vec![40..=50]).unwrap()
    }

    #[test]
    fn the_first_objects_have_pages_whatever_was_spent() {
        let choice = choice();
        let caller = Caller::here();
        let choose = || choice.of_allocation(&caller, 16);
        assert_eq!((choose().home, choose().home), (Home::Pages, Home::Pages));
        choice.threshold.0.store(LEAST, Ordering::Relaxed);
        let later: Vec<Home> = (0..10_000).map(|_| choose().home).collect();
        let paged = later.iter().filter(|home| **home == Home::Pages).count();
        // Twice ln(5000), about.
        assert!((3..60).contains(&paged), "{paged}");
        // A preferred size, and a size that has a mapping natively.
        for size in [45, LARGE_BYTES + 1] {
            let more =
                (0..10_000).filter(|_| choice.of_allocation(&caller, size).home == Home::Pages);
            // The usual odds would be one or two.
            let more = more.count();
            assert!(more > 25, "{size}: {more}");
        }
    }

    #[test]
    fn what_costs_too_much_lowers_the_threshold_and_a_fork_begins_anew() {
        let choice = choice();
        let caller = Caller::here();
        let before = choice.threshold.0.load(Ordering::Relaxed);
        choice.settle(&caller, false);
        choice.spent_ns.store(1 << 40, Ordering::Relaxed);
        choice.settle(&caller, false);
        let after = choice.threshold.0.load(Ordering::Relaxed);
        assert!(after < 2 * before && after >= LEAST);
        choice.all_ns.0.store(1 << 50, Ordering::Relaxed);
        choice.settle(&caller, false);
        assert!(choice.threshold.0.load(Ordering::Relaxed) > after);
        choice.settle(&caller, true);
        assert_eq!(choice.threshold.0.load(Ordering::Relaxed), LEAST);
        choice.after_fork_in_child();
        assert_eq!((choice.times(), choice.steering().grant_ns), (Times::default(), 0));
    }

    #[test]
    fn the_stack_of_a_site_is_that_of_its_first_object_and_says_so() {
        let choice = choice();
        let caller = Caller::here();
        let chosen = choice.of_allocation(&caller, 16);
        let walked = trace::capture(caller);
        assert_eq!(choice.trace(chosen, || walked), walked);
        let stand_in = choice.trace(chosen, || unreachable!());
        let (mut first, mut later) = (Frames::new(), Frames::new());
        trace::frames(walked, &mut first);
        trace::frames(stand_in, &mut later);
        assert_eq!(first, later);
        assert!(!first.are_of_another() && later.are_of_another());
        assert!(trace::is_stand_in(stand_in) && !trace::is_stand_in(walked));
        let freed = choice.trace_of_free(&caller, || unreachable!());
        assert_eq!(freed.0, stand_in);
    }

    #[test]
    fn focus_and_damage_make_a_site_weigh_more() {
        let choice = choice();
        let caller = Caller::here();
        let weight = |chosen: Chosen| choice.sites.get(chosen.site).lot().weight;
        let chosen = choice.of_allocation(&caller, 16);
        assert_eq!(weight(chosen), USUAL_WEIGHT);
        // A damaged object may have the stack of another, from the same site.
        choice.note_bug(trace::stand_in(trace::capture(caller)));
        assert_eq!(weight(chosen), NEAR_WEIGHT);

        // A thread remembers its calls, so this must be another.
        let (choice, caller) = (self::choice(), Caller::here());
        let chosen = choice.of_allocation(&caller, 16);
        choice.focus_on(vec![1..2, caller.pc - 8..caller.pc + 8]);
        assert_eq!(choice.sites.get(chosen.site).lot().weight, NEAR_WEIGHT);
        let elsewhere = choice.draw(&[100, 200, 300, 400]);
        let inside = choice.draw(&[100, 200, caller.pc, 400]);
        assert_eq!((elsewhere.weight, inside.weight), (USUAL_WEIGHT, NEAR_WEIGHT));
    }

    #[test]
    fn shares_are_counted() {
        let choice = choice();
        let caller = Caller::here();
        let chosen = choice.of_allocation(&caller, 16);
        choice.note_paged(chosen, TraceId::NONE);
        choice.of_allocation(&Caller::here(), 16);
        assert_eq!(choice.shares(), Shares { paged: 1, sites: 2, paged_sites: 1 });
    }
}
