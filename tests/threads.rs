//! What a thread costs: as many threads run as without the guard, and each takes little memory.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::compile::{build_folder, build_program};
use support::process::{self, Exit, Outcome};

const LIMIT: Duration = Duration::from_secs(300);

/// Compiles `tests/threads/NAME.c`.
fn program(name: &str) -> PathBuf {
    let folder = build_folder(&format!("threads-{name}"));
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/threads/{name}.c"));
    let output = folder.join(name);
    let flags = ["-g", "-fno-builtin"].map(str::to_owned);
    build_program(&source, &output, &flags, &[]).expect("it compiles");
    output
}

fn run_natively(program: &Path, arguments: &[&str]) -> Outcome {
    process::run(process::command(program).args(arguments), LIMIT).expect("it starts")
}

#[test]
fn four_thousand_threads_with_the_least_stacks_and_all_signals_blocked_run_as_natively() {
    let (program, arguments) = (program("small"), ["4000"]);
    let native = run_natively(&program, &arguments);
    if native.exit != Exit::Code(0) {
        return support::say_skipped(&format!("not even natively: {}", native.stdout.trim()));
    }
    for backend in available_backends() {
        let mut command = fencepost_run(backend, [], &program);
        let guarded = process::run(command.args(arguments), LIMIT).expect("fencepost starts");
        assert_eq!(
            (guarded.exit, guarded.stdout.as_str(), guarded.stderr.as_str()),
            (native.exit, native.stdout.as_str(), native.stderr.as_str()),
            "{backend}"
        );
    }
}

/// The bytes that a thread takes, and those that it leaves behind.
fn bytes_of(outcome: &Outcome) -> [i64; 2] {
    let numbers: Vec<i64> =
        outcome.stdout.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().unwrap_or_else(|_| panic!("{}{}", outcome.stdout, outcome.stderr))
}

#[test]
fn a_thread_that_allocates_little_takes_16_kib_of_ours_and_leaves_next_to_nothing() {
    const MOST: i64 = 16 << 10;
    // Records of its objects, and its place in the list of threads.
    const MOST_LEFT: i64 = 3 << 10;
    let program = program("idle");
    let native = run_natively(&program, &[]);
    if native.exit != Exit::Code(0) {
        return support::say_skipped(&format!("not even natively: {}", native.stdout.trim()));
    }
    let [native, _] = bytes_of(&native);
    for backend in available_backends() {
        let mut command = fencepost_run(backend, [], &program);
        let outcome = process::run(&mut command, LIMIT).expect("fencepost starts");
        let [taken, left] = bytes_of(&outcome);
        assert!(taken - native <= MOST, "{backend}: {taken} bytes, and {native} natively");
        assert!(left <= MOST_LEFT, "{backend}: {left} bytes are left of a thread");
        assert_eq!((outcome.exit, outcome.stderr.as_str()), (Exit::Code(0), ""), "{backend}");
    }
}

/// How long the counters say that threads were kept together.
fn confined_milliseconds(outcome: &Outcome) -> u64 {
    let words = outcome.stderr.split_whitespace();
    let found = words.filter_map(|word| word.strip_prefix("confined_ms=")).next();
    found.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{}", outcome.stderr))
}

#[test]
fn threads_are_kept_on_one_processor_if_the_user_says_so_and_the_summary_tells() {
    let program = program("pairs");
    for backend in available_backends() {
        let run = |choice| {
            let options = ["--stats", "--summary=always", choice];
            let mut command = fencepost_run(backend, options, &program);
            process::run(&mut command, LIMIT).expect("fencepost starts")
        };
        let told = "threads that free objects were kept on one processor for ";
        let together = run("--confine=yes");
        assert_eq!(together.exit, Exit::Code(0), "{backend}: {}", together.stderr);
        assert!(confined_milliseconds(&together) > 0, "{backend}: {}", together.stderr);
        assert!(together.stderr.contains(told), "{backend}: {}", together.stderr);
        let apart = run("--confine=no");
        assert_eq!(confined_milliseconds(&apart), 0, "{backend}");
        assert!(!apart.stderr.contains(told), "{backend}: {}", apart.stderr);
    }
}
