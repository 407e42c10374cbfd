//! Bugs that are no news, by the file that the option `known` names.

use crate::finding::suppression::KnownBugs;
use crate::finding::{Finding, Known};
use crate::runtime::Runtime;
use crate::sys::file;
use std::ffi::CString;

/// The most bytes read from the file.
const MOST_BYTES: usize = 16 << 20;

/// The file can't be read, or is no file of known bugs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// Returns why a finding, whose names were looked up, is no news. Opens files.
pub fn why(runtime: &Runtime, finding: &Finding) -> Result<Option<Known>, Unreadable> {
    Ok(read(runtime)?.and_then(|known| known.why(finding)))
}

/// Returns what is known, if the option names a file. Opens it.
pub fn read(runtime: &Runtime) -> Result<Option<KnownBugs>, Unreadable> {
    let Some(path) = runtime.known_path.as_deref() else { return Ok(None) };
    let path = CString::new(path).map_err(|_| Unreadable)?;
    let bytes = file::read_all(&path, MOST_BYTES).ok_or(Unreadable)?;
    KnownBugs::from_bytes(&bytes).map(Some).map_err(|_| Unreadable)
}
