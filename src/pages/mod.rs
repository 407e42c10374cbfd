//! Three ways to have the kernel make single pages fault, behind one trait.
//!
//! The pool hands out *slots*, runs of data pages between guard pages. A backend does three things with them: it takes
//! a stretch of reserved pages into service with every page faulting, makes one slot's data pages usable, and makes
//! them fault again for good.

mod given;
mod madvise;
mod mprotect;
mod userfaultfd;

use madvise::Madvise;
use mprotect::Mprotect;
use userfaultfd::Userfaultfd;

use crate::options::BackendChoice;
use crate::sys::sandbox::Coming;
use crate::sys::{Errno, PAGE_BYTES, inherited, memory, probe};

/// A page-aligned, non-empty range of the runtime's own reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRange {
    start: usize,
    pages: usize,
}

impl PageRange {
    /// Makes a range of `pages` pages. `start` is an address, and must be page-aligned.
    pub fn new(start: usize, pages: usize) -> PageRange {
        debug_assert!(start.is_multiple_of(PAGE_BYTES) && pages > 0);
        PageRange { start, pages }
    }

    pub fn start(self) -> usize {
        self.start
    }

    pub fn bytes(self) -> usize {
        self.pages * PAGE_BYTES
    }

    pub fn end(self) -> usize {
        self.start + self.bytes()
    }

    /// Returns the address of each page.
    pub fn pages(self) -> impl Iterator<Item = usize> {
        (self.start()..self.end()).step_by(PAGE_BYTES)
    }

    pub fn contains(self, address: usize) -> bool {
        (self.start..self.end()).contains(&address)
    }
}

/// The most ranges in one [`PageProtection::retire_all`]. More would hardly be faster, and the list is on a stack that
/// may be a signal handler's small one.
pub const MOST_RANGES: usize = 64;

/// Whether guards failed for a time, and what of that remains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    None,
    /// Guards work again, but pages that were touched meanwhile do not fault.
    Past,
    /// Pages that should fault do not. No page can be populated, and no stretch opened, before
    /// [`PageProtection::end_gap`].
    Open,
}

/// What a backend can still do under a seccomp filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// It continues to guard, perhaps by other means.
    Lives,
    /// It can't populate pages, so no more objects can be guarded.
    Ends,
}

/// Makes pages of the pool accessible, and makes them fault.
///
/// Every range that is passed lies in the pool's reservation and belongs to one slot (or, for
/// [`open`](PageProtection::open), to none yet), so calls never race on a page.
pub trait PageProtection: Sync {
    fn name(&self) -> &'static str;

    /// Tells the kernel how the whole reservation will be used, before any of it is used. The first page belongs to the
    /// backend, and is never in service.
    fn prepare(&self, _reservation: PageRange) -> Result<(), Errno> {
        Ok(())
    }

    /// Gives pages that are not in service to the program, up to their end or that of the reservation. Returns false if
    /// that is impossible.
    fn give_up(&self, _part: PageRange) -> bool {
        true
    }

    /// Takes reserved pages into service. All of them fault until they are populated.
    ///
    /// # Safety
    /// The range must be reserved address space of the pool that is not in service yet.
    unsafe fn open(&self, stretch: PageRange) -> Result<(), Errno>;

    /// Makes pages accessible; they read as zeros.
    ///
    /// # Safety
    /// The pages must be in service, faulting, and owned by the caller.
    unsafe fn populate(&self, pages: PageRange) -> Result<(), Errno>;

    /// Makes pages fault and drops their memory.
    ///
    /// # Safety
    /// The pages must be populated and owned by the caller; nothing may rely on their contents.
    unsafe fn retire(&self, pages: PageRange) -> Result<(), Errno>;

