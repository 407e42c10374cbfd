//! A bad access, from the signal that it raises to its report, and to the fate of the process.

use super::death::{self, fencepost_on_error};
use super::tally::{self, Sight};
use super::turn::{GoingOn, Turn, Verdict};
use super::{belief, chain, charge, reporter, step};
use crate::diagnose::access::{self, Direction, Registers};
use crate::diagnose::{self, Bug};
use crate::heap::threads;
use crate::mappings::guarded;
use crate::report::failure::LookUpFailure;
use crate::report::sink;
use crate::report::stages;
use crate::runtime::{self, Runtime};
use crate::sys::attempt::Watchdog;
use crate::sys::signal::{self, FAULT_SIGNALS, KernelAction};
use crate::sys::{self, PAGE_BYTES, attempt, halt, memory, probe, process, view};
use crate::trace::{self, Caller, Frames};
use libc::{c_int, c_void, siginfo_t, ucontext_t};

/// Codes of SIGSEGV (sigaction(2)).
const SEGV_MAPERR: c_int = 1;
const SEGV_ACCERR: c_int = 2;

/// Takes over the fault signals. The actions that were set before become the program's.
pub fn install() {
    let ours = KernelAction {
        handler: on_fault as *const () as usize,
        // NODEFER: a crash while reporting must reach us too.
        flags: (libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER) as u64,
        restorer: 0,
        mask: !signal::SYNCHRONOUS,
    };
    charge::take(ours.handler);
    for fault in FAULT_SIGNALS {
        let mut ours = ours;
        if fault == halt::SIGNAL {
            // Calls of the kernel that it interrupts in threads that are stopped for a moment begin again.
            ours.flags |= libc::SA_RESTART as u64;
        }
        // SAFETY: `on_fault` touches only state that is sound at any instruction.
        if let Ok(before) = unsafe { signal::set_action(fault, &ours) } {
            belief::exchange_action(fault, Some(before));
        }
    }
}

extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes valid pointers to an SA_SIGINFO handler.
    let (info, machine) = unsafe { (&mut *info, &mut *context.cast::<ucontext_t>()) };
    // SAFETY: si_addr reads a word of the siginfo_t that is always there; its meaning is decided below.
    let (address, code) = (unsafe { info.si_addr() } as usize, info.si_code);
    if Watchdog::is_sender(info) {
        return on_watchdog(machine);
    }
    if halt::is_sender(info) {
        return halt::stand_still(machine);
    }
    let from_kernel = code > 0;
    let pc = machine.uc_mcontext.gregs[libc::REG_RIP as usize] as usize;
    if let Some(resume) = probe::recovery(pc) {
        // The store went to the program's memory, and the page there may only have been dropped.
        let is_restored = || runtime::get().is_some_and(|it| it.heap.restore_dropped(address));
        if signal == libc::SIGBUS && probe::is_store(pc) && is_restored() {
            return;
        }
        machine.uc_mcontext.gregs[libc::REG_RIP as usize] = resume as i64;
        return;
    }
    let code = if signal == libc::SIGSEGV
        && code == SEGV_ACCERR
        && guarded::inaccessible_at(address).is_some()
    {
        // As without us: nothing of the program's is mapped there.
        info.si_code = SEGV_MAPERR;
        SEGV_MAPERR
    } else {
        code
    };
    if from_kernel && attempt::give_up_reading(machine, address, || is_own_code(pc)) {
        return;
    }
    let errno = sys::errno::get();
    if from_kernel && signal == libc::SIGBUS && view::mend(address) {
        sys::errno::set(errno);
        return;
    }
    let held = if from_kernel { Turn::held() } else { None };
    // The program's own instruction runs, after a report.
    let is_stepping = held.is_some() && step::is_active();
    if held.is_some() && !is_stepping {
        if attempt::is_under_way() {
            stages::note_failure(LookUpFailure::Crash);
            return attempt::give_up_in(machine);
        }
        death::die_by(signal);
    }
    match runtime::get() {
        Some(runtime)
            if from_kernel && signal == libc::SIGBUS && runtime.heap.restore_dropped(address) => {}
        Some(runtime)
            if from_kernel
                && runtime.heap.guards(address)
                && !runtime.heap.program_pages().are_taken(address) =>
        {
            let turn = held.unwrap_or_else(|| Turn::take(belief::context_mask(machine)));
            let mut fault = Fault { runtime, turn: &turn, signal, address, context: machine };
            let fate = turn.on_report_stack(|| fault.report());
            meet(fate, runtime, signal);
        }
        runtime => {
            if let (true, Some(runtime)) = (is_stepping, runtime) {
                step::abandon(runtime, machine);
                reporter::end_report();
            }
            chain::chain(signal, info, machine, code, address);
        }
    }
    sys::errno::set(errno);
}

/// Whether the instruction at `pc` is part of this library.
fn is_own_code(pc: usize) -> bool {
    trace::module_of(on_fault as *const () as usize).is_some_and(|own| own.contains(pc))
}

