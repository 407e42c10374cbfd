//! Control blocks of threads: glibc's `tcbhead_t`, the layout of which is part of its binary interface.

use crate::sys::probe;

/// Where a block has its own address, beside the first word.
const SELF: usize = 16;

/// Entries of the vector by which a thread finds its thread-local storage. A block has a pointer to the second (glibc's
/// `allocate_dtv`).
const ENTRY_BYTES: usize = 16;

/// Whether a block lies at an address, of a thread that lives or one whose stack libc keeps for the next.
pub fn is_at(address: usize) -> bool {
    let is_own = |at: usize| probe::load(at) == Some(address);
    is_own(address) && is_own(address + SELF)
}

/// Whether a pointer, so many bytes into an object, is one of a block to its vector: the first word of that says how many entries
/// there are besides two.
pub fn is_vector(start: usize, size: usize, offset: usize) -> bool {
    offset == ENTRY_BYTES
        && size.is_multiple_of(ENTRY_BYTES)
        && (size / ENTRY_BYTES).checked_sub(2) == probe::load(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::per_thread;

    #[test]
    fn this_thread_has_a_block_and_a_vector() {
        probe::install_test_handler();
        let block = per_thread::control_block();
        assert!(is_at(block) && !is_at(block + 8));
        // Of the first thread the loader has made the vector; its first word is as for the others.
        let entries = probe::load(probe::load(block + 8).unwrap() - ENTRY_BYTES).unwrap();
        let mut vector = [0_usize; 8];
        vector[0] = 2;
        let start = vector.as_ptr() as usize;
        assert!(entries > 0 && is_vector(start, 64, 16));
        assert!(!is_vector(start, 48, 16) && !is_vector(start, 64, 8) && !is_vector(start, 60, 16));
    }
}
