//! What a record says of the process: its command line, its parent, its host; and the time.

use super::file::File;
use super::{PAGE_BYTES, syscall};
use std::ffi::CString;

/// Milliseconds since 1970, UTC; `None` where a filter forbids the call.
pub fn milliseconds() -> Option<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let args = [libc::CLOCK_REALTIME as usize, &raw mut time as usize, 0, 0, 0, 0];
    // SAFETY: the kernel fills `time`.
    unsafe { syscall(libc::SYS_clock_gettime, args) }.ok()?;
    Some(time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000)
}

/// The process id of the parent; 0 where it is not known.
pub fn parent() -> u32 {
    // SAFETY: getppid touches no memory.
    unsafe { syscall(libc::SYS_getppid, [0; 6]) }.map_or(0, |pid| pid as u32)
}

/// The kernel's name of a process.
pub fn name_of(pid: u32) -> Option<Vec<u8>> {
    let path = CString::new(format!("/proc/{pid}/comm")).ok()?;
    let mut name = read(&path, 64)?;
    if name.last() == Some(&b'\n') {
        name.pop();
    }
    Some(name)
}

/// Program and arguments as at the start, each with a zero behind it; at most `most` bytes.
pub fn command_line(most: usize) -> Vec<u8> {
    read(c"/proc/self/cmdline", most).unwrap_or_default()
}

/// The name of this machine.
pub fn host() -> Vec<u8> {
    let mut name = core::mem::MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the kernel fills the structure; if it fails, the zeros in it are valid bytes.
    let name = unsafe {
        let _ = syscall(libc::SYS_uname, [name.as_mut_ptr() as usize, 0, 0, 0, 0, 0]);
        name.assume_init()
    };
    let bytes = name.nodename.iter().map(|&byte| byte as u8);
    bytes.take_while(|&byte| byte != 0).collect()
}

/// The first `most` bytes of a file of /proc.
fn read(path: &core::ffi::CStr, most: usize) -> Option<Vec<u8>> {
    let file = File::of_proc(path).ok()?;
    let mut bytes = vec![0; most.max(1)];
    let mut length = 0;
    while length < most {
        let end = most.min(length + PAGE_BYTES);
        match file.read(&mut bytes[length..end]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(_) => return None,
        }
    }
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_told() {
        assert!(milliseconds().unwrap() > 1_700_000_000_000);
        assert_eq!(parent(), std::os::unix::process::parent_id());
        assert!(!name_of(parent()).unwrap().is_empty() && !host().is_empty());
        let first = std::env::args_os().next().unwrap().into_encoded_bytes();
        let line = command_line(4096);
        assert!(line.starts_with(&first));
        assert_eq!(command_line(3), line[..3]);
    }
}
