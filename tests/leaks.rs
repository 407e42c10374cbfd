//! The programs of `c-tests/leaks` under fencepost and under Memcheck: the same objects in the same classes, line by line.
//! `cargo test --release --test leaks -- --nocapture` prints them side by side.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::backend::{FENCEPOST, fencepost_run};
use support::compile::{self, build_folder, map_in_parallel};
use support::expectation::{self, Expectation, ReportIn, Verdict};
use support::leaks::{self, Class, Leaks, Memcheck, Record, Told};
use support::process::Exit;
use support::{process, say_skipped};

const LIMIT: Duration = Duration::from_secs(120);

/// A program, compiled.
struct Program {
    name: String,
    binary: PathBuf,
    folder: PathBuf,
    expectation: Expectation,
}

impl Program {
    fn leaks(&self) -> &Leaks {
        match &self.expectation.verdict {
            Verdict::Leaks(leaks) => leaks,
            _ => panic!("{}: expects no leaks", self.name),
        }
    }
}

fn sources() -> Vec<PathBuf> {
    let folder = compile::source_folder().join("leaks");
    let files = fs::read_dir(folder).expect("c-tests/leaks is there");
    let mut sources: Vec<PathBuf> = files
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|end| end == "c" || end == "cpp"))
        .collect();
    sources.sort();
    sources
}

fn build(source: &Path) -> Program {
    let text = fs::read_to_string(source).expect("the program is there");
    let expectation = expectation::read(source, &text).unwrap_or_else(|why| panic!("{why}"));
    let name = expectation.source_file.clone();
    let folder = build_folder("leaks").join(&name);
    fs::create_dir_all(&folder).expect("the folder can be made");
    let binary = expectation.build(source, &folder, "program", &[]);
    let binary = binary.unwrap_or_else(|why| panic!("{why}"));
    Program { name, binary, folder, expectation }
}

fn has_memcheck() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|it| it.status.success())
}

/// What fencepost tells of all classes, whatever the program's options say of that.
fn fencepost(program: &Program) -> Told {
    let log = program.folder.join("fencepost.log");
    remove_logs(&program.folder, "fencepost.log");
    let all = ["--leaks=full", "--leak-kinds=all"];
    let own = program.expectation.options.iter().map(String::as_str);
    let own =
        own.filter(|option| !option.starts_with("--leaks=") && !option.starts_with("--leak-k"));
    let mut command = fencepost_run("auto", own.chain(all), &program.binary);
    command.current_dir(&program.folder);
    // Else the report goes to a file of the process's own choice.
    if program.leaks().report_in == ReportIn::Log {
        let path = format!("--log-path={}", log.display());
        command = fencepost_run("auto", all.into_iter().chain([path.as_str()]), &program.binary);
    }
    let outcome = process::run(&mut command, LIMIT).expect("it starts");
    let text = outcome.stderr + &logs(&program.folder, "fencepost.log");
    leaks::of_fencepost(&text, &program.name)
}

/// `None` where the program says that the two differ.
fn memcheck(program: &Program) -> Option<Told> {
    let Memcheck::Same(options) = &program.leaks().memcheck else { return None };
    remove_logs(&program.folder, "memcheck.log");
    let mut command = process::command("valgrind");
    let log = format!("--log-file={}.%p", program.folder.join("memcheck.log").display());
    command
        .args(["--leak-check=full", "--show-leak-kinds=all", "--num-callers=40", &log])
        .args(options)
        .arg(&program.binary)
        .current_dir(&program.folder);
    process::run(&mut command, LIMIT).expect("valgrind starts");
    let mut told = Told::default();
    // One of each process.
    for text in logs_of(&program.folder, "memcheck.log") {
        leaks::add_memcheck(&mut told, &text, &program.name);
    }
    Some(told)
}

fn log_files(folder: &Path, name: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("the folder is there").flatten();
    files
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|it| it.to_string_lossy().starts_with(name)))
        .collect()
}

fn remove_logs(folder: &Path, name: &str) {
    log_files(folder, name).iter().for_each(|file| fs::remove_file(file).expect("it is ours"));
}

fn logs_of(folder: &Path, name: &str) -> Vec<String> {
    let read = |file: &PathBuf| fs::read_to_string(file).expect("it is there");
    log_files(folder, name).iter().map(read).collect()
}

fn logs(folder: &Path, name: &str) -> String {
    logs_of(folder, name).concat()
}

/// One row for each class and line that either tells of.
fn rows(name: &str, ours: &Told, theirs: Option<&Told>) -> Vec<String> {
    let of = |told: &Told, key: &(Class, u32)| match told.records.get(key) {
        None => "-".to_owned(),
        Some(Record { count, indirect_bytes: 0 }) => count.to_string(),
        Some(Record { count, indirect_bytes }) => format!("{count} (+ {indirect_bytes})"),
    };
    let keys: BTreeSet<(Class, u32)> = ours
        .records
        .keys()
        .chain(theirs.iter().flat_map(|it| it.records.keys()))
        .copied()
        .collect();
    let row = |key: &(Class, u32)| {
        let place = format!("{name}:{}", key.1);
        let theirs = theirs.map_or("not compared".to_owned(), |theirs| of(theirs, key));
        format!("{place:<32} {:<10} {:<32} {theirs}", key.0.name(), of(ours, key))
    };
    match keys.is_empty() {
        true => vec![format!("{name:<32} nothing")],
        false => keys.iter().map(row).collect(),
    }
}

