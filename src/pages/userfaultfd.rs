//! userfaultfd: pages that were never filled fault. Linux 4.14 and later; at its best from 6.8.
//!
//! The pool's reservation is registered once. A guard page is then a page that nobody has filled: it
//! costs no call, no mapping, no page table entry. A slot's pages are filled when it is handed out
//! (UFFDIO_COPY of zeros) and dropped when it is retired; better, a retired slot's page is moved to
//! the next slot (UFFDIO_MOVE), which revokes the one and readies the other in one call without
//! allocating or zeroing.
//!
//! The guards live as long as the descriptor. A fork's child starts without: it opens its own
//! before it runs anything else. A child of a raw clone(2) has no such moment; it is recognised at
//! its next operation by a page that the kernel wipes at every fork. A program that closes the
//! descriptor behind our back removes all guards until the next operation, which notices and
//! registers anew.

use super::{PageProtection, PageRange, vectors};
use crate::sys::lock::Lock;
use crate::sys::uffd::Uffd;
use crate::sys::{Errno, PAGE_BYTES, memory};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

/// Most pages filled by one call: what the pool's largest slot holds.
const ZERO_PAGES: usize = 8;

#[repr(align(4096))]
struct Zeros([u8; ZERO_PAGES * PAGE_BYTES]);
static ZEROS: Zeros = Zeros([0; ZERO_PAGES * PAGE_BYTES]);

pub struct Userfaultfd {
    /// The descriptor, or -1.
    descriptor: AtomicI32,
    moves: AtomicBool,
    /// What is registered.
    start: AtomicUsize,
    bytes: AtomicUsize,
    /// Address of the page that is wiped at fork; it holds 1.
    flag: AtomicUsize,
    renewing: Lock<()>,
    /// The descriptor was lost, and guards with it, for a while.
    was_lost: AtomicBool,
    /// And could not be replaced.
    is_lost: AtomicBool,
}

impl Userfaultfd {
    pub const fn new() -> Userfaultfd {
        Userfaultfd {
            descriptor: AtomicI32::new(-1),
            moves: AtomicBool::new(false),
            start: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            flag: AtomicUsize::new(0),
            renewing: Lock::new(()),
            was_lost: AtomicBool::new(false),
            is_lost: AtomicBool::new(false),
        }
    }

    fn uffd(&self) -> Uffd {
        Uffd(self.descriptor.load(Ordering::Acquire))
    }

    fn flag(&self) -> usize {
        match self.flag.load(Ordering::Acquire) {
            0 => 1,
            // SAFETY: mapped by `raise_flag`, and never unmapped.
            page => unsafe { (page as *const usize).read_volatile() },
        }
    }

    fn raise_flag(&self) -> Result<(), Errno> {
        let mut page = self.flag.load(Ordering::Acquire);
        if page == 0 {
            page = memory::map(PAGE_BYTES)?;
            memory::wipe_at_fork(page, PAGE_BYTES)?;
            self.flag.store(page, Ordering::Release);
        }
        // SAFETY: mapped above, writable, and only ever holds this word.
        unsafe { (page as *mut usize).write_volatile(1) };
        Ok(())
    }

    /// Opens a descriptor and registers the range with it. The old one, if it is still there, is of
    /// another address space.
    fn register(&self) -> Result<(), Errno> {
        let (uffd, moves) = Uffd::open()?;
        let range = (self.start.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        uffd.register(range.0, range.1).inspect_err(|_| uffd.close())?;
        self.moves.store(moves, Ordering::Relaxed);
        self.descriptor.store(uffd.0, Ordering::Release);
        self.raise_flag()
    }

    /// Runs an operation; when the kernel says that the descriptor is not what it was, registers
    /// anew and runs it once more.
    #[inline]
    fn run(&self, operation: impl Fn(Uffd) -> Result<(), Errno>) -> Result<(), Errno> {
        if self.flag() == 0 {
            self.renew(self.uffd())?;
        }
        let uffd = self.uffd();
        match operation(uffd) {
            // Closed; another file's number; or of an address space that is gone or not ours.
            Err(Errno(libc::EBADF | libc::ENOTTY | libc::ENOENT | libc::ESRCH)) => {
                self.was_lost.store(true, Ordering::Relaxed);
                self.renew(uffd)?;
                operation(self.uffd())
            }
            result => result,
        }
    }

    #[cold]
    fn renew(&self, seen: Uffd) -> Result<(), Errno> {
        let _renewing = self.renewing.lock();
        if self.flag() != 0 && self.uffd() != seen {
            // Another thread was faster.
            return Ok(());
        }
        let result = self.register();
        self.is_lost.store(result.is_err(), Ordering::Relaxed);
        result
    }
}

impl PageProtection for Userfaultfd {
    fn name(&self) -> &'static str {
        "userfaultfd"
    }

