//! A separate debug file that a report opens; tests can see and delay the opening.

use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Moves the debug information to a file of its own, which only a report opens.
pub fn split(program: &Path) -> PathBuf {
    let debug = program.with_extension("debug");
    let _ = fs::remove_file(&debug);
    let objcopy = |arguments: &[&str], output: Option<&Path>| {
        let mut command = Command::new("objcopy");
        let status = command.args(arguments).arg(program).args(output).status();
        assert!(status.expect("objcopy of binutils").success(), "{arguments:?}");
    };
    objcopy(&["--only-keep-debug"], Some(&debug));
    let link = format!("--add-gnu-debuglink={}", debug.display());
    objcopy(&["--strip-debug", "--remove-section=.note.gnu.build-id", &link], None);
    debug
}

/// A descriptor that gets a message when a process opens `file`. The opening then waits for an answer; only a
/// fatal signal ends that wait. `None` where the kernel or missing rights forbid it.
pub fn watch_opens(file: &Path) -> Option<OwnedFd> {
    let path = std::ffi::CString::new(file.to_str().expect("plain")).expect("plain");
    // SAFETY: plain system calls; the path is a valid string, and the descriptor is nobody else's.
    unsafe {
        let watch = libc::fanotify_init(libc::FAN_CLASS_CONTENT | libc::FAN_CLOEXEC, 0);
        let watch = (watch >= 0).then(|| OwnedFd::from_raw_fd(watch))?;
        let marked = libc::fanotify_mark(
            watch.as_raw_fd(),
            libc::FAN_MARK_ADD,
            libc::FAN_OPEN_PERM,
            libc::AT_FDCWD,
            path.as_ptr(),
        );
        (marked == 0).then_some(watch)
    }
}

/// Waits until a process opens the watched file.
pub fn wait_for_open(watch: &OwnedFd, limit: Duration) {
    // SAFETY: zeros are a valid event; the kernel writes one, and a descriptor that is ours then.
    unsafe {
        let mut poll = libc::pollfd { fd: watch.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        assert_eq!(libc::poll(&mut poll, 1, limit.as_millis() as i32), 1, "nobody opens it");
        let mut event: libc::fanotify_event_metadata = std::mem::zeroed();
        let size = size_of_val(&event);
        let read = libc::read(watch.as_raw_fd(), (&raw mut event).cast(), size);
        assert_eq!(read, size as isize);
        drop(OwnedFd::from_raw_fd(event.fd));
    }
}
