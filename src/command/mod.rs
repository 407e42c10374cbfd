//! The command line: what the user asked for, and in which words we refuse it.
//!
//! Exit codes: that of the program itself, once it runs; 0 after help and after a demo that went as intended;
//! 1 after a demo that did not; otherwise the codes of [`Refusal`].

mod arguments;
mod demo;
mod elf;
mod finding;
mod library;
mod parent;
mod preload;
mod program;
mod run;
mod script;
mod sweep;
mod sys;

use std::ffi::OsStr;
use std::fmt;
use std::io::Write;

/// Why nothing was run.
#[derive(Debug)]
pub struct Refusal {
    /// The exit code.
    pub code: u8,
    /// One sentence that says what is wrong and what the user can do.
    pub sentence: String,
}

impl Refusal {
    /// The command line or `FENCEPOST_OPTIONS` is wrong.
    pub const USAGE: u8 = 2;
    /// The program could run, but not under the guard; or the guard itself is missing.
    pub const UNGUARDED: u8 = 125;
    /// The program was found but cannot be executed, as shells say it.
    pub const NOT_EXECUTABLE: u8 = 126;
    /// The program, or an interpreter it needs, was not found, as shells say it.
    pub const NOT_FOUND: u8 = 127;

    /// Pairs one of the codes above with its sentence.
    pub fn new(code: u8, sentence: impl Into<String>) -> Refusal {
        Refusal { code, sentence: sentence.into() }
    }
}

/// A path or argument in single quotes, on one line whatever it holds.
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

/// Short for [`Quoted`], from anything like a path.
pub fn quoted<T: AsRef<OsStr> + ?Sized>(text: &T) -> Quoted<'_> {
    Quoted(text.as_ref())
}

/// Does what the arguments of the process say and returns the exit code.
pub fn main() -> u8 {
    let result = arguments::dispatch(std::env::args_os());
    // Without Rust's start-up code nothing flushes this at exit.
    let _ = std::io::stdout().flush();
    match result {
        Ok(code) => code,
        Err(refusal) => {
            // A process whose standard error is closed still deserves its exit code.
            let _ = writeln!(std::io::stderr(), "fencepost: {}", refusal.sentence);
            refusal.code
        }
    }
}
