//! SIGTERM ends a process at any point of its report.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, PipeWriter, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::backend::{available_backends, fencepost_run};
use support::compile::{build_folder, build_program};
use support::debug_file::{split, wait_for_open, watch_opens};
use support::process::{self, Exit, Outcome};

/// Longer than a machine with much else to do needs, and shorter than for ever.
const LIMIT: Duration = Duration::from_secs(60);

const SIGTERM: Exit = Exit::Signal(libc::SIGTERM);

fn program(test: &str) -> PathBuf {
    build(test, "bug")
}

fn build(test: &str, name: &str) -> PathBuf {
    let folder = build_folder(&format!("endings-{test}"));
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/endings/{name}.c"));
    let output = folder.join(name);
    let libs = ["-ldl".to_owned()];
    build_program(&source, &output, &["-g".to_owned()], &libs).expect("it compiles");
    output
}

/// Starts the program and waits until it is about to run into its bug.
fn start(command: &mut Command) -> Child {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("fencepost starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it speaks");
    assert_eq!(line, "now\n");
    child
}

/// Sends SIGTERM and returns how the process ended.
fn end(mut child: Child, case: &str) -> Exit {
    // SAFETY: a plain system call, on a child that nobody has waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
    let limit = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status.into();
        }
        if Instant::now() > limit {
            child.kill().expect("killed");
            child.wait().expect("a child");
            panic!("{case}: SIGTERM does not end it");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn set_flags(pipe: &PipeWriter, flags: libc::c_int) {
    // SAFETY: changes a flag of a descriptor that is ours.
    assert_eq!(unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETFL, flags) }, 0);
}

const WAYS: [&str; 4] = ["read", "free", "threads", "abort"];

/// A pipe that is full and that nobody reads: the report waits for ever.
#[test]
fn sigterm_ends_a_report_that_nobody_reads() {
    let program = program("unread");
    for way in WAYS {
        for found in ["default", "handled", "ignored", "blocked"] {
            let (reader, mut writer) = std::io::pipe().expect("a pipe");
            set_flags(&writer, libc::O_NONBLOCK);
            while writer.write(&[b'x'; 4096]).is_ok() {}
            while writer.write(b"x").is_ok() {}
            set_flags(&writer, 0);
            let mut command = fencepost_run("auto", ["--symbolize=no"], &program);
            let child = start(command.args([way, found]).stderr(writer));
            std::thread::sleep(Duration::from_millis(300));
            let case = format!("{way}, {found}");
            assert_eq!(end(child, &case), SIGTERM, "{case}");
            drop(reader);
        }
    }
}

/// The look-up of names waits for an answer that never comes, and that its watchdog can't end. So whatever ends the
/// process is the signal.
#[test]
fn sigterm_ends_a_report_whose_names_never_come() {
    let program = program("names");
    let debug = split(&program);
    let Some(watch) = watch_opens(&debug) else {
        return support::say_skipped("this user may not watch who opens a file (fanotify)");
    };
    for way in WAYS {
        for found in ["default", "handled", "ignored", "blocked"] {
            let mut command = fencepost_run("auto", [], &program);
            let child = start(command.args([way, found]).stderr(Stdio::null()));
            let case = format!("{way}, {found}");
            wait_for_open(&watch, LIMIT);
            assert_eq!(end(child, &case), SIGTERM, "{case}");
        }
    }
}

/// Whatever it died of, it has ended.
#[test]
fn sigterm_ends_a_report_at_any_moment() {
    let program = program("moments");
    // Moments from a generator of Park and Miller, the same in every run.
    let mut random = 20_261_126_u64;
    for round in 0..52 {
        random = random * 48271 % 0x7fff_ffff;
        let microseconds = random % 40_000;
        let (way, found) =
            (WAYS[round % 4], ["default", "handled", "ignored", "blocked"][round / 4 % 4]);
        let goes_on = if way != "abort" && found == "default" && round > 16 {
            &["--keep-going"][..]
        } else {
            &[]
        };
        let mut command = fencepost_run("auto", goes_on.iter().copied(), &program);
        let child = start(command.args([way, found]).stderr(Stdio::null()));
        std::thread::sleep(Duration::from_micros(microseconds));
        let case = format!("{way}, {found}, {goes_on:?}, {microseconds} us");
        let died_of = end(child, &case);
        let own = if matches!(way, "free" | "abort") { libc::SIGABRT } else { libc::SIGSEGV };
        assert!([Exit::Signal(own), SIGTERM].contains(&died_of), "{case}: {died_of}");
    }
}

/// Each kind of report, with what it may write beside it.
#[test]
fn sigterm_ends_every_kind_of_report_at_any_moment() {
    let program = program("kinds");
    let folder = build_folder("endings-kinds-records");
    let records = format!("--report-dir={}", folder.display());
    let kinds: [(&str, &[&str]); 9] = [
        ("overrun", &[]),
        ("overrun", &[&records]),
        ("read", &["--all-frames"]),
        ("read", &["--keep-going", &records]),
        ("free", &[&records]),
        ("free", &["--keep-going"]),
        ("call", &[]),
        ("call", &["--keep-going"]),
        ("leak", &["--leaks=full"]),
    ];
    let available = available_backends();
    let mut random = 20_261_127_u64;
    for round in 0..8 {
        for (way, options) in kinds {
            random = random * 48271 % 0x7fff_ffff;
            let microseconds = random % 60_000;
            // What goes on after its report waits for the signal.
            let waits = options.contains(&"--keep-going");
            let found =
                ["default", "handled", "ignored", "blocked"][if waits { 0 } else { round % 4 }];
            let backend = ["auto", "madvise", "mprotect"][round % 3];
            let backend = if available.contains(&backend) { backend } else { "auto" };
            let mut command = fencepost_run(backend, options.iter().copied(), &program);
            let child = start(command.args([way, found]).stderr(Stdio::null()));
            std::thread::sleep(Duration::from_micros(microseconds));
            let case = format!("{backend}, {way}, {found}, {options:?}, {microseconds} us");
            let own = match way {
                // What `run` ends with after a finding.
                _ if options.contains(&records.as_str()) => Exit::Code(1),
                "leak" => Exit::Code(0),
                "free" | "call" => Exit::Signal(libc::SIGABRT),
                _ => Exit::Signal(libc::SIGSEGV),
            };
            let ended = end(child, &case);
            assert!([own, SIGTERM].contains(&ended), "{case}: {ended}");
        }
    }
}

/// The handler may also have met the library outside of the runtime's scope: then there is a report.
#[test]
fn a_crash_inside_the_runtime_is_not_silent() {
    let program = build("inside", "inside");
    let mut lines = 0;
    for _ in 0..10 {
        let outcome = process::run(&mut fencepost_run("auto", [], &program), LIMIT);
        let Outcome { exit, stderr, .. } = outcome.expect("fencepost starts");
        assert_eq!(exit, Exit::Signal(libc::SIGSEGV), "{stderr}");
        let line =
            "while the thread was inside fencepost: a handler of the program has interrupted it";
        lines += stderr.matches(line).count();
        assert!(stderr.contains(line) != stderr.contains("ERROR: Fencepost: SEGV "), "{stderr}");
    }
    assert!(lines > 0, "the handler never met the runtime at work");
}
