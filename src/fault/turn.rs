//! A thread's turn to report: it works on the report stack, and ends with the text of a report.

use super::{charge, death, reporter, step, tally};
use crate::diagnose::{Bug, Cause, decoder};
use crate::heap::private;
use crate::ledger;
use crate::report::failure::LookUpFailure;
use crate::report::stages::{self, Told};
use crate::report::{hook, news, sink};
use crate::runtime::{self, Runtime};
use crate::sys::fixed_text::FixedText;
use crate::sys::scope::RuntimeScope;
use crate::sys::signal::{BlockedSignals, KernelSet};
use crate::sys::{self, altstack, attempt, memory, process};
use core::fmt::Write;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicUsize, Ordering};
use libc::c_int;

/// The report stack's size. The kernel populates it as it is touched.
const REPORT_STACK_BYTES: usize = 8 << 20;

/// The upper end of the report stack, or 0. An alternate stack for signals lies above.
static REPORT_STACK: AtomicUsize = AtomicUsize::new(0);

/// Maps the report stack.
pub fn install() {
    if let Ok(stack) = memory::map(REPORT_STACK_BYTES + altstack::bytes()) {
        REPORT_STACK.store(stack + REPORT_STACK_BYTES, Ordering::Release);
    }
}

/// Shows that the calling thread is the reporter. The turn outlasts this value: it ends with
/// [`reporter::end_report`], perhaps in a later signal handler, or with the process.
pub struct Turn {
    /// Keeps the turn from being sent to another thread.
    _of_this_thread: PhantomData<*const ()>,
}

impl Turn {
    /// Waits for the calling thread's turn, and takes it. `mask` is what the program had blocked. Signals that may
    /// end the process are unblocked from now on, and the caller restores the mask.
    pub fn take(mask: KernelSet) -> Turn {
        if reporter::begin(mask).is_err() {
            fail_to_report(libc::SIGABRT);
        }
        // An attempt under way here is the original's, if this process is a copy.
        attempt::forget();
        if reporter::is_first_of_copy() {
            clear_inherited();
        }
        // The lock's holder may be this thread, whose crash is reported, or one that a debugger has stopped.
        if !reporter::goes_on() && runtime::get().is_some_and(Runtime::is_own_process) {
            private::abandon_if_held(1000);
        }
        Turn { _of_this_thread: PhantomData }
    }

    /// Returns the turn that the calling thread has already, if it has one.
    pub fn held() -> Option<Turn> {
        reporter::is_me().then_some(Turn { _of_this_thread: PhantomData })
    }

    /// Does `work` on the report stack: the thread's own stack may be spent, tiny, or a coroutine's.
    pub fn on_report_stack<R>(&self, work: impl FnOnce() -> R) -> R {
        let top = REPORT_STACK.load(Ordering::Acquire);
        if top == 0 {
            return work();
        }
        // The interrupted frame lies on the thread's alternate stack. Once the stack pointer has left that, a new
        // signal would be delivered at its top, over the frame. So all signals wait, even those unblocked elsewhere,
        // as SIGTRAP, until the kernel has another alternate stack. The same holds on the way back.
        let entering = BlockedSignals::block_all();
        let before = altstack::before();
        let guarded = || {
            // Signals were blocked by the handler's mask, or by the reporter of a bad call.
            let _blocked = BlockedSignals::in_handler();
            // What reporting allocates is the runtime's.
            let _scope = RuntimeScope::enter();
            // The handler will return through the interrupted frame, so faults on the way (such as probes of bad
            // addresses) must be handled elsewhere. The kernel refuses another alternate stack while the thread is on
            // one, so this comes after the change of stacks.
            // SAFETY: `install` mapped room for an alternate stack at `top`, and only the thread whose turn it is
            // uses that.
            unsafe { altstack::install(top, before) };
            drop(entering);
            let result = work();
            let leaving = BlockedSignals::block_all();
            // SAFETY: this restores the thread's own alternate stack; the thread was here, so that still exists.
            unsafe { altstack::restore(before) };
            (result, leaving)
        };
        // SAFETY: `install` mapped the stack below `top`. A `Turn` shows that this thread is the reporter, and no
        // other thread uses the stack. This one is not on it: code that runs on the report stack never enters it
        // again. `call_on_stack` stops a panic that unwinds there.
        let (result, _leaving) = unsafe { sys::call_on_stack(top, guarded) };
        result
    }

