//! Calls about pages that reach beyond an object leave guards as they are, and the places of freed objects: what goes wrong there is
//! reported afterwards, too.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::compile::{build_folder, build_program};
use support::process::{self, Exit};

static TORN: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = build_folder("page-calls");
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/page_calls/torn.c");
    let output = folder.join("torn");
    build_program(&source, &output, &["-g".to_owned()], &[]).expect("it compiles");
    output
});

/// What is reported after the call: an overrun, a stale access, and an overrun of an object that the call reached.
const AFTERWARDS: [&str; 3] =
    ["heap-buffer-overflow", "heap-use-after-free", "heap-buffer-overflow"];

/// The kinds of the bugs that are reported, in order, and what the program prints.
fn run(backend: &str, call: &str, bytes: usize) -> (Vec<String>, String) {
    let mut command = fencepost_run(backend, ["--keep-going"], &*TORN);
    let outcome = process::run(command.arg(call).arg(bytes.to_string()), Duration::from_secs(60))
        .expect("fencepost starts");
    assert_eq!(outcome.exit, Exit::Code(0), "{backend} {call} {bytes}: {}", outcome.stderr);
    let kind = |line: &str| {
        let (_, rest) = line.split_once("==ERROR: Fencepost: ")?;
        rest.split(' ').next().map(str::to_owned)
    };
    (outcome.stderr.lines().filter_map(kind).collect(), outcome.stdout)
}

fn check(call: &str, kind: Option<&str>, result: &str) {
    for backend in available_backends() {
        for bytes in [4096, 3 * 4096, 40 * 4096] {
            let (kinds, printed) = run(backend, call, bytes);
            let expected: Vec<&str> = kind.into_iter().chain(AFTERWARDS).collect();
            assert_eq!(kinds, expected, "{backend} {call} {bytes}");
            assert_eq!(printed, format!("{result}\ndone\n"), "{backend} {call} {bytes}");
        }
    }
}

#[test]
fn guards_stay_where_munmap_reaches_too_far() {
    check("munmap", Some("bad-munmap"), "0");
}

#[test]
fn guards_stay_where_mprotect_reaches_too_far() {
    check("mprotect", Some("bad-mprotect"), "0");
}

#[test]
fn guards_stay_where_mprotect_permits_all() {
    check("mprotect-all", None, "0");
}

#[test]
fn guards_stay_where_mmap_reaches_too_far() {
    check("mmap", Some("bad-mmap"), "1");
}

#[test]
fn mremap_that_reaches_too_far_fails() {
    check("mremap", Some("bad-mremap"), "1");
}

#[test]
fn guards_stay_where_madvise_reaches_too_far() {
    check("madvise", None, "0");
}

#[test]
fn guards_stay_where_the_program_takes_guards_away() {
    check("guards", None, "1");
}
