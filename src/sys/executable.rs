//! Program files: whether the guard would be loaded into one that is about to be executed.
//!
//! Nothing is allocated and no lock taken: programs are executed in children of vfork and in signal handlers.

use super::{Errno, process, syscall};
use core::ffi::CStr;

/// Why a program runs without the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Why {
    /// `LD_PRELOAD` in its environment does not name the library.
    Environment,
    /// It has no dynamic loader.
    Static,
    /// Its loader ignores the guard: it is setuid, setgid or has file capabilities.
    Privileged,
    /// It is built for another processor or word size.
    Foreign,
    /// It is built for another C library.
    OtherLibc,
    /// The user has chosen so (option `follow`).
    Choice,
}

impl Why {
    pub(crate) const ALL: [Why; 6] =
        [Why::Environment, Why::Static, Why::Privileged, Why::Foreign, Why::OtherLibc, Why::Choice];

    /// The reason in words that follow the program's name.
    pub fn words(self) -> &'static str {
        match self {
            Why::Environment => "started without LD_PRELOAD",
            Why::Static => "statically linked",
            Why::Privileged => "setuid, setgid or with file capabilities",
            Why::Foreign => "for another processor",
            Why::OtherLibc => "for another C library",
            Why::Choice => "not followed",
        }
    }
}

/// What [`examine`] finds out about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The file can't be executed, or nothing is known of it.
    Unknown,
    Guarded,
    Unguarded(Why),
}

/// How many times a script's interpreter may be a script itself before the kernel refuses.
const NESTED_SCRIPTS: usize = 5;

/// How many bytes of a file are read. The kernel reads 256 for a script's interpreter; usual programs have their
/// headers in the first 1024.
const HEAD_BYTES: usize = 1024;

/// Looks at the program file at `path`.
pub fn examine(path: &CStr) -> Verdict {
    examine_nested(path, 0)
}

fn examine_nested(path: &CStr, depth: usize) -> Verdict {
    let Some(stat) = stat(path).filter(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFREG) else {
        return Verdict::Unknown;
    };
    let at = libc::AT_FDCWD as usize;
    let (name, flags) = (path.as_ptr() as usize, libc::O_RDONLY | libc::O_CLOEXEC);
    // SAFETY: `path` is a valid C string.
    let may_run = unsafe { syscall(libc::SYS_faccessat, [at, name, libc::X_OK as usize, 0, 0, 0]) };
    if may_run.is_err() {
        return Verdict::Unknown;
    }
    let flags = flags | libc::O_NONBLOCK | libc::O_NOCTTY;
    // SAFETY: `path` is a valid C string.
    let opened = unsafe { syscall(libc::SYS_openat, [at, name, flags as usize, 0, 0, 0]) };
    let mut head = [0; HEAD_BYTES];
    let read = opened.and_then(|descriptor| read(descriptor, &mut head)).unwrap_or(0);
    let head = &head[..read];
    if let Some(line) = head.strip_prefix(b"#!") {
        return match interpreter(line) {
            Some(interpreter) if depth < NESTED_SCRIPTS => {
                examine_nested(interpreter.as_c_str(), depth + 1)
            }
            _ => Verdict::Unknown,
        };
    }
    // If a file may be executed but not read, its rights are all that is known.
    if gains_privileges(path, &stat) {
        return Verdict::Unguarded(Why::Privileged);
    }
    if head.is_empty() { Verdict::Unknown } else { examine_head(head, path) }
}

