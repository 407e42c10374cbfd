//! Reads memory at an address that the program passed. A bad address does no harm, as with a system call.
//!
//! Our fault handler resumes a probe that fails. In a process without that handler, the kernel is asked first.

use super::{Errno, probe, syscall};
use core::sync::atomic::{AtomicBool, Ordering};

const WORD_BYTES: usize = size_of::<usize>();

static HAS_HANDLER: AtomicBool = AtomicBool::new(true);

/// Notes that this process will never have our fault handler.
pub fn do_without_handler() {
    HAS_HANDLER.store(false, Ordering::Relaxed);
}

/// The word at an address, aligned or not; `None` when it can't be read.
pub fn load(address: usize) -> Option<usize> {
    let last = address.wrapping_add(WORD_BYTES - 1);
    if is_refused(address) || is_refused(last) { None } else { probe::load(address) }
}

/// The byte at an address; `None` when it can't be read.
pub fn load_byte(address: usize) -> Option<u8> {
    if is_refused(address) { None } else { probe::load_byte(address) }
}

/// Copies a string into `room`, up to its zero, its first unreadable byte, or the end of `room`.
pub fn copy_string(from: usize, room: &mut [u8]) -> &[u8] {
    let mut length = 0;
    while length < room.len() {
        match load_byte(from.wrapping_add(length)) {
            None | Some(0) => break,
            Some(byte) => room[length] = byte,
        }
        length += 1;
    }
    &room[..length]
}

/// Whether there is no fault handler and the byte can't be read, so that it must not be probed.
fn is_refused(address: usize) -> bool {
    !HAS_HANDLER.load(Ordering::Relaxed) && !is_readable_to_kernel(address)
}

/// Whether the kernel can read this byte. rt_sigprocmask(2) is allowed in every sandbox, and reads the mask before it
/// looks at the operation, which is an invalid one here.
pub fn is_readable_to_kernel(address: usize) -> bool {
    const NOTHING: usize = usize::MAX;
    // An aligned word does not cross a page's end.
    let word = address & !(WORD_BYTES - 1);
    let args = [NOTHING, word, 0, WORD_BYTES, 0, 0];
    // SAFETY: the kernel refuses an unreadable address, and then the invalid operation; it changes nothing.
    let answer = unsafe { syscall(libc::SYS_rt_sigprocmask, args) };
    // The kernel takes a null pointer for no mask.
    word != 0 && answer == Err(Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{PAGE_BYTES, memory};

    #[test]
    fn the_kernel_tells_what_can_be_read() {
        let pages = memory::map(2 * PAGE_BYTES).expect("there is memory");
        let end = pages + PAGE_BYTES;
        // SAFETY: the second of two pages that were mapped just now.
        unsafe { memory::unmap(end, PAGE_BYTES) };
        for (address, is_there) in [
            (pages, true),
            (end - 1, true),
            (end, false),
            (0, false),
            (8, false),
            (1 << 63, false),
            (usize::MAX, false),
        ] {
            assert_eq!(is_readable_to_kernel(address), is_there, "{address:#x}");
        }
        // SAFETY: the first of the two pages, which nobody else knows.
        unsafe { memory::unmap(pages, PAGE_BYTES) };
    }
}
