//! The pages of a mapping that hold something, found without touching any: reading one that holds nothing would make the
//! kernel map a page of zeros there, and a mapping may be larger than all memory.

use super::file::File;
use super::{PAGE_BYTES, syscall};
use core::cell::Cell;
use core::ops::Range;

/// `PAGEMAP_SCAN` of Linux 6.7 (the kernel's admin-guide/mm/pagemap.rst): finds pages without looking at each.
const PAGEMAP_SCAN: usize = 0xc060_6610;

/// Categories of pages there.
const FILE: u64 = 1 << 2;
const PRESENT: u64 = 1 << 3;
const SWAPPED: u64 = 1 << 4;
/// A page of zeros, that has been read and never written.
const ZERO: u64 = 1 << 5;

/// Its argument.
#[repr(C)]
struct ScanArguments {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    regions: u64,
    most_regions: u64,
    most_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_any: u64,
    category_returned: u64,
}

const _: () = assert!(size_of::<ScanArguments>() == 96);

#[derive(Clone, Copy)]
#[repr(C)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

/// Regions asked for at a time.
const REGIONS: usize = 64;

/// Bits of an entry of the file itself: in swap or in memory, of a file or shared.
const ENTRY_HELD: u64 = 0b11 << 62;
const ENTRY_FILE: u64 = 1 << 61;
/// Entries read at a time.
const ENTRIES: usize = 256;

/// Which pages are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All.
    Any,
    /// Those that the process does not share, and does not have from a file: it has written to them.
    Anonymous,
}

/// The kernel's file that tells.
pub struct HeldPages {
    /// Absent where /proc is not mounted, or there is no descriptor left.
    file: Option<File>,
    can_scan: Cell<bool>,
}

impl HeldPages {
    pub fn new() -> HeldPages {
        // By the thread (Linux 3.17): once the first one has ended, there is nothing under the process.
        let opened = File::of_proc(c"/proc/thread-self/pagemap");
        let file = opened.or_else(|_| File::of_proc(c"/proc/self/pagemap")).ok();
        HeldPages { file, can_scan: Cell::new(true) }
    }

    /// Passes stretches of the pages in `range` that hold something to `each`. Where the kernel does not tell, that is all of it.
    pub fn visit(&self, range: Range<usize>, kind: Kind, mut each: impl FnMut(Range<usize>)) {
        let mut start = range.start & !(PAGE_BYTES - 1);
        let mut each = |held: Range<usize>| {
            each(held.start.max(range.start)..held.end.min(range.end));
        };
        let Some(file) = &self.file else { return each(range.clone()) };
        if self.can_scan.get() {
            match scan(file, start, range.end, kind, &mut each) {
                Ok(()) => return,
                // Older kernels.
                Err(reached) => {
                    self.can_scan.set(reached != start);
                    start = reached;
                }
            }
        }
        read(file, start, range.end, kind, &mut each);
    }
}

/// The error is how far it came.
fn scan(
    file: &File,
    start: usize,
    end: usize,
    kind: Kind,
    each: &mut impl FnMut(Range<usize>),
) -> Result<(), usize> {
    let mut regions = [Region { start: 0, end: 0, categories: 0 }; REGIONS];
    let without = if kind == Kind::Anonymous { FILE | ZERO } else { ZERO };
    let mut at = start;
    while at < end {
        let mut arguments = ScanArguments {
            size: size_of::<ScanArguments>() as u64,
            flags: 0,
            start: at as u64,
            end: super::round_up_to_page(end) as u64,
            walk_end: 0,
            regions: regions.as_mut_ptr() as u64,
            most_regions: REGIONS as u64,
            most_pages: 0,
            category_inverted: without,
            category_mask: without,
            category_any: PRESENT | SWAPPED,
            category_returned: 0,
        };
        let pointer = &raw mut arguments as usize;
        let args = [file.descriptor() as usize, PAGEMAP_SCAN, pointer, 0, 0, 0];
        // SAFETY: the kernel reads the arguments, and writes the end there and regions into the array.
        let found = unsafe { syscall(libc::SYS_ioctl, args) }.map_err(|_| at)?;
        for region in &regions[..found.min(REGIONS)] {
            each(region.start as usize..region.end as usize);
        }
        let reached = arguments.walk_end as usize;
        if reached <= at {
            return Err(at);
        }
        at = reached;
    }
    Ok(())
}

fn read(file: &File, start: usize, end: usize, kind: Kind, each: &mut impl FnMut(Range<usize>)) {
    let mut entries = [0_u64; ENTRIES];
    let mut at = start;
    while at < end {
        let count = ((end - at).div_ceil(PAGE_BYTES)).min(ENTRIES);
        let (bytes, offset) = (count * size_of::<u64>(), at / PAGE_BYTES * size_of::<u64>());
        let pointer = entries.as_mut_ptr() as usize;
        let args = [file.descriptor() as usize, pointer, bytes, offset, 0, 0];
        // SAFETY: the kernel writes into `entries`, which is that long.
        let told = unsafe { syscall(libc::SYS_pread64, args) } == Ok(bytes);
        let is_held = |entry: u64| {
            !told || entry & ENTRY_HELD != 0 && (kind == Kind::Any || entry & ENTRY_FILE == 0)
        };
        let held = entries[..count].iter().enumerate().filter(|&(_, &entry)| is_held(entry));
        for (number, _) in held {
            let page = at + number * PAGE_BYTES;
            each(page..page + PAGE_BYTES);
        }
        at += count * PAGE_BYTES;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::memory;

    #[test]
    fn finds_what_was_written_and_touches_nothing_else() {
        const PAGES: usize = 600;
        let start = memory::map(PAGES * PAGE_BYTES).unwrap();
        for page in [3, 4, 500] {
            // SAFETY: the mapping is this test's own.
            unsafe { ((start + page * PAGE_BYTES) as *mut u8).write(1) };
        }
        for can_scan in [true, false] {
            let pages = HeldPages { can_scan: Cell::new(can_scan), ..HeldPages::new() };
            for kind in [Kind::Any, Kind::Anonymous] {
                let mut found = Vec::new();
                pages.visit(start + 8..start + PAGES * PAGE_BYTES, kind, |range| {
                    found.extend(range.step_by(PAGE_BYTES).map(|at| (at - start) / PAGE_BYTES));
                });
                assert_eq!(found, [3, 4, 500], "{can_scan}");
            }
        }
    }

    #[test]
    fn code_is_of_a_file() {
        let code = finds_what_was_written_and_touches_nothing_else as *const () as usize;
        let page = code & !(PAGE_BYTES - 1);
        let count = |kind| {
            let mut count = 0;
            HeldPages::new().visit(page..page + PAGE_BYTES, kind, |_| count += 1);
            count
        };
        assert_eq!((count(Kind::Any), count(Kind::Anonymous)), (1, 0));
    }
}
