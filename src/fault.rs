//! Signals and bad calls: from the trap to the report, and to the fate the process would have had.
//!
//! A fault in the guarded heap is reported; every other one goes where it would have gone without
//! us, to the program's own handler or to the default. The report is made on a stack of our own,
//! since the interrupted one may be spent, tiny, or a coroutine's.
//!
//! One thread reports at a time; others that have something to report wait. Then it ends the process, or
//! with the option keep-going it goes on (see `step`) and the next may report (see `reporter`). If the look-up of names
//! fails, the report goes without (see `report::stages`); if making a report fails, a line says so.

pub mod belief;
mod chain;
pub mod crash;
pub mod delivery;
mod endings;
pub mod reporter;
pub mod step;
pub mod tally;

use crate::diagnose::access::{self, Direction, Registers};
use crate::diagnose::{self, BadRequest, Bug, Call, Cause, LibcCall, Owner, decoder};
use crate::heap::BadCall;
use crate::heap::{report_memory, threads};
use crate::ledger;
use crate::report::stages::{self, Failure};
use crate::report::{hook, panics, sink};
use crate::runtime::{self, Runtime};
use crate::sys::fixed_text::FixedText;
use crate::sys::sandbox::{self, Need};
use crate::sys::scope::{self, RuntimeScope};
use crate::sys::signal::{self, BlockedSignals, KernelAction, KernelSet};
use crate::sys::watchdog::Watchdog;
use crate::sys::{self, PAGE_BYTES, address_map, altstack, attempt, memory, probe, process, view};
use crate::trace::{self, Caller, Frames};
use core::fmt::Write;
use core::sync::atomic::{AtomicUsize, Ordering};
use libc::{c_int, c_void, siginfo_t, ucontext_t};
use reporter::begin_report;

/// Signals that a guarded page can raise.
pub const FAULT_SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Their bits.
pub const FAULT_SET: KernelSet = signal::FAULTS;

/// The report stack, populated as it is touched.
const REPORT_STACK_BYTES: usize = 8 << 20;

static REPORT_STACK: AtomicUsize = AtomicUsize::new(0);

/// Takes over the fault signals; the actions found are the program's.
pub fn install() {
    let ours = KernelAction {
        handler: on_fault as *const () as usize,
        // NODEFER: a crash while reporting must reach us too.
        flags: (libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER) as u64,
        restorer: 0,
        mask: !signal::SYNCHRONOUS,
    };
    for fault in FAULT_SIGNALS {
        // SAFETY: on_fault touches only state that is sound at any instruction.
        if let Ok(before) = unsafe { signal::set_action(fault, &ours) } {
            belief::exchange_action(fault, Some(before));
        }
    }
    belief::open_first_thread();
    delivery::install();
    reporter::install();
    panics::install();
    report_memory::install();
    if let Ok(stack) = memory::map(REPORT_STACK_BYTES + altstack::bytes()) {
        REPORT_STACK.store(stack + REPORT_STACK_BYTES, Ordering::Release);
    }
}

/// Whether the kernel still calls us for the fault signals. A program can take them by a system
/// call that nobody sees; then its faults go unreported.
pub fn is_in_charge() -> bool {
    FAULT_SIGNALS.into_iter().all(|fault| {
        // Where a filter forbids to ask, nobody has changed it either.
        signal::action(fault).map_or(true, |now| now.handler == on_fault as *const () as usize)
    })
}

extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes valid pointers to an SA_SIGINFO handler.
    let (info, machine) = unsafe { (&mut *info, &mut *context.cast::<ucontext_t>()) };
    // SAFETY: as above.
    let (fault, code) = (unsafe { info.si_addr() } as usize, info.si_code);
    if Watchdog::is_sender(info) {
        return on_watchdog(machine);
    }
    let from_kernel = code > 0;
    let pc = machine.uc_mcontext.gregs[libc::REG_RIP as usize] as usize;
    if let Some(resume) = probe::recovery(pc) {
        // What is stored to is the program's.
        let is_restored = || runtime::get().is_some_and(|it| it.heap.restore_dropped(fault));
        if signal == libc::SIGBUS && probe::is_store(pc) && is_restored() {
            return;
        }
        machine.uc_mcontext.gregs[libc::REG_RIP as usize] = resume as i64;
        return;
    }
    let errno = sys::errno::get();
    if from_kernel && signal == libc::SIGBUS && view::mend(fault) {
        sys::errno::set(errno);
        return;
    }
    let is_reporter = from_kernel && reporter::is_me();
    // The program's own instruction, after a report.
    let is_stepping = is_reporter && step::is_active();
    if is_reporter && !is_stepping {
        if attempt::is_under_way() {
            stages::note_failure(Failure::Crash);
            return attempt::give_up_in(machine);
        }
        die_by(signal);
    }
    match runtime::get() {
        Some(runtime)
            if from_kernel && signal == libc::SIGBUS && runtime.heap.restore_dropped(fault) => {}
        Some(runtime) if from_kernel && runtime.heap.guards(fault) => {
            if !is_stepping {
                begin_report(belief::context_mask(machine));
            }
            let mut report =
                FaultReport { runtime, fate: Fate::GoesOn, signal, fault, context: machine };
            // SAFETY: the report stack is this thread's alone since begin_report.
            unsafe { on_report_stack(report_fault, (&raw mut report).cast()) };
            meet(report.fate, runtime, signal);
        }
        runtime => {
            if let (true, Some(runtime)) = (is_stepping, runtime) {
                step::abandon(runtime, machine);
                reporter::end_report();
            }
            chain::chain(signal, info, machine, code, fault);
        }
    }
    sys::errno::set(errno);
}

