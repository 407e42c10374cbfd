//! Runs every program of `c-tests/` under `fencepost run`. A bug must be reported as the program's
//! comments say, and a clean program must do the same as without the guard.
//!
//! There is one test for each program and backend. `cargo test --release --test c_tests overflow/write_4` runs one
//! program, `… --test c_tests madvise` runs all of them on one backend.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use support::backend::{BACKENDS, fencepost_run, why_unavailable};
use support::compile;
use support::expectation::{self, Expectation, ReportIn, Verdict};
use support::leaks;
use support::process::{self, Exit, Outcome};

/// A program that takes longer hangs. Beside much other work, some that take a few seconds take minutes.
const LIMIT: Duration = Duration::from_secs(300);

/// Stands for a backend where the program is not followed.
const BYSTANDER: &str = "bystander";

struct Program {
    /// `folder/file.c`
    name: String,
    binary: PathBuf,
    expectation: Expectation,
    /// What a clean program does without fencepost.
    native: Option<Outcome>,
}

enum Built {
    Program(Box<Program>),
    /// The feature that this processor has not.
    NeedsCpu(String),
}

/// A program that is compiled when its first test begins. The error is what went wrong.
struct Source {
    path: PathBuf,
    built: OnceLock<Result<Built, String>>,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let sources: Vec<Arc<Source>> = find_sources()
        .into_iter()
        .map(|path| Arc::new(Source { path, built: OnceLock::new() }))
        .collect();
    let mut trials = vec![Trial::test("corpus_is_complete", corpus_is_complete)];
    for backend in BACKENDS {
        let unavailable = if arguments.list { None } else { why_unavailable(backend) };
        for source in &sources {
            let name = format!("{backend}::{}", name_of(&source.path));
            let (source, unavailable) = (source.clone(), unavailable.clone());
            trials.push(Trial::ignorable_test(name, move || match &unavailable {
                Some(why) => Ok(Completion::ignored_with(format!("not available here: {why}"))),
                None => run_test(&source, backend),
            }));
        }
    }
    // Those without a bug must do the same where they are not followed, too: but for those that ask whether they are
    // under fencepost, and one that compares the addresses of functions.
    for source in sources {
        let name = name_of(&source.path);
        let text = fs::read_to_string(&source.path).expect("found there");
        let asks = text.contains("getenv(") || name == "clean/dlsym_libc.c";
        let folders = ["clean/", "entry_points/", "calls/good", "lessons/", "pages/"];
        if !asks && folders.iter().any(|start| name.starts_with(start)) {
            let test = move || run_test(&source, BYSTANDER);
            trials.push(Trial::ignorable_test(format!("{BYSTANDER}::{name}"), test));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn run_test(source: &Source, backend: &str) -> Result<Completion, Failed> {
    match source.built.get_or_init(|| build(&source.path)) {
        Err(why) => Err(why.into()),
        Ok(Built::NeedsCpu(feature)) => {
            Ok(Completion::ignored_with(format!("this processor has no {feature}")))
        }
        Ok(Built::Program(program)) => match check(program, backend) {
            differences if differences.is_empty() => Ok(Completion::Completed),
            differences => Err(differences.join("; ").into()),
        },
    }
}

/// The corpus would prove little if whole groups of it went missing.
fn corpus_is_complete() -> Result<(), Failed> {
    let (mut bugs, mut clean, mut leaks) = (0, 0, 0);
    for path in find_sources() {
        match expectation::read(&path, &fs::read_to_string(&path)?)?.verdict {
            Verdict::Bug(_) => bugs += 1,
            Verdict::Clean => clean += 1,
            Verdict::Leaks(_) => leaks += 1,
        }
    }
    match bugs >= 130 && clean >= 45 && leaks >= 60 {
        true => Ok(()),
        false => {
            Err(format!("{bugs} programs with a bug, {clean} clean ones, {leaks} about leaks")
                .into())
        }
    }
}

/// `c-tests/*/*.c` and `.cpp`; `c-tests/libraries/` holds what programs link to.
fn find_sources() -> Vec<PathBuf> {
    let mut sources: Vec<PathBuf> = fs::read_dir(compile::source_folder())
        .expect("c-tests can be read")
        .map(|entry| entry.expect("c-tests can be read").path())
        .filter(|path| path.is_dir() && !path.ends_with("libraries"))
        .flat_map(|folder| fs::read_dir(folder).expect("c-tests can be read"))
        .map(|entry| entry.expect("c-tests can be read").path())
        .filter(|path| path.extension().is_some_and(|end| end == "c" || end == "cpp"))
        .collect();
    sources.sort();
    sources
}

/// `folder/file.c`
fn name_of(source: &Path) -> String {
    let relative = source.strip_prefix(compile::source_folder()).expect("found there");
    relative.to_string_lossy().into_owned()
}

/// By the kernel's name of it.
fn has_cpu_feature(feature: &str) -> bool {
    let text = fs::read_to_string("/proc/cpuinfo").expect("Linux has it");
    let flags = text.lines().find_map(|line| line.strip_prefix("flags"));
    flags.is_some_and(|flags| flags.split_whitespace().any(|flag| flag == feature))
}

fn build(source: &Path) -> Result<Built, String> {
    let text = fs::read_to_string(source).map_err(|error| error.to_string())?;
    let expectation = expectation::read(source, &text)?;
    let name = name_of(source);
    if let Some(feature) = &expectation.needs_cpu
        && !has_cpu_feature(feature)
    {
        return Ok(Built::NeedsCpu(feature.clone()));
    }
    let folder = compile::build_folder("c-tests").join(Path::new(&name).with_extension(""));
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let stem = source.file_stem().expect("a file").to_string_lossy();
    let binary = expectation.build(source, &folder, &stem, &[])?;
    let native = match expectation.verdict {
        Verdict::Clean | Verdict::Leaks(_) => {
            let scratch = make_scratch(&name, "native");
            let mut command = process::command(&binary);
            command.current_dir(&scratch).env("TMPDIR", &scratch);
            let outcome = process::run(&mut command, LIMIT).map_err(|error| error.to_string())?;
            if outcome.exit == Exit::Hung {
                return Err(format!("hangs without fencepost: not over after {LIMIT:?}"));
            }
            Some(outcome)
        }
        Verdict::Bug(_) => None,
    };
    Ok(Built::Program(Box::new(Program { name, binary, expectation, native })))
}

/// An empty folder of this program's own: its working directory, for logs and core files.
fn make_scratch(name: &str, run: &str) -> PathBuf {
    let folder = compile::build_folder("scratch").join(run).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the scratch folder can be made");
    folder
}

/// Runs one program on one backend and returns the differences.
fn check(program: &Program, backend: &str) -> Vec<String> {
    let expectation = &program.expectation;
    let scratch = make_scratch(&program.name, backend);
    let log = scratch.join("report.log");
    let mut options: Vec<&str> = expectation.options.iter().map(String::as_str).collect();
    let log_option = log.to_string_lossy();
    let report_in = match &expectation.verdict {
        Verdict::Bug(bug) => bug.report_in,
        Verdict::Leaks(leaks) => leaks.report_in,
        Verdict::Clean => ReportIn::Stderr,
    };
    if report_in == ReportIn::Log {
        options.extend(["--log-path", &log_option]);
    }
    let mut command = match backend {
        BYSTANDER => fencepost_run("auto", ["--follow=!*", "--quiet"], &program.binary),
        _ => fencepost_run(backend, options, &program.binary),
    };
    command.current_dir(&scratch).env("TMPDIR", &scratch);
    let outcome = match process::run(&mut command, LIMIT) {
        Ok(outcome) => outcome,
        Err(error) => return vec![error.to_string()],
    };
    let mut differences = match &expectation.verdict {
        Verdict::Clean => {
            let native = program.native.as_ref().expect("made by build");
            clean_differences(native, &outcome)
        }
        Verdict::Leaks(leaks) => {
            let native = program.native.as_ref().expect("made by build");
            let mut differences = Vec::new();
            if outcome.exit != leaks.exit.unwrap_or(native.exit) {
                differences.push(format!("exit: natively {}, got {}", native.exit, outcome.exit));
            }
            if outcome.stdout != native.stdout {
                differences.push(format!("stdout: natively {:?}", native.stdout));
            }
            match find_report(report_in, &outcome, &scratch) {
                Ok(text) => {
                    let told = leaks::of_fencepost(&text, &expectation.source_file);
                    differences.extend(leaks.differences(&told));
                }
                Err(why) => differences.push(why),
            }
            differences
        }
        Verdict::Bug(bug) => match find_report(report_in, &outcome, &scratch) {
            Ok(text) => bug.differences(&expectation.source_file, &outcome, &text),
            Err(why) => vec![why],
        },
    };
    if backend != BYSTANDER {
        differences.extend(unguarded_difference(expectation, &outcome, backend));
    }
    if !differences.is_empty() {
        // The whole of it, for whoever looks into the failure.
        fs::write(scratch.join("stderr"), &outcome.stderr).expect("the scratch folder is writable");
    }
    differences
}

fn clean_differences(native: &Outcome, outcome: &Outcome) -> Vec<String> {
    let mut found = Vec::new();
    if outcome.exit != native.exit {
        found.push(format!("exit: expected {}, got {}", native.exit, outcome.exit));
    }
    for (what, wanted, got) in [
        ("stdout", native.stdout.clone(), outcome.stdout.clone()),
        ("stderr", native.stderr.clone(), outcome.program_stderr()),
    ] {
        if wanted != got {
            found.push(format!("{what}: expected {wanted:?}, got {got:?}"));
        }
    }
    found
}

/// The text with the report, from where the program says that it must be.
fn find_report(report_in: ReportIn, outcome: &Outcome, scratch: &Path) -> Result<String, String> {
    let is_it = |name: &str| match report_in {
        ReportIn::Stderr => false,
        ReportIn::Log => name.starts_with("report.log"),
        ReportIn::Fallback => name.starts_with("fencepost.") && name.ends_with(".log"),
    };
    if report_in == ReportIn::Stderr {
        return Ok(outcome.stderr.clone());
    }
    let files: Vec<PathBuf> = fs::read_dir(scratch)
        .map_err(|error| error.to_string())?
        .flatten()
        .filter(|entry| is_it(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    match &files[..] {
        [file] => fs::read_to_string(file).map_err(|error| error.to_string()),
        _ => Err(format!("{report_in:?}: expected one file with a report, got {files:?}")),
    }
}

/// `fencepost: NAME (PID): N of M allocations were not guarded: REASON` must be there when it has to, and
/// must not be there when a backend that has no such limit was asked for.
fn unguarded_difference(
    expectation: &Expectation,
    outcome: &Outcome,
    backend: &str,
) -> Option<String> {
    let limited = expectation.unguarded_on.as_ref()?;
    let line = outcome.summary_lines().into_iter().find(|line| line.contains("were not guarded"));
    match line {
        None if limited == backend && mappings_are_limited() => {
            Some("no line `fencepost: N of M allocations were not guarded: REASON`".to_owned())
        }
        Some(line) if limited != backend && backend != "auto" => Some(format!("said: {line}")),
        Some(line) => (!is_unguarded_line(line)).then(|| format!("malformed: {line}")),
        None => None,
    }
}

fn is_unguarded_line(line: &str) -> bool {
    let Some((_, words)) = line.split_once("): ") else { return false };
    let words: Vec<&str> = words.splitn(8, ' ').collect();
    let [unguarded, "of", all, "allocations", "were", "not", "guarded:", reason] = words[..] else {
        return false;
    };
    let number = |word: &str| word.replace(',', "").parse::<u64>();
    match (number(unguarded), number(all)) {
        (Ok(unguarded), Ok(all)) => 0 < unguarded && unguarded <= all && !reason.is_empty(),
        _ => false,
    }
}

/// Whether 200,000 objects with two mappings each are too many for the kernel.
fn mappings_are_limited() -> bool {
    let limit = fs::read_to_string("/proc/sys/vm/max_map_count").expect("Linux has it");
    limit.trim().parse::<u64>().expect("a number") < 400_000
}
