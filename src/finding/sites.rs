//! Sites: the places that objects come from, as a run with the option `budget` leaves them behind for the next.
//!
//! A site is named by what stays the same from run to run: build id and offset of its innermost frames. Each process
//! leaves a file of the sites that it has met, and `fencepost run` merges these into one for the report directory. All
//! have one format: a header, then rows in the order of their keys; numbers are little-endian.

use crate::sys::hash::Hash;
use std::collections::BTreeMap;

/// The first bytes of a file: its kind and version.
const HEADER: [u8; 16] = *b"fencepost sites1";

/// The name of the merged file, and the ending of those of processes.
pub const SITES: &str = "sites";

/// The most rows of a file. Beyond them, those that were met longest ago are left out.
const MOST_ROWS: usize = 1 << 16;

/// The most bytes of a file.
pub const MOST_BYTES: usize = HEADER.len() + MOST_ROWS * ROW_BYTES;

/// How many frames name the place of a bug.
pub const BUG_FRAMES: usize = 2;

const ROW_BYTES: usize = 24;

/// What is known of a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// See [`Key`].
    pub key: u64,
    /// How many of its objects had pages.
    pub paged: u32,
    /// In how many runs it was met.
    pub runs: u32,
    /// How many runs have ended since it was met last.
    pub missed: u32,
    /// How many bugs were found in objects from there.
    pub bugs: u32,
}

impl Row {
    fn to_bytes(self) -> [u8; ROW_BYTES] {
        let mut bytes = [0; ROW_BYTES];
        let words = [self.paged, self.runs, self.missed, self.bugs];
        bytes[..8].copy_from_slice(&self.key.to_le_bytes());
        for (place, word) in bytes[8..].chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    fn read(bytes: &[u8; ROW_BYTES]) -> Row {
        let mut words = bytes.chunks_exact(4).map(|word| {
            word.iter().rev().fold(0, |number: u32, byte| number << 8 | u32::from(*byte))
        });
        let mut next = || words.next().unwrap_or(0);
        let (low, high) = (next(), next());
        Row {
            key: u64::from(high) << 32 | u64::from(low),
            paged: next(),
            runs: next(),
            missed: next(),
            bugs: next(),
        }
    }
}

/// What names a site. It is made of frames, innermost first.
#[derive(Clone, Copy)]
pub struct Key(Hash);

impl Key {
    /// The key of a site, before its first frame.
    pub fn of_site() -> Key {
        Key(Hash::new())
    }

    /// The key of the site of a bug, before its first frame. It has [`BUG_FRAMES`] of them.
    pub fn of_bug() -> Key {
        let mut hash = Hash::new();
        hash.add(b"bug");
        Key(hash)
    }

    /// Adds a frame: the build id of its module, and its offset there.
    pub fn add(&mut self, build_id: &[u8], offset: u64) {
        self.0.add(build_id);
        self.0.add(&offset.to_le_bytes());
    }

