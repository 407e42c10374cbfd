//! `fencepost demo`: small C programs, each with one bug, run under the guard. Some are lessons about mmap(2) and its
//! relatives: they do it right first.

use std::fmt;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use super::refusal::{Refusal, quoted};
use super::run::Flags;
use super::{ending, run, sys};

/// The hidden subcommand that runs as the buggy program.
pub const CHILD_COMMAND: &str = "demo-child";

/// One demo.
struct Demo {
    name: &'static str,
    description: &'static str,
    /// Path of the C source in the package.
    file: &'static str,
    source: &'static str,
    /// The value of `placement` with which the bug is found at once.
    placement: &'static str,
    ending: Ending,
    entry: unsafe extern "C" fn(),
}

/// How a guarded program ends after the report.
#[derive(Clone, Copy)]
enum Ending {
    /// By the fault of the bad access itself.
    Fault,
    /// The same, in a mapping of the program's own, which the kernel guards.
    Mapping,
    /// By abort, since a bad call does not fault.
    Abort,
}

impl Ending {
    fn is_by(self, signal: i32) -> bool {
        match self {
            // The signal depends on the backend.
            Ending::Fault | Ending::Mapping => signal == libc::SIGSEGV || signal == libc::SIGBUS,
            Ending::Abort => signal == libc::SIGABRT,
        }
    }
}

/// Declares the C functions and [`CATALOG`].
macro_rules! demos {
    ($($name:literal, $stem:literal, $entry:ident, $ending:ident, placement $placement:literal: $description:literal;)+) => {
        #[allow(unsafe_code)]
        // SAFETY: demos/*.c, compiled into the command, define these functions with this signature.
        unsafe extern "C" {
            $(fn $entry();)+
        }

        /// Every demo, the default first.
        static CATALOG: &[Demo] = &[$(Demo {
            name: $name,
            description: $description,
            file: concat!("demos/", $stem, ".c"),
            source: include_str!(concat!("../../demos/", $stem, ".c")),
            placement: $placement,
            ending: Ending::$ending,
            entry: $entry,
        },)+];
    };
}

demos! {
    "heap-buffer-overflow", "heap_buffer_overflow", fencepost_demo_heap_buffer_overflow, Fault,
        placement "right": "a table of twelve months is filled from 1 to 12 instead of 0 to 11";
    "heap-buffer-underflow", "heap_buffer_underflow", fencepost_demo_heap_buffer_underflow, Fault,
        placement "left": "a blank line is trimmed from its end to before its start";
    "use-after-free", "use_after_free", fencepost_demo_use_after_free, Fault,
        placement "right": "a list is freed by a loop that reads the next pointer of a freed node";
    "double-free", "double_free", fencepost_demo_double_free, Abort,
        placement "right": "two copies of a struct share a string, and both free it";
    "bad-free", "bad_free", fencepost_demo_bad_free, Abort,
        placement "right": "a pointer is moved past leading blanks before it is freed";
    "overwritten-slack", "overwritten_slack", fencepost_demo_overwritten_slack, Abort,
        placement "right": "a string is copied without room for its NUL, as its free finds out";
    "map-anonymous", "map_anonymous", fencepost_demo_map_anonymous, Mapping,
        placement "right": "an anonymous private mapping is zeros at first; a loop runs past its end";
    "map-shared", "map_shared", fencepost_demo_map_shared, Mapping,
        placement "right": "children share one mapping and copy another; one that a child makes is its own";
    "map-file", "map_file", fencepost_demo_map_file, Mapping,
        placement "right": "a shared mapping changes its file, a private one does not; one that fails goes unnoticed";
    "map-fixed", "map_fixed", fencepost_demo_map_fixed, Mapping,
        placement "right": "MAP_FIXED fills reserved addresses, and replaces a page too many";
    "map-dev-zero", "map_dev_zero", fencepost_demo_map_dev_zero, Mapping,
        placement "right": "/dev/zero is anonymous memory; a mapping of it that is to be read is written";
    "map-unmapped", "map_unmapped", fencepost_demo_map_unmapped, Mapping,
        placement "right": "munmap takes a page out of a mapping, then all; a pointer is left";
    "map-protected", "map_protected", fencepost_demo_map_protected, Mapping,
        placement "right": "mprotect seals settings; one more is set";
    "map-dropped", "map_dropped", fencepost_demo_map_dropped, Mapping,
        placement "right": "madvise drops pages; a pointer is read from one, and is null";
    "map-past-eof", "map_past_eof", fencepost_demo_map_past_eof, Mapping,
        placement "right": "a mapping is longer than its file: zeros to the page's end, then SIGBUS";
    "map-permissions", "map_permissions", fencepost_demo_map_permissions, Mapping,
        placement "right": "a handler of SIGSEGV permits a write; data is executed, which it does not permit";
}

