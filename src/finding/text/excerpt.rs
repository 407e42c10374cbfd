//! Excerpts of the source at the most important places, with a mark and a few words below, as compilers show them.

use super::stack::shown;
use super::style::{Paint, Style};
use crate::finding::fingerprint::Places;
use crate::finding::{
    Access, Direction, Finding, Frame, Mapping, MappingCall, Object, ObjectState, Side, Source,
};
use crate::printable::printable;
use core::fmt::{Display, Result, Write};

/// Lines before and behind the line of the bug.
const AROUND: u32 = 2;
/// Lines before and behind the line of a related place.
const AROUND_RELATED: u32 = 0;
/// Most columns of a line that are shown.
const MOST_COLUMNS: usize = 110;
/// What a tabulator is shown as.
const TAB: &str = "    ";

/// Writes the source lines of `finding`: of the access or the call, of the free, of the allocation.
pub fn write(finding: &Finding, style: Style, out: &mut impl Write) -> Result {
    let Places { culprit, allocated, freed } = Places::of(finding);
    let Some(source) = source_of(finding, culprit) else { return Ok(()) };
    let related = |place, words| {
        let source = source_of(finding, place).filter(|related| *related != source)?;
        Some(Related { source, words })
    };
    let of_mapping = |call: Option<&MappingCall>| call.map(|call| call.did.of_line());
    let mapping = finding.mapping.as_ref();
    let spoilt = of_mapping(mapping.and_then(Mapping::spoilt));
    let made = of_mapping(mapping.and_then(Mapping::made));
    let related = [
        related(freed, spoilt.unwrap_or("the object was freed here")),
        related(allocated, made.unwrap_or("the object was allocated here")),
    ];
    let width = digits(related.iter().flatten().map(|it| it.source.line).max().unwrap_or(0));
    let width = width.max(digits(source.line.saturating_add(AROUND)));
    let main = Excerpt { source, width, style, around: AROUND, mark: '^', paint: Paint::Error };
    main.write("-->", shown(|out| write_verdict(finding, out)), &related, out)?;
    for Related { source, words } in related.iter().flatten() {
        if !main.shows(source) {
            let (mark, paint) = ('-', Paint::Related);
            let excerpt = Excerpt { source, around: AROUND_RELATED, mark, paint, ..main };
            excerpt.write(":::", words, &[], out)?;
        }
    }
    style.paint(Paint::Margin, format_args!("{:width$} |", ""), out)?;
    writeln!(out)
}

/// A related place, and what happened there.
struct Related<'a> {
    source: &'a Source,
    words: &'static str,
}

fn source_of<'a>(finding: &'a Finding, frame: Option<&Frame>) -> Option<&'a Source> {
    let frame = frame?;
    finding
        .sources
        .iter()
        .find(|source| Some(&source.file) == frame.file.as_ref() && Some(source.line) == frame.line)
}

fn digits(number: u32) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 2
}

struct Excerpt<'a> {
    source: &'a Source,
    /// Width of line numbers, in columns.
    width: usize,
    style: Style,
    /// Lines before and behind the marked line.
    around: u32,
    mark: char,
    paint: Paint,
}

impl Excerpt<'_> {
    /// Whether the line of `other` is among those that are shown.
    fn shows(&self, other: &Source) -> bool {
        other.file == self.source.file && other.line.abs_diff(self.source.line) <= self.around
    }

    fn write(
        &self,
        arrow: &str,
        words: impl Display,
        related: &[Option<Related<'_>>],
        out: &mut impl Write,
    ) -> Result {
        let Excerpt { source, width, style, .. } = *self;
        style.paint(Paint::Margin, format_args!("{:width$}{arrow}", ""), out)?;
        write!(out, " {}:{}", printable(&source.file), source.line)?;
        if let Some(column) = source.column {
            write!(out, ":{column}")?;
        }
        writeln!(out)?;
        self.write_margin(None, ' ', out)?;
        writeln!(out)?;
        let first = source.line.saturating_sub(self.around).max(source.first_line);
        let last = source.line.saturating_add(self.around);
        for (number, line) in (source.first_line..).zip(&source.lines) {
            let is_meant = number == source.line;
            let is_edge = number == first || number == last;
            if number < first || number > last || (is_edge && !is_meant && line.trim().is_empty()) {
                continue;
            }
            self.write_margin(Some(number), if is_meant { '>' } else { ' ' }, out)?;
            write!(out, " ")?;
            write_line(line, MOST_COLUMNS, out)?;
            writeln!(out)?;
            if is_meant {
                self.write_mark(line, &words, out)?;
            }
            let here = |it: &&Related<'_>| it.source.line == number && self.shows(it.source);
            for Related { source, words } in related.iter().flatten().filter(here) {
                let excerpt = Excerpt { source, mark: '-', paint: Paint::Related, ..*self };
                excerpt.write_mark(line, words, out)?;
            }
        }
        Ok(())
    }

    fn write_margin(&self, number: Option<u32>, mark: char, out: &mut impl Write) -> Result {
        let width = self.width - 1;
        let number = shown(|out| match number {
            Some(number) => write!(out, "{mark}{number:>width$} |"),
            None => write!(out, "{mark}{:width$} |", ""),
        });
        self.style.paint(Paint::Margin, number, out)
    }

    /// Writes a mark below the source's column, or below the whole line if no column is known.
    fn write_mark(&self, line: &str, words: &impl Display, out: &mut impl Write) -> Result {
        let indent = line.len() - line.trim_start().len();
        let column = self.source.column.and_then(|column| (column as usize).checked_sub(1));
        let column = column.filter(|&at| line.is_char_boundary(at) && at < line.len());
        let before = columns(&line[..column.unwrap_or(indent)]);
        // Farther to the right, the mark would not be seen.
        let before = before.min(MOST_COLUMNS);
        let marks = match column {
            Some(_) => 1,
            None => columns(line.trim()).clamp(1, MOST_COLUMNS - before.min(MOST_COLUMNS - 1)),
        };
        self.write_margin(None, ' ', out)?;
        write!(out, " {:before$}", "")?;
        let marks = shown(|out| {
            (0..marks).try_for_each(|_| out.write_char(self.mark))?;
            write!(out, " {words}")
        });
        self.style.paint(self.paint, marks, out)?;
        writeln!(out)
    }
}

