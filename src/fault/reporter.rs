//! Which thread reports: one at a time.
//!
//! What says so lies on a page that the kernel wipes in every copy of the process. So in the child of a raw
//! clone(2), which runs no handler of ours, nobody reports at first, whatever threads its parent has. A child
//! that shares its parent's memory, as vfork's does, waits for the parent's threads, and they for it.

use super::endings;
use crate::runtime;
use crate::sys::signal::KernelSet;
use crate::sys::{PAGE_BYTES, memory, process};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

/// Who reports, and whether anybody has; all zeros where nobody has.
struct ReporterPage {
    /// Process id and kernel id of the thread that reports, in the upper and the lower half; or 0.
    reporter: AtomicU64,
    /// Whether a report has been made: what kills the process then needs no other.
    has_reported: AtomicBool,
    /// Whether this is no copy, or one in which a thread has reported before.
    is_cleared: AtomicBool,
}

/// Serves where no page can be wiped (Linux before 4.14): a copy then waits for its original.
static COPIED: ReporterPage = ReporterPage {
    reporter: AtomicU64::new(0),
    has_reported: AtomicBool::new(false),
    is_cleared: AtomicBool::new(true),
};

static PAGE: AtomicPtr<ReporterPage> = AtomicPtr::new((&raw const COPIED).cast_mut());

fn page() -> &'static ReporterPage {
    // SAFETY: the static, or the page that `install` mapped for good.
    unsafe { &*PAGE.load(Ordering::Acquire) }
}

/// Puts what says who reports on a page that the kernel wipes in copies of the process.
pub fn install() {
    let Ok(mapped) = memory::map(PAGE_BYTES) else { return };
    if memory::wipe_at_fork(mapped, PAGE_BYTES).is_ok() {
        PAGE.store(mapped as *mut ReporterPage, Ordering::Release);
        page().is_cleared.store(true, Ordering::Relaxed);
    }
}

fn me() -> u64 {
    u64::from(process::pid()) << 32 | u64::from(process::tid())
}

fn process_of(reporter: u64) -> u32 {
    (reporter >> 32) as u32
}

/// Whether the calling thread is the one that reports.
pub fn is_me() -> bool {
    let reporter = page().reporter.load(Ordering::Acquire);
    reporter != 0 && reporter == me()
}

/// The calling thread is the one that reports already: it has called something that reports, which goes wrong.
pub struct Reentered;

/// Makes the calling thread the one that reports; others that come later wait. `mask` is what the program had blocked:
/// what may end the process is let in from now on, and the caller puts the mask back.
pub fn begin(mask: KernelSet) -> Result<(), Reentered> {
    let (page, me) = (page(), me());
    let mut is_open = false;
    loop {
        match page.reporter.compare_exchange(0, me, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => break,
            Err(reporter) if reporter == me => return Err(Reentered),
            Err(reporter) => {
                if !core::mem::replace(&mut is_open, true) {
                    endings::let_in(mask);
                }
                wait_for(reporter);
            }
        }
    }
    if !is_open {
        endings::let_in(mask);
    }
    Ok(())
}

/// Whether the calling thread, which reports, is the first to do so in a copy of the process that no handler of ours has
/// run in. True once.
pub fn is_first_of_copy() -> bool {
    !page().is_cleared.swap(true, Ordering::Relaxed)
}

/// Whether this process is a copy that no handler of ours has run in: the child of a raw clone(2), not of vfork(2).
pub fn is_in_copy() -> bool {
    !page().is_cleared.load(Ordering::Relaxed)
}

/// Lets others report, after a report that the process survives.
pub fn end_report() {
    page().has_reported.store(false, Ordering::Release);
    release();
}

/// Lets others report.
pub fn release() {
    page().reporter.store(0, Ordering::Release);
}

/// Before the calling thread's process dies of what was reported. If it shares its memory with another process, as the
/// child of vfork(2) does, that one goes on, and its threads may report.
pub fn end_report_of_child() {
    if runtime::get().is_some_and(|runtime| !runtime.is_own_process()) {
        end_report();
    }
}

/// Waits while another thread reports: for a moment if it may go on, else for the end of the process.
fn wait_for(reporter: u64) {
    let process = process_of(reporter);
    if process == process::pid() && !endings::goes_on() {
        process::wait_for_the_end();
    }
    if process::is_running(process) {
        process::nap();
    } else {
        // It was killed while it reported.
        let current = &page().reporter;
        let _ = current.compare_exchange(reporter, 0, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// Waits while another thread reports: the process must not end before it has.
pub fn wait_for_reporter() {
    loop {
        match page().reporter.load(Ordering::Acquire) {
            0 => return,
            reporter if reporter == me() => return,
            reporter => wait_for(reporter),
        }
    }
}

/// Notes that a report has been made.
pub fn note_report() {
    page().has_reported.store(true, Ordering::Release);
}

/// Whether one has, in a process that does not go on after it.
pub fn has_reported() -> bool {
    page().has_reported.load(Ordering::Acquire)
}

/// In the child of a fork: whoever reported did so in the parent.
pub fn after_fork_in_child() {
    end_report();
    page().is_cleared.store(true, Ordering::Relaxed);
}
