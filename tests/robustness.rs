//! Reports come out in every state of the process, and the user is told what is not guarded.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::compile::{build_folder, build_library, build_program};
use support::process::{self, Exit, Outcome};

const LIMIT: Duration = Duration::from_secs(300);
const SEGV: Exit = Exit::Signal(libc::SIGSEGV);

/// Compiles `tests/robustness/NAME.c` in a folder of the caller's own.
fn program(test: &str, name: &str) -> PathBuf {
    let folder = build_folder(&format!("robustness-{test}"));
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/robustness/{name}.c"));
    let output = folder.join(name);
    build_program(&source, &output, &["-g".to_owned()], &[]).expect("it compiles");
    output
}

fn run(command: &mut Command) -> Outcome {
    process::run(command, LIMIT).expect("fencepost starts")
}

fn has_report(text: &str, kind: &str) -> bool {
    text.contains(&format!("ERROR: Fencepost: {kind} on address"))
        && text.contains(&format!("SUMMARY: Fencepost: {kind} "))
}

#[test]
fn a_log_that_cannot_be_written_sends_the_report_to_stderr() {
    let program = program("full", "overflow");
    let outcome = run(&mut fencepost_run("auto", ["--log-path", "/proc/log"], program));
    assert!(has_report(&outcome.stderr, "heap-buffer-overflow"), "{}", outcome.stderr);
    assert_eq!(outcome.exit, SEGV);
}

#[test]
fn a_program_without_a_bug_leaves_no_log() {
    let folder = build_folder("robustness-no-log");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for the log");
    let log = folder.join("log");
    let options = ["--log-path", log.to_str().expect("UTF-8")];
    let outcome = run(&mut fencepost_run("auto", options, "/bin/true"));
    assert_eq!((outcome.exit, outcome.stderr.as_str()), (Exit::Code(0), ""));
    assert_eq!(fs::read_dir(&folder).expect("listed").count(), 0);
}

