//! Files: opened so that nobody can make us wait, and written with plain system calls.

use super::fixed_text::FixedText;
use super::hold_off::{self, HoldOff};
use super::{Errno, process, syscall};
use core::ffi::CStr;
use core::fmt::Write;
use std::path::Path;

/// With these flags, opening waits for nothing (a FIFO's other end, a terminal's carrier) and makes no terminal the
/// controlling one. They change nothing for regular files.
const NO_WAIT: libc::c_int = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;

/// What is known of a regular file.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    /// Size; 0 for files of /proc even where they have contents.
    pub bytes: u64,
    /// User id.
    pub owner: u32,
    /// Time of the last change, in nanoseconds since 1970, UTC.
    pub modified_nanoseconds: i128,
}

/// An open descriptor, closed when dropped.
pub struct File(i32);

impl File {
    fn open(path: &CStr, flags: libc::c_int, mode: u32) -> Result<File, Errno> {
        let args = [
            libc::AT_FDCWD as usize,
            path.as_ptr() as usize,
            (flags | NO_WAIT) as usize,
            mode as usize,
            0,
            0,
        ];
        // SAFETY: `path` is a valid C string.
        unsafe { syscall(libc::SYS_openat, args) }.map(|fd| File(fd as i32))
    }

    /// Makes a file to append to, which only the user can read. Fails with EEXIST if anything has that name, even a
    /// symbolic link that leads nowhere: others may be able to write in the directory.
    pub fn create(path: &CStr) -> Result<File, Errno> {
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_APPEND;
        File::open(path, flags | libc::O_NOFOLLOW, 0o600)
    }

    /// Opens the regular file at `path` for reading. Others may have put a FIFO or a terminal there: such a file is
    /// refused without waiting for it.
    pub fn regular(path: &CStr) -> Result<(File, Status), Errno> {
        let file = File::open(path, libc::O_RDONLY, 0)?;
        let stat = stat(file.0)?;
        if stat.st_mode & libc::S_IFMT != libc::S_IFREG {
            return Err(Errno(libc::EINVAL));
        }
        let modified = i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec);
        let (bytes, owner) = (stat.st_size as u64, stat.st_uid);
        Ok((file, Status { bytes, owner, modified_nanoseconds: modified }))
    }

    /// Opens for appending the file that [`File::create`] made at `path`. Fails if it is not `identity` any more, has
    /// another owner, or has a second name.
    pub fn append(path: &CStr, identity: Identity) -> Result<File, Errno> {
        let file = File::open(path, libc::O_WRONLY | libc::O_APPEND | libc::O_NOFOLLOW, 0)?;
        let stat = stat(file.0)?;
        let is_ours = identity_in(&stat) == identity
            && stat.st_mode & libc::S_IFMT == libc::S_IFREG
            && stat.st_uid == process::effective_user()
            && stat.st_nlink == 1;
        if is_ours { Ok(file) } else { Err(Errno(libc::EPERM)) }
    }

    /// Opens a device for writing, if it is there.
    pub fn write_only(path: &CStr) -> Result<File, Errno> {
        File::open(path, libc::O_WRONLY, 0)
    }

    /// Opens a file of /proc for reading, without checking that it is regular.
    pub fn of_proc(path: &CStr) -> Result<File, Errno> {
        File::open(path, libc::O_RDONLY, 0)
    }

    pub fn descriptor(&self) -> i32 {
        self.0
    }

    /// Reads into `bytes` at the file's current offset, by one call; returns how many bytes there were.
    pub fn read(&self, bytes: &mut [u8]) -> Result<usize, Errno> {
        let args = [self.0 as usize, bytes.as_mut_ptr() as usize, bytes.len(), 0, 0, 0];
        // SAFETY: the kernel writes into `bytes`, which is the caller's.
        unsafe { syscall(libc::SYS_read, args) }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours.
        let _ = unsafe { syscall(libc::SYS_close, [self.0 as usize, 0, 0, 0, 0, 0]) };
    }
}

