//! A picture of memory around a bad access, in a few lines: the object's edge, the bytes beside it, and the bad bytes.

use super::stack::shown;
use super::style::{Paint, Style};
use crate::finding::{Finding, Memory, Object, ObjectState, Side};
use crate::printable::printable;
use core::fmt::{Formatter, Result, Write};
use core::ops::Range;

/// Bytes in a line.
const ROW: u64 = 8;
/// If the bad bytes are farther from the object's edge than this, the bytes between are not shown.
const NEAR: u64 = 24;
/// Most lines between the object's edge and the bad bytes, and behind these.
const MOST_ROWS: usize = 6;

/// Draws the memory of `finding`, if any byte of it is known.
pub fn write(finding: &Finding, style: Style, out: &mut impl Write) -> Result {
    let (Some(memory), Some(object)) = (&finding.memory, &finding.object) else { return Ok(()) };
    let Some(bad) = bad_bytes(finding, object) else { return Ok(()) };
    let picture = Picture { finding, memory, object, bad, style };
    // If the object's pages are inaccessible, there is nothing to see.
    if !picture.window().any(|at| picture.byte(at).is_some()) {
        return Ok(());
    }
    picture.write(out)
}

/// Addresses of the bad bytes.
fn bad_bytes(finding: &Finding, object: &Object) -> Option<Range<u64>> {
    let (start, bytes) = match (&finding.damage, &finding.access) {
        (Some(damage), _) => (damage.start.0, damage.span),
        (None, Some(access)) => (access.start.0, access.bytes.unwrap_or(1)),
        (None, None) => return None,
    };
    let end = start.checked_add(bytes.max(1))?;
    if object.state != ObjectState::Live || finding.damage.is_some() {
        return Some(start..end);
    }
    let object_end = object.start.0.checked_add(object.bytes)?;
    let bad = match object.side {
        Side::After => start.max(object_end)..end,
        Side::Before => start..end.min(object.start.0),
        Side::Inside => start..end,
    };
    (!bad.is_empty()).then_some(bad)
}

struct Picture<'a> {
    finding: &'a Finding,
    memory: &'a Memory,
    object: &'a Object,
    bad: Range<u64>,
    style: Style,
}

/// What a byte belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Object,
    /// Accessible, but not part of the object.
    Beside,
    Inaccessible,
}

