//! Records in a report directory have whole lines, however the processes that write them end.

mod support;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fencepost::finding::suppression::{KnownBug, KnownBugs, Suppression};
use fencepost::finding::{
    Finding, Known, Process, ProcessEnd, RECORDS_FOLDER, RUN_ID_VARIABLE, Record, Test,
};
use support::backend::{self, available_backends};
use support::compile::{build_folder, build_program};
use support::debug_file::{split, wait_for_open, watch_opens};
use support::process::{self, Exit, Outcome};

const LIMIT: Duration = Duration::from_secs(120);

static MANY: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = build_folder("records").join("many");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records/many.c");
    let flags = ["-g".to_owned(), "-pthread".to_owned()];
    build_program(&source, &output, &flags, &[]).expect("it compiles");
    output
});

/// `fencepost run` within a run that has a report directory, so that this one ends as the program does, and says no more.
fn fencepost_run<'a>(
    backend: &str,
    options: impl IntoIterator<Item = &'a str>,
    program: impl AsRef<OsStr>,
) -> Command {
    let (directory, options): (Vec<&str>, Vec<&str>) =
        options.into_iter().partition(|option| option.starts_with("--report-dir="));
    let mut command = backend::fencepost_run(backend, options, program);
    command.env("FENCEPOST_OPTIONS", directory[0].trim_start_matches("--"));
    command.env(RUN_ID_VARIABLE, "outer");
    command
}

/// A new report directory.
struct ReportDirectory(PathBuf);

