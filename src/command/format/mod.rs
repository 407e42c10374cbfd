//! The formats that a collection of bugs is rendered in.

mod baseline;
mod jsonl;
pub mod summary;
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

/// Every format; the first is taken where none is named.
pub const FORMATS: &[Format] = &[
    Format {
        name: "summary",
        help: "a few lines: which bugs, how often, where, and what was not guarded",
        render: summary::render,
    },
    Format {
        name: "jsonl",
        help: "JSON Lines: runs and bugs, one a line; can be read again",
        render: jsonl::render,
    },
    Format {
        name: "baseline",
        help: "what --baseline takes: these bugs are known from now on",
        render: baseline::render,
    },
    Format {
        name: "valgrind",
        help: "the words of Valgrind's Memcheck, for tools that read its logs",
        render: valgrind::render,
    },
];
