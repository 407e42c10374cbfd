//! Annotations of GitHub Actions: lines of the log that are commands for its reader.

use std::io::{self, Write};

use super::place::{self, Root};
use super::{rule, sentence, sentence::Weight};
use crate::command::collection::Collection;
use fencepost::finding::{Bug, Event, Frame};
use fencepost::printable::printable;

/// Writes a line for each new bug, and one with the number of known bugs.
pub fn render(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    let root = Root::of(collection);
    for bug in collection.new_bugs() {
        write_annotation(bug, &root, out)?;
    }
    let known = collection.known_bugs().count();
    if known > 0 {
        let bugs = sentence::counted(known as u64, "bug");
        writeln!(out, "::notice title=fencepost::{bugs} in the baseline or suppressed")?;
    }
    Ok(())
}

fn write_annotation(bug: &Bug, root: &Root, out: &mut dyn Write) -> io::Result<()> {
    let finding = &bug.example;
    let frame = place::location(finding);
    let command = match Weight::of(finding) {
        Weight::Error => "error",
        Weight::Warning => "warning",
        Weight::Note => "notice",
    };
    write!(out, "::{command} ")?;
    if let Some(file) = frame.and_then(|frame| frame.file.as_ref()) {
        // The runner makes an absolute path relative to its work tree.
        write!(out, "file={},", property(&clean(&root.shown(file))))?;
        for (name, number) in [
            ("line", frame.and_then(|frame| frame.line)),
            ("col", frame.and_then(|frame| frame.column)),
        ] {
            match number.filter(|number| *number > 0) {
                Some(number) => write!(out, "{name}={number},")?,
                None => break,
            }
        }
    }
    write!(
        out,
        "title={}::",
        property(&format!("{}: {}", clean(&bug.kind), rule::of(&bug.kind).title))
    )?;
    let mut text = clean(&format!("{}, at {}", sentence::of(finding), root.place(finding)));
    let object = finding.object.as_ref();
    let calls = finding.mapping.iter().flat_map(|mapping| mapping.calls.iter().rev());
    let calls = calls.map(|call| (call.did.words(), innermost(Some(&call.event))));
    let of_object = [
        ("allocated", object.and_then(|it| place::allocation(place::stack_of(&it.allocated)))),
        ("begun", innermost(finding.begun.as_ref())),
        ("freed", innermost(object.and_then(|it| it.freed.as_ref()))),
    ];
    for (done, frame) in of_object.into_iter().chain(calls) {
        if let Some(position) = frame.and_then(|frame| root.position(frame)) {
            text += &format!("\n{done} at {}", clean(&position));
        }
    }
    let (findings, processes) = (sentence::counted(bug.count, "finding"), bug.processes);
    let in_processes = if processes == 1 { "process" } else { "processes" };
    text += &format!("\n{findings} in {processes} {in_processes}");
    for test in bug.tests.iter().take(5) {
        text += &format!("\nin {}", clean(&test.name));
    }
    text.extend(finding.hint.iter().map(|hint| format!("\n{}", clean(hint))));
    writeln!(out, "{}", data(&text))
}

fn innermost(event: Option<&Event>) -> Option<&Frame> {
    event.map(place::stack_of).and_then(place::innermost)
}

/// Escapes the text of a command: its reader converts these three back.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a value of a command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Makes a text fit for one line, and for the terminals on which logs are read.
fn clean(text: &str) -> String {
    printable(text).to_string()
}
