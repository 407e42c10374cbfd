//! What `fencepost report` writes, validated by what others wrote: JSON Schema, xmllint, tidy and a browser.

#[path = "../support/mod.rs"]
mod support;

mod browser;
#[path = "../support/findings.rs"]
mod findings;
mod real;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fencepost::finding::{Bug, Record};
use serde_json::Value;
use support::compile::build_folder;
use support::process::{self, Exit};
use support::say_skipped;

const LIMIT: Duration = Duration::from_secs(300);

/// A file with the records of a run that found `bugs`.
fn record_file(name: &str, bugs: Vec<Bug>) -> PathBuf {
    let (run, end) = findings::run();
    let bugs = bugs.into_iter().map(|bug| Record::Bug(Box::new(bug)));
    let records = std::iter::once(Record::Run(run)).chain(bugs).chain([Record::RunEnd(end)]);
    let lines: String = records.map(|record| record.to_line()).collect();
    let path = build_folder("formats").join(format!("{name}.jsonl"));
    std::fs::write(&path, lines).expect("the folder is writable");
    path
}

/// What `fencepost report` makes of records, in a file.
fn report(records: &Path, format: &str) -> PathBuf {
    let output = records.with_extension(format);
    let mut command = process::command(env!("CARGO_BIN_EXE_fencepost"));
    command.arg("report").arg(records).args(["--format", format, "-o"]).arg(&output);
    let outcome = process::run(&mut command, LIMIT).expect("fencepost starts");
    assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    output
}

/// Whether a program of another package is there; says so if not.
fn is_there(program: &str) -> bool {
    let found =
        ["/usr/bin", "/usr/local/bin"].iter().any(|it| Path::new(it).join(program).exists());
    if !found {
        say_skipped(&format!("{program} is missing"));
    }
    found
}

/// Runs a validator, which must be content.
fn check(program: &str, configure: impl FnOnce(&mut Command)) {
    let mut command = process::command(program);
    configure(&mut command);
    let outcome = process::run(&mut command, LIMIT).expect("the validator starts");
    assert_eq!(outcome.exit, Exit::Code(0), "{program}: {}{}", outcome.stdout, outcome.stderr);
}

fn samples(name: &str) -> [PathBuf; 3] {
    [
        record_file(&format!("{name}-none"), Vec::new()),
        record_file(&format!("{name}-kinds"), [findings::bugs(), findings::leaks()].concat()),
        record_file(&format!("{name}-many"), findings::many(100)),
    ]
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("it was written")).expect("it is JSON")
}

fn schema(name: &str) -> jsonschema::Validator {
    let text = std::fs::read_to_string(support::source::package().join(name)).expect("it is there");
    // Two patterns have a bracket too many, which only JavaScript forgives.
    let schema = serde_json::from_str(&text.replace("{2}]?$", "{2}$")).expect("JSON");
    jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
}

fn assert_valid(validator: &jsonschema::Validator, value: &Value) {
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .take(5)
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn json_lines_keep_to_the_published_schema() {
    let validator = schema("docs/schema/record.json");
    for records in samples("records") {
        for file in [report(&records, "jsonl"), records] {
            let text = std::fs::read_to_string(file).expect("it was written");
            assert!(text.lines().count() > 1);
            for line in text.lines() {
                assert_valid(&validator, &serde_json::from_str(line).expect("JSON"));
            }
        }
    }
}

#[test]
fn sarif_keeps_to_the_schema_of_oasis() {
    let validator = schema("tests/schemas/sarif-2.1.0.json");
    for records in samples("sarif") {
        let log = json(&report(&records, "sarif"));
        assert_valid(&validator, &log);
        let mut wrong = log;
        wrong["runs"][0]["tool"]["driver"]["name"] = Value::Null;
        assert!(!validator.is_valid(&wrong), "the validator sees nothing");
    }
}

#[test]
fn junit_keeps_to_the_schema_of_jenkins() {
    if !is_there("xmllint") {
        return;
    }
    let schema = support::source::package().join("tests/schemas/junit-10.xsd");
    for records in samples("junit") {
        let file = report(&records, "junit");
        check("xmllint", |command| {
            command.args(["--noout", "--schema"]).arg(&schema).arg(&file);
        });
    }
}

#[test]
fn the_page_is_valid_html() {
    if !is_there("tidy") {
        return;
    }
    for records in samples("html") {
        let page = report(&records, "html");
        check("tidy", |command| {
            command.args(["-e", "-q"]).arg(&page);
        });
    }
}