impl ReportDirectory {
    fn new() -> ReportDirectory {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = build_folder("records").join(format!("reports-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("the folder is writable");
        ReportDirectory(path)
    }

    fn option(&self) -> String {
        format!("--report-dir={}", self.0.display())
    }

    /// `many WAY` under these options.
    fn run(&self, backend: &str, options: &[&str], arguments: &[&str]) -> Outcome {
        let command = &mut self.command(backend, options);
        process::run(command.args(arguments), LIMIT).expect("fencepost starts")
    }

    fn command(&self, backend: &str, options: &[&str]) -> Command {
        let directory = self.option();
        let options = [directory.as_str()].into_iter().chain(options.iter().copied());
        fencepost_run(backend, options, &*MANY)
    }

    /// What the processes have left, file by file.
    fn files(&self) -> Vec<Records> {
        let Ok(files) = fs::read_dir(self.0.join(RECORDS_FOLDER)) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
        paths.sort();
        paths.iter().map(|path| Records::read(path)).filter(|it| it.is_of_process()).collect()
    }

    fn findings(&self) -> Vec<Finding> {
        let files = self.files();
        fullest(files.iter().flat_map(|file| file.0.iter()))
    }
}

/// Of each bug the record that tells most.
fn fullest<'a>(records: impl Iterator<Item = &'a Record>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for record in records {
        let Record::Finding(finding) = record else { continue };
        let key = |it: &Finding| (it.process.pid, it.time_ms);
        match findings.iter_mut().find(|known| key(known) == key(finding)) {
            Some(other) => {
                assert_ne!(other.bare, finding.bare, "{other:?}, {finding:?}");
                if other.bare {
                    *other = (**finding).clone();
                }
            }
            None => findings.push((**finding).clone()),
        }
    }
    findings
}

impl Drop for ReportDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The lines of a file.
struct Records(Vec<Record>);

impl Records {
    /// Each line must be whole, and a record.
    fn read(path: &Path) -> Records {
        let mode = fs::metadata(path).expect("a file").permissions().mode();
        let text = fs::read_to_string(path).expect("text");
        assert!(text.is_empty() || text.ends_with('\n'), "{path:?}: {text}");
        let parse = |line: &str| {
            Record::from_line(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        let records = Records(text.lines().map(parse).collect());
        assert!(!records.is_of_process() || mode & 0o777 == 0o600, "{path:?}: {mode:o}");
        records
    }

    /// The run itself leaves a file, too.
    fn is_of_process(&self) -> bool {
        !self.0.iter().any(|it| matches!(it, Record::Run(_) | Record::RunEnd(_)))
    }

    fn process(&self) -> &Process {
        match self.0.first() {
            Some(Record::Process(start)) => &start.process,
            other => panic!("the file does not begin with the process: {other:?}"),
        }
    }

    fn findings(&self) -> Vec<Finding> {
        fullest(self.0.iter())
    }

    fn end(&self) -> Option<&ProcessEnd> {
        self.0.iter().find_map(|record| match record {
            Record::ProcessEnd(end) => Some(end),
            _ => None,
        })
    }
}

fn function(finding: &Finding) -> &str {
    finding.stack.first().and_then(|frame| frame.function.as_deref()).unwrap_or("?")
}

fn reports(outcome: &Outcome) -> usize {
    outcome.stderr.matches("==ERROR: Fencepost: ").count()
}

#[test]
fn a_process_tells_who_it_is_what_it_found_and_how_it_ended() {
    for backend in available_backends() {
        let directory = ReportDirectory::new();
        let outcome = directory.run(backend, &["--keep-going"], &["bug"]);
        assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
        let files = directory.files();
        assert_eq!(files.len(), 1, "{backend}");
        let process = files[0].process();
        assert_eq!(process.command[1..], ["bug"]);
        assert!(process.program.ends_with("/many") && process.test.is_none(), "{process:?}");
        assert_eq!(process.parent.as_deref(), Some("fencepost"));
        assert_eq!(Path::new(&process.directory), std::env::current_dir().unwrap());
        let [finding] = &files[0].findings()[..] else { panic!("one bug") };
        assert_eq!((finding.kind.as_str(), function(finding)), ("heap-buffer-overflow", "bug_0"));
        assert_eq!(&finding.process, process);
        assert!(finding.registers.is_some() && finding.site.is_some() && !finding.bare);
        let module = finding.modules.iter().find(|module| module.path.ends_with("/many"));
        assert!(module.is_some(), "{:?}", finding.modules);
        let object = finding.object.as_ref().expect("an object");
        assert_eq!((object.bytes, object.distance), (32, 0));
        let memory = finding.memory.as_ref().expect("the end of the object can be read");
        assert!(memory.bytes.contains("..") && memory.bytes.contains("00"), "{memory:?}");
        let source = finding.sources.first().expect("the source is at hand");
        assert!(source.file.ends_with("many.c") && source.lines.len() == 7, "{source:?}");
        let allocations = files[0].end().expect("it has ended");
        assert!(allocations.guarded > 0 && allocations.unguarded.is_empty(), "{allocations:?}");
        // The text is of the same finding.
        let text = fencepost::finding::text::to_string(finding);
        assert!(outcome.stderr.contains(&text), "{text}\n{}", outcome.stderr);
    }
}

#[test]
fn each_bug_of_a_process_has_a_record() {
    for way in ["all", "threads"] {
        let directory = ReportDirectory::new();
        let outcome = directory.run("auto", &["--keep-going"], &[way]);
        assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
        let findings = directory.findings();
        let fingerprints: BTreeSet<&str> =
            findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
        assert_eq!((findings.len(), fingerprints.len(), reports(&outcome)), (8, 8, 8), "{way}");
    }
}

#[test]
fn a_bug_of_several_processes_is_printed_once() {
    let directory = ReportDirectory::new();
    let outcome = directory.run("auto", &[], &["forks"]);
    assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    assert_eq!(reports(&outcome), 2, "{}", outcome.stderr);
    assert_eq!(outcome.stderr.matches(", again; the whole report ").count(), 6);
    let files = directory.files();
    // The parent, and its children, which say who they are before what they found.
    assert_eq!(files.len(), 9);
    let parent = files.iter().find(|file| file.findings().is_empty()).expect("the parent");
    let children: Vec<&Records> = files.iter().filter(|it| !it.findings().is_empty()).collect();
    assert_eq!(children.len(), 8);
    for child in children {
        assert_eq!(child.process().parent_pid, parent.process().pid);
        assert_eq!(child.process().parent.as_deref(), Some("many"));
        assert!(child.end().is_none());
    }
}

#[test]
fn children_that_have_nothing_to_say_leave_nothing() {
    let directory = ReportDirectory::new();
    let outcome = directory.run("auto", &[], &["clean-forks"]);
    assert_eq!((outcome.exit, outcome.stderr.as_str()), (Exit::Code(0), ""));
    let files = directory.files();
    assert!(files.len() == 1 && files[0].end().is_some());
}

#[test]
fn children_of_vfork_and_clone_leave_files_of_their_own() {
    for backend in available_backends() {
        for (way, kinds) in [
            ("vfork", &["double-free", "double-free", "heap-buffer-overflow"][..]),
            ("clone", &["heap-buffer-overflow"]),
        ] {
            let directory = ReportDirectory::new();
            directory.run(backend, &[], &[way]);
            let mut found: Vec<String> =
                directory.findings().into_iter().map(|finding| finding.kind).collect();
            found.sort();
            assert_eq!(found, kinds, "{backend}, {way}");
        }
    }
}

#[test]
fn closed_descriptors_are_no_hindrance() {
    let directory = ReportDirectory::new();
    let outcome = directory.run("auto", &[], &["closed"]);
    assert_eq!(outcome.exit, Exit::Signal(libc::SIGSEGV));
    assert_eq!((directory.findings().len(), reports(&outcome)), (1, 1), "{}", outcome.stderr);
    // Neither does it matter that standard error was never there.
    let directory = ReportDirectory::new();
    let mut shell = fencepost_run("auto", [directory.option().as_str()], "/bin/sh");
    shell.args(["-c", "exec 2>&-; \"$0\" bug"]).arg(&*MANY).env("TMPDIR", &directory.0);
    process::run(&mut shell, LIMIT).expect("fencepost starts");
    assert_eq!(directory.findings().len(), 1);
}

fn assert_complaint(outcome: &Outcome, words: &str) {
    assert_eq!(outcome.exit, Exit::Signal(libc::SIGSEGV), "{}", outcome.stderr);
    assert_eq!(reports(outcome), 1, "{}", outcome.stderr);
    let complaint = "a record could not be written to ";
    assert_eq!(outcome.stderr.matches(complaint).count(), 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
}

/// As a full disk: the process may make no file longer.
#[test]
fn what_does_not_fit_is_taken_back_and_said() {
    let probe = ReportDirectory::new();
    probe.run("auto", &[], &["small", "1000000"]);
    let start = |file: &Records| file.0[0].to_line().len();
    let bytes = start(&probe.files()[0]);
    for more in [0, 1, 300] {
        let directory = ReportDirectory::new();
        // The command line has a digit more or less.
        let limit = (bytes + more).to_string();
        let outcome = directory.run("auto", &[], &["small", &limit]);
        assert_complaint(&outcome, "there is no room for it");
        let files = directory.files();
        assert_eq!((files.len(), files[0].0.len()), (1, 1), "{more}");
    }
}

#[test]
fn a_full_disk_costs_no_report() {
    // SAFETY: no preconditions.
    if unsafe { libc::geteuid() } != 0 {
        return support::say_skipped("only root may mount a small disk");
    }
    let directory = ReportDirectory::new();
    let disk = directory.0.join("disk");
    fs::create_dir(&disk).expect("writable");
    let mut mount = Command::new("mount");
    let mounted = mount.args(["-t", "tmpfs", "-o", "size=8k", "none"]).arg(&disk).output();
    if !mounted.is_ok_and(|mounted| mounted.status.success()) {
        return support::say_skipped("a small disk can't be mounted here");
    }
    fs::write(disk.join("filler"), [0; 4096]).expect("half of it");
    let option = format!("--report-dir={}", disk.display());
    let mut command = fencepost_run("auto", [option.as_str()], &*MANY);
    let outcome = process::run(command.arg("bug"), LIMIT);
    let records = disk.join(RECORDS_FOLDER);
    let files: Vec<Records> = fs::read_dir(records)
        .map(|files| files.map(|file| Records::read(&file.expect("a file").path())).collect())
        .unwrap_or_default();
    let unmounted = Command::new("umount").arg(&disk).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    assert_complaint(&outcome.expect("fencepost starts"), "there is no room for it");
    assert!(files.iter().all(|file| file.0.len() <= 2));
}

#[test]
fn a_directory_that_is_gone_is_said() {
    let directory = ReportDirectory::new();
    let inner = directory.0.join("inner");
    fs::create_dir(&inner).expect("writable");
    let option = format!("--report-dir={}", inner.display());
    let mut command = fencepost_run("auto", [option.as_str()], &*MANY);
    command.arg("gone").arg(&inner).arg(directory.0.join("elsewhere"));
    let outcome = process::run(&mut command, LIMIT).expect("fencepost starts");
    assert_complaint(&outcome, "the directory is gone");
}

#[test]
fn a_sandbox_costs_the_record_and_not_the_report() {
    let directory = ReportDirectory::new();
    let outcome = directory.run("auto", &[], &["sandbox"]);
    assert_complaint(&outcome, "writing there is not permitted");
    // From before.
    let files = directory.files();
    assert_eq!((files.len(), files[0].0.len()), (1, 1));
}

#[test]
fn a_directory_that_is_not_there_is_refused() {
    let mut command = process::command(&*MANY);
    let library = support::built::preload_library();
    command.env("LD_PRELOAD", library).env("FENCEPOST_OPTIONS", "report-dir=/nowhere/reports");
    let outcome = process::run(&mut command, LIMIT).expect("it starts");
    let said = "fencepost: report-dir: there is no directory /nowhere/reports\n";
    assert_eq!((outcome.exit, outcome.stderr.as_str()), (Exit::Code(125), said));
}

#[test]
fn many_processes_and_two_runs_share_a_directory() {
    let directory = ReportDirectory::new();
    let script = "for i in $(seq 64); do \"$0\" bug & done; wait";
    let start = || {
        let mut command = fencepost_run("auto", [directory.option().as_str()], "/bin/sh");
        command.args(["-c", script]).arg(&*MANY).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("fencepost starts")
    };
    let mut runs = [start(), start()];
    for run in &mut runs {
        assert!(run.wait().expect("it ends").success());
    }
    let findings = directory.findings();
    assert_eq!(findings.len(), 128);
    for finding in findings {
        assert!(!finding.bare && finding.kind == "heap-buffer-overflow", "{finding:?}");
    }
}

fn children_of(pid: u32) -> Vec<i32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    children.split_whitespace().map(|pid| pid.parse().expect("a process id")).collect()
}

/// Kills a child of a `fencepost run` that has not been waited for.
fn kill(program: i32) {
    // SAFETY: a plain system call.
    unsafe { libc::kill(program, libc::SIGKILL) };
}

/// Whatever is killed at whatever moment: what is there is whole.
#[test]
fn a_process_that_is_killed_leaves_whole_lines() {
    let directory = ReportDirectory::new();
    // Moments from a generator of Park and Miller, the same in every run.
    let mut random = 20_261_127_u64;
    let mut killed = 0;
    for _ in 0..60 {
        random = random * 48271 % 0x7fff_ffff;
        let mut command = directory.command("auto", &["--keep-going"]);
        let mut child = command.arg("all").stderr(Stdio::null()).spawn().expect("fencepost starts");
        std::thread::sleep(Duration::from_micros(random % 60_000));
        // The command, and the program, which dies with it or goes on alone.
        for program in children_of(child.id()) {
            kill(program);
            killed += 1;
        }
        child.wait().expect("it ends");
    }
    assert!(killed > 0, "everything had ended before");
    // Reading checks the lines.
    let files = directory.files();
    assert!(!files.is_empty());
    for file in files.iter().filter(|file| !file.0.is_empty()) {
        let findings = file.findings();
        // In their order, and only the last one perhaps without names.
        for (number, finding) in findings.iter().enumerate() {
            let is_last = number + 1 == findings.len();
            assert!(!finding.bare || is_last && file.end().is_none(), "{finding:?}");
        }
        assert!(file.end().is_none() || findings.len() == 8);
    }
}

/// The look-up of names waits for an answer that never comes.
#[test]
fn a_process_that_is_killed_before_it_has_names_has_left_its_bug() {
    let folder = build_folder("records").join("names");
    fs::create_dir_all(&folder).expect("a folder to build in");
    let program = folder.join("many");
    fs::copy(&*MANY, &program).expect("a copy");
    let debug = split(&program);
    let Some(watch) = watch_opens(&debug) else {
        return support::say_skipped("this user may not watch who opens a file (fanotify)");
    };
    let directory = ReportDirectory::new();
    for way in ["bug", "twice", "threads"] {
        let mut command = fencepost_run("auto", [directory.option().as_str()], &program);
        let mut child = command.arg(way).stderr(Stdio::null()).spawn().expect("fencepost starts");
        wait_for_open(&watch, LIMIT);
        for program in children_of(child.id()) {
            kill(program);
        }
        child.wait().expect("it ends");
    }
    let findings = directory.findings();
    let kinds: Vec<&str> = findings.iter().map(|finding| finding.kind.as_str()).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert!(findings.iter().all(|finding| finding.bare && !finding.stack.is_empty()));
}

#[test]
fn a_bug_is_left_before_its_names() {
    let directory = ReportDirectory::new();
    let outcome = directory.run("auto", &["--keep-going"], &["twice"]);
    assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    let file = &directory.files()[0];
    let [Record::Finding(bare), Record::Finding(full)] = &file.0[1..3] else {
        panic!("{:?}", file.0)
    };
    assert!(bare.bare && !full.bare && bare.time_ms == full.time_ms);
    assert_eq!(bare.kind, full.kind);
    assert!(bare.stack[0].function.is_none() && bare.modules == full.modules);
    assert_eq!(bare.stack[0].offset, full.stack[0].offset);
    assert_eq!(function(full), "free_twice");
}

fn write_known(directory: &ReportDirectory, known: &KnownBugs) -> String {
    let path = directory.0.join("known.json");
    fs::write(&path, known.to_bytes()).expect("writable");
    format!("--known={}", path.display())
}

fn baseline(findings: &[Finding]) -> KnownBugs {
    let bug = |finding: &Finding| KnownBug {
        fingerprint: finding.fingerprint.clone(),
        site: finding.site.clone(),
        late: finding.late,
    };
    let mut baseline: Vec<KnownBug> = findings.iter().map(bug).collect();
    baseline.sort();
    KnownBugs { version: 1, baseline, suppressions: Vec::new() }
}

#[test]
fn the_program_goes_on_after_known_bugs() {
    for backend in available_backends() {
        for way in ["bug", "twice", "forks", "threads"] {
            let first = ReportDirectory::new();
            first.run(backend, &["--keep-going"], &[way]);
            let known = write_known(&first, &baseline(&first.findings()));
            let again = ReportDirectory::new();
            let outcome = again.run(backend, &[&known, "--error-exitcode=9"], &[way]);
            let case = format!("{backend}, {way}");
            assert_eq!((outcome.exit, outcome.stderr.as_str()), (Exit::Code(0), ""), "{case}");
            let findings = again.findings();
            assert_eq!(findings.len(), first.findings().len(), "{case}");
            assert!(findings.iter().all(|it| it.known == Some(Known::Baseline)), "{case}");
        }
    }
}

#[test]
fn a_new_bug_beside_known_ones_is_reported() {
    let first = ReportDirectory::new();
    first.run("auto", &["--keep-going"], &["all"]);
    let mut findings = first.findings();
    findings.retain(|finding| function(finding) != "bug_5");
    let known = write_known(&first, &baseline(&findings));
    let again = ReportDirectory::new();
    let outcome = again.run("auto", &[&known, "--error-exitcode=9"], &["all"]);
    assert_eq!(outcome.exit, Exit::Code(9), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(" in bug_5\n") && reports(&outcome) == 1, "{}", outcome.stderr);
    assert_eq!(again.findings().len(), 6);
    // With keep-going the others are met, too.
    let again = ReportDirectory::new();
    let options = [known.as_str(), "--keep-going", "--error-exitcode=9"];
    let outcome = again.run("auto", &options, &["all"]);
    assert_eq!((outcome.exit, reports(&outcome)), (Exit::Code(9), 1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("fencepost: 1 error in 1 context\n"), "{}", outcome.stderr);
    assert_eq!(again.findings().len(), 8);
}

#[test]
fn a_known_bug_that_nothing_can_go_on_after_is_told() {
    let first = ReportDirectory::new();
    first.run("auto", &[], &["jump"]);
    let known = write_known(&first, &baseline(&first.findings()));
    let again = ReportDirectory::new();
    let outcome = again.run("auto", &[&known], &["jump"]);
    assert_eq!((outcome.exit, reports(&outcome)), (Exit::Signal(libc::SIGSEGV), 1));
    let said = "fencepost: the baseline has this bug, but the process can't go on after it\n";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    assert_eq!(again.findings()[0].known, Some(Known::Baseline));
}

/// Where nothing is known as well as where something is.
#[test]
fn whatever_a_program_aborts_of_is_reported() {
    let directory = ReportDirectory::new();
    let known = write_known(&directory, &KnownBugs { version: 1, ..KnownBugs::default() });
    for options in [&[][..], &[known.as_str()]] {
        let directory = ReportDirectory::new();
        let outcome = directory.run("auto", options, &["outlives"]);
        assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
        assert_eq!(directory.findings().len(), 2, "{options:?}: {}", outcome.stderr);
    }
}

#[test]
fn a_suppressed_bug_is_named_if_asked_for() {
    let directory = ReportDirectory::new();
    let old = Suppression {
        name: "old".to_owned(),
        function: Some("bug_*".to_owned()),
        ..Suppression::default()
    };
    let known = KnownBugs { version: 1, suppressions: vec![old], ..KnownBugs::default() };
    let known = write_known(&directory, &known);
    let outcome = directory.run("auto", &[&known, "--verbose"], &["bug"]);
    assert_eq!((outcome.exit, reports(&outcome)), (Exit::Code(0), 1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("fencepost: the suppression old is about this bug\n"));
    let known_by = directory.findings()[0].known.clone();
    assert_eq!(known_by, Some(Known::Suppression("old".to_owned())));
}

#[test]
fn the_test_that_is_run_is_named() {
    let test = |framework: &str, name: &str| {
        Some(Test { framework: framework.to_owned(), name: name.to_owned() })
    };
    for (variables, expected) in [
        (
            &[("NEXTEST_BINARY_ID", "a::b"), ("NEXTEST_TEST_NAME", "c")][..],
            test("nextest", "a::b c"),
        ),
        (&[("PYTEST_CURRENT_TEST", "t.py::x (setup)")], test("pytest", "t.py::x")),
        (&[("TEST_TARGET", "//a:b")], test("bazel", "//a:b")),
        (
            &[("DASHBOARD_TEST_FROM_CTEST", "4.0"), ("FENCEPOST_TEST", "parse")],
            test("ctest", "parse"),
        ),
    ] {
        let directory = ReportDirectory::new();
        let mut command = directory.command("auto", &[]);
        process::run(command.envs(variables.iter().copied()), LIMIT).expect("it starts");
        assert_eq!(directory.files()[0].process().test, expected);
    }
    // pytest runs its tests in one process.
    let directory = ReportDirectory::new();
    directory.run("auto", &[], &["test"]);
    let files = directory.files();
    assert_eq!(files[0].process().test, None);
    assert_eq!(files[0].findings()[0].process.test, test("pytest", "test_a.py::test_b"));
}
