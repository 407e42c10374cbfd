//! A bad call, from where it is found to its report, and to the end of the process.

use super::death::{self, fencepost_on_error};
use super::tally::{self, Sight};
use super::turn::{GoingOn, Turn, Verdict};
use super::{owner, reporter, scene};
use crate::diagnose::{
    self, BadRequest, Bug, BugKind, FoundBy, LibcCall, MappingSubject, Owner, PageCall,
};
use crate::heap::{BadCall, report_memory, threads};
use crate::mappings::suspicion::Suspect;
use crate::report::failure::LookUpFailure;
use crate::report::{sink, stages};
use crate::runtime::Runtime;
use crate::sys::process;
use crate::sys::sandbox::{self, Need};
use crate::sys::scope;
use crate::sys::signal::{self, BlockedSignals};
use crate::trace::{self, Caller, Frames};

/// Reports a bad call. Aborts then, unless the run goes on.
pub fn report_call(
    runtime: &'static Runtime,
    by: FoundBy,
    address: usize,
    bad: BadCall,
    at: Caller,
) {
    if let (Some(choice), BadCall::Overwritten(object, _) | BadCall::WrittenAfterFree(object, _)) =
        (&runtime.choice, &bad)
    {
        // With keep-going, the write itself may be found in another object from there.
        choice.note_bug(object.allocated.trace);
    }
    report_bug(runtime, at, move |stack| {
        let owner = (bad == BadCall::Foreign).then(|| owner::seen_from(at.sp, address));
        let mapping = match owner {
            Some(Owner::Mapped(_) | Owner::Unmapped) => {
                diagnose::not_heap(address, &scene::around(address))
            }
            _ => None,
        };
        let bug = diagnose::diagnose_call(by, address, bad, owner, threads::current(), stack);
        Bug { mapping, ..bug }
    });
}

/// Reports a libc call with bad operands. Aborts then, unless the run goes on.
pub fn report_libc(runtime: &'static Runtime, call: LibcCall) {
    report_bug(runtime, call.caller, move |stack| {
        let neighbours = runtime.heap.neighbourhood(call.address());
        diagnose::diagnose_libc(call, neighbours, threads::current(), stack)
    })
}

/// Reports a call about pages, the first of which is at `address`. Aborts then, unless the run goes on.
#[cold]
pub fn report_pages(runtime: &'static Runtime, address: usize, call: PageCall, at: Caller) {
    report_bug(runtime, at, move |stack| {
        diagnose::diagnose_pages(address, call, threads::current(), stack)
    })
}

/// Reports a request for memory that can't be granted. Aborts then, unless the run goes on.
pub fn report_request(runtime: &'static Runtime, request: BadRequest, at: Caller) {
    report_bug(runtime, at, move |stack| {
        diagnose::diagnose_request(request, threads::current(), stack)
    })
}

/// Reports damage that the check at exit found. Aborts then, unless the run goes on.
pub fn report_at_exit(runtime: &'static Runtime, bad: BadCall) {
    report_bug(runtime, Caller::here(), move |_| {
        diagnose::diagnose_call(FoundBy::Exit, 0, bad, None, threads::current(), Frames::new())
    })
}

/// Does what is left to tell when the process ends, on the report stack: work that looks up names, and must not keep the process from ending.
pub fn tell_at_exit<R: Copy>(work: impl FnOnce() -> R) -> Result<R, LookUpFailure> {
    let mask = signal::change_mask(libc::SIG_BLOCK, 0);
    let _blocked = BlockedSignals::block();
    let turn = Turn::take(mask);
    // SAFETY: a `Turn` shows that this thread is the reporter. What comes back is plain data, and all else is dropped
    // before the memory is emptied.
    let done = turn.on_report_stack(|| unsafe {
        report_memory::empty();
        let done = stages::look_up(stages::MOST_SECONDS_OF_RUNS, work);
        report_memory::empty();
        done
    });
    reporter::end_report();
    done
}

