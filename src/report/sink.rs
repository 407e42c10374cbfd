//! Where reports go, whatever state the process is in.
//!
//! In order: the file that `log-path` names; standard error; a file `fencepost.PID.log` in $TMPDIR
//! or /tmp; the terminal. The next is tried when one fails (closed, disk full, reader gone).

use crate::runtime::Runtime;
use crate::sys::file::{self, File};
use crate::sys::process;
use std::ffi::CString;

const STDERR: i32 = 2;

/// Writes `text` to the first place that takes it.
pub fn write(runtime: &Runtime, text: &str) {
    if !text.is_empty() && !write_if_open(runtime, text) {
        write_somewhere(text);
    }
}

/// Writes `text` where the user expects it: to the log or standard error. False when neither takes
/// it.
pub fn write_if_open(runtime: &Runtime, text: &str) -> bool {
    let log_path = runtime.options.log_path.as_deref();
    let logged = log_path.is_some_and(|path| append(&format!("{path}.{}", process::pid()), text));
    logged || is_stderr(runtime) && file::write_all(STDERR, text.as_bytes()).is_ok()
}

fn write_somewhere(text: &str) {
    let directory = process::environment("TMPDIR")
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_else(|| "/tmp".to_owned());
    for directory in [directory.as_str(), "/tmp"] {
        if append(&format!("{directory}/fencepost.{}.log", process::pid()), text) {
            return;
        }
    }
    if let Ok(terminal) = File::write_only(c"/dev/tty") {
        let _ = file::write_all(terminal.descriptor(), text.as_bytes());
    }
}

fn append(path: &str, text: &str) -> bool {
    let Ok(path) = CString::new(path) else {
        return false;
    };
    File::append(&path)
        .is_ok_and(|file| file::write_all(file.descriptor(), text.as_bytes()).is_ok())
}

/// Whether descriptor 2 is still standard error. A program that closed it may have been given the
/// number for a file of its own, which a report would corrupt: one that is open for reading too.
fn is_stderr(runtime: &Runtime) -> bool {
    let now = file::identity(STDERR);
    match runtime.stderr {
        None => false,
        then if then == now => true,
        _ => now.is_some() && !file::is_open_for_reading(STDERR),
    }
}
