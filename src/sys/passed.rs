//! Memory that a program passes by address: read so that a bad address does no harm, as the kernel refuses it.
//!
//! A probe that fails is resumed by our fault handler. In a process without it the kernel is asked first.

use super::{Errno, probe, syscall};
use core::sync::atomic::{AtomicBool, Ordering};

const WORD_BYTES: usize = size_of::<usize>();

static HAS_HANDLER: AtomicBool = AtomicBool::new(true);

/// For a process that never has our fault handler.
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

/// Copies a string, which may end anywhere, up to its end or that of the room.
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

/// Whether a probe of this byte must not be made.
fn is_refused(address: usize) -> bool {
    !HAS_HANDLER.load(Ordering::Relaxed) && !is_readable(address)
}

/// Whether the kernel can read this byte. A signal mask is what it reads in every sandbox: before it sees that
/// nothing is to be done with the mask.
fn is_readable(address: usize) -> bool {
    const NOTHING: usize = usize::MAX;
    // No page ends within it.
    let word = address & !(WORD_BYTES - 1);
    let args = [NOTHING, word, 0, WORD_BYTES, 0, 0];
    // SAFETY: the kernel refuses an address that can't be read, and what is to be done.
    let answer = unsafe { syscall(libc::SYS_rt_sigprocmask, args) };
    // It takes a null pointer for no mask.
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
            assert_eq!(is_readable(address), is_there, "{address:#x}");
        }
        // SAFETY: as above, the first.
        unsafe { memory::unmap(pages, PAGE_BYTES) };
    }
}