/// Reports something suspicious about mappings that may be right: so the process goes on. `at` is the call that shows it.
pub fn report_suspicion(runtime: &'static Runtime, suspect: &Suspect, by: FoundBy, at: Caller) {
    let file_bytes = suspect.origin.as_ref().and_then(scene::file_bytes);
    let outcome = take_turn(runtime, at, true, |stack| {
        let stack = if by == FoundBy::Exit { Frames::new() } else { stack };
        diagnose::diagnose_suspicion(suspect, by, file_bytes, threads::current(), stack)
    });
    if outcome == Outcome::Reported {
        fencepost_on_error();
    }
}

/// Reports a call that the kernel has refused for the mapping that `subject` is. The process goes on.
pub fn report_refusal(
    runtime: &'static Runtime,
    kind: BugKind,
    subject: MappingSubject,
    call: LibcCall,
) {
    let outcome = take_turn(runtime, call.caller, true, move |stack| {
        diagnose::diagnose_refusal(kind, subject, call, threads::current(), stack)
    });
    if outcome == Outcome::Reported {
        fencepost_on_error();
    }
}

fn report_bug(runtime: &'static Runtime, at: Caller, diagnose: impl FnOnce(Frames) -> Bug) {
    let keeps_going = runtime.options.keep_going;
    let outcome = take_turn(runtime, at, keeps_going, diagnose);
    if outcome == Outcome::Reported {
        fencepost_on_error();
    }
    if keeps_going || outcome == Outcome::Known {
        return;
    }
    reporter::end_report_of_child();
    match runtime.options.error_exitcode {
        Some(code) => process::exit_now(i32::from(code)),
        // Without permission to send signals, abort(3) would never end.
        None if !sandbox::allows(Need::SendSignal) => death::die_by(libc::SIGABRT),
        // The program's own SIGABRT handler runs, as after any abort.
        None => scope::outside(|| {
            reporter::release();
            std::process::abort()
        }),
    }
}

/// What was done about a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Reported,
    /// It was reported before, so it was only counted.
    Counted,
    /// It is in the baseline, or suppressed.
    Known,
}

/// Reports the bug that `diagnose` finds, when it is the calling thread's turn. Whether the process goes on after it, is told by
/// `keeps_going`.
fn take_turn(
    runtime: &Runtime,
    at: Caller,
    keeps_going: bool,
    diagnose: impl FnOnce(Frames) -> Bug,
) -> Outcome {
    let options = &runtime.options;
    let mask = signal::change_mask(libc::SIG_BLOCK, 0);
    // This comes first: a handler that interrupted the reporter and reported itself would end the process.
    let _blocked = BlockedSignals::block();
    let turn = Turn::take(mask);
    let make = || {
        let mut stack = Frames::new();
        trace::walk(at, &mut stack);
        let bug = diagnose(stack);
        let sight = if runtime.may_go_on() {
            tally::count(&bug, options.max_reports)
        } else {
            Sight::First
        };
        match sight {
            Sight::Known => return Outcome::Known,
            Sight::Excess if turn.knows(runtime, &bug) => {
                tally::note_known(&bug);
                return Outcome::Known;
            }
            Sight::Excess | Sight::Again if keeps_going => return Outcome::Counted,
            // A bug that ends the process must be reported, even if it was before.
            Sight::Excess | Sight::Again | Sight::First => {}
        }
        match turn.publish(runtime, &bug, GoingOn::Possible, sink::write) {
            Verdict::New => Outcome::Reported,
            Verdict::Known => {
                tally::note_known(&bug);
                Outcome::Known
            }
        }
    };
    let outcome = turn.on_report_stack(|| {
        turn.attempt(runtime, None, make).unwrap_or_else(|| death::die_by(libc::SIGABRT))
    });
    if keeps_going || outcome == Outcome::Known {
        reporter::end_report();
    }
    outcome
}
