//! Which pages of the process hold something.

use super::file::File;
use super::{Errno, PAGE_BYTES, syscall};

/// Most pages of one question: more would take room on what may be a signal handler's small stack.
pub const MOST_PAGES: usize = 128;

/// Bits of an entry of `/proc/PID/pagemap` (the kernel's admin-guide/mm/pagemap.rst): in swap, in memory. A guard
/// marker counts as in swap.
const HELD: u64 = 1 << 62 | 1 << 63;

/// Asks the kernel about pages. Without `/proc/self/pagemap`, which takes a descriptor, it asks
/// mincore(2), to which a page in swap that nobody has looked at for long is missing.
pub struct Residency(Option<File>);

impl Residency {
    pub fn new() -> Residency {
        Residency(File::read_only(c"/proc/self/pagemap").ok())
    }

    /// For each of up to [`MOST_PAGES`] mapped, anonymous pages from `start` on, whether it holds
    /// something.
    pub fn ask(&self, start: usize, held: &mut [bool]) -> Result<(), Errno> {
        let count = held.len().min(MOST_PAGES);
        let held = &mut held[..count];
        let mut entries = [0_u64; MOST_PAGES];
        let bytes = count * size_of::<u64>();
        if let Some(file) = &self.0 {
            let offset = start / PAGE_BYTES * size_of::<u64>();
            let args =
                [file.descriptor() as usize, entries.as_mut_ptr() as usize, bytes, offset, 0, 0];
            // SAFETY: the kernel writes into `entries`, which is that long.
            if unsafe { syscall(libc::SYS_pread64, args) } == Ok(bytes) {
                held.iter_mut().zip(entries).for_each(|(held, entry)| *held = entry & HELD != 0);
                return Ok(());
            }
        }
        let mut resident = [0_u8; MOST_PAGES];
        let args = [start, count * PAGE_BYTES, resident.as_mut_ptr() as usize, 0, 0, 0];
        // SAFETY: the kernel writes a byte a page.
        unsafe { syscall(libc::SYS_mincore, args) }?;
        held.iter_mut().zip(resident).for_each(|(held, byte)| *held = byte & 1 != 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::memory;

    #[test]
    fn tells_what_was_touched() {
        let start = memory::map(4 * PAGE_BYTES).unwrap();
        // SAFETY: the mapping is this test's own.
        unsafe { ((start + PAGE_BYTES) as *mut u8).write(1) };
        for residency in [Residency::new(), Residency(None)] {
            let mut held = [false; 4];
            residency.ask(start, &mut held).unwrap();
            assert_eq!(held, [false, true, false, false]);
        }
    }
}
