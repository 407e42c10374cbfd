//! The command as a user meets it: what it refuses, and that what it runs is left as it was.
//!
//! A stub takes the place of the preload library here, so these tests are about the command alone.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

mod arguments;
mod configuration;
mod demos;
mod install;
mod library;
mod passing;
mod programs;
mod scripts;

const COMMAND: &str = env!("CARGO_BIN_EXE_fencepost");

/// A directory that is removed with its contents at the end of the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fencepost-command-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Scratch(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes an executable file. Another process does it: were the file open for writing here, a child that
    /// another test is just starting could hold the descriptor, and executing the file would fail.
    fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        let mut tee = Command::new("tee");
        feed(tee.arg(&path).stdout(Stdio::null()), contents.as_ref());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// Compiles a C program with these compiler flags.
    fn compile(&self, name: &str, source: &str, flags: &[&str]) -> PathBuf {
        let path = self.path(name);
        compile(&path, source, flags);
        path
    }

    /// A copy of `/bin/true` with some bytes of its header replaced.
    fn patched_true(&self, name: &str, offset: usize, bytes: &[u8]) -> PathBuf {
        let mut contents = fs::read("/bin/true").unwrap();
        contents[offset..offset + bytes.len()].copy_from_slice(bytes);
        self.file(name, contents)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// These tests need a C compiler.
fn compile(path: &Path, source: &str, flags: &[&str]) {
    let mut compiler = Command::new("cc");
    feed(compiler.args(["-x", "c", "-", "-o"]).arg(path).args(flags), source.as_bytes());
}

/// Runs a command to its end with this input.
fn feed(command: &mut Command, input: &[u8]) {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    assert!(child.wait().unwrap().success());
}

const STUB_SOURCE: &str = r#"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((constructor)) static void start(void)
{
    char path[64];
    int pid, descriptor;
    const char *ledger = getenv("FENCEPOST_RUN");
    if (!ledger || sscanf(ledger, "%d.%d.", &pid, &descriptor) != 2)
        return;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, descriptor);
    int file = open(path, O_WRONLY);
    pwrite(file, "\1\0\0\0\0\0\0", 8, 0);
    close(file);
}
"#;

const EMPTY_PROGRAM: &str = "int main(void) { return 0; }";

/// A preload library that does nothing but to tell `run` that it was loaded (`src/ledger.rs`).
fn stub() -> &'static Path {
    static STUB: OnceLock<PathBuf> = OnceLock::new();
    STUB.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stub");
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("libfencepost.so");
        compile(&path, STUB_SOURCE, &["-shared", "-fPIC"]);
        path
    })
}

/// The command, with the stub and with an environment that does not depend on who runs the tests.
fn fencepost() -> Command {
    let mut command = Command::new(COMMAND);
    command.env("FENCEPOST_LIBRARY", stub()).env_remove("FENCEPOST_OPTIONS");
    command.env_remove("LD_PRELOAD").stdin(Stdio::null());
    command
}

fn run<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Output {
    fencepost().arg("run").arg("--").args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Asserts that nothing was run and that one sentence says why.
#[track_caller]
fn assert_refused(output: Output, code: i32, phrase: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.starts_with("fencepost: ") && said.ends_with('\n'), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(phrase), "{phrase:?} is not in: {said}");
    assert_eq!(text(&output.stdout), "");
}

#[track_caller]
fn assert_prints(output: Output, expected: &str) {
    assert_eq!(text(&output.stderr), "");
    assert_eq!(text(&output.stdout), expected);
    assert!(output.status.success(), "{}", output.status);
}

/// Says that a test is skipped, past the harness, which shows `eprintln!` of failed tests only.
fn say_skipped(test: &str, why: &str) {
    let line = format!("{test}: skipped, as {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn is_root_or_says_skipped(test: &str) -> bool {
    // SAFETY: the call has no arguments, touches no memory and cannot fail.
    let is_root = unsafe { libc::geteuid() } == 0;
    if !is_root {
        say_skipped(test, "it needs root");
    }
    is_root
}
