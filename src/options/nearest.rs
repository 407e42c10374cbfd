//! The option that a user may have meant by a name that is none.

use super::OPTIONS;

/// The option whose name is nearest to `given`, if at most a third of it differs.
pub(super) fn nearest_name(given: &str) -> Option<&'static str> {
    let given = given.replace('_', "-");
    OPTIONS
        .iter()
        .map(|spec| (edit_distance(&given, spec.name), spec.name))
        .filter(|&(distance, name)| distance <= name.len().div_ceil(3))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// How many bytes must be inserted, removed or replaced to turn `from` into `to`.
fn edit_distance(from: &str, to: &str) -> usize {
    // `row[j]` is the distance from the bytes of `from` seen so far to the first j bytes of `to`.
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, from_byte) in from.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to_byte) in row.iter_mut().skip(1).zip(to.bytes()) {
            let replaced = diagonal + usize::from(from_byte != to_byte);
            diagonal = *cell;
            left = replaced.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
