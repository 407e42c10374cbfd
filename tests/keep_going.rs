//! `keep-going`: each bug is reported once, all are counted, and the program ends by itself.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::compile::{build_folder, build_program};
use support::process::{self, Exit, Outcome};

const LIMIT: Duration = Duration::from_secs(300);

static MANY: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = build_folder("keep-going");
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keep_going/many.c");
    let output = folder.join("many");
    build_program(&source, &output, &["-g".to_owned()], &[]).expect("it compiles");
    output
});

fn run(command: &mut Command) -> Outcome {
    process::run(command, LIMIT).expect("fencepost starts")
}

/// `many MODE` under keep-going and these options.
fn many(backend: &str, options: &[&str], mode: &str) -> Outcome {
    let options = ["--keep-going"].into_iter().chain(options.iter().copied());
    run(fencepost_run(backend, options, &*MANY).arg(mode))
}

fn count_reports(outcome: &Outcome) -> usize {
    outcome.stderr.matches("==ERROR: Fencepost: ").count()
}

/// Errors and contexts, as the summary says.
fn counted(outcome: &Outcome) -> (usize, usize) {
    let lines = outcome.summary_lines();
    let line = lines.iter().find(|line| line.contains(" context")).unwrap_or_else(|| {
        panic!("no summary, {}: {}", outcome.exit, outcome.stderr);
    });
    let words: Vec<&str> = line.split(' ').collect();
    let [_, errors, _, "in", contexts, ..] = words[..] else { panic!("{line}") };
    (errors.parse().expect("a number"), contexts.parse().expect("a number"))
}

#[test]
fn each_bug_is_reported_once_and_every_error_counted() {
    for backend in available_backends() {
        let outcome = many(backend, &[], "loop");
        assert_eq!(outcome.exit, Exit::Code(0), "{backend}: {}", outcome.stderr);
        assert_eq!(counted(&outcome), (1002, 3), "{backend}");
        assert_eq!(count_reports(&outcome), 3, "{backend}");
    }
}

#[test]
fn an_instruction_with_two_bad_operands_is_two_errors() {
    for backend in available_backends() {
        let outcome = many(backend, &[], "movs");
        assert_eq!(outcome.exit, Exit::Code(0), "{backend}: {}", outcome.stderr);
        assert_eq!((counted(&outcome), count_reports(&outcome)), ((2, 2), 2), "{backend}");
    }
}

#[test]
fn a_repeated_instruction_crosses_pages_and_guards() {
    for backend in available_backends() {
        let outcome = many(backend, &[], "rep");
        assert_eq!(outcome.exit, Exit::Code(0), "{backend}: {}", outcome.stderr);
        // Six pages at most that fault.
        let (errors, contexts) = counted(&outcome);
        assert!((5..=6).contains(&errors) && contexts == 1, "{backend}: {errors} in {contexts}");
    }
}

#[test]
fn objects_of_collapsed_stretches_open_too() {
    for backend in available_backends() {
        let outcome = many(backend, &[], "collapsed");
        assert_eq!(outcome.exit, Exit::Code(0), "{backend}: {}", outcome.stderr);
        assert_eq!(counted(&outcome), (1, 1), "{backend}");
    }
}

#[test]
fn threads_take_turns() {
    for backend in available_backends() {
        let outcome = many(backend, &[], "threads");
        assert_eq!(outcome.exit, Exit::Code(0), "{backend}: {}", outcome.stderr);
        let (errors, contexts) = counted(&outcome);
        // Reads of the shared object pass while another thread has it open.
        assert!((2400..=3200).contains(&errors), "{backend}: {errors}");
        assert_eq!((contexts, count_reports(&outcome)), (4, 4), "{backend}: {}", outcome.stderr);
    }
}

#[test]
fn no_child_inherits_an_open_page() {
    for backend in available_backends() {
        let outcome = many(backend, &[], "forks");
        assert_eq!(outcome.exit, Exit::Code(0), "{backend}: {}", outcome.stderr);
        // Eight children have two errors each, at two places.
        let summaries = outcome.summary_lines();
        let children = summaries.iter().filter(|line| line.contains("2 errors in 2 contexts"));
        assert_eq!(children.count(), 8, "{backend}: {summaries:?}");
    }
}

#[test]
fn signals_wait_for_the_step() {
    for backend in available_backends() {
        for mode in ["timer", "traps"] {
            let outcome = many(backend, &[], mode);
            assert_eq!(outcome.exit, Exit::Code(0), "{backend} {mode}: {}", outcome.stderr);
        }
    }
}

#[test]
fn reports_end_where_the_limit_is() {
    let outcome = many("auto", &["--max-reports", "3"], "places");
    assert_eq!(outcome.exit, Exit::Code(0));
    assert_eq!((counted(&outcome), count_reports(&outcome)), ((8, 8), 3));
    assert!(outcome.stderr.contains("only the first 3 were reported"), "{}", outcome.stderr);
}

#[test]
fn a_known_bug_is_no_error_where_the_limit_is_reached() {
    let known = build_folder("keep-going").join("known.toml");
    let rule = "[[suppression]]\nname = \"reads\"\nreason = \"a test\"\nfunction = \"read_byte\"\n";
    fs::write(&known, rule).expect("the folder is writable");
    let known = format!("--suppressions={}", known.display());
    let outcome = many("auto", &["--max-reports", "1", &known], "loop");
    // Of the two places that read, the second comes after the one that writes.
    assert_eq!((counted(&outcome), count_reports(&outcome)), ((1, 1), 1), "{}", outcome.stderr);
}

#[test]
fn a_single_thread_may_run_into_slots_to_come() {
    for backend in available_backends() {
        let outcome = many(backend, &[], "beyond");
        assert_eq!(outcome.exit, Exit::Code(0), "{backend}: {}", outcome.stderr);
    }
}

#[test]
fn the_exit_code_is_the_programs_unless_asked_for() {
    let outcome = many("auto", &["--error-exitcode", "7"], "collapsed");
    assert_eq!(outcome.exit, Exit::Code(7), "{}", outcome.stderr);
    let outcome =
        run(&mut fencepost_run("auto", ["--keep-going", "--error-exitcode", "7"], "/bin/true"));
    assert_eq!((outcome.exit, outcome.stderr.as_str()), (Exit::Code(0), ""));
}
