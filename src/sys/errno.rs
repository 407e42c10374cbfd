//! Kernel error numbers, and the calling thread's `errno`.

/// An error number as the kernel returned it (positive; see errno(3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub i32);

impl Errno {
    pub const ENOMEM: Errno = Errno(libc::ENOMEM);
    pub const EINVAL: Errno = Errno(libc::EINVAL);
}

/// Sets the calling thread's `errno`, as an interposed libc function must when it fails.
pub fn set(value: Errno) {
    // SAFETY: __errno_location returns a valid pointer to this thread's errno.
    unsafe { *libc::__errno_location() = value.0 }
}

/// The calling thread's `errno`.
pub fn get() -> Errno {
    // SAFETY: __errno_location returns a valid pointer to this thread's errno.
    Errno(unsafe { *libc::__errno_location() })
}
