//! Names and how often they came, of which a bounded number is kept.

use std::collections::HashMap;

use fencepost::finding::Counted;

/// Names, and how often each occurred.
#[derive(Default)]
pub struct Tally(HashMap<String, u64>);

impl Tally {
    /// Counts a name, unless there are too many others.
    pub fn add(&mut self, name: &str, times: u64, most: usize) {
        if let Some(count) = self.0.get_mut(name) {
            *count += times;
        } else if self.0.len() < most {
            self.0.insert(name.to_owned(), times);
        }
    }

    pub fn add_all(&mut self, counted: Vec<Counted>, most: usize) {
        counted.into_iter().for_each(|one| self.add(&one.name, one.count, most));
    }

    pub fn join(&mut self, other: Tally, most: usize) {
        other.0.into_iter().for_each(|(name, count)| self.add(&name, count, most));
    }

    /// The `most` most frequent names, in order.
    pub fn most(self, most: usize) -> Vec<Counted> {
        let mut all: Vec<Counted> =
            self.0.into_iter().map(|(name, count)| Counted { name, count }).collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        all.truncate(most);
        all
    }
}
