//! Known bugs: reads the baselines and suppressions that the user gives.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Arg, ArgAction, ArgMatches, ValueHint, value_parser};
use fencepost::finding::fingerprint::innermost;
use fencepost::finding::suppression::{KnownBug, KnownBugs};
use fencepost::finding::{Bug, Frame, Known, LeakClass, VERSION};
use fencepost::printable::printable;
use serde::{Deserialize, Serialize};

use super::collection::Collection;
use super::records;
use super::refusal::{Refusal, quoted};
use super::suppression_entry::Entry;
use super::suppressions;

/// Name of the flag that prints suppressions.
pub const GENERATE: &str = "gen-suppressions";

/// The file that `report --format baseline` writes.
#[derive(Deserialize)]
pub struct Baseline {
    /// Version of the file.
    pub fencepost_baseline: u32,
    pub bugs: Vec<BaselineBug>,
}

/// A bug of a [`Baseline`].
#[derive(Serialize, Deserialize)]
pub struct BaselineBug {
    pub fingerprint: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// The summary, for people only.
    #[serde(default)]
    pub summary: String,
}

/// The known bugs that the user gave.
#[derive(Clone, Default)]
pub struct Kept {
    /// The known bugs in the form that processes read.
    pub bugs: KnownBugs,
    /// The suppressions, with their reasons and origins.
    entries: Vec<Entry>,
    /// Sentences about suppressions that were not taken.
    notes: Vec<String>,
}

/// The flags about known bugs, for `run` and `report`.
pub fn flags() -> [Arg; 3] {
    let file = |name: &'static str, value: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .action(ArgAction::Append)
            .value_hint(ValueHint::AnyPath)
            .value_parser(value_parser!(PathBuf))
            .help_heading("Known bugs")
    };
    [
        file("baseline", "FILE|DIR").help(
            "Known bugs: a file that report --format baseline wrote, or records. May be repeated",
        ),
        file("suppressions", "FILE")
            .help("Bugs that may pass: a TOML file, or one for Valgrind or ASan. May be repeated"),
        Arg::new(GENERATE)
            .long(GENERATE)
            .action(ArgAction::SetTrue)
            .help_heading("Known bugs")
            .help("Print suppressions for the new bugs"),
    ]
}

impl Kept {
    /// Reads the files that the flags name.
    pub fn load(matches: &ArgMatches) -> Result<Kept, Refusal> {
        let paths = |name| matches.get_many::<PathBuf>(name).into_iter().flatten();
        let mut kept = Kept {
            bugs: KnownBugs { version: VERSION, ..KnownBugs::default() },
            ..Kept::default()
        };
        for path in paths("baseline") {
            kept.read_baseline(path)?;
        }
        let mut seen: HashMap<String, usize> = HashMap::new();
        for path in paths("suppressions") {
            let (entries, notes) = suppressions::read(path)?;
            kept.notes.extend(notes);
            for mut entry in entries {
                // Records tell suppressions apart by name.
                let times = seen.entry(entry.suppression.name.clone()).or_default();
                *times += 1;
                if *times > 1 {
                    entry.suppression.name += &format!(" ({})", *times);
                }
                kept.bugs.suppressions.push(entry.suppression.clone());
                kept.entries.push(entry);
            }
        }
        Ok(kept)
    }

    /// Whether there are no known bugs.
    pub fn is_empty(&self) -> bool {
        self.bugs.is_empty()
    }

    fn read_baseline(&mut self, path: &Path) -> Result<(), Refusal> {
        let head = if path.is_file() { fs::read(path).ok() } else { None };
        let baseline = head.and_then(|bytes| serde_json::from_slice::<Baseline>(&bytes).ok());
        let Some(Baseline { fencepost_baseline: version, bugs }) = baseline else {
            let collection = records::read(&[path.to_owned()])?;
            if collection.skipped.broken > 0 && collection.is_empty() {
                let sentence = format!(
                    "{} is neither a baseline nor a record file; write one with 'fencepost report DIR --format baseline'",
                    quoted(path)
                );
                return Err(Refusal::new(Refusal::USAGE, sentence));
            }
            self.add_baseline(&collection);
            return Ok(());
        };
        if version > VERSION {
            let sentence = format!("{} is of a later version of fencepost", quoted(path));
            return Err(Refusal::new(Refusal::USAGE, sentence));
        }
        let known = bugs.into_iter().flat_map(|bug| {
            let BaselineBug { fingerprint, also, site, late, .. } = bug;
            known_bugs(fingerprint, also, site, late)
        });
        self.bugs.baseline.extend(known);
        self.sort();
        Ok(())
    }

    /// Adds the bugs of a collection to the known ones.
    pub fn add_baseline(&mut self, collection: &Collection) {
        self.bugs.baseline.extend(baseline_of(collection).baseline);
        self.sort();
    }

    fn sort(&mut self) {
        self.bugs.baseline.sort();
        self.bugs.baseline.dedup();
    }

