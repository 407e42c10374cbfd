//! What earlier runs have met, and what this process leaves for the next.

use super::odds::{Lot, NEAR_WEIGHT, USUAL_WEIGHT};
use crate::finding::RECORDS_FOLDER;
use crate::finding::sites::{self, BUG_FRAMES, Key, MOST_BYTES, Row, SITES, Table};
use crate::sys::file::{self, File};
use crate::sys::{Errno, process};
use crate::trace::{self, INNERMOST};
use std::ffi::CString;

/// Build ids of so many bytes count in full.
const MOST_ID_BYTES: usize = 32;

/// The sites of earlier runs.
pub struct Earlier(Table<'static>);

impl Earlier {
    /// Reads the file in a report directory; without one there are no sites. The file is kept for good.
    pub fn read(directory: &[u8]) -> Earlier {
        let path = [directory, b"/", SITES.as_bytes()].concat();
        let bytes = CString::new(path).ok().and_then(|path| file::read_all(&path, MOST_BYTES));
        Earlier(Table::of(bytes.unwrap_or_default().leak()))
    }

    /// Says how the objects of a site draw after all these runs. Allocates nothing.
    pub fn draw(&self, lot: Lot, frames: &[usize; INNERMOST]) -> Lot {
        let row = key_of(Key::of_site(), frames).and_then(|key| self.0.find(key));
        let row = row.unwrap_or_default();
        let bug = key_of(Key::of_bug(), &frames[..BUG_FRAMES]).and_then(|key| self.0.find(key));
        Lot {
            phase: lot.phase.wrapping_add(Lot::turn(row.runs)),
            earlier: row.paged,
            weight: if bug.is_some() { NEAR_WEIGHT } else { USUAL_WEIGHT },
            ..lot
        }
    }
}

/// Returns the key of these frames; `None` if one is in no module with a build id.
fn key_of(mut key: Key, frames: &[usize]) -> Option<u64> {
    for &pc in frames.iter().filter(|pc| **pc != 0) {
        let module = trace::module_of(pc.saturating_sub(1))?;
        let id = &module.build_id[..module.build_id.len().min(MOST_ID_BYTES)];
        if id.is_empty() {
            return None;
        }
        // As records have it.
        let mut digits = [0; 2 * MOST_ID_BYTES];
        let nibbles = id.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        for (digit, nibble) in digits.iter_mut().zip(nibbles) {
            *digit = b"0123456789abcdef"[usize::from(nibble)];
        }
        key.add(&digits[..2 * id.len()], module.stated_address(pc) as u64);
    }
    Some(key.get())
}

/// Returns the row that a site leaves, of whose objects `paged` had pages; `None` if it has no name.
pub fn row_of(frames: &[usize; INNERMOST], paged: u64) -> Option<Row> {
    let key = key_of(Key::of_site(), frames)?;
    Some(Row { key, paged: u32::try_from(paged).unwrap_or(u32::MAX), ..Row::default() })
}

/// Leaves rows in a report directory, for the `fencepost run` named `run`.
pub fn leave(directory: &[u8], run: &str, rows: impl Iterator<Item = Row>) -> Result<(), Errno> {
    /// A process that executes another program leaves a file for each.
    const MOST_FILES: usize = 100;
    let bytes = sites::to_bytes(rows);
    let pid = process::pid();
    for number in 1..=MOST_FILES {
        let name = format!("/{RECORDS_FOLDER}/{run}-{pid}.{number}.{SITES}");
        let path = CString::new([directory, name.as_bytes()].concat());
        let path = path.map_err(|_| Errno(libc::EINVAL))?;
        match File::create(&path) {
            Ok(file) => return file::write_all(file.descriptor(), &bytes),
            Err(Errno(libc::EEXIST)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Errno(libc::EEXIST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> [usize; INNERMOST] {
        trace::init();
        let code = here as fn() -> _ as usize;
        [code + 5, code + 9, code + 20, 0]
    }

    #[test]
    fn a_site_finds_what_it_left() {
        let directory = std::env::temp_dir().join(format!("fencepost-left-{}", process::pid()));
        std::fs::create_dir_all(directory.join(RECORDS_FOLDER)).unwrap();
        let path = directory.as_os_str().as_encoded_bytes();
        let lot = Lot { salt: 3, phase: 4, weight: USUAL_WEIGHT, earlier: 0 };
        assert_eq!(Earlier::read(path).draw(lot, &here()), lot);

        let row = row_of(&here(), 77).unwrap();
        leave(path, "run", [row].into_iter()).unwrap();
        leave(path, "run", [row].into_iter()).unwrap();
        let parts = std::fs::read_dir(directory.join(RECORDS_FOLDER)).unwrap();
        let parts: Vec<Vec<u8>> =
            parts.map(|part| std::fs::read(part.unwrap().path()).unwrap()).collect();
        let rows = parts.iter().flat_map(|part| Table::of(part).rows());
        let bug = key_of(Key::of_bug(), &here()[..BUG_FRAMES]).unwrap();
        let rows = rows.chain([Row { key: bug, bugs: 1, ..Row::default() }]);
        std::fs::write(directory.join(SITES), sites::merge(Table::default(), rows)).unwrap();

        let drawn = Earlier::read(path).draw(lot, &here());
        let expected = Lot { phase: 4 + Lot::turn(1), weight: NEAR_WEIGHT, earlier: 154, ..lot };
        assert_eq!(drawn, expected);
        std::fs::remove_dir_all(&directory).unwrap();
        // A place in no module has no name.
        assert_eq!(row_of(&[16, 17, 18, 19], 1), None);
    }
}
