//! Entries of suppression files, in the form into which all kinds of files are read.

use fencepost::finding::suppression::{FramePattern, Suppression};

/// A suppression, with its reason and origin.
#[derive(Clone, Debug)]
pub struct Entry {
    pub suppression: Suppression,
    /// Why it was written, if the file says so.
    pub reason: Option<String>,
    /// File and line.
    pub origin: String,
}

/// The number of a line, and what is wrong there.
pub type Mistake = (usize, String);

/// Reads one line of a stack: `...`, `fun:GLOB`, `obj:GLOB`, `src:FILE[:LINE]`, or a function.
pub fn frame(text: &str) -> FramePattern {
    if text == "..." {
        return FramePattern::Any;
    }
    if let Some(module) = text.strip_prefix("obj:") {
        return FramePattern::Module(module.to_owned());
    }
    if let Some(source) = text.strip_prefix("src:") {
        let (file, line) = match source.rsplit_once(':') {
            Some((file, line)) if line.parse::<u32>().is_ok() => (file, line.parse().ok()),
            _ => (source, None),
        };
        return FramePattern::Source { file: file.to_owned(), line };
    }
    FramePattern::Function(text.strip_prefix("fun:").unwrap_or(text).to_owned())
}
