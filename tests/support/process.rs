//! Runs a program to its end. A program that reaches a time limit counts as hanging.

use std::fmt;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// The watchdog killed it and its children.
    Hung,
}

impl fmt::Display for Exit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(out, "exit code {code}"),
            Exit::Signal(libc::SIGSEGV) => write!(out, "SIGSEGV"),
            Exit::Signal(libc::SIGABRT) => write!(out, "SIGABRT"),
            Exit::Signal(libc::SIGBUS) => write!(out, "SIGBUS"),
            Exit::Signal(number) => write!(out, "signal {number}"),
            Exit::Hung => write!(out, "a hang"),
        }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match status.code() {
            Some(code) => Exit::Code(code),
            None => Exit::Signal(status.signal().expect("a code or a signal")),
        }
    }
}

/// What a program printed, and how it ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub exit: Exit,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Standard error without fencepost's own summary lines.
    pub fn program_stderr(&self) -> String {
        self.stderr
            .lines()
            .filter(|line| !is_summary(line))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    /// fencepost's own summary lines.
    pub fn summary_lines(&self) -> Vec<&str> {
        self.stderr.lines().filter(|line| is_summary(line)).collect()
    }
}

fn is_summary(line: &str) -> bool {
    line.starts_with("fencepost: ")
}

/// Runs `command` in a process group of its own, until it has ended and no process has its output open.
/// After `limit` the group is killed.
pub fn run(command: &mut Command, limit: Duration) -> io::Result<Outcome> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn()?;
    let group = i32::try_from(child.id()).expect("process ids fit an i32");

    let (ended, end) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        let hung = end.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
        if hung {
            // SAFETY: a plain system call, on the process group made above.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
        hung
    });
    let output = child.wait_with_output();
    drop(ended);
    let hung = watchdog.join().expect("the watchdog does not panic");

    let output = output?;
    Ok(Outcome {
        exit: if hung { Exit::Hung } else { output.status.into() },
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// A command without the variables that would change how fencepost behaves, and without standard input.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).env_remove("LD_PRELOAD").env("LC_ALL", "C");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FENCEPOST") {
            command.env_remove(name);
        }
    }
    command
}

/// Has `command` start with limit `resource` set to `bytes`.
pub fn limit(command: &mut Command, resource: u32, bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: setrlimit is async-signal-safe.
    unsafe {
        command.pre_exec(move || match libc::setrlimit(resource, &limit) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
}

/// Has `command` start without the privilege to raise its limits (capabilities(7)). If that is not possible, it does
/// not start.
pub fn forbid_raising_limits(command: &mut Command) {
    const CAP_SYS_RESOURCE: libc::c_ulong = 24;
    // SAFETY: prctl and geteuid are async-signal-safe.
    unsafe {
        command.pre_exec(|| {
            // After execve only root has privileges, and processes with ambient ones (Linux 4.3; this call can't fail).
            libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
            let is_dropped = libc::geteuid() != 0
                || libc::prctl(libc::PR_CAPBSET_READ, CAP_SYS_RESOURCE, 0, 0, 0) == 0
                || libc::prctl(libc::PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0) == 0;
            if is_dropped { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        });
    }
}
