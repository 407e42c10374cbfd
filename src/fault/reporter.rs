//! Which thread reports: one at a time.
//!
//! The state is on a page that the kernel wipes in every copy of the process. So in the child of a raw clone(2),
//! which runs no handler of ours, nobody reports at first, even if a thread of its parent does. A child that shares
//! its parent's memory, as after vfork(2), waits for the parent's threads, and they wait for it.
//!
//! A report waits for files, and for whoever reads it, so the user must be able to end it. A signal at its default
//! action acts as always, unless the program blocks it. In a process that is about to die anyway, SIGTERM, SIGINT,
//! SIGHUP and SIGQUIT get their default action even if the program blocks or handles them: its handler must not run
//! during a report. A signal that it ignores stays ignored, except SIGTERM.
//! In a process that goes on, its handler of one of these waits for the report, and names are done without where it would
//! wait for long.

use super::belief;
use crate::runtime::{self, Runtime};
use crate::sys::signal::{self, KernelSet};
use crate::sys::{PAGE_BYTES, memory, process};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use libc::c_int;

/// Which thread reports, and whether any has; all zeros if none has.
struct ReporterPage {
    /// Process id (upper half) and thread id (lower half) of the thread that reports, or 0.
    reporter: AtomicU64,
    /// Whether a report was made. A signal that kills the process then needs no further report.
    has_reported: AtomicBool,
    /// Whether this process is no copy, or a thread of this copy has reported before.
    is_cleared: AtomicBool,
}

/// Used if no page can be wiped (Linux before 4.14). A copy then waits for its original.
static COPIED: ReporterPage = ReporterPage {
    reporter: AtomicU64::new(0),
    has_reported: AtomicBool::new(false),
    is_cleared: AtomicBool::new(true),
};

static PAGE: AtomicPtr<ReporterPage> = AtomicPtr::new((&raw const COPIED).cast_mut());

fn page() -> &'static ReporterPage {
    // SAFETY: this is the static, or the page that `install` mapped, which is never unmapped.
    unsafe { &*PAGE.load(Ordering::Acquire) }
}

/// Moves the state to a page that the kernel wipes in copies of the process.
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

/// Whether a thread of this process reports, or executes what it has reported.
pub fn is_anybody() -> bool {
    page().reporter.load(Ordering::Acquire) != 0
}

/// The calling thread is the reporter already: while reporting, it has called something that reports.
pub struct Reentered;

/// Makes the calling thread the reporter; others wait. `mask` is the mask that the program had. Signals that may end
/// the process are unblocked, and the caller restores the thread's mask.
pub fn begin(mask: KernelSet) -> Result<(), Reentered> {
    let (page, me) = (page(), me());
    let mut waiting = None;
    loop {
        match page.reporter.compare_exchange(0, me, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => break,
            Err(reporter) if reporter == me => return Err(Reentered),
            Err(reporter) => {
                waiting.get_or_insert_with(|| let_in(mask));
                wait_for(reporter);
            }
        }
    }
    note_waiting(waiting.unwrap_or_else(|| let_in(mask)));
    Ok(())
}

/// Signals that wait for the report, and since when one has done so, by the monotonic clock; 0: none has.
static WAITING: AtomicU64 = AtomicU64::new(0);
static WAITING_SINCE: AtomicU64 = AtomicU64::new(0);

/// How long a signal may wait for names.
const MOST_NANOSECONDS: u64 = 4_000_000_000;

/// Notes the signals whose handlers wait for the report of the calling thread.
pub fn note_waiting(signals: KernelSet) {
    WAITING.store(signals, Ordering::Relaxed);
    WAITING_SINCE.store(0, Ordering::Relaxed);
}

/// Asked once a second: whether a signal has waited for too long.
pub fn is_waited_for_too_long() -> bool {
    if signal::pending() & WAITING.load(Ordering::Relaxed) == 0 {
        return false;
    }
    let now = process::clock_nanoseconds();
    let first = WAITING_SINCE.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
    first.is_err_and(|since| now.saturating_sub(since) >= MOST_NANOSECONDS)
}

