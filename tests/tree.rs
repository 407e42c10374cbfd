//! `fencepost run` and the tree of processes under it: how the run ends, and what is printed at the end.

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

static CHILD: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = build_folder("tree").join("child");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tree/child.c");
    build_program(&source, &output, &["-g".to_owned()], &[]).expect("it compiles");
    output
});

fn run(command: &mut Command) -> Outcome {
    process::run(command, LIMIT).expect("fencepost starts")
}

#[test]
fn a_report_of_any_process_gives_the_error_code() {
    for backend in available_backends() {
        for place in ["here", "child", "grandchild", "executed", "blind"] {
            for options in [&["--error-exitcode=9"][..], &["--error-exitcode=9", "--keep-going"]] {
                let outcome =
                    run(fencepost_run(backend, options.iter().copied(), &*CHILD).arg(place));
                let case = format!("{backend}, {place}, {options:?}: {}", outcome.stderr);
                assert_eq!(outcome.exit, Exit::Code(9), "{case}");
            }
            let outcome = run(fencepost_run(backend, [], &*CHILD).arg(place));
            let is_first = place == "here";
            assert_eq!(outcome.exit == Exit::Code(0), !is_first, "{backend}, {place}");
        }
        let outcome = run(fencepost_run(backend, ["--error-exitcode=9"], &*CHILD).arg("nowhere"));
        assert_eq!((outcome.exit, outcome.stderr.as_str()), (Exit::Code(0), ""), "{backend}");
    }
}

/// The end of the notice of what ran without the guard.
fn unguarded(outcome: &Outcome) -> &str {
    let notices: Vec<&str> = outcome.summary_lines();
    assert_eq!(notices.len(), 1, "{}", outcome.stderr);
    notices[0].split_once("): started programs that were not guarded: ").expect(notices[0]).1
}

#[test]
fn programs_that_the_guard_does_not_come_along_to_are_named() {
    let outcome = run(fencepost_run("auto", [], &*CHILD).arg("unguarded"));
    assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    assert!(outcome.stderr.starts_with("fencepost: child ("), "{}", outcome.stderr);
    let expected = "true (started without LD_PRELOAD, 3 times), sh (started without LD_PRELOAD)";
    assert_eq!(unguarded(&outcome), expected);
    // Whether the operands of calls are looked at or not.
    let outcome = run(fencepost_run("auto", ["--check-calls=no"], &*CHILD).arg("unguarded"));
    assert_eq!(unguarded(&outcome), expected);
    let outcome = run(fencepost_run("auto", ["--summary=never"], &*CHILD).arg("unguarded"));
    assert_eq!((outcome.exit, outcome.stderr.as_str()), (Exit::Code(0), ""));
}

#[test]
fn a_shell_whose_end_nobody_learns_is_named() {
    let outcome = run(fencepost_run("auto", [], &*CHILD).arg("unheard"));
    assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    assert_eq!(unguarded(&outcome), "sh (started without LD_PRELOAD)");
}

#[test]
fn what_could_not_be_executed_is_not_named() {
    for options in [&[][..], &["--check-calls=no"], &["--follow=none"]] {
        let outcome = run(fencepost_run("auto", options.iter().copied(), &*CHILD).arg("failing"));
        assert_eq!(outcome.exit, Exit::Code(0), "{options:?}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("true"), "{options:?}: {}", outcome.stderr);
    }
}

#[test]
fn static_programs_and_scripts_are_named() {
    let folder = build_folder("tree-static");
    let source = folder.join("empty.c");
    fs::write(&source, "int main(void) { return 0; }").expect("the folder is writable");
    let program = folder.join("a\nb");
    build_program(&source, &program, &["-static".to_owned()], &[]).expect("it compiles");
    let mut command = fencepost_run("auto", [], "/bin/sh");
    let script = "\"$1\"; env -i /bin/true; /bin/true; absent; :";
    let outcome = run(command.args(["-c", script, "sh"]).arg(&program).env("LC_ALL", "C"));
    assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    let expected = "a\\nb (statically linked), true (started without LD_PRELOAD)";
    assert_eq!(unguarded(&outcome), expected);
}

#[test]
fn a_process_that_says_why_it_has_no_guard_is_believed() {
    // Too little for a guarded heap, and in one of the cases enough for the program and the library.
    let outcomes = [12, 16, 20, 24].map(|mebibytes| {
        let mut command = fencepost_run("auto", [], "/bin/true");
        process::limit(&mut command, libc::RLIMIT_AS, mebibytes << 20);
        run(&mut command)
    });
    let refused = outcomes.iter().filter(|outcome| outcome.exit == Exit::Code(125));
    let told = refused.filter(|outcome| outcome.stderr.contains("address space"));
    let mut any = false;
    for outcome in told {
        any = true;
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    }
    assert!(any, "{outcomes:?}");
}

#[test]
fn what_is_said_twice_is_said_once_in_a_tree() {
    let script = "for i in 1 2 3; do \"$1\" nowhere; done";
    let mut command = fencepost_run("auto", ["--summary=always"], "/bin/sh");
    let outcome = run(command.args(["-c", script, "sh"]).arg(&*CHILD));
    assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    // The program says the same three times.
    let lines = outcome.summary_lines();
    let of_child = lines.iter().filter(|line| line.starts_with("fencepost: child ("));
    assert_eq!(of_child.count(), 1, "{}", outcome.stderr);
}

#[test]
fn signals_are_passed_on_and_its_end_is_mirrored() {
    let script = "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.05; done";
    let mut command = fencepost_run("auto", [], "/bin/sh");
    command.args(["-c", script]).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("fencepost starts");
    let mut output = std::io::BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut output, &mut line).expect("a line");
    assert_eq!(line, "ready\n");
    let pid = i32::try_from(child.id()).expect("process ids fit an i32");
    // SAFETY: a plain system call, on the child started above.
    unsafe { libc::kill(pid, libc::SIGTERM) };
    assert_eq!(child.wait().expect("it ends").code(), Some(5));
    for signal in [libc::SIGKILL, libc::SIGSEGV, libc::SIGUSR1, libc::SIGINT] {
        let mut command = fencepost_run("auto", ["--report-crashes=no"], "/bin/sh");
        let outcome = run(command.args(["-c", &format!("kill -{signal} $$")]));
        assert_eq!((outcome.exit, outcome.stderr.as_str()), (Exit::Signal(signal), ""));
    }
}

