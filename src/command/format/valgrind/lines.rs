//! Lines of Memcheck's logs.

use std::io::{self, Write};

use fencepost::finding::Frame;
use fencepost::printable::printable;

use crate::command::format::place::base;

/// Writes lines of the process `pid`.
pub fn write(pid: u32, lines: &[String], out: &mut dyn Write) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "=={pid}== {}", printable(line)))
}

/// A line for each frame.
pub fn stack(frames: &[Frame]) -> Vec<String> {
    let line = |(number, frame): (usize, &Frame)| {
        let word = if number == 0 { "at" } else { "by" };
        let function = frame.function.as_deref().unwrap_or("???");
        let place = match (&frame.file, frame.line) {
            (Some(file), Some(line)) => format!("{}:{line}", base(file)),
            (Some(file), None) => base(file).to_owned(),
            (None, _) => format!("in {}", frame.module),
        };
        format!("   {word} {:#X}: {function} ({place})", frame.address.0)
    };
    frames.iter().enumerate().map(line).collect()
}
