//! A finding as text, in the form that people and tools know from ASan.
//!
//! All names and texts of a finding are made printable, because a record may come from anywhere.

mod excerpt;
mod picture;
mod stack;
mod style;

pub use style::Style;

use super::fingerprint::{Places, is_of_project};
use super::{Event, Finding, Module, Object, ObjectState, Thread};
use crate::printable::printable;
use core::fmt::{Result, Write};
use style::Paint;

/// The text before the summary of every finding.
pub const SUMMARY: &str = "SUMMARY: Fencepost: ";

/// Writes `finding`. Allocates nothing.
pub fn render(finding: &Finding, style: Style, out: &mut impl Write) -> Result {
    // A report without names has no excerpts, but all frames.
    let is_bare = finding.bare || finding.names_missing.is_some();
    let style = Style { all_frames: style.all_frames || is_bare, ..style };
    write_header(finding, style, out)?;
    if !is_bare {
        excerpt::write(finding, style, out)?;
    }
    writeln!(out, "{}", printable(&finding.heading))?;
    stack::write(&finding.stack, style, out)?;
    writeln!(out)?;
    for sentence in &finding.place {
        writeln!(out, "{}", printable(sentence))?;
    }
    if !is_bare {
        picture::write(finding, style, out)?;
    }
    if let Some(hint) = &finding.hint {
        style.paint(Paint::Advice, "hint:", out)?;
        writeln!(out, " {}", printable(hint))?;
    }
    if let Some(object) = &finding.object {
        write_life(object, style, out)?;
    }
    for owned in finding.leak.iter().flat_map(|leak| &leak.owned) {
        writeln!(out, "{}", owned.heading())?;
        stack::write_kept(owned.allocated.stack.as_deref(), style, out)?;
        writeln!(out)?;
    }
    if let Some(begun) = &finding.begun {
        write_event("begun", begun, style, out)?;
    }
    for call in finding.mapping.iter().flat_map(|mapping| &mapping.calls) {
        write_event(call.did.words(), &call.event, style, out)?;
    }
    for creation in &finding.threads {
        write!(out, "thread ")?;
        write_label(&creation.thread, out)?;
        writeln!(out, " created by thread T{} here:", creation.by)?;
        stack::write_kept(creation.stack.as_deref(), style, out)?;
        writeln!(out)?;
    }
    // Of leaks there are many in one process.
    if !is_bare && finding.leak.is_none() {
        write_process(finding, style, out)?;
    }
    write!(out, "{SUMMARY}")?;
    style.paint(Paint::Error, printable(&finding.summary), out)?;
    writeln!(out)?;
    for line in finding.stats.iter().flat_map(|stats| stats.lines()) {
        writeln!(out, "{}", printable(line))?;
    }
    if let Some(why) = &finding.names_missing {
        writeln!(out, "fencepost: names could not be looked up: {}", printable(why))?;
    }
    Ok(())
}

/// The text of `finding` without colours, with frames of runtimes folded.
pub fn to_string(finding: &Finding) -> String {
    to_styled_string(finding, Style::default())
}

/// The text of `finding` in a style.
pub fn to_styled_string(finding: &Finding, style: Style) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = render(finding, style, &mut text);
    text
}

/// The summary of `finding`: its kind, and `file:line in function`, or what is known of that.
pub fn summary(finding: &Finding) -> String {
    let mut text = String::new();
    let _ = write_summary(finding, &mut text);
    text
}

fn write_summary(finding: &Finding, out: &mut impl Write) -> Result {
    write!(out, "{} ", printable(&finding.kind))?;
    let Places { culprit, allocated, .. } = Places::of(finding);
    let Some(frame) = culprit.or(allocated) else { return write!(out, "(unknown)") };
    match frame.file {
        Some(_) => stack::write_position(frame, false, out)?,
        None => stack::write_module_place(frame, out)?,
    }
    if let Some(function) = &frame.function {
        write!(out, " in {}", printable(function))?;
    }
    Ok(())
}

