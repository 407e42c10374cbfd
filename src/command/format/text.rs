//! The text format: for each bug, the report with the most information, as a process prints it.

use std::io::{self, Write};

use crate::command::collection::Collection;
use fencepost::finding::text;

/// Writes a report for each bug.
pub fn render(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    for bug in &collection.bugs {
        out.write_all(text::to_string(&bug.example).as_bytes())?;
    }
    Ok(())
}
