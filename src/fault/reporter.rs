//! Which thread reports: one at a time.
//!
//! What says so lies on a page that the kernel wipes in every copy of the process. So in the child of a raw
//! clone(2), which runs no handler of ours, nobody reports at first, whatever threads its parent has. A child
//! that shares its parent's memory, as vfork's does, waits for the parent's threads, and they for it.
//!
//! A report waits for files, and for whoever reads it, so the user must be able to end it. A signal that the program has
//! left at its default action acts as it always does, unless the program blocks it. In a process that is
//! about to die anyway, SIGTERM, SIGINT, SIGHUP and SIGQUIT act by default even where the program blocks or
//! handles them: its handler must not run in the midst of a report. What it ignores stays ignored, but for SIGTERM.

use super::belief;
use crate::runtime::{self, Runtime};
use crate::sys::signal::{self, KernelSet};
use crate::sys::{PAGE_BYTES, memory, process};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use libc::c_int;

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
                    let_in(mask);
                }
                wait_for(reporter);
            }
        }
    }
    if !is_open {
        let_in(mask);
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
    if process == process::pid() && !goes_on() {
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

/// What users and service managers end a process by.
const ENDINGS: KernelSet = signal::bit(libc::SIGTERM)
    | signal::bit(libc::SIGINT)
    | signal::bit(libc::SIGHUP)
    | signal::bit(libc::SIGQUIT);

/// Never let in: signals that writing a report raises, signals whose default action does not end the process, and the
/// one that stands for something else in the kernel's masks (see `belief`).
const LEFT_OUT: KernelSet = signal::SYNCHRONOUS
    | signal::bit(libc::SIGPIPE)
    | signal::bit(libc::SIGXFSZ)
    | signal::bit(libc::SIGTTOU)
    | signal::bit(libc::SIGTTIN)
    | signal::bit(libc::SIGCHLD)
    | signal::bit(libc::SIGCONT)
    | signal::bit(libc::SIGURG)
    | signal::bit(libc::SIGWINCH)
    | signal::bit(libc::SIGSTKFLT)
    | signal::bit(libc::SIGKILL)
    | signal::bit(libc::SIGSTOP);

const LAST_SIGNAL: c_int = 64;

/// Whether the process lives on after a report, or may.
pub fn goes_on() -> bool {
    runtime::get().is_some_and(Runtime::may_go_on)
}

/// Lets in what may end the process while it reports; `mask` is what the program had blocked. The caller puts back the thread's mask.
fn let_in(mask: KernelSet) {
    let dies = !goes_on();
    let mut open = 0;
    for signal in (1..=LAST_SIGNAL).filter(|&signal| signal::bit(signal) & LEFT_OUT == 0) {
        let Ok(action) = signal::action(signal) else { continue };
        let is_blocked = mask & signal::bit(signal) != 0;
        let ends = dies && signal::bit(signal) & ENDINGS != 0;
        let is_let_in = match action.handler {
            libc::SIG_DFL => !is_blocked || ends,
            libc::SIG_IGN => dies && signal == libc::SIGTERM,
            // The default, but for a report.
            handler if belief::precedes_default(handler) => dies && !is_blocked,
            _ => ends,
        };
        if is_let_in {
            if action.handler != libc::SIG_DFL {
                signal::set_default(signal);
            }
            open |= signal::bit(signal);
        }
    }
    signal::change_mask(libc::SIG_UNBLOCK, open);
}
