//! The system calls that the standard library lacks. All unsafe code of the command is here,
//! except the C interfaces: `main` and the demos.
#![allow(unsafe_code)]

use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

/// The user and group ids of this process.
pub struct Identity {
    pub real_user: u32,
    pub effective_user: u32,
    pub real_group: u32,
    pub effective_group: u32,
}

/// Asks who we are.
pub fn identity() -> Identity {
    // SAFETY: these calls have no arguments, touch no memory and cannot fail.
    unsafe {
        Identity {
            real_user: libc::getuid(),
            effective_user: libc::geteuid(),
            real_group: libc::getgid(),
            effective_group: libc::getegid(),
        }
    }
}

/// Whether this process may execute the file, as far as its permissions go.
pub fn is_executable(path: &Path) -> bool {
    let Ok(path) = c_string(path.as_os_str()) else {
        return false;
    };
    // SAFETY: `path` is NUL-terminated and outlives the call.
    unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::X_OK, libc::AT_EACCESS) == 0 }
}

/// Whether the file carries capabilities (`setcap`).
pub fn has_capabilities(path: &Path) -> bool {
    let Ok(path) = c_string(path.as_os_str()) else {
        return false;
    };
    // SAFETY: both strings are NUL-terminated; with size 0 the kernel writes nothing to the null buffer and
    // returns the size of the attribute.
    let size = unsafe {
        libc::getxattr(path.as_ptr(), c"security.capability".as_ptr(), std::ptr::null_mut(), 0)
    };
    size > 0
}

/// Whether executing the file cannot change privileges whatever its mode says: this process renounced it
/// (`no_new_privs`) or the file system is mounted `nosuid`.
pub fn cannot_gain_privileges(path: &Path) -> bool {
    // SAFETY: this operation takes zeros for its unused arguments and touches no memory.
    if unsafe { libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) } == 1 {
        return true;
    }
    let Ok(path) = c_string(path.as_os_str()) else {
        return false;
    };
    let mut status = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `path` is NUL-terminated and `status` has room for the structure; it is read only after success,
    // when statvfs has filled it.
    unsafe {
        libc::statvfs(path.as_ptr(), status.as_mut_ptr()) == 0
            && status.assume_init().f_flag & libc::ST_NOSUID != 0
    }
}

/// Sets (or with `None` removes) an environment variable of this process; the others stay as they are, even
/// those that are not well formed.
pub fn set_variable(name: &str, value: Option<&OsStr>) {
    // SAFETY: the command has one thread, so none can read the environment meanwhile.
    unsafe {
        match value {
            Some(value) => std::env::set_var(name, value),
            None => std::env::remove_var(name),
        }
    }
}

/// Replaces this process by the program at `path`; signals, descriptors and limits stay as they are. The
/// standard library's `exec` would reset the signal mask and SIGPIPE.
pub fn execute(path: &Path, arguments: &[OsString]) -> io::Result<Infallible> {
    let path = c_string(path.as_os_str())?;
    let arguments: Vec<CString> =
        arguments.iter().map(|argument| c_string(argument)).collect::<io::Result<_>>()?;
    let mut pointers: Vec<_> = arguments.iter().map(|argument| argument.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: `path` and every element of `pointers` are NUL-terminated strings that live until the call
    // returns, if it does; the array ends with a null pointer.
    unsafe { libc::execv(path.as_ptr(), pointers.as_ptr()) };
    Err(io::Error::last_os_error())
}

/// Standard input, as it is; `None` if it is closed.
pub fn standard_input() -> Option<File> {
    io::stdin().as_fd().try_clone_to_owned().ok().map(File::from)
}

/// An empty file that is nowhere but in memory.
pub fn memory_file() -> io::Result<File> {
    // SAFETY: a NUL-terminated name; the descriptor that comes back is nobody else's.
    unsafe {
        match libc::memfd_create(c"fencepost-input".as_ptr(), libc::MFD_CLOEXEC) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(File::from_raw_fd(descriptor)),
        }
    }
}

/// Runs `child` in a child process until that ends: with `input`, or the same standard input as ours; and if
/// it is `silent`, without standard output and error.
pub fn in_child(
    input: Option<&File>,
    silent: bool,
    child: impl FnOnce() -> u8,
) -> io::Result<ExitStatus> {
    let nowhere = File::options().write(true).open("/dev/null")?;
    let _ = io::stdout().flush();
    // SAFETY: the command has one thread, so the child may go on as it likes. The descriptors are open; dup2
    // fails only where none is left, and then the run is as good without.
    let pid = unsafe {
        match libc::fork() {
            -1 => return Err(io::Error::last_os_error()),
            0 => {
                if let Some(input) = input {
                    libc::dup2(input.as_raw_fd(), 0);
                }
                for output in [1, 2].into_iter().filter(|_| silent) {
                    libc::dup2(nowhere.as_raw_fd(), output);
                }
                libc::_exit(child().into())
            }
            pid => pid,
        }
    };
    let mut status = 0;
    // SAFETY: `status` is valid; the child is ours.
    while unsafe { libc::waitpid(pid, &mut status, 0) } == -1 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(ExitStatus::from_raw(status))
}

/// Lets this process and its children die without a core file.
pub fn disable_core_files() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `none` is a valid structure that outlives the call. A failure leaves a core file at worst.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) };
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}
