//! Eight threads allocate, free each other's objects and fork: `c-tests/stress.c`. Then eight threads fork and use
//! streams, libraries, look-ups, commands and signals, while processes end: `c-tests/stress_fork.c`. All this on each
//! backend, for FENCEPOST_STRESS_SECONDS in all (5 by default). Nothing may hang, get lost or be reported.

mod support;

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use support::backend::{fencepost_run, why_unavailable};
use support::compile;
use support::process::{self, Exit};

/// What comes on top of the asked time before the run counts as hung: the last round of eight
/// threads, and the last children.
const GRACE: Duration = Duration::from_secs(120);

static PROGRAMS: LazyLock<[PathBuf; 2]> = LazyLock::new(|| {
    ["stress", "stress_fork"].map(|name| {
        let source = compile::source_folder().join(format!("{name}.c"));
        let program = compile::build_folder("stress").join(name);
        let libs = ["-ldl".to_owned()];
        compile::build_program(&source, &program, &["-O1".to_owned()], &libs).expect("it compiles");
        program
    })
});

/// The one that is opened and closed.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let source = compile::source_folder().join("libraries/constructor.c");
    let library = compile::build_folder("stress").join("libconstructor.so");
    compile::build_library(&source, &library).expect("it compiles");
    library
});

fn seconds() -> u64 {
    match std::env::var("FENCEPOST_STRESS_SECONDS") {
        Ok(seconds) => seconds.parse().expect("FENCEPOST_STRESS_SECONDS is a number"),
        Err(_) => 5,
    }
}

/// Nothing on standard error: no report, and no word that an object was not guarded, except on
/// `mprotect`, whose mappings may not suffice.
fn survives<const N: usize>(backend: &str, options: [&'static str; N]) {
    if let Some(reason) = why_unavailable(backend) {
        support::say_skipped(&format!("backend {backend} is unavailable here: {reason}"));
        return;
    }
    let seconds = seconds().div_ceil(2);
    for program in &*PROGRAMS {
        let mut command = fencepost_run(backend, options, program);
        command.arg(seconds.to_string()).arg(&*LIBRARY);
        let limit = Duration::from_secs(seconds) + GRACE;
        let outcome = process::run(&mut command, limit).expect("fencepost starts");
        assert_eq!(outcome.exit, Exit::Code(0), "{}{}", outcome.stdout, outcome.stderr);
        assert_eq!(outcome.stdout, "intact\n");
        match backend {
            "mprotect" => assert_eq!(outcome.program_stderr(), ""),
            _ => assert_eq!(outcome.stderr, ""),
        }
    }
}

#[test]
fn on_madvise() {
    survives("madvise", []);
}

#[test]
fn on_mprotect() {
    survives("mprotect", []);
}

#[test]
fn on_userfaultfd() {
    survives("userfaultfd", []);
}

#[test]
fn going_on_after_reports() {
    survives("mprotect", ["--keep-going"]);
}

#[test]
fn in_batches_on_madvise() {
    survives("madvise", ["--fast"]);
}

#[test]
fn in_batches_on_userfaultfd() {
    survives("userfaultfd", ["--fast"]);
}

/// On the libc allocator nothing is lost either: a failure above is not the program's own.
#[test]
fn natively() {
    for program in &*PROGRAMS {
        let mut command = process::command(program);
        command.arg("1").arg(&*LIBRARY);
        let outcome = process::run(&mut command, GRACE).expect("it starts");
        assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(0), "intact\n"));
    }
}
