//! The documents must agree with the code.

mod support;

use fencepost::options::{Form, Group, OPTIONS, OptionSpec};
use support::report;
use support::source;

fn document(name: &str) -> String {
    source::read(&source::package().join(name)).1
}

/// The part of document `name` behind the line `heading` and up to `end` must be `expected`. With `BLESS=1` in the
/// environment it is written there.
fn check_generated(name: &str, heading: &str, end: &str, expected: &str) {
    let text = document(name);
    let (before, rest) = text.split_once(heading).expect("the heading is there");
    let end = rest.find(end).unwrap_or(rest.len());
    let (found, after) = rest.split_at(end);
    if found.trim() == expected.trim() {
        return;
    }
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        let end = if after.is_empty() { "\n" } else { "" };
        let blessed = format!("{before}{heading}{}{after}{end}", expected.trim());
        std::fs::write(source::package().join(name), blessed).expect("the document is writable");
        return;
    }
    panic!(
        "{name} is out of date: BLESS=1 cargo test --test docs writes it. It should read:\n{expected}"
    );
}

/// A row of the option table.
fn row(spec: &OptionSpec) -> String {
    let code = |text: &str| format!("`{text}`");
    let values = match &spec.form {
        Form::Choice(choices) => {
            let names: Vec<String> = choices.iter().map(|choice| code(choice.name)).collect();
            names.join(", ")
        }
        form => form.expectation(),
    };
    let default = match spec.default_text() {
        text if text.is_empty() => "unset".to_owned(),
        text => code(&text),
    };
    format!("| `{}` | {values} | {default} | {} |", spec.name, spec.help())
}

#[test]
fn every_option_is_listed_as_it_is() {
    let mut tables = String::new();
    for group in Group::ALL {
        let rows = OPTIONS.iter().filter(|spec| spec.group == group).map(row);
        let rows: Vec<String> = rows.collect();
        tables += &format!(
            "### {}\n\n| option | values | default | what it does |\n|---|---|---|---|\n{}\n\n",
            group.heading(),
            rows.join("\n")
        );
    }
    check_generated("docs/options.md", "## Table\n\n", "\n\n## ", &tables);
}

/// The report in the README is one that the parser of the tests accepts.
#[test]
fn the_readme_shows_a_report() {
    let readme = document("README.md");
    let start = readme.find("==ERROR: Fencepost: ").expect("a report");
    let start = readme[..start].rfind('\n').expect("on a line of its own") + 1;
    let text = readme[start..].split("```").next().expect("the end of the block");
    let whole: Vec<&str> = text.lines().filter(|line| line.trim() != "…").collect();
    let report = report::parse(&whole.join("\n")).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(report.kind, "heap-buffer-overflow");
    let place = ("heap_buffer_overflow.c", bug_line("demos/heap_buffer_overflow.c"));
    assert_eq!(report.culprit.frames[0].place(), Some(place));
    assert!(report.allocated.is_some());
}

fn bug_line(file: &str) -> u32 {
    let text = document(file);
    let line = text.lines().position(|line| line.contains("/* BUG")).expect("marked");
    u32::try_from(line + 1).expect("a short file")
}

/// The longest line of a generated paragraph.
const LINE_CHARACTERS: usize = 100;

/// docs/checked-calls.md lists the checked functions by their subjects.
#[test]
fn the_checked_functions_are_listed() {
    let mut wanted = String::new();
    for (subject, names) in source::checked_functions() {
        let mut line = format!("**{subject}**:");
        for (number, name) in names.iter().enumerate() {
            let end = if number + 1 == names.len() { "." } else { "," };
            let word = format!("`{name}`{end}");
            if line.len() + 1 + word.len() > LINE_CHARACTERS {
                wanted += &line;
                wanted.push('\n');
                line = word;
            } else {
                line.push(' ');
                line += &word;
            }
        }
        wanted += &format!("{line}\n\n");
    }
    check_generated("docs/checked-calls.md", "## Functions\n\n", "\n\n## ", &wanted);
}

/// Files and folders that the documents name in backquotes exist.
#[test]
fn named_files_exist() {
    let mut named = 0;
    let docs = std::fs::read_dir(source::package().join("docs")).expect("the folder is there");
    let docs = docs.map(|entry| entry.expect("readable").file_name().into_string().expect("plain"));
    let docs = docs.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}"));
    let others = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(str::to_owned);
    for document_name in docs.chain(others) {
        let text = document(&document_name);
        for word in text.split('`').skip(1).step_by(2) {
            let is_path = [
                "src/",
                "tests/",
                "examples/",
                "demos/",
                "c-tests/",
                "docs/",
                "packaging/",
                ".ci/",
            ]
            .iter()
            .any(|folder| word.starts_with(folder));
            if is_path && !word.contains(['*', ' ', '<']) {
                named += 1;
                assert!(source::package().join(word).exists(), "{document_name} names {word}");
            }
        }
    }
    assert!(named > 20, "only {named} were found, so the search is broken");
}

/// The files that ARCHITECTURE.md names on its walks, as they stand in src, exist.
#[test]
fn the_walks_name_files_that_exist() {
    let text = document("ARCHITECTURE.md");
    let words = text.split('`').skip(1).step_by(2);
    let is_file = |word: &&str| word.ends_with(".rs") && !word.contains(' ');
    let files: Vec<&str> = words.filter(is_file).collect();
    let package = source::package();
    let is_there =
        |file: &str| package.join(file).exists() || package.join("src").join(file).exists();
    let gone: Vec<&&str> = files.iter().filter(|file| !is_there(file)).collect();
    assert!(gone.is_empty(), "named, but not there: {gone:?}");
    assert!(files.len() > 30, "only {} were found, so the search is broken", files.len());
}

/// ARCHITECTURE.md has a line for every module.
#[test]
fn the_architecture_names_every_module() {
    let text = document("ARCHITECTURE.md");
    let (_, root) = source::read(&source::package().join("src/lib.rs"));
    let names = root
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
    let is_named = |name: &&str| {
        text.contains(&format!("\n  {name} ")) || text.contains(&format!(" {name}: "))
    };
    let missing: Vec<&str> = names.filter(|name| !is_named(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
