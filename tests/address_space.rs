//! The runtime's address space, thread-local storage and locked memory are not charged to the program.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use support::backend::{available_backends, fencepost_run};
use support::compile::{build_folder, build_library, build_program};
use support::process::{self, Exit};

const LIMIT: Duration = Duration::from_secs(300);

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
    let asked: [&[&str]; 7] = [
        &["any", "60"],
        // What is left between the program and its libraries, and next to it.
        &["any", "80", "any", "9", "any", "8"],
        &["fixed", "0x400000000000", "fixed", "0x600000000000", "fixed", "0x700000000000"],
        &["new", "0x620000000000", "new", "0x6e0000000000", "new", "0x720000000000"],
        &["wish", "0x630000000000", "wish", "0x6f0000000000", "wish", "0x740000000000"],
        &["moved", "0x610000000000", "moved", "0x710000000000", "shared", "0x730000000000"],
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
    let fixed = |command: &Command| {
        // Where objects lie must not be left to chance: a wish is not granted next to them.
        let mut fixed = process::command("setarch");
        fixed.arg("-R").arg(command.get_program()).args(command.get_args());
        fixed
    };
    let outcome = process::run(&mut fixed(&process::command("/bin/true")), LIMIT);
    if outcome.is_ok_and(|outcome| outcome.exit != Exit::Code(0)) {
        return support::say_skipped(
            "setarch -R is not permitted here: mappings at fixed addresses",
        );
    }
    for asked in asked {
        let mut native = process::command(&program);
        let native = process::run(&mut fixed(native.args(asked)), LIMIT).unwrap();
        assert!(native.stdout.contains("0 wrong, child ended with 0"), "{}", native.stdout);
        for backend in available_backends() {
            let mut command = fencepost_run(backend, [], &program);
            let outcome = process::run(&mut fixed(command.args(asked)), LIMIT).unwrap();
            assert_eq!(
                (outcome.exit, outcome.stdout.as_str(), outcome.stderr.as_str()),
                (native.exit, native.stdout.as_str(), ""),
                "{asked:?} on {backend}"
            );
        }
    }
}

/// Runs a command as a user without privileges who may lock `bytes` bytes.
fn without_privilege(command: &mut Command, bytes: u64) {
    process::limit(command, libc::RLIMIT_MEMLOCK, bytes);
    // SAFETY: geteuid cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        command.uid(65534).gid(65534);
    }
}

/// mlockall of a user does what it does natively, whatever is reserved: current and later mappings are locked, within
/// the limit.
#[test]
fn a_user_locks_memory_as_natively() {
    let program = program("locks", "lock_all");
    // Other users must come to it.
    let folder = std::env::temp_dir().join(format!("fencepost-locks-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let files = ["lock_all", "fencepost", "libfencepost.so"].map(|name| folder.join(name));
    let library = support::built::preload_library();
    for (from, to) in
        [&program, &PathBuf::from(support::backend::FENCEPOST), &library].iter().zip(&files)
    {
        fs::copy(from, to).unwrap();
    }
    for path in files.iter().chain([&folder]) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: it writes the structure.
    unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    for bytes in [0, 64 << 10, limit.rlim_max.min(8 << 20)] {
        let all = ["1", "2", "3", "6", "7", "5", "4", "0", "8"];
        let count = if bytes < 1 << 20 { 4 } else { all.len() };
        for flags in &all[..count] {
            let mut native = process::command(&files[0]);
            without_privilege(native.arg(flags), bytes);
            let native = process::run(&mut native, LIMIT).unwrap();
            assert_eq!(native.exit, Exit::Code(0), "{}", native.stderr);
            for backend in available_backends() {
                let mut command = process::command(&files[1]);
                command.args(["run", "--backend", backend, "--"]).arg(&files[0]).arg(flags);
                without_privilege(&mut command, bytes);
                let outcome = process::run(&mut command, LIMIT).unwrap();
                assert_eq!(
                    (outcome.exit, outcome.stdout.as_str(), outcome.stderr.as_str()),
                    (native.exit, native.stdout.as_str(), ""),
                    "flags {flags}, limit {bytes} on {backend}"
                );
            }
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

/// What is ours is not charged to a program that limits its address space, however that grows and shrinks.
#[test]
fn a_program_that_limits_its_address_space_goes_on() {
    let program = program("limited", "limited");
    let native = process::run(&mut process::command(&program), LIMIT).unwrap();
    assert!(native.stdout.contains("4 threads, 20 MiB: yes, 900 MiB: no"), "{}", native.stdout);
    for backend in available_backends() {
        let outcome = process::run(&mut fencepost_run(backend, [], &program), LIMIT).unwrap();
        assert_eq!(
            (outcome.exit, outcome.stdout.as_str(), outcome.stderr.as_str()),
            (native.exit, native.stdout.as_str(), ""),
            "{backend}"
        );
    }
}
