//! The command `fencepost`: does what the user asks for, or refuses it with a sentence.
//!
//! Exit codes: that of the program itself, once it runs; 0 after help and after a demo that went as intended;
//! 1 after a demo that did not; otherwise the codes of [`Refusal`](refusal::Refusal).

mod arguments;
mod check;
mod collection;
mod config;
mod demo;
mod diff;
mod directory;
mod doctor;
mod elf;
mod ending;
mod explain;
mod flags;
mod folder;
mod foreign_suppressions;
mod format;
mod install;
mod kind;
mod kinds;
mod known;
mod library;
mod machine;
mod manual;
mod mapping_kinds;
mod merge;
mod mistake;
mod names;
mod parent;
mod policy;
mod preload;
mod program;
mod recorded;
mod records;
mod refusal;
mod report;
mod run;
mod run_record;
mod script;
mod second_look;
mod sites;
mod suppression_entry;
mod suppressions;
mod sweep;
mod sys;
mod valgrind_front;

use std::io::Write;

/// Runs the command with the arguments of the process, and returns the exit code.
pub fn main() -> u8 {
    let mut arguments = std::env::args_os().peekable();
    let result = match arguments.next_if(|name| valgrind_front::is_meant_by(name)) {
        Some(_) => valgrind_front::be_valgrind(arguments),
        None => arguments::dispatch(arguments),
    };
    // Without Rust's start-up code, standard output is not flushed at exit.
    let _ = std::io::stdout().flush();
    match result {
        Ok(code) => code,
        Err(refusal) => {
            // If standard error is closed, the exit code is still returned.
            let _ = writeln!(std::io::stderr(), "fencepost: {}", refusal.sentence);
            refusal.code
        }
    }
}
