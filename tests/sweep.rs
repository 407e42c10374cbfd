//! `fencepost run --sweep`: several runs, one result.

mod support;

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use support::backend::fencepost_run;
use support::compile::{build_folder, build_program};
use support::process::{self, Exit, Outcome};

const LIMIT: Duration = Duration::from_secs(300);

static THREE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = build_folder("sweep");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sweep/three.c");
    let output = folder.join("three");
    build_program(&source, &output, &["-g".to_owned()], &[]).expect("it compiles");
    output
});

fn sweep(options: &[&str]) -> Command {
    fencepost_run("auto", ["--sweep"].into_iter().chain(options.iter().copied()), &*THREE)
}

static STARTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = build_folder("sweep").join("starts");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sweep/starts.c");
    build_program(&source, &output, &["-g".to_owned()], &[]).expect("it compiles");
    output
});

fn run(command: &mut Command) -> Outcome {
    process::run(command, LIMIT).expect("fencepost starts")
}

#[test]
fn a_policy_and_suppressions_are_heeded() {
    let outcome = run(sweep(&["--fail-on=never", "--error-exitcode=9"]).arg("bugs"));
    assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    assert!(lines(&outcome).contains(&"3 findings in 4 runs"), "{}", outcome.stderr);
    let outcome = run(sweep(&["--keep-going", "--gen-suppressions"]).arg("bugs"));
    assert_eq!(outcome.stderr.matches("[[suppression]]").count(), 3, "{}", outcome.stderr);
}

/// The lines of the result.
fn lines(outcome: &Outcome) -> Vec<&str> {
    outcome.stderr.lines().filter_map(|line| line.strip_prefix("fencepost: sweep: ")).collect()
}

#[test]
fn each_bug_is_told_once_with_the_placements_that_show_it() {
    let outcome = run(sweep(&["--keep-going"]).arg("bugs"));
    assert_eq!(outcome.exit, Exit::Code(1), "{}", outcome.stderr);
    let lines = lines(&outcome);
    assert!(lines.contains(&"3 findings in 4 runs"), "{}", outcome.stderr);
    let placements = |kind: &str| {
        let line = lines.iter().find(|line| line.starts_with(kind)).unwrap_or(&"");
        line.rsplit_once(" (placement ").map_or("", |(_, by)| by)
    };
    assert_eq!(placements("heap-use-after-free"), "right, left, exact, random)");
    assert!(placements("heap-buffer-underflow").contains("left"), "{lines:?}");
    assert!(!placements("heap-buffer-underflow").contains("right"), "{lines:?}");
    assert!(placements("heap-buffer-overflow").contains("exact"), "{lines:?}");
    assert!(!placements("heap-buffer-overflow").contains("right"), "{lines:?}");
    // In full, once.
    assert_eq!(outcome.stderr.matches("==ERROR: Fencepost: ").count(), 3);
}

/// Both ends of a new terminal.
fn open_terminal() -> (fs::File, OwnedFd) {
    let (mut ours, mut theirs) = (-1, -1);
    let (name, how, size) = (std::ptr::null_mut(), std::ptr::null(), std::ptr::null());
    // SAFETY: fills both numbers; the descriptors are nobody else's.
    unsafe {
        let opened = libc::openpty(&raw mut ours, &raw mut theirs, name, how, size);
        assert_eq!(opened, 0, "{}", std::io::Error::last_os_error());
        for descriptor in [ours, theirs] {
            libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        }
        (fs::File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs))
    }
}

