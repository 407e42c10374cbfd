//! The standard error that the process was started with.
//!
//! A program may have put something else under number 2 by the time that there is something to say: a test runner
//! that captures what tests print, /dev/null, a file of its own that got the number after it was closed. So a
//! duplicate is kept under a high number, closed on exec.
//!
//! It must not keep anybody waiting. Who starts a daemon through a pipe waits until the pipe is closed, and a daemon
//! is told by this: it was forked and turns away from the descriptor 2 that it had then, or it has left its session
//! without the one of the start. Such a process gives the duplicate up.

use super::file::{self, Identity};
use super::hold_off::{self, HoldOff};
use super::{Errno, sandbox, syscall};
use crate::printable::without_colors;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

const STDERR: i32 = 2;

/// No descriptor.
const NONE: i32 = -1;

/// Least numbers for the duplicate, the best first: out of the way of those that a program counts on. A process that
/// may have fewer descriptors needs them for itself.
const PARKED: [usize; 3] = [961, 224, 56];

/// A duplicate of the standard error of the start, as long as it may be kept.
pub struct StandardError {
    /// The duplicate, or [`NONE`].
    duplicate: AtomicI32,
    /// Which file it is; `None` if there was no standard error.
    file: Option<Identity>,
    /// Whether the process was forked, or has left its session.
    is_detached: AtomicBool,
    /// Device and inode of descriptor 2 at that time.
    device: AtomicU64,
    inode: AtomicU64,
}

fn duplicate(descriptor: i32, least: usize) -> Result<i32, Errno> {
    let args = [descriptor as usize, libc::F_DUPFD_CLOEXEC as usize, least, 0, 0, 0];
    // SAFETY: touches no memory.
    unsafe { syscall(libc::SYS_fcntl, args) }.map(|new| new as i32)
}

fn close(descriptor: i32) {
    // SAFETY: the descriptor is ours.
    let _ = unsafe { syscall(libc::SYS_close, [descriptor as usize, 0, 0, 0, 0, 0]) };
}

impl StandardError {
    /// Keeps what descriptor 2 is now.
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

    /// Whether what is standard error at the start is a terminal.
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

    /// Makes room for a descriptor of the program's that is to have the number.
    pub fn move_above(&self, than: i32) -> Result<(), Errno> {
        let Some(old) = self.descriptor() else { return Ok(()) };
        let new = duplicate(old, (than as usize).saturating_add(1));
        self.duplicate.store(new.unwrap_or(NONE), Ordering::Release);
        close(old);
        Ok(())
    }

    /// The process was forked. A test runner that captures what its tests print may have replaced descriptor 2 before,
    /// so what it is now is as good as standard error.
    pub fn detach_at_fork(&self) {
        self.detach(file::identity(STDERR));
    }

    /// The process has left its session.
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

    /// Whether the process is one that gives the duplicate up when it turns away from its descriptor 2, and has it.
    pub fn may_be_given_up(&self) -> bool {
        self.is_detached.load(Ordering::Acquire) && self.descriptor().is_some()
    }

    /// The process may have turned away from its descriptor 2.
    pub fn note_change(&self) {
        let then = (self.device.load(Ordering::Relaxed), self.inode.load(Ordering::Relaxed));
        if self.may_be_given_up() && file::identity(STDERR) != Some(then) {
            self.give_up();
        }
    }

    /// The process is about to close its descriptor 2.
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

    /// Writes to the standard error of the start; where that is not kept or fails, to what is standard error now.
    /// False if neither takes all of it.
    pub fn write(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let _held_off = HoldOff::new(hold_off::PIPE);
        // A system call that nobody saw may have put another file under the number.
        let kept = self.descriptor().filter(|&kept| self.is_at(kept));
        if kept.is_some_and(|kept| file::write_all(kept, bytes).is_ok()) {
            return true;
        }
        // A filter may permit to write under one number and not the other.
        let is_tried = kept.is_some() && self.is_at(STDERR) && !sandbox::is_restricted();
        if is_tried || !self.is_now() {
            return false;
        }
        if self.is_at(STDERR) {
            return file::write_all(STDERR, bytes).is_ok();
        }
        // Another file, and perhaps no terminal.
        without_colors(text).all(|piece| file::write_all(STDERR, piece.as_bytes()).is_ok())
    }

    /// Whether descriptor 2 is a standard error. A program that closed it may have been given the number for a file
    /// of its own, which a report would corrupt: one that is open for reading too.
    fn is_now(&self) -> bool {
        self.is_at(STDERR)
            || self.file.is_some()
                && file::identity(STDERR).is_some()
                && !file::is_open_for_reading(STDERR)
    }

    /// Whether a descriptor is still the standard error of the start, as far as a filter lets us ask.
    fn is_at(&self, descriptor: i32) -> bool {
        match (file::identify(descriptor), self.file) {
            (_, None) | (Err(Errno(libc::EBADF)), _) => false,
            (Ok(now), Some(then)) => now == then,
            (Err(_), _) => true,
        }
    }
}