impl Picture<'_> {
    fn object(&self) -> Range<u64> {
        self.object.start.0..self.object.start.0.saturating_add(self.object.bytes)
    }

    /// The addresses to draw, as far as their bytes are known.
    fn window(&self) -> Range<u64> {
        let known = self.memory.bytes.len() as u64 / 2;
        let known = self.memory.start.0..self.memory.start.0.saturating_add(known);
        let object = self.object();
        let (first, last) = (self.bad.start, self.bad.end.min(self.bad.start.saturating_add(NEAR)));
        let drawn = match self.object.side {
            Side::After => {
                first.min(object.end).saturating_sub(ROW).max(object.start)
                    ..last.max(first.saturating_add(ROW))
            }
            Side::Before => {
                first.saturating_sub(ROW)
                    ..last.max(object.start.saturating_add(ROW).min(object.end))
            }
            Side::Inside => first.saturating_sub(ROW)..last.saturating_add(ROW),
        };
        drawn.start.max(known.start)..drawn.end.min(known.end)
    }

    /// The byte at an address; `None` if it is not accessible, or not known.
    fn byte(&self, at: u64) -> Option<u8> {
        let index = usize::try_from(at.checked_sub(self.memory.start.0)?).ok()?;
        let digits = self.memory.bytes.get(2 * index..2 * index + 2)?;
        u8::from_str_radix(digits, 16).ok()
    }

    fn part(&self, at: u64) -> Part {
        match self.byte(at) {
            _ if self.object().contains(&at) => Part::Object,
            Some(_) => Part::Beside,
            None => Part::Inaccessible,
        }
    }

    fn write(&self, out: &mut impl Write) -> Result {
        let window = self.window();
        let is_far = |row: &Range<u64>| {
            let bad = &self.bad;
            self.part(row.start) != Part::Object
                && !(row.start < bad.end && bad.start < row.end)
                && row.end + NEAR < bad.start
        };
        let mut at = window.start;
        let mut rows = 0;
        let mut is_cut = false;
        while at < window.end && rows < MOST_ROWS {
            let row = self.row(at, window.end);
            at = row.end;
            if is_far(&row) {
                if !is_cut {
                    writeln!(out, "    …")?;
                }
                is_cut = true;
                continue;
            }
            self.write_row(&row, out)?;
            rows += 1;
        }
        Ok(())
    }

    /// The next row from `at` on, which holds bytes of one part only.
    fn row(&self, at: u64, end: u64) -> Range<u64> {
        let part = self.part(at);
        // A row ends where another part begins.
        let most = end.min(at.saturating_add(ROW));
        let rest = (at..most).take_while(|&at| self.part(at) == part).count() as u64;
        at..at + rest.max(1)
    }

    fn write_row(&self, row: &Range<u64>, out: &mut impl Write) -> Result {
        let style = self.style;
        let bytes = |out: &mut Formatter<'_>| {
            for at in row.clone() {
                match self.byte(at) {
                    Some(byte) => write!(out, " {byte:02x}")?,
                    None => write!(out, " ..")?,
                }
            }
            (row.end..row.start + ROW).try_for_each(|_| out.write_str("   "))
        };
        style.paint(Paint::Margin, format_args!("    {:#x} |", row.start), out)?;
        let is_bad = row.start < self.bad.end && self.bad.start < row.end;
        style.paint(if is_bad { Paint::Error } else { Paint::Strong }, shown(bytes), out)?;
        write!(out, "  ")?;
        self.write_words(row, out)?;
        writeln!(out)?;
        if is_bad { self.write_mark(row, out) } else { Ok(()) }
    }

    fn write_words(&self, row: &Range<u64>, out: &mut impl Write) -> Result {
        let object = self.object();
        let size = self.object.bytes;
        let freed = if self.object.state == ObjectState::Live { "" } else { "freed " };
        match self.part(row.start) {
            Part::Object if row.start == object.start && row.end == object.end => {
                write!(out, "the {freed}object, all of its {size} bytes")
            }
            Part::Object if row.end == object.end => {
                write!(out, "the end of the {freed}object of {size} bytes")
            }
            Part::Object if row.start == object.start => {
                write!(out, "the start of the {freed}object of {size} bytes")
            }
            Part::Object => write!(out, "in the {freed}object of {size} bytes"),
            Part::Beside => write!(out, "beside the object, not part of it"),
            Part::Inaccessible => write!(out, "guard page: no access"),
        }
    }

    fn write_mark(&self, row: &Range<u64>, out: &mut impl Write) -> Result {
        let first = self.bad.start.max(row.start);
        let last = self.bad.end.min(row.end);
        // The width of the address at the row's start.
        let address = row.start.checked_ilog2().unwrap_or(0) as usize / 4 + 3;
        let before = 4 + address + 2 + 3 * (first - row.start) as usize;
        write!(out, "{:before$}", "")?;
        let marks = shown(|out| {
            (first..last).try_for_each(|_| out.write_str(" ^^"))?;
            if first > self.bad.start {
                return Ok(());
            }
            if self.finding.access.is_some_and(|access| access.start.0 < self.bad.start) {
                return out.write_str(" the first byte out of bounds");
            }
            match (&self.finding.damage, self.finding.heading.split(" at ").next()) {
                (Some(damage), _) => write!(out, " changed; was {:02x}", damage.expected),
                (None, Some(heading)) => write!(out, " {}", printable(heading)),
                (None, None) => Ok(()),
            }
        });
        self.style.paint(Paint::Error, marks, out)?;
        writeln!(out)
    }
}
