//! Calls every checked function with a good and a bad value of each operand: build.rs makes the calls from
//! `src/checked/functions.list`, and `c-tests/checked_calls.c` includes them. Each bad call is a test;
//! `cargo test --test checked_calls rename` runs those of one function.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use support::backend::{BACKENDS, available_backends, fencepost_run, why_unavailable};
use support::process::{self, Exit, Outcome};
use support::{compile, report, source};

const LIMIT: Duration = Duration::from_secs(300);

/// How many operands may go without a bad call.
const MOST_UNTESTED: usize = 10;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let program = Arc::new(build());
    let cases = cases(&program);
    let declared = declared_functions();
    let mut trials = vec![complete(&cases, &declared)];
    // With mappings=check something stands in front of the functions that the kernel may refuse.
    for (name, options) in [("good_calls", &[][..]), ("refusals", &["--mappings=check"])] {
        for backend in BACKENDS {
            let program = program.clone();
            trials.push(Trial::ignorable_test(format!("{name}::{backend}"), move || {
                match why_unavailable(backend) {
                    Some(why) => Ok(Completion::ignored_with(format!("not available here: {why}"))),
                    None => good_calls_are_let_be(&program, backend, options),
                }
            }));
        }
    }
    // What an operand is does not depend on how pages are guarded.
    let backend = available_backends()[0];
    for case in cases {
        let program = program.clone();
        let name = format!("{}::{}", case.name, case.operand);
        trials.push(Trial::ignorable_test(name, move || bad_call(&program, backend, &case)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn build() -> PathBuf {
    let source = compile::source_folder().join("checked_calls.c");
    let program = compile::build_folder("checked_calls").join("checked_calls");
    // The calls that build.rs makes.
    let generated = format!("-I{}", env!("OUT_DIR"));
    compile::build_program(&source, &program, &[generated], &[]).expect("it compiles");
    program
}

/// What the bad call of one case does.
struct Case {
    name: String,
    function: String,
    operand: String,
    what: What,
}

enum What {
    /// The access, and its size unless that depends on the machine.
    Reported { direction: String, bytes: Option<u64> },
    /// There is no bad call.
    Untested { why: String },
}

fn cases(program: &Path) -> Vec<Case> {
    let mut command = process::command(program);
    let outcome = process::run(command.arg("--list"), LIMIT).expect("it starts");
    let case = |line: &str| {
        let words: Vec<&str> = line.split('\t').map(str::trim_end).collect();
        let [name, function, operand, access, bytes] = words[..] else {
            panic!("not a case: {line}")
        };
        let bytes: u64 = bytes.parse().expect("a size");
        let what = match access {
            "READ" | "WRITE" => {
                What::Reported { direction: access.to_owned(), bytes: (bytes > 0).then_some(bytes) }
            }
            why => What::Untested { why: why.to_owned() },
        };
        let [name, function, operand] = [name, function, operand].map(str::to_owned);
        Case { name, function, operand, what }
    };
    outcome.stdout.lines().map(case).collect()
}

fn declared_functions() -> BTreeSet<String> {
    source::checked_functions().into_iter().flat_map(|(_, names)| names).collect()
}

/// Every declared function has a case, and nearly every operand a bad call.
fn complete(cases: &[Case], declared: &BTreeSet<String>) -> Trial {
    let tested: BTreeSet<String> = cases.iter().map(|case| case.function.clone()).collect();
    let missing: Vec<String> = declared.difference(&tested).cloned().collect();
    let (all, count) = (cases.len(), declared.len());
    let untested = cases.iter().filter(|case| matches!(case.what, What::Untested { .. })).count();
    Trial::test("every_checked_function_has_a_case", move || {
        println!("{all} operands of {count} functions, {untested} without a bad call");
        if count < 500 || !missing.is_empty() || untested > MOST_UNTESTED {
            return Err(format!("{count} functions, without cases: {missing:?}").into());
        }
        Ok(())
    })
}

fn run(program: &Path, backend: &str, options: &[&str], arguments: &[&str]) -> Outcome {
    let mut command = fencepost_run(backend, options.iter().copied(), program);
    process::run(command.args(arguments), LIMIT).expect("fencepost starts")
}

fn good_calls_are_let_be(
    program: &Path,
    backend: &str,
    options: &[&str],
) -> Result<Completion, Failed> {
    let outcome = run(program, backend, options, &[]);
    let is_intact = outcome.exit == Exit::Code(0) && outcome.stdout == "intact\n";
    if is_intact && outcome.stderr.is_empty() {
        Ok(Completion::Completed)
    } else {
        Err(format!("{}: {} {}", outcome.exit, outcome.stdout, outcome.stderr).into())
    }
}

/// One byte or element too many is reported at the call, with what the call would have touched.
fn bad_call(program: &Path, backend: &str, case: &Case) -> Result<Completion, Failed> {
    match &case.what {
        What::Untested { why } => Ok(Completion::ignored_with(why.clone())),
        What::Reported { direction, bytes } => {
            let outcome = run(program, backend, &[], &[&case.name]);
            match difference(case, direction, *bytes, &outcome) {
                None => Ok(Completion::Completed),
                Some(why) => Err(why.into()),
            }
        }
    }
}

fn difference(
    case: &Case,
    direction: &str,
    bytes: Option<u64>,
    outcome: &Outcome,
) -> Option<String> {
    let report = match report::parse(&outcome.stderr) {
        Ok(report) => report,
        Err(why) => return Some(format!("{why}, ended by {}", outcome.exit)),
    };
    let access = report.access.map(|access| access.to_string()).unwrap_or_default();
    let wanted = match bytes {
        Some(bytes) => format!("{direction} of size {bytes}"),
        None => format!("{direction} of size"),
    };
    let is_told = |line: &String| {
        line.strip_prefix(&format!("{} ", case.function)).is_some_and(|told| {
            // What it does with its operand, in the words of the report.
            let is_sought = case.operand == "string" && direction == "READ";
            let operand = match is_sought {
                true => " of a string".to_owned(),
                false if direction == "READ" => format!(" of its {}", case.operand),
                false => format!(" to its {}", case.operand),
            };
            told.split([':', ',', ';']).any(|part| part.contains(&operand))
        })
    };
    let is_caller =
        |frame: &report::Frame| frame.function() == Some(format!("test_{}", case.name).as_str());
    if outcome.exit != Exit::Signal(libc::SIGABRT) {
        Some(format!("ended by {}", outcome.exit))
    } else if report.kind != "heap-buffer-overflow"
        || !(access == wanted || bytes.is_none() && access.starts_with(&wanted))
    {
        Some(format!("expected {wanted}, got {} {access}", report.kind))
    } else if !report.sentence.iter().any(is_told) {
        Some(format!("the operand is not named: {:?}", report.sentence))
    } else if !report.culprit.frames.iter().take(2).any(is_caller) {
        Some(format!("not called by the case: {:?}", report.culprit.frames))
    } else {
        None
    }
}
