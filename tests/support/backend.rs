//! Runs programs under `fencepost run`, each on one backend.

use std::ffi::OsStr;
use std::process::Command;
use std::time::Duration;

use super::process::{self, Exit};

/// The command under test.
pub const FENCEPOST: &str = env!("CARGO_BIN_EXE_fencepost");

/// The backends on which every program is run.
pub const BACKENDS: [&str; 3] = ["userfaultfd", "madvise", "mprotect"];

/// The command `fencepost run --backend BACKEND OPTIONS -- PROGRAM`; the caller may add arguments of the program.
pub fn fencepost_run<'a>(
    backend: &str,
    options: impl IntoIterator<Item = &'a str>,
    program: impl AsRef<OsStr>,
) -> Command {
    let mut command = process::command(FENCEPOST);
    command.args(["run", "--backend", backend]).args(options).arg("--").arg(program);
    command
}

/// Why `backend` does not work on this machine, in fencepost's own words; `None` if it works.
///
/// `auto` and `mprotect` must work everywhere.
pub fn why_unavailable(backend: &str) -> Option<String> {
    let mut command = fencepost_run(backend, [], "/bin/true");
    let outcome = process::run(&mut command, Duration::from_secs(60)).expect("fencepost starts");
    if outcome.exit == Exit::Code(0) {
        return None;
    }
    let said = outcome.stderr.trim();
    let refused = said.starts_with(&format!("fencepost: backend {backend} is not available"));
    let optional = !matches!(backend, "auto" | "mprotect");
    assert!(optional && refused, "/bin/true ended by {}: {said}", outcome.exit);
    Some(said.to_owned())
}

/// The backends of [`BACKENDS`] that work here. Prints which are skipped, and why.
pub fn available_backends() -> Vec<&'static str> {
    BACKENDS
        .into_iter()
        .filter(|backend| match why_unavailable(backend) {
            None => true,
            Some(reason) => {
                super::say_skipped(&format!("backend {backend} is unavailable here: {reason}"));
                false
            }
        })
        .collect()
}
