//! The report directory of a run: its path, the name of the run, and the record of the run itself.

use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use fencepost::finding::suppression::KnownBugs;
use fencepost::finding::{RECORDS_FOLDER, RUN_ID_VARIABLE, Record};

use super::collection::Collection;
use super::refusal::{Refusal, quoted};
use super::{records, sys};

/// A report directory during one run.
pub struct Directory {
    /// Absolute path.
    path: PathBuf,
    /// Name of the whole run.
    whole: String,
    /// Name of the part of the run that is under way.
    run: String,
    is_temporary: bool,
}

impl Directory {
    /// Makes the directory that the user names, as far as it is missing; without a name, a temporary one.
    pub fn make(path: Option<&Path>) -> Result<Directory, Refusal> {
        let run = name_run();
        let named = match path {
            Some(path) => std::path::absolute(path),
            None => Ok(std::env::temp_dir().join(format!("fencepost-{run}"))),
        };
        let is_temporary = path.is_none();
        let path = named.unwrap_or_default();
        let mut folder = DirBuilder::new();
        folder.mode(0o700);
        // A temporary directory must be new, and so ours.
        let made = folder.recursive(!is_temporary).create(&path);
        let made = made.and_then(|()| folder.recursive(true).create(path.join(RECORDS_FOLDER)));
        made.map_err(|error| {
            let sentence =
                format!("the report directory {} cannot be made: {error}", quoted(&path));
            Refusal::new(Refusal::UNGUARDED, sentence)
        })?;
        Ok(Directory { path, whole: run.clone(), run, is_temporary })
    }

    /// The absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name of the run, or of the part that is under way.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Begins a part of the run. `name` must be fit for a file's name.
    pub fn begin_part(&mut self, name: &str) {
        self.run = format!("{}-{name}", self.whole);
        self.announce();
    }

    /// The name of the part in a run's name; `None` if it is not a part of this run.
    pub fn part_of<'a>(&self, run: &'a str) -> Option<&'a str> {
        run.strip_prefix(&self.whole)?.strip_prefix('-')
    }

    /// Whether the directory is removed after the run.
    pub fn is_temporary(&self) -> bool {
        self.is_temporary
    }

    /// Passes the name of the run to the program that is started next, in the environment.
    pub fn announce(&self) {
        sys::set_variable(RUN_ID_VARIABLE, Some(self.run.as_ref()));
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.path.join(RECORDS_FOLDER).join(format!("{}.{ending}", self.run))
    }

    /// Adds a record to the run's own file.
    pub fn write(&self, record: &Record) -> io::Result<()> {
        let mut file = File::options();
        let mut file = file.append(true).create(true).mode(0o600).open(self.file("run.jsonl"))?;
        file.write_all(record.to_line().as_bytes())
    }

    /// Writes the known bugs to a file for the processes, and returns its path.
    pub fn write_known(&self, known: &KnownBugs) -> io::Result<PathBuf> {
        let path = self.file("known");
        let mut file = File::options();
        let mut file = file.write(true).create_new(true).mode(0o644).open(&path)?;
        file.write_all(&known.to_bytes())?;
        Ok(path)
    }

    /// Reads the records of all parts of this run.
    pub fn collect(&self) -> Result<Collection, Refusal> {
        self.collect_of(&self.whole)
    }

    /// Reads the records of the part that is under way.
    pub fn collect_part(&self) -> Result<Collection, Refusal> {
        self.collect_of(&self.run)
    }

    /// The files of this run that have such an ending.
    pub fn files(&self, ending: &str) -> io::Result<Vec<PathBuf>> {
        self.files_of(&self.whole, ending)
    }

    fn files_of(&self, run: &str, ending: &str) -> io::Result<Vec<PathBuf>> {
        let is_ours = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let rest = name.strip_prefix(run);
            rest.is_some_and(|rest| rest.starts_with(['.', '-']) && rest.ends_with(ending))
        };
        let entries = fs::read_dir(self.path.join(RECORDS_FOLDER))?;
        let mut files: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(is_ours).collect();
        files.sort();
        Ok(files)
    }

    fn collect_of(&self, run: &str) -> Result<Collection, Refusal> {
        let folder = self.path.join(RECORDS_FOLDER);
        let unreadable = |error: io::Error| {
            let sentence = format!("the records in {} cannot be read: {error}", quoted(&folder));
            Refusal::new(Refusal::UNGUARDED, sentence)
        };
        records::read(&self.files_of(run, ".jsonl").map_err(unreadable)?)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.is_temporary {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Milliseconds since 1970, UTC.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The machine's name.
pub fn host() -> String {
    kernel("hostname")
}

/// Name and release of the kernel.
pub fn system() -> String {
    format!("{} {}", kernel("ostype"), kernel("osrelease"))
}

fn kernel(what: &str) -> String {
    let text = fs::read_to_string(Path::new("/proc/sys/kernel").join(what));
    text.unwrap_or_default().trim().to_owned()
}

/// A name that no other run on any machine has, fit for a file's name.
fn name_run() -> String {
    let is_plain = |char: &char| char.is_ascii_alphanumeric() || *char == '-';
    let host: String = host().chars().filter(is_plain).take(32).collect();
    let host = if host.is_empty() { "host" } else { &host };
    // In namespaces, many processes have the same id, and many hosts the same name; so a random number is added.
    let chance = RandomState::new().build_hasher().finish() & 0xffff_ffff;
    format!("{host}-{}-{}-{chance:08x}", now_ms(), std::process::id())
}
