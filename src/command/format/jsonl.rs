//! JSON Lines: the collection as records, which can be read and merged again.

use std::io::{self, Write};

use crate::command::collection::Collection;

/// Writes one record on each line.
pub fn render(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    collection.records().try_for_each(|record| out.write_all(record.to_line().as_bytes()))
}
