//! Refusals: why nothing was run, in a sentence for the user.

use std::ffi::OsStr;
use std::fmt;

/// Why nothing was run.
#[derive(Debug)]
pub struct Refusal {
    /// The exit code.
    pub code: u8,
    /// One sentence that says what is wrong and what the user can do.
    pub sentence: String,
}

impl Refusal {
    /// The command line, `FENCEPOST_OPTIONS` or the project's file is wrong.
    pub const USAGE: u8 = 2;
    /// The program could run, but not under the guard; or the guard itself is missing.
    pub const UNGUARDED: u8 = 125;
    /// The program was found but cannot be executed; shells use the same code.
    pub const NOT_EXECUTABLE: u8 = 126;
    /// The program, or an interpreter that it needs, was not found; shells use the same code.
    pub const NOT_FOUND: u8 = 127;

    /// Makes a refusal of one of the codes above and a sentence.
    pub fn new(code: u8, sentence: impl Into<String>) -> Refusal {
        Refusal { code, sentence: sentence.into() }
    }
}

/// Prints a path or argument in single quotes, always on one line.
pub struct Quoted<'a>(pub &'a OsStr);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string_lossy();
        if text.contains(char::is_control) {
            write!(out, "'{}'", text.escape_debug())
        } else {
            write!(out, "'{text}'")
        }
    }
}

/// Makes a [`Quoted`] of a text or a path.
pub fn quoted<T: AsRef<OsStr> + ?Sized>(text: &T) -> Quoted<'_> {
    Quoted(text.as_ref())
}
