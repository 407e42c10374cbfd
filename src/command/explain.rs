//! `fencepost explain`: what a kind of bug means.

use std::io::Write;

use super::kind::{Kind, Language};
use super::kinds;
use super::refusal::{Refusal, quoted};

/// Most columns of a line.
const COLUMNS: usize = 96;

/// Prints one kind, or the list of all.
pub fn explain(name: Option<&str>) -> Result<u8, Refusal> {
    let mut out = std::io::stdout();
    let Some(name) = name else {
        let width = kinds::each().map(|kind| kind.name.len()).max().unwrap_or(0) + 2;
        for kind in kinds::each() {
            let first = kind.meaning.split([';', ':']).next().unwrap_or(kind.meaning);
            let _ = writeln!(out, "{:width$}{}", kind.name, first.trim_end_matches('.'));
        }
        return Ok(0);
    };
    let kind = kinds::find(name).ok_or_else(|| {
        let sentence =
            format!("no kind of bug is named {}; 'fencepost explain' lists them", quoted(name));
        Refusal::new(Refusal::USAGE, sentence)
    })?;
    let _ = write!(out, "{}", text(kind));
    Ok(0)
}

fn text(kind: &Kind) -> String {
    let mut text = format!("{}\n\n{}\n\n", kind.name, filled(kind.meaning, 0));
    for (label, words) in
        [("How it is found", kind.found), ("Usual cause", kind.cause), ("What to do", kind.remedy)]
    {
        text += &format!("{label}:\n    {}\n\n", filled(words, 4));
    }
    let (compiler, file) = match kind.language {
        Language::C => ("cc", "example.c"),
        Language::Cpp => ("c++", "example.cpp"),
    };
    let flags = if kind.flags.is_empty() { String::new() } else { format!("{} ", kind.flags) };
    text += &format!("Example ({compiler} -g {file}; fencepost {flags}./a.out):\n\n");
    for line in kind.example.lines() {
        text += format!("    {line}").trim_end();
        text.push('\n');
    }
    text
}

/// Breaks a text into lines, and indents all but the first.
fn filled(text: &str, indent: usize) -> String {
    let mut filled = String::new();
    let mut column = indent;
    for word in text.split(' ') {
        if column > indent && column + 1 + word.len() > COLUMNS {
            filled += "\n";
            filled += &" ".repeat(indent);
            column = indent;
        } else if column > indent {
            filled.push(' ');
            column += 1;
        }
        filled += word;
        column += word.len();
    }
    filled
}
