//! Reads a report back, strictly: an unknown line, a wrong order, or numbers that contradict each
//! other are errors.
//!
//! ```text
//! ==PID==ERROR: Fencepost: KIND on address 0x… at pc 0x… bp 0x… sp 0x… thread T0 (name)
//! memset would write 4 bytes to its block in a 48-byte object
//!   --> file:line:column
//!    |
//! >12 | source
//!    | ^ this writes 4 bytes …
//! WRITE of size 4 at 0x… thread T0
//!     #0 0x… in function file:line:column (module+0xoffset)
//!     #1 … #3 in library (option all-frames shows them)
//!
//! 0x… is located 0 bytes after 48-byte region [0x…,0x…)
//!     0x… | 00 01 02 03  the end of the object of 48 bytes
//! freed by thread T0 here:
//!     #0 …
//! allocated by thread T0 here:
//!     #0 …
//!
//! SUMMARY: Fencepost: KIND file:line in function
//! ```

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Read,
    Write,
    Execute,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    pub direction: Direction,
    /// `None` if the report says that the size is unknown.
    pub bytes: Option<u64>,
}

impl fmt::Display for Access {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.direction {
            Direction::Read => "READ",
            Direction::Write => "WRITE",
            Direction::Execute => return write!(out, "EXECUTE"),
        };
        match self.bytes {
            Some(bytes) => write!(out, "{word} of size {bytes}"),
            None => write!(out, "{word} of unknown size"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub pc: u64,
    /// Everything after the pc: `in function file:line:column (module+0xoffset)`.
    pub text: String,
}

impl Frame {
    /// The demangled name, if there is one.
    pub fn function(&self) -> Option<&str> {
        let named = self.before_module().strip_prefix("in ")?;
        let end = self.place().map_or(named.len(), |_| named.rfind(' ').unwrap_or(0));
        Some(named[..end].trim_end())
    }

    /// File name (without folders) and line, if they are known.
    pub fn place(&self) -> Option<(&str, u32)> {
        let last = self.before_module().rsplit(' ').next()?;
        let mut parts = last.split(':');
        let file = parts.next()?.rsplit('/').next()?;
        let line = parts.next()?.parse().ok()?;
        Some((file, line))
    }

    fn before_module(&self) -> &str {
        self.text.rfind(" (").map_or(self.text.as_str(), |at| &self.text[..at])
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    pub thread: Option<String>,
    pub frames: Vec<Frame>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub pid: u32,
    pub kind: String,
    /// `None` if the bug is not about an address.
    pub address: Option<u64>,
    pub pc: Option<u64>,
    pub thread: String,
    pub thread_name: String,
    /// The line before the heading that says what is wrong with a call of libc.
    pub sentence: Option<String>,
    pub access: Option<Access>,
    /// The function that a bad call called.
    pub called: Option<String>,
    /// The signal of a crash that is not an access.
    pub raised: Option<String>,
    /// `by free here`, `by realloc here`, `at exit`: where overwritten slack was found.
    pub found: Option<String>,
    /// The stack of the access or of the bad call; empty for a bug found at exit.
    pub culprit: Stack,
    /// The words after `0x… is ` or `0x… was `, without the region's bounds; without an address, the
    /// sentence after the stack, if there is one.
    pub place: String,
    pub freed: Option<Stack>,
    pub allocated: Option<Stack>,
    /// The stack of the call that began an operation that still uses the object.
    pub begun: Option<Stack>,
    /// Of calls of a mapping, with what they did: `mapped`, `unmapped` …
    pub mapping: Vec<(String, Stack)>,
    /// Where the threads of the other stacks were created.
    pub created: Vec<Stack>,
    /// Lines of the source.
    pub excerpt: Vec<String>,
    /// Bytes of memory.
    pub picture: Vec<String>,
    /// Further lines, such as the damaged bytes.
    pub notes: Vec<String>,
    pub summary: String,
}

/// Parses the report in `text`, which must be the only one.
pub fn parse(text: &str) -> Result<Report, String> {
    let mut lines = text.lines().skip_while(|line| !is_header(line)).peekable();
    let header = lines.next().ok_or("no report")?;
    let mut report = parse_header(header)?;

    const VERBS: [&str; 4] = [" read ", " would ", " was given ", " memory "];
    let is_sentence = |line: &&str| VERBS.iter().any(|verb| line.contains(verb));
    report.sentence = lines.next_if(is_sentence).map(str::to_owned);
    while let Some(line) = lines.next_if(is_excerpt) {
        report.excerpt.push(line.to_owned());
    }
    let heading = lines.next().ok_or("the report ends after its header")?;
    parse_culprit_heading(heading, &mut report)?;
    let mut lines = lines.filter(|line| !line.is_empty()).peekable();
    report.culprit.frames = parse_frames(&mut lines)?;

    let is_place = |line: &&str| line.starts_with("0x");
    if report.address.is_none() {
        let others = ["SUMMARY: ", "hint: ", "command: ", "test: ", "build id: "];
        let sentence = lines.next_if(|line| !others.iter().any(|start| line.starts_with(start)));
        report.place = sentence.unwrap_or_default().to_owned();
    } else {
        let place = lines.next_if(is_place).ok_or_else(|| expected("0x… is …", lines.peek()))?;
        parse_place(place, &mut report)?;
    }

    for line in lines.by_ref() {
        if let Some(summary) = line.strip_prefix("SUMMARY: Fencepost: ") {
            report.summary = summary.to_owned();
            break;
        }
        let lines = if is_picture(line) { &mut report.picture } else { &mut report.notes };
        lines.push(line.to_owned());
    }
    take_stacks_out_of_notes(&mut report)?;
    if let Some(extra) = lines.find(|line| is_header(line) || line.starts_with("    #")) {
        return Err(format!("after the summary: {extra}"));
    }
    check_consistency(&report)?;
    Ok(report)
}

fn is_header(line: &str) -> bool {
    line.starts_with("==") && line.contains("==ERROR: Fencepost: ")
}

/// Whether a line is of an excerpt: `--> file:line`, `::: file:line`, `>12 | source`, ` 13 | source`, `   | ^ words`.
fn is_excerpt(line: &&str) -> bool {
    let margin = line.trim_start_matches(['>', ' ']);
    let behind = margin.trim_start_matches(|char: char| char.is_ascii_digit());
    let is_place = margin.starts_with("--> ") || margin.starts_with("::: ");
    is_place || behind == "|" || behind.trim_start().starts_with("| ") || behind.trim() == "|"
}

/// Whether a line belongs to a picture: `    0x7f10 | 00 01  words`, `    ^^ words` below it, or `    …`.
fn is_picture(line: &str) -> bool {
    let row = line.strip_prefix("    0x");
    row.is_some_and(|row| row.contains(" | "))
        || line.trim_start().starts_with("^^")
        || line == "    …"
}

fn expected(what: &str, found: Option<&&str>) -> String {
    format!("expected `{what}`, found `{}`", found.unwrap_or(&"the end"))
}

fn parse_header(line: &str) -> Result<Report, String> {
    let wrong = |what: &str| format!("header without {what}: {line}");
    let (pid, rest) = line
        .strip_prefix("==")
        .and_then(|rest| rest.split_once("==ERROR: Fencepost: "))
        .ok_or_else(|| wrong("its start"))?;
    let (facts, thread) = rest.split_once(" thread ").ok_or_else(|| wrong("a thread"))?;
    let (kind, facts) = match facts.split_once(" on address ") {
        Some((kind, facts)) => (kind, Some(facts)),
        None if facts.contains(' ') => return Err(wrong("an address")),
        None => (facts, None),
    };
    // The name is missing for a thread that has ended.
    let (thread, name) = thread.split_once(" (").unwrap_or((thread, ")"));

    let facts: Vec<&str> = facts.into_iter().flat_map(|facts| facts.split(' ')).collect();
    let (address, pc) = match facts[..] {
        [] => (None, None),
        [address] => (Some(hex(address)?), None),
        [address, "at", "pc", pc, "bp", bp, "sp", sp] => {
            hex(bp)?;
            hex(sp)?;
            (Some(hex(address)?), Some(hex(pc)?))
        }
        _ => return Err(wrong("`at pc … bp … sp …`")),
    };
    Ok(Report {
        pid: pid.parse().map_err(|_| wrong("a process id"))?,
        kind: kind.to_owned(),
        address,
        pc,
        thread: thread.to_owned(),
        thread_name: name.strip_suffix(')').ok_or_else(|| wrong("a thread name"))?.to_owned(),
        sentence: None,
        access: None,
        called: None,
        raised: None,
        found: None,
        culprit: Stack { thread: None, frames: Vec::new() },
        place: String::new(),
        freed: None,
        allocated: None,
        begun: None,
        mapping: Vec::new(),
        created: Vec::new(),
        excerpt: Vec::new(),
        picture: Vec::new(),
        notes: Vec::new(),
        summary: String::new(),
    })
}

/// Parses the heading: `WRITE of size 4 at 0x… thread T0`, `free called here by thread T0:`,
/// `found by free here:`, `SIGFPE raised here by thread T0:`.
fn parse_culprit_heading(line: &str, report: &mut Report) -> Result<(), String> {
    let words: Vec<&str> = line.split(' ').collect();
    let mut take_access = |access: Access, address: &str, thread: &str| {
        if Some(hex(address)?) != report.address {
            return Err(format!("not the header's address: {line}"));
        }
        report.access = Some(access);
        report.culprit.thread = Some(thread.to_owned());
        Ok(())
    };
    match words[..] {
        [direction @ ("READ" | "WRITE"), "of", "size", bytes, "at", address, "thread", thread] => {
            let direction = if direction == "READ" { Direction::Read } else { Direction::Write };
            let bytes = Some(bytes.parse().map_err(|_| format!("not a size: {line}"))?);
            take_access(Access { direction, bytes }, address, thread)?;
        }
        [
            direction @ ("READ" | "WRITE"),
            "of",
            "unknown",
            "size",
            "at",
            address,
            "thread",
            thread,
        ] => {
            let direction = if direction == "READ" { Direction::Read } else { Direction::Write };
            take_access(Access { direction, bytes: None }, address, thread)?;
        }
        ["EXECUTE", "at", address, "thread", thread] => {
            let access = Access { direction: Direction::Execute, bytes: None };
            take_access(access, address, thread)?;
        }
        [ref function @ .., verb @ ("called" | "raised"), "here", "by", "thread", thread]
            if thread.ends_with(':') && !function.is_empty() =>
        {
            let function = Some(function.join(" "));
            if verb == "called" {
                report.called = function
            } else {
                report.raised = function
            }
            report.culprit.thread = Some(thread.trim_end_matches(':').to_owned());
        }
        ["found", ..] => {
            report.found = Some(words[1..].join(" ").trim_end_matches(':').to_owned());
        }
        _ => return Err(format!("not the heading of an access or a call: {line}")),
    }
    match &report.culprit.thread {
        Some(thread) if *thread != report.thread => {
            Err(format!("thread {} in the header, but: {line}", report.thread))
        }
        _ => Ok(()),
    }
}

fn parse_frames<'a, I>(lines: &mut std::iter::Peekable<I>) -> Result<Vec<Frame>, String>
where
    I: Iterator<Item = &'a str>,
{
    let mut frames = Vec::new();
    while let Some(line) = lines.next_if(|line| line.starts_with("    #")) {
        let (number, rest) = line[5..].split_once(' ').ok_or(format!("a bare frame: {line}"))?;
        if number.parse() != Ok(frames.len()) {
            return Err(format!("expected frame #{}, found: {line}", frames.len()));
        }
        if let Some(folded) = rest.strip_prefix("… #") {
            let last = folded.split_once(" in ").and_then(|(last, _)| last.parse().ok());
            let last: usize = last.ok_or(format!("not a line of folded frames: {line}"))?;
            if frames.is_empty() || last <= frames.len() {
                return Err(format!("nothing to fold: {line}"));
            }
            frames.resize(last + 1, Frame { pc: 0, text: folded.to_owned() });
            continue;
        }
        let (pc, text) = rest.split_once(' ').unwrap_or((rest, ""));
        frames.push(Frame { pc: hex(pc)?, text: text.to_owned() });
    }
    Ok(frames)
}

/// Parses the place: `0x… is located 4 bytes after 48-byte region [0x…,0x…)`, `0x… is on the stack of thread T0`.
fn parse_place(line: &str, report: &mut Report) -> Result<(), String> {
    let (address, words) = line.split_once(' ').ok_or_else(|| expected("0x… is", Some(&line)))?;
    let place = words.strip_prefix("is ").or_else(|| words.strip_prefix("was "));
    let place = place.ok_or_else(|| expected("0x… is …", Some(&line)))?;
    // The header has the address of the access's first byte, this line that of the first bad byte.
    let address = hex(address)?;
    let bytes = report.access.and_then(|access| access.bytes).unwrap_or(1).max(1);
    let first = report.address.unwrap_or_default();
    if address.wrapping_sub(first) >= bytes {
        return Err(format!("not in the header's access: {line}"));
    }
    let (place, bounds) = match place.split_once(" [") {
        None => (place, None),
        Some((place, bounds)) => (place, Some(bounds)),
    };
    report.place = place.to_owned();
    match bounds {
        None => Ok(()),
        Some(bounds) => {
            check_region(address, place, bounds).map_err(|why| format!("{why}: {line}"))
        }
    }
}

/// Checks that distance, size and bounds of a region agree.
fn check_region(address: u64, place: &str, bounds: &str) -> Result<(), String> {
    let inner = bounds.strip_suffix(')').ok_or("bounds do not end in `)`")?;
    let (start, end) = inner.split_once(',').ok_or("bounds without a comma")?;
    let (start, end) = (hex(start)?, hex(end)?);
    let words: Vec<&str> = place.trim_start_matches("located ").split(' ').collect();
    let (distance, relation, size) = match words[..] {
        [distance, "byte" | "bytes", "inside", "of", size, "region" | "mapping"] => {
            (distance, "inside", size)
        }
        [
            distance,
            "byte" | "bytes",
            relation @ ("after" | "before"),
            size,
            "region" | "mapping",
        ] => (distance, relation, size),
        _ => return Err("bounds after an unknown relation".to_owned()),
    };
    let number = |word: &str| word.parse::<u64>().map_err(|_| format!("not a number: {word}"));
    let size = number(size.strip_suffix("-byte").ok_or("a region without its size")?)?;
    if end.wrapping_sub(start) != size {
        return Err("bounds contradict the size".to_owned());
    }
    let true_distance = match relation {
        "inside" if address < end => address.wrapping_sub(start),
        "after" => address.wrapping_sub(end),
        "before" => start.wrapping_sub(address),
        _ => return Err("an address inside must be below the region's end".to_owned()),
    };
    if number(distance)? != true_distance {
        return Err(format!("the distance is {true_distance}"));
    }
    Ok(())
}

/// What calls do to mappings.
const MAPPING_VERBS: [&str; 7] =
    ["mapped", "moved", "protected", "truncated", "unmapped", "unmapped before", "failed call"];

/// Moves `freed by …` and `allocated by …` with their frames out of the notes.
fn take_stacks_out_of_notes(report: &mut Report) -> Result<(), String> {
    let lines = std::mem::take(&mut report.notes);
    let mut lines = lines.iter().map(String::as_str).peekable();
    while let Some(line) = lines.next() {
        let heading = |verb: &str| {
            line.strip_prefix(verb)?.strip_prefix(" by thread ")?.strip_suffix(" here:")
        };
        if let Some(thread) = heading("freed") {
            if report.freed.is_some() || report.allocated.is_some() {
                return Err(format!("out of order: {line}"));
            }
            let frames = parse_frames(&mut lines)?;
            report.freed = Some(Stack { thread: Some(thread_id(thread)), frames });
        } else if let Some(thread) = heading("allocated") {
            if report.allocated.is_some() {
                return Err(format!("twice: {line}"));
            }
            let frames = parse_frames(&mut lines)?;
            report.allocated = Some(Stack { thread: Some(thread_id(thread)), frames });
        } else if let Some(thread) = heading("begun") {
            let frames = parse_frames(&mut lines)?;
            report.begun = Some(Stack { thread: Some(thread_id(thread)), frames });
        } else if let Some(verb) = MAPPING_VERBS.into_iter().find(|verb| heading(verb).is_some()) {
            let thread = heading(verb).map(thread_id);
            let frames = parse_frames(&mut lines)?;
            report.mapping.push((verb.to_owned(), Stack { thread, frames }));
        } else if let Some(thread) = line.strip_suffix(" here:") {
            // `thread T1 (worker) created by thread T0 here:`
            let Some((_, by)) = thread.split_once(" created by thread ") else {
                return Err(format!("not the heading of a stack: {line}"));
            };
            let frames = parse_frames(&mut lines)?;
            report.created.push(Stack { thread: Some(thread_id(by)), frames });
        } else if line.starts_with("    #") {
            return Err(format!("a frame without a heading: {line}"));
        } else {
            report.notes.push(line.to_owned());
        }
    }
    Ok(())
}

/// The thread's id: `T1` for `T1 (name)` and for `T1`.
fn thread_id(words: &str) -> String {
    words.split(' ').next().unwrap_or(words).to_owned()
}

fn check_consistency(report: &Report) -> Result<(), String> {
    if report.summary.split(' ').next() != Some(report.kind.as_str()) {
        return Err(format!("kind {}, but summary `{}`", report.kind, report.summary));
    }
    if (report.access.is_some() || report.raised.is_some()) != report.pc.is_some() {
        return Err("an access or a crash has a pc, and a bad call has none".to_owned());
    }
    match (report.pc, report.culprit.frames.first()) {
        (Some(pc), Some(frame)) if frame.pc != pc => {
            Err(format!("pc 0x{pc:x} in the header, 0x{:x} in frame #0", frame.pc))
        }
        (Some(_), None) => Err("an access without a stack".to_owned()),
        _ => Ok(()),
    }
}

fn hex(word: &str) -> Result<u64, String> {
    word.strip_prefix("0x")
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| format!("not an address: {word}"))
}
