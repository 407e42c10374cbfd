//! Records that processes have left: valid, and told alike by every format.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{LIMIT, assert_valid, json, report, schema};
use crate::support::backend::fencepost_run;
use crate::support::compile::{build_folder, build_program};
use crate::support::process::{self, Exit};

const BUGS: [(&str, &str); 5] = [
    ("overflow", "heap-buffer-overflow"),
    ("use_after_free", "heap-use-after-free"),
    ("double_free", "double-free"),
    ("slack", "overwritten-slack"),
    ("operand", "heap-buffer-overflow"),
];

/// A report directory of processes with a bug each, twice, and of one without.
fn report_directory() -> PathBuf {
    let folder = build_folder("formats");
    let program = folder.join("bugs");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/bugs.c");
    build_program(&source, &program, &["-g".to_owned()], &[]).expect("it compiles");
    let directory = folder.join("real");
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("the folder is writable");
    let option = format!("--report-dir={}", directory.display());
    let names = BUGS.iter().chain(&BUGS).map(|(name, _)| *name).chain([""]);
    for name in names {
        let mut command = fencepost_run("auto", [option.as_str()], &program);
        let outcome = process::run(command.arg(name), LIMIT).expect("fencepost starts");
        assert_eq!(outcome.exit == Exit::Code(0), name.is_empty(), "{name}: {}", outcome.stderr);
    }
    directory
}

#[test]
fn real_records_are_valid_and_told_alike() {
    let directory = report_directory();
    let validator = schema("docs/schema/record.json");
    let mut findings = 0;
    for file in std::fs::read_dir(directory.join("records")).expect("there are records") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
        for line in text.lines() {
            let record: Value = serde_json::from_str(line).expect("JSON");
            assert_valid(&validator, &record);
            findings += u32::from(record["type"] == "finding");
        }
    }
    assert!(findings >= 10, "{findings}");

    let lines = std::fs::read_to_string(report(&directory, "jsonl")).expect("it was written");
    let records: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    records.iter().for_each(|record| assert_valid(&validator, record));
    let bugs: Vec<&Value> = records.iter().filter(|record| record["type"] == "bug").collect();
    let fingerprints = |list: &[&Value]| -> BTreeSet<String> {
        list.iter().map(|it| it["fingerprint"].as_str().expect("one").to_owned()).collect()
    };
    let wanted = fingerprints(&bugs);
    assert_eq!((bugs.len(), wanted.len()), (BUGS.len(), BUGS.len()));
    let kinds: BTreeSet<&str> = bugs.iter().filter_map(|bug| bug["kind"].as_str()).collect();
    assert_eq!(kinds, BUGS.iter().map(|(_, kind)| *kind).collect());

    let log = json(&report(&directory, "sarif"));
    assert_valid(&schema("tests/schemas/sarif-2.1.0.json"), &log);
    let results: Vec<&Value> =
        log["runs"][0]["results"].as_array().expect("a list").iter().collect();
    let told: BTreeSet<String> = results
        .iter()
        .filter_map(|it| it["partialFingerprints"]["fencepost/v1"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(told, wanted);
    for result in results {
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().expect("a place");
        assert!(uri.ends_with("tests/formats/bugs.c"), "{result}");
        assert!(place["region"]["startLine"].as_u64() > Some(1));
    }
    let quality = json(&report(&directory, "gitlab"));
    assert_eq!(
        fingerprints(&quality.as_array().expect("a list").iter().collect::<Vec<_>>()),
        wanted
    );

    let text = |format: &str| std::fs::read_to_string(report(&directory, format)).expect("text");
    assert_eq!(text("junit").matches("<failure ").count(), BUGS.len());
    assert_eq!(text("github").matches("::error file=").count(), BUGS.len());
    assert_eq!(text("markdown").matches("| **new** |").count(), BUGS.len());
    let page = text("html");
    assert!(wanted.iter().all(|it| page.contains(&format!("id=\"bug-{it}\""))));
    assert_eq!(page.matches("<figure class=\"picture\">").count(), BUGS.len());
}
