//! `fencepost explain`: every kind is there, and each example has only the bug that it explains.

mod support;

use std::process::Command;
use std::time::Duration;

use support::backend::{FENCEPOST, fencepost_run};
use support::compile::{build_folder, build_program, map_in_parallel};
use support::{process, source};

const LIMIT: Duration = Duration::from_secs(300);

fn explain(words: &[&str]) -> String {
    let output = Command::new(FENCEPOST).arg("explain").args(words).output().expect("it starts");
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn listed() -> Vec<String> {
    explain(&[]).lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn every_kind_is_explained() {
    let (_, text) = source::read(&source::package().join("src/diagnose/bug.rs"));
    let (_, names) = text.split_once("fn name(self)").expect("the names of the kinds");
    let (names, _) = names.split_once("\n    }\n}").expect("the end of the function");
    let mut wanted: Vec<&str> = names.split('"').skip(1).step_by(2).collect();
    // It is no bug of a moment.
    wanted.push("leak");
    let mut listed = listed();
    wanted.sort_unstable();
    listed.sort_unstable();
    assert!(wanted.len() > 20, "the search is broken: {wanted:?}");
    assert_eq!(listed, wanted);
}

#[test]
fn kinds_are_found_by_their_names() {
    assert_eq!(explain(&["memcpy-param-overlap"]), explain(&["param-overlap"]));
    assert_eq!(explain(&["segv"]), explain(&["SEGV"]));
    let output = Command::new(FENCEPOST).args(["explain", "leaks"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("no kind of bug is named 'leaks'; 'fencepost explain' lists them"),
        "{said}"
    );
}

/// The command line in the text, and what is under it.
#[test]
fn each_example_shows_its_kind_and_no_other() {
    let names = listed();
    let wrong: Vec<String> =
        map_in_parallel(&names, |name| difference(name)).into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn difference(name: &str) -> Option<String> {
    let text = explain(&[name]);
    assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    let (_, rest) = text.split_once("\nExample (").expect("an example");
    let (head, example) = rest.split_once("):\n\n").expect("a program");
    let (build, run) = head.split_once("; fencepost ").expect("two commands");
    let file = build.split(' ').next_back().expect("a file");
    let folder = build_folder("explain").join(name);
    std::fs::create_dir_all(&folder).expect("the folder is writable");
    let (path, program) = (folder.join(file), folder.join("a.out"));
    let lines = example.lines().map(|line| line.strip_prefix("    ").unwrap_or(line));
    std::fs::write(&path, lines.collect::<Vec<_>>().join("\n") + "\n").expect("as above");
    build_program(&path, &program, &["-g".to_owned()], &[]).unwrap_or_else(|why| panic!("{why}"));
    let flags: Vec<&str> = run.split(' ').filter(|word| word.starts_with("--")).collect();
    let mut command = fencepost_run("auto", flags, &program);
    let outcome = process::run(command.current_dir(&folder), LIMIT).expect("it starts");
    let found: Vec<&str> = outcome
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("SUMMARY: Fencepost: ")?.split(' ').next())
        .collect();
    let is_it = found.len() == 1 && (found[0] == name || found[0].ends_with(&format!("-{name}")));
    (!is_it).then(|| format!("{name}: reported {found:?}\n{}", outcome.stderr))
}
