//! Mappings of the program that have guards, and the places of those that are gone, as long as they are kept: an interval map.
//!
//! It says what is to be done; who asks does it (`interpose::guarding`).

use crate::sys::file;
use crate::sys::lock::{self, Lock};
use crate::sys::scope::{RuntimeScope, has_memory};
use core::ops::{Deref, DerefMut, Range};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::collections::{BTreeMap, VecDeque};

/// Most bytes of address space that are kept, and most places. Their page tables take a 512th of it at worst.
const MOST_KEPT_BYTES: usize = 16 << 30;
const MOST_KEPT: usize = 1 << 15;

/// What the lists may need for one call.
const LEAST_MEMORY: usize = 64 << 10;

/// The kernel's limit of mappings, where it does not tell (`vm.max_map_count`).
const USUAL_MAPPINGS: u64 = 65530;

static IS_ON: AtomicBool = AtomicBool::new(false);
/// Whether there are guards before mappings, too.
static HAS_BOTH: AtomicBool = AtomicBool::new(false);
/// Half of what the kernel allows.
static MOST_PIECES: AtomicUsize = AtomicUsize::new(0);
static PIECES: Lock<Pieces> = Lock::new(Pieces::new());

/// From now on mappings are guarded, on both sides if `has_both`. Once.
pub fn begin(has_both: bool) {
    HAS_BOTH.store(has_both, Ordering::Relaxed);
    let limit = file::read_number(c"/proc/sys/vm/max_map_count").unwrap_or(USUAL_MAPPINGS);
    MOST_PIECES.store(limit as usize / 2, Ordering::Relaxed);
    IS_ON.store(true, Ordering::Release);
}

/// Whether mappings are guarded.
#[inline]
pub fn is_on() -> bool {
    IS_ON.load(Ordering::Acquire)
}

/// Whether mappings have a guard before them, too.
pub fn has_both() -> bool {
    HAS_BOTH.load(Ordering::Relaxed)
}

/// The pieces, for one thread, with what it allocates in the private heap.
pub struct Held {
    pieces: lock::Guard<'static, Pieces>,
    _scope: RuntimeScope,
}

impl Deref for Held {
    type Target = Pieces;
    fn deref(&self) -> &Pieces {
        &self.pieces
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Pieces {
        &mut self.pieces
    }
}

/// `None` where there is no memory for the lists: from then on nothing more is guarded.
pub fn hold() -> Option<Held> {
    let scope = RuntimeScope::enter();
    if !has_memory(LEAST_MEMORY) {
        IS_ON.store(false, Ordering::Release);
        return None;
    }
    Some(Held { pieces: PIECES.lock(), _scope: scope })
}

/// What `address` is, if the program has nothing there: a guard, or a place that is kept. For the fault handler: it waits for others
/// a moment only.
pub fn inaccessible_at(address: usize) -> Option<Use> {
    if !is_on() || PIECES.is_stuck(100) {
        return None;
    }
    PIECES.lock().at(address).filter(|&what| what != Use::Mapping)
}

/// See [`Lock::hold_for_fork`].
pub fn hold_for_fork() {
    PIECES.hold_for_fork();
}

/// # Safety
/// See [`Lock::release_after_fork`].
pub unsafe fn release_after_fork() {
    // SAFETY: the caller has called `hold_for_fork`, as this function demands.
    unsafe { PIECES.release_after_fork() }
}

/// What a piece of address space is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A mapping that the kernel was free to place.
    Mapping,
    /// Inaccessible pages behind one.
    Guard,
    /// Inaccessible pages before one.
    GuardBefore,
    /// Where a mapping was: inaccessible. Older ones have lower numbers.
    Kept(u64),
}

/// Pieces that do not overlap.
pub struct Pieces {
    /// By their starts: end and use.
    pieces: BTreeMap<usize, (usize, Use)>,
    /// What is kept, the oldest first. Some of it may be something else by now.
    oldest: VecDeque<(Range<usize>, u64)>,
    next_age: u64,
    kept_bytes: usize,
}

