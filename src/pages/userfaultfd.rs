//! userfaultfd: pages that were never filled fault. Linux 4.14 and later; at its best from 6.8.
//!
//! The pool's reservation is registered once. A guard page is then a page that nobody has filled: it costs no call, no
//! mapping, no page table entry. A slot's pages are filled when it is handed out (UFFDIO_COPY of zeros), and dropped
//! when it is retired. Better, a retired slot's page is moved to the next slot (UFFDIO_MOVE): one call revokes the
//! first and readies the second, and allocates or zeroes nothing.
//!
//! The guards live as long as the descriptor. A fork's child has none: it opens its own before anything else runs. The
//! child of a raw clone(2) can't; a page that the kernel wipes at every fork shows that at its next operation. If the
//! program closes the descriptor unseen, there are no guards until the next operation, which notices and registers
//! again. If no new descriptor can be had (no number left), or a seccomp filter is about to forbid its use, guard
//! markers or page permissions ([`Madvise`]) take over for good. Missing pages are no guards then, so those in service
//! get guards by [`PageProtection::restore`].

use super::given::Given;
use super::{Gap, Madvise, Outlook, PageProtection, PageRange, vectors};
use crate::sys::lock::Lock;
use crate::sys::range_set::RangeSet;
use crate::sys::sandbox::{Coming, Need};
use crate::sys::scope::RuntimeScope;
use crate::sys::uffd::Uffd;
use crate::sys::{Errno, PAGE_BYTES, address_map, memory, probe, process};
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

/// The most pages filled by one call: those of the pool's largest slot.
const ZERO_PAGES: usize = 16;

#[repr(align(4096))]
struct Zeros([u8; ZERO_PAGES * PAGE_BYTES]);
static ZEROS: Zeros = Zeros([0; ZERO_PAGES * PAGE_BYTES]);

/// The state of the descriptor. In a process image states only rise, except [`REOPENED`]. This one: it works.
const SOUND: u8 = 0;
/// It was lost, and there is a new one. Pages touched meanwhile must be restored.
const REOPENED: u8 = 1;
/// It is lost for good, but the kernel still guards, as another process has a copy. Nothing can be populated.
const STUCK: u8 = 2;
/// It is lost for good. Nothing is populated or opened until everything in service is restored.
const LOST: u8 = 3;
/// It is lost for good, and `successor` does the work.
const SUCCEEDED: u8 = 4;

/// The value of [`Userfaultfd::descriptor`] if there is none.
const NONE: u64 = u32::MAX as u64;

fn uffd_in(word: u64) -> Uffd {
    Uffd(word as u32 as i32)
}

pub struct Userfaultfd {
    /// The descriptor, or -1, with which every operation fails. The upper 32 bits count changes, so that a new
    /// descriptor differs from an old one of the same number.
    descriptor: AtomicU64,
    moves: AtomicBool,
    /// Start and size in bytes of the range that is registered,
    start: AtomicUsize,
    bytes: AtomicUsize,
    /// except these parts.
    given: Given,
    /// Pages in service that are not registered either: the program uses them in a way of its own.
    exempt: Lock<RangeSet>,
    /// The address of the page that is wiped at fork; it holds 1.
    flag: AtomicUsize,
    renewing: Lock<()>,
    state: AtomicU8,
    /// Whether the program closed the descriptor, so that guards were off for a while.
    was_closed: AtomicBool,
    /// Whether it was given up for a seccomp filter. It stays open until everything in service has other guards.
    is_filtered: AtomicBool,
    /// Guards the pages once the descriptor is lost for good.
    successor: Madvise,
    /// Whether some of the pages then in service could not get other guards.
    is_partial: AtomicBool,
}

impl Userfaultfd {
    pub const fn new() -> Userfaultfd {
        Userfaultfd {
            descriptor: AtomicU64::new(NONE),
            moves: AtomicBool::new(false),
            start: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            given: Given::new(),
            exempt: Lock::new(RangeSet::new()),
            flag: AtomicUsize::new(0),
            renewing: Lock::new(()),
            state: AtomicU8::new(SOUND),
            was_closed: AtomicBool::new(false),
            is_filtered: AtomicBool::new(false),
            successor: Madvise::new(),
            is_partial: AtomicBool::new(false),
        }
    }

