//! The record of a run itself: how it began, how it ended, and what it ran without the guard.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use fencepost::finding::{NotGuarded, Record, Run, RunEnd, VERSION};
use fencepost::ledger::{Ledger, Why};
use fencepost::options::Options;

use super::directory::{self, Directory};
use super::ending;

/// Writes the record of the run's beginning.
pub fn begin(directory: &Directory, options: &Options, name: &OsStr, arguments: &[OsString]) {
    let words = std::iter::once(name).chain(arguments.iter().map(OsString::as_os_str));
    let folder = std::env::current_dir().unwrap_or_default();
    write(
        directory,
        &Record::Run(Run {
            version: VERSION,
            run: directory.run().to_owned(),
            time_ms: directory::now_ms(),
            host: directory::host(),
            system: directory::system(),
            fencepost: env!("CARGO_PKG_VERSION").to_owned(),
            command: words.map(|word| word.to_string_lossy().into_owned()).collect(),
            directory: folder.to_string_lossy().into_owned(),
            options: options.encode(),
        }),
    );
}

/// Writes the record of the run's end.
pub fn end(directory: &Directory, options: &Options, ledger: &Ledger, status: ExitStatus) {
    let (programs, unnamed) = ledger.unguarded();
    let mut not_guarded: Vec<NotGuarded> = programs
        .into_iter()
        .map(|program| NotGuarded {
            program: String::from_utf8_lossy(&program.name).into_owned(),
            reason: program.why.words().to_owned(),
            by_choice: program.why == Why::Choice,
            times: program.times,
        })
        .collect();
    if unnamed > 0 {
        not_guarded.push(NotGuarded {
            program: "others".to_owned(),
            reason: "too many to be named".to_owned(),
            by_choice: false,
            times: unnamed,
        });
    }
    write(
        directory,
        &Record::RunEnd(RunEnd {
            version: VERSION,
            run: directory.run().to_owned(),
            time_ms: directory::now_ms(),
            exit_code: status.code(),
            signal: status.signal(),
            unreported: ending::unreported(ledger, status, options).is_some(),
            guarded: ledger.guarded(),
            not_guarded,
        }),
    );
}

fn write(directory: &Directory, record: &Record) {
    if let Err(error) = directory.write(record) {
        let _ = writeln!(io::stderr(), "fencepost: the run is not recorded: {error}");
    }
}