#[test]
fn the_same_is_told_as_by_memcheck() {
    if !has_memcheck() {
        return say_skipped("comparison of leaks with Memcheck: valgrind is not installed");
    }
    let sources = sources();
    let results = map_in_parallel(&sources, |source| {
        let program = build(source);
        let (ours, theirs) = (fencepost(&program), memcheck(&program));
        let mut wrong = program.leaks().differences_in_full(&ours);
        if let Some(theirs) = &theirs {
            let of_memcheck = program.leaks().differences_of_objects(theirs);
            wrong.extend(of_memcheck.into_iter().map(|it| format!("Memcheck: {it}")));
        }
        let wrong = wrong.into_iter().map(|it| format!("{}: {it}", program.name)).collect();
        (rows(&program.name, &ours, theirs.as_ref()), wrong)
    });
    println!("{:<32} {:<10} {:<32} Memcheck", "program and line", "class", "fencepost");
    let (rows, wrong): (Vec<Vec<String>>, Vec<Vec<String>>) = results.into_iter().unzip();
    rows.concat().iter().for_each(|row| println!("{row}"));
    assert!(sources.len() >= 60, "programs went missing");
    let wrong = wrong.concat();
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// A program of `c-tests/leaks`, compiled for one test alone.
fn program(test: &str, name: &str) -> Program {
    let source = compile::source_folder().join("leaks").join(name);
    let text = fs::read_to_string(&source).expect("the program is there");
    let expectation = expectation::read(&source, &text).unwrap_or_else(|why| panic!("{why}"));
    let folder = build_folder("leaks").join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the folder can be made");
    let binary = expectation.build(&source, &folder, "program", &[]);
    let binary = binary.unwrap_or_else(|why| panic!("{why}"));
    Program { name: name.to_owned(), binary, folder, expectation }
}

/// A link by which the command takes Memcheck's command line, and writes its words.
#[test]
fn the_command_writes_leaks_as_memcheck_does() {
    let program = program("front", "every_class.c");
    let link = program.folder.join("fencepost-valgrind");
    std::os::unix::fs::symlink(FENCEPOST, &link).expect("the folder is writable");
    let log = program.folder.join("log");
    let run = |options: &[&str]| {
        let mut command = process::command(&link);
        command.args(options).arg(format!("--log-file={}", log.display())).arg(&program.binary);
        let outcome = process::run(&mut command, LIMIT).expect("it starts");
        (outcome.exit, fs::read_to_string(&log).expect("the log is there"))
    };
    let (exit, text) = run(&["--leak-check=full", "--show-leak-kinds=all"]);
    assert_eq!(exit, Exit::Code(0), "{text}");
    let mut told = Told::default();
    leaks::add_memcheck(&mut told, &text, &program.name);
    assert_eq!(program.leaks().differences_in_full(&told), Vec::<String>::new(), "{text}");
    let (exit, text) = run(&["--leak-check=yes", "--error-exitcode=9"]);
    assert_eq!(exit, Exit::Code(9), "{text}");
    assert!(text.contains("definitely lost in loss record") && !text.contains("reachable in loss"));
    let (_, text) = run(&[]);
    assert!(text.contains("LEAK SUMMARY:") && !text.contains("in loss record"), "{text}");
    let (_, text) = run(&["--leak-check=no"]);
    assert!(!text.contains("LEAK SUMMARY:"), "{text}");
}

#[test]
fn leaks_fail_a_run_unless_they_are_known() {
    let program = program("known", "every_class.c");
    let path = |name: &str| program.folder.join(name).display().to_string();
    let run = |options: &[&str]| {
        let options = ["--leaks=full", "--fail-on=new"].iter().chain(options).copied();
        let mut command = fencepost_run("auto", options, &program.binary);
        process::run(command.current_dir(&program.folder), LIMIT).expect("it starts")
    };
    let report = |words: &[&str]| {
        let mut command = process::command(FENCEPOST);
        let out = path("out");
        command.args(["report", &out]).args(words);
        process::run(&mut command, LIMIT).expect("it starts").stdout
    };
    let first = run(&["--report-dir", &path("out")]);
    assert_eq!(first.exit, Exit::Code(1), "{}", first.stderr);
    assert!(first.stderr.contains("fencepost: 2 bugs in 1 guarded process"), "{}", first.stderr);
    let summary = report(&[]);
    assert!(summary.contains("definitely lost: 8 bytes in 1 object"), "{summary}");
    report(&["--format", &format!("baseline={}", path("baseline"))]);
    fs::write(path("ours"), report(&["--gen-suppressions"])).expect("the folder is writable");
    let memcheck = "{\n  all of it\n  Memcheck:Leak\n  match-leak-kinds: definite,possible\n  fun:malloc\n  \
        fun:work\n  ...\n}\n";
    fs::write(path("memcheck"), memcheck).expect("as above");
    fs::write(path("sanitizer"), "leak:work\n").expect("as above");
    for known in [
        "--baseline=baseline",
        "--suppressions=ours",
        "--suppressions=memcheck",
        "--suppressions=sanitizer",
    ] {
        let outcome = run(&[known]);
        assert_eq!(outcome.exit, Exit::Code(0), "{known}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("definitely lost: 0 bytes"), "{known}: {}", outcome.stderr);
    }
    let other = memcheck.replace("definite,possible", "reachable");
    fs::write(path("memcheck"), other).expect("as above");
    assert_eq!(run(&["--suppressions=memcheck"]).exit, Exit::Code(1));
}

#[test]
fn what_is_still_reachable_fails_no_run() {
    let program = program("reachable", "reachable.c");
    let options = ["--leaks=full", "--leak-kinds=all", "--fail-on=any"];
    let mut command = fencepost_run("auto", options, &program.binary);
    let outcome = process::run(command.current_dir(&program.folder), LIMIT).expect("it starts");
    assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("NOTE: Fencepost: leak"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("no bug found, 1 note"), "{}", outcome.stderr);
}
