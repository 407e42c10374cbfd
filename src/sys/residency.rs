//! Which pages of the process hold contents, and which pages it shares with another process.

use super::file::File;
use super::{Errno, PAGE_BYTES, syscall};

/// Most pages of one call: more would not fit on a signal handler's small stack.
pub const MOST_PAGES: usize = 128;

/// Bits of an entry of `/proc/PID/pagemap` (the kernel's admin-guide/mm/pagemap.rst) for a page that is in swap or in
/// memory. A guard marker counts as in swap.
const HELD: u64 = 1 << 62 | PRESENT;
/// The bit for a page that is in memory.
const PRESENT: u64 = 1 << 63;
/// The bit for a page that is mapped only once: no other process has it.
const EXCLUSIVE: u64 = 1 << 56;

/// Asks the kernel about pages: by `/proc/self/pagemap`, or where no descriptor can be had, by
/// mincore(2), which may say of a page in swap that it holds nothing.
pub struct Residency(Option<File>);

impl Residency {
    pub fn new() -> Residency {
        Residency(File::regular(c"/proc/self/pagemap").ok().map(|(file, _)| file))
    }

    /// Sets in `held`, for each of up to [`MOST_PAGES`] mapped, anonymous pages from `start` on,
    /// whether the page holds contents.
    pub fn ask(&self, start: usize, held: &mut [bool]) -> Result<(), Errno> {
        let count = held.len().min(MOST_PAGES);
        let held = &mut held[..count];
        if let Some(entries) = self.entries(start, count) {
            held.iter_mut().zip(entries).for_each(|(held, entry)| *held = entry & HELD != 0);
            return Ok(());
        }
        let mut resident = [0_u8; MOST_PAGES];
        let args = [start, count * PAGE_BYTES, resident.as_mut_ptr() as usize, 0, 0, 0];
        // SAFETY: the kernel writes one byte for each page, and `resident` has as many.
        unsafe { syscall(libc::SYS_mincore, args) }?;
        held.iter_mut().zip(resident).for_each(|(held, byte)| *held = byte & 1 != 0);
        Ok(())
    }

    /// The kernel's pagemap entries of up to [`MOST_PAGES`] pages.
    fn entries(&self, start: usize, count: usize) -> Option<[u64; MOST_PAGES]> {
        let descriptor = self.0.as_ref()?.descriptor() as usize;
        let mut entries = [0_u64; MOST_PAGES];
        let (bytes, offset) = (count * size_of::<u64>(), start / PAGE_BYTES * size_of::<u64>());
        let args = [descriptor, entries.as_mut_ptr() as usize, bytes, offset, 0, 0];
        // SAFETY: the kernel writes into `entries`, which is that long.
        (unsafe { syscall(libc::SYS_pread64, args) } == Ok(bytes)).then_some(entries)
    }
}

/// Finds pages that a forked process still shares with another one: neither has written to them since.
pub struct SharedPages {
    residency: Residency,
    /// Address of the page that the first of `entries` is about.
    start: usize,
    entries: [u64; MOST_PAGES],
}

impl SharedPages {
    pub fn new() -> SharedPages {
        SharedPages { residency: Residency::new(), start: 0, entries: [0; MOST_PAGES] }
    }

    /// Whether the page at `page` is known to be shared. Quick for pages in rising order.
    pub fn contains(&mut self, page: usize) -> bool {
        let number = page.wrapping_sub(self.start) / PAGE_BYTES;
        let entry = self.entries.get(number).copied().unwrap_or_else(|| {
            self.start = page;
            self.entries = self.residency.entries(page, MOST_PAGES).unwrap_or([0; MOST_PAGES]);
            self.entries[0]
        });
        entry & (PRESENT | EXCLUSIVE) == PRESENT
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

    #[test]
    fn tells_what_a_child_has_written_to() {
        let start = memory::map(3 * PAGE_BYTES).unwrap();
        let page = |number: usize| (start + number * PAGE_BYTES) as *mut u8;
        // SAFETY: the mapping is this test's own; the child only writes to it, asks, and exits.
        unsafe {
            page(0).write(1);
            page(1).write(1);
            let child = libc::fork();
            if child == 0 {
                page(1).write(2);
                let mut shared = SharedPages::new();
                let are = [0, 1, 2].map(|number| shared.contains(page(number) as usize));
                libc::_exit(i32::from(are != [true, false, false]));
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            assert_eq!(status, 0);
        }
    }
}