#[test]
fn a_full_stderr_sends_the_report_to_a_file() {
    let program = program("full-stderr", "overflow");
    let folder = build_folder("robustness-full-stderr-logs");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for the log");
    let mut command = process::command("/bin/sh");
    command.env("TMPDIR", &folder).args(["-c", r#"exec "$0" run -- "$1" 2> /dev/full"#]);
    command.arg(support::backend::FENCEPOST).arg(program);
    let outcome = run(&mut command);
    assert_eq!(outcome.exit, SEGV);
    let logs: Vec<_> = fs::read_dir(&folder).expect("listed").map(|e| e.unwrap().path()).collect();
    assert_eq!(logs.len(), 1, "{logs:?}");
    let text = fs::read_to_string(&logs[0]).expect("a log");
    assert!(has_report(&text, "heap-buffer-overflow"), "{text}");
}

#[test]
fn little_address_space_still_gives_a_report() {
    let program = program("rlimit", "overflow");
    for backend in available_backends() {
        for mebibytes in [60, 100, 300, 1000, 4000] {
            let mut command = fencepost_run(backend, [], &program);
            process::limit(&mut command, libc::RLIMIT_AS, mebibytes << 20);
            let outcome = run(&mut command);
            let case = format!("{backend}, {mebibytes} MiB: {}", outcome.stderr);
            assert!(has_report(&outcome.stderr, "heap-buffer-overflow"), "{case}");
            assert_eq!(outcome.exit, SEGV, "{case}");
        }
    }
}

#[test]
fn a_limit_on_data_leaves_the_program_its_memory() {
    let program = program("data", "fill_up");
    for backend in available_backends() {
        // Half of the limit live at a time; twice the limit, a little at a time; and little.
        for (mebibytes, arguments, all_guarded) in
            [(64, ["32", "32768"], false), (128, ["256", "100"], true), (512, ["8", "8192"], true)]
        {
            let run = |bug: Option<&str>| {
                let mut command = fencepost_run(backend, [], &program);
                process::limit(&mut command, libc::RLIMIT_DATA, mebibytes << 20);
                // With it the kernel's limit is lifted, and all is guarded.
                process::forbid_raising_limits(&mut command);
                run(command.args(arguments).args(bug))
            };
            let outcome = run(None);
            let case = format!("{backend}, {mebibytes} MiB: {}{}", outcome.stdout, outcome.stderr);
            assert_eq!(
                (outcome.exit, outcome.stdout.as_str()),
                (Exit::Code(0), "done\n"),
                "{case}"
            );
            let said = "were not guarded: the share of writable memory is spent (RLIMIT_DATA,";
            assert_eq!(outcome.stderr.contains(said), !all_guarded, "{case}");
            if all_guarded {
                assert!(has_report(&run(Some("bug")).stderr, "heap-buffer-overflow"), "{case}");
            }
        }
    }
}

#[test]
fn no_descriptors_left_still_gives_a_report() {
    let program = program("nofile", "overflow");
    for backend in available_backends() {
        let mut command = fencepost_run(backend, [], &program);
        process::limit(&mut command, libc::RLIMIT_NOFILE, 4);
        let outcome = run(&mut command);
        assert!(has_report(&outcome.stderr, "heap-buffer-overflow"), "{}", outcome.stderr);
    }
}

#[test]
fn closing_every_descriptor_keeps_the_guards() {
    let program = program("close", "close_all");
    for backend in available_backends() {
        for way in ["close", "close_range", "closefrom", "dup2", "dup3", "syscall"] {
            let outcome = run(fencepost_run(backend, [], &program).arg(way));
            let case = format!("{backend}, {way}, {}: {}", outcome.exit, outcome.stderr);
            assert!(has_report(&outcome.stderr, "heap-use-after-free"), "{case}");
        }
    }
}

#[test]
fn another_backend_takes_over_when_the_descriptor_is_lost_for_good() {
    let backends = available_backends();
    if !backends.contains(&"userfaultfd") {
        return support::say_skipped("no userfaultfd that could be lost");
    }
    // Guard markers come with Linux 6.13.
    let has_markers = backends.contains(&"madvise");
    let successor = if has_markers { "guard markers" } else { "page permissions" };
    let program = program("lost", "lost_descriptor");
    let bugs = [
        ("old-use", "heap-use-after-free"),
        ("new-use", "heap-use-after-free"),
        ("new-use-of-many", "heap-use-after-free"),
        ("old-overrun", "heap-buffer-overflow"),
        ("new-overrun", "heap-buffer-overflow"),
        ("old-underrun", "heap-buffer-underflow"),
    ];
    let ways = [("seccomp", successor), ("nofile", successor)];
    for (way, successor) in ways.into_iter().chain([("seccomp-markers", "page permissions")]) {
        for moment in ["close", "fork"] {
            let run = |bug: &str| {
                let mut command = fencepost_run("userfaultfd", [], &program);
                let outcome = run(command.args([way, moment, bug]));
                let case = format!("{way}, {moment}, {bug}, {}: ", outcome.exit);
                (case + &outcome.stdout + &outcome.stderr, outcome)
            };
            let (case, outcome) = run("none");
            assert_eq!(outcome.exit, Exit::Code(0), "{case}");
            let lines = if moment == "fork" { "done\ndone\n" } else { "done\n" };
            assert_eq!(outcome.stdout, lines, "{case}");
            let notice = format!(
                "): the userfaultfd descriptor was lost and could not be replaced; {successor}"
            );
            // With a filter the successor takes over before anything is lost.
            let notices = usize::from(way == "nofile");
            assert_eq!(outcome.stderr.matches(&notice).count(), notices, "{case}");
            for (bug, kind) in bugs {
                let (case, outcome) = run(bug);
                assert!(has_report(&outcome.stderr, kind), "{case}");
                let exit = if moment == "fork" { Exit::Code(128 + libc::SIGSEGV) } else { SEGV };
                assert_eq!(outcome.exit, exit, "{case}");
            }
        }
    }
}

#[test]
fn a_descriptor_that_another_process_holds_is_missed_aloud() {
    if !available_backends().contains(&"userfaultfd") {
        return support::say_skipped("no userfaultfd that could be lost");
    }
    let program = program("held", "lost_descriptor");
    let outcome = run(fencepost_run("userfaultfd", [], program).args(["held", "close", "none"]));
    let case = format!("{}: {}", outcome.exit, outcome.stderr);
    assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(0), "done\n"), "{case}");
    let notice =
        "the userfaultfd descriptor was lost, and another process has it: nothing more is guarded";
    assert!(outcome.stderr.contains(notice), "{case}");
    assert!(outcome.stderr.contains("allocations were not guarded: the kernel refused"), "{case}");
}

