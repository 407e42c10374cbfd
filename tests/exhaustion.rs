//! When memory runs out, the program's calls fail as they would without the guard, and our code does not abort.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::compile::{build_folder, build_program};
use support::process::{self, Exit};

const LIMIT: Duration = Duration::from_secs(300);

/// Has `tests/robustness/exhausted.c` try `what` within each of the limits, natively and on each backend.
fn compare(what: &str, limits: [(u32, u64); 2], expected: &str) {
    let folder = build_folder(&format!("exhaustion-{what}"));
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/robustness/exhausted.c");
    let program = folder.join("exhausted");
    build_program(&source, &program, &["-g".to_owned()], &["-pthread", "-ldl"].map(str::to_owned))
        .expect("it compiles");
    for (resource, mebibytes) in limits {
        let run = |mut command: Command| {
            process::limit(command.arg(what), resource, mebibytes << 20);
            process::run(&mut command, LIMIT).expect("it starts")
        };
        let native = run(process::command(&program));
        assert_eq!((native.exit, native.stdout.as_str()), (Exit::Code(0), expected), "natively");
        for backend in available_backends() {
            let outcome = run(fencepost_run(backend, ["--summary", "never"], &program));
            let case = format!("resource {resource}, {backend}");
            assert_eq!(
                (outcome.exit, outcome.stdout.as_str(), outcome.stderr.as_str()),
                (native.exit, native.stdout.as_str(), ""),
                "{case}"
            );
        }
    }
}

const BOTH: [(u32, u64); 2] = [(libc::RLIMIT_AS, 100), (libc::RLIMIT_DATA, 100)];

#[test]
fn a_thread_is_refused_and_later_granted() {
    compare("thread", BOTH, "EAGAIN; a thread\n");
}

#[test]
fn as_many_threads_as_there_can_be() {
    let limits = [(libc::RLIMIT_AS, 80), (libc::RLIMIT_DATA, 40)];
    compare("many", limits, "threads\n");
}

#[test]
fn a_library_is_refused_and_later_loaded() {
    compare("library", BOTH, "no library; a library\n");
}

#[test]
fn a_child_has_what_its_parent_has() {
    compare("child", BOTH, "a child; a child\n");
}

#[test]
fn an_object_that_can_not_grow_keeps_what_it_holds() {
    compare("growth", BOTH, "grown\n");
}