/// Writes the first `most` columns of a line.
fn write_line(line: &str, most: usize, out: &mut impl Write) -> Result {
    let mut left = most;
    let line = line.trim_end();
    for (at, char) in line.char_indices() {
        let piece = &line[at..at + char.len_utf8()];
        let wide = columns(piece);
        if wide > left {
            return out.write_char('…');
        }
        left -= wide;
        match char {
            '\t' => out.write_str(TAB)?,
            _ => write!(out, "{}", printable(piece))?,
        }
    }
    Ok(())
}

/// How many columns a text takes when it is written.
fn columns(text: &str) -> usize {
    struct Counter(usize);
    impl Write for Counter {
        fn write_str(&mut self, text: &str) -> Result {
            self.0 += text.chars().count();
            Ok(())
        }
    }
    let mut counter = Counter(0);
    for piece in text.split_inclusive('\t') {
        let plain = piece.strip_suffix('\t');
        // This only counts, and can't fail.
        let _ = write!(counter, "{}", printable(plain.unwrap_or(piece)));
        counter.0 += plain.map_or(0, |_| TAB.len());
    }
    counter.0
}

/// Writes what happens at the place of the bug, in plain words.
fn write_verdict(finding: &Finding, out: &mut impl Write) -> Result {
    match (&finding.access, &finding.object) {
        (Some(access), Some(object)) => write_access(finding, access, object, out),
        (Some(access), None) => {
            write_verb(finding, access, out)?;
            // For instance `0x0 is null, or an offset from it`.
            let words = finding.place.first().and_then(|place| place.split_once(' '));
            match words {
                Some((address, words)) => {
                    write!(out, " at {}, which {}", printable(address), printable(words))
                }
                None => Ok(()),
            }
        }
        (None, _) if finding.late => out.write_str("this found the damage; the write came earlier"),
        (None, _) if finding.kind == "double-free" => {
            out.write_str("this frees an object that is freed already")
        }
        (None, _) => {
            let heading = &finding.heading;
            let words = heading.split(" by thread ").next().unwrap_or(heading);
            write!(out, "{}", printable(words.trim_end_matches(':')))
        }
    }
}

fn write_verb(finding: &Finding, access: &Access, out: &mut impl Write) -> Result {
    // A call of libc was stopped before its access: "would read".
    let would = finding.explanation.as_ref().is_some_and(|it| it.contains(" would "));
    out.write_str(match (access.direction, would) {
        (Direction::Read, false) => "this reads",
        (Direction::Read, true) => "this would read",
        (Direction::Write, false) => "this writes",
        (Direction::Write, true) => "this would write",
        (Direction::Execute, _) => return out.write_str("this executes code"),
    })?;
    match access.bytes {
        Some(bytes) => write_bytes(bytes, out),
        None => Ok(()),
    }
}

fn write_bytes(bytes: u64, out: &mut impl Write) -> Result {
    write!(out, " {bytes} {}", if bytes == 1 { "byte" } else { "bytes" })
}

fn write_access(
    finding: &Finding,
    access: &Access,
    object: &Object,
    out: &mut impl Write,
) -> Result {
    write_verb(finding, access, out)?;
    let Access { bytes, start, .. } = *access;
    let size = object.bytes;
    let end = object.start.0.saturating_add(size);
    let an_object = if object.state == ObjectState::Live { "an object" } else { "a freed object" };
    let kind = if access.direction == Direction::Write { "to" } else { "of" };
    match object.side {
        _ if object.state == ObjectState::Forgotten => {
            return write!(out, " {kind} memory that was freed long ago");
        }
        Side::Inside => return write!(out, " {kind} {an_object} of {size} bytes"),
        Side::After if start.0 < end => {
            match bytes.and_then(|bytes| start.0.checked_add(bytes)?.checked_sub(end)) {
                Some(over) => write!(out, ", {over} of them after the end of")?,
                None => write!(out, " across the end of")?,
            }
        }
        Side::After if object.distance == 0 => write!(out, " right behind the end of")?,
        Side::After => {
            write_distance(object.distance, out)?;
            write!(out, " behind the end of")?;
        }
        Side::Before => {
            write_distance(object.distance, out)?;
            write!(out, " before the start of")?;
        }
    }
    write!(out, " {an_object} of {size} bytes")
}

fn write_distance(distance: u64, out: &mut impl Write) -> Result {
    write!(out, ",")?;
    write_bytes(distance, out)
}
