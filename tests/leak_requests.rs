//! Leaks that are looked for while a program goes on: when it asks, at a signal, from gdb, and from a debugger of our own.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::built;
use support::compile::{build_folder, build_program};
use support::process::{self, Exit};

const LIMIT: Duration = Duration::from_secs(120);

/// Compiles a C program in a folder of the caller's own.
fn program(test: &str, source: &str) -> PathBuf {
    let folder = build_folder(&format!("leak-requests-{test}"));
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/leak_requests").join(source);
    let output = folder.join(source.file_stem().expect("a file"));
    let arguments = ["-g", "-pthread"].map(str::to_owned);
    build_program(&source, &output, &arguments, &[]).expect("it compiles");
    output
}

/// How often each line of the text says this.
fn count(text: &str, words: &str) -> usize {
    text.lines().filter(|line| line.contains(words)).count()
}

#[test]
fn without_the_library_nothing_is_asked() {
    let outcome = process::run(&mut process::command(program("native", "asks.c")), LIMIT);
    assert_eq!(outcome.expect("it starts").stdout, "no fencepost\n");
}

#[test]
fn a_program_asks_what_is_lost_and_what_has_grown() {
    let program = program("asks", "asks.c");
    for backend in available_backends() {
        let options = ["--leak-kinds", "all"];
        let outcome = process::run(&mut fencepost_run(backend, options, &program), LIMIT);
        let outcome = outcome.expect("it starts");
        assert_eq!(outcome.exit, Exit::Code(0), "{backend}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "lost: 3\nmore: 0\nmore: 2\nmore: 0\n", "{backend}");
        let stderr = &outcome.stderr;
        let lost = "72 bytes in 3 objects are definitely lost, allocated here by thread T0:";
        assert_eq!(count(stderr, lost), 1, "{stderr}");
        let more = "48 bytes in 2 objects are definitely lost, +48 bytes in +2 objects since";
        assert_eq!(count(stderr, more), 2, "above the source and below: {stderr}");
        let kept = "100 bytes in 1 object are still reachable";
        assert_eq!(count(stderr, &format!("{kept}, allocated here by")), 1, "{stderr}");
        assert_eq!(count(stderr, "since the earlier check, allocated here by"), 2, "{stderr}");
        assert_eq!(count(stderr, "LEAK SUMMARY:"), 4, "{stderr}");
    }
}

#[test]
fn a_signal_makes_a_process_look_for_leaks_and_go_on() {
    let program = program("signal", "signalled.c");
    for backend in available_backends() {
        let options = ["--leak-signal", "USR2"];
        let outcome = process::run(&mut fencepost_run(backend, options, &program), LIMIT);
        let outcome = outcome.expect("it starts");
        assert_eq!(outcome.exit, Exit::Code(0), "{backend}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "the program's handler ran: 0\n", "{backend}");
        let lost = "120 bytes in 5 objects are definitely lost, allocated here by";
        assert_eq!(count(&outcome.stderr, lost), 2, "{}", outcome.stderr);
    }
    let natively = process::run(&mut process::command(&program), LIMIT).expect("it starts");
    assert_eq!(natively.stdout, "the program's handler ran: 1\n");
}

#[test]
fn other_threads_do_not_notice_a_check() {
    let program = program("reading", "reading.c");
    for backend in available_backends() {
        let outcome = process::run(&mut fencepost_run(backend, [], &program), LIMIT);
        let outcome = outcome.expect("it starts");
        assert_eq!(outcome.exit, Exit::Code(0), "{backend}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "lost: 0\njoined\n", "{backend}: {}", outcome.stderr);
    }
}

#[test]
fn gdb_asks_for_leaks() {
    if !Path::new("/usr/bin/gdb").exists() {
        support::say_skipped("gdb is not installed");
        return;
    }
    let program = program("gdb", "asks.c");
    let mut command = process::command("/usr/bin/gdb");
    command.args(["-nx", "-batch"]);
    let library = built::preload_library().display().to_string();
    for line in [
        "set startup-with-shell off",
        &format!("set environment LD_PRELOAD {library}"),
        "handle SIGSEGV SIGBUS nostop noprint pass",
        "set language c",
        "set breakpoint pending on",
        "break keep_object",
        "run",
        "finish",
        "print (unsigned long) fencepost_check_leaks()",
    ] {
        command.args(["-ex", line]);
    }
    let outcome = process::run(command.arg(&program), LIMIT).expect("gdb starts");
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    // An old gdb can't write the registers of a processor that has more of them than it knows.
    for (sign, why) in [
        ("ptrace: Operation not permitted", "gdb must not trace here"),
        ("Couldn't write extended state status", "gdb calls no function on this processor"),
    ] {
        if said.contains(sign) {
            support::say_skipped(why);
            return;
        }
    }
    assert!(said.contains("are definitely lost, allocated here by thread T0:"), "{said}");
    assert!(said.contains("LEAK SUMMARY:"), "{said}");
}

/// What a debugger calls may find a lock that the stopped thread holds itself. It returns all the same, and the program goes on.
#[test]
fn a_debugger_may_ask_while_malloc_is_under_way() {
    let program = program("stopped", "stopped_in_malloc.c");
    for backend in available_backends() {
        let outcome = process::run(&mut fencepost_run(backend, [], &program), LIMIT);
        let outcome = outcome.expect("it starts");
        if outcome.exit == Exit::Code(77) {
            support::say_skipped("ptrace is not permitted here");
            return;
        }
        assert_eq!(outcome.exit, Exit::Code(0), "{backend}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "3 times; it went on\n", "{backend}: {}", outcome.stderr);
        // Each call says what is lost, or why that can't be said.
        let stderr = &outcome.stderr;
        let answers = count(stderr, "SUMMARY:") + count(stderr, "leaks could not be looked for");
        assert!((1..=3).contains(&answers), "{backend}: {stderr}");
    }
}