    fn prepare(&self, reservation: PageRange) -> Result<(), Errno> {
        memory::refuse_huge_pages(reservation.start(), reservation.bytes());
        self.start.store(reservation.start(), Ordering::Relaxed);
        self.bytes.store(reservation.bytes(), Ordering::Relaxed);
        match self.uffd() {
            Uffd(-1) => self.register(),
            uffd => uffd.register(reservation.start(), reservation.bytes()),
        }
    }

    unsafe fn open(&self, stretch: PageRange) -> Result<(), Errno> {
        // SAFETY: the caller owns the stretch; its pages are missing, so they fault.
        unsafe { memory::commit(stretch.start(), stretch.bytes()) }
    }

    unsafe fn populate(&self, pages: PageRange) -> Result<(), Errno> {
        // SAFETY: the caller owns the pages.
        unsafe {
            match self.fill_missing(pages) {
                // Somebody touched it while the guards were lost.
                Err(Errno(libc::EEXIST)) => {
                    memory::discard(pages.start(), pages.bytes())?;
                    self.fill_missing(pages)
                }
                result => result,
            }
        }
    }

    unsafe fn retire_all(&self, ranges: &[PageRange]) -> Result<(), Errno> {
        if self.flag() == 0 {
            self.renew(self.uffd())?;
        }
        // SAFETY: the caller owns the pages and is done with them.
        unsafe { memory::discard_all(&vectors(ranges)[..ranges.len()]) }
    }

    fn faults_on_missing(&self) -> bool {
        true
    }

    unsafe fn fill_missing(&self, pages: PageRange) -> Result<(), Errno> {
        let zeros = &raw const ZEROS.0 as usize;
        self.run(|uffd| {
            let mut start = pages.start();
            while start < pages.end() {
                let bytes = (pages.end() - start).min(ZERO_PAGES * PAGE_BYTES);
                // SAFETY: the caller owns the pages; the zeros are as many.
                unsafe { uffd.copy(start, zeros, bytes) }?;
                start += bytes;
            }
            Ok(())
        })
    }

    unsafe fn retire(&self, pages: PageRange) -> Result<(), Errno> {
        if self.flag() == 0 {
            self.renew(self.uffd())?;
        }
        // SAFETY: the caller owns the pages and is done with them.
        unsafe { memory::discard(pages.start(), pages.bytes()) }
    }

    #[unsafe(link_section = ".text.hot")]
    fn can_recycle(&self) -> bool {
        self.moves.load(Ordering::Relaxed)
    }

    #[unsafe(link_section = ".text.hot")]
    unsafe fn recycle(&self, from: PageRange, to: PageRange) -> Result<(), Errno> {
        self.run(|uffd| {
            // SAFETY: the caller owns both.
            match unsafe { uffd.move_page(to.start(), from.start(), from.bytes()) } {
                // Nothing is there: the program has dropped the page. That is no loss of ours.
                Err(Errno(libc::ENOENT)) => Err(Errno::EINVAL),
                result => result,
            }
        })
    }

    #[unsafe(link_section = ".text.hot")]
    fn mappings_per_slot(&self) -> usize {
        0
    }

    fn lost(&self) -> Option<&'static str> {
        if self.is_lost.load(Ordering::Relaxed) {
            Some(
                "the userfaultfd descriptor was lost and could not be replaced: nothing is guarded",
            )
        } else if self.was_lost.load(Ordering::Relaxed) {
            Some("the program closed the userfaultfd descriptor: nothing was guarded for a while")
        } else {
            None
        }
    }

    fn after_fork_in_child(&self) {
        // The descriptor is the parent's range by another name; it must not be used here.
        self.uffd().close();
        self.is_lost.store(self.register().is_err(), Ordering::Relaxed);
    }

    fn hold_for_fork(&self) {
        self.renewing.hold_for_fork();
    }

    unsafe fn release_after_fork(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.renewing.release_after_fork() }
    }

    fn descriptor(&self) -> Option<i32> {
        Some(self.descriptor.load(Ordering::Acquire)).filter(|&descriptor| descriptor >= 0)
    }

    fn move_descriptor_above(&self, than: i32) -> Result<(), Errno> {
        let _renewing = self.renewing.lock();
        let old = self.uffd();
        let new = old.duplicate_above(than)?;
        self.descriptor.store(new.0, Ordering::Release);
        old.close();
        Ok(())
    }
}
