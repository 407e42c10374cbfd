//! How a program ended: the names of signals, and deaths that no report explains.

use std::ffi::c_int;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use fencepost::ledger::Ledger;
use fencepost::options::Options;

/// Signals that tell of a bug where a program dies of one.
const FAULTS: [(c_int, &str); 7] = [
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGABRT, "SIGABRT"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGTRAP, "SIGTRAP"),
    (libc::SIGSYS, "SIGSYS"),
];

/// The name of a signal, or its number.
pub fn signal_name(signal: c_int) -> String {
    match FAULTS.iter().find(|(fault, _)| *fault == signal) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("signal {signal}"),
    }
}

/// The signal that killed the program, if it is one that tells of a bug, and no guarded process of the run has left a
/// report; not where nobody wants reports of crashes.
pub fn unreported(ledger: &Ledger, status: ExitStatus, options: &Options) -> Option<c_int> {
    let signal = status.signal()?;
    let is_fault = FAULTS.iter().any(|(fault, _)| *fault == signal);
    let was_told = ledger.reports() + ledger.known() + ledger.crashes() > 0;
    (is_fault && !was_told && ledger.guarded() > 0 && options.report_crashes).then_some(signal)
}

/// What is said of such a death.
pub fn unreported_words(signal: c_int) -> String {
    format!("was killed by {} and left no report", signal_name(signal))
}
