//! Where reports go, whatever state the process is in.
//!
//! In order: the file that `log-path` names; the standard error of the start; what is standard error now; a file
//! `fencepost.PID.log` in the $TMPDIR of the start or /tmp; the terminal. The next is tried when one fails (closed,
//! disk full, reader gone).
//!
//! Each process writes files of its own. A name that is taken, by an earlier process or by one of another pid
//! namespace, gets a number behind the process id.

use crate::runtime::Runtime;
use crate::sys::file::{self, File, Identity};
use crate::sys::fixed_text::FixedText;
use crate::sys::{Errno, process};
use core::fmt::Write;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A path, without allocating.
type Name = FixedText<{ libc::PATH_MAX as usize }>;

/// Most names tried for a file.
const MOST_NAMES: u32 = 1000;

/// Writes `text` to the first place that takes it.
pub fn write(runtime: &Runtime, text: &str) {
    if !text.is_empty() && !write_if_open(runtime, text) {
        write_somewhere(runtime, text);
    }
}

/// Writes `text` where the user expects it: to the log or standard error. False when neither takes
/// it.
pub fn write_if_open(runtime: &Runtime, text: &str) -> bool {
    static LOG: OwnFile = OwnFile::new();
    let log_path = runtime.log_path.as_deref();
    let logged = log_path.is_some_and(|path| {
        LOG.append(runtime, text, |name, pid| {
            name.push(path);
            let _ = write!(name, ".{pid}");
        })
    });
    logged || runtime.stderr.write(text.as_bytes())
}

fn write_somewhere(runtime: &Runtime, text: &str) {
    static FALLBACK: [OwnFile; 2] = [const { OwnFile::new() }; 2];
    for (file, folder) in FALLBACK.iter().zip([&*runtime.temporary_folder, b"/tmp"]) {
        let is_written = file.append(runtime, text, |name, pid| {
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

/// A file that this process has made, and goes on writing to.
struct OwnFile {
    /// The process, or 0 if no file was made.
    pid: AtomicU32,
    number: AtomicU32,
    device: AtomicU64,
    inode: AtomicU64,
}

impl OwnFile {
    const fn new() -> OwnFile {
        OwnFile {
            pid: AtomicU32::new(0),
            number: AtomicU32::new(0),
            device: AtomicU64::new(0),
            inode: AtomicU64::new(0),
        }
    }

    /// Writes to the file if this process has one, else to a new one, whose name is what `put` makes of the
    /// process id and perhaps a number. False if that fails.
    fn append(&self, runtime: &Runtime, text: &str, put: impl Fn(&mut Name, Number)) -> bool {
        let write = |file: &File| file::write_all(file.descriptor(), text.as_bytes()).is_ok();
        let pid = process::pid();
        let name_of = |number| {
            let mut name = Name::new();
            put(&mut name, Number { pid, number });
            name
        };
        let known = self.identity_of(pid);
        if let Some(identity) = known
            && let Some(path) = name_of(self.number.load(Ordering::Relaxed)).as_c_str()
            && let Ok(file) = File::append(path, identity)
        {
            return write(&file);
        }
        for number in 1..=MOST_NAMES {
            let name = name_of(number);
            let Some(path) = name.as_c_str() else { return false };
            match File::create(path) {
                Ok(file) => {
                    // The child of a vfork shares this memory with its parent, who goes on.
                    if runtime.is_own_process() {
                        self.remember(pid, number, file::identity(file.descriptor()));
                    }
                    return write(&file);
                }
                Err(Errno(libc::EEXIST)) => {}
                Err(_) => return false,
            }
        }
        false
    }

    fn identity_of(&self, pid: u32) -> Option<Identity> {
        let identity = || (self.device.load(Ordering::Relaxed), self.inode.load(Ordering::Relaxed));
        (self.pid.load(Ordering::Acquire) == pid).then(identity)
    }

    fn remember(&self, pid: u32, number: u32, identity: Option<Identity>) {
        let Some((device, inode)) = identity else { return };
        self.number.store(number, Ordering::Relaxed);
        self.device.store(device, Ordering::Relaxed);
        self.inode.store(inode, Ordering::Relaxed);
        self.pid.store(pid, Ordering::Release);
    }
}

/// What tells the files of processes apart: `PID`, or `PID.NUMBER` from the second on.
struct Number {
    pid: u32,
    number: u32,
}

impl core::fmt::Display for Number {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Number { pid, number: 1 } => write!(out, "{pid}"),
            Number { pid, number } => write!(out, "{pid}.{number}"),
        }
    }
}