#[test]
fn a_raw_clone_child_is_guarded() {
    let program = program("clone", "raw_clone");
    for backend in available_backends() {
        let outcome = run(&mut fencepost_run(backend, [], &program));
        let case = format!("{backend}, {}: {}", outcome.exit, outcome.stderr);
        assert_eq!(outcome.stdout, "killed\n", "{case}");
        assert!(has_report(&outcome.stderr, "heap-use-after-free"), "{case}");
    }
}

#[test]
fn a_child_reports_whatever_its_parent_reports() {
    let program = program("child-in-report", "child_in_report");
    let (no, yes) = ("--keep-going=no", "--keep-going=yes");
    let goes_on = ("not caught\n", Exit::Code(0));
    for (keep_going, arguments, said_and_exit) in [
        (no, ["clone", "20000"], ("killed\n", SEGV)),
        (no, ["fork", "20000"], ("killed\n", SEGV)),
        // It shares its parent's memory, and waits; meanwhile the parent dies.
        (no, ["vfork", "100"], ("", SEGV)),
        (no, ["clone", "0"], ("killed\n", Exit::Code(0))),
        (no, ["fork", "0"], ("killed\n", Exit::Code(0))),
        (no, ["vfork", "0"], ("killed\n", Exit::Code(0))),
        (yes, ["clone", "20000"], goes_on),
        // These wait for the report to end.
        (yes, ["fork", "100"], goes_on),
        (yes, ["vfork", "100"], goes_on),
        (yes, ["vfork", "0"], goes_on),
    ] {
        for backend in available_backends() {
            let mut command = fencepost_run(backend, [keep_going], &program);
            let outcome = run(command.args(arguments));
            let case = format!("{backend}, {arguments:?}, {keep_going}: {}", outcome.stderr);
            assert_eq!((outcome.stdout.as_str(), outcome.exit), said_and_exit, "{case}");
            let reports = if arguments[1] == "0" { 1 } else { 2 };
            let found = outcome.stderr.matches("ERROR: Fencepost: heap-use-after-free").count();
            assert_eq!(found, reports, "{case}");
        }
    }
}

#[test]
fn children_report_whatever_moment_of_a_report_they_are_made_in() {
    let program = program("children-in-report", "children_in_report");
    for way in ["clone", "fork"] {
        let outcome = run(fencepost_run("auto", [], &program).arg(way));
        let case = format!("{way}: {}", outcome.stderr);
        let ended = "40 ended, 40 by SIGSEGV\n";
        assert_eq!((outcome.stdout.as_str(), outcome.exit), (ended, SEGV), "{case}");
        let reports = outcome.stderr.matches("SUMMARY: Fencepost: heap-use-after-free").count();
        assert_eq!(reports, 41, "{case}");
    }
}

#[test]
fn locked_memory_stays_guarded() {
    let program = program("locked", "locked");
    for backend in available_backends() {
        let mut command = fencepost_run(backend, [], &program);
        let outcome = run(&mut command);
        let case = format!("{backend}, {}: {}", outcome.exit, outcome.stderr);
        if outcome.stderr.contains("mlockall: ") {
            // Not permitted to lock: nothing is shown here, and the test says so.
            support::say_skipped(&case);
            continue;
        }
        assert_eq!(outcome.stdout, "locked\n", "{case}");
        assert!(has_report(&outcome.stderr, "heap-use-after-free"), "{case}");
    }
}

#[test]
fn frames_of_a_library_keep_their_names_when_another_takes_its_place() {
    let program = program("replaced", "replaced_library");
    let library = |name: &str| {
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let source = source.join(format!("tests/robustness/{name}_library.c"));
        let output = program.with_file_name(format!("lib{name}.so"));
        build_library(&source, &output).expect("it compiles");
        output
    };
    let arguments = [library("first"), library("second")];
    let native = run(process::command(&program).args(&arguments));
    if native.stdout != "same place\n" {
        return support::say_skipped("the loader does not put a library where another was");
    }
    for backend in available_backends() {
        let outcome = run(fencepost_run(backend, [], &program).args(&arguments).arg("bug"));
        let case = format!("{backend}, {}: {}", outcome.exit, outcome.stderr);
        assert!(has_report(&outcome.stderr, "heap-use-after-free"), "{case}");
        let allocated = outcome.stderr.split("allocated by thread").nth(1).expect(&case);
        let frame = allocated.lines().nth(1).expect(&case);
        assert!(frame.contains(" in first_makes ") && frame.contains("/libfirst.so+"), "{case}");
        let mut lines = outcome.stderr.lines().filter(|line| !line.starts_with("command: "));
        assert!(!lines.any(|line| line.contains("second")), "{case}");
    }
}

