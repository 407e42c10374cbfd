//! Rules of CONTRIBUTING.md that a program can check.

mod support;

use support::source::{self, code_only, line_of};

const MAX_LINES: usize = 600;

/// How far above an `unsafe` its comment may begin.
const COMMENT_REACH: usize = 12;

const FOLDERS: [&str; 5] = ["src", "tests", "examples", "demos", "c-tests"];

/// Name and text of every source file with one of these endings.
fn sources(endings: &[&str]) -> Vec<(String, String)> {
    let folders = FOLDERS.iter().flat_map(|folder| source::files_in(folder, endings));
    let mut files: Vec<(String, String)> = folders.map(|file| source::read(&file)).collect();
    files.push(source::read(&source::package().join("build.rs")));
    assert!(files.len() > 80, "only {} files were found, so the search is broken", files.len());
    files
}

#[test]
fn no_file_is_long() {
    let long: Vec<String> = sources(&["rs", "c", "cpp"])
        .into_iter()
        .filter(|(_, text)| text.lines().count() > MAX_LINES)
        .map(|(name, text)| format!("{name}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "more than {MAX_LINES} lines: {long:?}");
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> = sources(&["rs"])
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(name, _)| name)
        .collect();
    assert!(silent.is_empty(), "no //! documentation at the top: {silent:?}");
}

#[test]
fn every_unsafe_has_its_reason() {
    let mut found = 0;
    let mut bare = Vec::new();
    for (name, text) in sources(&["rs"]) {
        found += unsafe_lines(&text).len();
        bare.extend(without_reason(&text).into_iter().map(|line| format!("{name}:{line}")));
    }
    assert!(found > 150, "only {found} were found, so the search is broken");
    assert!(bare.is_empty(), "no SAFETY comment:\n{}", bare.join("\n"));
}

/// Lines with an `unsafe` block or implementation.
fn unsafe_lines(text: &str) -> Vec<usize> {
    let code = code_only(text);
    let begins = |&at: &usize| {
        let rest = code[at + "unsafe".len()..].trim_start();
        rest.starts_with('{') || rest.starts_with("impl")
    };
    let at = code.match_indices("unsafe").map(|(at, _)| at).filter(begins);
    at.map(|at| line_of(&code, at)).collect()
}

/// Of these, the lines without a SAFETY comment within reach that no other statement is likely to
/// own: a blank line ends the search.
fn without_reason(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let has_reason = |line: &usize| {
        let above = lines[line.saturating_sub(COMMENT_REACH)..*line].iter().rev();
        let mut near = above.take_while(|text| !text.trim().is_empty());
        near.any(|text| text.contains("SAFETY:"))
    };
    unsafe_lines(text).into_iter().filter(|line| !has_reason(line)).collect()
}

#[test]
fn a_missing_reason_is_found() {
    assert_eq!(without_reason("fn f() {\n    unsafe { g() }\n}"), [2]);
    assert_eq!(without_reason("unsafe impl Send for T {}"), [1]);
    assert_eq!(without_reason("// SAFETY: for another.\n\nunsafe impl Send for T {}"), [3]);
    assert_eq!(without_reason("let x =\n    unsafe\n    { g() };"), [2]);
    assert_eq!(without_reason("// SAFETY: it is.\nunsafe { g() }"), [0; 0]);
    assert_eq!(without_reason("/// unsafe { g() }\nunsafe fn f();\n\"unsafe {\""), [0; 0]);
}
