//! How likely an object is to get pages: a pure function of its site, its number there, and one threshold.
//!
//! The first objects of a site always get pages. Of the later ones the n-th gets some with probability threshold / n,
//! so a site of a million objects takes only some times as many as one of a hundred. The threshold is the same for all
//! sites; [`steering`](super::steering) raises and lowers it.

/// So many objects of each site always get pages.
pub const FIRST: u32 = 2;

/// Thresholds are multiples of one part in so many.
pub const PARTS: u64 = 16;

/// The least threshold: only the first objects of a site are certain.
pub const LEAST: u64 = FIRST as u64 * PARTS;

/// At this threshold every object has pages.
pub const ALL: u64 = (1 << 31) * PARTS;

/// The weight of a site of which nothing is known, and that of one near a bug, or on which the option `focus` is.
pub const USUAL_WEIGHT: u32 = 16;
pub const NEAR_WEIGHT: u32 = 64 * USUAL_WEIGHT;

/// What is fixed of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lot {
    /// Tells the objects that are chosen here from those of other sites, and of other runs.
    pub salt: u64,
    /// Where the draws of this run begin; see [`Lot::turn`].
    pub phase: u32,
    /// How near the site is to a bug, in parts of [`USUAL_WEIGHT`].
    pub weight: u32,
    /// How many of its objects had pages in earlier runs.
    pub earlier: u32,
}

impl Lot {
    /// Whether object `number` of the site, counted from 1, gets pages at this threshold.
    #[inline(always)]
    pub fn wins(&self, number: u32, threshold: u64) -> bool {
        let number = u64::from(number) + u64::from(self.earlier);
        let share = threshold.saturating_mul(u64::from(self.weight)) / u64::from(USUAL_WEIGHT);
        // Both sides are below 2^64: a draw has 32 bits, and so has each factor of the number.
        u128::from(self.draw(number)) * u128::from(number) * u128::from(PARTS)
            < u128::from(share) << 32
    }

    /// A number that looks random, and is the same for the same object in every run, but for the phase.
    #[inline(always)]
    fn draw(&self, number: u64) -> u64 {
        let mut mixed = (number ^ self.salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^= mixed >> 29;
        mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        u64::from(((mixed >> 32) as u32).wrapping_add(self.phase))
    }

    /// Returns the phase of run `run`, if runs are numbered. The phases of successive runs are spread by the golden
    /// ratio: so if a share s of the objects gets pages in each of them, every object has had pages after 3 / s runs,
    /// while chance alone would leave out one object in twenty.
    pub fn turn(run: u32) -> u32 {
        run.wrapping_mul(0x9e37_79b9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lot(salt: u64) -> Lot {
        Lot { salt, phase: 0, weight: USUAL_WEIGHT, earlier: 0 }
    }

    fn count(lot: Lot, numbers: core::ops::RangeInclusive<u32>, threshold: u64) -> usize {
        numbers.filter(|&number| lot.wins(number, threshold * PARTS)).count()
    }

    #[test]
    fn the_first_always_win_and_all_do_at_the_highest_threshold() {
        for salt in 0..100 {
            assert!((1..=FIRST).all(|number| lot(salt).wins(number, LEAST)));
            assert_eq!(count(lot(salt), 1..=64, 64), 64);
            assert!(lot(salt).wins(u32::MAX / 4, ALL));
        }
    }

    #[test]
    fn later_ones_win_ever_more_rarely() {
        let won: Vec<usize> = (0..5)
            .map(|power| count(lot(7), 10_u32.pow(power)..=10_u32.pow(power + 1), 10))
            .collect();
        // Ten times ln(10) of each power of ten, but for the first ten.
        assert_eq!(won[0], 10);
        assert!(won[1..].iter().all(|won| (14..34).contains(won)), "{won:?}");
        // Nobody's rhythm decides: each residue has its share.
        let odd = (1..=100_000).filter(|&n| n % 2 == 1 && lot(7).wins(n, 1000 * PARTS)).count();
        let all = count(lot(7), 1..=100_000, 1000);
        assert!((all * 4 / 10..all * 6 / 10).contains(&odd), "{odd} of {all}");
    }

    #[test]
    fn weight_and_earlier_runs_count() {
        let heavy = Lot { weight: 4 * USUAL_WEIGHT, ..lot(3) };
        let seen = Lot { earlier: 100_000, ..lot(3) };
        let [usual, heavy, seen] = [lot(3), heavy, seen].map(|lot| count(lot, 1000..=100_000, 100));
        assert!(heavy > 3 * usual && seen < usual / 4, "{usual} {heavy} {seen}");
        let seen = Lot { earlier: 1000, ..lot(3) };
        assert!(count(seen, 1..=1000, 2) < 20);
    }

    #[test]
    fn numbered_runs_choose_different_objects_until_all_were_chosen() {
        // One object in a hundred, as at threshold 1000 around the number 100,000.
        let numbers = 100_000..=101_000;
        let mut left: Vec<u32> = numbers.clone().collect();
        let mut runs = 0;
        while !left.is_empty() {
            let lot = Lot { phase: Lot::turn(runs), ..lot(5) };
            left.retain(|&number| !lot.wins(number, 1000 * PARTS));
            runs += 1;
            assert!(runs <= 300, "{} are left", left.len());
            if runs == 50 {
                // By chance it would be 39 %.
                assert!((500..620).contains(&left.len()), "{}", left.len());
            }
        }
        assert!(runs > 100, "{runs}");
    }
}