/// What becomes of a process after a fault.
#[derive(Clone, Copy)]
enum Fate {
    /// It dies by the instruction, unless the page has become accessible meanwhile.
    Dies { accessible: bool },
    /// It was reported and goes on.
    Warned,
    /// It goes on.
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
    // Should the page have become accessible meanwhile, the process must die all the same.
    if accessible {
        process::raise(signal);
    }
}

/// Where a seccomp filter forbids to change what a signal does: the handler returns with it blocked, and the kernel kills
/// a process that raises it by an instruction then.
fn die_by_mask(context: &mut ucontext_t, signal: c_int) {
    let mask = belief::context_mask(context) | FAULT_SET | signal::bit(signal);
    belief::set_context_mask(context, mask);
}

struct FaultReport<'a> {
    runtime: &'static Runtime,
    /// Answered.
    fate: Fate,
    signal: c_int,
    fault: usize,
    context: &'a mut ucontext_t,
}

fn registers(context: &ucontext_t) -> Registers<'_> {
    Registers {
        gregs: &context.uc_mcontext.gregs,
        fs_base: process::fs_base(),
        gs_base: process::gs_base(),
    }
}

/// Reports. Then the instruction is let through, or the signal is left at its default: the instruction
/// faults again when the handler returns, and the process dies there, with a core that shows the culprit.
extern "C" fn report_fault(argument: *mut c_void) {
    // SAFETY: `on_fault` passes its own FaultReport.
    let report = unsafe { &mut *argument.cast::<FaultReport<'_>>() };
    let pc = report.context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize;
    // SAFETY: this thread reports; what it holds when it fails stays so until the process dies, which is next.
    if let Some(fate) = unsafe { attempt::attempt(|| report.make()) } {
        report.fate = fate;
    } else {
        say_that_it_failed(report.runtime, Some((report.fault, pc)));
        report.fate = report.prepare_death();
    }
}

impl FaultReport<'_> {
    fn make(&mut self) -> Fate {
        let (runtime, fault) = (self.runtime, self.fault);
        let mut stack = Frames::new();
        trace::walk(Caller::from_context(self.context), &mut stack);
        let registers = registers(self.context);
        let pc = self.context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize;
        let mut code = [0; access::MAX_INSTRUCTION_BYTES];
        let length = probe::copy(pc, &mut code);
        let code = &code[..length];
        let access = access::decode(fault, code, &registers);
        let bug = diagnose::diagnose_access(
            access,
            runtime.heap.neighbourhood(fault),
            threads::current(),
            stack,
        );
        if !runtime.options.keep_going {
            publish(runtime, &bug, write_report);
            return self.prepare_death();
        }
        let is_new = tally::count(&bug, runtime.options.max_reports);
        let can_step =
            access.direction != Direction::Execute && step::is_possible(code, self.context);
        if is_new {
            publish(runtime, &bug, write_report);
        }
        if can_step && step::begin(runtime, fault, code, self.context) {
            return if is_new { Fate::Warned } else { Fate::GoesOn };
        }
        if !is_new {
            publish(runtime, &bug, write_report);
        }
        sink::write(runtime, &tally::summary(runtime.options.max_reports));
        self.prepare_death()
    }

    fn prepare_death(&mut self) -> Fate {
        let accessible = probe::load_byte(self.fault).is_some();
        let is_default = |signal| {
            signal::set_default(signal);
            signal::action(signal).is_ok_and(|now| now.handler == libc::SIG_DFL)
        };
        // Each of them.
        if FAULT_SIGNALS.map(is_default) != [true; 2] {
            die_by_mask(self.context, self.signal);
        }
        if !accessible && self.signal == libc::SIGBUS {
            // A program that runs off its heap dies of SIGSEGV, whatever guards it.
            // SAFETY: nobody has a use for the page any more.
            let _ = unsafe { memory::revoke(self.fault & !(PAGE_BYTES - 1), PAGE_BYTES) };
        }
        Fate::Dies { accessible }
    }
}

