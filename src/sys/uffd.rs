//! userfaultfd(2): missing pages of a range fault until the runtime fills them.

use super::{Errno, probe, syscall};

/// `userfaultfd(2)` flag of Linux 5.11: handle faults of user code only, which needs no privilege.
/// The kernel's own accesses to a missing page fail with EFAULT.
const USER_MODE_ONLY: usize = 1;
/// Faults raise SIGBUS instead of waiting for a reader of the descriptor (Linux 4.14).
const FEATURE_SIGBUS: u64 = 1 << 7;
/// [`Uffd::move_page`] works (Linux 6.8).
const FEATURE_MOVE: u64 = 1 << 16;
const MODE_MISSING: u64 = 1;
const API: u64 = 0xAA;

/// `_IOWR(0xAA, number, bytes)`.
const fn request(number: usize, bytes: usize) -> usize {
    3 << 30 | bytes << 16 | (API as usize) << 8 | number
}

#[repr(C)]
struct ApiArgument {
    api: u64,
    features: u64,
    ioctls: u64,
}

#[repr(C)]
struct RegisterArgument {
    start: u64,
    bytes: u64,
    mode: u64,
    ioctls: u64,
}

/// The argument of UFFDIO_COPY and of UFFDIO_MOVE.
#[repr(C)]
struct TransferArgument {
    to: u64,
    from: u64,
    bytes: u64,
    mode: u64,
    done: i64,
}

/// The flags for userfaultfd(2).
pub const FLAGS: usize = libc::O_CLOEXEC as usize | USER_MODE_ONLY;
pub const UFFDIO_API: usize = request(0x3F, size_of::<ApiArgument>());
pub const UFFDIO_REGISTER: usize = request(0x00, size_of::<RegisterArgument>());
/// `_IOR(0xAA, number, 16 bytes)`.
const UFFDIO_UNREGISTER: usize = 2 << 30 | 16 << 16 | (API as usize) << 8 | 1;
const UFFDIO_WAKE: usize = UFFDIO_UNREGISTER + 1;
pub const UFFDIO_COPY: usize = request(0x03, size_of::<TransferArgument>());
pub const UFFDIO_MOVE: usize = request(0x05, size_of::<TransferArgument>());
const _: () = assert!(UFFDIO_API == 0xc018_aa3f && UFFDIO_REGISTER == 0xc020_aa00);
const _: () = assert!(UFFDIO_COPY == 0xc028_aa03 && UFFDIO_MOVE == 0xc028_aa05);

/// Start and bytes of what UFFDIO_REGISTER is to register, by an argument that the kernel has read.
pub fn range_to_register(argument: usize) -> Option<(usize, usize)> {
    let word = |offset| probe::load(argument.wrapping_add(offset));
    let start = word(core::mem::offset_of!(RegisterArgument, start))?;
    Some((start, word(core::mem::offset_of!(RegisterArgument, bytes))?))
}

/// A userfaultfd descriptor. Closing it makes every page of its ranges accessible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uffd(pub i32);

/// Least number for our descriptors: high, because programs count on low ones.
pub const PARKED: usize = 960;

impl Uffd {
    /// Opens a userfaultfd under a high number, closed on exec; the second result says whether pages can be moved.
    pub fn open() -> Result<(Uffd, bool), Errno> {
        match Uffd::open_with(FEATURE_SIGBUS | FEATURE_MOVE) {
            Ok(uffd) => Ok((uffd, true)),
            // The kernel refuses features that it does not know.
            Err(Errno::EINVAL) => Ok((Uffd::open_with(FEATURE_SIGBUS)?, false)),
            Err(error) => Err(error),
        }
    }

    fn open_with(features: u64) -> Result<Uffd, Errno> {
        // SAFETY: userfaultfd(2) touches no memory.
        let uffd = Uffd(unsafe { syscall(libc::SYS_userfaultfd, [FLAGS, 0, 0, 0, 0, 0]) }? as i32);
        let mut argument = ApiArgument { api: API, features, ioctls: 0 };
        match uffd.ioctl(UFFDIO_API, &mut argument) {
            Ok(()) => Ok(uffd.park()),
            Err(error) => {
                uffd.close();
                Err(error)
            }
        }
    }