/// Writes what identifies the process, and the build ids of modules with the user's own code.
fn write_process(finding: &Finding, style: Style, out: &mut impl Write) -> Result {
    let process = &finding.process;
    if !process.command.is_empty() {
        style.paint(Paint::Faint, "command:", out)?;
        write_words(&process.command, out)?;
        // A parent `fencepost` only means that the user started the program.
        if let Some(parent) = process.parent.as_ref().filter(|parent| *parent != "fencepost") {
            write!(out, " (parent: {})", printable(parent))?;
        }
        writeln!(out)?;
    }
    if let Some(test) = &process.test {
        style.paint(Paint::Faint, "test:", out)?;
        writeln!(out, " {} ({})", printable(&test.name), printable(&test.framework))?;
    }
    for module in finding.modules.iter().filter(|module| is_shown(finding, module)) {
        style.paint(Paint::Faint, "build id:", out)?;
        writeln!(out, " {} {}", printable(&module.build_id), printable(&module.path))?;
    }
    Ok(())
}

/// Whether a module has a build id and the user's own code of one of the frames.
fn is_shown(finding: &Finding, module: &Module) -> bool {
    let life = finding.object.iter().flat_map(|it| [Some(&it.allocated), it.freed.as_ref()]);
    let calls = finding.mapping.iter().flat_map(|mapping| &mapping.calls).map(|call| &call.event);
    let life = life.flatten().chain(calls).filter_map(|event| event.stack.as_deref());
    let mut frames = life.chain([&finding.stack[..]]).flatten();
    !module.build_id.is_empty()
        && frames.any(|frame| frame.module == module.path && is_of_project(frame))
}

/// Command lines are cut behind so many bytes, so that long ones do not hide the rest.
const MOST_COMMAND_BYTES: usize = 300;

fn write_words(words: &[String], out: &mut impl Write) -> Result {
    let mut bytes = 0;
    for word in words {
        if bytes > MOST_COMMAND_BYTES {
            return write!(out, " …");
        }
        bytes += word.len() + 1;
        let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_./=:,+@%".contains(char);
        match !word.is_empty() && word.chars().all(is_plain) {
            true => write!(out, " {word}")?,
            false => {
                write!(out, " '")?;
                // Quoted as a shell needs it.
                for (number, piece) in word.split('\'').enumerate() {
                    let quote = if number == 0 { "" } else { "'\\''" };
                    write!(out, "{quote}{}", printable(piece))?;
                }
                write!(out, "'")?;
            }
        }
    }
    Ok(())
}

fn write_label(thread: &Thread, out: &mut impl Write) -> Result {
    write!(out, "T{}", thread.id)?;
    match &thread.name {
        Some(name) => write!(out, " ({})", printable(name)),
        None => Ok(()),
    }
}

fn write_header(finding: &Finding, style: Style, out: &mut impl Write) -> Result {
    writeln!(out, "=================================================================")?;
    let word = if finding.is_error() { "ERROR" } else { "NOTE" };
    write!(out, "=={}=={word}: Fencepost: ", finding.process.pid)?;
    style.paint(Paint::Error, printable(&finding.kind), out)?;
    if let Some(address) = finding.address {
        write!(out, " on address {address}")?;
    }
    if let Some(registers) = finding.registers {
        let super::Registers { pc, bp, sp } = registers;
        write!(out, " at pc {pc} bp {bp} sp {sp}")?;
    }
    // Nobody has done anything at this moment that leaks.
    if finding.leak.is_none() {
        write!(out, " thread ")?;
        write_label(&finding.thread, out)?;
    }
    writeln!(out)?;
    match &finding.explanation {
        Some(explanation) => {
            style.paint(Paint::Strong, printable(explanation), out)?;
            writeln!(out)
        }
        None => Ok(()),
    }
}

/// Writes the stacks of an object's free and allocation.
pub fn write_life(object: &Object, style: Style, out: &mut impl Write) -> Result {
    if object.state == ObjectState::Forgotten {
        return writeln!(out);
    }
    if let Some(freed) = &object.freed {
        write_event("freed", freed, style, out)?;
    }
    write_event("allocated", &object.allocated, style, out)
}

fn write_event(done: &str, event: &Event, style: Style, out: &mut impl Write) -> Result {
    style.paint(Paint::Strong, done, out)?;
    writeln!(out, " by thread T{} here:", event.thread)?;
    stack::write_kept(event.stack.as_deref(), style, out)?;
    writeln!(out)
}
