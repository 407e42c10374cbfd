//! A file in memory that processes share: one makes it, others open it by its path in `/proc`.
//!
//! So it has no name that others could take, lies on no disk that could be full, and disappears with the last process
//! that has it. It can't shrink: touching it never raises SIGBUS.

use super::{Errno, file, syscall};
use core::fmt;
use libc::c_int;
use std::ffi::CString;

/// Flag of memfd_create(2) that the file is never executed; Linux 6.3 and later expect it.
const MFD_NOEXEC_SEAL: u32 = 8;

/// Where others find the file: process and descriptor of its maker, and the inode that it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    pid: u32,
    descriptor: u32,
    inode: u64,
}

impl Name {
    /// The file's descriptor in the process that made it.
    pub fn descriptor(self) -> i32 {
        self.descriptor as i32
    }

    /// Parses the text that `Display` writes.
    pub fn parse(text: &[u8]) -> Option<Name> {
        let text = core::str::from_utf8(text).ok()?;
        let mut words = text.split('.');
        let name = Name {
            pid: words.next()?.parse().ok()?,
            descriptor: words.next()?.parse().ok()?,
            inode: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.pid, self.descriptor, self.inode)
    }
}

/// Makes a file of `bytes` zeros and maps it for good. Its descriptor stays open in this process.
pub fn create(bytes: usize) -> Option<(usize, Name)> {
    let seals = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    let create = |flags: u32| {
        let args = [c"fencepost-run".as_ptr() as usize, flags as usize, 0, 0, 0, 0];
        // SAFETY: the kernel reads the name, a valid C string.
        unsafe { syscall(libc::SYS_memfd_create, args) }
    };
    let descriptor = create(seals | MFD_NOEXEC_SEAL).or_else(|_| create(seals)).ok()?;
    let seal = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: the descriptor is ours; neither call touches memory.
    unsafe {
        syscall(libc::SYS_ftruncate, [descriptor, bytes, 0, 0, 0, 0]).ok()?;
        let args = [descriptor, libc::F_ADD_SEALS as usize, seal as usize, 0, 0, 0];
        syscall(libc::SYS_fcntl, args).ok()?;
    }
    let (_, inode) = file::identity(descriptor as c_int)?;
    let name = Name { pid: super::process::pid(), descriptor: descriptor as u32, inode };
    Some((map(descriptor, bytes)?, name))
}

/// Maps the file `name` for good, if it has `bytes` bytes and belongs to this user.
pub fn open(name: Name, bytes: usize) -> Option<usize> {
    let path = CString::new(format!("/proc/{}/fd/{}", name.pid, name.descriptor)).ok()?;
    // Checked before it is opened: opening another kind of file could have effects.
    if !is_expected(&path, name, bytes) {
        return None;
    }
    let flags = libc::O_RDWR | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    let args = [libc::AT_FDCWD as usize, path.as_ptr() as usize, flags as usize, 0, 0, 0];
    // SAFETY: `path` is a valid C string.
    let descriptor = unsafe { syscall(libc::SYS_openat, args) }.ok()?;
    let is_same = file::identity(descriptor as c_int).is_some_and(|(_, inode)| inode == name.inode);
    let mapped = if is_same { map(descriptor, bytes) } else { None };
    // SAFETY: the descriptor was opened above, and nobody else uses it.
    let _ = unsafe { syscall(libc::SYS_close, [descriptor, 0, 0, 0, 0, 0]) };
    mapped
}

fn is_expected(path: &core::ffi::CStr, name: Name, bytes: usize) -> bool {
    let mut stat = core::mem::MaybeUninit::<libc::stat>::uninit();
    let args = [path.as_ptr() as usize, stat.as_mut_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: `path` is a valid C string; the kernel fills `stat` if it succeeds. geteuid touches
    // no memory.
    let (stat, user) = unsafe {
        let Ok(_) = syscall(libc::SYS_stat, args) else { return false };
        (stat.assume_init(), syscall(libc::SYS_geteuid, [0; 6]).unwrap_or(usize::MAX))
    };
    stat.st_mode & libc::S_IFMT == libc::S_IFREG
        && (stat.st_ino, stat.st_size) == (name.inode, bytes as i64)
        && stat.st_uid as usize == user
}

fn map(descriptor: usize, bytes: usize) -> Option<usize> {
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    let args = [0, bytes, prot as usize, libc::MAP_SHARED as usize, descriptor, 0];
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
    let mapped: Result<usize, Errno> = unsafe { syscall(libc::SYS_mmap, args) };
    mapped.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_writes_the_other_reads() {
        let (address, name) = create(4096).unwrap();
        assert_eq!(Name::parse(name.to_string().as_bytes()), Some(name));
        let other = open(name, 4096).unwrap();
        assert_ne!(address, other);
        // SAFETY: both are mapped, and nobody else knows them.
        unsafe {
            (address as *mut u64).write_volatile(7);
            assert_eq!((other as *const u64).read_volatile(), 7);
        }
    }

    #[test]
    fn nothing_else_is_opened() {
        let (_, name) = create(4096).unwrap();
        assert_eq!(open(name, 8192), None);
        assert_eq!(open(Name { inode: name.inode + 1, ..name }, 4096), None);
        assert_eq!(open(Name { descriptor: 0, ..name }, 4096), None);
        assert_eq!(open(Name { pid: u32::MAX, ..name }, 4096), None);
        for text in ["", "1", "1.2", "1.2.x", "1.2.3.4", "-1.2.3"] {
            assert_eq!(Name::parse(text.as_bytes()), None, "{text}");
        }
    }
}