/// Whether the calling thread is the first to report in a copy of the process in which no handler of ours has run.
/// Returns true once.
pub fn is_first_of_copy() -> bool {
    !page().is_cleared.swap(true, Ordering::Relaxed)
}

/// Whether this process is a copy in which no handler of ours has run: the child of a raw clone(2), not of vfork(2).
pub fn is_in_copy() -> bool {
    !page().is_cleared.load(Ordering::Relaxed)
}

/// Ends a report that the process survives, so that others may report.
pub fn end_report() {
    page().has_reported.store(false, Ordering::Release);
    release();
}

/// Lets other threads report.
pub fn release() {
    page().reporter.store(0, Ordering::Release);
}

/// Called before the process dies of the bug that it reported. If it shares its memory with another process, as the
/// child of vfork(2) does, the other goes on, and its threads may report.
pub fn end_report_of_child() {
    if runtime::get().is_some_and(|runtime| !runtime.is_own_process()) {
        end_report();
    }
}

/// Waits while another thread reports: a moment if the process may go on, otherwise until the process ends.
fn wait_for(reporter: u64) {
    let process = process_of(reporter);
    if process == process::pid() && !goes_on() {
        process::wait_for_the_end();
    }
    if process::is_running(process) {
        process::nap();
    } else {
        // The reporter was killed while it reported.
        let current = &page().reporter;
        let _ = current.compare_exchange(reporter, 0, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// Waits while another thread reports, so that the process does not end before that is done.
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

/// Whether a report was made in a process that does not go on after it.
pub fn has_reported() -> bool {
    page().has_reported.load(Ordering::Acquire)
}

/// In the child of a fork: any report under way is the parent's.
pub fn after_fork_in_child() {
    end_report();
    page().is_cleared.store(true, Ordering::Relaxed);
}

/// The signals by which users and service managers end a process.
const ENDINGS: KernelSet = signal::bit(libc::SIGTERM)
    | signal::bit(libc::SIGINT)
    | signal::bit(libc::SIGHUP)
    | signal::bit(libc::SIGQUIT);

/// Signals that are never unblocked: those that writing a report may raise, those whose default action does not end
/// the process, and the marker, which has another meaning in the kernel's masks (see `belief`).
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

/// Whether the process may live on after a report.
pub fn goes_on() -> bool {
    runtime::get().is_some_and(Runtime::may_go_on)
}

/// Lets in what may end the process while it reports; `mask` is what the program had blocked. The caller puts back the
/// thread's mask. Returns the signals that are meant to end it and have to wait for the program's handlers.
fn let_in(mask: KernelSet) -> KernelSet {
    let dies = !goes_on();
    let (mut open, mut waiting) = (0, 0);
    for signal in (1..=LAST_SIGNAL).filter(|&signal| signal::bit(signal) & LEFT_OUT == 0) {
        let Ok(action) = signal::action(signal) else { continue };
        let is_blocked = mask & signal::bit(signal) != 0;
        let ends = dies && signal::bit(signal) & ENDINGS != 0;
        let is_let_in = match action.handler {
            libc::SIG_DFL => !is_blocked || ends,
            libc::SIG_IGN => dies && signal == libc::SIGTERM,
            // Our handler: the program wants the default action, which we precede with a report.
            handler if belief::precedes_default(handler) => dies && !is_blocked,
            _ => ends,
        };
        if is_let_in {
            if action.handler != libc::SIG_DFL {
                signal::set_default(signal);
            }
            open |= signal::bit(signal);
        } else if action.handler != libc::SIG_IGN && !is_blocked {
            waiting |= signal::bit(signal) & ENDINGS;
        }
    }
    signal::change_mask(libc::SIG_UNBLOCK, open);
    waiting
}
