//! Rust source as text: tells code from comments and literals, and finds code that is only for tests.

use std::fs;
use std::path::{Path, PathBuf};

/// Files under `folder` of the package with one of these endings, in order.
pub fn files_in(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    fn visit(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
        let entries = fs::read_dir(folder).expect("the package's folders can be read");
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                visit(&path, endings, found);
            } else if path.extension().is_some_and(|end| endings.iter().any(|&e| end == e)) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    visit(&package().join(folder), endings, &mut found);
    found.sort();
    found
}

/// The folder of the package.
pub fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The path of a file relative to the package, and its text.
pub fn read(file: &Path) -> (String, String) {
    let name = file.strip_prefix(package()).unwrap_or(file).to_string_lossy().into_owned();
    (name, fs::read_to_string(file).expect("the package's files can be read"))
}

/// The text with comments, strings and character literals replaced by blanks; lines stay the same.
pub fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let literal = literal_bytes(text, at);
        if literal == 0 {
            let char = text[at..].chars().next().expect("at a character");
            code.push(char);
            at += char.len_utf8();
        } else {
            let blank = |byte: &u8| if *byte == b'\n' { '\n' } else { ' ' };
            code.extend(bytes[at..at + literal].iter().map(blank));
            at += literal;
        }
    }
    code
}

/// Length in bytes of the comment or literal at `at`; 0 if there is none.
fn literal_bytes(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let after_word = text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
    let end_of = |end: Option<usize>| end.unwrap_or(rest.len());
    if rest.starts_with("//") {
        return end_of(rest.find('\n'));
    }
    if rest.starts_with("/*") {
        return end_of(rest.find("*/").map(|end| end + 2));
    }
    if let Some(inside) = rest.strip_prefix('"') {
        let mut escaped = false;
        let end = inside.char_indices().find(|&(_, char)| {
            let is_end = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            is_end
        });
        return end_of(end.map(|(end, _)| end + 2));
    }
    let hashes = rest[1..].bytes().take_while(|&byte| byte == b'#').count();
    if rest.starts_with('r') && !after_word && rest[1 + hashes..].starts_with('"') {
        let close = format!("\"{}", "#".repeat(hashes));
        let inside = 2 + hashes;
        return end_of(rest[inside..].find(&close).map(|end| inside + end + close.len()));
    }
    if rest.starts_with('\'') {
        // `'a'` and `'\n'` are characters; `'a` is a lifetime.
        let mut chars = rest.char_indices().skip(1);
        return match (chars.next(), chars.next()) {
            (Some((_, '\\')), Some(_)) => end_of(rest[3..].find('\'').map(|end| end + 4)),
            (Some(_), Some((end, '\''))) => end + 1,
            _ => 0,
        };
    }
    0
}

/// Code with every item under `#[cfg(test)]` replaced by blanks; lines stay the same.
pub fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut result = code.to_owned();
    while let Some(start) = result.find(MARK) {
        let rest = &result[start + MARK.len()..];
        let bytes = item_bytes(rest);
        let end = start + MARK.len() + bytes;
        let blank: String =
            result[start..end].chars().map(|char| if char == '\n' { '\n' } else { ' ' }).collect();
        result.replace_range(start..end, &blank);
    }
    result
}

/// Length in bytes of the item at the beginning of `code`, up to its `;` or closing brace.
fn item_bytes(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, char) in code.char_indices() {
        match char {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// The number of the line with the byte at `at`, counted from 1.
pub fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The checked functions by subject, in order, as build.rs lists them from `src/checked/functions.list`.
pub fn checked_functions() -> Vec<(String, Vec<String>)> {
    let mut subjects: Vec<(String, Vec<String>)> = Vec::new();
    for line in include_str!(concat!(env!("OUT_DIR"), "/checked_names.txt")).lines() {
        match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(subject) => subjects.push((subject.to_owned(), Vec::new())),
            None => subjects.last_mut().expect("a subject").1.push(line.to_owned()),
        }
    }
    subjects
}
