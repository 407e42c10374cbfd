//! What is printed of a report: all of it, or only that another process has printed it.
//!
//! When processes of a tree leave records in one directory, only one of them prints the report of a bug. Each of them
//! leaves a record of its own.

use super::stages::Told;
use crate::finding::{Finding, Known};
use crate::ledger::{self, Said};
use crate::printable::printable;
use crate::runtime::Runtime;
use crate::sys::fixed_text::FixedText;
use core::fmt::Write;

/// How many bugs a process can tell apart that was not started by `fencepost run`.
const MOST_BUGS: usize = 256;

/// The most bytes quoted of a summary.
const MOST_BYTES: usize = 1000;

/// A line of text, without allocating.
type Line = FixedText<{ 2 * libc::PATH_MAX as usize }>;

/// Has `write` print a report, then whether its bug is known. `goes_on` says whether the process goes on after it.
pub fn print(runtime: &Runtime, told: &Told<'_>, goes_on: bool, write: impl Fn(&Runtime, &str)) {
    let Told { finding, text, is_recorded, is_known_unread } = *told;
    // The report directory has the whole report, so a line is enough.
    if is_recorded && !is_first(finding) {
        write(runtime, repeat(runtime, finding).as_str());
    } else {
        write(runtime, text);
    }
    let mut line = Line::new();
    let end = if goes_on { "" } else { ", but the process can't go on after it" };
    let _ = match &finding.known {
        Some(Known::Baseline) => writeln!(line, "fencepost: the baseline has this bug{end}"),
        Some(Known::Suppression(name)) => {
            let name = printable(cut(name));
            writeln!(line, "fencepost: the suppression {name} is about this bug{end}")
        }
        None if is_known_unread => {
            writeln!(line, "fencepost: whether this bug is known could not be read")
        }
        None => return,
    };
    write(runtime, line.as_str());
}

/// Whether nobody has printed the report of this bug at this place yet.
fn is_first(finding: &Finding) -> bool {
    static HERE: Said<MOST_BUGS> = Said::new();
    let Finding { fingerprint, summary, .. } = finding;
    match ledger::get() {
        Some(ledger) => ledger.is_news_of_bug(fingerprint, summary),
        None => HERE.is_news(&[fingerprint, summary]),
    }
}

fn repeat(runtime: &Runtime, finding: &Finding) -> Line {
    let mut line = Line::new();
    let (name, pid) = (printable(runtime.program_name()), finding.process.pid);
    let (summary, fingerprint) = (printable(cut(&finding.summary)), &finding.fingerprint);
    let folder = printable(runtime.report_directory.as_deref().unwrap_or_default());
    let _ = write!(line, "fencepost: {name} ({pid}): {summary}, again; ");
    let _ = writeln!(line, "the whole report {fingerprint} is in {folder}");
    line
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MOST_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
