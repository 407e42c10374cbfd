//! Where reports go, whatever state the process is in.
//!
//! The places, in this order: the file that `log-path` names; standard error as it was at the start; standard error
//! now; a file `fencepost.PID.log` in the $TMPDIR of the start or in /tmp; the terminal. If one fails (closed, disk
//! full, reader gone), the next is tried.

use super::own_file::{Name, Number, OwnFile};
use crate::printable::without_colors;
use crate::runtime::Runtime;
use crate::sys::file::{self, File};
use core::fmt::Write;

/// Writes `text` to the first place that takes it.
pub fn write(runtime: &Runtime, text: &str) {
    if !text.is_empty() && !write_if_open(runtime, text) {
        write_somewhere(runtime, text);
    }
}

/// Writes `text` where the user expects it: to the log or to standard error. Returns false if neither takes it.
pub fn write_if_open(runtime: &Runtime, text: &str) -> bool {
    static LOG: OwnFile = OwnFile::new();
    let log_path = runtime.log_path.as_deref();
    let logged = log_path.is_some_and(|path| {
        append(&LOG, runtime, text, |name, pid| {
            name.push(path);
            let _ = write!(name, ".{pid}");
        })
    });
    logged || runtime.stderr.write(text)
}

fn write_somewhere(runtime: &Runtime, text: &str) {
    static FALLBACK: [OwnFile; 2] = [const { OwnFile::new() }; 2];
    for (file, folder) in FALLBACK.iter().zip([&*runtime.temporary_folder, b"/tmp"]) {
        let is_written = append(file, runtime, text, |name, pid| {
            name.push(folder);
            let _ = write!(name, "/fencepost.{pid}.log");
        });
        if is_written {
            return;
        }
    }
    if let Ok(terminal) = File::write_only(c"/dev/tty") {
        let _ = file::write_all(terminal.descriptor(), text.as_bytes());
    }
}

fn append(own: &OwnFile, runtime: &Runtime, text: &str, put: impl Fn(&mut Name, Number)) -> bool {
    let Ok(opened) = own.open(runtime, put) else { return false };
    let mut pieces = without_colors(text);
    pieces.all(|piece| file::write_all(opened.file.descriptor(), piece.as_bytes()).is_ok())
}
