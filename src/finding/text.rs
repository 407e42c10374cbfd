//! A finding as text, in the shape that ASan made familiar to people and tools.
//!
//! Whatever it quotes is made printable here, too: a record may come from anywhere.

use super::fingerprint::place_of_user;
use super::{Event, Finding, Frame, Object, ObjectState, Thread};
use crate::printable::printable;
use core::fmt::{Result, Write};

/// What precedes the summary of every finding.
pub const SUMMARY: &str = "SUMMARY: Fencepost: ";

/// Writes `finding`. Allocates nothing.
pub fn render(finding: &Finding, out: &mut impl Write) -> Result {
    write_header(finding, out)?;
    writeln!(out, "{}", printable(&finding.heading))?;
    write_stack(&finding.stack, out)?;
    writeln!(out)?;
    for sentence in finding.place.iter().chain(&finding.hint) {
        writeln!(out, "{}", printable(sentence))?;
    }
    if let Some(object) = &finding.object {
        write_life(object, out)?;
    }
    if let Some(begun) = &finding.begun {
        write_event("begun", begun, out)?;
    }
    for creation in &finding.threads {
        write!(out, "thread ")?;
        write_label(&creation.thread, out)?;
        writeln!(out, " created by thread T{} here:", creation.by)?;
        write_kept_stack(creation.stack.as_deref(), out)?;
        writeln!(out)?;
    }
    writeln!(out, "{SUMMARY}{}", printable(&finding.summary))?;
    for line in finding.stats.iter().flat_map(|stats| stats.lines()) {
        writeln!(out, "{}", printable(line))?;
    }
    if let Some(why) = &finding.names_missing {
        writeln!(out, "fencepost: names could not be looked up: {}", printable(why))?;
    }
    Ok(())
}

/// `finding` as a string.
pub fn to_string(finding: &Finding) -> String {
    let mut text = String::new();
    // A string takes all that is written to it.
    let _ = render(finding, &mut text);
    text
}

/// Kind, place and function, of what else is in `finding`: `file:line in function`, or the nearest to it that is known.
pub fn summary(finding: &Finding) -> String {
    let mut text = String::new();
    let _ = write_summary(finding, &mut text);
    text
}

fn write_summary(finding: &Finding, out: &mut impl Write) -> Result {
    write!(out, "{} ", printable(&finding.kind))?;
    let allocated = || finding.object.as_ref()?.allocated.stack.as_deref();
    let place = place_of_user(&finding.stack).or_else(|| place_of_user(allocated()?));
    let Some(frame) = place else { return write!(out, "(unknown)") };
    match frame.file {
        Some(_) => write_position(frame, false, out)?,
        None => write_module_place(frame, out)?,
    }
    if let Some(function) = &frame.function {
        write!(out, " in {}", printable(function))?;
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

fn write_header(finding: &Finding, out: &mut impl Write) -> Result {
    writeln!(out, "=================================================================")?;
    let kind = printable(&finding.kind);
    write!(out, "=={}==ERROR: Fencepost: {kind}", finding.process.pid)?;
    if let Some(address) = finding.address {
        write!(out, " on address {address}")?;
    }
    if let Some(registers) = finding.registers {
        let super::Registers { pc, bp, sp } = registers;
        write!(out, " at pc {pc} bp {bp} sp {sp}")?;
    }
    write!(out, " thread ")?;
    write_label(&finding.thread, out)?;
    writeln!(out)?;
    match &finding.explanation {
        Some(explanation) => writeln!(out, "{}", printable(explanation)),
        None => Ok(()),
    }
}

/// Writes the stacks of an object's free and allocation.
pub fn write_life(object: &Object, out: &mut impl Write) -> Result {
    if object.state == ObjectState::Forgotten {
        return writeln!(out);
    }
    if let Some(freed) = &object.freed {
        write_event("freed", freed, out)?;
    }
    write_event("allocated", &object.allocated, out)
}

fn write_event(done: &str, event: &Event, out: &mut impl Write) -> Result {
    writeln!(out, "{done} by thread T{} here:", event.thread)?;
    write_kept_stack(event.stack.as_deref(), out)?;
    writeln!(out)
}

fn write_kept_stack(stack: Option<&[Frame]>, out: &mut impl Write) -> Result {
    match stack {
        Some(stack) => write_stack(stack, out),
        None => writeln!(out, "    (the stack was not kept)"),
    }
}

fn write_stack(stack: &[Frame], out: &mut impl Write) -> Result {
    for (number, frame) in stack.iter().enumerate() {
        write!(out, "    #{number} {}", frame.address)?;
        if let Some(function) = &frame.function {
            write!(out, " in {}", printable(function))?;
        }
        if frame.file.is_some() {
            write!(out, " ")?;
            write_position(frame, true, out)?;
        }
        write!(out, " ")?;
        write_module_place(frame, out)?;
        writeln!(out)?;
    }
    Ok(())
}

/// `file:line:column`, as far as known.
fn write_position(frame: &Frame, with_column: bool, out: &mut impl Write) -> Result {
    let Some(file) = &frame.file else { return Ok(()) };
    write!(out, "{}", printable(file))?;
    if let Some(line) = frame.line {
        write!(out, ":{line}")?;
        if let Some(column) = frame.column.filter(|&column| with_column && column > 0) {
            write!(out, ":{column}")?;
        }
    }
    Ok(())
}

/// `(module+0xoffset)`.
fn write_module_place(frame: &Frame, out: &mut impl Write) -> Result {
    write!(out, "({}+{})", printable(&frame.module), frame.offset)
}