/// Reports a bad call, and aborts unless the run is to go on.
pub fn report_call(
    runtime: &'static Runtime,
    call: Call,
    address: usize,
    bad: BadCall,
    at: Caller,
) {
    let owner = (bad == BadCall::Foreign).then(|| owner_of(address));
    report_bug(runtime, at, move |stack| {
        diagnose::diagnose_call(call, address, bad, owner, threads::current(), stack)
    });
}

/// Reports a libc call with bad operands; as [`report_call`].
pub fn report_libc(runtime: &'static Runtime, call: LibcCall) {
    report_bug(runtime, call.caller, move |stack| {
        let neighbours = runtime.heap.neighbourhood(call.address());
        diagnose::diagnose_libc(call, neighbours, threads::current(), stack)
    })
}

fn report_bug(runtime: &'static Runtime, at: Caller, diagnose: impl FnOnce(Frames) -> Bug) {
    struct CallReport<F> {
        runtime: &'static Runtime,
        at: Caller,
        diagnose: Option<F>,
        /// Answered: whether it was written, and not only counted.
        is_written: bool,
    }
    extern "C" fn report<F: FnOnce(Frames) -> Bug>(argument: *mut c_void) {
        // SAFETY: `report_bug` passes its own CallReport.
        let CallReport { runtime, at, diagnose, is_written } =
            unsafe { &mut *argument.cast::<CallReport<F>>() };
        let Some(diagnose) = diagnose.take() else { return };
        let make = || {
            let mut stack = Frames::new();
            trace::walk(*at, &mut stack);
            let (bug, options) = (diagnose(stack), &runtime.options);
            let is_told = !options.keep_going || tally::count(&bug, options.max_reports);
            if is_told {
                publish(runtime, &bug, write_report);
            }
            is_told
        };
        // SAFETY: this thread reports; what it holds when it fails stays so until the process dies, which is next.
        match unsafe { attempt::attempt(make) } {
            Some(is_told) => *is_written = is_told,
            None => {
                say_that_it_failed(runtime, None);
                die_by(libc::SIGABRT);
            }
        }
    }
    fn begin<F: FnOnce(Frames) -> Bug>(mut request: CallReport<F>) -> bool {
        let mask = signal::change_mask(libc::SIG_BLOCK, 0);
        // First: a handler that interrupted the reporter and reported would end the process.
        let _blocked = BlockedSignals::block();
        begin_report(mask);
        // SAFETY: the report stack is this thread's alone since begin_report.
        unsafe { on_report_stack(report::<F>, (&raw mut request).cast()) };
        if request.runtime.options.keep_going {
            reporter::end_report();
        }
        request.is_written
    }
    let request = CallReport { runtime, at, diagnose: Some(diagnose), is_written: false };
    if begin(request) {
        fencepost_on_error();
    }
    if runtime.options.keep_going {
        return;
    }
    reporter::end_report_of_child();
    match runtime.options.error_exitcode {
        Some(code) => process::exit_now(i32::from(code)),
        // abort(3) would have no end.
        None if !sandbox::allows(Need::SendSignal) => die_by(libc::SIGABRT),
        // The program's own SIGABRT handler runs, as after any abort.
        None => scope::outside(|| {
            reporter::release();
            std::process::abort()
        }),
    }
}

/// Reports a request for memory that can't be granted; as [`report_call`].
pub fn report_request(runtime: &'static Runtime, request: BadRequest, at: Caller) {
    report_bug(runtime, at, move |stack| {
        diagnose::diagnose_request(request, threads::current(), stack)
    })
}

/// Reports the damage found by the check at exit; as [`report_call`].
pub fn report_at_exit(runtime: &'static Runtime, bad: BadCall) {
    report_bug(runtime, Caller::here(), move |_| {
        diagnose::diagnose_call(Call::Exit, 0, bad, None, threads::current(), Frames::new())
    })
}

/// See [`Lock::hold_for_fork`](sys::lock::Lock::hold_for_fork).
pub fn hold_for_fork() {
    step::hold_for_fork();
    tally::hold_for_fork();
    decoder::hold_for_fork();
    belief::hold_for_fork();
}

/// # Safety
/// See [`Lock::release_after_fork`](sys::lock::Lock::release_after_fork).
pub unsafe fn release_after_fork() {
    // SAFETY: the caller's promise.
    unsafe {
        belief::release_after_fork();
        decoder::release_after_fork();
        tally::release_after_fork();
        step::release_after_fork();
    }
}

