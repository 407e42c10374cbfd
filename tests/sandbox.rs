//! Programs with a seccomp filter, installed or inherited, behave as without the guard, and are guarded as far as the
//! filter permits. Otherwise the user is told.

mod support;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::compile::{build_folder, build_program};
use support::process::{self, Exit, Outcome};

const LIMIT: Duration = Duration::from_secs(300);

/// What a filter says to a call that it does not permit.
const VERDICTS: [&str; 5] = ["EPERM", "ENOSYS", "kill-process", "kill-thread", "trap"];

const ENDED: &str = "forbids what guarding takes: nothing is guarded from now on";

fn program(test: &str) -> PathBuf {
    let folder = build_folder(&format!("sandbox-{test}"));
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sandbox/filters.c");
    let output = folder.join("filters");
    build_program(&source, &output, &["-g".to_owned()], &[]).expect("it compiles");
    output
}

fn run(backend: &str, program: &PathBuf, arguments: [&str; 4]) -> (Outcome, String) {
    let mut command = fencepost_run(backend, [], program);
    let outcome = process::run(command.args(arguments), LIMIT).expect("fencepost starts");
    let case = format!("{backend}, {arguments:?}, {}: {}", outcome.exit, outcome.stderr);
    (outcome, case)
}

fn lives(outcome: &Outcome, case: &str) {
    let seen = (outcome.exit, outcome.stdout.as_str());
    assert_eq!(seen, (Exit::Code(0), "alive, 0 traps\n"), "{case}");
}

#[test]
fn a_program_lives_under_its_filter_and_stays_guarded() {
    let program = program("guarded");
    for backend in available_backends() {
        for filter in ["ioctl", "rt_sigaction", "usual", "arguments"] {
            for verdict in VERDICTS {
                let (outcome, case) = run(backend, &program, [filter, verdict, "prctl", "none"]);
                lives(&outcome, &case);
                assert!(!outcome.stderr.contains("nothing is guarded"), "{case}");
                assert!(!outcome.stderr.contains("closed"), "{case}");
            }
        }
    }
}

#[test]
fn the_end_of_guarding_is_said_and_the_program_lives() {
    let program = program("ended");
    for backend in available_backends() {
        for filter in ["few", "least"] {
            for verdict in VERDICTS {
                let (outcome, case) = run(backend, &program, [filter, verdict, "prctl", "none"]);
                lives(&outcome, &case);
                assert_eq!(outcome.stderr.matches(ENDED).count(), 1, "{case}");
                assert!(outcome.stderr.contains("allocations were not guarded"), "{case}");
                assert!(!outcome.stderr.contains("closed"), "{case}");
            }
        }
    }
}

/// The filter permits what a program calls natively from main's return on, and options must change nothing about that.
#[test]
fn an_end_needs_no_call_that_it_does_not_need_natively() {
    let program = program("end");
    let folder = build_folder("sandbox-end-records");
    let records = format!("--report-dir={}", folder.display());
    let options = ["--stats", "--leaks=full", "--keep-going", "--revoke=batch", &records];
    for end in ["return", "exit", "quick_exit", "_exit"] {
        let arguments = ["end", "kill-process", "prctl", end];
        let natively = process::run(process::command(&program).args(arguments), LIMIT);
        lives(&natively.expect("it starts"), &format!("natively, {end}"));
        for backend in available_backends() {
            for verdict in ["kill-process", "trap"] {
                let (outcome, case) = run(backend, &program, ["end", verdict, "prctl", end]);
                lives(&outcome, &case);
            }
            for option in options {
                let mut command = fencepost_run(backend, [option], &program);
                let outcome = process::run(command.args(arguments), LIMIT).expect("it starts");
                lives(&outcome, &format!("{backend}, {option}, {end}: {}", outcome.stderr));
            }
        }
    }
}

#[test]
fn a_filter_is_seen_however_it_is_installed() {
    let program = program("ways");
    for backend in available_backends() {
        for way in ["syscall-prctl", "seccomp"] {
            let (outcome, case) = run(backend, &program, ["few", "kill-process", way, "none"]);
            lives(&outcome, &case);
            let (outcome, case) = run(backend, &program, ["usual", "kill-process", way, "_exit"]);
            assert_eq!(outcome.exit, Exit::Code(3), "{case}");
        }
    }
}

#[test]
fn bugs_are_reported_under_a_filter() {
    let program = program("bugs");
    let bugs = [
        ("old-overflow", "heap-buffer-overflow"),
        ("overflow", "heap-buffer-overflow"),
        ("use-after-free", "heap-use-after-free"),
    ];
    for backend in available_backends() {
        for (filter, verdict) in [
            ("ioctl", "EPERM"),
            ("ioctl", "kill-process"),
            ("usual", "EPERM"),
            ("usual", "kill-process"),
            ("usual", "trap"),
            ("arguments", "kill-thread"),
        ] {
            for (bug, kind) in bugs {
                let (outcome, case) = run(backend, &program, [filter, verdict, "prctl", bug]);
                assert_eq!(outcome.exit, Exit::Signal(libc::SIGSEGV), "{case}");
                let report = format!("ERROR: Fencepost: {kind} on address");
                assert_eq!(outcome.stderr.matches(&report).count(), 1, "{case}");
                assert!(!outcome.stderr.contains("panicked"), "{case}");
                // It goes on at the instruction that the report has interrupted.
                let mut command = fencepost_run(backend, ["--keep-going"], &program);
                command.args([filter, verdict, "prctl", bug]);
                let outcome = process::run(&mut command, LIMIT).expect("fencepost starts");
                let case = format!("{case}, and to go on, {}: {}", outcome.exit, outcome.stderr);
                lives(&outcome, &case);
                assert_eq!(outcome.stderr.matches(&report).count(), 1, "{case}");
            }
            let (outcome, case) = run(backend, &program, [filter, verdict, "prctl", "null"]);
            assert_eq!(outcome.exit, Exit::Signal(libc::SIGSEGV), "{case}");
            assert_eq!(outcome.stderr.matches("ERROR: Fencepost: SEGV on").count(), 1, "{case}");
        }
    }
}

/// With filters under which a program can be started at all.
#[test]
fn a_program_lives_under_the_filter_of_its_start() {
    let program = program("inherited");
    for verdict in VERDICTS {
        let (outcome, case) = run("auto", &program, ["ioctl", verdict, "exec", "none"]);
        lives(&outcome, &case);
    }
}