/// Prints the demos.
pub fn list() {
    let mut out = std::io::stdout();
    for demo in CATALOG {
        let _ = writeln!(out, "{:23}{}", demo.name, demo.description);
    }
}

/// Runs a demo in a child and says how it ended: 0 when as intended, else 1.
pub fn demonstrate(name: Option<&str>, flags: &Flags) -> Result<u8, Refusal> {
    let demo = find(name.unwrap_or("heap-buffer-overflow"))?;
    // `run` in the child reads the options again; here, bad ones are refused before anything is printed.
    let options = run::options(flags)?;
    let failed = |error| Refusal::new(1, format!("the demo cannot be started: {error}"));
    let executable = std::env::current_exe().map_err(failed)?;
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{}: {}", demo.name, demo.description);
    let _ = write!(out, "{}", Excerpt(demo));

    let mut command = Command::new(&executable);
    command.arg("run").arg(format!("--placement={}", demo.placement));
    command.args(flags.iter().map(|(name, value)| format!("--{name}={value}")));
    command.arg("--").arg(&executable).args([CHILD_COMMAND, demo.name]);
    let words: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into()).collect();
    let _ = writeln!(out, "\n$ {} {}\n", executable.display(), words.join(" "));
    let _ = out.flush();

    let status = command.status().map_err(failed)?;
    let (went_as_intended, explanation) = explain(demo, status, options.error_exitcode);
    let _ = writeln!(out, "\n{explanation}");
    Ok(u8::from(!went_as_intended))
}

/// Runs as the buggy program. Returns only if nothing stopped the bug.
#[allow(unsafe_code)]
pub fn be_child(name: Option<&str>) -> Result<u8, Refusal> {
    let demo = find(name.unwrap_or_default())?;
    sys::disable_core_files();
    // SAFETY: the function has this signature. Its bug is undefined behaviour on purpose; the process exists only for
    // it, and only exits afterwards.
    unsafe { (demo.entry)() };
    Ok(0)
}

fn find(name: &str) -> Result<&'static Demo, Refusal> {
    CATALOG.iter().find(|demo| demo.name == name).ok_or_else(|| {
        let sentence = format!("no demo is named {}; see 'fencepost demo --list'", quoted(name));
        Refusal::new(Refusal::USAGE, sentence)
    })
}

/// Whether the child ended as intended, and a sentence or two about that.
fn explain(demo: &Demo, status: ExitStatus, asked_code: Option<u8>) -> (bool, String) {
    let unguarded = || "so the guard did not work; add --verbose to see what it did".to_string();
    match (status.signal(), status.code()) {
        (Some(signal), _) if demo.ending.is_by(signal) => {
            let how = match demo.ending {
                Ending::Fault => "at the first bad access, which hit a guarded page",
                Ending::Mapping => "at the bad access, which the mapping does not permit",
                Ending::Abort => "in the free that found the bug",
            };
            (
                true,
                format!(
                    "As intended, the program was stopped by {} {how}.",
                    ending::signal_name(signal)
                ),
            )
        }
        (_, Some(code)) if asked_code.map(i32::from) == Some(code) => (
            true,
            format!("As intended, the program was stopped, with the exit code {code} asked for."),
        ),
        (Some(signal), _) => (
            false,
            format!("The program died of {}, {}.", ending::signal_name(signal), unguarded()),
        ),
        (_, Some(0)) => (false, format!("The program ended as if all were well, {}.", unguarded())),
        (_, code) => {
            let code = code.unwrap_or_default();
            (
                false,
                format!(
                    "The program exited with code {code}, so the bug was not shown as intended."
                ),
            )
        }
    }
}

/// The lines around the bug, with their numbers.
struct Excerpt<'a>(&'a Demo);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const AROUND: usize = 2;
        let Demo { file, source, .. } = self.0;
        let bug = source.lines().position(|line| line.contains("/* BUG")).unwrap_or(0);
        writeln!(out, "  {file}:{}", bug + 1)?;
        let first = bug.saturating_sub(AROUND);
        for (index, line) in source.lines().enumerate().skip(first).take(2 * AROUND + 1) {
            let mark = if index == bug { '>' } else { ' ' };
            writeln!(out, "{mark} {:3} | {line}", index + 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_demo_marks_its_bug_once_and_defines_its_entry() {
        for demo in CATALOG {
            assert_eq!(demo.source.matches("/* BUG").count(), 1, "{}", demo.name);
            let entry = format!("void fencepost_demo_{}(void)", demo.name.replace('-', "_"));
            assert!(demo.source.contains(&entry), "{}", demo.name);
        }
    }
}
