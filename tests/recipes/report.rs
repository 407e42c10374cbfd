//! What a report directory says, asked of the command.

use std::collections::BTreeSet;
use std::path::Path;

use fencepost::finding::{Bug, Record};

use super::run;
use super::support::backend::FENCEPOST;
use super::support::process::{self, Exit};

/// A report directory in a format.
#[track_caller]
pub fn render(directory: &Path, format: &str) -> String {
    let mut command = process::command(FENCEPOST);
    command.arg("report").arg(directory).args(["--format", format]);
    let outcome = run(&mut command);
    assert_eq!(outcome.exit, Exit::Code(0), "{format}: {}", outcome.stderr);
    outcome.stdout
}

/// The bugs in a report directory.
#[track_caller]
pub fn bugs(directory: &Path) -> Vec<Bug> {
    let text = render(directory, "jsonl");
    let records = text.lines().map(|line| Record::from_line(line.as_bytes()).expect("a record"));
    let bug = |record| match record {
        Record::Bug(bug) => Some(*bug),
        _ => None,
    };
    records.filter_map(bug).collect()
}

/// Kind and function of each bug.
#[track_caller]
pub fn names(directory: &Path) -> BTreeSet<(String, String)> {
    bugs(directory).iter().map(name).collect()
}

/// Kind and innermost function of the program.
pub fn name(bug: &Bug) -> (String, String) {
    let own = bug.example.stack.iter().find(|frame| !frame.module.contains("libc.so"));
    let function = own.and_then(|frame| frame.function.clone()).unwrap_or_default();
    (bug.kind.clone(), function)
}

/// The directory has exactly the bug of `programs/overrun.c`, found in these tests.
#[track_caller]
pub fn shows_the_overrun(directory: &Path) -> Bug {
    let mut bugs = bugs(directory);
    assert_eq!(bugs.len(), 1, "{bugs:#?}");
    let bug = bugs.remove(0);
    assert_eq!(name(&bug), ("heap-buffer-overflow".to_owned(), "sum".to_owned()));
    assert_eq!(bug.count, 1, "{bug:#?}");
    bug
}
