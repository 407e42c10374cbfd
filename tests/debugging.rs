//! Calls the functions of `include/fencepost.h` from C programs, and from gdb as `docs/debugging.md`
//! says.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::built;
use support::compile::{build_folder, build_program};
use support::process::{self, Exit, Outcome};

const LIMIT: Duration = Duration::from_secs(300);

/// Compiles a C program of the package in a folder of the caller's own.
fn program(test: &str, source: &str) -> PathBuf {
    let folder = build_folder(&format!("debugging-{test}"));
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let output = folder.join(source.file_stem().expect("a file"));
    build_program(&source, &output, &["-g".to_owned()], &[]).expect("it compiles");
    output
}

fn run(command: &mut Command) -> Outcome {
    process::run(command, LIMIT).expect("it starts")
}

/// The lines after `NAME:` up to the next name.
fn section<'a>(text: &'a str, name: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("{name}:\n")).unwrap_or_else(|| panic!("{text}"));
    let is_name = |line: &&str| line.ends_with(':') && !line.contains(' ');
    let end = rest.lines().take_while(|line| !is_name(line)).map(|line| line.len() + 1).sum();
    rest.get(..end).unwrap_or(rest)
}

#[test]
fn without_the_library_the_functions_are_null() {
    let outcome = run(&mut process::command(program("native", "tests/debugging/asks.c")));
    assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(0), "no fencepost\n"));
    assert_eq!(outcome.stderr, "");
}

#[test]
fn addresses_are_described() {
    let program = program("describe", "tests/debugging/asks.c");
    for backend in available_backends() {
        let outcome = run(&mut fencepost_run(backend, [], &program));
        let stderr = &outcome.stderr;
        assert_eq!(outcome.exit, Exit::Code(0), "{backend}: {stderr}");
        let says = |name: &str, words: &[&str]| {
            let text = section(stderr, name);
            let missing: Vec<_> = words.iter().filter(|words| !text.contains(**words)).collect();
            assert!(missing.is_empty(), "{backend}, {name}: {missing:?} is not in {text}");
        };
        let made = "in make ";
        says("live", &["is in a live object\n", "8 bytes inside of 32-byte region", made]);
        let freed = "freed by thread T0 here:";
        says("freed", &["is in a freed object\n", "4 bytes inside of 40-byte region", freed, made]);
        says("guard", &["is in a guard page near a live", "0 bytes after 32-byte region", made]);
        says("slack", &["is in the slack beside a live", "16 bytes before 13-byte region"]);
        says("local", &["is on the stack of thread T0\n"]);
        says("global", &["is in a global/static object of ", "/asks\n"]);
        says("null", &["0x0 was never allocated: nothing is mapped there\n"]);
    }
}

#[test]
fn objects_without_guards_are_described() {
    let program = program("unguarded", "tests/debugging/unguarded.c");
    let outcome = run(&mut fencepost_run("auto", ["--memory-limit", "1"], &program));
    let words = "is in a live object without guards\n";
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("100 bytes inside of 4000-byte region"), "{}", outcome.stderr);
}

#[test]
fn the_heap_is_checked_on_request() {
    let program = program("check", "tests/debugging/asks.c");
    for backend in available_backends() {
        let outcome = run(&mut fencepost_run(backend, [], &program));
        assert_eq!(outcome.stdout, "0 damaged\n2 damaged\n0 damaged\n", "{backend}");
        let stderr = &outcome.stderr;
        assert_eq!(stderr.matches("ERROR: Fencepost: overwritten-slack").count(), 2, "{stderr}");
        assert!(stderr.contains("found by fencepost_check_heap here:\n    #0 "), "{stderr}");
        assert!(stderr.contains("0 bytes after 13-byte region"), "{stderr}");
        assert!(stderr.contains("1 byte after 27-byte region"), "{stderr}");
    }
}

#[test]
fn the_hook_is_given_the_report() {
    let program = program("hook", "tests/debugging/hooked.c");
    for backend in available_backends() {
        let outcome = run(&mut fencepost_run(backend, [], &program));
        assert_eq!(outcome.exit, Exit::Signal(libc::SIGABRT), "{backend}");
        let report = outcome.stdout.strip_prefix("11\nhook: ");
        assert_eq!(report, Some(outcome.stderr.as_str()), "{backend}: {}", outcome.stdout);
        assert!(outcome.stderr.contains("ERROR: Fencepost: double-free"), "{backend}");
    }
}

/// The commands in the code blocks of `docs/debugging.md`, block by block.
fn page_commands() -> Vec<Vec<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/debugging.md");
    let page = fs::read_to_string(page).expect("the page");
    let library = built::preload_library().display().to_string();
    let command = |line: &str| {
        let command = line.strip_prefix("(gdb) ")?;
        Some(command.replace("/path/to/libfencepost.so", &library))
    };
    let blocks = page.split("```").skip(1).step_by(2);
    blocks.map(|block| block.lines().filter_map(command).collect()).collect()
}

/// Whether gdb can call a function of a program here and go on: an old one can't write the registers of a processor that
/// has more of them than it knows ("Couldn't write extended state status").
fn gdb_can_call() -> bool {
    let program = program("gdb-plain", "tests/debugging/overflow.c");
    let mut command = process::command("/usr/bin/gdb");
    command.args(["-nx", "-batch", "-ex", "break main", "-ex", "run"]);
    let outcome = run(command.args(["-ex", "print (int) getpid() > 0"]).arg(&program));
    outcome.stdout.contains("$1 = 1\n")
}

/// By the words of the page alone, for an access, a bad call and a crash.
#[test]
fn gdb_stops_where_the_bug_is_and_tells_of_an_address() {
    if !Path::new("/usr/bin/gdb").exists() {
        support::say_skipped("gdb is not installed");
        return;
    }
    let blocks = page_commands();
    let [run_to_report, ask, ..] = &blocks[..] else { panic!("two blocks: {blocks:?}") };
    assert_eq!(run_to_report.last().map(String::as_str), Some("run"));
    assert!(ask.iter().any(|line| line.contains("fencepost_describe_address(p)")), "{ask:?}");
    let can_call = gdb_can_call();
    if !can_call {
        support::say_skipped(
            "gdb calls no function on this processor, with or without us; the rest was tested",
        );
    }
    for (source, frame, told) in [
        ("tests/debugging/overflow.c", "main () at", " is in a live object\n"),
        ("c-tests/bad_call/double_free.c", "main () at", " is in a freed object\n"),
        ("c-tests/crash/null_write.c", "in store (p=0x0) at", ""),
    ] {
        let program = program("gdb", source);
        let mut command = process::command("/usr/bin/gdb");
        command.args(["-nx", "-batch"]);
        let backtrace = "backtrace".to_owned();
        let lines = run_to_report.iter().chain([&backtrace]);
        let ask = ask.iter().filter(|_| can_call && !told.is_empty());
        for line in lines.chain(ask) {
            command.args(["-ex", line]);
        }
        let outcome = run(command.arg(&program));
        let said = format!("{source}: {}{}", outcome.stdout, outcome.stderr);
        let stops = outcome.stdout.contains(", fencepost_on_error ()")
            || outcome.stdout.contains("#0  fencepost_on_error ()");
        assert!(stops && outcome.stdout.contains(frame), "{said}");
        assert!(!outcome.stderr.contains("No symbol"), "{said}");
        if can_call {
            assert!(outcome.stderr.contains(told), "{said}");
            assert!(told.is_empty() || outcome.stdout.contains("$1 = 0\n"), "{said}");
        }
    }
}
