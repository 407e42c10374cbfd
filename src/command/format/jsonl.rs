//! JSON Lines: the records that say the same as the collection.

use std::io::{self, Write};

use crate::command::collection::Collection;

/// Writes one record a line.
pub fn render(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    collection.records().try_for_each(|record| out.write_all(record.to_line().as_bytes()))
}
