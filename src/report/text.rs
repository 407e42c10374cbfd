//! A report as text, in the shape that ASan made familiar to people and tools.

use super::data::{
    AddressReport, Frame, KeptStack, NamedThread, ObjectEvent, Report, ReportedObject,
};
use super::words;
use crate::diagnose::{
    Access, BugKind, Cause, Crash, Direction, FoundBy, LibcCall, Misuse, Relation, Side,
};
use crate::heap::record::{State, ThreadId};
use crate::printable::printable;
use crate::sys::PAGE_BYTES;
use core::fmt::{Result, Write};

/// Writes `report`.
pub fn render(report: &Report, out: &mut impl Write) -> Result {
    write_header(report, out)?;
    write_cause(report, out)?;
    write_place(report, out)?;
    if let Some(object) = &report.object {
        write_life(object, out)?;
    }
    for creation in &report.creations {
        write!(out, "thread ")?;
        write_label(&creation.thread, out)?;
        writeln!(out, " created by thread T{} here:", creation.by.0)?;
        write_kept_stack(&creation.stack, out)?;
        writeln!(out)?;
    }
    write_summary(report, out)?;
    if let Some(stats) = &report.stats {
        out.write_str(stats)?;
    }
    if let Some(failure) = report.names_missing {
        let words = words::look_up_failure(failure);
        writeln!(out, "fencepost: names could not be looked up: {words}")?;
    }
    Ok(())
}

/// `report` as a string.
pub fn to_string(report: &Report) -> String {
    let mut text = String::new();
    // A string takes all that is written to it.
    let _ = render(report, &mut text);
    text
}

/// `report` as a string.
pub fn address_to_string(report: &AddressReport) -> String {
    let mut text = String::new();
    let _ = render_address(report, &mut text);
    text
}

/// Writes what an address is.
pub fn render_address(report: &AddressReport, out: &mut impl Write) -> Result {
    let AddressReport { pid, asking, address, kind, object } = report;
    let what = words::address_kind(kind, object.as_ref(), *asking);
    writeln!(out, "=={pid}==Fencepost: {address:#x} {what}")?;
    match object {
        Some(object) => {
            write_relation(*address, object, false, out)?;
            write_life(object, out)
        }
        None => Ok(()),
    }
}

fn write_label(thread: &NamedThread, out: &mut impl Write) -> Result {
    write!(out, "T{}", thread.id.0)?;
    match &thread.name {
        Some(name) => write!(out, " ({})", printable(name)),
        None => Ok(()),
    }
}

fn write_header(report: &Report, out: &mut impl Write) -> Result {
    let Report { pid, address, cause, .. } = report;
    writeln!(out, "=================================================================")?;
    write!(out, "=={pid}==ERROR: Fencepost: {}", report.kind_name())?;
    if !matches!(cause, Cause::Request(_) | Cause::Aborted) {
        write!(out, " on address {address:#x}")?;
    }
    let registers = match *cause {
        Cause::Access(Access { pc, bp, sp, .. }) | Cause::Raised { pc, bp, sp, .. } => {
            Some((pc, bp, sp))
        }
        Cause::Libc(LibcCall { caller, misuse: Misuse::OutOfBounds { .. }, .. }) => {
            Some((caller.pc, caller.bp, caller.sp))
        }
        _ => None,
    };
    if let Some((pc, bp, sp)) = registers {
        write!(out, " at pc {pc:#x} bp {bp:#x} sp {sp:#x}")?;
    }
    write!(out, " thread ")?;
    write_label(&report.thread, out)?;
    writeln!(out)?;
    match cause {
        Cause::Libc(call) => writeln!(out, "{}", words::libc_call(call, report.object.as_ref())),
        _ => Ok(()),
    }
}

/// What was done where, with the stack.
fn write_cause(report: &Report, out: &mut impl Write) -> Result {
    let thread = report.thread.id;
    match report.cause {
        Cause::Access(access) => {
            write!(out, "{}", verb(access.direction))?;
            match (access.width, access.direction) {
                (Some(width), _) => write!(out, " of size {width}")?,
                (None, Direction::Execute) => {}
                (None, _) => write!(out, " of unknown size")?,
            }
            writeln!(out, " at {:#x} thread T{}", access.start, thread.0)?;
        }
        Cause::Request(request) => write_called(request.function, thread, out)?,
        Cause::Raised { signal, .. } => {
            writeln!(out, "{signal} raised here by thread T{}:", thread.0)?;
        }
        Cause::Aborted => write_called("abort", thread, out)?,
        Cause::Libc(LibcCall { function, misuse, .. }) => match misuse {
            Misuse::OutOfBounds { direction, operand, .. } => {
                let (verb, bytes, address) = (verb(direction), operand.bytes, report.address);
                writeln!(out, "{verb} of size {bytes} at {address:#x} thread T{}", thread.0)?;
            }
            _ => write_called(function, thread, out)?,
        },
        Cause::Found(FoundBy::Exit) => return writeln!(out, "found at exit\n"),
        Cause::Found(by) => {
            let function = by.function();
            match report.kind {
                BugKind::OverwrittenSlack => writeln!(out, "found by {function} here:")?,
                BugKind::HeapUseAfterFree if report.damage.is_some() => {
                    writeln!(out, "found by a later {function} here:")?;
                }
                _ => write_called(function, thread, out)?,
            }
        }
    }
    write_stack(&report.stack, out)?;
    writeln!(out)
}

