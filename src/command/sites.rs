//! What runs with the option `budget` have met, merged in the report directory for the next run.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use fencepost::finding::sites::{self, BUG_FRAMES, Key, MOST_BYTES, Row, SITES, Table};
use fencepost::finding::{Finding, LEAK};
use fencepost::options::Options;

use super::collection::Collection;
use super::directory::Directory;

/// Merges what the processes of a run with a budget have met into the directory's file, with the bugs of the run.
/// Returns what the user must know.
pub fn keep(directory: &Directory, options: &Options, collection: &Collection) -> Option<String> {
    if directory.is_temporary() || options.budget.is_none() {
        return None;
    }
    let parts = directory.files(&format!(".{SITES}"));
    let kept = parts.and_then(|parts| merge(directory.path(), &parts, collection));
    kept.err().map(|error| {
        format!("the next run will not know which places this one has met (option budget): {error}")
    })
}

/// Several runs may do so at a time.
fn merge(path: &Path, parts: &[PathBuf], collection: &Collection) -> io::Result<()> {
    let bugs: Vec<Row> = bugs(collection).collect();
    if parts.is_empty() && bugs.is_empty() {
        return Ok(());
    }
    let mut lock = File::options();
    let lock = lock.write(true).create(true).truncate(false).mode(0o600);
    // The lock is let go when the file is closed.
    let lock = lock.open(path.join(format!("{SITES}.lock")))?;
    lock.lock()?;
    let merged = path.join(SITES);
    let before = read(&merged).unwrap_or_default();
    let met: Vec<Vec<u8>> = parts.iter().filter_map(|part| read(part)).collect();
    let met = met.iter().flat_map(|bytes| Table::of(bytes).rows());
    let bytes = sites::merge(Table::of(&before), met.chain(bugs));
    let new = path.join(format!("{SITES}.new"));
    let mut file = File::options();
    let mut file = file.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&bytes)?;
    fs::rename(&new, &merged)?;
    for part in parts {
        let _ = fs::remove_file(part);
    }
    Ok(())
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let file = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|it| it.is_file()))?;
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, MOST_BYTES as u64), &mut bytes).ok()?;
    Some(bytes)
}

/// A row for the place of each object in which a bug was found.
fn bugs(collection: &Collection) -> impl Iterator<Item = Row> {
    let keys = collection.bugs.iter().filter_map(|bug| key_of(&bug.example));
    keys.map(|key| Row { key, bugs: 1, ..Row::default() })
}

/// The key of the place where the object of a finding was allocated.
fn key_of(finding: &Finding) -> Option<u64> {
    if finding.kind == LEAK {
        return None;
    }
    let stack = finding.object.as_ref()?.allocated.stack.as_ref()?;
    let mut key = Key::of_bug();
    // Functions that were inlined have the address of the one that they are part of.
    let frames = stack.iter().filter(|frame| !frame.inlined).take(BUG_FRAMES);
    for frame in frames {
        let module = finding.modules.iter().find(|module| module.path == frame.module)?;
        if module.build_id.is_empty() {
            return None;
        }
        key.add(module.build_id.as_bytes(), frame.offset.0);
    }
    Some(key.get())
}

#[cfg(test)]
mod tests {
    use fencepost::finding::{Address, Event, Frame, Module, Object, ObjectState, Side};

    use super::*;

    fn finding() -> Finding {
        let frame = |offset, inlined| Frame {
            module: "/bin/prog".to_owned(),
            offset: Address(offset),
            inlined,
            ..Frame::default()
        };
        let stack = vec![frame(1, true), frame(1, false), frame(2, false), frame(3, false)];
        let allocated = Event { thread: 0, stack: Some(stack) };
        let module = Module { path: "/bin/prog".to_owned(), build_id: "ab".to_owned() };
        Finding {
            object: Some(Object {
                start: Address(0),
                bytes: 0,
                family: String::new(),
                alignment: None,
                state: ObjectState::Live,
                side: Side::After,
                distance: 0,
                allocated,
                freed: None,
            }),
            modules: vec![module],
            ..Finding::default()
        }
    }

    #[test]
    fn a_bug_is_at_the_innermost_frames_that_were_not_inlined() {
        let mut key = Key::of_bug();
        key.add(b"ab", 1);
        key.add(b"ab", 2);
        assert_eq!(key_of(&finding()), Some(key.get()));
        assert_eq!(key_of(&Finding { kind: LEAK.to_owned(), ..finding() }), None);
        assert_eq!(key_of(&Finding { modules: Vec::new(), ..finding() }), None);
    }

    #[test]
    fn parts_become_one_file_and_are_removed() {
        let folder = std::env::temp_dir().join(format!("fencepost-sites-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let merge = |parts: &[PathBuf]| merge(&folder, parts, &Collection::default()).unwrap();
        merge(&[]);
        assert!(!folder.join(SITES).exists());
        let parts = [("one", 5), ("two", 6)].map(|(name, paged)| {
            let row = Row { key: 9, paged, ..Row::default() };
            fs::write(folder.join(name), sites::to_bytes([row].into_iter())).unwrap();
            folder.join(name)
        });
        merge(&parts);
        let bytes = fs::read(folder.join(SITES)).unwrap();
        let row = Row { key: 9, paged: 11, runs: 1, ..Row::default() };
        assert_eq!(Table::of(&bytes).rows().collect::<Vec<_>>(), [row]);
        assert!(parts.iter().all(|part| !part.exists()));
        fs::remove_dir_all(&folder).unwrap();
    }
}
