//! The standard error that the process was started with.
//!
//! By the time of a report, descriptor 2 may be something else: the pipe of a test runner that captures what tests
//! print, /dev/null, or a file of the program that got the number after it was closed. So a duplicate is kept under a
//! high number, closed on exec.
//!
//! The duplicate must not keep anybody waiting: a process that starts a daemon through a pipe waits until the pipe is
//! closed. A process counts as a daemon if it was forked and then replaces or closes descriptor 2, or if it has left
//! its session and descriptor 2 is not the one of the start. Such a process closes the duplicate.

use super::file::{self, Identity};
use super::hold_off::{self, HoldOff};
use super::{Errno, sandbox, syscall};
use crate::printable::without_colors;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

const STDERR: i32 = 2;

/// Stands for no descriptor.
const NONE: i32 = -1;

/// Least numbers for the duplicate, the best first: high, because programs count on low ones. A process that may not
/// have even the last needs its descriptors for itself.
const PARKED: [usize; 3] = [961, 224, 56];

/// A duplicate of the standard error of the start, kept until the process turns out to be a daemon.
pub struct StandardError {
    /// The duplicate, or [`NONE`].
    duplicate: AtomicI32,
    /// Which file it is; `None` if there was no standard error.
    file: Option<Identity>,
    /// Whether the process was forked, or has left its session.
    is_detached: AtomicBool,
    /// Device and inode of descriptor 2 when `is_detached` was set.
    device: AtomicU64,
    inode: AtomicU64,
}

fn duplicate(descriptor: i32, least: usize) -> Result<i32, Errno> {
    let args = [descriptor as usize, libc::F_DUPFD_CLOEXEC as usize, least, 0, 0, 0];
    // SAFETY: this fcntl touches no memory.
    unsafe { syscall(libc::SYS_fcntl, args) }.map(|new| new as i32)
}

fn close(descriptor: i32) {
    // SAFETY: the descriptor is ours.
    let _ = unsafe { syscall(libc::SYS_close, [descriptor as usize, 0, 0, 0, 0, 0]) };
}

impl StandardError {
    /// Keeps a duplicate of the current descriptor 2.
    pub fn keep() -> StandardError {
        let file = file::identity(STDERR);
        let parked = || PARKED.into_iter().find_map(|least| duplicate(STDERR, least).ok());
        let kept = file.and_then(|_| parked()).unwrap_or(NONE);
        StandardError {
            duplicate: AtomicI32::new(kept),
            file,
            is_detached: AtomicBool::new(false),
            device: AtomicU64::new(0),
            inode: AtomicU64::new(0),
        }
    }

    /// Whether descriptor 2 is a terminal now.
    pub fn is_terminal_now() -> bool {
        let mut terminal = core::mem::MaybeUninit::<libc::termios2>::uninit();
        let buffer = terminal.as_mut_ptr() as usize;
        let args = [STDERR as usize, libc::TCGETS2 as usize, buffer, 0, 0, 0];
        // SAFETY: the kernel writes one such structure into the buffer, or nothing.
        unsafe { syscall(libc::SYS_ioctl, args) }.is_ok()
    }

    /// The number of the duplicate.
    pub fn descriptor(&self) -> Option<i32> {
        Some(self.duplicate.load(Ordering::Acquire)).filter(|&kept| kept != NONE)
    }

    /// Moves the duplicate to a number above `than`, because the program wants its number.
    pub fn move_above(&self, than: i32) -> Result<(), Errno> {
        let Some(old) = self.descriptor() else { return Ok(()) };
        let new = duplicate(old, (than as usize).saturating_add(1));
        self.duplicate.store(new.unwrap_or(NONE), Ordering::Release);
        close(old);
        Ok(())
    }

    /// Notes that the process was forked. A test runner may have replaced descriptor 2 before, so what it is now counts
    /// as standard error.
    pub fn detach_at_fork(&self) {
        self.detach(file::identity(STDERR));
    }

    /// Notes that the process has left its session.
    pub fn detach_from_session(&self) {
        self.detach(self.file);
        self.note_change();
    }

    fn detach(&self, file: Option<Identity>) {
        let (device, inode) = file.unwrap_or_default();
        self.device.store(device, Ordering::Relaxed);
        self.inode.store(inode, Ordering::Relaxed);
        self.is_detached.store(true, Ordering::Release);
    }

    /// Whether there is a duplicate, and the process is to close it when its descriptor 2 changes.
    pub fn may_be_given_up(&self) -> bool {
        self.is_detached.load(Ordering::Acquire) && self.descriptor().is_some()
    }

    /// Closes the duplicate if the process is detached and descriptor 2 is not what it was then.
    pub fn note_change(&self) {
        let then = (self.device.load(Ordering::Relaxed), self.inode.load(Ordering::Relaxed));
        if self.may_be_given_up() && file::identity(STDERR) != Some(then) {
            self.give_up();
        }
    }

    /// Closes the duplicate if the process is detached: it is about to close descriptor 2.
    pub fn close_if_detached(&self) {
        if self.may_be_given_up() {
            self.give_up();
        }
    }

    fn give_up(&self) {
        let kept = self.duplicate.swap(NONE, Ordering::AcqRel);
        if kept != NONE {
            close(kept);
        }
    }

    /// Writes to the standard error of the start; if there is no duplicate or that fails, to the current descriptor 2.
    /// False if neither takes the whole text.
    pub fn write(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let _held_off = HoldOff::new(hold_off::PIPE);
        // A system call that we did not see may have put another file under the number.
        let kept = self.descriptor().filter(|&kept| self.is_at(kept));
        if kept.is_some_and(|kept| file::write_all(kept, bytes).is_ok()) {
            return true;
        }
        // A filter may permit writing to one number and not to the other.
        let is_tried = kept.is_some() && self.is_at(STDERR) && !sandbox::is_restricted();
        if is_tried || !self.is_now() {
            return false;
        }
        if self.is_at(STDERR) {
            return file::write_all(STDERR, bytes).is_ok();
        }
        // This is another file, and perhaps not a terminal.
        without_colors(text).all(|piece| file::write_all(STDERR, piece.as_bytes()).is_ok())
    }

    /// Whether a report may be written to descriptor 2. Not if it is another file that is open for reading too: it may
    /// be a file of the program, which a report would corrupt.
    fn is_now(&self) -> bool {
        self.is_at(STDERR)
            || self.file.is_some()
                && file::identity(STDERR).is_some()
                && !file::is_open_for_reading(STDERR)
    }

    /// Whether a descriptor is the standard error of the start; true if a filter forbids to ask.
    fn is_at(&self, descriptor: i32) -> bool {
        match (file::identify(descriptor), self.file) {
            (_, None) | (Err(Errno(libc::EBADF)), _) => false,
            (Ok(now), Some(then)) => now == then,
            (Err(_), _) => true,
        }
    }
}
