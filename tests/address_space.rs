//! What the runtime takes of address space, thread-local storage and locked memory is not charged to the program.

mod support;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::compile::{build_folder, build_library, build_program};
use support::process::{self, Exit};

const LIMIT: Duration = Duration::from_secs(60);

fn source(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/address_space/{name}.c"))
}

/// Compiles `tests/address_space/NAME.c` in a folder of the caller's own.
fn program(test: &str, name: &str) -> PathBuf {
    let folder = build_folder(&format!("address-space-{test}"));
    fs::create_dir_all(&folder).expect("a folder to build in");
    let output = folder.join(name);
    build_program(&source(name), &output, &["-g".to_owned()], &[]).expect("it compiles");
    output
}

/// Programs start beside libraries of LD_AUDIT, which leave little static thread-local storage to others, and bugs in
/// them are reported.
#[test]
fn programs_with_auditing_libraries_are_guarded() {
    let folder = build_folder("address-space-audit");
    let libraries = ["auditor", "second_auditor"].map(|name| {
        let output = folder.join(format!("{name}.so"));
        build_library(&source(name), &output).expect("it compiles");
        output.display().to_string()
    });
    let overflow = program("audit", "overflow");
    for audit in [&libraries[0], &libraries[1], &libraries.join(":")] {
        for backend in available_backends() {
            let mut clean = fencepost_run(backend, [], "/bin/echo");
            let outcome = process::run(clean.arg("hello").env("LD_AUDIT", audit), LIMIT).unwrap();
            assert_eq!(
                (outcome.exit, outcome.stdout.as_str(), outcome.stderr.as_str()),
                (Exit::Code(0), "hello\n", ""),
                "LD_AUDIT={audit} on {backend}"
            );
            let mut bad = fencepost_run(backend, [], &overflow);
            let outcome = process::run(bad.env("LD_AUDIT", audit), LIMIT).unwrap();
            assert_eq!(outcome.exit, Exit::Signal(libc::SIGSEGV), "{}", outcome.stderr);
            assert!(outcome.stderr.contains("heap-buffer-overflow"), "{}", outcome.stderr);
        }
    }
}

/// A program gets the address space that it asks for, as natively: much of it, and at any address that is free.
#[test]
fn mappings_lie_where_the_program_wants_them() {
    let program = program("mappings", "mappings");
    let asked: [&[&str]; 6] = [
        &["any", "60"],
        // What is left between the program and its libraries, and next to it.
        &["any", "80", "any", "9", "any", "8"],
        &["fixed", "0x400000000000", "fixed", "0x600000000000", "fixed", "0x700000000000"],
        &["new", "0x620000000000", "new", "0x6e0000000000", "new", "0x720000000000"],
        &["wish", "0x630000000000", "wish", "0x6f0000000000", "wish", "0x740000000000"],
        &[
            "fixed",
            "0x700000000000",
            "fixed",
            "0x600000000000",
            "new",
            "0x780000000000",
            "any",
            "60",
        ],
    ];
    for asked in asked {
        let native = process::run(process::command(&program).args(asked), LIMIT).unwrap();
        assert!(native.stdout.contains("0 wrong, child ended with 0"), "{}", native.stdout);
        for backend in available_backends() {
            let mut command = fencepost_run(backend, [], &program);
            let outcome = process::run(command.args(asked), LIMIT).unwrap();
            assert_eq!(
                (outcome.exit, outcome.stdout.as_str(), outcome.stderr.as_str()),
                (native.exit, native.stdout.as_str(), ""),
                "{asked:?} on {backend}"
            );
        }
    }
}
