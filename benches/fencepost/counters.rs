//! What fencepost counts itself, under the option `stats`, and what the kernel would have taken for
//! that alone.

use crate::samples::{Figures, Samples, parse_figures};

const PREFIX: &str = "fencepost: stats: ";

/// The counters of all processes of one run, added up; `None` if none printed any.
pub fn parse(stderr: &str) -> Option<Figures> {
    let mut all: Option<Figures> = None;
    for line in stderr.lines().filter_map(|line| line.strip_prefix(PREFIX)) {
        let all = all.get_or_insert_default();
        for (name, count) in parse_figures(line) {
            *all.entry(name).or_insert(0.0) += count;
        }
    }
    all
}

/// Bare costs of a mechanism in this run, ns.
pub struct BareCosts {
    /// Making a page usable and touching it.
    pub populate: Samples,
    /// Making one usable in place of another, and touching it.
    pub replace: Samples,
    /// Making a page fault.
    pub drop: Samples,
}

impl BareCosts {
    /// Seconds that the kernel takes for the page operations that were counted. A page that is
    /// moved is dropped and populated at once; the others are counted one by one.
    pub fn seconds(&self, counters: &Figures) -> Option<f64> {
        let count = |name: &str| counters.get(name).copied();
        let singles = count("populates")? * self.populate.median();
        let drops = count("drops")? * self.drop.median();
        let moves = count("moves").unwrap_or(0.0) * self.replace.median();
        Some((singles + drops + moves) * 1e-9)
    }
}
