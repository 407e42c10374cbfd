//! A thread's turn to report: it works on a stack of its own, and ends with the text of a report.

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

/// The report stack, populated as it is touched.
const REPORT_STACK_BYTES: usize = 8 << 20;

/// Its upper end, or 0. An alternate stack for signals lies above.
static REPORT_STACK: AtomicUsize = AtomicUsize::new(0);

/// Maps the report stack.
pub fn install() {
    if let Ok(stack) = memory::map(REPORT_STACK_BYTES + altstack::bytes()) {
        REPORT_STACK.store(stack + REPORT_STACK_BYTES, Ordering::Release);
    }
}

/// Shows that the calling thread is the one that reports. The turn outlasts this value: it ends with
/// [`reporter::end_report`], perhaps in a later signal handler, or with the process.
pub struct Turn {
    /// A turn is not another thread's.
    _of_this_thread: PhantomData<*const ()>,
}

impl Turn {
    /// Waits for the calling thread's turn, and takes it. `mask` is what the program had blocked: what may end the process
    /// is let in from now on, and the caller puts the mask back.
    pub fn take(mask: KernelSet) -> Turn {
        if reporter::begin(mask).is_err() {
            fail_to_report(libc::SIGABRT);
        }
        // What is under way is of another report: of the process that this one is a copy of.
        attempt::forget();
        if reporter::is_first_of_copy() {
            clear_inherited();
        }
        // Whoever holds the lock may be this thread, whose crash is reported, or one that a debugger has stopped.
        if !reporter::goes_on() && runtime::get().is_some_and(Runtime::is_own_process) {
            private::abandon_if_held(1000);
        }
        Turn { _of_this_thread: PhantomData }
    }

    /// The turn that the calling thread has already.
    pub fn held() -> Option<Turn> {
        reporter::is_me().then_some(Turn { _of_this_thread: PhantomData })
    }

    /// Does `work` on the report stack: the stack of the calling thread may be spent, tiny, or a coroutine's.
    pub fn on_report_stack<R>(&self, work: impl FnOnce() -> R) -> R {
        let top = REPORT_STACK.load(Ordering::Acquire);
        if top == 0 {
            return work();
        }
        // The interrupted frame lies on the thread's alternate stack. Once the stack pointer has left that, a signal would be
        // delivered from its top on, over the frame: so even those wait that are let in elsewhere, as SIGTRAP, until the
        // kernel has another alternate stack; and so on the way back.
        let entering = BlockedSignals::block_all();
        let guarded = || {
            // By the handler's mask, or by who reports a bad call.
            let _blocked = BlockedSignals::in_handler();
            // Whatever reporting allocates is the runtime's.
            let _scope = RuntimeScope::enter();
            // The handler will return through that frame: faults on the way (probes of bad addresses are
            // faults) must go elsewhere. The kernel takes no other alternate stack while this one is in
            // use, so this waits for the change of stacks.
            let before = altstack::current();
            // SAFETY: `install` mapped room for an alternate stack at `top`, and nothing but the thread whose turn it is
            // uses it.
            unsafe { altstack::install(top) };
            drop(entering);
            let result = work();
            let leaving = BlockedSignals::block_all();
            // SAFETY: this puts back what the thread had, which is still there: the thread was here all the while.
            unsafe { altstack::restore(before) };
            (result, leaving)
        };
        // SAFETY: `install` mapped the stack below `top`. A `Turn` shows that this thread reports, and no other thread uses
        // the stack; this one has left it, as the report stack is never entered from code that runs on it. What
        // unwinds there is stopped by `call_on_stack`.
        let (result, _leaving) = unsafe { sys::call_on_stack(top, guarded) };
        result
    }

    /// Does `work`, which makes a report. If it is given up in its midst, says so, unless the report is out already: then
    /// what is known for certain, the addresses of the fault and of its instruction, is all there is.
    ///
    /// `None` if it was given up. The process must die then.
    pub fn attempt<R>(
        &self,
        runtime: &Runtime,
        fault_and_pc: Option<(usize, usize)>,
        work: impl FnOnce() -> R,
    ) -> Option<R> {
        // SAFETY: only the thread whose turn it is makes attempts. Its callers let the process die after an attempt that
        // failed, so what was being changed, or was locked, is not used again.
        let made = unsafe { attempt::attempt(work) };
        if made.is_none() {
            say_that_it_failed(runtime, fault_and_pc);
        }
        made
    }

    /// Composes the report of `bug`, and has it written by `write`. Nothing is written of a known bug that the process can
    /// go on after. Answers whether it is one.
    pub fn publish(
        &self,
        runtime: &Runtime,
        bug: &Bug,
        going_on: GoingOn,
        write: impl Fn(&Runtime, &str),
    ) -> Verdict {
        let ledger =
            ledger::get().filter(|_| !matches!(bug.cause, Cause::Raised { .. } | Cause::Aborted));
        // Before anything that may fail.
        ledger.inspect(|ledger| ledger.note_report());
        let take = |told: &Told<'_>| {
            let known = told.finding.known.as_ref();
            if known.is_some() {
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
        // SAFETY: a `Turn` shows that this thread is the one that reports.
        unsafe { stages::compose(runtime, bug, charge::is_in_charge(), take) }
    }
}

/// Whether a process can go on after the bug that it is about to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoingOn {
    Possible,
    Impossible,
}

/// What a reported bug is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The process does what it is to do after a report.
    New,
    /// The process goes on.
    Known,
}

/// In a copy of the process: what its reporter was at is the original's.
fn clear_inherited() {
    private::abandon_if_held(100);
    decoder::abandon_if_held();
    // SAFETY: the calling thread reports, and of the copy's threads the one that reports alone uses either.
    unsafe {
        step::forget_inherited();
        tally::forget_inherited();
    }
}

/// After a failure that left no report.
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

/// The thread that reports has called something that reports, which must not be.
fn fail_to_report(signal: c_int) -> ! {
    if attempt::is_under_way() {
        stages::note_failure(LookUpFailure::Crash);
        attempt::give_up();
    }
    death::die_by(signal)
}