    fn uffd(&self) -> Uffd {
        uffd_in(self.descriptor.load(Ordering::Acquire))
    }

    fn set_uffd(&self, uffd: Uffd) {
        let count = (self.descriptor.load(Ordering::Relaxed) >> 32) + 1;
        self.descriptor.store(count << 32 | u64::from(uffd.0 as u32), Ordering::Release);
    }

    fn flag(&self) -> usize {
        match self.flag.load(Ordering::Acquire) {
            0 => 1,
            // SAFETY: `raise_flag` has mapped the page, and it is never unmapped.
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
        // SAFETY: the page was mapped above, is writable, and only ever holds this word.
        unsafe { (page as *mut usize).write_volatile(1) };
        Ok(())
    }

    /// Opens a descriptor and registers the range with it. An old descriptor, if there is one, belongs to another
    /// address space.
    fn register(&self) -> Result<(), Errno> {
        let (uffd, moves) = Uffd::open()?;
        let start = self.start.load(Ordering::Relaxed);
        let whole = start..start + self.bytes.load(Ordering::Relaxed);
        let exempt = self.exempt.lock();
        for part in self.given.rest(whole).flat_map(|part| exempt.rest(part)) {
            let registered = match uffd.register(part.start, part.len()) {
                // The program has mapped a file over one of its objects, and we have not seen it.
                Err(Errno::EINVAL) => Self::register_around_files(uffd, part.start, part.end),
                result => result,
            };
            registered.inspect_err(|_| uffd.close())?;
        }
        self.moves.store(moves, Ordering::Relaxed);
        self.set_uffd(uffd);
        self.raise_flag()
    }

    /// Registers the range from `start` to `end`, except mapped files.
    fn register_around_files(uffd: Uffd, start: usize, end: usize) -> Result<(), Errno> {
        let mut result = Ok(());
        address_map::visit(|range| {
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to && !range.is_file {
                result = uffd.register(from, to - from);
            }
            result.is_ok() && range.end < end
        })?;
        result
    }

    /// Runs an operation. If the kernel says that the descriptor has changed, registers again and repeats the
    /// operation.
    #[inline]
    fn run(&self, operation: impl Fn(Uffd) -> Result<(), Errno>) -> Result<(), Errno> {
        if self.flag() == 0 {
            self.renew(self.descriptor.load(Ordering::Relaxed))?;
        }
        let seen = self.descriptor.load(Ordering::Acquire);
        match operation(uffd_in(seen)) {
            // The program has mapped something of its own there.
            Err(Errno(libc::ENOENT))
                if !uffd_in(seen).is_closed(self.start.load(Ordering::Relaxed)) =>
            {
                Err(Errno(libc::ENOENT))
            }
            // Closed, or another file's number, or of an address space that is gone or not ours.
            Err(Errno(libc::EBADF | libc::ENOTTY | libc::ENOENT | libc::ESRCH)) => {
                self.renew(seen)?;
                operation(self.uffd())
            }
            result => result,
        }
    }

    fn state(&self) -> u8 {
        self.state.load(Ordering::Acquire)
    }

    fn is_lost(&self) -> bool {
        self.state() >= STUCK
    }

    #[cold]
    fn renew(&self, seen: u64) -> Result<(), Errno> {
        const BAD: Errno = Errno(libc::EBADF);
        let _renewing = self.renewing.lock();
        if self.is_lost() {
            return Err(BAD);
        }
        let is_forked = self.flag() == 0;
        if !is_forked && self.descriptor.load(Ordering::Relaxed) != seen {
            // Another thread was faster.
            return Ok(());
        }
        self.was_closed.fetch_or(!is_forked, Ordering::Relaxed);
        if !self.await_release() {
            self.give_up(STUCK);
            return Err(BAD);
        }
        match self.register() {
            // This was the first operation in a raw clone's child.
            Ok(()) if is_forked => Ok(()),
            Ok(()) => {
                self.state.store(REOPENED, Ordering::Release);
                Ok(())
            }
            Err(_) => {
                self.give_up(LOST);
                Err(BAD)
            }
        }
    }

    /// Waits until the kernel has ended the guard of a closed descriptor: the closing thread does that on its way out
    /// of the kernel, once nobody uses it. Returns false if that has not happened after a second.
    fn await_release(&self) -> bool {
        const ROUNDS: usize = 20_000;
        let sentinel = self.start.load(Ordering::Relaxed);
        let is_released = (0..ROUNDS).any(|round| {
            if round > 0 {
                process::nap();
            }
            probe::load(sentinel).is_some()
        });
        // SAFETY: the page belongs to this backend.
        let _ = unsafe { memory::discard(sentinel, PAGE_BYTES) };
        is_released
    }

    /// Gives the descriptor up for good.
    fn give_up(&self, state: u8) {
        self.turn_away();
        self.state.store(state, Ordering::Release);
    }

    /// Whether the successor works without page permissions.
    fn guards_by_markers(&self) -> bool {
        self.successor.mappings_per_slot() == 0
    }

    fn turn_away(&self) {
        self.moves.store(false, Ordering::Relaxed);
        self.set_uffd(Uffd(-1));
        // SAFETY: the page belongs to this backend; it is not needed any more, and stays a guard.
        let _ = unsafe { memory::revoke(self.start.load(Ordering::Relaxed), PAGE_BYTES) };
    }

    /// Guards pages that were dropped, if the descriptor was lost meanwhile: whoever restores pages since then may have
    /// seen these while they were still there.
    unsafe fn guard_dropped(&self, ranges: &[PageRange]) -> Result<(), Errno> {
        if !self.is_lost() {
            return Ok(());
        }
        // SAFETY: the caller owns the pages, and nothing relies on their contents any more.
        unsafe { self.successor.retire_all(ranges) }
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
        // SAFETY: no slot lies on the first page (see `PageProtection::prepare`). It is never filled, so it faults
        // exactly while the kernel guards.
        unsafe { memory::commit(reservation.start(), PAGE_BYTES) }?;
        match self.uffd() {
            Uffd(-1) => self.register(),
            uffd => uffd.register(reservation.start(), reservation.bytes()),
        }
    }

    fn give_up(&self, part: PageRange) -> bool {
        self.given.note(part.start()..part.end())
    }

    unsafe fn open(&self, stretch: PageRange) -> Result<(), Errno> {
        // SAFETY: the caller owns the stretch; its pages are missing, so they fault.
        unsafe {
            match self.state() {
                STUCK | LOST => Err(Errno(libc::EBADF)),
                SUCCEEDED => self.successor.open(stretch),
                _ => memory::commit(stretch.start(), stretch.bytes()),
            }
        }
    }

    unsafe fn populate(&self, pages: PageRange) -> Result<(), Errno> {
        // SAFETY: the caller promises that it owns the pages.
        unsafe {
            if self.state() == SUCCEEDED {
                // Somebody may have touched the pages while they had no guard.
                return match memory::discard(pages.start(), pages.bytes()) {
                    Ok(()) => self.successor.populate(pages),
                    Err(_) => memory::replace(pages.start(), pages.bytes()),
                };
            }
            match self.fill_missing(pages) {
                // Somebody touched the pages while the guards were lost.
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
            let _ = self.renew(self.descriptor.load(Ordering::Relaxed));
        }
        // SAFETY: the caller owns the pages, and nothing relies on their contents any more.
        unsafe {
            memory::discard_all(&vectors(ranges)[..ranges.len()])?;
            self.guard_dropped(ranges)
        }
    }

    fn faults_on_missing(&self) -> bool {
        !self.is_lost()
    }

    fn exempt(&self, pages: PageRange) {
        // The list grows in the private heap.
        let _scope = RuntimeScope::enter();
        self.exempt.lock().insert(pages.start()..pages.end());
    }

    fn is_exempt(&self, address: usize) -> bool {
        // Whoever holds the lock touches no page of an object.
        self.exempt.lock().contains(address)
    }

    fn release(&self, pages: PageRange) -> Result<(), Errno> {
        if !self.is_lost() {
            self.run(|uffd| uffd.unregister(pages.start(), pages.bytes()))?;
        }
        self.exempt(pages);
        Ok(())
    }

    unsafe fn fill_missing(&self, pages: PageRange) -> Result<(), Errno> {
        let zeros = &raw const ZEROS.0 as usize;
        self.run(|uffd| {
            let mut start = pages.start();
            while start < pages.end() {
                let bytes = (pages.end() - start).min(ZERO_PAGES * PAGE_BYTES);
                // SAFETY: the caller owns the pages, and `ZEROS` has at least as many bytes.
                unsafe { uffd.copy(start, zeros, bytes) }?;
                start += bytes;
            }
            Ok(())
        })
    }

    unsafe fn retire(&self, pages: PageRange) -> Result<(), Errno> {
        if self.flag() == 0 {
            let _ = self.renew(self.descriptor.load(Ordering::Relaxed));
        }
        // SAFETY: the caller owns the pages, and nothing relies on their contents any more.
        unsafe {
            // A filter may forbid only one of these.
            memory::discard(pages.start(), pages.bytes())
                .or_else(|_| memory::revoke(pages.start(), pages.bytes()))?;
            self.guard_dropped(&[pages])
        }
    }

    #[unsafe(link_section = ".text.hot")]
    fn can_recycle(&self) -> bool {
        self.moves.load(Ordering::Relaxed)
    }

    #[unsafe(link_section = ".text.hot")]
    unsafe fn recycle(&self, from: PageRange, to: PageRange) -> Result<(), Errno> {
        self.run(|uffd| {
            // SAFETY: the caller promises that it owns both ranges.
            match unsafe { uffd.move_page(to.start(), from.start(), from.bytes()) } {
                // Nothing is there: the program has dropped the page. The descriptor is not to blame.
                Err(Errno(libc::ENOENT)) => Err(Errno::EINVAL),
                result => result,
            }
        })?;
        // SAFETY: the caller owns the range, whose page has moved away.
        if unsafe { self.guard_dropped(&[from]) }.is_err() {
            // The page has moved all the same. `lost` says that its old place does not fault.
            self.is_partial.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    #[unsafe(link_section = ".text.hot")]
    fn mappings_per_slot(&self) -> usize {
        if self.is_lost() { self.successor.mappings_per_slot() } else { 0 }
    }

    fn gap(&self) -> Gap {
        match self.state() {
            REOPENED => Gap::Past,
            LOST => Gap::Open,
            _ => Gap::None,
        }
    }

    unsafe fn restore(&self, ranges: &[PageRange]) -> Result<(), Errno> {
        // SAFETY: the caller promises that the pages belong to no object.
        unsafe {
            match self.state() {
                REOPENED => memory::discard_all(&vectors(ranges)[..ranges.len()]),
                _ => self.successor.retire_all(ranges),
            }
        }
    }

    fn end_gap(&self, all: bool) {
        let _renewing = self.renewing.lock();
        if self.state() == LOST && self.is_filtered.load(Ordering::Relaxed) {
            // The kernel has guarded until now. (Unregister too: another process may have a copy of the descriptor.)
            let range = (self.start.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
            let _ = self.uffd().unregister(range.0, range.1);
            self.uffd().close();
            self.turn_away();
        }
        let next = match self.state() {
            REOPENED => SOUND,
            LOST => SUCCEEDED,
            other => other,
        };
        self.is_partial.fetch_or(next == SUCCEEDED && !all, Ordering::Relaxed);
        self.state.store(next, Ordering::Release);
    }

    fn lost(&self) -> Option<&'static str> {
        match self.state() {
            STUCK => Some(LOST_TO_ANOTHER),
            LOST | SUCCEEDED if self.is_filtered.load(Ordering::Relaxed) => {
                self.is_partial.load(Ordering::Relaxed).then_some(FILTERED_IN_PART)
            }
            LOST => Some(LOST_WITHOUT_SUCCESSOR),
            SUCCEEDED if self.is_partial.load(Ordering::Relaxed) => Some(LOST_IN_PART),
            SUCCEEDED if self.guards_by_markers() => Some(LOST_TO_MARKERS),
            SUCCEEDED => Some(LOST_TO_PERMISSIONS),
            _ if self.was_closed.load(Ordering::Relaxed) => Some(CLOSED_FOR_A_WHILE),
            _ if self.uffd().is_closed(self.start.load(Ordering::Relaxed)) => Some(CLOSED),
            _ => None,
        }
    }

    fn replaced(&self) -> Option<&'static str> {
        let is_filtered = self.is_filtered.load(Ordering::Relaxed) && self.state() == SUCCEEDED;
        is_filtered.then(|| {
            if self.guards_by_markers() { FILTERED_TO_MARKERS } else { FILTERED_TO_PERMISSIONS }
        })
    }

    fn prepare_for(&self, filter: &Coming) -> Outlook {
        // A fork's child needs its own descriptor.
        let may_fork = filter.allows(Need::StartProcess);
        if !self.is_lost()
            && filter.allows(Need::Transfers)
            && (filter.allows(Need::Registering) || !may_fork)
        {
            return Outlook::Lives;
        }
        if self.successor.prepare_for(filter) == Outlook::Ends {
            // What is guarded stays guarded: missing pages fault while the descriptor is open.
            return Outlook::Ends;
        }
        let _renewing = self.renewing.lock();
        if !self.is_lost() {
            self.is_filtered.store(true, Ordering::Relaxed);
            self.moves.store(false, Ordering::Relaxed);
            self.state.store(LOST, Ordering::Release);
        }
        Outlook::Lives
    }

    fn after_fork_in_child(&self) {
        if self.is_lost() {
            // The guards are the parent's: a child inherits markers and permissions, but not the registration.
            self.uffd().close();
            self.set_uffd(Uffd(-1));
            return;
        }
        // The descriptor stands for the parent's range, and must not be used here.
        self.uffd().close();
        if self.register().is_err() {
            self.give_up(LOST);
        }
    }

    fn hold_for_fork(&self) {
        self.renewing.hold_for_fork();
        self.exempt.hold_for_fork();
    }

    unsafe fn release_after_fork(&self) {
        // SAFETY: the caller promises that this thread, or the one that it is a copy of, holds the locks.
        unsafe {
            self.exempt.release_after_fork();
            self.renewing.release_after_fork();
        }
    }

    fn descriptor(&self) -> Option<i32> {
        Some(self.uffd().0).filter(|&descriptor| descriptor >= 0)
    }

    fn move_descriptor_above(&self, than: i32) -> Result<(), Errno> {
        let _renewing = self.renewing.lock();
        let old = self.uffd();
        let new = old.duplicate_above(than)?;
        self.set_uffd(new);
        old.close();
        Ok(())
    }
}

const FILTERED_TO_MARKERS: &str =
    "the program's seccomp filter forbids userfaultfd; guard markers (madvise) guard in its place";
const FILTERED_TO_PERMISSIONS: &str =
    "the program's seccomp filter forbids userfaultfd; page permissions guard in its place";
const FILTERED_IN_PART: &str = "the program's seccomp filter forbids the use of userfaultfd; \
     objects from then on are guarded, but not all that were there before";
const LOST_TO_MARKERS: &str = "the userfaultfd descriptor was lost and could not be replaced; \
     guard markers (madvise) guard in its place";
const LOST_TO_PERMISSIONS: &str = "the userfaultfd descriptor was lost and could not be replaced; \
     page permissions (mprotect) guard in its place";
const LOST_IN_PART: &str = "the userfaultfd descriptor was lost and could not be replaced; \
     objects from then on are guarded, but not all that were there before";
const LOST_TO_ANOTHER: &str = "the userfaultfd descriptor was lost, and another process has it: \
     nothing more is guarded";
const LOST_WITHOUT_SUCCESSOR: &str = "the userfaultfd descriptor was lost and could not be replaced: nothing was guarded from then on";
const CLOSED_FOR_A_WHILE: &str =
    "the program closed the userfaultfd descriptor: nothing was guarded for a while";
const CLOSED: &str =
    "the program closed the userfaultfd descriptor: nothing was guarded from then on";

#[cfg(test)]
mod tests;
