//! Which pages of the process hold contents, and which pages it shares with another process.

use super::file::File;
use super::{Errno, PAGE_BYTES, memory, syscall};

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
        let mut entries = [0_u64; MOST_PAGES];
        let to = entries.as_mut_ptr() as usize;
        // SAFETY: `count` is at most the length of `entries`.
        unsafe { self.read_entries(start / PAGE_BYTES, to, count) }.then_some(entries)
    }

    /// Writes the kernel's entries of `count` pages from page number `first` on to the address `to`. Returns false if
    /// they can't be had.
    ///
    /// # Safety
    /// There must be room for `count` words at `to`, which only the caller uses.
    unsafe fn read_entries(&self, first: usize, to: usize, count: usize) -> bool {
        let Some(file) = &self.0 else { return false };
        let bytes = count * size_of::<u64>();
        let args = [file.descriptor() as usize, to, bytes, first * size_of::<u64>(), 0, 0];
        // SAFETY: the caller says that there is room.
        unsafe { syscall(libc::SYS_pread64, args) == Ok(bytes) }
    }
}

/// The bit for a page with a guard marker, from Linux 6.15 on; older kernels leave it clear.
const MARKED: u64 = 1 << 58;

/// How many entries [`SharedPages`] reads at a time: those of a page table. They fill a page.
const TABLE_PAGES: usize = PAGE_BYTES / size_of::<u64>();

/// Finds pages that a forked process still shares with another one: neither has written to them since.
pub struct SharedPages {
    residency: Residency,
    /// Number of the page table that the entries in `buffer` are about; 0 if there are none.
    table: usize,
    /// Address of a page of its own, as stacks may be small; 0 if there was no memory.
    buffer: usize,
}

impl SharedPages {
    pub fn new() -> SharedPages {
        let buffer = memory::map(PAGE_BYTES).unwrap_or(0);
        SharedPages { residency: Residency::new(), table: 0, buffer }
    }

    /// Whether the page at `page` is known to be shared. Quick for pages in rising order.
    #[inline]
    pub fn contains(&mut self, page: usize) -> bool {
        self.entry(page).is_some_and(|entry| entry & (PRESENT | EXCLUSIVE) == PRESENT)
    }

    /// Whether the page at `page` may have contents that no other process shares. Quick for pages in rising order.
    #[inline]
    pub fn may_be_own(&mut self, page: usize) -> bool {
        self.entry(page).is_none_or(|entry| {
            entry & HELD != 0 && entry & MARKED == 0 && entry & (PRESENT | EXCLUSIVE) != PRESENT
        })
    }

    #[inline]
    fn entry(&mut self, page: usize) -> Option<u64> {
        let (table, at) =
            (page / (TABLE_PAGES * PAGE_BYTES), page / PAGE_BYTES % TABLE_PAGES * size_of::<u64>());
        if table != self.table && !self.read_table(table) {
            return None;
        }
        // SAFETY: the buffer is a page of our own, and holds an entry for each page of the table.
        Some(unsafe { *((self.buffer + at) as *const u64) })
    }

    /// Reads the entries of a page table. Returns false if they can't be had.
    #[cold]
    #[inline(never)]
    fn read_table(&mut self, table: usize) -> bool {
        self.table = 0;
        if self.buffer == 0 {
            return false;
        }
        // SAFETY: the buffer is a page of our own, and nobody holds a reference into it.
        if unsafe { self.residency.read_entries(table * TABLE_PAGES, self.buffer, TABLE_PAGES) } {
            self.table = table;
        } else {
            // Do not ask again for every page.
            self.residency = Residency(None);
        }
        self.table != 0
    }
}

impl Drop for SharedPages {
    fn drop(&mut self) {
        if self.buffer != 0 {
            // SAFETY: the page is our own, and nobody holds a reference into it.
            unsafe { memory::unmap(self.buffer, PAGE_BYTES) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                let own = [0, 1, 2].map(|number| shared.may_be_own(page(number) as usize));
                let is_right = are == [true, false, false] && own == [false, true, false];
                libc::_exit(i32::from(!is_right));
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            assert_eq!(status, 0);
        }
    }
}