    /// Returns the key, which is never 0.
    pub fn get(self) -> u64 {
        self.0.get().max(1)
    }
}

/// The rows of a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Table<'a>(&'a [[u8; ROW_BYTES]]);

impl<'a> Table<'a> {
    /// Reads a file's bytes. Of a file that is none of ours, or of another version, there are no rows.
    pub fn of(bytes: &'a [u8]) -> Table<'a> {
        Table(bytes.strip_prefix(&HEADER).unwrap_or_default().as_chunks().0)
    }

    /// Returns the row of a site. Allocates nothing.
    pub fn find(self, key: u64) -> Option<Row> {
        let at = self.0.binary_search_by_key(&key, |bytes| Row::read(bytes).key).ok()?;
        self.0.get(at).map(Row::read)
    }

    /// Returns all rows.
    pub fn rows(self) -> impl Iterator<Item = Row> + use<'a> {
        self.0.iter().map(Row::read)
    }
}

/// Returns the bytes of a file with these rows, in any order; of several with one key, the sum.
pub fn to_bytes(rows: impl Iterator<Item = Row>) -> Vec<u8> {
    let mut all: BTreeMap<u64, Row> = BTreeMap::new();
    for row in rows {
        let sum = all.entry(row.key).or_insert(Row { key: row.key, ..Row::default() });
        sum.paged = sum.paged.saturating_add(row.paged);
        sum.runs = sum.runs.saturating_add(row.runs);
        sum.missed = sum.missed.max(row.missed);
        sum.bugs = sum.bugs.saturating_add(row.bugs);
    }
    let mut rows: Vec<Row> = all.into_values().collect();
    if rows.len() > MOST_ROWS {
        rows.sort_by_key(|row| (row.missed, row.key));
        rows.truncate(MOST_ROWS);
        rows.sort_unstable();
    }
    HEADER.iter().copied().chain(rows.into_iter().flat_map(Row::to_bytes)).collect()
}

/// Returns the bytes of the merged file after a run: `before` is that of the runs before, and `met` what the processes
/// of this run have met.
pub fn merge(before: Table<'_>, met: impl Iterator<Item = Row>) -> Vec<u8> {
    let mut all: BTreeMap<u64, Row> = BTreeMap::new();
    for row in before.rows() {
        all.insert(row.key, Row { missed: row.missed.saturating_add(1), ..row });
    }
    for row in met {
        let sum = all.entry(row.key).or_insert(Row { key: row.key, missed: 1, ..Row::default() });
        // A site that several processes have met was met in one run.
        sum.runs = sum.runs.saturating_add(u32::from(sum.missed > 0));
        sum.missed = 0;
        sum.paged = sum.paged.saturating_add(row.paged);
        sum.bugs = sum.bugs.saturating_add(row.bugs);
    }
    to_bytes(all.into_values())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(key: u64, paged: u32) -> Row {
        Row { key, paged, ..Row::default() }
    }

    #[test]
    fn what_is_written_is_found() {
        let rows =
            [met(u64::MAX, 7), Row { bugs: 2, missed: 5, runs: 9, ..met(3, 1) }, met(1 << 40, 0)];
        let bytes = to_bytes(rows.into_iter());
        let table = Table::of(&bytes);
        assert!(rows.iter().all(|row| table.find(row.key) == Some(*row)));
        assert_eq!((table.find(4), table.rows().count()), (None, 3));
        // Of what is torn or of others, only whole rows are read, and nothing breaks.
        assert_eq!(Table::of(&bytes[..bytes.len() - 1]).rows().count(), 2);
        for bytes in [&b""[..], b"fencepost sites2aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &bytes[..10]] {
            assert_eq!(Table::of(bytes).rows().count(), 0);
        }
    }

    #[test]
    fn runs_add_up_and_processes_of_one_run_count_once() {
        let first = merge(Table::default(), [met(1, 5), met(2, 1), met(1, 6)].into_iter());
        let second =
            merge(Table::of(&first), [met(1, 2), Row { bugs: 1, ..met(3, 0) }].into_iter());
        let expected = [
            Row { runs: 2, ..met(1, 13) },
            Row { runs: 1, missed: 1, ..met(2, 1) },
            Row { runs: 1, bugs: 1, ..met(3, 0) },
        ];
        assert_eq!(Table::of(&second).rows().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn of_too_many_those_that_were_met_last_stay() {
        let old = to_bytes((0..MOST_ROWS as u64).map(|key| met(2 * key + 2, 0)));
        let merged = merge(Table::of(&old), (0..100).map(|key| met(2 * key + 1, 0)));
        assert_eq!(merged.len(), MOST_BYTES);
        let table = Table::of(&merged);
        assert!((0..100).all(|key| table.find(2 * key + 1).is_some()));
    }

    #[test]
    fn keys_depend_on_every_frame() {
        let key = |mut key: Key, frames: &[(&[u8], u64)]| {
            frames.iter().for_each(|(id, offset)| key.add(id, *offset));
            key.get()
        };
        let frames: [(&[u8], u64); 2] = [(b"a", 1), (b"b", 2)];
        let whole = key(Key::of_site(), &frames);
        assert_ne!(whole, key(Key::of_site(), &frames[..1]));
        assert_ne!(whole, key(Key::of_bug(), &frames));
        assert_ne!(whole, key(Key::of_site(), &[(b"a", 1), (b"b", 3)]));
        assert_eq!(whole, key(Key::of_site(), &frames));
    }
}