    /// Retires up to [`MOST_RANGES`] ranges, with fewer kernel calls than [`retire`](PageProtection::retire) if
    /// possible. After an error some of them may be unchanged.
    ///
    /// # Safety
    /// All pages must be populated and owned by the caller; nothing may rely on their contents.
    unsafe fn retire_all(&self, ranges: &[PageRange]) -> Result<(), Errno> {
        // SAFETY: the caller promises that each range is populated and its own.
        ranges.iter().try_for_each(|&pages| unsafe { self.retire(pages) })
    }

    /// Whether pages that the program drops from its own objects fault, instead of reading as zeros.
    fn faults_on_missing(&self) -> bool {
        false
    }

    /// The program has mapped something of its own over these pages: from now on they are like any others.
    fn exempt(&self, _pages: PageRange) {}

    /// Whether the page at `address` is one of those, or was released. For the fault handler, too.
    fn is_exempt(&self, _address: usize) -> bool {
        false
    }

    /// From now on these pages of a live object are like any others; what is in them stays.
    fn release(&self, _pages: PageRange) -> Result<(), Errno> {
        Ok(())
    }

    /// Fills pages that the program has dropped with zeros. Returns an error if they are present.
    ///
    /// # Safety
    /// The pages must belong to a live object.
    unsafe fn fill_missing(&self, _pages: PageRange) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// Whether [`recycle`](PageProtection::recycle) works.
    fn can_recycle(&self) -> bool {
        false
    }

    /// Retires `from` and makes `to`, of the same size, accessible with the contents of `from`, in one kernel call.
    /// After an error `from` is unchanged, except that some of several pages may have moved.
    ///
    /// # Safety
    /// Both ranges must be the caller's own, `from` populated and `to` in service and faulting.
    unsafe fn recycle(&self, _from: PageRange, _to: PageRange) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// The number of kernel mappings that a populated slot costs; they count against `vm.max_map_count`.
    fn mappings_per_slot(&self) -> usize;

    /// Returns whether guards have failed while the process ran.
    fn gap(&self) -> Gap {
        Gap::None
    }

    /// Restores guards on up to [`MOST_RANGES`] ranges during a gap: the pages fault again, and hold nothing.
    ///
    /// # Safety
    /// The pages must be in service, and belong to no object.
    unsafe fn restore(&self, _ranges: &[PageRange]) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// Ends the gap. `all` says whether everything in service was restored.
    fn end_gap(&self, _all: bool) {}

    /// Says what the backend has lost while the process ran, and what does its work now.
    fn lost(&self) -> Option<&'static str> {
        None
    }

    /// Says what does the backend's work now, if nothing was lost.
    fn replaced(&self) -> Option<&'static str> {
        None
    }

    /// Prepares for a filter that is about to be installed, with means that it allows. That may open a
    /// [`gap`](PageProtection::gap), which must be closed before the filter is installed.
    fn prepare_for(&self, filter: &Coming) -> Outlook;

    /// Makes the guards work in the child of a fork, before anything else runs there.
    fn after_fork_in_child(&self) {}

    /// See [`Lock::hold_for_fork`](crate::sys::lock::Lock::hold_for_fork).
    fn hold_for_fork(&self) {}

    /// # Safety
    /// See [`Lock::release_after_fork`](crate::sys::lock::Lock::release_after_fork).
    unsafe fn release_after_fork(&self) {}

    /// Returns the file descriptor that the guards depend on, which the program must not close.
    fn descriptor(&self) -> Option<i32> {
        None
    }

    /// Gives the descriptor another number, above `than`.
    fn move_descriptor_above(&self, _than: i32) -> Result<(), Errno> {
        Ok(())
    }
}

/// Returns ranges as the kernel takes them; at most [`MOST_RANGES`].
fn vectors(ranges: &[PageRange]) -> [libc::iovec; MOST_RANGES] {
    core::array::from_fn(|i| match ranges.get(i) {
        Some(pages) => {
            let start = core::ptr::without_provenance_mut(pages.start());
            libc::iovec { iov_base: start, iov_len: pages.bytes() }
        }
        None => libc::iovec { iov_base: core::ptr::null_mut(), iov_len: 0 },
    })
}

