//! `fencepost report --debug-dir`: names that are looked up later, from files that the program did not have.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use fencepost::finding::{Bug, Record};
use object::Object;
use support::backend::{FENCEPOST, fencepost_run};
use support::compile::{build_folder, build_program};
use support::process;

const LIMIT: Duration = Duration::from_secs(300);

/// A folder with a program, in which three functions have bugs, and with its debug information.
struct Sample {
    folder: PathBuf,
    build_id: String,
}

fn run(command: &mut Command) -> process::Outcome {
    process::run(command, LIMIT).expect("it starts")
}

fn tool(name: &str, arguments: &[&str], files: &[&Path]) {
    let status = Command::new(name).args(arguments).args(files).status();
    assert!(status.expect(name).success(), "{name} {arguments:?}");
}

/// Made once, for all tests.
fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let folder = build_folder("debug-dir");
        let _ = fs::remove_dir_all(&folder);
        for name in ["run", "plain", "tree/.build-id", "wrong"] {
            fs::create_dir_all(folder.join(name)).expect("a folder");
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/debug_dir/wrapper.c");
        let flags = |flags: &[&str]| flags.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let program = folder.join("run/program");
        build_program(&source, &program, &flags(&["-g", "-O1", "-Wl,--build-id"]), &[])
            .expect("it compiles");
        let other = folder.join("wrong/program");
        build_program(&source, &other, &flags(&["-g", "-O0", "-Wl,--build-id"]), &[])
            .expect("it compiles");
        let sample = Sample { build_id: build_id_of(&program), folder };
        // What is found where the names are.
        sample.record("whole");
        let debug = sample.folder.join("plain/program.debug");
        tool("objcopy", &["--only-keep-debug"], &[&program, &debug]);
        let (first, rest) = sample.build_id.split_at(2);
        let by_id = sample.folder.join("tree/.build-id").join(first);
        fs::create_dir_all(&by_id).expect("a folder");
        fs::copy(&debug, by_id.join(format!("{rest}.debug"))).expect("copied");
        tool("strip", &["--strip-all"], &[&program]);
        sample.record("stripped");
        sample
    })
}

fn build_id_of(program: &Path) -> String {
    let image = fs::read(program).expect("read");
    let file = object::File::parse(&*image).expect("an ELF file");
    let id = file.build_id().expect("notes").expect("a build id");
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Sample {
    fn record(&self, name: &str) {
        let flag = format!("--report-dir={}", self.folder.join(name).display());
        for arguments in [&[][..], &["second"], &["third"]] {
            let mut command =
                fencepost_run("auto", [flag.as_str()], self.folder.join("run/program"));
            run(command.args(arguments));
        }
    }

    fn bugs(&self, records: &str, debug: Option<&str>) -> Vec<Bug> {
        let mut command = process::command(FENCEPOST);
        command.args(["report", "--format=jsonl"]).arg(self.folder.join(records));
        if let Some(debug) = debug {
            command.arg("--debug-dir").arg(self.folder.join(debug));
        }
        let outcome = run(&mut command);
        assert_eq!(outcome.stderr, "");
        let record = |line: &str| match Record::from_line(line.as_bytes()).expect(line) {
            Record::Bug(bug) => Some(*bug),
            _ => None,
        };
        outcome.stdout.lines().filter_map(record).collect()
    }
}

fn told(bugs: &[Bug]) -> Vec<(&str, &str, u64)> {
    bugs.iter().map(|bug| (&*bug.fingerprint, &*bug.summary, bug.count)).collect()
}

#[test]
fn findings_become_what_they_would_have_been() {
    let sample = sample();
    let whole = sample.bugs("whole", None);
    assert_eq!(whole.len(), 3, "{:?}", told(&whole));
    let stripped = sample.bugs("stripped", None);
    assert!(stripped.iter().all(|bug| bug.summary.ends_with(')')), "{:?}", told(&stripped));
    for debug in ["plain", "tree", "tree/.build-id"] {
        let named = sample.bugs("stripped", Some(debug));
        assert_eq!(told(&named), told(&whole), "{debug}");
        for (named, former) in named.iter().zip(&stripped) {
            // A baseline from before knows it still.
            assert_eq!(named.also, [former.fingerprint.as_str()], "{debug}");
            let names = |bug: &Bug| -> Vec<_> {
                let calls = bug.example.mapping.iter().flat_map(|mapping| &mapping.calls);
                let calls = calls.filter_map(|call| call.event.stack.as_ref()?.first());
                let frames = calls.chain(&bug.example.stack[..2]);
                frames.map(|frame| (frame.function.clone(), frame.line)).collect()
            };
            let of_whole =
                whole.iter().find(|bug| bug.fingerprint == named.fingerprint).expect("compared");
            assert_eq!(names(named), names(of_whole), "{debug}");
        }
    }
}

#[test]
fn files_of_another_build_name_nothing() {
    let sample = sample();
    let stripped = sample.bugs("stripped", None);
    for debug in ["wrong", "run", "nowhere"] {
        assert_eq!(sample.bugs("stripped", Some(debug)), stripped, "{debug}");
    }
}

#[test]
fn merged_records_are_named_too() {
    let sample = sample();
    let merged = sample.folder.join("merged.jsonl");
    let mut command = process::command(FENCEPOST);
    run(command.arg("merge").arg(sample.folder.join("stripped")).arg("-o").arg(&merged));
    let named = sample.bugs("merged.jsonl", Some("tree"));
    assert_eq!(told(&named), told(&sample.bugs("whole", None)));
}

/// `.gnu_debugdata`, made as gdb's manual says.
#[test]
fn a_packed_symbol_table_in_the_program_names_functions() {
    if !Path::new("/usr/bin/xz").exists() {
        return support::say_skipped("xz is not installed");
    }
    let sample = sample();
    let folder = sample.folder.join("packed");
    fs::create_dir_all(&folder).expect("a folder");
    let (program, table) = (folder.join("program"), folder.join("table"));
    fs::copy(sample.folder.join("run/program"), &program).expect("copied");
    tool("objcopy", &["--strip-debug"], &[&sample.folder.join("plain/program.debug"), &table]);
    tool("xz", &["--force", "--keep"], &[&table]);
    let section = format!("--add-section=.gnu_debugdata={}", table.with_extension("xz").display());
    tool("objcopy", &[&section], &[&program]);
    let outcome = run(&mut fencepost_run("auto", [], &program));
    let summary =
        outcome.stderr.lines().find(|line| line.starts_with("SUMMARY: ")).unwrap_or_default();
    assert!(summary.ends_with(") in first"), "{}", outcome.stderr);
    // Damaged, it names nothing, and the report comes out.
    let mut bytes = fs::read(table.with_extension("xz")).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8].fill(0xff);
    fs::write(table.with_extension("xz"), bytes).expect("written");
    fs::copy(sample.folder.join("run/program"), &program).expect("copied");
    tool("objcopy", &[&section], &[&program]);
    let outcome = run(&mut fencepost_run("auto", [], &program));
    let summary =
        outcome.stderr.lines().find(|line| line.starts_with("SUMMARY: ")).unwrap_or_default();
    assert!(summary.ends_with(')') && !outcome.stderr.contains("panicked"), "{}", outcome.stderr);
}
