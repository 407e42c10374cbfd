//! A ring of entries that anyone may add to and read at any time, signal handlers included: nothing is locked.
//!
//! An entry is valid if its first word is the sum of the others and of its number. So one that is being written, by a thread that was
//! interrupted or overtaken by a whole round, is not read; nor is one that was erased.

use super::step::WORDS;
use crate::sys::memory::Reservation;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

pub const ENTRY_BYTES: usize = size_of::<Entry>();

/// Made usable at a time.
const STEP_BYTES: usize = 64 << 10;

/// All zeros, as fresh memory is, is no valid entry.
#[repr(C)]
struct Entry {
    sum: AtomicU64,
    words: [AtomicU64; WORDS],
}

/// A ring of entries. Empty, and closed, until [`Log::open`].
pub struct Log {
    /// Of the reservation; 0 before there is one.
    start: AtomicUsize,
    bytes: AtomicUsize,
    /// Bytes from the start on that are usable. Only grows.
    usable: AtomicUsize,
    /// Entries that fit; set last.
    capacity: AtomicUsize,
    /// Number of the next entry; the first has 0.
    next: AtomicU64,
    /// Whether an entry found no memory.
    has_lost: AtomicBool,
}

impl Log {
    pub const fn new() -> Log {
        Log {
            start: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            usable: AtomicUsize::new(0),
            capacity: AtomicUsize::new(0),
            next: AtomicU64::new(0),
            has_lost: AtomicBool::new(false),
        }
    }

    /// Reserves room for `capacity` entries, or as many as there are addresses for. Once.
    pub fn open(&self, capacity: usize) {
        let wanted = capacity * ENTRY_BYTES;
        let Some(room) = Reservation::new(wanted, wanted.min(STEP_BYTES), super::SPACE_PARTS)
        else {
            return;
        };
        self.start.store(room.start, Ordering::Relaxed);
        self.bytes.store(room.bytes, Ordering::Relaxed);
        self.capacity.store(capacity.min(room.bytes / ENTRY_BYTES), Ordering::Release);
    }

    pub fn is_open(&self) -> bool {
        self.capacity.load(Ordering::Acquire) != 0
    }

    /// Adds an entry; returns its number. `None` where there is no memory.
    pub fn push(&self, words: &[u64; WORDS]) -> Option<u64> {
        if !self.is_open() {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(entry) = self.writable(number) else {
            self.has_lost.store(true, Ordering::Relaxed);
            return None;
        };
        // Nobody takes what was here for whole any more.
        entry.sum.store(0, Ordering::Relaxed);
        for (place, &word) in entry.words.iter().zip(words) {
            place.store(word, Ordering::Relaxed);
        }
        entry.sum.store(sum(words, number), Ordering::Release);
        Some(number)
    }

    /// Makes an entry unreadable, if it is still there.
    pub fn erase(&self, number: u64) {
        let Some(entry) = self.entry(number) else { return };
        let Some(words) = entry.read(number) else { return };
        let order = (Ordering::Relaxed, Ordering::Relaxed);
        let _ = entry.sum.compare_exchange(sum(&words, number), 0, order.0, order.1);
    }

    /// Whether there were entries that can't be read any more.
    pub fn is_cut(&self) -> bool {
        let count = self.next.load(Ordering::Relaxed);
        count > self.capacity.load(Ordering::Relaxed) as u64
            || self.has_lost.load(Ordering::Relaxed)
    }

    /// The numbers of the entries that may be there.
    fn numbers(&self) -> Range<u64> {
        let capacity = self.capacity.load(Ordering::Acquire) as u64;
        let end = self.next.load(Ordering::Acquire);
        end.saturating_sub(capacity)..end
    }

    /// How many entries there are at most.
    pub fn len(&self) -> usize {
        self.numbers().count()
    }

    /// The entries that are there, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = [u64; WORDS]> {
        self.numbers().rev().filter_map(|number| self.entry(number)?.read(number))
    }

    /// The same, the oldest first.
    pub fn oldest_first(&self) -> impl Iterator<Item = [u64; WORDS]> {
        self.numbers().filter_map(|number| self.entry(number)?.read(number))
    }

