//! Runs a program to its end and tells what it cost.

use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::samples::Failure;

/// A program that has ended.
pub struct Ended {
    status: ExitStatus,
    /// User and system time of the process and of all that it waited for.
    pub cpu_seconds: f64,
    pub wall_seconds: f64,
    /// The most memory that any of them had at a time, in bytes.
    pub peak_bytes: f64,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The last line that the program itself wrote to standard error says most about its end.
    fn how(&self) -> String {
        let end = match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(libc::SIGSEGV)) => "SIGSEGV".to_owned(),
            (None, Some(libc::SIGABRT)) => "SIGABRT".to_owned(),
            (None, signal) => format!("signal {}", signal.unwrap_or(0)),
        };
        match self.stderr.lines().rfind(|line| !line.trim().is_empty()) {
            Some(line) => format!("{end}: {:.100}", line.trim()),
            None => end,
        }
    }

    pub fn success(self) -> Result<Ended, Failure> {
        if self.status.success() { Ok(self) } else { Err(Failure::Died(self.how())) }
    }
}

/// Runs `command` in a process group of its own; after `limit` the group is killed. Output goes by
/// way of files in `folder`, so that no reader takes time beside the program.
pub fn run(command: &mut Command, limit: Duration, folder: &Path) -> Result<Ended, Failure> {
    let broken = |error: io::Error| Failure::Died(error.to_string());
    let (stdout, stderr) = (folder.join("stdout"), folder.join("stderr"));
    command
        .stdin(Stdio::null())
        .stdout(File::create(&stdout).map_err(broken)?)
        .stderr(File::create(&stderr).map_err(broken)?)
        .process_group(0);
    let start = Instant::now();
    let child = command.spawn().map_err(broken)?;
    let id = child.id() as libc::pid_t;
    let (ended, end) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        let hung = end.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
        if hung {
            // SAFETY: a plain system call, on the process group made above.
            unsafe { libc::kill(-id, libc::SIGKILL) };
        }
        hung
    });
    let (status, cpu_seconds, peak_bytes) = wait(id).map_err(broken)?;
    let wall_seconds = start.elapsed().as_secs_f64();
    drop(ended);
    if watchdog.join().expect("the watchdog does not panic") {
        return Err(Failure::TooSlow { seconds: limit.as_secs() });
    }
    let text = |path| std::fs::read(path).map(|text| String::from_utf8_lossy(&text).into_owned());
    Ok(Ended {
        status,
        cpu_seconds,
        wall_seconds,
        peak_bytes,
        stdout: text(&stdout).map_err(broken)?,
        stderr: text(&stderr).map_err(broken)?,
    })
}

/// Waits for a child that nobody else waits for.
fn wait(id: libc::pid_t) -> io::Result<(ExitStatus, f64, f64)> {
    let mut status = 0;
    // SAFETY: zero bytes are a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to live variables of the right types.
        if unsafe { libc::wait4(id, &mut status, 0, &mut usage) } == id {
            let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 * 1e-6;
            let cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
            // The unit is KiB (getrusage(2)).
            let peak = usage.ru_maxrss as f64 * 1024.0;
            return Ok((ExitStatus::from_raw(status), cpu, peak));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