/// What happens to a process after a fault.
#[derive(Clone, Copy)]
enum Fate {
    /// It dies at the instruction, unless the page has become accessible meanwhile.
    Dies { accessible: bool },
    /// It has reported the bug, and goes on.
    Warned,
    /// It goes on without a report.
    GoesOn,
}

fn meet(fate: Fate, runtime: &Runtime, signal: c_int) {
    if !matches!(fate, Fate::GoesOn) {
        fencepost_on_error();
    }
    let Fate::Dies { accessible } = fate else { return };
    reporter::end_report_of_child();
    if let Some(code) = runtime.options.error_exitcode {
        process::exit_now(i32::from(code));
    }
    // If the page has become accessible meanwhile, the process must die all the same.
    if accessible {
        process::raise(signal);
    }
}

/// A fault at a guarded page, while the thread has the turn to report.
struct Fault<'a> {
    runtime: &'static Runtime,
    turn: &'a Turn,
    signal: c_int,
    address: usize,
    context: &'a mut ucontext_t,
}

impl Fault<'_> {
    /// Reports. Then the instruction is let through, or the signal gets its default action: the instruction faults
    /// again when the handler returns, and the process dies there, with a core dump that shows the culprit.
    fn report(&mut self) -> Fate {
        let (turn, runtime) = (self.turn, self.runtime);
        let pc = self.context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize;
        let made = turn.attempt(runtime, Some((self.address, pc)), || self.make_report());
        made.unwrap_or_else(|| self.prepare_death())
    }

    fn make_report(&mut self) -> Fate {
        let (runtime, address) = (self.runtime, self.address);
        let mut stack = Frames::new();
        trace::walk(Caller::from_context(self.context), &mut stack);
        let registers = Registers::of(self.context);
        let pc = self.context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize;
        let mut code = [0; access::MAX_INSTRUCTION_BYTES];
        let length = probe::copy(pc, &mut code);
        let code = &code[..length];
        let access = access::decode(address, code, &registers);
        let bug = diagnose::diagnose_access(
            access,
            runtime.heap.neighbourhood(address),
            threads::current(),
            stack,
        );
        if !runtime.may_go_on() {
            self.turn.publish(runtime, &bug, GoingOn::Impossible, sink::write);
            return self.prepare_death();
        }
        self.go_on(&bug, access.direction, code)
    }

    /// Reports if necessary. Lets the instruction through if that is possible and the process goes on.
    fn go_on(&mut self, bug: &Bug, direction: Direction, code: &[u8]) -> Fate {
        let (runtime, address) = (self.runtime, self.address);
        let options = &runtime.options;
        let sight = tally::count(bug, options.max_reports);
        let is_first = sight == Sight::First;
        let is_possible = direction != Direction::Execute
            && step::is_possible(code, self.context)
            // A known bug is counted as one that the process goes on after, before it does.
            && (!is_first || step::can_open(runtime, address));
        let going_on = if is_possible { GoingOn::Possible } else { GoingOn::Impossible };
        let publish = || self.turn.publish(runtime, bug, going_on, sink::write);
        let turns_out_known = match sight {
            Sight::First => publish() == Verdict::Known,
            Sight::Excess => self.turn.knows(runtime, bug),
            Sight::Again | Sight::Known => false,
        };
        if turns_out_known {
            tally::note_known(bug);
        }
        let is_known = turns_out_known || sight == Sight::Known;
        if (is_known || options.keep_going)
            && is_possible
            && step::begin(runtime, address, code, self.context)
        {
            return if is_first && !is_known { Fate::Warned } else { Fate::GoesOn };
        }
        if !is_first || is_known {
            // A bug that ends the process must be reported, even if it was before.
            self.turn.publish(runtime, bug, GoingOn::Impossible, sink::write);
        }
        if !tally::is_empty() && options.keep_going {
            sink::write(runtime, &tally::summary(options.max_reports));
        }
        self.prepare_death()
    }

    fn prepare_death(&mut self) -> Fate {
        let accessible = probe::load_byte(self.address).is_some();
        let is_default = |signal| {
            signal::set_default(signal);
            signal::action(signal).is_ok_and(|now| now.handler == libc::SIG_DFL)
        };
        // Set both signals, even if the first fails.
        if FAULT_SIGNALS.map(is_default) != [true; 2] {
            death::die_by_mask(self.context, self.signal);
        }
        if !accessible && self.signal == libc::SIGBUS {
            // A program that runs off its heap dies of SIGSEGV, on every backend.
            // SAFETY: the page is a guard page or a freed object's, so no live object of the program lies in it.
            let _ = unsafe { memory::revoke(self.address & !(PAGE_BYTES - 1), PAGE_BYTES) };
        }
        Fate::Dies { accessible }
    }
}

/// The watchdog's signal: the look-up of names takes long.
fn on_watchdog(context: &mut ucontext_t) {
    if !(reporter::is_me() && Watchdog::is_set() && attempt::is_under_way()) {
        return;
    }
    let failure = if Watchdog::is_over() {
        LookUpFailure::Hang
    } else if reporter::is_waited_for_too_long() {
        LookUpFailure::Interrupted
    } else {
        return;
    };
    stages::note_failure(failure);
    attempt::give_up_in(context);
}