/// Writes all of `bytes` to `descriptor`; an interrupted or short write goes on.
pub fn write_all(descriptor: i32, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let args = [descriptor as usize, bytes.as_ptr() as usize, bytes.len(), 0, 0, 0];
        // SAFETY: the kernel reads `bytes`, which is valid.
        match unsafe { syscall(libc::SYS_write, args) } {
            Ok(0) => return Err(Errno(libc::EIO)),
            Ok(written) => bytes = &bytes[written.min(bytes.len())..],
            Err(Errno(libc::EINTR)) => {}
            Err(Errno(libc::EAGAIN)) => wait_until_writable(descriptor)?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Appends a whole line to a file by one call, or nothing: if only a part fits, it is removed again. Nobody else may
/// be writing to the file.
pub fn append_line(file: &File, line: &[u8]) -> Result<(), Errno> {
    let _held_off = HoldOff::new(hold_off::FILE_SIZE);
    let before = stat(file.0).map(|stat| stat.st_size as usize);
    let args = [file.0 as usize, line.as_ptr() as usize, line.len(), 0, 0, 0];
    let written = loop {
        // SAFETY: the kernel reads `line`, which is valid.
        match unsafe { syscall(libc::SYS_write, args) } {
            Err(Errno(libc::EINTR)) => {}
            written => break written?,
        }
    };
    if written == line.len() {
        return Ok(());
    }
    if let Ok(bytes) = before {
        // SAFETY: touches no memory.
        let _ = unsafe { syscall(libc::SYS_ftruncate, [file.0 as usize, bytes, 0, 0, 0, 0]) };
    }
    Err(Errno(libc::ENOSPC))
}

/// Asks the kernel to write a file's contents to its disk; errors are ignored.
pub fn sync(file: &File) {
    // SAFETY: touches no memory.
    let _ = unsafe { syscall(libc::SYS_fsync, [file.0 as usize, 0, 0, 0, 0, 0]) };
}

/// Makes a directory, if nothing has its name.
pub fn make_directory(path: &CStr) {
    let args = [libc::AT_FDCWD as usize, path.as_ptr() as usize, 0o777, 0, 0, 0];
    // SAFETY: `path` is a valid C string.
    let _ = unsafe { syscall(libc::SYS_mkdirat, args) };
}

/// Waits up to 10 s: a standard error that the program made non-blocking must not cut the report short.
fn wait_until_writable(descriptor: i32) -> Result<(), Errno> {
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLOUT, revents: 0 };
    let args = [&raw mut poll as usize, 1, 10_000, 0, 0, 0];
    // SAFETY: `poll` is a valid pollfd array of one.
    match unsafe { syscall(libc::SYS_poll, args) } {
        Ok(0) => Err(Errno(libc::EAGAIN)),
        Ok(_) | Err(Errno(libc::EINTR)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The first `limit` bytes of the regular file at `path`, or `None` if it can't be read.
pub fn read_all(path: &CStr, limit: usize) -> Option<Vec<u8>> {
    read_if(path, limit, |_| true)
}

/// The first `limit` bytes of the regular file at `path`; `None` if `is_wanted` refuses it, or it can't be read.
pub fn read_if(
    path: &CStr,
    limit: usize,
    is_wanted: impl FnOnce(Status) -> bool,
) -> Option<Vec<u8>> {
    let (file, status) = File::regular(path).ok()?;
    if !is_wanted(status) {
        return None;
    }
    let mut bytes = Vec::new();
    let mut chunk = [0u8; 4096];
    while bytes.len() < limit {
        let args = [file.0 as usize, chunk.as_mut_ptr() as usize, chunk.len(), 0, 0, 0];
        // SAFETY: the kernel writes into `chunk`, which is valid and ours.
        match unsafe { syscall(libc::SYS_read, args) } {
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            Err(Errno(libc::EINTR)) => {}
            Err(_) => return None,
        }
    }
    bytes.truncate(limit);
    Some(bytes)
}

/// Reads the beginning of a file into `bytes`, in one call and without allocating; returns how many bytes there were.
pub fn read_into(path: &CStr, bytes: &mut [u8]) -> Result<usize, Errno> {
    let (file, _) = File::regular(path)?;
    let args = [file.0 as usize, bytes.as_mut_ptr() as usize, bytes.len(), 0, 0, 0];
    // SAFETY: the kernel writes into `bytes`, which is the caller's.
    unsafe { syscall(libc::SYS_read, args) }
}

/// The unsigned number that the file at `path` begins with.
pub fn read_number(path: &CStr) -> Option<u64> {
    let bytes = read_all(path, 64)?;
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    core::str::from_utf8(&bytes[..digits]).ok()?.parse().ok()
}

/// Device and inode, which identify a file.
pub type Identity = (u64, u64);

fn identity_in(stat: &libc::stat) -> Identity {
    (stat.st_dev, stat.st_ino)
}

fn stat(descriptor: i32) -> Result<libc::stat, Errno> {
    let mut stat = core::mem::MaybeUninit::<libc::stat>::uninit();
    let args = [descriptor as usize, stat.as_mut_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: the kernel fills `stat` if it succeeds; the layout is that of the x86_64 kernel.
    unsafe {
        syscall(libc::SYS_fstat, args)?;
        Ok(stat.assume_init())
    }
}

/// The file that a descriptor stands for.
pub fn identify(descriptor: i32) -> Result<Identity, Errno> {
    stat(descriptor).as_ref().map(identity_in).map_err(|error| *error)
}

/// The file that a descriptor stands for; `None` where it is not open, or the kernel refuses to say.
pub fn identity(descriptor: i32) -> Option<Identity> {
    identify(descriptor).ok()
}

/// What is known of an open file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenFile {
    pub device: u64,
    pub inode: u64,
    /// 0 for what has no length, as devices.
    pub bytes: u64,
}

/// The file that a descriptor stands for. Keeps errno; for signal handlers too.
pub fn open_file(descriptor: i32) -> Option<OpenFile> {
    let stat = stat(descriptor).ok()?;
    let bytes = u64::try_from(stat.st_size).unwrap_or_default();
    Some(OpenFile { device: stat.st_dev, inode: stat.st_ino, bytes })
}

/// The file at `path`, a C string in memory of the program.
///
/// # Safety
/// `path` must be valid for a system call, which may find it bad.
pub unsafe fn file_at(path: usize) -> Option<OpenFile> {
    // SAFETY: as this function demands.
    unsafe { file_under(libc::AT_FDCWD, path) }
}

/// The same, relative to the folder of a descriptor.
///
/// # Safety
/// As for [`file_at`].
pub unsafe fn file_under(folder: libc::c_int, path: usize) -> Option<OpenFile> {
    let mut stat = core::mem::MaybeUninit::<libc::stat>::uninit();
    let args = [folder as usize, path, stat.as_mut_ptr() as usize, 0, 0, 0];
    // SAFETY: as this function demands; the kernel refuses a bad path.
    let stat = unsafe {
        syscall(libc::SYS_newfstatat, args).ok()?;
        stat.assume_init()
    };
    let bytes = u64::try_from(stat.st_size).unwrap_or_default();
    Some(OpenFile { device: stat.st_dev, inode: stat.st_ino, bytes })
}

/// The path of an open file, as the kernel names it now; none where it does not fit. Keeps errno.
pub fn path_of(descriptor: i32, room: &mut [u8]) -> &[u8] {
    let mut link = FixedText::<40>::new();
    // It fits.
    let _ = write!(link, "/proc/self/fd/{descriptor}");
    let Some(link) = link.as_c_str() else { return &[] };
    let args = [link.as_ptr() as usize, room.as_mut_ptr() as usize, room.len(), 0, 0, 0];
    // SAFETY: a valid C string, and room of so many bytes.
    match unsafe { syscall(libc::SYS_readlink, args) } {
        Ok(length) if length < room.len() => &room[..length],
        _ => &[],
    }
}

/// O_RDONLY, O_WRONLY or O_RDWR, as a descriptor was opened. Keeps errno.
pub fn access_of(descriptor: i32) -> Option<libc::c_int> {
    let args = [descriptor as usize, libc::F_GETFL as usize, 0, 0, 0, 0];
    // SAFETY: F_GETFL touches no memory.
    let flags = unsafe { syscall(libc::SYS_fcntl, args) }.ok()?;
    Some(flags as libc::c_int & libc::O_ACCMODE)
}

/// Reads what is at `offset` of an open file, and leaves its position; returns how many bytes. Keeps errno.
pub fn read_at(descriptor: i32, offset: u64, bytes: &mut [u8]) -> Option<usize> {
    let room = bytes.as_mut_ptr() as usize;
    let args = [descriptor as usize, room, bytes.len(), offset as usize, 0, 0];
    // SAFETY: the kernel writes into `bytes`, which is valid and ours.
    unsafe { syscall(libc::SYS_pread64, args) }.ok()
}

/// Whether there is a directory at `path`.
pub fn is_directory(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_dir())
}

/// Whether there is a regular file at `path`.
pub fn is_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file())
}

/// Whether an open descriptor can be read from.
pub fn is_open_for_reading(descriptor: i32) -> bool {
    access_of(descriptor).is_some_and(|access| access != libc::O_WRONLY)
}
