//! Every checked function is called rightly and wrongly, for each of its operands: `c-tests/checked_calls.c`. Those
//! that are called most, on objects of all sorts of sizes: `c-tests/operands.c`.

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::process::{self, Exit, Outcome};
use support::{compile, report, source};

const LIMIT: Duration = Duration::from_secs(60);

static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| build("checked_calls"));
static OPERANDS: LazyLock<PathBuf> = LazyLock::new(|| build("operands"));

fn build(name: &str) -> PathBuf {
    let source = compile::source_folder().join(name).with_extension("c");
    let program = compile::build_folder(name).join(name);
    // What build.rs makes of the declarations.
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

fn cases() -> Vec<Case> {
    let mut command = process::command(&*PROGRAM);
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

fn run(backend: &str, arguments: &[&str]) -> Outcome {
    let mut command = fencepost_run(backend, [], &*PROGRAM);
    process::run(command.args(arguments), LIMIT).expect("fencepost starts")
}

/// How many operands may go without a bad call.
const MOST_UNTESTED: usize = 10;

#[test]
fn every_checked_function_has_a_case() {
    let declared: BTreeSet<String> =
        source::checked_functions().into_iter().flat_map(|(_, names)| names).collect();
    let cases = cases();
    let tested: BTreeSet<String> = cases.iter().map(|case| case.function.clone()).collect();
    assert!(declared.len() > 500, "{declared:?}");
    assert_eq!(tested, declared);
    let untested: Vec<String> = cases
        .iter()
        .filter_map(|case| match &case.what {
            What::Untested { why } => Some(format!("{} ({}): {why}", case.function, case.operand)),
            What::Reported { .. } => None,
        })
        .collect();
    println!("{} operands, {} without a bad call:", cases.len(), untested.len());
    println!("{}", untested.join("\n"));
    assert!(untested.len() <= MOST_UNTESTED, "{}", untested.join("\n"));
}

#[test]
fn good_calls_are_let_be() {
    for backend in available_backends() {
        let outcome = run(backend, &[]);
        assert_eq!(outcome.exit, Exit::Code(0), "{backend}: {}", outcome.stderr);
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("intact\n", ""));
    }
}

/// One byte or element too many is reported at the call, with what the call would have touched.
#[test]
fn bad_calls_are_reported() {
    let backend = available_backends()[0];
    let wrong = compile::map_in_parallel(&cases(), |case| {
        let What::Reported { direction, bytes } = &case.what else { return None };
        let outcome = run(backend, &[&case.name]);
        let why = difference(case, direction, *bytes, &outcome)?;
        Some(format!("{} ({}): {why}", case.name, case.operand))
    });
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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

/// Cases of `operands.c`, with the kind of their bug, the function that the report names, and how much of an
/// object of so many bytes that touches.
const OPERAND_CASES: [(&str, &str, &str, BytesOf); 22] = [
    ("memcpy_to", OVERFLOW, "memcpy", ONE_MORE),
    ("memcpy_from", OVERFLOW, "memcpy", ONE_MORE),
    ("memcpy_last", OVERFLOW, "memcpy", |_| 2),
    ("memcpy_before", "heap-buffer-underflow", "memcpy", |_| 1),
    ("memcpy_freed", AFTER_FREE, "memcpy", |_| 1),
    ("memmove", OVERFLOW, "memmove", ONE_MORE),
    ("memset", OVERFLOW, "memset", ONE_MORE),
    ("memset_freed", AFTER_FREE, "memset", |size| size),
    ("memcmp", OVERFLOW, "memcmp", ONE_MORE),
    ("memcmp_second", OVERFLOW, "memcmp", ONE_MORE),
    ("strlen", OVERFLOW, "strlen", ONE_MORE),
    ("strlen_last", OVERFLOW, "strlen", |_| 2),
    ("strlen_freed", AFTER_FREE, "strlen", |_| 1),
    ("strchr", OVERFLOW, "strchr", ONE_MORE),
    ("strstr", OVERFLOW, "strstr", ONE_MORE),
    ("strpbrk", OVERFLOW, "strpbrk", ONE_MORE),
    ("strspn", OVERFLOW, "strspn", ONE_MORE),
    ("strcspn", OVERFLOW, "strcspn", ONE_MORE),
    ("strcmp", OVERFLOW, "strcmp", ONE_MORE),
    ("strcmp_second", OVERFLOW, "strcmp", ONE_MORE),
    ("strcmp_last", OVERFLOW, "strcmp", |_| 2),
    ("strcmp_freed", AFTER_FREE, "strcmp", |_| 1),
];
const OVERFLOW: &str = "heap-buffer-overflow";
const AFTER_FREE: &str = "heap-use-after-free";
type BytesOf = fn(u64) -> u64;
const ONE_MORE: BytesOf = |size| size + 1;

/// One for each size of slots, and large ones.
const OPERAND_SIZES: [u64; 9] = [1, 20, 4000, 4096, 5000, 12_000, 30_000, 60_000, 200_000];

/// Of these, those that are tried in other placements too.
const FEW_SIZES: [u64; 3] = [4000, 5000, 200_000];

#[test]
fn good_operands_of_all_sizes_are_let_be() {
    for placement in ["right", "left", "random", "exact"] {
        let backend = available_backends()[0];
        let option = format!("--placement={placement}");
        let mut command = fencepost_run(backend, [option.as_str()], &*OPERANDS);
        let outcome = process::run(&mut command, LIMIT).expect("fencepost starts");
        assert_eq!(outcome.exit, Exit::Code(0), "{placement}: {}", outcome.stderr);
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("intact\n", ""));
    }
}

/// Also where an RLIMIT_AS leaves room for little, and addresses are told otherwise.
#[test]
fn bad_operands_of_all_sizes_are_reported() {
    let cases: Vec<_> = OPERAND_CASES
        .into_iter()
        .flat_map(|case| OPERAND_SIZES.into_iter().map(move |size| (case, size)))
        .flat_map(|case| ["right", "left", "limited"].into_iter().map(move |how| (case, how)))
        .filter(|&((_, size), how)| how == "right" || FEW_SIZES.contains(&size))
        .collect();
    let wrong =
        compile::map_in_parallel(&cases, |&(((case, kind, function, bytes), size), how)| {
            let placement = if how == "left" { "left" } else { "right" };
            let option = format!("--placement={placement}");
            let mut command = fencepost_run(available_backends()[0], [option.as_str()], &*OPERANDS);
            if how == "limited" {
                process::limit(&mut command, libc::RLIMIT_AS, 4 << 30);
            }
            command.args([case, &size.to_string()]);
            let outcome = process::run(&mut command, LIMIT).expect("fencepost starts");
            let told = match report::parse(&outcome.stderr) {
                Ok(report) => {
                    let access = report.access.map(|access| access.to_string()).unwrap_or_default();
                    let call = format!("{function} ");
                    let is_right = outcome.exit == Exit::Signal(libc::SIGABRT)
                        && report.kind == kind
                        && access.ends_with(&format!(" of size {}", bytes(size)))
                        && report.sentence.iter().any(|line| line.starts_with(&call));
                    let told = &report.sentence;
                    let got = || format!("{} {} {access} {told:?}", outcome.exit, report.kind);
                    if is_right { Ok(()) } else { Err(got()) }
                }
                Err(why) => Err(why),
            };
            told.err().map(|why| format!("{case} of {size}, {how}: {why}"))
        });
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
