//! Helpers that the integration tests share. Each test target uses some of them.
#![allow(dead_code)]

pub mod backend;
pub mod built;
pub mod compile;
pub mod debug_file;
pub mod elf;
pub mod expectation;
pub mod imports;
pub mod leaks;
pub mod process;
pub mod report;
pub mod source;

/// Prints that something is skipped. It does not use `eprintln!`, which the harness shows only for failed tests.
pub fn say_skipped(what: &str) {
    use std::io::Write;
    let line = format!("skipped: {what}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
}