    /// Moves the descriptor to a high number, if the process may have one.
    fn park(self) -> Uffd {
        let args = [self.0 as usize, libc::F_DUPFD_CLOEXEC as usize, PARKED, 0, 0, 0];
        // SAFETY: touches no memory.
        match unsafe { syscall(libc::SYS_fcntl, args) } {
            Ok(parked) => {
                self.close();
                Uffd(parked as i32)
            }
            Err(_) => self,
        }
    }

    /// Duplicates the descriptor under a number higher than `than`.
    pub fn duplicate_above(self, than: i32) -> Result<Uffd, Errno> {
        let least = (than as usize).saturating_add(1);
        let args = [self.0 as usize, libc::F_DUPFD_CLOEXEC as usize, least, 0, 0, 0];
        // SAFETY: touches no memory.
        unsafe { syscall(libc::SYS_fcntl, args) }.map(|fd| Uffd(fd as i32))
    }

    pub fn close(self) {
        // SAFETY: the descriptor is ours.
        let _ = unsafe { syscall(libc::SYS_close, [self.0 as usize, 0, 0, 0, 0, 0]) };
    }

    #[inline]
    fn ioctl<T>(self, request: usize, argument: &mut T) -> Result<(), Errno> {
        let args = [self.0 as usize, request, core::ptr::from_mut(argument) as usize, 0, 0, 0];
        // SAFETY: `argument` has the kernel's layout for `request`. Copies and moves change only ranges
        // that the callers of `copy` and `move_page` own; the other requests change no contents.
        unsafe { syscall(libc::SYS_ioctl, args) }.map(drop)
    }

    /// Whether the number no longer stands for a userfaultfd. Tested by waking the threads that wait for the page at
    /// `start` (there are none), which fails with other files. False where a filter forbids the call.
    pub fn is_closed(self, start: usize) -> bool {
        let woken = self.ioctl(UFFDIO_WAKE, &mut [start as u64, super::PAGE_BYTES as u64]);
        woken.is_err() && !super::sandbox::is_restricted()
    }

    /// From now on, missing pages of the range fault.
    pub fn register(self, start: usize, bytes: usize) -> Result<(), Errno> {
        let mut argument = RegisterArgument {
            start: start as u64,
            bytes: bytes as u64,
            mode: MODE_MISSING,
            ioctls: 0,
        };
        self.ioctl(UFFDIO_REGISTER, &mut argument)
    }

    /// From now on, the kernel fills missing pages of the range as they are touched.
    pub fn unregister(self, start: usize, bytes: usize) -> Result<(), Errno> {
        self.ioctl(UFFDIO_UNREGISTER, &mut [start as u64, bytes as u64])
    }

    /// Fills missing pages at `to` with a copy of `from`.
    ///
    /// # Safety
    /// `from` must be readable for `bytes`; the range at `to` must be the caller's own.
    pub unsafe fn copy(self, to: usize, from: usize, bytes: usize) -> Result<(), Errno> {
        self.transfer(UFFDIO_COPY, to, from, bytes)
    }

    /// Moves the pages at `from`, which become missing, to the missing pages at `to`: no page is
    /// allocated, zeroed or copied.
    ///
    /// # Safety
    /// Both ranges must be the caller's own; nothing may rely on what is at `from`.
    #[inline]
    pub unsafe fn move_page(self, to: usize, from: usize, bytes: usize) -> Result<(), Errno> {
        self.transfer(UFFDIO_MOVE, to, from, bytes)
    }

    #[inline]
    fn transfer(self, request: usize, to: usize, from: usize, bytes: usize) -> Result<(), Errno> {
        let mut done = 0;
        while done < bytes {
            let mut argument = TransferArgument {
                to: (to + done) as u64,
                from: (from + done) as u64,
                bytes: (bytes - done) as u64,
                mode: 0,
                done: 0,
            };
            match self.ioctl(request, &mut argument) {
                Ok(()) => return Ok(()),
                // The address space was changing (by a fork, for instance): go on where the kernel stopped.
                Err(Errno(libc::EAGAIN)) => done += argument.done.max(0) as usize,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
