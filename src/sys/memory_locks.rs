//! Locked memory (mlock(2)): how much the process may lock, and whether it may lock more.

use super::{Errno, memory, syscall};

const MLOCK_ONFAULT: usize = 1;

/// Bytes that the process may lock without privilege (RLIMIT_MEMLOCK).
pub fn most_bytes() -> usize {
    memory::limit_of(libc::RLIMIT_MEMLOCK).unwrap_or(usize::MAX)
}

/// Whether the process may lock any amount of memory (CAP_IPC_LOCK, capabilities(7)).
pub fn is_privileged() -> bool {
    const VERSION_3: u32 = 0x2008_0522;
    const CAP_IPC_LOCK: u32 = 14;
    let mut header = [VERSION_3, 0];
    // Effective, permitted and inheritable sets; first of the lower capabilities, then of the upper ones.
    let mut data = [0_u32; 6];
    let args = [header.as_mut_ptr() as usize, data.as_mut_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: `header` and `data` have the kernel's layout.
    let asked = unsafe { syscall(libc::SYS_capget, args) };
    asked.is_ok() && data[0] >> CAP_IPC_LOCK & 1 != 0
}

/// Locks mapped pages: all at once, or (with `on_fault`) each when it is touched.
pub fn lock(start: usize, bytes: usize, on_fault: bool) -> Result<(), Errno> {
    let flags = if on_fault { MLOCK_ONFAULT } else { 0 };
    // SAFETY: locking changes no contents.
    unsafe { syscall(libc::SYS_mlock2, [start, bytes, flags, 0, 0, 0]) }.map(drop)
}

/// Lets go of locked pages; others stay as they are.
pub fn unlock(start: usize, bytes: usize) {
    // SAFETY: changes no contents.
    let _ = unsafe { syscall(libc::SYS_munlock, [start, bytes, 0, 0, 0, 0]) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::PAGE_BYTES;

    #[test]
    fn a_page_can_be_locked() {
        let start = memory::map(PAGE_BYTES).unwrap();
        let may = is_privileged() || most_bytes() >= PAGE_BYTES;
        assert_eq!(lock(start, PAGE_BYTES, false).is_ok(), may);
        // SAFETY: the mapping is this test's own.
        unsafe { memory::unmap(start, PAGE_BYTES) };
    }
}
