//! Page permissions: works on every kernel.
//!
//! The pool is one inaccessible mapping, and a live slot is a writable hole in it. The kernel counts that hole and the
//! guard behind it as two mappings, and refuses more than `vm.max_map_count` (65,530 by default), so the heap keeps
//! count. A retired slot becomes inaccessible by a fresh mapping, which the kernel merges with its neighbours, so it
//! costs none.

use super::{Outlook, PageProtection, PageRange};
use crate::sys::sandbox::{Coming, Need};
use crate::sys::{Errno, memory};

pub struct Mprotect;

impl PageProtection for Mprotect {
    fn name(&self) -> &'static str {
        "mprotect"
    }

    unsafe fn open(&self, _stretch: PageRange) -> Result<(), Errno> {
        // Reserved pages fault already.
        Ok(())
    }

    unsafe fn populate(&self, pages: PageRange) -> Result<(), Errno> {
        // SAFETY: the caller promises that it owns the pages.
        unsafe { memory::commit(pages.start(), pages.bytes()) }
    }

    unsafe fn retire(&self, pages: PageRange) -> Result<(), Errno> {
        // SAFETY: the caller owns the pages, and nothing relies on their contents any more.
        unsafe { memory::revoke(pages.start(), pages.bytes()) }
    }

    fn mappings_per_slot(&self) -> usize {
        2
    }

    fn prepare_for(&self, filter: &Coming) -> Outlook {
        if filter.allows(Need::Permissions) { Outlook::Lives } else { Outlook::Ends }
    }
}