    /// Does `work`, which makes a report. If the work is given up and no report is out yet, writes the two addresses
    /// that are certain: those of the fault and of its instruction.
    ///
    /// Returns `None` if the work was given up. The process must die then.
    pub fn attempt<R>(
        &self,
        runtime: &Runtime,
        fault_and_pc: Option<(usize, usize)>,
        work: impl FnOnce() -> R,
    ) -> Option<R> {
        // SAFETY: only the thread whose turn it is makes attempts. After a failed attempt its callers let the process
        // die, so nothing that was half changed, or locked, is used again.
        let made = unsafe { attempt::attempt(work) };
        if made.is_none() {
            say_that_it_failed(runtime, fault_and_pc);
        }
        made
    }

    /// Whether `bug` is known, of which no report is to be made.
    pub fn knows(&self, runtime: &Runtime, bug: &Bug) -> bool {
        // SAFETY: a `Turn` shows that this thread is the one that reports.
        unsafe { stages::is_known(runtime, bug, charge::is_in_charge()) }
    }

    /// Composes the report of `bug`, and passes it to `write`. A known bug is not written if the process can go on
    /// after it. The returned verdict says whether the bug is known.
    pub fn publish(
        &self,
        runtime: &Runtime,
        bug: &Bug,
        going_on: GoingOn,
        write: impl Fn(&Runtime, &str),
    ) -> Verdict {
        let ended_itself = matches!(bug.cause, Cause::Raised { .. } | Cause::Aborted);
        let ledger = ledger::get();
        // This comes before anything that may fail.
        match ledger {
            Some(ledger) if ended_itself => ledger.note_crash(),
            Some(ledger) => ledger.note_report(),
            None => {}
        }
        let take = |told: &Told<'_>| {
            let known = told.finding.known.as_ref();
            if known.is_some() && !ended_itself {
                ledger.inspect(|ledger| ledger.note_known());
            }
            let passes = known.is_some() && going_on == GoingOn::Possible;
            if !passes || runtime.options.verbose {
                news::print(runtime, told, passes, &write);
            }
            if passes {
                return Verdict::Known;
            }
            reporter::note_report();
            hook::call(told.text);
            Verdict::New
        };
        // SAFETY: a `Turn` shows that this thread is the reporter.
        unsafe { stages::compose(runtime, bug, charge::is_in_charge(), take) }
    }
}

/// Whether a process can go on after the bug that it is about to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoingOn {
    Possible,
    Impossible,
}

/// Whether a reported bug is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The bug is new: the process does what the options say.
    New,
    /// The bug is known: the process goes on.
    Known,
}

/// In a copy of the process: forgets what the original's reporter was doing.
fn clear_inherited() {
    private::abandon_if_held(100);
    decoder::abandon_if_held();
    // SAFETY: the calling thread is the reporter, and only the reporter of this process uses either.
    unsafe {
        step::forget_inherited();
        tally::forget_inherited();
    }
}

/// Says that reporting failed, unless a report is out.
fn say_that_it_failed(runtime: &Runtime, fault_and_pc: Option<(usize, usize)>) {
    if reporter::has_reported() {
        return;
    }
    let mut text = FixedText::<300>::new();
    let _ = write!(text, "=={}==ERROR: Fencepost: a bug", process::pid());
    if let Some((fault, pc)) = fault_and_pc {
        let _ = write!(text, " on address {fault:#x} at pc {pc:#x}");
    }
    let _ = writeln!(text, "; the report could not be made, which is a bug of fencepost");
    sink::write(runtime, text.as_str());
}

/// The reporter has called something that reports, which must not happen.
fn fail_to_report(signal: c_int) -> ! {
    if attempt::is_under_way() {
        stages::note_failure(LookUpFailure::Crash);
        attempt::give_up();
    }
    death::die_by(signal)
}
