//! The baseline format: fingerprints, one bug on each line, so that the file can be kept under version control.

use std::io::{self, Write};

use fencepost::finding::VERSION;

use crate::command::collection::Collection;
use crate::command::known::BaselineBug;

/// Writes the file that `--baseline` takes.
pub fn render(collection: &Collection, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\"fencepost_baseline\": {VERSION}, \"bugs\": [")?;
    let mut bugs: Vec<_> = collection.bugs.iter().collect();
    bugs.sort_by(|a, b| (&a.summary, &a.fingerprint).cmp(&(&b.summary, &b.fingerprint)));
    for (number, bug) in bugs.into_iter().enumerate() {
        let bug = BaselineBug {
            fingerprint: bug.fingerprint.clone(),
            also: bug.also.clone(),
            site: bug.site.clone(),
            late: bug.example.late,
            summary: bug.summary.clone(),
        };
        let separator = if number == 0 { "" } else { "," };
        write!(out, "{separator}\n{}", serde_json::to_string(&bug)?)?;
    }
    writeln!(out, "\n]}}")
}
