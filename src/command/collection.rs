//! The merged contents of record files: each bug once, and what a summary needs beside them.
//!
//! Every format is rendered from a [`Collection`].

use fencepost::finding::{Bug, NotGuarded, Record, Run, RunEnd, Totals};

/// Merged records, in the order in which formats show them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collection {
    /// Runs, in the order in which they began.
    pub runs: Vec<RunTold>,
    /// Bugs, new ones first, then by the time of the first finding.
    pub bugs: Vec<Bug>,
    /// Findings of processes that ended themselves by abort or a signal. They are no bugs of the heap, and perhaps
    /// intended.
    pub crashes: Vec<Bug>,
    /// Counts of processes, notices, tests and allocations.
    pub totals: Totals,
    /// Counts of lines that could not be read.
    pub skipped: Skipped,
    /// The folder to which formats make source paths relative; absent: the directory of the first run.
    pub source_root: Option<String>,
}

/// A run, and its end if it has one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunTold {
    pub run: Run,
    pub end: Option<RunEnd>,
}

/// Counts of lines of record files that were not used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Last lines of files without a newline: the process was killed while it wrote, or is still writing.
    pub torn: u64,
    /// Lines that are no records.
    pub broken: u64,
    /// Records of a type or version that this version of fencepost does not know.
    pub unknown: u64,
    /// Findings of further bugs, when there were too many bugs to keep.
    pub beyond: u64,
}

impl Collection {
    /// Whether no record was read.
    pub fn is_empty(&self) -> bool {
        let Collection { runs, bugs, crashes, totals, .. } = self;
        let is_about_nothing = totals.processes == 0 && totals.notices.is_empty();
        runs.is_empty() && bugs.is_empty() && crashes.is_empty() && is_about_nothing
    }

    /// New bugs, which are neither in a baseline nor suppressed.
    pub fn new_bugs(&self) -> impl Iterator<Item = &Bug> {
        self.bugs.iter().filter(|bug| bug.known.is_none())
    }

    /// Of these, the ones that are mistakes: not what is told of memory that is still reachable.
    pub fn new_errors(&self) -> impl Iterator<Item = &Bug> {
        self.new_bugs().filter(|bug| bug.example.is_error())
    }

    /// Known bugs, which are in a baseline or suppressed.
    pub fn known_bugs(&self) -> impl Iterator<Item = &Bug> {
        self.bugs.iter().filter(|bug| bug.known.is_some())
    }

    /// Programs that were executed without the guard in any run; those that the user left out come last.
    pub fn not_guarded(&self) -> Vec<NotGuarded> {
        let mut all: Vec<NotGuarded> = Vec::new();
        for one in
            self.runs.iter().filter_map(|told| told.end.as_ref()).flat_map(|end| &end.not_guarded)
        {
            let same = |other: &&mut NotGuarded| {
                (&other.program, &other.reason, other.by_choice)
                    == (&one.program, &one.reason, one.by_choice)
            };
            match all.iter_mut().find(same) {
                Some(known) => known.times += one.times,
                None => all.push(one.clone()),
            }
        }
        all.sort_by(|a, b| {
            (a.by_choice, std::cmp::Reverse(a.times), &a.program).cmp(&(
                b.by_choice,
                std::cmp::Reverse(b.times),
                &b.program,
            ))
        });
        all
    }

    /// Runs whose program a fault killed, of which no process left a report.
    pub fn unreported(&self) -> impl Iterator<Item = (&Run, i32)> {
        let ended = self.runs.iter().filter_map(|told| Some((&told.run, told.end.as_ref()?)));
        ended.filter_map(|(run, end)| Some((run, end.signal.filter(|_| end.unreported)?)))
    }

    /// The collection as records. Merged again, they give the same collection.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        let runs = self.runs.iter().flat_map(|told| {
            let end = told.end.clone().map(Record::RunEnd);
            std::iter::once(Record::Run(told.run.clone())).chain(end)
        });
        let bugs =
            self.bugs.iter().chain(&self.crashes).map(|bug| Record::Bug(Box::new(bug.clone())));
        runs.chain(bugs).chain(std::iter::once(Record::Totals(self.totals.clone())))
    }
}

/// Program and arguments as a line for a shell.
pub fn command_line(words: &[impl AsRef<str>]) -> String {
    let is_plain = |char: char| char.is_alphanumeric() || "-_./:=,+@%^~".contains(char);
    let mut line = String::new();
    for word in words {
        let word = word.as_ref();
        if !line.is_empty() {
            line.push(' ');
        }
        if !word.is_empty() && word.chars().all(is_plain) {
            line.push_str(word);
        } else {
            line.push_str(&format!("'{}'", word.replace('\'', r"'\''")));
        }
    }
    line
}

impl Skipped {
    /// A sentence, if anything was skipped.
    pub fn words(&self) -> Option<String> {
        let part = |count: u64, one: &str, many: &str| {
            (count > 0).then(|| format!("{count} {}", if count == 1 { one } else { many }))
        };
        let parts: Vec<String> = [
            part(self.torn, "unfinished last line", "unfinished last lines"),
            part(self.broken, "line that is no record", "lines that are no records"),
            part(self.unknown, "record of an unknown type", "records of unknown types"),
            part(self.beyond, "finding of a bug too many", "findings of bugs too many"),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!parts.is_empty()).then(|| format!("skipped {}", parts.join(", ")))
    }
}
