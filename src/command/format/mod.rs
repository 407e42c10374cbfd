//! The formats that a collection of bugs is rendered in.

mod jsonl;
mod valgrind;

use std::io::{self, Write};

use super::collection::Collection;

/// A way to write a collection.
pub struct Format {
    /// As users name it.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub help: &'static str,
    pub render: fn(&Collection, &mut dyn Write) -> io::Result<()>,
}

/// Every format.
pub const FORMATS: &[Format] = &[
    Format {
        name: "jsonl",
        help: "JSON Lines: runs and bugs, one a line; can be read again",
        render: jsonl::render,
    },
    Format {
        name: "valgrind",
        help: "the words of Valgrind's Memcheck, for tools that read its logs",
        render: valgrind::render,
    },
];
