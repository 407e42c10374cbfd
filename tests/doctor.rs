//! `fencepost doctor`: what it says about the machine and about programs.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use support::backend::{BACKENDS, FENCEPOST, why_unavailable};
use support::compile::{build_folder, build_program};
use support::process;

fn doctor(words: &[&Path]) -> Output {
    process::command(FENCEPOST).arg("doctor").args(words).output().expect("fencepost starts")
}

/// The exit code, and the text, for a program.
fn of_program(program: &Path) -> (Option<i32>, String) {
    let output = doctor(&[program]);
    assert!(output.stderr.is_empty());
    let text = String::from_utf8(output.stdout).expect("text");
    let (_, about) = text.split_once("\nThe program ").unwrap_or_else(|| panic!("{text}"));
    (output.status.code(), about.to_owned())
}

fn build(name: &str, source: &str, flags: &[&str]) -> Result<PathBuf, String> {
    let folder = build_folder("doctor");
    let (path, output) = (folder.join(format!("{name}.c")), folder.join(name));
    fs::write(&path, source).expect("the folder is writable");
    let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
    build_program(&path, &output, &flags, &[]).map(|()| output)
}

const EMPTY: &str = "int main(void) { return 0; }\n";

#[test]
fn it_says_which_backends_work() {
    let output = doctor(&[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let line = |name: &str| {
        let found = text.lines().find(|line| line.split_whitespace().next() == Some(name));
        found.unwrap_or_else(|| panic!("{name} is not in: {text}"))
    };
    let mut has_choice = false;
    for backend in BACKENDS {
        match why_unavailable(backend) {
            None => {
                let chosen = line(backend).contains("the one that auto takes");
                assert!(line(backend).contains("works here"), "{text}");
                assert_eq!(chosen, !has_choice, "{text}");
                has_choice = true;
            }
            Some(why) => {
                let (_, reason) = why.split_once(" is not available: ").expect("as all say it");
                assert!(line(backend).ends_with(reason), "{text}");
            }
        }
    }
    for name in ["kernel", "guard", "vm.max_map_count", "RLIMIT_AS", "memory", "seccomp"] {
        line(name);
    }
    // The names and grades stand below each other.
    let column = |word: &str| {
        let line = text.lines().find(|line| line.contains(word)).expect("there");
        line.find(word)
    };
    assert_eq!(column("Linux "), column("glibc "));
}

#[test]
fn the_same_in_json() {
    let output = doctor(&[Path::new("--json"), Path::new("/bin/true")]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let names = |list: &str| -> Vec<String> {
        let checks = value[list].as_array().expect("a list");
        checks.iter().map(|check| check["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert!(names("machine").contains(&"userfaultfd".to_owned()));
    assert!(names("program").contains(&"guard".to_owned()));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn programs_that_can_be_guarded() {
    let plain = build("plain", EMPTY, &["-g"]).expect("it compiles");
    let (code, text) = of_program(&plain);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("good  it loads the guard") && text.contains("it has debug information"));
    let stripped = build("stripped", EMPTY, &["-s"]).expect("it compiles");
    assert!(of_program(&stripped).1.contains("it is stripped\n"));
    let named = build("named", EMPTY, &["-g0"]).expect("it compiles");
    assert!(of_program(&named).1.contains("the names of functions, no files and lines"));
    let script = build_folder("doctor").join("script");
    fs::write(&script, format!("#!/usr/bin/env -S {} -x\n", plain.display())).expect("writable");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let (code, text) = of_program(&script);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains(&format!("the program that is guarded is '{}'", plain.display())),
        "{text}"
    );
    let allocator = "void *je_malloc(unsigned long size) { return 0; }\n".to_owned() + EMPTY;
    let allocator = build("allocator", &allocator, &[]).expect("it compiles");
    let (code, text) = of_program(&allocator);
    assert!(code == Some(0) && text.contains("poor  only its objects from libc's"), "{text}");
}

#[test]
fn programs_that_cannot_be_guarded() {
    let fixed = build("fixed", EMPTY, &["-static"]).expect("it compiles");
    let own = "void *malloc(unsigned long size) { return 0; }\n".to_owned() + EMPTY;
    let own = build("own", &own, &["-rdynamic"]).expect("it compiles");
    let musl = ["-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"];
    let musl = build("musl", EMPTY, &musl).expect("it compiles");
    let mut bytes = fs::read("/bin/true").expect("Linux has it");
    bytes[18] = 183;
    let foreign = build_folder("doctor").join("foreign");
    fs::write(&foreign, bytes).expect("the folder is writable");
    fs::set_permissions(&foreign, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let absent = PathBuf::from("/nowhere/absent");
    for (program, phrase) in [
        (&fixed, "is statically linked, so no guard can be loaded into it"),
        (&own, "the program has a malloc of its own"),
        (&musl, "uses musl, and the guard needs glibc"),
        (&foreign, "is built for aarch64"),
        (&absent, "was not found"),
    ] {
        let (code, text) = of_program(program);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("  bad   ") && text.contains(phrase), "{text}");
    }
    match build("sanitized", EMPTY, &["-fsanitize=address"]) {
        Ok(program) => {
            let (code, text) = of_program(&program);
            assert!(code == Some(1) && text.contains("is built with AddressSanitizer"), "{text}");
        }
        Err(_) => support::say_skipped("a sanitized program: the compiler has no sanitizer"),
    }
}

#[test]
fn wrong_options_of_the_environment_are_bad() {
    let mut command = process::command(FENCEPOST);
    let output = command.arg("doctor").env("FENCEPOST_OPTIONS", "placement=middle").output();
    let output = output.expect("fencepost starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.code() == Some(1) && text.contains("option 'placement' takes"), "{text}");
}
