//! What the integration tests share. Each test target uses a part of it.
#![allow(dead_code)]

pub mod backend;
pub mod built;
pub mod compile;
pub mod debug_file;
pub mod elf;
pub mod expectation;
pub mod imports;
pub mod process;
pub mod report;
pub mod source;

/// Says that something is skipped, past the harness, which shows `eprintln!` of failed tests only.
pub fn say_skipped(what: &str) {
    use std::io::Write;
    let line = format!("skipped: {what}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
}
