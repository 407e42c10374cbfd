//! The parent of a program: passes signals and stops on, so that both processes behave as one.
//!
//! Both are in one process group, so the terminal's signals reach both. Signals that a process sends to this one are
//! passed on. When the program stops, this process stops in the same way; when it ends, the caller learns how.

use std::ffi::c_int;
use std::io;
use std::process::ExitStatus;

use super::sys::{self, Arrival, Change, Signals};

/// A running program.
pub struct Child<'a> {
    pid: c_int,
    signals: &'a Signals,
    /// The last signal that came and is meant to end programs, if any.
    ending: Option<c_int>,
}

/// How a program ended.
pub struct Ended {
    pub status: ExitStatus,
    /// The last signal that came meanwhile and is meant to end programs, if any.
    pub signal: Option<c_int>,
}

/// Runs `program`, which must execute a program, in a child process.
pub fn start(signals: &Signals, program: impl FnOnce() -> u8) -> io::Result<Child<'_>> {
    let pid = sys::fork(|| {
        signals.give_back();
        program()
    })?;
    Ok(Child { pid, signals, ending: None })
}

/// Waits for the end of one of several programs, and passes signals on to all of them meanwhile. Returns its process id.
pub fn accompany_several(signals: &Signals, children: &mut [Child<'_>]) -> (c_int, ExitStatus) {
    loop {
        // First: several may have ended by one signal.
        while let Some((pid, change)) = sys::next_change() {
            if children.iter().all(|child| child.pid != pid) {
                continue;
            }
            match change {
                Change::Ended(status) => return (pid, status),
                Change::Stopped(signal) => sys::suffer(signal),
            }
        }
        let arrival = signals.next();
        children.iter_mut().for_each(|child| child.receive(&arrival));
    }
}

/// Whether a signal is meant to end programs.
pub fn is_ending(signal: c_int) -> bool {
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT].contains(&signal)
}

impl Child<'_> {
    pub fn pid(&self) -> c_int {
        self.pid
    }

    /// Waits for the end of the program, and passes signals on meanwhile.
    pub fn accompany(mut self) -> Ended {
        loop {
            let arrival = self.signals.next();
            if arrival.signal != libc::SIGCHLD {
                self.receive(&arrival);
                continue;
            }
            // Other children are orphans, which a process with the id 1 gets.
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

    /// Whether a signal came that is meant to end the program.
    pub fn ending(&self) -> Option<c_int> {
        self.ending
    }

    /// Passes a signal on, unless the program has got it already.
    pub fn receive(&mut self, arrival: &Arrival) {
        let signal = arrival.signal;
        if is_ending(signal) {
            self.ending = Some(signal);
        }
        match signal {
            // It tells this process of a child of its own.
            libc::SIGCHLD => {}
            // If it was sent to the group, the program runs again already.
            libc::SIGCONT if !sys::is_stopped(self.pid) => {}
            // From the kernel, these go to the whole group, or are only for this process.
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
