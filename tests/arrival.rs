//! Where reports arrive, whatever the program does to its standard error, and whatever others put in the place of a
//! log.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::backend::{FENCEPOST, available_backends, fencepost_run};
use support::compile::{build_folder, build_program};
use support::process::{self, Exit, Outcome};

const LIMIT: Duration = Duration::from_secs(300);
const SEGV: Exit = Exit::Signal(libc::SIGSEGV);

/// Compiles `tests/arrival/NAME.c` into a new folder of the caller's own.
fn program(test: &str, name: &str) -> PathBuf {
    let folder = build_folder(&format!("arrival-{test}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/arrival/{name}.c"));
    let output = folder.join(name);
    build_program(&source, &output, &["-g".to_owned()], &[]).expect("it compiles");
    output
}

/// A new folder beside a program.
fn folder_beside(program: &Path, name: &str) -> PathBuf {
    let folder = program.with_file_name(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).expect("a folder");
    folder
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("listed");
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

fn run(command: &mut Command) -> Outcome {
    process::run(command, LIMIT).expect("it starts")
}

fn count_reports(text: &str) -> usize {
    let summaries = text.matches("SUMMARY: Fencepost: heap-use-after-free ").count();
    let headers = text.matches("ERROR: Fencepost: heap-use-after-free on address").count();
    assert_eq!(summaries, headers, "{text}");
    headers
}

#[test]
fn a_report_reaches_the_standard_error_of_the_start() {
    let program = program("replaced", "replaced");
    let data = program.with_file_name("data");
    for backend in available_backends() {
        for way in [
            "dup2",
            "dup3",
            "close",
            "fclose",
            "syscall",
            "socket",
            "all-closed",
            "ranges",
            "each-closed",
            "each-taken",
            "twice",
            "read-write",
        ] {
            let mut command = fencepost_run(backend, [], &program);
            // More than the program takes: else there is no number left to keep it under.
            process::limit(&mut command, libc::RLIMIT_NOFILE, 2000);
            let outcome = run(command.arg(way).arg(&data));
            let case = format!("{backend}, {way}, {}: {}", outcome.exit, outcome.stderr);
            assert_eq!((count_reports(&outcome.stderr), outcome.exit), (1, SEGV), "{case}");
        }
    }
    assert_eq!(fs::read(&data).expect("the program's own file"), b"");
}

/// pytest gives each test another descriptor 2.
#[test]
fn a_report_gets_out_of_a_captured_test() {
    const TEST: &str = "
import ctypes

def test_reads_a_freed_object(capfd):
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    freed = libc.malloc(32)
    libc.free(ctypes.c_void_p(freed))
    ctypes.c_char.from_address(freed).value
";
    if !Path::new("/usr/bin/pytest-3").exists() {
        return support::say_skipped("pytest is not installed");
    }
    let folder = build_folder("arrival-captured");
    fs::write(folder.join("test_bug.py"), TEST).expect("the folder is writable");
    let mut command = fencepost_run("auto", [], "/usr/bin/pytest-3");
    command.args(["-q", "-p", "no:cacheprovider", "test_bug.py"]).current_dir(&folder);
    let outcome = run(&mut command);
    assert_eq!((count_reports(&outcome.stderr), outcome.exit), (1, SEGV), "{}", outcome.stderr);
}

#[test]
fn few_descriptors_are_the_programs() {
    let program = program("few", "replaced");
    for (most, is_kept) in [(2000, true), (256, true), (64, true), (12, false)] {
        let folder = folder_beside(&program, "reports");
        let mut command = fencepost_run("auto", [], &program);
        command.env("TMPDIR", &folder);
        process::limit(&mut command, libc::RLIMIT_NOFILE, most);
        let outcome = run(command.arg("dup2"));
        let reports = count_reports(&outcome.stderr);
        assert_eq!((reports == 1, outcome.exit), (is_kept, SEGV), "{most}: {}", outcome.stderr);
    }
}

#[test]
fn a_daemon_keeps_nobody_waiting() {
    let program = program("daemon", "daemon");
    for way in ["daemon", "dup2", "close", "before", "fclose", "freopen", "exec"] {
        let pid_file = program.with_file_name("pid");
        let _ = fs::remove_file(&pid_file);
        // Until the end of both pipes.
        let outcome = run(fencepost_run("auto", [], &program).arg(way).arg(&pid_file));
        if outcome.exit == Exit::Hung {
            panic!("{way}: the daemon holds its starter's pipe");
        }
        let pid = loop {
            let text = fs::read_to_string(&pid_file).unwrap_or_default();
            if text.ends_with('\n') {
                break text.trim().parse::<i32>().expect("a process id");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        // SAFETY: plain system calls.
        let is_alive = unsafe { libc::kill(pid, libc::SIGKILL) == 0 };
        assert!(is_alive, "{way}: the daemon has ended, so nothing is shown");
    }
}

#[test]
fn a_relative_log_path_means_the_directory_of_the_start() {
    let program = program("relative", "logs");
    let start = folder_beside(&program, "start");
    let log = |arguments: &[&str]| {
        let mut command = process::command(FENCEPOST);
        command.args(["run", "--log-path", "log", "--"]).arg(&program).args(arguments);
        run(command.current_dir(&start))
    };
    // The child begins in another directory, and is a program of its own.
    for arguments in [&["moved"][..], &["child"]] {
        let outcome = log(arguments);
        assert_eq!(outcome.stderr, "", "{arguments:?}");
    }
    let mut command = process::command(&program);
    command.current_dir(&start).env("LD_PRELOAD", support::built::preload_library());
    let outcome = run(command.env("FENCEPOST_OPTIONS", "log-path=./log").arg("moved"));
    assert_eq!((outcome.exit, outcome.stderr.as_str()), (SEGV, ""));
    let names = names_in(&start);
    assert_eq!(names.len(), 3, "{names:?}");
    for name in names {
        assert_eq!(count_reports(&fs::read_to_string(start.join(name)).expect("a log")), 1);
    }
}

#[test]
fn a_log_path_without_its_directory_is_an_error_at_the_start() {
    let program = program("missing", "logs");
    let mut command = fencepost_run("auto", ["--log-path", "/nonexistent/log"], &program);
    let mut without_command = process::command(&program);
    without_command.env("LD_PRELOAD", support::built::preload_library());
    without_command.env("FENCEPOST_OPTIONS", "log-path=/nonexistent/log");
    for command in [&mut command, &mut without_command] {
        let outcome = run(command);
        let sentence = "log-path: there is no directory for ";
        assert!(outcome.stderr.contains(sentence), "{}", outcome.stderr);
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(125), ""));
    }
}

/// Starts the program, without the command, in a process whose id is known before: `before` has it as `$$`.
fn run_after(before: &str, program: &Path, folder: &Path, options: &str) -> Outcome {
    let mut command = process::command("/bin/sh");
    let script =
        format!(r#"{before}; FENCEPOST_OPTIONS="{options}" LD_PRELOAD="$0" TMPDIR=. exec "$@""#);
    command.args(["-c", &script]).arg(support::built::preload_library()).arg(program);
    run(command.current_dir(folder))
}

#[test]
fn what_stands_at_the_name_of_a_log_is_left_alone() {
    let program = program("taken", "logs");
    for (before, first) in [
        ("mkfifo $log", None),
        ("ln -s elsewhere $log", None),
        ("touch elsewhere; ln elsewhere $log", Some("")),
        ("mkdir $log", None),
        ("echo theirs > $log", Some("theirs\n")),
    ] {
        let folder = folder_beside(&program, "reports");
        let before = format!("log=log.$$; {before}");
        let outcome = run_after(&before, &program, &folder, "log-path=log");
        assert_eq!((outcome.exit, outcome.stderr.as_str()), (SEGV, ""), "{before}");
        let names = names_in(&folder);
        let logs: Vec<&String> = names.iter().filter(|name| name.starts_with("log.")).collect();
        let [taken, log] = logs[..] else { panic!("{before}: {names:?}") };
        assert_eq!(*log, format!("{taken}.2"), "{before}");
        assert_eq!(count_reports(&fs::read_to_string(folder.join(log)).expect("a log")), 1);
        if let Some(first) = first {
            assert_eq!(fs::read_to_string(folder.join(taken)).expect("it is there"), first);
        }
        assert!(before.contains("touch") || !folder.join("elsewhere").exists(), "{before}");
    }
}

#[test]
fn all_reports_of_a_process_are_in_one_log() {
    let program = program("several", "logs");
    let folder = folder_beside(&program, "reports");
    let outcome = run_after(":", &program, &folder, "log-path=log:keep-going=yes");
    assert_eq!((outcome.exit, outcome.stderr.as_str()), (Exit::Code(0), ""));
    let names = names_in(&folder);
    assert_eq!(names.len(), 1, "{names:?}");
    let text = fs::read_to_string(folder.join(&names[0])).expect("a log");
    assert_eq!(count_reports(&text), 2, "{text}");
}

#[test]
fn processes_of_two_namespaces_write_two_logs() {
    let program = program("namespaces", "logs");
    let unshare = || {
        let mut command = process::command("unshare");
        command.args(["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]);
        command
    };
    if !process::run(unshare().arg("true"), LIMIT).is_ok_and(|end| end.exit == Exit::Code(0)) {
        return support::say_skipped("no namespaces of process ids for this user");
    }
    let folder = folder_beside(&program, "reports");
    for _ in 0..3 {
        let mut command = unshare();
        // Not process 1 of its namespace, which no signal ends.
        command.args(["sh", "-c", r#""$0" run --log-path log -- "$1"; true"#, FENCEPOST]);
        run(command.arg(&program).current_dir(&folder));
    }
    let names = names_in(&folder);
    assert_eq!(names.len(), 3, "{names:?}");
    for name in &names {
        let text = fs::read_to_string(folder.join(name)).expect("a log");
        assert_eq!(count_reports(&text), 1, "{text}");
    }
}

#[test]
fn the_fallback_is_a_file_of_our_own() {
    let program = program("fallback", "logs");
    for before in ["mkfifo $log", "ln -s elsewhere $log", "echo theirs > $log"] {
        let folder = folder_beside(&program, "reports");
        let before = format!("log=fencepost.$$.log; {before}; exec 2> /dev/full");
        let outcome = run_after(&before, &program, &folder, "");
        assert_eq!(outcome.exit, SEGV, "{before}");
        let names = names_in(&folder);
        let log = names.iter().find(|name| name.ends_with(".2.log")).unwrap_or_else(|| {
            panic!("{before}: {names:?}");
        });
        assert_eq!(count_reports(&fs::read_to_string(folder.join(log)).expect("a log")), 1);
        assert!(!folder.join("elsewhere").exists(), "{before}");
    }
}

#[test]
fn a_privileged_process_takes_nothing_from_its_environment() {
    // SAFETY: a plain system call.
    if unsafe { libc::geteuid() } != 0 {
        return support::say_skipped("only root can make a set-user-id program of root");
    }
    const NOBODY: u32 = 65534;
    let folder = std::env::temp_dir().join(format!("fencepost-arrival-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).expect("a folder that everybody can reach");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("owned");
    let reports = folder.join("reports");
    fs::create_dir(&reports).expect("a folder");
    let install = |from: &Path, name: &str| {
        let to = folder.join(name);
        fs::copy(from, &to).expect("copied");
        fs::set_permissions(&to, fs::Permissions::from_mode(0o4755)).expect("owned");
        to
    };
    let by_nobody = |program: &Path| {
        let mut command = process::command(program);
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        command
    };
    let id = install(Path::new("/usr/bin/id"), "id");
    let is_privileged =
        process::run(by_nobody(&id).arg("-u"), LIMIT).is_ok_and(|end| end.stdout == "0\n");
    let finish = || fs::remove_dir_all(&folder).expect("removed");
    if !is_privileged {
        finish();
        return support::say_skipped("programs do not get the rights of their owner here");
    }
    let program = install(&support::built::example("rust_use_after_free"), "program");
    let log = reports.join("log");
    let attempts = [
        format!("log-path={}:error-exitcode=77", log.display()),
        "error-exitcode=77:symbolize=no".to_owned(),
        "nonsense".to_owned(),
        format!("report-dir={}:keep-going=yes", reports.display()),
        format!("known={}", reports.join("known").display()),
    ];
    let with = |options: &str| {
        let mut command = by_nobody(&program);
        command.env("FENCEPOST_OPTIONS", options);
        // What `run` says to its processes.
        command.env("FENCEPOST_RUN_ID", "../forged").env("FENCEPOST_RUN", "1:2:3");
        run(&mut command)
    };
    for options in &attempts {
        let outcome = with(options);
        assert_eq!((count_reports(&outcome.stderr), outcome.exit), (1, SEGV), "{options}");
        let is_named = outcome.stderr.contains("rust_use_after_free.rs:");
        assert!(is_named, "{options}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("fencepost: "), "{options}: {}", outcome.stderr);
    }
    // Nowhere to write but a file: not where the user says.
    let mut command = process::command("/bin/sh");
    command.uid(NOBODY).gid(NOBODY).env("TMPDIR", &reports);
    command.args(["-c", r#"echo $$; exec "$0" > /dev/full 2>&1"#]).arg(&program);
    let outcome = run(&mut command);
    assert_eq!(outcome.exit, SEGV);
    let fallback = format!("/tmp/fencepost.{}.log", outcome.stdout.trim());
    let text = fs::read_to_string(&fallback).expect("the folder that needs no variable");
    fs::remove_file(&fallback).expect("removed");
    assert_eq!(count_reports(&text), 1, "{text}");
    assert_eq!(names_in(&reports), [""; 0]);
    // The same program without privileges listens.
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("owned");
    let outcome = run(by_nobody(&program).env("FENCEPOST_OPTIONS", "error-exitcode=77"));
    assert_eq!(outcome.exit, Exit::Code(77));
    for (options, words) in [(3, "a record could not be written"), (4, "known: there is no file")] {
        let outcome = with(&attempts[options]);
        assert!(outcome.stderr.contains(words), "{options}: {}", outcome.stderr);
    }
    finish();
}