/// Judges a file by its ELF header and program headers (elf(5)).
fn examine_head(head: &[u8], path: &CStr) -> Verdict {
    const X86_64: u64 = 62;
    const PT_INTERP: u64 = 3;
    let Some(b"\x7fELF") = head.get(..4) else { return Verdict::Unknown };
    let (is_64, is_little) = (head.get(4) == Some(&2), head.get(5) == Some(&1));
    let number = |at: usize, bytes: usize| {
        let field = head.get(at..at + bytes)?;
        Some(field.iter().rev().fold(0u64, |number, &byte| number << 8 | u64::from(byte)))
    };
    if !is_64 || !is_little || number(18, 2) != Some(X86_64) {
        return Verdict::Unguarded(Why::Foreign);
    }
    let (Some(start), Some(size), Some(count)) = (number(32, 8), number(54, 2), number(56, 2))
    else {
        return Verdict::Unknown;
    };
    for index in 0..count {
        let header = (start + index * size) as usize;
        let (Some(kind), Some(offset)) = (number(header, 4), number(header + 8, 8)) else {
            // The header lies behind the bytes that were read.
            return Verdict::Unknown;
        };
        if kind == PT_INTERP {
            let loader = head.get(offset as usize..).unwrap_or_default();
            let loader = loader.split(|&byte| byte == 0).next().unwrap_or_default();
            let is_musl = loader.windows(7).any(|part| part == b"ld-musl");
            return if is_musl { Verdict::Unguarded(Why::OtherLibc) } else { Verdict::Guarded };
        }
    }
    // A loader called as a program runs another program, and loads the guard into it.
    let name = path.to_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    match name.starts_with(b"ld-") {
        true => Verdict::Unknown,
        false => Verdict::Unguarded(Why::Static),
    }
}

/// A path on the stack.
pub struct Path {
    bytes: [u8; libc::PATH_MAX as usize],
}

