//! Ranges of addresses, by their place.

use core::ops::Range;

/// Disjoint ranges in rising order, none of which touches the next.
#[derive(Default)]
pub struct RangeSet {
    ranges: Vec<Range<usize>>,
}

impl RangeSet {
    pub const fn new() -> RangeSet {
        RangeSet { ranges: Vec::new() }
    }

    /// Adds a range. Without memory nothing changes.
    pub fn insert(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let first = self.ranges.partition_point(|other| other.end < range.start);
        let behind = self.ranges.partition_point(|other| other.start <= range.end);
        if first == behind {
            if self.ranges.try_reserve(1).is_ok() {
                self.ranges.insert(first, range);
            }
            return;
        }
        // Those that it touches become one.
        let (start, end) = (self.ranges[first].start, self.ranges[behind - 1].end);
        self.ranges[first] = start.min(range.start)..end.max(range.end);
        self.ranges.drain(first + 1..behind);
    }

    pub fn contains(&self, address: usize) -> bool {
        let behind = self.ranges.partition_point(|range| range.end <= address);
        self.ranges.get(behind).is_some_and(|range| range.contains(&address))
    }

    pub fn iter(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.ranges.iter().cloned()
    }

    /// What of `whole` is in none of the ranges, in rising order.
    pub fn rest(&self, whole: Range<usize>) -> impl Iterator<Item = Range<usize>> + '_ {
        let behind = self.ranges.partition_point(|range| range.end <= whole.start);
        let mut ranges = self.ranges[behind..].iter();
        let mut at = whole.start;
        core::iter::from_fn(move || {
            while at < whole.end {
                let next = ranges.next().cloned().unwrap_or(whole.end..whole.end);
                let rest = at..next.start.min(whole.end);
                at = next.end;
                if !rest.is_empty() {
                    return Some(rest);
                }
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(set: &RangeSet) -> Vec<(usize, usize)> {
        set.iter().map(|range| (range.start, range.end)).collect()
    }

    #[test]
    fn ranges_that_touch_become_one() {
        let mut set = RangeSet::new();
        for range in [50..60, 10..20, 30..40, 5..5] {
            set.insert(range);
        }
        assert_eq!(all(&set), [(10, 20), (30, 40), (50, 60)]);
        set.insert(20..25);
        assert_eq!(all(&set), [(10, 25), (30, 40), (50, 60)]);
        set.insert(35..36);
        set.insert(24..51);
        assert_eq!(all(&set), [(10, 60)]);
        set.insert(0..10);
        set.insert(70..80);
        set.insert(60..70);
        assert_eq!(all(&set), [(0, 80)]);
    }

    #[test]
    fn the_rest_lies_between_the_ranges() {
        let mut set = RangeSet::new();
        let rest = |set: &RangeSet, whole: Range<usize>| {
            set.rest(whole).map(|range| (range.start, range.end)).collect::<Vec<_>>()
        };
        assert_eq!(rest(&set, 10..100), [(10, 100)]);
        for range in [0..12, 30..40, 90..200] {
            set.insert(range);
        }
        assert_eq!(rest(&set, 10..100), [(12, 30), (40, 90)]);
        assert_eq!(rest(&set, 12..30), [(12, 30)]);
        let held = [11, 12, 29, 30, 39, 40].map(|address| set.contains(address));
        assert_eq!(held, [true, false, false, true, true, false]);
        assert_eq!(rest(&set, 35..38), []);
        assert_eq!(rest(&set, 200..201), [(200, 201)]);
    }
}
