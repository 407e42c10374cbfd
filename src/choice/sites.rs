//! The places that objects come from: a table that all threads share, without locks.
//!
//! A place is named by its innermost frames. Its row is added once and never removed. When no row is free, all further
//! places share one.

use super::odds::{Lot, USUAL_WEIGHT};
use crate::sys::{Errno, memory, round_up_to_page};
use crate::trace::{INNERMOST, TraceId};
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// How many rows there are. They take 3 MiB, of which pages are touched as places are met.
const ROWS: usize = 1 << 15;

/// So many rows are looked at for a place.
const MOST_PROBES: usize = 64;

/// The row of all places that have none of their own.
const SHARED: usize = 0;

/// What is known of one place. All zeros, until it is met.
#[repr(C, align(64))]
pub struct Site {
    /// A hash of its frames; 0 if the row is free.
    key: AtomicU64,
    salt: AtomicU64,
    /// How many numbers were given to objects.
    objects: AtomicU64,
    /// How many objects had pages.
    paged: AtomicU64,
    phase: AtomicU32,
    /// 0 until the rest is written.
    weight: AtomicU32,
    earlier: AtomicU32,
    trace: AtomicU32,
}

impl Site {
    /// Returns what its objects draw by.
    #[inline(always)]
    pub fn lot(&self) -> Lot {
        let weight = self.weight.load(Ordering::Relaxed);
        Lot {
            salt: self.salt.load(Ordering::Relaxed),
            phase: self.phase.load(Ordering::Relaxed),
            weight: if weight == 0 { USUAL_WEIGHT } else { weight },
            earlier: self.earlier.load(Ordering::Relaxed),
        }
    }

    fn set_lot(&self, lot: Lot) {
        self.salt.store(lot.salt, Ordering::Relaxed);
        self.phase.store(lot.phase, Ordering::Relaxed);
        self.earlier.store(lot.earlier, Ordering::Relaxed);
        self.weight.store(lot.weight, Ordering::Release);
    }

    /// Raises the weight to at least `weight`.
    pub fn weigh(&self, weight: u32) {
        self.weight.fetch_max(weight, Ordering::Relaxed);
    }

    /// Takes numbers for objects: the first one, and how many there are. A thread takes several where there have been
    /// many, so that threads with one site do not wait for each other.
    pub fn take_numbers(&self) -> (u32, u32) {
        let so_far = self.objects.load(Ordering::Relaxed);
        let count = (so_far / 64).clamp(1, 64);
        let first = self.objects.fetch_add(count, Ordering::Relaxed) + 1;
        (u32::try_from(first).unwrap_or(u32::MAX - 64), count as u32)
    }

    pub fn note_paged(&self) {
        self.paged.fetch_add(1, Ordering::Relaxed);
    }

    pub fn objects(&self) -> u64 {
        self.objects.load(Ordering::Relaxed)
    }

    pub fn paged(&self) -> u64 {
        self.paged.load(Ordering::Relaxed)
    }

    /// Returns the stack that stands for all from here; none before the first walk.
    #[inline(always)]
    pub fn trace(&self) -> TraceId {
        TraceId::from_raw(self.trace.load(Ordering::Relaxed))
    }

    pub fn set_trace(&self, trace: TraceId) {
        self.trace.store(trace.get(), Ordering::Relaxed);
    }
}

/// The number of a site's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct SiteId(u32);

/// All sites.
pub struct Sites {
    /// Where the rows begin; behind them are the frames of each, and the numbers of rows in use, plus one.
    start: usize,
    /// How many rows were taken.
    taken: AtomicUsize,
}

type Frames = [AtomicUsize; INNERMOST];

impl Sites {
    pub fn new() -> Result<Sites, Errno> {
        let bytes = ROWS * (size_of::<Site>() + size_of::<Frames>() + size_of::<AtomicU32>());
        let start = memory::map(round_up_to_page(bytes))?;
        Ok(Sites { start, taken: AtomicUsize::new(0) })
    }

    #[inline(always)]
    fn row(&self, number: usize) -> &Site {
        debug_assert!(number < ROWS);
        // SAFETY: the mapping begins with so many rows, is never unmapped, and zeros are valid for atomics.
        unsafe { &*(self.start as *const Site).add(number) }
    }

    fn frames_of(&self, number: usize) -> &Frames {
        debug_assert!(number < ROWS);
        let start = self.start + ROWS * size_of::<Site>();
        // SAFETY: behind the rows are as many arrays of frames.
        unsafe { &*(start as *const Frames).add(number) }
    }