#[test]
fn on_a_terminal_it_says_which_run_is_under_way() {
    let (mut terminal, theirs) = open_terminal();
    let mut command = sweep(&[]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(theirs).spawn();
    // The command holds the other end too: only then is there an end to what is read.
    drop(command);
    let reader = std::thread::spawn(move || {
        let (mut text, mut part) = (Vec::new(), [0; 4096]);
        // When nobody has the other end any more, reading fails with EIO.
        while let Ok(count @ 1..) = terminal.read(&mut part) {
            text.extend_from_slice(&part[..count]);
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    let status = child.expect("fencepost starts").wait().expect("a child");
    let text = reader.join().expect("it does not panic");
    assert!(status.success(), "{text}");
    let lines: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("fencepost: sweep: ")).collect();
    let runs = ["right", "left", "exact", "random"];
    let runs = runs.iter().enumerate();
    let mut wanted: Vec<String> =
        runs.map(|(at, name)| format!("run {} of 4, placement {name}", at + 1)).collect();
    wanted.push("0 findings in 4 runs".to_owned());
    assert_eq!(lines, wanted, "{text}");
}

#[test]
fn without_a_bug_it_ends_as_the_program_does() {
    let outcome = run(&mut sweep(&["--error-exitcode", "9"]));
    assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(0), "read 0\n"));
    assert_eq!(outcome.stderr, "to standard error\nfencepost: sweep: 0 findings in 4 runs\n");
    let outcome = run(sweep(&["--error-exitcode", "9"]).arg("bugs"));
    assert_eq!(outcome.exit, Exit::Code(9), "{}", outcome.stderr);
}

#[test]
fn each_run_has_the_whole_input() {
    let folder = build_folder("sweep-input");
    let counts = folder.join("counts");
    let _ = fs::remove_file(&counts);
    let script = folder.join("script");
    fs::write(&script, "cat | wc -c >>counts\ntrue\n").expect("the folder is writable");
    let counted = |input: Stdio| {
        let mut command = fencepost_run("auto", ["--sweep"], "/bin/sh");
        let outcome = run(command.arg(&script).current_dir(&folder).stdin(input));
        assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
        let text = fs::read_to_string(&counts).expect("the script has written it");
        fs::remove_file(&counts).expect("it is there");
        text
    };
    let file = folder.join("input");
    fs::write(&file, "0123456789").expect("the folder is writable");
    // From where it stands.
    let mut input = fs::File::open(&file).expect("just written");
    input.seek(SeekFrom::Start(3)).expect("a file");
    assert_eq!(counted(input.into()), "7\n".repeat(4));

    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(b"12345").expect("the pipe has room");
    drop(writer);
    assert_eq!(counted(reader.into()), "5\n".repeat(4));
}

#[test]
fn runs_are_beside_each_other_as_far_as_the_user_wants() {
    let folder = build_folder("sweep-jobs");
    // Waits for another run.
    let together = "echo >>starts; n=0\nwhile [ $(wc -l <starts) -lt 2 ]; do\n\
        n=$((n+1)); [ $n -lt 400 ] || exit 4; sleep 0.1\ndone\ntrue\n";
    // Fails where another run is under way.
    let alone = "mkdir lock || exit 5\nsleep 0.05\nrmdir lock\n";
    for (jobs, script) in [("--jobs=4", together), ("--jobs=2", together), ("--jobs=1", alone)] {
        let _ = fs::remove_file(folder.join("starts"));
        let _ = fs::remove_dir(folder.join("lock"));
        fs::write(folder.join("script"), script).expect("the folder is writable");
        let mut command = fencepost_run("auto", ["--sweep", jobs], "/bin/sh");
        let outcome = run(command.arg("script").current_dir(&folder));
        assert_eq!(outcome.exit, Exit::Code(0), "{jobs}: {}", outcome.stderr);
        assert_eq!(lines(&outcome), ["0 findings in 4 runs"], "{jobs}");
    }
    for wrong in [&["--jobs=2"][..], &["--sweep", "--jobs=0"]] {
        let outcome = run(&mut fencepost_run("auto", wrong.iter().copied(), "/bin/true"));
        assert_eq!(outcome.exit, Exit::Code(2), "{wrong:?}");
    }
}

/// The program has no children, so it gets no SIGCHLD without us.
#[test]
fn a_run_is_not_told_that_another_has_ended() {
    let folder = build_folder("sweep-ends");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sweep/ends.c");
    let program = folder.join("ends");
    build_program(&source, &program, &["-g".to_owned()], &[]).expect("it compiles");
    let _ = fs::remove_dir(folder.join("first"));
    let mut command = fencepost_run("auto", ["--sweep", "--jobs=4"], &program);
    let outcome = run(command.current_dir(&folder));
    assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    assert_eq!(lines(&outcome), ["0 findings in 4 runs"]);
}

#[test]
fn a_log_path_keeps_the_reports_of_each_run() {
    let folder = build_folder("sweep-log");
    for entry in fs::read_dir(&folder).expect("it is there").flatten() {
        fs::remove_file(entry.path()).expect("it is ours");
    }
    let log = folder.join("log");
    let outcome = run(sweep(&["--log-path", &log.to_string_lossy()]).arg("bugs"));
    assert_eq!(outcome.exit, Exit::Code(1), "{}", outcome.stderr);
    let files = fs::read_dir(&folder).expect("it is there").flatten();
    let mut names: Vec<String> =
        files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let placements: Vec<&str> = names.iter().filter_map(|name| name.split('.').nth(1)).collect();
    assert_eq!(placements, ["exact", "left", "random", "right"]);
}

#[test]
fn what_cannot_run_is_refused_once() {
    let outcome = run(&mut fencepost_run("auto", ["--sweep"], "/nonexistent/program"));
    assert_eq!(outcome.exit, Exit::Code(127));
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    let outcome = run(&mut sweep(&["--placement", "left"]));
    assert_eq!(outcome.exit, Exit::Code(2));
}

#[test]
fn a_placement_under_which_the_program_ends_otherwise_is_named() {
    let exact = |how: &str| format!("placement exact {how} where the first run ended with 0");
    for (how, expected) in [
        ("code", exact("ended with 3")),
        ("signal", exact(&format!("died by signal {}", libc::SIGUSR1))),
        ("left", "placement left ended with 4 where the first run ended with 0".to_owned()),
    ] {
        let outcome = run(fencepost_run("auto", ["--sweep"], &*STARTS).arg(how));
        assert_eq!(outcome.exit, Exit::Code(0), "{how}: {}", outcome.stderr);
        let lines = lines(&outcome);
        assert!(lines.contains(&expected.as_str()), "{how}: {}", outcome.stderr);
        // An object may lie so by chance, too.
        let others = |line: &&&str| !line.contains("placement random") && **line != expected;
        let others: Vec<&&str> = lines.iter().filter(others).collect();
        assert_eq!(others, [&"0 findings in 4 runs"], "{how}");
    }
}

#[test]
fn a_write_and_what_it_left_are_one_finding() {
    let outcome = run(fencepost_run("auto", ["--sweep"], &*STARTS).arg("bug"));
    assert_eq!(outcome.exit, Exit::Code(1), "{}", outcome.stderr);
    let lines = lines(&outcome);
    assert_eq!(lines[0], "1 finding in 4 runs", "{}", outcome.stderr);
    assert!(lines[1].contains("(placement right, left"), "{}", outcome.stderr);
}

#[test]
fn a_name_with_a_newline_forges_nothing() {
    let folder = build_folder("sweep-names").join("x\nfencepost: sweep: 0 findings in 4 runs");
    fs::create_dir_all(&folder).expect("the folder is writable");
    let program = folder.join("three");
    fs::copy(&*THREE, &program).expect("it can be copied");
    let outcome = run(fencepost_run("auto", ["--sweep"], &program).arg("bugs"));
    assert_eq!(outcome.exit, Exit::Code(1), "{}", outcome.stderr);
    assert!(!lines(&outcome).contains(&"0 findings in 4 runs"), "{}", outcome.stderr);
}

#[test]
fn a_signal_ends_the_runs_and_removes_the_folder() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        let folder = build_folder("sweep-signal");
        let mut command = fencepost_run("auto", ["--sweep"], "/bin/sh");
        command.args(["-c", "echo ready; exec sleep 60"]).env("TMPDIR", &folder);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("fencepost starts");
        let mut ready = [0; 6];
        let mut output = child.stdout.take().expect("piped");
        std::io::Read::read_exact(&mut output, &mut ready).expect("a line");
        assert_eq!(fs::read_dir(&folder).expect("it is there").count(), 1);
        // SAFETY: a plain system call, on the child started above.
        unsafe { libc::kill(i32::try_from(child.id()).expect("it fits"), signal) };
        let status = child.wait().expect("it ends");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(signal));
        assert_eq!(fs::read_dir(&folder).expect("it is there").count(), 0);
    }
}