impl Path {
    /// `None` where it is too long.
    pub fn new(parts: &[&[u8]]) -> Option<Path> {
        let mut path = Path { bytes: [0; libc::PATH_MAX as usize] };
        let mut end = 0;
        for part in parts {
            path.bytes.get_mut(end..end + part.len())?.copy_from_slice(part);
            end += part.len();
        }
        (end < path.bytes.len()).then_some(path)
    }

    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

/// The interpreter that the line behind `#!` names, read as the kernel reads it.
fn interpreter(line: &[u8]) -> Option<Path> {
    let line = line.split(|&byte| byte == b'\n').next()?.trim_ascii_start();
    let end = line.iter().position(|byte| b" \t\0".contains(byte)).unwrap_or(line.len());
    (end > 0).then(|| Path::new(&[&line[..end]]))?
}

fn stat(path: &CStr) -> Option<libc::stat> {
    let mut stat = core::mem::MaybeUninit::<libc::stat>::uninit();
    let args = [path.as_ptr() as usize, stat.as_mut_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: `path` is a valid C string; the kernel fills `stat` if it succeeds.
    unsafe {
        syscall(libc::SYS_stat, args).ok()?;
        Some(stat.assume_init())
    }
}

/// Reads the beginning of a file, and closes the descriptor.
fn read(descriptor: usize, bytes: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes into `bytes`; the caller has opened the descriptor and does not use it afterwards.
    unsafe {
        let args = [descriptor, bytes.as_mut_ptr() as usize, bytes.len(), 0, 0, 0];
        let read = syscall(libc::SYS_pread64, args);
        let _ = syscall(libc::SYS_close, [descriptor, 0, 0, 0, 0, 0]);
        read
    }
}

/// Whether the kernel would set AT_SECURE for the program, so that its loader ignores LD_PRELOAD.
fn gains_privileges(path: &CStr, stat: &libc::stat) -> bool {
    let id = |number| {
        // SAFETY: these calls touch no memory.
        unsafe { syscall(number, [0; 6]) }.unwrap_or(0) as u32
    };
    // Without the group's execute bit, S_ISGID means something else.
    let group_bits = libc::S_ISGID | libc::S_IXGRP;
    let is_setuid = stat.st_mode & libc::S_ISUID != 0 && stat.st_uid != id(libc::SYS_getuid);
    let is_setgid = stat.st_mode & group_bits == group_bits && stat.st_gid != id(libc::SYS_getgid);
    let has_capabilities = || {
        let name = c"security.capability".as_ptr() as usize;
        let args = [path.as_ptr() as usize, name, 0, 0, 0, 0];
        // SAFETY: valid C strings; with size 0 the kernel writes nothing.
        id(libc::SYS_getuid) != 0
            && unsafe { syscall(libc::SYS_getxattr, args) }.is_ok_and(|size| size > 0)
    };
    (is_setuid || is_setgid || has_capabilities())
        && !process::has_renounced_privileges()
        && !is_mounted_nosuid(path)
}

fn is_mounted_nosuid(path: &CStr) -> bool {
    const ST_NOSUID: u64 = 2;
    // `struct statfs` (statfs(2)): `f_flags` is its eleventh word.
    let mut words = [0u64; 15];
    let args = [path.as_ptr() as usize, words.as_mut_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: `path` is a valid C string; the kernel writes a `struct statfs`, which is as large as `words`.
    let told = unsafe { syscall(libc::SYS_statfs, args) };
    told.is_ok() && words[10] & ST_NOSUID != 0
}

/// Searches the folders in `path` for `name` as execvp(3) does; returns the first file that can be executed.
pub fn search(name: &CStr, path: &[u8]) -> Option<Path> {
    let may_run = |candidate: &Path| {
        let is_file = stat(candidate.as_c_str())
            .is_some_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFREG);
        let path = candidate.as_c_str().as_ptr() as usize;
        let args = [libc::AT_FDCWD as usize, path, libc::X_OK as usize, 0, 0, 0];
        // SAFETY: a valid C string.
        is_file && unsafe { syscall(libc::SYS_faccessat, args) }.is_ok()
    };
    path.split(|&byte| byte == b':').find_map(|folder| {
        let folder: &[&[u8]] = if folder.is_empty() { &[] } else { &[folder, b"/"] };
        let candidate = match folder {
            [folder, slash] => Path::new(&[folder, slash, name.to_bytes()]),
            _ => Path::new(&[name.to_bytes()]),
        };
        candidate.filter(may_run)
    })
}

/// Whether `list`, a value of LD_PRELOAD, names a file called `library`.
pub fn is_listed(list: &[u8], library: &[u8]) -> bool {
    let file_name = |entry: &[u8]| entry.rsplit(|&byte| byte == b'/').next() == Some(library);
    list.split(|byte| b": ".contains(byte)).any(file_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    #[test]
    fn programs_of_this_machine_are_guarded() {
        assert_eq!(examine(c"/bin/true"), Verdict::Guarded);
        let found = search(c"sh", b"/nowhere::/bin").unwrap();
        assert_eq!(found.as_c_str(), c"/bin/sh");
        assert_eq!(examine(found.as_c_str()), Verdict::Guarded);
        assert!(search(c"fencepost-no-such-program", b"/bin").is_none());
    }

    #[test]
    fn what_cannot_run_is_not_judged() {
        for path in [c"/nowhere", c"/", c"/etc/passwd", c"", c"/dev/null"] {
            assert_eq!(examine(path), Verdict::Unknown, "{path:?}");
        }
    }

    #[test]
    fn headers_tell_why_a_program_is_not_guarded() {
        let mut head = std::fs::read("/bin/true").unwrap();
        head.truncate(HEAD_BYTES);
        let changed = |at: usize, byte: u8| {
            let mut head = head.clone();
            head[at] = byte;
            examine_head(&head, c"/bin/true")
        };
        assert_eq!(changed(6, 1), Verdict::Guarded);
        assert_eq!(changed(18, 183), Verdict::Unguarded(Why::Foreign));
        assert_eq!(changed(4, 1), Verdict::Unguarded(Why::Foreign));
        // No program header.
        assert_eq!(changed(56, 0), Verdict::Unguarded(Why::Static));
        let offset = head.windows(7).position(|part| part == b"ld-linu").unwrap();
        let mut musl = head.clone();
        musl[offset..offset + 7].copy_from_slice(b"ld-musl");
        assert_eq!(examine_head(&musl, c"x"), Verdict::Unguarded(Why::OtherLibc));
    }

    #[test]
    fn a_script_is_as_its_interpreter() {
        let path = |line: &[u8]| interpreter(line).map(|path| path.as_c_str().to_owned());
        assert_eq!(path(b" \t/usr/bin/perl -w\nx"), Some(CString::from(c"/usr/bin/perl")));
        assert_eq!(path(b"/bin/sh"), Some(CString::from(c"/bin/sh")));
        assert_eq!(path(b"  \n/bin/sh"), None);
    }

    #[test]
    fn the_list_of_preloads_is_searched_by_file_name() {
        for (list, is_there) in [
            (&b"/a/libfencepost.so"[..], true),
            (b"x.so:/a/libfencepost.so", true),
            (b"libfencepost.so y.so", true),
            (b"", false),
            (b"/libfencepost.so/other.so", false),
        ] {
            assert_eq!(is_listed(list, b"libfencepost.so"), is_there);
        }
    }
}
