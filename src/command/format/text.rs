//! The reports themselves, as the processes have printed them: of each bug the one that tells most.

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