/// In the child of a fork: whoever reported, and had pages open, did so in the parent.
pub fn after_fork_in_child() {
    reporter::after_fork_in_child();
    step::after_fork_in_child();
}

/// # Safety
/// The calling thread must have called `begin_report`.
unsafe fn on_report_stack(function: extern "C" fn(*mut c_void), argument: *mut c_void) {
    struct Request {
        function: extern "C" fn(*mut c_void),
        argument: *mut c_void,
        top: usize,
    }
    extern "C" fn run(request: *mut c_void) {
        // SAFETY: passed below.
        let request = unsafe { &*request.cast::<Request>() };
        // By the handler's mask, or by who reports a bad call.
        let _blocked = BlockedSignals::in_handler();
        // Whatever reporting allocates is the runtime's.
        let _scope = RuntimeScope::enter();
        // The interrupted frame lies on the thread's alternate stack, and the handler will return
        // through it: faults on the way (probes of bad addresses are faults) must go elsewhere.
        // The kernel takes no other alternate stack while this one is in use, so this waits for
        // the change of stacks.
        let before = altstack::current();
        // SAFETY: mapped above the report stack, and used by the reporting thread alone; what was
        // there before is there still.
        unsafe {
            altstack::install(request.top);
            (request.function)(request.argument);
            altstack::restore(before);
        }
    }
    let top = REPORT_STACK.load(Ordering::Acquire);
    if top == 0 {
        return function(argument);
    }
    let mut request = Request { function, argument, top };
    // SAFETY: mapped, and used by the reporting thread alone.
    unsafe { sys::call_on_stack(top, run, (&raw mut request).cast()) };
}

fn write_report(runtime: &Runtime, text: &str) -> bool {
    sink::write(runtime, text);
    true
}

/// Composes a report and has it written.
fn publish(runtime: &Runtime, bug: &Bug, write: fn(&Runtime, &str) -> bool) {
    if let Some(ledger) = ledger::get()
        && !matches!(bug.cause, Cause::Raised { .. } | Cause::Aborted)
    {
        // Before anything that may fail.
        ledger.note_report();
    }
    let take = |report: &str| {
        write(runtime, report);
        reporter::note_report();
        hook::call(report);
    };
    // SAFETY: this thread reports.
    unsafe { stages::compose(runtime, bug, take) };
}

/// Does nothing: a place for a breakpoint, after the report of a bug that ends the process.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn fencepost_on_error() {
    core::hint::black_box(());
}

/// After a failure that left no report: what is certain, the address of a fault and of its instruction.
fn say_that_it_failed(runtime: &Runtime, at: Option<(usize, usize)>) {
    if reporter::has_reported() {
        return;
    }
    let mut text = FixedText::<300>::new();
    let _ = write!(text, "=={}==ERROR: Fencepost: a bug", process::pid());
    if let Some((fault, pc)) = at {
        let _ = write!(text, " on address {fault:#x} at pc {pc:#x}");
    }
    let _ = writeln!(text, "; the report could not be made, which is a bug of fencepost");
    sink::write(runtime, text.as_str());
}

/// The thread that reports has crashed.
fn fail_to_report(signal: c_int) -> ! {
    if attempt::is_under_way() {
        stages::note_failure(Failure::Crash);
        attempt::give_up();
    }
    die_by(signal)
}

/// Ends the process by `signal`, or by the exit code that the user wants after a report.
fn die_by(signal: c_int) -> ! {
    reporter::end_report_of_child();
    if let Some(code) = runtime::get().and_then(|runtime| runtime.options.error_exitcode) {
        process::exit_now(i32::from(code));
    }
    signal::set_default(signal);
    signal::change_mask(libc::SIG_UNBLOCK, signal::bit(signal));
    process::raise(signal);
    // A seccomp filter forbids it: as shells say it.
    process::exit_now(128 + signal)
}

/// The watchdog's signal: the look-up of names takes too long.
fn on_watchdog(context: &mut ucontext_t) {
    if reporter::is_me() && Watchdog::is_set() && attempt::is_under_way() {
        stages::note_failure(Failure::Hang);
        attempt::give_up_in(context);
    }
}

/// Whose memory an address is that the heap does not know.
pub fn owner_of(address: usize) -> Owner {
    let _scope = RuntimeScope::enter();
    let Some(mapping) = address_map::mapping_at(address) else {
        return Owner::Unmapped;
    };
    let local = 0u8;
    let here = &raw const local as usize;
    if (mapping.start..mapping.end).contains(&here) {
        return Owner::Stack { own: true };
    }
    if mapping.name == "[stack]" {
        return Owner::Stack { own: false };
    }
    if let Some(module) = trace::module_of(address) {
        return Owner::Module(module.path.to_string_lossy().into_owned());
    }
    Owner::Mapped(mapping.name)
}
