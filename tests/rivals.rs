//! Tools that can't share a process with us, and allocators that we do not see: the user is told so in one sentence.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use support::backend::fencepost_run;
use support::built;
use support::compile::{build_folder, build_program};
use support::process::{self, Exit};

const LIMIT: Duration = Duration::from_secs(300);

/// Compiles a program of one line, in a folder of the caller's own.
fn program(test: &str, text: &str, arguments: &[&str]) -> PathBuf {
    let folder = build_folder(&format!("rivals-{test}"));
    fs::create_dir_all(&folder).expect("a folder to build in");
    let source = folder.join("program.c");
    fs::write(&source, text).expect("written");
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    build_program(&source, &folder.join("program"), &arguments, &[]).expect("it compiles");
    folder.join("program")
}

#[test]
fn a_program_under_valgrind_is_refused_in_one_sentence() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return support::say_skipped("no valgrind");
    }
    let mut command = process::command("valgrind");
    command.arg("-q").env("LD_PRELOAD", built::preload_library()).arg("/bin/true");
    let outcome = process::run(&mut command, LIMIT).expect("valgrind starts");
    assert_eq!(outcome.exit, Exit::Code(125), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("fencepost: Valgrind is at work"), "{}", outcome.stderr);
}

#[test]
fn a_program_with_a_sanitizer_is_refused_in_one_sentence() {
    let text = "int main(void) { return 0; }\n";
    for (option, name) in
        [("address", "AddressSanitizer"), ("thread", "ThreadSanitizer"), ("leak", "LeakSanitizer")]
    {
        let program = program(option, text, &[&format!("-fsanitize={option}")]);
        let outcome =
            process::run(&mut fencepost_run("auto", [], &program), LIMIT).expect("it starts");
        assert_eq!(outcome.exit, Exit::Code(125), "{name}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(&format!("is built with {name}")), "{}", outcome.stderr);
        // By hand either runtime may speak first; nobody reports a crash.
        let mut command = process::command(program.as_os_str());
        command.env("LD_PRELOAD", built::preload_library());
        let outcome = process::run(&mut command, LIMIT).expect("it starts");
        assert!(matches!(outcome.exit, Exit::Code(code) if code != 0), "{name}: {}", outcome.exit);
        assert!(!outcome.stderr.contains("ERROR: Fencepost"), "{}", outcome.stderr);
    }
}

#[test]
fn an_allocator_under_other_names_is_said() {
    for (function, owner) in
        [("_rjem_malloc", "jemalloc"), ("mi_malloc", "mimalloc"), ("rpmalloc", "rpmalloc")]
    {
        let text = format!(
            "void *{function}(unsigned long n) {{ static char room[99]; return n < 99 ? room : 0; }}\n\
             int main(void) {{ return !{function}(8); }}\n"
        );
        let program = program(function, &text, &[]);
        let mut command = fencepost_run("auto", [], "./program");
        command.current_dir(program.parent().expect("a folder"));
        let outcome = process::run(&mut command, LIMIT).expect("it starts");
        assert_eq!(outcome.exit, Exit::Code(0), "{}", outcome.stderr);
        let words = format!(
            "only its objects from libc's malloc are guarded: it has an allocator of its own, {owner}"
        );
        assert_eq!(outcome.stderr.matches(&words).count(), 1, "{}", outcome.stderr);
    }
}
