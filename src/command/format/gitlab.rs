//! Code Quality reports of GitLab, which merge requests show.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::place::{self, Root};
use super::sentence::{self, Weight};
use crate::command::collection::Collection;
use fencepost::finding::Bug;

/// Writes a list with an entry for each new bug.
pub fn render(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    let root = Root::of(collection);
    out.write_all(b"[")?;
    for (number, bug) in collection.new_bugs().enumerate() {
        out.write_all(if number == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &entry(bug, &root))?;
    }
    out.write_all(b"\n]\n")
}

fn entry(bug: &Bug, root: &Root) -> Value {
    let finding = &bug.example;
    let frame = place::location(finding);
    // An entry must have a file and a line: for a bug without them, this is line 1 of the module.
    let source = frame.and_then(|frame| Some((root.shown(frame.file.as_ref()?), frame.line?)));
    let module =
        || root.shown(frame.map_or(finding.process.program.as_str(), |frame| &frame.module));
    let (path, line) = source.unwrap_or_else(|| (module(), 1));
    let severity = match (Weight::of(finding), &finding.leak) {
        (Weight::Error, None) => "critical",
        (Weight::Error, Some(_)) => "major",
        (Weight::Warning, _) => "minor",
        (Weight::Note, _) => "info",
    };
    json!({
        "description":
            format!("{}: {}, at {}", bug.kind, sentence::of(finding), root.place(finding)),
        "check_name": bug.kind,
        "fingerprint": bug.fingerprint,
        "severity": severity,
        "location": {"path": path, "lines": {"begin": line.max(1)}},
    })
}
