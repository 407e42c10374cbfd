//! The demos.

use std::path::Path;
use std::process::Command;

use super::{COMMAND, Scratch, fencepost, stub, text};

#[test]
fn demos_are_listed() {
    let output = fencepost().args(["demo", "--list"]).output().unwrap();
    assert!(output.status.success());
    let listed = text(&output.stdout);
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(
        names,
        [
            "heap-buffer-overflow",
            "heap-buffer-underflow",
            "use-after-free",
            "double-free",
            "bad-free",
            "overwritten-slack",
            "map-anonymous",
            "map-shared",
            "map-file",
            "map-fixed",
            "map-dev-zero",
            "map-unmapped",
            "map-protected",
            "map-dropped",
            "map-past-eof",
            "map-permissions"
        ]
    );
}

#[test]
fn demo_judges_how_its_program_ended() {
    let scratch = Scratch::new();
    let library = |name: &str, ending: &str| {
        let source = format!(
            "#include <stdlib.h>\n#include <signal.h>\n#include <unistd.h>\n\
             #include <sys/resource.h>\n\
             __attribute__((constructor)) static void end(void) {{\n\
                 struct rlimit none = {{0, 0}};\n\
                 setrlimit(RLIMIT_CORE, &none);\n\
                 {ending};\n\
             }}"
        );
        scratch.compile(name, &source, &["-shared", "-fPIC"])
    };
    let faults = library("faults.so", "raise(SIGSEGV)");
    let aborts = library("aborts.so", "abort()");
    let exits = library("exits.so", "_exit(9)");
    let demo = |library: &Path, words: &[&str]| {
        fencepost().arg("demo").args(words).env("FENCEPOST_LIBRARY", library).output().unwrap()
    };
    for (library, words, code, phrase) in [
        (faults.as_path(), &[][..], 0, "demos/heap_buffer_overflow.c:11"),
        (&faults, &["use-after-free"], 0, "stopped by SIGSEGV at the first bad access"),
        (&faults, &["heap-buffer-underflow"], 0, "run --placement=left --"),
        (&faults, &["double-free"], 1, "died of SIGSEGV"),
        (&aborts, &["double-free"], 0, "stopped by SIGABRT"),
        (&aborts, &["heap-buffer-overflow"], 1, "died of SIGABRT"),
        (&exits, &["bad-free", "--error-exitcode=9"], 0, "exit code 9 asked for"),
        (&exits, &["bad-free"], 1, "exited with code 9"),
        (&faults, &["map-past-eof"], 0, "which the mapping does not permit"),
        (&aborts, &["map-past-eof"], 1, "died of SIGABRT"),
        (stub(), &["overwritten-slack"], 1, "as if all were well"),
    ] {
        let output = demo(library, words);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(phrase), "{words:?}: {said}");
    }
}

#[test]
fn demo_code_has_its_lines() {
    let symbols = Command::new("nm").arg(COMMAND).output().expect("this test needs binutils");
    let symbols = text(&symbols.stdout);
    let entry = symbols.lines().find(|line| line.ends_with("fencepost_demo_use_after_free"));
    let address = entry.and_then(|line| line.split(' ').next()).expect("the demo is linked in");
    let place = Command::new("addr2line").args(["-e", COMMAND, address]).output().unwrap();
    assert!(text(&place.stdout).contains("demos/use_after_free.c:"), "{}", text(&place.stdout));
}
