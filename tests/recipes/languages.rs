//! Recipes of test runners of languages: for the C beneath them.

use std::fs;
use std::path::Path;

use super::report::{bugs, name};
use super::support::backend::FENCEPOST;
use super::support::process::Exit;
use super::{Project, has, run};

const RUNNER: &str = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER";

#[test]
fn pytest_tests_an_extension() {
    const PYTHON: &str = "/usr/bin/python3";
    if !has("pytest", &["pytest-3"]) {
        return;
    }
    let project = Project::new("pytest", &["pytest"]);
    let ask = "import sysconfig; print(sysconfig.get_path('include'))";
    let include = project.must(&[PYTHON, "-c", ask]).stdout.trim().to_owned();
    if !Path::new(&include).join("Python.h").exists() {
        return super::support::say_skipped("the recipe for pytest: no package python3-dev");
    }
    let include = format!("-I{include}");
    let build = ["cc", "-g", "-shared", "-fPIC", &include, "-o", "squeeze.so", "squeeze.c"];
    project.must(&build);
    let findings = project.text("findings");
    let pytest = ["/usr/bin/pytest-3", "-q", "-p", "no:cacheprovider"];
    let command = [&[FENCEPOST, "run", "--report-dir", &findings, "--"], &pytest[..]].concat();
    let outcome = run(project.command(&command).env("PYTHONMALLOC", "malloc"));
    assert_ne!(outcome.exit, Exit::Code(0), "{}", outcome.stdout);
    let bugs = bugs(Path::new(&findings));
    assert_eq!(bugs.len(), 1, "{bugs:#?}");
    assert_eq!(name(&bugs[0]), ("heap-buffer-overflow".to_owned(), "squeeze".to_owned()));
    let test = bugs[0].tests.first().expect("pytest says which test runs");
    assert!(test.name.contains("test_squeeze.py::test_no_runs"), "{}", test.name);
}

/// The bug of the crate, found in its one test that shows it.
#[track_caller]
fn shows_the_missing_nul(findings: &Path) {
    let bugs = bugs(findings);
    assert_eq!(bugs.len(), 1, "{bugs:#?}");
    assert_eq!((bugs[0].kind.as_str(), bugs[0].count), ("heap-buffer-overflow", 1));
    let stack = &bugs[0].example.stack;
    let is_ours = |function: &String| function.contains("recipe::length");
    assert!(stack.iter().any(|frame| frame.function.as_ref().is_some_and(is_ours)), "{stack:#?}");
}

#[test]
fn cargo_has_a_runner() {
    let project = Project::new("cargo", &["cargo"]);
    let runner = format!("{FENCEPOST} run --report-dir {} --", project.text("findings"));
    let mut command = project.command(&[env!("CARGO"), "test", "--lib", "--offline"]);
    command.env(RUNNER, &runner).env("CARGO_TARGET_DIR", project.path("target"));
    let outcome = run(&mut command);
    assert_ne!(outcome.exit, Exit::Code(0), "{}", outcome.stdout);
    shows_the_missing_nul(&project.path("findings"));
}

#[test]
fn nextest_takes_the_runner_of_cargo() {
    if !has("cargo nextest", &["cargo-nextest"]) {
        return;
    }
    let project = Project::new("nextest", &["cargo"]);
    let findings = project.path("findings");
    let runner = format!("{FENCEPOST} run --report-dir {} --", project.text("findings"));
    let mut command = project.command(&[env!("CARGO"), "nextest", "run", "--offline"]);
    command.env(RUNNER, &runner).env("CARGO_TARGET_DIR", project.path("target"));
    let outcome = run(&mut command);
    assert_eq!(outcome.exit, Exit::Code(100), "{}", outcome.stderr);
    shows_the_missing_nul(&findings);
    let test = bugs(&findings)[0].tests.first().map(|test| test.name.clone());
    let test = test.expect("nextest says which test runs");
    assert!(test.ends_with("a_text_without_a_nul_has_a_length"), "{test}");
    assert!(fs::exists(findings).expect("it can be looked at"));
}
