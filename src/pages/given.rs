//! The parts of a reservation that were given to the program.

use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

/// How many parts can be told apart: the tail of each class.
const MOST: usize = 8;

/// Parts by their ends, as a part grows downwards only. An entry with an end of 0 is free.
pub struct Given {
    parts: [(AtomicUsize, AtomicUsize); MOST],
}

impl Given {
    pub const fn new() -> Given {
        Given { parts: [const { (AtomicUsize::new(usize::MAX), AtomicUsize::new(0)) }; MOST] }
    }

    /// Notes a part, or a larger one with a known end. Returns false if there is no free entry.
    pub fn note(&self, part: Range<usize>) -> bool {
        let place = self.parts.iter().find(|(_, end)| {
            let claimed = end.compare_exchange(0, part.end, Ordering::AcqRel, Ordering::Acquire);
            claimed.is_ok() || claimed == Err(part.end)
        });
        if let Some((start, _)) = place {
            start.fetch_min(part.start, Ordering::AcqRel);
        }
        place.is_some()
    }

    /// Returns what is left of `whole`, in rising order.
    pub fn rest(&self, whole: Range<usize>) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut at = whole.start;
        core::iter::from_fn(move || {
            while at < whole.end {
                let next = self
                    .parts
                    .iter()
                    .map(|(start, end)| start.load(Ordering::Acquire)..end.load(Ordering::Acquire))
                    .filter(|part| part.end > at && part.start < whole.end)
                    .min_by_key(|part| part.start)
                    .unwrap_or(whole.end..whole.end);
                let left = at..next.start;
                at = next.end;
                if !left.is_empty() {
                    return Some(left);
                }
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_lies_between_the_parts() {
        let given = Given::new();
        let rest = || given.rest(10..100).map(|part| (part.start, part.end)).collect::<Vec<_>>();
        assert_eq!(rest(), [(10, 100)]);
        assert!(given.note(90..100) && given.note(30..40));
        assert_eq!(rest(), [(10, 30), (40, 90)]);
        // The same part has grown.
        assert!(given.note(20..40));
        assert_eq!(rest(), [(10, 20), (40, 90)]);
        assert!(given.note(10..20));
        assert_eq!(rest(), [(40, 90)]);
        for end in 200..205 {
            assert!(given.note(190..end));
        }
        assert!(!given.note(290..300));
    }
}
