//! Files that one process makes and appends to.
//!
//! Each process writes its own files. If an earlier process, or one of another pid namespace, has taken a name, a
//! number follows the process id. Nothing is allocated.

use crate::runtime::Runtime;
use crate::sys::file::{self, File, Identity};
use crate::sys::fixed_text::FixedText;
use crate::sys::lock::Patience;
use crate::sys::{Errno, process};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A path, without allocating.
pub type Name = FixedText<{ libc::PATH_MAX as usize }>;

/// The most names that are tried for a file.
const MOST_NAMES: u32 = 1000;

/// How long one waits for another thread to make the file.
const MOST_MILLISECONDS: u64 = 200;

/// A file that this process has made, and appends to.
pub struct OwnFile {
    /// The id of the process that made the file, or 0 if there is none.
    pid: AtomicU32,
    /// The process a thread of which is about to make one, or has.
    maker: AtomicU32,
    number: AtomicU32,
    device: AtomicU64,
    inode: AtomicU64,
}

/// A file that is open for appending.
pub struct Opened {
    pub file: File,
    /// Whether the file was made just now.
    pub is_new: bool,
}

impl OwnFile {
    pub const fn new() -> OwnFile {
        OwnFile {
            pid: AtomicU32::new(0),
            maker: AtomicU32::new(0),
            number: AtomicU32::new(0),
            device: AtomicU64::new(0),
            inode: AtomicU64::new(0),
        }
    }

    /// Whether the calling process has made its file.
    pub fn is_made(&self) -> bool {
        self.identity_of(process::pid()).is_some()
    }

    /// Opens the file if this process has made it. Otherwise makes a new one, which `put` names after the process id
    /// and perhaps a number.
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
        // Another thread may be making it just now. One that this thread has interrupted will not, so there is an end to it.
        // The child of a vfork shares this memory with its parent, who goes on.
        let is_own = runtime.is_own_process();
        if is_own && self.maker.swap(pid, Ordering::AcqRel) == pid {
            let mut patience = Patience::new(MOST_MILLISECONDS);
            while self.identity_of(pid).is_none() && patience.is_left() {}
        }
        let known = self.identity_of(pid);
        if let Some(identity) = known
            && let Some(path) = name_of(self.number.load(Ordering::Relaxed)).as_c_str()
            && let Ok(file) = File::append(path, identity)
        {
            return Ok(Opened { file, is_new: false });
        }
        let made = make(name_of);
        match &made {
            Ok((number, file)) if is_own => {
                self.remember(pid, *number, file::identity(file.descriptor()));
            }
            Err(_) if is_own => self.maker.store(0, Ordering::Release),
            _ => {}
        }
        made.map(|(_, file)| Opened { file, is_new: true })
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

/// Makes a file under the first name that is free.
fn make(name_of: impl Fn(u32) -> Name) -> Result<(u32, File), Errno> {
    for number in 1..=MOST_NAMES {
        let name = name_of(number);
        match File::create(name.as_c_str().ok_or(Errno(libc::ENAMETOOLONG))?) {
            Ok(file) => return Ok((number, file)),
            Err(Errno(libc::EEXIST)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Errno(libc::EEXIST))
}

/// What tells the files of processes apart: `PID`, and `PID.NUMBER` from the second name on.
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