    /// Marks the known bugs of a collection, and puts them last.
    pub fn apply(&self, collection: &mut Collection) {
        for bug in &mut collection.bugs {
            if bug.known.is_none() {
                bug.known = self
                    .bugs
                    .why(&bug.example)
                    .or_else(|| is_in(&self.bugs, bug).then_some(Known::Baseline));
            }
        }
        collection.bugs.sort_by_key(|bug| bug.known.is_some());
    }

    /// Sentences: which parts of the files were not taken, and which suppressions have expired or match no bug.
    pub fn remarks(&self, collection: &Collection) -> Vec<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut remarks = self.notes.clone();
        for Entry { suppression, reason, origin } in &self.entries {
            let name = printable(&suppression.name);
            let is_used = collection.bugs.iter().any(|bug| {
                bug.known.as_ref() == Some(&Known::Suppression(suppression.name.clone()))
            });
            if suppression.expires_ms.is_some_and(|end| u128::from(end) <= now) {
                let reason = reason.as_deref().map(|reason| format!(": {}", printable(reason)));
                let reason = reason.unwrap_or_default();
                remarks.push(format!("suppression '{name}' has expired ({origin}){reason}"));
            } else if !is_used {
                remarks.push(format!("suppression '{name}' was not used ({origin})"));
            }
        }
        remarks
    }
}

fn known_bugs(
    fingerprint: String,
    also: Vec<String>,
    site: Option<String>,
    late: bool,
) -> Vec<KnownBug> {
    // A late finding that was joined to a bug stands for that bug only, not for all bugs of the site.
    let also = also.into_iter().map(|fingerprint| (fingerprint, false));
    let all = std::iter::once((fingerprint, late)).chain(also);
    all.map(|(fingerprint, late)| KnownBug { fingerprint, site: site.clone(), late }).collect()
}

/// The bugs of a collection as a baseline.
pub fn baseline_of(collection: &Collection) -> KnownBugs {
    let bugs = collection.bugs.iter().flat_map(|bug| {
        known_bugs(bug.fingerprint.clone(), bug.also.clone(), bug.site.clone(), bug.example.late)
    });
    let mut baseline: Vec<KnownBug> = bugs.collect();
    baseline.sort();
    baseline.dedup();
    KnownBugs { version: VERSION, baseline, suppressions: Vec::new() }
}

/// Whether a baseline has a bug.
pub fn is_in(known: &KnownBugs, bug: &Bug) -> bool {
    let late = bug.example.late;
    known.is_in_baseline(&bug.fingerprint, bug.site.as_deref(), late)
        || bug.also.iter().any(|also| known.is_in_baseline(also, None, false))
}

/// Writes suppressions for the bugs of a collection that are new.
pub fn generate(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    for bug in collection.new_bugs() {
        let leak = bug.example.leak.as_ref();
        let place = place(&bug.example.stack, leak.is_some());
        let allocated =
            bug.example.object.as_ref().and_then(|object| object.allocated.stack.as_deref());
        let allocated = allocated.and_then(|stack| place_function(stack));
        writeln!(out, "# {}", printable(&bug.summary))?;
        writeln!(out, "[[suppression]]")?;
        let place_name = place.and_then(|frame| frame.function.as_deref());
        let name =
            format!("{} in {}", bug.kind, place_name.or(allocated).unwrap_or("unknown code"));
        writeln!(out, "name = {}", quoted_toml(&name))?;
        writeln!(out, "kind = {}", quoted_toml(&bug.kind))?;
        if let Some(leak) = leak {
            // Which of these it is, may change from run to run.
            let lost = "[\"definite\", \"indirect\", \"possible\"]";
            let classes = match leak.class {
                LeakClass::StillReachable => "\"reachable\"",
                LeakClass::Mapping => "\"mapping\"",
                _ => lost,
            };
            writeln!(out, "leaks = {classes}")?;
        }
        match place {
            Some(frame) if !bug.example.late => match &frame.function {
                Some(function) => writeln!(out, "function = {}", quoted_toml(function))?,
                None => writeln!(out, "module = {}", quoted_toml(base(&frame.module)))?,
            },
            _ => {}
        }
        if let Some(allocated) = allocated {
            writeln!(out, "allocated = {}", quoted_toml(allocated))?;
        }
        writeln!(out, "reason = \"generated; say why\"\n")?;
    }
    Ok(())
}

/// The program's innermost frame.
fn place(stack: &[Frame], is_allocation: bool) -> Option<&Frame> {
    stack.get(innermost(stack, is_allocation)?)
}

fn place_function(stack: &[Frame]) -> Option<&str> {
    place(stack, true)?.function.as_deref()
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn quoted_toml(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if char.is_control() => quoted += &format!("\\u{:04x}", u32::from(char)),
            char => quoted.push(char),
        }
    }
    quoted + "\""
}
