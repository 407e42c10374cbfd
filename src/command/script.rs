//! Scripts: the interpreter that a `#!` line names.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How many bytes of a script the kernel reads.
pub const HEAD_BYTES: usize = 256;

/// The contents of a `#!` line.
#[derive(Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// The interpreter's path, which is not searched for in PATH.
    pub path: PathBuf,
    /// The rest of the line, which the kernel passes as one argument.
    pub argument: Option<OsString>,
}

impl Interpreter {
    /// Reads the first bytes of a file as the kernel does; `None` if they are not a `#!` line.
    pub fn parse(head: &[u8]) -> Option<Interpreter> {
        let head = head.get(..HEAD_BYTES).unwrap_or(head);
        let line = head.strip_prefix(b"#!")?;
        let line = line.split(|&byte| byte == b'\n' || byte == 0).next()?;
        let line = trim_blanks(line);
        let path_end = line.iter().position(|byte| b" \t".contains(byte)).unwrap_or(line.len());
        let (path, rest) = line.split_at(path_end);
        if path.is_empty() {
            return None;
        }
        let argument = trim_blanks(rest);
        Some(Interpreter {
            path: PathBuf::from(OsStr::from_bytes(path)),
            argument: (!argument.is_empty()).then(|| OsStr::from_bytes(argument).to_os_string()),
        })
    }

    /// The program that `/usr/bin/env` would search for in PATH; `None` if the interpreter is not `env`, or its
    /// argument is more than a name, assignments and `-S`.
    pub fn sought_by_env(&self) -> Option<&OsStr> {
        if self.path.file_name() != Some(OsStr::new("env")) {
            return None;
        }
        let argument = self.argument.as_deref()?.as_bytes();
        let Some(split) = argument.strip_prefix(b"-S") else {
            let is_name = !argument.starts_with(b"-") && !argument.contains(&b'=');
            return is_name.then_some(OsStr::from_bytes(argument));
        };
        let mut words = split.split(|byte| b" \t".contains(byte));
        let word = words.find(|word| !word.is_empty() && !word.contains(&b'='))?;
        let is_plain =
            !word.starts_with(b"-") && !word.iter().any(|byte| b"\"'\\$#".contains(byte));
        is_plain.then_some(OsStr::from_bytes(word))
    }
}

/// The interpreter of a file, if it is a `#!` script that can be read.
pub fn interpreter_of(path: &Path) -> Option<Interpreter> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(HEAD_BYTES as u64).read_to_end(&mut head).ok()?;
    Interpreter::parse(&head)
}

/// Whether a file of unknown format may be for the shell: its first line has no NUL byte.
pub fn looks_like_text(head: &[u8]) -> bool {
    !head.split(|&byte| byte == b'\n').next().unwrap_or_default().contains(&0)
}

/// Whether an interpreter's path ends with a carriage return, which the kernel takes as part of the name: the script
/// was saved with DOS line ends.
pub fn ends_with_carriage_return(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b"\r")
}

fn trim_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interpreter(line: &str) -> Interpreter {
        Interpreter::parse(line.as_bytes()).expect(line)
    }

    #[test]
    fn interpreter_and_argument_are_split_as_the_kernel_does() {
        let plain = interpreter("#!/bin/sh\necho");
        assert_eq!((plain.path.to_str(), plain.argument), (Some("/bin/sh"), None));
        let spaced = interpreter("#! \t/usr/bin/perl \t -w -T  \n");
        assert_eq!(spaced.path.to_str(), Some("/usr/bin/perl"));
        assert_eq!(spaced.argument.as_deref(), Some(OsStr::new("-w -T")));
        assert_eq!(interpreter("#!/bin/sh").path.to_str(), Some("/bin/sh"));
    }

    #[test]
    fn other_files_have_no_interpreter() {
        for head in ["", "#", "#!", "#!  \n/bin/sh", "echo", "\x7fELF"] {
            assert_eq!(Interpreter::parse(head.as_bytes()), None, "{head:?}");
        }
    }

    #[test]
    fn env_names_what_it_seeks() {
        for (line, sought) in [
            ("#!/usr/bin/env python3", Some("python3")),
            ("#!/usr/bin/env -S python3 -u", Some("python3")),
            ("#!/usr/bin/env -SA=1 B=2 python3", Some("python3")),
            ("#!/usr/bin/env -S \"my python\"", None),
            ("#!/usr/bin/env -i", None),
            ("#!/usr/bin/env", None),
            ("#!/usr/bin/perl python3", None),
        ] {
            assert_eq!(interpreter(line).sought_by_env(), sought.map(OsStr::new), "{line}");
        }
    }
}