/// The lines that begin so, without the process id.
fn said(outcome: &Outcome, name: &str) -> Vec<String> {
    let lines = outcome.stderr.lines().filter_map(|line| line.strip_prefix(name));
    lines.filter_map(|line| Some(line.split_once("): ")?.1.to_owned())).collect()
}

#[test]
fn a_death_that_no_report_explains_is_said() {
    let killed = |signal: &str, options: &[&str]| {
        let mut command = fencepost_run("auto", options.iter().copied(), "/bin/sh");
        run(command.args(["-c", &format!("kill -{signal} $$")]))
    };
    for signal in ["SEGV", "BUS", "ABRT", "FPE", "ILL", "TRAP", "SYS"] {
        let outcome = killed(signal, &[]);
        let words = format!("was killed by SIG{signal} and left no report");
        assert_eq!(said(&outcome, "fencepost: sh ("), [words], "{}", outcome.stderr);
    }
    for (signal, options) in [
        ("KILL", &[][..]),
        ("TERM", &[]),
        ("SEGV", &["--summary=never"]),
        ("SEGV", &["--report-crashes=no"]),
    ] {
        let outcome = killed(signal, options);
        assert_eq!(outcome.stderr, "", "{signal} {options:?}");
    }
    // One that has left a report needs no other word, nor does one that was reported as a crash.
    for place in ["here", "abort"] {
        let outcome = run(fencepost_run("auto", [], &*CHILD).arg(place));
        assert!(matches!(outcome.exit, Exit::Signal(_)), "{place}: {}", outcome.exit);
        assert!(outcome.stderr.contains("==ERROR: Fencepost: "), "{place}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("left no report"), "{place}: {}", outcome.stderr);
    }
}

#[test]
fn records_tell_of_such_a_death() {
    let folder = build_folder("tree-killed");
    let _ = fs::remove_dir_all(&folder);
    let flag = format!("--report-dir={}", folder.display());
    let mut command = fencepost_run("auto", [flag.as_str()], "/bin/sh");
    let outcome = run(command.args(["-c", "kill -SEGV $$"]));
    assert_eq!(outcome.exit, Exit::Signal(libc::SIGSEGV), "{}", outcome.stderr);
    let mut report = Command::new(env!("CARGO_BIN_EXE_fencepost"));
    let told = run(report.arg("report").arg(&folder));
    for text in [&outcome.stderr, &told.stdout] {
        let words = "Killed without a report:\n  /bin/sh -c 'kill -SEGV $$': SIGSEGV\n";
        assert!(text.contains(words), "{text}");
    }
}

/// A reader of the program's output waits for the program alone.
#[test]
fn what_the_program_closes_is_closed() {
    let mut command = fencepost_run("auto", [], "/bin/sh");
    command.args(["-c", "exec >&- 2>&-; read line"]).stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("fencepost starts");
    let mut text = String::new();
    let mut output = child.stdout.take().expect("piped");
    // Ends while the program still waits for its input.
    std::io::Read::read_to_string(&mut output, &mut text).expect("text");
    drop(child.stdin.take());
    assert_eq!((child.wait().expect("it ends").code(), text.as_str()), (Some(1), ""));
}
