//! How much has been spent, and where that puts the threshold: pure arithmetic on measured times.
//!
//! All that a process did is its processor time; what of it we cost was measured around each operation. The rest is
//! about what the program takes without us. While less was spent than the budget allows of that rest, the threshold
//! rises; while more was spent, it falls.

use super::odds::{ALL, LEAST};

/// What a process may spend before its own time is known, in nanoseconds: most tests and tools are so short that all of
/// their objects have pages then.
pub const GRANT_NS: u64 = 5_000_000;

/// The threshold of the start. From here the least is reached in ten steps, within about a millisecond.
pub const FIRST_THRESHOLD: u64 = LEAST << 10;

/// What is known of the costs of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steering {
    /// The budget: how many nanoseconds may be spent for each 100 of the program's own.
    pub percent: u64,
    /// What may be spent beyond that.
    pub grant_ns: u64,
}

/// The times of a process so far, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Processor time of the threads that allocate.
    pub all_ns: u64,
    /// What of it was spent on guarding.
    pub spent_ns: u64,
}

impl Steering {
    /// Returns what may still be spent; negative if too much was.
    pub fn left_ns(self, times: Times) -> i64 {
        let own = times.all_ns.saturating_sub(times.spent_ns);
        let allowed = (own / 100).saturating_mul(self.percent).saturating_add(self.grant_ns);
        allowed.min(i64::MAX as u64) as i64 - times.spent_ns as i64
    }

    /// Returns the threshold that follows `threshold`.
    ///
    /// It falls faster than it rises. A fall halves it; with plenty left it doubles, too, and near the limit it creeps
    /// up, so that it settles.
    pub fn next(self, threshold: u64, times: Times) -> u64 {
        let left = self.left_ns(times);
        let next = if left < 0 {
            threshold / 2
        } else if left as u64 > self.plenty_ns(times) {
            threshold * 2
        } else {
            threshold + threshold.div_ceil(16)
        };
        next.clamp(LEAST, ALL)
    }

    /// From here on much is left: a twentieth of what may be spent.
    fn plenty_ns(self, times: Times) -> u64 {
        let own = times.all_ns.saturating_sub(times.spent_ns);
        ((own / 100) * self.percent / 20).max(self.grant_ns / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::super::odds::{Lot, PARTS, USUAL_WEIGHT};
    use super::*;

    const STEERING: Steering = Steering { percent: 100, grant_ns: GRANT_NS };

    /// A program: how long it takes for one object, at which of its sites the n-th object is made, and the costs.
    struct Program {
        own_ns: u64,
        paged_ns: u64,
        unpaged_ns: u64,
        site: fn(u64) -> usize,
    }

    /// Lets a program make `objects` objects, and steers every 32 with pages or 512 others. Returns its times, and how
    /// many objects of how many had pages at each site.
    fn simulate(program: &Program, steering: Steering, objects: u64) -> (Times, Vec<(u32, u32)>) {
        let mut sites = vec![(0, 0); 64];
        let (mut times, mut threshold, mut since) = (Times::default(), FIRST_THRESHOLD, 0);
        for nth in 0..objects {
            let at = (program.site)(nth);
            sites[at].1 += 1;
            let lot = Lot { salt: at as u64, phase: 0, weight: USUAL_WEIGHT, earlier: 0 };
            let is_paged = lot.wins(sites[at].1, threshold);
            sites[at].0 += u32::from(is_paged);
            let cost = if is_paged { program.paged_ns } else { program.unpaged_ns };
            times.all_ns += program.own_ns + cost;
            times.spent_ns += cost;
            since += if is_paged { 16 } else { 1 };
            if since >= 512 {
                since = 0;
                threshold = steering.next(threshold, times);
            }
        }
        (times, sites)
    }

    fn factor(times: Times) -> f64 {
        times.all_ns as f64 / (times.all_ns - times.spent_ns) as f64
    }

    #[test]
    fn a_program_that_allocates_little_has_pages_for_everything() {
        let program = Program { own_ns: 10_000, paged_ns: 3000, unpaged_ns: 50, site: |_| 0 };
        let (_, sites) = simulate(&program, STEERING, 100_000);
        assert_eq!(sites[0].0, sites[0].1);
    }

    #[test]
    fn a_program_that_only_allocates_stays_within_the_budget_and_uses_it() {
        for own_ns in [100, 200, 500, 2000] {
            let program =
                Program { own_ns, paged_ns: 3000, unpaged_ns: 50, site: |n| n as usize % 3 };
            let (times, sites) = simulate(&program, STEERING, 2_000_000);
            assert!((1.85..2.06).contains(&factor(times)), "{own_ns}: {}", factor(times));
            assert!(sites[..3].iter().all(|site| site.0 > 3000), "{own_ns}: {sites:?}");
        }
    }

    #[test]
    fn another_budget_is_kept_too() {
        let program = Program { own_ns: 500, paged_ns: 3000, unpaged_ns: 20, site: |_| 5 };
        for (percent, range) in [(20, 1.15..1.23), (300, 3.7..4.1)] {
            let (times, _) = simulate(&program, Steering { percent, ..STEERING }, 2_000_000);
            assert!(range.contains(&factor(times)), "{percent}: {}", factor(times));
        }
    }

    #[test]
    fn where_even_unpaged_objects_cost_too_much_only_the_first_have_pages() {
        let program =
            Program { own_ns: 30, paged_ns: 3000, unpaged_ns: 50, site: |n| n as usize % 64 };
        let (times, sites) = simulate(&program, STEERING, 3_000_000);
        assert!(factor(times) < 3.0, "{}", factor(times));
        assert!(sites.iter().all(|site| site.0 >= 2 && site.0 < 200), "{sites:?}");
    }

    #[test]
    fn rare_sites_have_pages_for_a_greater_share() {
        // Site 1 makes one object in a thousand.
        let site = |nth: u64| usize::from(nth.is_multiple_of(1000));
        let program = Program { own_ns: 300, paged_ns: 3000, unpaged_ns: 50, site };
        let (_, sites) = simulate(&program, STEERING, 1_000_000);
        let share = |(paged, all): (u32, u32)| f64::from(paged) / f64::from(all);
        assert!(share(sites[1]) > 5.0 * share(sites[0]), "{sites:?}");
    }

    #[test]
    fn thresholds_stay_in_their_range() {
        let (broke, rich) =
            (Times { all_ns: 1 << 40, spent_ns: 1 << 40 }, Times { all_ns: 1 << 50, spent_ns: 0 });
        assert_eq!(STEERING.next(LEAST, broke), LEAST);
        assert_eq!(STEERING.next(ALL, rich), ALL);
        assert!(STEERING.next(PARTS * 100, rich) == PARTS * 200);
        assert!(STEERING.left_ns(Times { all_ns: u64::MAX, spent_ns: 0 }) > 0);
    }
}
