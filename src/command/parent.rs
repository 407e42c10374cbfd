//! The parent of a program: what happens to one of the two happens to the other.
//!
//! Both are in one process group, so the terminal's signals reach both by themselves. What a process sends to
//! this one is passed on. When the program stops, this process stops in the same way; when it ends, the caller
//! learns how.

use std::ffi::c_int;
use std::io;
use std::process::ExitStatus;

use super::sys::{self, Arrival, Change, Signals};

/// A program that runs.
pub struct Child<'a> {
    pid: c_int,
    signals: &'a Signals,
    /// The last of the signals that are meant to end a program, if one came.
    ending: Option<c_int>,
}

/// How a program ended.
pub struct Ended {
    pub status: ExitStatus,
    /// A signal that came meanwhile, and is meant to end programs.
    pub signal: Option<c_int>,
}

/// Runs `program`, which is to execute something, in a child process.
pub fn start(signals: &Signals, program: impl FnOnce() -> u8) -> io::Result<Child<'_>> {
    let pid = sys::fork(|| {
        signals.give_back();
        program()
    })?;
    Ok(Child { pid, signals, ending: None })
}

/// Whether a signal is meant to end programs.
pub fn is_ending(signal: c_int) -> bool {
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT].contains(&signal)
}

impl Child<'_> {
    pub fn pid(&self) -> c_int {
        self.pid
    }

    /// Goes with the program to its end.
    pub fn accompany(mut self) -> Ended {
        loop {
            let arrival = self.signals.next();
            if arrival.signal != libc::SIGCHLD {
                self.receive(&arrival);
                continue;
            }
            // Others are orphans, which a process with the id 1 is given.
            while let Some((pid, change)) = sys::next_change() {
                match change {
                    Change::Ended(status) if pid == self.pid => {
                        return Ended { status, signal: self.ending };
                    }
                    Change::Stopped(signal) if pid == self.pid => sys::suffer(signal),
                    _ => {}
                }
            }
        }
    }

    /// Passes a signal on, unless the program has it without us.
    fn receive(&mut self, arrival: &Arrival) {
        let signal = arrival.signal;
        if is_ending(signal) {
            self.ending = Some(signal);
        }
        match signal {
            // Sent to the group, it has reached the program already.
            libc::SIGCONT if !sys::is_stopped(self.pid) => {}
            // Of the kernel's these go to the whole group, or are about this process.
            libc::SIGINT
            | libc::SIGQUIT
            | libc::SIGTSTP
            | libc::SIGTTIN
            | libc::SIGTTOU
            | libc::SIGWINCH
                if !arrival.is_sent() => {}
            libc::SIGHUP if !arrival.is_sent() && !sys::leads_session() => {}
            _ => sys::pass_on(arrival, self.pid),
        }
    }
}
