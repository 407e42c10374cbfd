//! Checks the rules of CONTRIBUTING.md that a program can check.

mod support;

use support::source;

const MAX_LINES: usize = 600;

const FOLDERS: [&str; 6] = ["src", "build", "tests", "examples", "demos", "c-tests"];

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
