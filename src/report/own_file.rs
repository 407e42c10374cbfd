//! Files that one process makes and appends to.
//!
//! Each process writes files of its own. A name that is taken, by an earlier process or by one of another pid
//! namespace, gets a number behind the process id. Nothing is allocated.

use crate::runtime::Runtime;
use crate::sys::file::{self, File, Identity};
use crate::sys::fixed_text::FixedText;
use crate::sys::{Errno, process};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A path, without allocating.
pub type Name = FixedText<{ libc::PATH_MAX as usize }>;

/// Most names tried for a file.
const MOST_NAMES: u32 = 1000;

/// A file that this process has made, and goes on writing to.
pub struct OwnFile {
    /// The process, or 0 if no file was made.
    pid: AtomicU32,
    number: AtomicU32,
    device: AtomicU64,
    inode: AtomicU64,
}

/// A file to append to.
pub struct Opened {
    pub file: File,
    /// Whether it was made just now.
    pub is_new: bool,
}

impl OwnFile {
    pub const fn new() -> OwnFile {
        OwnFile {
            pid: AtomicU32::new(0),
            number: AtomicU32::new(0),
            device: AtomicU64::new(0),
            inode: AtomicU64::new(0),
        }
    }

    /// Whether the calling process has made one.
    pub fn is_made(&self) -> bool {
        self.identity_of(process::pid()).is_some()
    }

    /// Opens the file if this process has one, else a new one, whose name is what `put` makes of the
    /// process id and perhaps a number.
    pub fn open(
        &self,
        runtime: &Runtime,
        put: impl Fn(&mut Name, Number),
    ) -> Result<Opened, Errno> {
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
            return Ok(Opened { file, is_new: false });
        }
        for number in 1..=MOST_NAMES {
            let name = name_of(number);
            let path = name.as_c_str().ok_or(Errno(libc::ENAMETOOLONG))?;
            match File::create(path) {
                Ok(file) => {
                    // The child of a vfork shares this memory with its parent, who goes on.
                    if runtime.is_own_process() {
                        self.remember(pid, number, file::identity(file.descriptor()));
                    }
                    return Ok(Opened { file, is_new: true });
                }
                Err(Errno(libc::EEXIST)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Errno(libc::EEXIST))
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
pub struct Number {
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