/// Why a backend can't be used here, in words for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable(pub String);

/// The backend in use, and why those before it are not used.
pub struct Selection {
    pub backend: &'static dyn PageProtection,
    pub refused: Vec<(&'static str, Unavailable)>,
}

/// Selects the backend for `choice`, in a process whose fault handler is installed. `auto` takes the first that passes
/// [`trial`]; a named backend that fails it is an error.
pub fn select(choice: BackendChoice) -> Result<Selection, Unavailable> {
    static USERFAULTFD: Userfaultfd = Userfaultfd::new();
    static MADVISE: Madvise = Madvise::new();
    let order: &[&'static dyn PageProtection] = match choice {
        BackendChoice::Auto => &[&USERFAULTFD, &MADVISE, &Mprotect],
        BackendChoice::Userfaultfd => &[&USERFAULTFD],
        BackendChoice::Madvise => &[&MADVISE],
        BackendChoice::Mprotect => &[&Mprotect],
    };
    let mut refused = Vec::new();
    for &backend in order {
        match trial(backend) {
            Ok(()) => return Ok(Selection { backend, refused }),
            Err(reason) => refused.push((backend.name(), reason)),
        }
    }
    if choice != BackendChoice::Auto && inherited::is_there() {
        // The user chose it where the run began, but a process of the run may be in a sandbox.
        return select(BackendChoice::Auto);
    }
    let words: Vec<String> =
        refused.iter().map(|(name, reason)| format!("{name}: {}", reason.0)).collect();
    Err(Unavailable(words.join("; ")))
}

/// Tries a backend on a page of its own, with a real fault: guarded, usable, guarded again.
fn trial(backend: &dyn PageProtection) -> Result<(), Unavailable> {
    let failed = |what: &str, error: Errno| {
        let error = std::io::Error::from_raw_os_error(error.0);
        Unavailable(format!("can't {what}: {error}"))
    };
    let bytes = 4 * PAGE_BYTES;
    let start = memory::reserve(bytes).map_err(|e| failed("reserve address space", e))?;
    let page = PageRange::new(start + PAGE_BYTES, 1);
    let outcome = (|| {
        // SAFETY: the reservation is new, so nobody else uses the page. Every access is a probe, which survives a
        // fault.
        unsafe {
            let stretch = PageRange::new(start, bytes / PAGE_BYTES);
            backend.prepare(stretch).map_err(|e| failed("use the kernel's mechanism", e))?;
            backend.open(stretch).map_err(|e| failed("guard pages", e))?;
            if let Some(loss) = backend.lost() {
                return Err(Unavailable(loss.to_owned()));
            }
            if probe::load(page.start()).is_some() {
                return Err(Unavailable("guarded pages do not fault".to_owned()));
            }
            backend.populate(page).map_err(|e| failed("populate a page", e))?;
            if probe::load(page.start()) != Some(0) {
                return Err(Unavailable("populated pages are not usable".to_owned()));
            }
            (page.start() as *mut u64).write(!0);
            backend.retire(page).map_err(|e| failed("retire a page", e))?;
            if probe::load(page.start()).is_some() {
                return Err(Unavailable("retired pages do not fault".to_owned()));
            }
        }
        Ok(())
    })();
    // SAFETY: only this function knows the range.
    unsafe { memory::unmap(start, bytes) };
    outcome
}

/// Returns the backends that work on this machine, for tests. A backend knows the address space of one heap, so each test
/// has its own.
#[cfg(test)]
pub fn trial_backends() -> impl Iterator<Item = &'static dyn PageProtection> {
    probe::install_test_handler();
    let own: [&dyn PageProtection; 3] =
        [Box::leak(Box::new(Userfaultfd::new())), Box::leak(Box::new(Madvise::new())), &Mprotect];
    own.into_iter().filter(|&backend| trial(backend).is_ok())
}
