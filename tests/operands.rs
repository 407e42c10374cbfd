//! Calls the most usual checked functions on objects of many sizes: `c-tests/operands.c`.

mod support;

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::process::{self, Exit};
use support::{compile, report};

const LIMIT: Duration = Duration::from_secs(300);

static OPERANDS: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = compile::source_folder().join("operands.c");
    let program = compile::build_folder("operands").join("operands");
    compile::build_program(&source, &program, &[], &[]).expect("it compiles");
    program
});

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
