//! Records: the lines that this process leaves in the report directory.
//!
//! Each process writes its own file, `records/RUN-PID.jsonl`. Each line is written by one call, so only a file's last
//! line can be torn, when the process or the machine dies. The first line says who the process is. The child of a fork
//! says so only when it has something else to say.

use super::own_file::{Name, OwnFile};
use super::sink;
use crate::finding::{
    Finding, LeakSummary, Notice, ProcessEnd, ProcessStart, RECORDS_FOLDER, Record, VERSION,
};
use crate::printable::printable;
use crate::runtime::Runtime;
use crate::sys::errno::Errno;
use crate::sys::file;
use crate::sys::fixed_text::FixedText;
use crate::sys::{identity, process};
use core::fmt::Write;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Used in file names if the run has no name.
const NAMELESS: &str = "manual";

static FILE: OwnFile = OwnFile::new();

/// Why a record could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwritten(Errno);

/// What a line must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It must survive the process.
    Process,
    /// It must survive the machine, so it is flushed to the disk.
    Machine,
}

/// Whether this process leaves records.
pub fn is_wanted(runtime: &Runtime) -> bool {
    runtime.report_directory.is_some()
}

/// Returns milliseconds since 1970, larger than any returned before: they tell a process's records apart.
pub fn next_moment() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = identity::milliseconds().unwrap_or(0);
    let later = |last: u64| Some(now.max(last + 1));
    match LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later) {
        Ok(last) | Err(last) => now.max(last + 1),
    }
}

/// Returns the line that says who the process is. Asks the kernel only for ids and the time, and reads no file.
pub fn introduction(runtime: &Runtime) -> Vec<u8> {
    let start = ProcessStart {
        version: VERSION,
        time_ms: next_moment(),
        process: runtime.identity(),
        backend: runtime.heap.backend().name().to_owned(),
    };
    Record::Process(start).to_line().into_bytes()
}

/// Appends a line, and `introduction` before it if it is the first. Allocates nothing.
pub fn append(
    runtime: &Runtime,
    introduction: &[u8],
    line: &[u8],
    durability: Durability,
) -> Result<(), Unwritten> {
    let opened = open(runtime).map_err(Unwritten)?;
    if opened.is_new && !introduction.is_empty() {
        file::append_line(&opened.file, introduction).map_err(Unwritten)?;
    }
    file::append_line(&opened.file, line).map_err(Unwritten)?;
    if durability == Durability::Machine {
        file::sync(&opened.file);
    }
    Ok(())
}

fn open(runtime: &Runtime) -> Result<super::own_file::Opened, Errno> {
    let folder = runtime.report_directory.as_deref().ok_or(Errno(libc::ENOENT))?;
    let run = Some(runtime.run_id()).filter(|run| !run.is_empty()).unwrap_or(NAMELESS);
    let opened = FILE.open(runtime, |name, number| {
        name.push(folder);
        let _ = write!(name, "/{RECORDS_FOLDER}/{run}-{number}.jsonl");
    });
    if opened.as_ref().err() != Some(&Errno(libc::ENOENT)) {
        return opened;
    }
    let mut records = Name::new();
    records.push(folder);
    let _ = write!(records, "/{RECORDS_FOLDER}");
    file::make_directory(records.as_c_str().ok_or(Errno(libc::ENAMETOOLONG))?);
    FILE.open(runtime, |name, number| {
        name.push(folder);
        let _ = write!(name, "/{RECORDS_FOLDER}/{run}-{number}.jsonl");
    })
}

/// Leaves the first record, at the start of a process that was executed.
pub fn begin(runtime: &Runtime) {
    if is_wanted(runtime) {
        complain(runtime, append(runtime, &[], &introduction(runtime), Durability::Process));
    }
}

/// Leaves a record of a finding that is made while the process is well.
pub fn finding(runtime: &Runtime, finding: &Finding) {
    if is_wanted(runtime) {
        let mut line = Vec::new();
        // A vector takes everything that is written to it.
        let _ = finding.write_line(&mut line);
        let result = append(runtime, &introduction(runtime), &line, Durability::Machine);
        complain(runtime, result);
    }
}

/// Leaves a record of a notice.
pub fn notice(runtime: &Runtime, words: &str) {
    if is_wanted(runtime) {
        let notice = Notice {
            version: VERSION,
            time_ms: next_moment(),
            process: runtime.identity(),
            text: words.to_owned(),
        };
        complain(runtime, write(runtime, &Record::Notice(notice)));
    }
}

/// Leaves a record of what a check for leaks has found.
pub fn leaks(runtime: &Runtime, summary: &LeakSummary) {
    if is_wanted(runtime) {
        complain(runtime, write(runtime, &Record::Leaks(summary.clone())));
    }
}

/// Leaves the last record of a process; none in a fork's child that has left no other and guarded all its objects.
pub fn end(runtime: &Runtime) {
    if !is_wanted(runtime) {
        return;
    }
    let (guarded, unguarded) = runtime.allocations();
    if !FILE.is_made() && unguarded.is_empty() {
        return;
    }
    let (time_ms, process) = (next_moment(), runtime.identity());
    let was_all_guarded = unguarded.is_empty();
    let end = ProcessEnd { version: VERSION, time_ms, process, guarded, unguarded };
    let result = write(runtime, &Record::ProcessEnd(end));
    // A sandbox may forbid to open files. Then nothing is lost, so nothing is said.
    if !was_all_guarded {
        complain(runtime, result);
    }
}

fn write(runtime: &Runtime, record: &Record) -> Result<(), Unwritten> {
    let line = record.to_line();
    append(runtime, &introduction(runtime), line.as_bytes(), Durability::Process)
}

/// Says that a record could not be written, once per process. Allocates nothing.
pub fn complain(runtime: &Runtime, result: Result<(), Unwritten>) {
    static SAID_BY: AtomicU32 = AtomicU32::new(0);
    let Err(Unwritten(Errno(error))) = result else { return };
    let pid = process::pid();
    if SAID_BY.swap(pid, Ordering::Relaxed) == pid {
        return;
    }
    let mut text = FixedText::<{ libc::PATH_MAX as usize + 200 }>::new();
    let folder = runtime.report_directory.as_deref().unwrap_or_default();
    let (name, folder) = (printable(runtime.program_name()), printable(folder));
    let _ = write!(text, "fencepost: {name} ({pid}): a record could not be written to {folder}: ");
    let _ = match error {
        libc::ENOSPC | libc::EDQUOT | libc::EFBIG => writeln!(text, "there is no room for it"),
        libc::EACCES | libc::EPERM | libc::EROFS => {
            writeln!(text, "writing there is not permitted")
        }
        libc::ENOENT | libc::ENOTDIR => writeln!(text, "the directory is gone"),
        libc::EMFILE | libc::ENFILE => writeln!(text, "the process has too many open files"),
        _ => writeln!(text, "error {error} of the kernel"),
    };
    sink::write_if_open(runtime, text.as_str());
}