    /// The word for the row that was taken as number `nth`; 0 until its number is there.
    fn taken_as(&self, nth: usize) -> &AtomicU32 {
        debug_assert!(nth < ROWS);
        let start = self.start + ROWS * (size_of::<Site>() + size_of::<Frames>());
        // SAFETY: behind the frames are as many words.
        unsafe { &*(start as *const AtomicU32).add(nth) }
    }

    #[inline(always)]
    pub fn get(&self, SiteId(number): SiteId) -> &Site {
        self.row(number as usize % ROWS)
    }

    /// Returns the site with these innermost frames, and adds it if necessary; `draw` says how its objects draw.
    pub fn find(
        &self,
        frames: &[usize; INNERMOST],
        draw: impl FnOnce(&[usize; INNERMOST]) -> Lot,
    ) -> SiteId {
        let key = hash(frames);
        let first = key as usize % ROWS;
        for number in (0..MOST_PROBES).map(|nth| (first + nth) % ROWS) {
            if number == SHARED {
                continue;
            }
            let row = self.row(number);
            match row.key.compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    let stored = self.frames_of(number).iter();
                    stored.zip(frames).for_each(|(word, pc)| word.store(*pc, Ordering::Relaxed));
                    row.set_lot(draw(frames));
                    // Each row is taken once, so there is a word for it.
                    let nth = self.taken.fetch_add(1, Ordering::Relaxed) % ROWS;
                    self.taken_as(nth).store(number as u32 + 1, Ordering::Release);
                    return SiteId(number as u32);
                }
                Err(other) if other == key => return SiteId(number as u32),
                Err(_) => {}
            }
        }
        SiteId(SHARED as u32)
    }

    /// Returns the sites of which there were objects, with their frames; none for those that share a row.
    pub fn all(&self) -> impl Iterator<Item = (&Site, [usize; INNERMOST])> {
        let taken = self.taken.load(Ordering::Relaxed).min(ROWS);
        let number = |nth| self.taken_as(nth).load(Ordering::Acquire).checked_sub(1);
        let rows = (0..taken).filter_map(number).map(|number| number as usize).chain([SHARED]);
        rows.filter(|number| self.row(*number).objects() > 0).map(|number| {
            let frames = self.frames_of(number);
            (self.row(number), core::array::from_fn(|at| frames[at].load(Ordering::Relaxed)))
        })
    }
}

fn hash(frames: &[usize; INNERMOST]) -> u64 {
    let mix = |hash: u64, pc: &usize| {
        let mixed = (hash ^ *pc as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ mixed >> 32
    };
    frames.iter().fold(1, mix).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lot(salt: usize) -> Lot {
        Lot { salt: salt as u64, phase: 1, weight: 2, earlier: 3 }
    }

    #[test]
    fn a_place_has_one_row_and_shares_one_when_none_is_free() {
        let sites = Sites::new().unwrap();
        let find = |pc: usize| sites.find(&[pc, 1, 2, 3], |frames| lot(frames[0]));
        let (one, two) = (find(100), find(200));
        assert_ne!(one, two);
        assert_eq!((find(100), sites.get(one).lot()), (one, lot(100)));
        assert_ne!(sites.find(&[100, 1, 2, 4], |_| lot(0)), one);
        let mut shared = 0;
        for pc in 0..2 * ROWS {
            shared += usize::from(find(1000 + pc) == SiteId(SHARED as u32));
        }
        assert!((ROWS..ROWS + ROWS / 8).contains(&shared), "{shared}");
        // Those that share a row are numbered together, and those that had one keep it.
        assert_eq!(find(200), two);
        sites.get(SiteId(SHARED as u32)).take_numbers();
        sites.get(two).take_numbers();
        let mut all: Vec<_> = sites.all().map(|(site, frames)| (site.objects(), frames)).collect();
        all.sort_unstable();
        assert_eq!(all, [(1, [0; 4]), (1, [200, 1, 2, 3])]);
    }

    #[test]
    fn each_object_has_a_number_of_its_own() {
        let sites = Sites::new().unwrap();
        let site = sites.get(sites.find(&[1, 2, 3, 4], |_| lot(0)));
        let take = || {
            let mut mine = Vec::new();
            while mine.len() < 20_000 {
                let (first, count) = site.take_numbers();
                mine.extend(first..first + count);
            }
            mine
        };
        let mut all: Vec<u32> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] + 1 == pair[1]) && all[0] == 1);
        assert_eq!(site.objects(), all.len() as u64);
    }
}