#[test]
fn a_program_with_its_own_malloc_is_told_so() {
    let program = program("own", "own_malloc");
    let outcome = run(&mut fencepost_run("auto", [], &program));
    assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(0), "done\n"));
    let notice = format!(
        "): nothing is guarded: {} has a malloc of its own\n",
        program.canonicalize().unwrap().display()
    );
    assert!(outcome.stderr.starts_with("fencepost: own_malloc ("), "{}", outcome.stderr);
    assert!(outcome.stderr.ends_with(&notice), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
}

#[test]
fn an_allocator_that_maps_pages_under_its_lock_is_never_entered_twice() {
    let program = program("locked", "locked_malloc");
    let outcome = run(&mut fencepost_run("auto", [], &program));
    let ended = (outcome.exit, outcome.stdout.as_str());
    assert_eq!(ended, (Exit::Code(0), "done\n"), "{}", outcome.stderr);
    assert!(outcome.stderr.ends_with("has a malloc of its own\n"), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
}

#[test]
fn a_program_that_takes_the_fault_signals_behind_our_back_is_told_so() {
    let program = program("raw", "raw_sigaction");
    let outcome = run(&mut fencepost_run("auto", [], &program));
    assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(0), "done\n"));
    assert!(
        outcome.stderr.contains("took SIGSEGV or SIGBUS by a system call"),
        "{}",
        outcome.stderr
    );
}

/// Program counter of the first thread in a core dump.
fn pc_in_core(core: &[u8]) -> u64 {
    use object::elf::{FileHeader64, NT_PRSTATUS};
    use object::read::elf::{FileHeader, ProgramHeader};
    // `struct elf_prstatus` of x86_64: 112 bytes, then the registers, of which rip is number 16.
    const RIP: usize = 112 + 16 * 8;
    let header = FileHeader64::<object::Endianness>::parse(core).expect("an ELF file");
    let endian = header.endian().expect("little-endian");
    for segment in header.program_headers(endian, core).expect("segments") {
        let Ok(Some(mut notes)) = segment.notes(endian, core) else { continue };
        while let Ok(Some(note)) = notes.next() {
            if note.n_type(endian) == NT_PRSTATUS {
                let rip = note.desc()[RIP..RIP + 8].try_into().expect("eight bytes");
                return u64::from_le_bytes(rip);
            }
        }
    }
    panic!("no thread in the core dump");
}

