//! Growing by realloc takes work in proportion to the final size, not to its square. Work is counted, not timed.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::built;
use support::compile::{build_folder, build_program, source_folder};
use support::process::{self, Exit, Outcome};

const LIMIT: Duration = Duration::from_secs(300);

/// What the program grows its array to, in pages.
const PAGES: usize = 1_000_000 / 4096;

fn program(test: &str) -> PathBuf {
    let output = build_folder(&format!("growth-{test}")).join("grow_by_one");
    let source = source_folder().join("clean/grow_by_one.c");
    build_program(&source, &output, &[], &[]).expect("it compiles");
    output
}

/// The program must end well. Returns standard error.
fn run(command: &mut Command) -> String {
    let Outcome { exit, stdout, stderr } = process::run(command, LIMIT).expect("it starts");
    assert_eq!((exit, stdout.as_str()), (Exit::Code(0), "0 wrong\n"), "{stderr}");
    stderr
}

#[test]
fn an_array_that_grows_by_bytes_moves_seldom() {
    let program = program("moves");
    for backend in available_backends() {
        let stderr = run(&mut fencepost_run(backend, ["--stats"], &program));
        let count = |name: &str| {
            let word = stderr.split_whitespace().find_map(|word| word.strip_prefix(name));
            let number = word.and_then(|word| word.strip_prefix('=')?.parse().ok());
            number.unwrap_or_else(|| panic!("{name}: {stderr}"))
        };
        // Each move makes an object: 64 small ones, then few. Doubling the array 20 times would make 20.
        let objects: usize = count("guarded");
        assert!((64..128).contains(&objects), "{backend}: {stderr}");
        for name in ["populates", "moves", "drops"] {
            assert!(count(name) < 2 * PAGES, "{backend}, {name}: {stderr}");
        }
    }
}

/// One for 50 calls of realloc, or fewer.
#[test]
fn an_array_that_grows_by_bytes_makes_few_system_calls() {
    if !Path::new("/usr/bin/strace").exists() {
        return support::say_skipped("strace is not installed");
    }
    let program = program("calls");
    let log = program.with_file_name("log");
    for backend in available_backends() {
        let mut command = process::command("/usr/bin/strace");
        command.args(["-f", "-qq", "-o"]).arg(&log);
        command.arg(format!("--env=LD_PRELOAD={}", built::preload_library().display()));
        command.arg(format!("--env=FENCEPOST_OPTIONS=backend={backend}"));
        command.arg(&program);
        let outcome = process::run(&mut command, LIMIT).expect("it starts");
        if outcome.stderr.contains("ptrace") || outcome.stderr.contains("PTRACE") {
            return support::say_skipped("strace may not trace here");
        }
        let calls = fs::read_to_string(&log).expect("a log").lines().count();
        assert_eq!(outcome.stdout, "0 wrong\n", "{backend}");
        assert!(calls < 20_000, "{backend}: {calls} system calls");
    }
}
