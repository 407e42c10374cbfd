//! Signals that may end the process while it reports.
//!
//! A report waits for files, and for whoever reads it, so the user must be able to end it. A signal that the program has
//! left at its default action acts as it always does, unless the program blocks it. In a process that is
//! about to die anyway, SIGTERM, SIGINT, SIGHUP and SIGQUIT act by default even where the program blocks or
//! handles them: its handler must not run in the midst of a report. What it ignores stays ignored, but for SIGTERM.

use super::defaults;
use crate::runtime::{self, Runtime};
use crate::sys::signal::{self, KernelSet};
use libc::c_int;

/// What users and service managers end a process by.
const ENDINGS: KernelSet = signal::bit(libc::SIGTERM)
    | signal::bit(libc::SIGINT)
    | signal::bit(libc::SIGHUP)
    | signal::bit(libc::SIGQUIT);

/// Never let in: signals that writing a report raises, signals whose default action does not end the process, and the
/// one that stands for something else in the kernel's masks (see `belief`).
const LEFT_OUT: KernelSet = signal::SYNCHRONOUS
    | signal::bit(libc::SIGPIPE)
    | signal::bit(libc::SIGXFSZ)
    | signal::bit(libc::SIGTTOU)
    | signal::bit(libc::SIGTTIN)
    | signal::bit(libc::SIGCHLD)
    | signal::bit(libc::SIGCONT)
    | signal::bit(libc::SIGURG)
    | signal::bit(libc::SIGWINCH)
    | signal::bit(libc::SIGSTKFLT)
    | signal::bit(libc::SIGKILL)
    | signal::bit(libc::SIGSTOP);

const LAST_SIGNAL: c_int = 64;

/// Whether the process lives on after a report, or may.
pub fn goes_on() -> bool {
    runtime::get().is_some_and(Runtime::may_go_on)
}

/// Lets in what may end the process; `mask` is what the program had blocked. The caller puts back the thread's mask.
pub fn let_in(mask: KernelSet) {
    let dies = !goes_on();
    let mut open = 0;
    for signal in (1..=LAST_SIGNAL).filter(|&signal| signal::bit(signal) & LEFT_OUT == 0) {
        let Ok(action) = signal::action(signal) else { continue };
        let is_blocked = mask & signal::bit(signal) != 0;
        let ends = dies && signal::bit(signal) & ENDINGS != 0;
        let is_let_in = match action.handler {
            libc::SIG_DFL => !is_blocked || ends,
            libc::SIG_IGN => dies && signal == libc::SIGTERM,
            // The default, but for a report.
            handler if defaults::is_ours(handler) => dies && !is_blocked,
            _ => ends,
        };
        if is_let_in {
            if action.handler != libc::SIG_DFL {
                signal::set_default(signal);
            }
            open |= signal::bit(signal);
        }
    }
    signal::change_mask(libc::SIG_UNBLOCK, open);
}