fn write_called(function: &str, thread: ThreadId, out: &mut impl Write) -> Result {
    writeln!(out, "{function} called here by thread T{}:", thread.0)
}

/// Where the address lies: relative to an object, or in somebody else's memory.
fn write_place(report: &Report, out: &mut impl Write) -> Result {
    let address = report.address;
    if let Some(crash) = &report.crash {
        return match crash {
            Crash::Abort => Ok(()),
            crash => writeln!(out, "{address:#x} is {}", words::crash(crash)),
        };
    }
    if let Cause::Request(request) = &report.cause {
        return writeln!(out, "{}", words::request(request));
    }
    match (&report.object, &report.owner) {
        (Some(object), _) => write_relation(address, object, report.damage.is_some(), out)?,
        (None, Some(owner)) => {
            writeln!(out, "{address:#x} {}", words::owner(owner, report.thread.id))?;
        }
        (None, None) => {
            writeln!(out, "{address:#x} was never allocated: no object is near")?;
        }
    }
    if let (Some((release, which)), Some(object)) = (report.mismatch, &report.object) {
        writeln!(out, "{}", words::mismatch(object, release, which))?;
    }
    write_damage(report, out)
}

/// What canaries or junk were overwritten with.
fn write_damage(report: &Report, out: &mut impl Write) -> Result {
    let Some(damage) = &report.damage else { return Ok(()) };
    let start = report.object.as_ref().map_or(0, |object| object.start);
    let offset = damage.address.wrapping_sub(start) as isize;
    write!(out, "{} bytes from offset {offset} of the object hold", damage.span)?;
    for byte in &damage.bytes[..damage.shown] {
        write!(out, " {byte:02x}")?;
    }
    let more = if damage.span > damage.shown { " …" } else { "" };
    let what = match report.kind {
        BugKind::HeapUseAfterFree => "junk",
        _ => "canary",
    };
    writeln!(out, "{more} instead of the {what} {:02x}", damage.expected)?;
    match &report.object {
        Some(object) if report.kind == BugKind::OverwrittenSlack => {
            writeln!(out, "{}", words::how_to_find_the_write(object.relation.side))
        }
        _ => Ok(()),
    }
}

fn write_relation(
    address: usize,
    object: &ReportedObject,
    is_damage: bool,
    out: &mut impl Write,
) -> Result {
    if object.state == State::Forgotten {
        return writeln!(
            out,
            "{address:#x} is in memory that was freed long ago; its stacks are no longer kept (option history)"
        );
    }
    let Relation { bytes, side } = object.relation;
    let where_to = match side {
        Side::Before => "before",
        Side::Inside => "inside of",
        Side::After => "after",
    };
    let (start, size, end) = (object.start, object.size, object.end());
    // The first bad byte: an access may begin inside the object and cross its end.
    let first_bad = match side {
        Side::After => end + bytes,
        _ => address,
    };
    let unit = if bytes == 1 { "byte" } else { "bytes" };
    write!(out, "{first_bad:#x} is located {bytes} {unit} {where_to} ")?;
    writeln!(out, "{size}-byte region [{start:#x},{end:#x})")?;
    if address < end && first_bad >= end && !is_damage {
        let inside = end - address;
        writeln!(out, "the access begins {inside} bytes before the end of the region")?;
    }
    if side != Side::Inside && bytes >= PAGE_BYTES && !is_damage {
        writeln!(out, "this is a guess: that region is the nearest, and it is not near")?;
    }
    Ok(())
}

/// The stacks of the object's free and allocation.
fn write_life(object: &ReportedObject, out: &mut impl Write) -> Result {
    if object.state == State::Forgotten {
        return writeln!(out);
    }
    if let Some(freed) = &object.freed {
        write_event("freed", freed, out)?;
    }
    write_event("allocated", &object.allocated, out)
}

fn write_event(done: &str, event: &ObjectEvent, out: &mut impl Write) -> Result {
    writeln!(out, "{done} by thread T{} here:", event.thread.0)?;
    write_kept_stack(&event.stack, out)?;
    writeln!(out)
}

fn write_kept_stack(stack: &KeptStack, out: &mut impl Write) -> Result {
    match stack {
        Some(stack) => write_stack(stack, out),
        None => writeln!(out, "    (the stack was not kept)"),
    }
}

fn write_stack(stack: &[Frame], out: &mut impl Write) -> Result {
    for (number, frame) in stack.iter().enumerate() {
        write!(out, "    #{number} {:#x}", frame.address)?;
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

/// `file:line in function`, or the nearest to it that is known.
fn write_summary(report: &Report, out: &mut impl Write) -> Result {
    write!(out, "SUMMARY: Fencepost: {} ", report.kind_name())?;
    let Some(frame) = report.location() else { return writeln!(out, "(unknown)") };
    match frame.file {
        Some(_) => write_position(frame, false, out)?,
        None => write_module_place(frame, out)?,
    }
    if let Some(function) = &frame.function {
        write!(out, " in {}", printable(function))?;
    }
    writeln!(out)
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
    write!(out, "({}+{:#x})", printable(&frame.module), frame.module_offset)
}

fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Read => "READ",
        Direction::Write => "WRITE",
        Direction::Execute => "EXECUTE",
    }
}
