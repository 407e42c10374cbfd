//! Slots that a thread has claimed and not used.
//!
//! A thread claims those of a whole page table at a time, so that threads do not wait for each other's page table
//! locks. One that has not allocated much gets a part only, cut from a batch that such threads share: each page
//! table, and each page of records, is memory.

use crate::sys::per_thread::OwnWord;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

/// Pages that the slots of a batch span: those of one page table (2 MiB).
pub const BATCH_PAGES: usize = 512;

/// Objects that a thread allocates before it gets whole batches.
pub const FEW_OBJECTS: u64 = 64;

/// Until then it gets one part in so many.
pub const PARTS: usize = 16;

/// Slots `next..end` of one class in one word.
fn pack(slots: &Range<usize>) -> u64 {
    (slots.start as u64) << 32 | slots.end as u64
}

/// The inverse of [`pack`].
fn unpack(word: u64) -> Range<usize> {
    (word >> 32) as usize..word as u32 as usize
}

/// The slots of one thread: in one word so that a signal handler that allocates in the middle of an allocation can't
/// be given the same slot.
#[derive(Default)]
pub struct Batch(OwnWord);

impl Batch {
    #[cfg(test)]
    pub const fn new() -> Batch {
        Batch(OwnWord::new(0))
    }

    /// Takes one slot.
    #[inline(always)]
    pub fn take(&self) -> Option<usize> {
        let mut word = self.0.get();
        loop {
            let Range { start, end } = unpack(word);
            if start >= end {
                return None;
            }
            match self.0.exchange(word, pack(&(start + 1..end))) {
                Ok(()) => return Some(start),
                Err(now) => word = now,
            }
        }
    }

    /// Replaces what is left with a fresh claim.
    pub fn refill(&self, slots: Range<usize>) {
        self.0.set(pack(&slots));
    }
}

/// The slots of one class from which threads get parts. Some of these hold what is left of a batch: threads that
/// find nothing at the same time claim one each.
#[derive(Default)]
pub struct SharedBatches([AtomicU64; 4]);

impl SharedBatches {
    /// Cuts off `count` slots, or what is left; of a whole batch that `claim` returns, where nothing is left.
    pub fn cut<E>(
        &self,
        count: usize,
        claim: impl FnOnce() -> Result<Range<usize>, E>,
    ) -> Result<Range<usize>, E> {
        if let Some(slots) = self.0.iter().find_map(|word| cut(word, count)) {
            return Ok(slots);
        }
        let slots = claim()?;
        let middle = slots.end.min(slots.start + count);
        let rest = middle..slots.end;
        // Where there is no room, this thread has all.
        let is_shared = self.0.iter().any(|word| refill(word, &rest));
        Ok(if is_shared { slots.start..middle } else { slots })
    }
}

fn cut(word: &AtomicU64, count: usize) -> Option<Range<usize>> {
    let without = |slots: u64| {
        let Range { start, end } = unpack(slots);
        (start < end).then(|| pack(&(end.min(start + count)..end)))
    };
    let before = word.fetch_update(Ordering::Acquire, Ordering::Relaxed, without).ok()?;
    let Range { start, end } = unpack(before);
    Some(start..end.min(start + count))
}

/// Puts slots where none are left; false if there are some.
fn refill(word: &AtomicU64, slots: &Range<usize>) -> bool {
    let instead = |before| unpack(before).is_empty().then(|| pack(slots));
    word.fetch_update(Ordering::Release, Ordering::Relaxed, instead).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_gives_each_slot_once() {
        let batch = Batch::new();
        assert_eq!(batch.take(), None);
        batch.refill(5..7);
        assert_eq!([batch.take(), batch.take(), batch.take()], [Some(5), Some(6), None]);
    }

    #[test]
    fn shared_batches_are_cut_into_parts_and_claimed_when_nothing_is_left() {
        let shared = SharedBatches::default();
        let cut = |claimed: Result<Range<usize>, i32>| shared.cut(4, || claimed);
        assert_eq!(cut(Err(7)), Err(7));
        assert_eq!(cut(Ok(10..16)), Ok(10..14));
        assert_eq!(cut(Err(7)), Ok(14..16));
        // Other threads claim a batch while this one does. The last finds no room.
        let claim = |nth: usize| Ok::<_, i32>(100 * nth..100 * nth + 6);
        let mut others = Vec::new();
        let slots = shared.cut(4, || {
            others.extend((1..5).map(|nth| {
                let held = shared.0.each_ref().map(|word| word.swap(0, Ordering::Relaxed));
                let slots = shared.cut(4, || {
                    shared
                        .0
                        .iter()
                        .zip(held)
                        .for_each(|(word, held)| word.store(held, Ordering::Relaxed));
                    claim(nth)
                });
                slots.unwrap()
            }));
            claim(5)
        });
        assert_eq!(others, [100..104, 200..204, 300..304, 400..404]);
        assert_eq!(slots, Ok(500..506));
        assert_eq!(cut(Err(7)), Ok(104..106));
    }
}
