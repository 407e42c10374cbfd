//! The option `budget`: which objects get pages, and what is said of the others.

mod support;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use fencepost::finding::sites::{Row, Table};
use support::backend::{available_backends, fencepost_run};
use support::compile::{build_folder, build_program};
use support::process::{self, Exit, Outcome};

/// Runs `tests/choice/many.c` on a budget, compiled in a folder of the caller's own.
fn run(test: &str, backend: &str, options: &[&str], arguments: &[&str]) -> Outcome {
    let folder = build_folder(&format!("choice-{test}"));
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/choice/many.c");
    let program = folder.join("many");
    let flags = ["-g", "-O1", "-fno-builtin", "-pthread"].map(str::to_owned);
    build_program(&source, &program, &flags, &[]).expect("it compiles");
    let mut command = fencepost_run(backend, options.iter().copied(), program);
    process::run(command.args(arguments), Duration::from_secs(120)).expect("fencepost starts")
}

/// The numbers in the sentence of the summary: objects with pages, all objects, places with pages, all places.
fn shares(outcome: &Outcome) -> [u64; 4] {
    let line = outcome.stderr.lines().find(|line| line.contains("): budget: "));
    let line = line.unwrap_or_else(|| panic!("nothing is said: {}", outcome.stderr));
    let words = line.split("): budget: ").nth(1).expect("words").split(' ');
    let numbers: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().unwrap_or_else(|numbers| panic!("{numbers:?}: {line}"))
}

#[test]
fn of_many_objects_some_have_pages_and_the_first_of_each_place_do() {
    for backend in available_backends() {
        let options = ["--budget", "20%"];
        let outcome = run("many", backend, &options, &["churn", "300000"]);
        assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(0), "done\n"), "{backend}");
        let [paged, all, paged_places, places] = shares(&outcome);
        assert!((300_000..301_000).contains(&all), "{backend}: {}", outcome.stderr);
        assert!((2..250_000).contains(&paged), "{backend}: {}", outcome.stderr);
        assert_eq!(paged_places, places, "{backend}: {}", outcome.stderr);

        // The object is the first from its place.
        let outcome = run("many", backend, &options, &["read", "300000"]);
        assert!(outcome.stderr.contains("heap-buffer-overflow"), "{backend}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("in read_behind"), "{backend}: {}", outcome.stderr);
    }
}

#[test]
fn a_short_program_has_pages_for_everything() {
    let options = ["--budget", "100%", "--summary", "always"];
    // So few that no thread settles its bill, however slow the machine is.
    let outcome = run("short", "auto", &options, &["churn", "10"]);
    let [paged, all, _, places] = shares(&outcome);
    assert!(paged == all && paged >= 10 && places >= 1, "{}", outcome.stderr);
}

#[test]
fn a_write_behind_an_object_without_pages_is_found_and_its_stack_is_told_apart() {
    for backend in available_backends() {
        let options = ["--budget", "1%", "--keep-going", "--budget-memory", "0%"];
        let outcome = run("damage", backend, &options, &["damage", "300000"]);
        let found = outcome.stderr.matches("ERROR: Fencepost: overwritten-slack").count();
        // Of four at the end of so many, hardly any has pages.
        assert_eq!(found, 4, "{backend}: {}", outcome.stderr);
        let label = "the stack of its allocation is that of an earlier call from the same place";
        assert!(outcome.stderr.contains(label), "{backend}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("in damage"), "{backend}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("in make"), "{backend}: {}", outcome.stderr);
    }
}

#[test]
fn threads_children_and_resized_objects_keep_what_they_hold() {
    for backend in available_backends() {
        for (what, count) in [("threads", "100000"), ("fork", "30000"), ("grow", "1000")] {
            let options = ["--budget", "100%"];
            let outcome = run("kept", backend, &options, &[what, count]);
            let end = (outcome.exit, outcome.stdout.as_str());
            assert_eq!(end, (Exit::Code(0), "done\n"), "{backend} {what}: {}", outcome.stderr);
            // A child says nothing unless it was asked to.
            let lines = outcome.stderr.matches("budget: ").count();
            assert!(lines <= 1, "{backend} {what}: {}", outcome.stderr);
        }
    }
}

#[test]
fn a_budget_and_sampling_exclude_each_other() {
    let options = ["--budget", "100%", "--sample", "10"];
    let outcome = run("sample", "auto", &options, &[]);
    assert_eq!(outcome.exit, Exit::Code(125), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("budget and sample exclude each other"), "{}", outcome.stderr);
}

#[test]
fn a_report_directory_carries_places_over_to_the_next_run() {
    let folder = build_folder("choice-carried").join("out");
    let _ = fs::remove_dir_all(&folder);
    let directory = folder.to_str().expect("a path");
    let options = ["--budget", "50%", "--report-dir", directory];
    let mut paged = 0;
    for runs in 1..=2 {
        let outcome = run("carried", "auto", &options, &["churn", "100000"]);
        assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
        let bytes = fs::read(folder.join("sites")).expect("what was met");
        let rows: Vec<Row> = Table::of(&bytes).rows().collect();
        let met_each_time = rows.iter().filter(|row| row.runs == runs).count();
        assert!(met_each_time >= 1, "{rows:?}");
        let sum: u64 = rows.iter().map(|row| u64::from(row.paged)).sum();
        assert!(sum > paged, "{rows:?}");
        paged = sum;
        let left = fs::read_dir(folder.join("records")).expect("records").flatten();
        let names: Vec<_> = left.map(|entry| entry.file_name()).collect();
        assert!(!names.iter().any(|name| name.to_string_lossy().ends_with("sites")), "{names:?}");
    }
    // The place of a bug is noted, although the process died of it.
    let outcome = run("carried", "auto", &options, &["read", "10"]);
    assert!(outcome.stderr.contains("heap-buffer-overflow"), "{}", outcome.stderr);
    let outcome = run("carried", "auto", &options, &["churn", "10"]);
    assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    let bytes = fs::read(folder.join("sites")).expect("what was met");
    assert!(Table::of(&bytes).rows().any(|row| row.bugs == 1));
}

#[test]
fn a_focus_needs_a_budget() {
    let outcome = run("focus", "auto", &["--focus", "make"], &[]);
    assert_eq!(outcome.exit, Exit::Code(125), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("the option focus is for budget"), "{}", outcome.stderr);
    for focus in ["make", "many.c", "many", "24-40,make*"] {
        let options = ["--budget", "50%", "--focus", focus];
        let outcome = run("focus", "auto", &options, &["churn", "1000"]);
        assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    }
}