#[test]
fn a_core_dump_shows_the_culprit() {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    if pattern.trim() != "core" {
        support::say_skipped(&format!("cores go to {pattern:?} here, not into the working folder"));
        return;
    }
    let mut most = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: fills the structure.
    unsafe { libc::getrlimit(libc::RLIMIT_CORE, &raw mut most) };
    if most.rlim_max == 0 {
        support::say_skipped("this user may not have core dumps");
        return;
    }
    let program = program("core", "overflow");
    for backend in available_backends() {
        let folder = build_folder(&format!("robustness-core-{backend}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder for the core");
        let mut command = fencepost_run(backend, [], &program);
        command.current_dir(&folder);
        process::limit(&mut command, libc::RLIMIT_CORE, most.rlim_max);
        let outcome = run(&mut command);
        assert_eq!(outcome.exit, SEGV, "{backend}");
        let core = fs::read_dir(&folder).expect("listed").next().expect("a core").unwrap().path();
        let pc = pc_in_core(&fs::read(&core).expect("read"));
        fs::remove_dir_all(&folder).expect("removed");
        let reported = format!(" at pc {pc:#x} ");
        assert!(outcome.stderr.contains(&reported), "{backend}, {pc:#x}: {}", outcome.stderr);
    }
}

#[test]
fn fresh_memory_is_filled_as_asked() {
    let program = program("fill", "fill");
    let printed = |byte: &str| {
        format!("malloc: {byte}\ncalloc: 00\nrealloc: {byte}\nlarge: {byte}\naligned: {byte}\n")
    };
    for backend in available_backends() {
        assert_eq!(run(&mut fencepost_run(backend, [], &program)).stdout, printed("00"));
        let filled = run(&mut fencepost_run(backend, ["--alloc-fill", "170"], &program));
        assert_eq!(filled.stdout, printed("aa"), "{backend}");
    }
}

#[test]
fn freed_memory_is_filled_as_asked() {
    let program = program("free-fill", "free_fill");
    const PASSES: &[&str] = &["--keep-going"];
    const WAITS: &[&str] = &["--revoke=batch"];
    const UNGUARDED: &[&str] = &["--memory-limit", "1"];
    // The first byte is found without the option.
    for (options, arguments, before) in [
        (PASSES, ["100", "0"].as_slice(), "00"),
        (PASSES, &["9000", "0"], "00"),
        (PASSES, &["100000", "0"], "00"),
        (PASSES, &["100", "0", "resized"], "00"),
        (WAITS, &["100", "0"], "df"),
        (UNGUARDED, &["100", "1000"], "df"),
        (UNGUARDED, &["100", "1000", "resized"], "df"),
    ] {
        for backend in available_backends() {
            let found = |fill: &[&str]| {
                let all = options.iter().chain(fill).copied();
                let outcome = run(fencepost_run(backend, all, &program).args(arguments));
                let case = format!("{backend} {arguments:?}, {}: {}", outcome.exit, outcome.stderr);
                assert_eq!(outcome.exit, Exit::Code(0), "{case}");
                let is_expected = match options {
                    UNGUARDED => outcome.stderr.contains("the memory budget is spent"),
                    PASSES => has_report(&outcome.stderr, "heap-use-after-free"),
                    _ => outcome.stderr.is_empty(),
                };
                assert!(is_expected, "{case}");
                outcome.stdout
            };
            assert_eq!(found(&[]), format!("{before}\n"), "{backend} {options:?} {arguments:?}");
            assert_eq!(
                found(&["--free-fill", "165"]),
                "a5\n",
                "{backend} {options:?} {arguments:?}"
            );
        }
    }
}

#[test]
fn of_two_threads_that_race_to_free_one_is_wrong_each_time() {
    let program = program("races", "races");
    for backend in available_backends() {
        for (race, count, size) in [
            ("free-free", 2000, "40"),
            ("free-realloc", 2000, "40"),
            ("realloc-realloc", 2000, "40"),
            ("free-realloc", 100, "500000"),
            ("realloc-realloc", 100, "500000"),
        ] {
            let mut command = fencepost_run(backend, ["--keep-going"], &program);
            let outcome = run(command.args([race, &count.to_string(), size]));
            let case = format!("{backend} {race} {size}, {}: {}", outcome.exit, outcome.stderr);
            assert_eq!(
                (outcome.exit, outcome.stdout.as_str()),
                (Exit::Code(0), "done\n"),
                "{case}"
            );
            assert!(outcome.stderr.contains(&format!("fencepost: {count} errors in ")), "{case}");
            let reports = outcome.stderr.matches("ERROR: Fencepost: ").count();
            let double = outcome.stderr.matches("ERROR: Fencepost: double-free on address").count();
            assert_eq!(reports, double, "{case}");
            assert_eq!(outcome.stderr.matches("freed by thread T").count(), double, "{case}");
        }
    }
}

#[test]
fn frames_of_an_unloaded_library_have_lines() {
    let program = program("unloaded", "unloaded");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let source = source.join("tests/robustness/unloaded_library.c");
    let library = program.with_file_name("libunloaded.so");
    let flags = ["-g", "-shared", "-fPIC"].map(str::to_owned);
    build_program(&source, &library, &flags, &[]).expect("it compiles");
    let text = fs::read_to_string(&source).expect("it can be read");
    for backend in available_backends() {
        let outcome = run(fencepost_run(backend, [], &program).arg(&library));
        assert!(has_report(&outcome.stderr, "heap-use-after-free"), "{}", outcome.stderr);
        for (role, function) in [("freed", "library_frees"), ("allocated", "library_makes")] {
            let stack = outcome.stderr.split(&format!("{role} by thread T0 here:\n")).nth(1);
            let frame = stack.and_then(|stack| stack.lines().next()).expect("a frame");
            let mark = format!("// <- {role}");
            let line = 1 + text.lines().position(|line| line.ends_with(&mark)).expect("marked");
            let place = format!("unloaded_library.c:{line}:");
            let is_named = frame.contains(&format!(" in {function} ")) && frame.contains(&place);
            assert!(is_named && frame.contains("/libunloaded.so+"), "{frame}");
        }
    }
}