    /// The place of an entry, if its memory is usable.
    fn entry(&self, number: u64) -> Option<&Entry> {
        let capacity = self.capacity.load(Ordering::Acquire) as u64;
        let at = number.checked_rem(capacity)? as usize * ENTRY_BYTES;
        if at + ENTRY_BYTES > self.usable.load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: within the usable part of a reservation of ours that stays for ever; entries are atomics, for which
        // all bit patterns are valid, and lie at multiples of their size from the start of a page, so they are aligned.
        Some(unsafe { &*((self.start.load(Ordering::Relaxed) + at) as *const Entry) })
    }

    /// The same, made usable if need be.
    fn writable(&self, number: u64) -> Option<&Entry> {
        if let Some(entry) = self.entry(number) {
            return Some(entry);
        }
        let bytes = self.bytes.load(Ordering::Relaxed);
        let room = Reservation { start: self.start.load(Ordering::Relaxed), bytes };
        let capacity = self.capacity.load(Ordering::Relaxed) as u64;
        let end = (number.checked_rem(capacity)? as usize + 1) * ENTRY_BYTES;
        // Two threads may make the same step usable: that does no harm.
        let to = end.next_multiple_of(STEP_BYTES).min(bytes);
        let from = self.usable.load(Ordering::Acquire).min(to);
        room.commit(from, to - from).ok()?;
        self.usable.fetch_max(to, Ordering::AcqRel);
        self.entry(number)
    }
}

impl Entry {
    /// What is there, if it is entry `number` and whole.
    fn read(&self, number: u64) -> Option<[u64; WORDS]> {
        let expected = self.sum.load(Ordering::Acquire);
        let words = core::array::from_fn(|at| self.words[at].load(Ordering::Relaxed));
        (expected == sum(&words, number)).then_some(words)
    }
}

/// Never 0: that is no entry.
fn sum(words: &[u64; WORDS], number: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let add = |sum: u64, word: &u64| (sum ^ word).wrapping_mul(ODD).rotate_left(29);
    words.iter().fold(number.wrapping_mul(ODD), add) | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firsts(log: &Log) -> Vec<u64> {
        log.newest_first().map(|words| words[0]).collect()
    }

    #[test]
    fn the_newest_are_kept() {
        let log = Log::new();
        assert_eq!((log.push(&[1; WORDS]), log.is_open()), (None, false));
        log.open(4);
        for word in 1..=3 {
            assert_eq!(log.push(&[word; WORDS]), Some(word - 1));
        }
        assert_eq!((firsts(&log), log.is_cut()), (vec![3, 2, 1], false));
        for word in 4..=10 {
            log.push(&[word; WORDS]);
        }
        assert_eq!((firsts(&log), log.is_cut()), (vec![10, 9, 8, 7], true));
        let oldest: Vec<u64> = log.oldest_first().map(|words| words[0]).collect();
        assert_eq!((oldest, log.len()), (vec![7, 8, 9, 10], 4));
    }

    #[test]
    fn an_erased_or_torn_entry_is_not_read() {
        let log = Log::new();
        log.open(4);
        for word in 1..=3 {
            log.push(&[word; WORDS]);
        }
        log.erase(1);
        assert_eq!(firsts(&log), [3, 1]);
        // Its place is another's by now.
        log.push(&[4; WORDS]);
        log.push(&[5; WORDS]);
        log.erase(0);
        assert_eq!(firsts(&log), [5, 4, 3]);
        log.entry(4).unwrap().words[7].store(99, Ordering::Relaxed);
        assert_eq!(firsts(&log), [4, 3]);
    }

    #[test]
    fn threads_may_add_at_once() {
        const EACH: u64 = 5_000;
        let log = Log::new();
        log.open(4 * EACH as usize);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let log = &log;
                scope.spawn(move || {
                    for count in 0..EACH {
                        log.push(&[thread << 32 | count; WORDS]);
                    }
                });
            }
        });
        let all = firsts(&log);
        assert_eq!(all.len() as u64, 4 * EACH);
        for thread in 0..4 {
            let own: Vec<u64> = all.iter().filter(|word| *word >> 32 == thread).copied().collect();
            assert!(own.is_sorted_by(|newer, older| newer > older), "in the order of each thread");
        }
    }
}
