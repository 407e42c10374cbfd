//! The formats in which a collection of bugs can be rendered.

mod baseline;
mod github;
mod gitlab;
mod html;
pub mod jsonl;
mod junit;
mod markdown;
mod place;
mod rule;
#[cfg(test)]
#[path = "../../../tests/support/findings.rs"]
mod samples;
mod sarif;
pub mod sentence;
pub mod summary;
#[cfg(test)]
mod tests;
mod text;
pub mod valgrind;

use std::io::{self, Write};

use super::collection::Collection;

/// A way to write a collection.
pub struct Format {
    /// The name by which users choose it.
    pub name: &'static str,
    /// What the format is for, in a few words.
    pub help: &'static str,
    pub render: fn(&Collection, &mut dyn Write) -> io::Result<()>,
}

/// Every format; the first is the default.
pub const FORMATS: &[Format] = &[
    Format {
        name: "summary",
        help: "a few lines: which bugs, how often, where, and what was not guarded",
        render: summary::render,
    },
    Format {
        name: "text",
        help: "the whole report of each bug, as a process prints it",
        render: text::render,
    },
    Format {
        name: "jsonl",
        help: "JSON Lines: runs and bugs, one a line; can be read again",
        render: jsonl::render,
    },
    Format {
        name: "sarif",
        help: "SARIF 2.1.0, for code scanning services and editors",
        render: sarif::render,
    },
    Format {
        name: "junit",
        help: "JUnit XML, for CI services: each bug a failed test",
        render: junit::render,
    },
    Format {
        name: "github",
        help: "annotations of GitHub Actions, for the log of a step",
        render: github::render,
    },
    Format {
        name: "gitlab",
        help: "a Code Quality report of GitLab, for merge requests",
        render: gitlab::render,
    },
    Format {
        name: "markdown",
        help: "a summary in Markdown, for $GITHUB_STEP_SUMMARY and merge requests",
        render: markdown::render,
    },
    Format {
        name: "html",
        help: "one page for a browser: list, stacks, source and pictures",
        render: html::render,
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