impl Pieces {
    pub const fn new() -> Pieces {
        Pieces { pieces: BTreeMap::new(), oldest: VecDeque::new(), next_age: 0, kept_bytes: 0 }
    }

    /// Whether one more mapping can have a guard.
    pub fn has_room(&self) -> bool {
        self.pieces.len() + 3 <= MOST_PIECES.load(Ordering::Relaxed)
    }

    /// Whether something that is kept has to go.
    pub fn is_too_much(&self) -> bool {
        self.kept_bytes > MOST_KEPT_BYTES
            || self.oldest.len() > MOST_KEPT
            || !self.oldest.is_empty() && !self.has_room()
    }

    /// Bytes in `range` of guards and of what is kept.
    pub fn inaccessible_bytes(&self, range: Range<usize>) -> usize {
        let is_one = |(_, what): &(Range<usize>, Use)| *what != Use::Mapping;
        self.within(range).filter(is_one).map(|(part, _)| part.len()).sum()
    }

    /// The pieces that `range` has a part of, cut to it, in rising order.
    pub fn within(&self, range: Range<usize>) -> impl Iterator<Item = (Range<usize>, Use)> + '_ {
        let before = self.pieces.range(..range.start).next_back();
        let inside = self.pieces.range(range.start..range.end.max(range.start));
        let cut = move |(&start, &(end, what)): (&usize, &(usize, Use))| {
            let part = start.max(range.start)..end.min(range.end);
            (part.start < part.end).then_some((part, what))
        };
        before.into_iter().chain(inside).filter_map(cut)
    }

    /// What `address` is in.
    pub fn at(&self, address: usize) -> Option<Use> {
        self.within(address..address + 1).next().map(|(_, what)| what)
    }

    /// Forgets what is in `range`; pieces that reach beyond it keep the rest.
    pub fn cut(&mut self, range: Range<usize>) {
        let parts: Vec<(Range<usize>, Use)> = self.within(range.clone()).collect();
        for (part, what) in parts {
            // The piece that the part is of.
            let Some((&start, &(end, _))) = self.pieces.range(..=part.start).next_back() else {
                continue;
            };
            self.pieces.remove(&start);
            if start < part.start {
                self.pieces.insert(start, (part.start, what));
            }
            if part.end < end {
                self.pieces.insert(part.end, (end, what));
            }
            if matches!(what, Use::Kept(_)) {
                self.kept_bytes -= part.len();
            }
        }
    }

    /// From now on `range` is a mapping, or a guard.
    pub fn put(&mut self, range: Range<usize>, what: Use) {
        if !range.is_empty() {
            self.cut(range.clone());
            self.pieces.insert(range.start, (range.end, what));
        }
    }

    /// From now on `range` is kept, as the youngest.
    pub fn keep(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let age = self.next_age;
        self.next_age += 1;
        self.put(range.clone(), Use::Kept(age));
        self.kept_bytes += range.len();
        self.oldest.push_back((range, age));
    }

    /// Takes out what has been kept for longest: what is left of it.
    pub fn forget_oldest(&mut self) -> Option<Vec<Range<usize>>> {
        let (range, age) = self.oldest.pop_front()?;
        let still = |(part, what): (Range<usize>, Use)| (what == Use::Kept(age)).then_some(part);
        let parts: Vec<Range<usize>> = self.within(range).filter_map(still).collect();
        parts.iter().for_each(|part| self.cut(part.clone()));
        Some(parts)
    }

    /// The guard that begins at `address`.
    pub fn guard_at(&self, address: usize) -> Option<Range<usize>> {
        let &(end, what) = self.pieces.get(&address)?;
        (what == Use::Guard).then_some(address..end)
    }

    /// The guard of the mapping at `address` that ends there.
    pub fn guard_before(&self, address: usize) -> Option<Range<usize>> {
        let (&start, &(end, what)) = self.pieces.range(..address).next_back()?;
        (end == address && what == Use::GuardBefore).then_some(start..end)
    }

    /// A range, with the guards that are next to it.
    pub fn with_guards(&self, range: Range<usize>) -> Range<usize> {
        let start = self.guard_before(range.start).map_or(range.start, |guard| guard.start);
        let end = self.guard_at(range.end).map_or(range.end, |guard| guard.end);
        start..end
    }

    /// How far from `start` to `end` all is guards or kept.
    pub fn inaccessible_from(&self, start: usize, end: usize) -> usize {
        let mut at = start;
        for (part, what) in self.within(start..end) {
            if part.start != at || what == Use::Mapping {
                break;
            }
            at = part.end;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &Pieces) -> Vec<(usize, usize, Use)> {
        pieces.within(0..usize::MAX).map(|(part, what)| (part.start, part.end, what)).collect()
    }

    #[test]
    fn a_mapping_over_others_takes_their_places() {
        let mut pieces = Pieces::new();
        pieces.put(10..20, Use::Mapping);
        pieces.put(20..21, Use::Guard);
        pieces.put(30..40, Use::Mapping);
        pieces.cut(15..35);
        assert_eq!(all(&pieces), [(10, 15, Use::Mapping), (35, 40, Use::Mapping)]);
        pieces.put(12..14, Use::Guard);
        let expected = [(10, 12, Use::Mapping), (12, 14, Use::Guard), (14, 15, Use::Mapping)];
        assert_eq!(all(&pieces)[..3], expected);
        assert_eq!(
            (pieces.at(11), pieces.at(13), pieces.at(20)),
            (Some(Use::Mapping), Some(Use::Guard), None)
        );
        assert_eq!((pieces.guard_at(12), pieces.guard_at(10)), (Some(12..14), None));
    }

    #[test]
    fn a_mapping_may_have_guards_on_both_sides() {
        let mut pieces = Pieces::new();
        pieces.put(9..10, Use::GuardBefore);
        pieces.put(10..20, Use::Mapping);
        pieces.put(20..21, Use::Guard);
        pieces.put(21..22, Use::GuardBefore);
        pieces.put(22..30, Use::Mapping);
        assert_eq!(pieces.with_guards(10..20), 9..21);
        assert_eq!(pieces.with_guards(22..30), 21..30);
        assert_eq!(pieces.with_guards(11..20), 11..21);
        pieces.keep(21..30);
        assert_eq!((pieces.with_guards(10..20), pieces.guard_before(10)), (9..21, Some(9..10)));
        assert_eq!((pieces.guard_before(20), pieces.guard_before(30)), (None, None));
    }

    #[test]
    fn what_is_kept_longest_is_forgotten_first_but_for_what_is_something_else_by_now() {
        let mut pieces = Pieces::new();
        pieces.keep(10..20);
        pieces.keep(30..40);
        assert_eq!(pieces.kept_bytes, 20);
        pieces.put(12..15, Use::Mapping);
        assert_eq!(pieces.kept_bytes, 17);
        assert_eq!(pieces.forget_oldest(), Some(vec![10..12, 15..20]));
        assert_eq!(all(&pieces), [(12, 15, Use::Mapping), (30, 40, Use::Kept(1))]);
        pieces.put(30..40, Use::Mapping);
        pieces.keep(30..40);
        // Its place is younger now.
        assert_eq!(pieces.forget_oldest(), Some(vec![]));
        assert_eq!(pieces.forget_oldest().map(|parts| parts[0].clone()), Some(30..40));
        assert_eq!((pieces.forget_oldest(), pieces.kept_bytes), (None, 0));
    }

    #[test]
    fn guards_and_kept_places_can_be_grown_into() {
        let mut pieces = Pieces::new();
        pieces.put(0..10, Use::Mapping);
        pieces.put(10..11, Use::Guard);
        pieces.keep(11..20);
        assert_eq!(pieces.inaccessible_from(10, 15), 15);
        assert_eq!(pieces.inaccessible_from(10, 30), 20);
        pieces.put(20..30, Use::Mapping);
        assert_eq!(pieces.inaccessible_from(10, 30), 20);
        assert_eq!(pieces.inaccessible_from(40, 50), 40);
    }
}
