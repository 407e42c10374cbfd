//! Signals and bad calls: from the trap to the report, and to the fate the process would have had.
//!
//! A fault in the guarded heap is reported; every other one goes where it would have gone without
//! us, to the program's own handler or to the default. The report is made on a stack of our own,
//! since the interrupted one may be spent, tiny, or a coroutine's.
//!
//! One thread reports; it ends the process, so a second one that has something to report waits. If
//! reporting itself crashes (a corrupted file of debug information, no memory), the report is made
//! again without looking anything up.

pub mod crash;

use crate::diagnose::access::{self, Registers};
use crate::diagnose::{self, BadRequest, Bug, Call, Cause, LibcCall, Owner};
use crate::heap::BadCall;
use crate::heap::{private, threads};
use crate::report::text::Names;
use crate::report::{hook, sink, text};
use crate::runtime::{self, Runtime};
use crate::sys::lock::Lock;
use crate::sys::scope::{self, RuntimeScope};
use crate::sys::signal::{self, BlockedSignals, KernelAction, KernelSet};
use crate::sys::{self, PAGE_BYTES, address_map, altstack, memory, probe, process};
use crate::trace::{self, Caller, Frames};
use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use libc::{c_int, c_void, siginfo_t, ucontext_t};

/// Signals that a guarded page can raise.
pub const FAULT_SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Their bits.
pub const FAULT_SET: KernelSet = signal::bit(libc::SIGSEGV) | signal::bit(libc::SIGBUS);

/// The report stack, populated as it is touched.
const REPORT_STACK_BYTES: usize = 8 << 20;

/// Stands in the kernel's mask for "the program believes fault signals blocked here". A bit of that
/// mask, unlike a variable, is saved by sigsetjmp and comes back with siglongjmp. Linux never sends
/// SIGSTKFLT.
const MARKER: KernelSet = signal::bit(libc::SIGSTKFLT);

/// Bytes below a stack pointer that leaf functions may use (System V ABI, 3.2.2).
const RED_ZONE_BYTES: usize = 128;

/// What the program asked for each of [`FAULT_SIGNALS`]; the kernel has our handler instead.
static PROGRAM_ACTIONS: Lock<[KernelAction; 2]> = Lock::new([KernelAction::DEFAULT; 2]);

/// Kernel id of the thread that reports, or 0.
static REPORTER: AtomicU32 = AtomicU32::new(0);
/// Whether a report has been made: what kills the process then needs no other.
static REPORTED: AtomicBool = AtomicBool::new(false);
/// The bug being reported, for a second attempt.
static CURRENT: AtomicPtr<Bug> = AtomicPtr::new(core::ptr::null_mut());
static REPORT_STACK: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Fault signals that the program believes blocked in this thread while [`MARKER`] is. They
    /// never are: the kernel kills a process that faults with the signal blocked, and there would
    /// be no report.
    static BELIEVED_BLOCKED: Cell<KernelSet> = const { Cell::new(0) };
    /// Base of the alternate stack that we gave this thread, or 0.
    static OWN_ALTSTACK: Cell<usize> = const { Cell::new(0) };
}

fn slot_of(signal: c_int) -> Option<usize> {
    FAULT_SIGNALS.iter().position(|&fault| fault == signal)
}

/// Takes over the fault signals; the actions found are the program's.
pub fn install() {
    let ours = KernelAction {
        handler: on_fault as *const () as usize,
        // NODEFER: a crash while reporting must reach us too.
        flags: (libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER) as u64,
        restorer: 0,
        mask: !signal::SYNCHRONOUS,
    };
    for (slot, fault) in FAULT_SIGNALS.into_iter().enumerate() {
        // SAFETY: on_fault touches only state that is sound at any instruction.
        if let Ok(before) = unsafe { signal::set_action(fault, &ours) } {
            let _all = BlockedSignals::block_all();
            PROGRAM_ACTIONS.lock()[slot] = before;
        }
    }
    if let Ok(stack) = memory::map(REPORT_STACK_BYTES + altstack::BYTES) {
        REPORT_STACK.store(stack + REPORT_STACK_BYTES, Ordering::Release);
    }
}

/// Whether the kernel still calls us for the fault signals. A program can take them by a system
/// call that nobody sees; then its faults go unreported.
pub fn is_in_charge() -> bool {
    FAULT_SIGNALS.into_iter().all(|fault| {
        signal::action(fault).is_ok_and(|now| now.handler == on_fault as *const () as usize)
    })
}

/// Whether an alternate stack is the one that we gave the calling thread.
pub fn is_own_altstack(stack: &libc::stack_t) -> bool {
    stack.ss_sp as usize == OWN_ALTSTACK.get()
}

/// Puts the alternate stack that we gave the calling thread back in place, if there is one.
pub fn reinstall_altstack() {
    if OWN_ALTSTACK.get() != 0 {
        // SAFETY: it is this thread's until `take_altstack`.
        unsafe { altstack::install(OWN_ALTSTACK.get()) };
    }
}

/// Gives the calling thread an alternate stack, unless it has one.
pub fn give_altstack() {
    if altstack::current().is_some() || OWN_ALTSTACK.get() != 0 {
        return;
    }
    let base = private::allocate(altstack::BYTES, 16) as usize;
    if base != 0 {
        // SAFETY: the block is this thread's until `take_altstack`.
        unsafe { altstack::install(base) };
        OWN_ALTSTACK.set(base);
    }
}

/// Takes back what [`give_altstack`] gave, when the thread ends.
pub fn take_altstack() {
    let base = OWN_ALTSTACK.replace(0);
    if base == 0 {
        return;
    }
    if altstack::current().is_some_and(|stack| stack.ss_sp as usize == base) {
        altstack::disable();
    }
    // SAFETY: it came from the private heap, and the kernel no longer uses it.
    unsafe { private::free(base) };
}

/// Exchanges what the program wants done on one of [`FAULT_SIGNALS`].
pub fn exchange_action(signal: c_int, action: Option<KernelAction>) -> KernelAction {
    let slot = slot_of(signal).expect("a fault signal");
    let _all = BlockedSignals::block_all();
    let mut actions = PROGRAM_ACTIONS.lock();
    let before = actions[slot];
    if let Some(action) = action {
        actions[slot] = action;
    }
    before
}

/// The fault signals that the program believes blocked in a thread with this kernel mask.
fn believed_blocked(mask: KernelSet) -> KernelSet {
    if mask & MARKER != 0 { BELIEVED_BLOCKED.get() } else { 0 }
}

/// What the calling thread's kernel mask must be for the program to believe `mask` blocked.
pub fn kernel_mask(mask: KernelSet) -> KernelSet {
    let believed = mask & FAULT_SET;
    BELIEVED_BLOCKED.set(believed);
    let marker = if believed != 0 { MARKER } else { 0 };
    mask & !FAULT_SET & !MARKER | marker
}

/// What the program must be told of a kernel mask: the inverse of [`kernel_mask`].
pub fn program_mask(mask: KernelSet) -> KernelSet {
    mask & !MARKER | believed_blocked(mask)
}

/// What a new thread must take over with the kernel mask that it inherits.
pub fn believed_to_inherit() -> KernelSet {
    BELIEVED_BLOCKED.get()
}

/// In a new thread: what its creator answered to [`believed_to_inherit`].
pub fn inherit_believed(believed: KernelSet) {
    BELIEVED_BLOCKED.set(believed);
}

extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes valid pointers to an SA_SIGINFO handler.
    let (fault, code, machine) = unsafe {
        let machine = &mut *context.cast::<ucontext_t>();
        ((*info).si_addr() as usize, (*info).si_code, machine)
    };
    let from_kernel = code > 0;
    let pc = machine.uc_mcontext.gregs[libc::REG_RIP as usize] as usize;
    if let Some(resume) = probe::recovery(pc) {
        machine.uc_mcontext.gregs[libc::REG_RIP as usize] = resume as i64;
        return;
    }
    let errno = sys::errno::get();
    if REPORTER.load(Ordering::Acquire) == process::tid() && from_kernel {
        report_plainly(signal);
    }
    match runtime::get() {
        Some(runtime)
            if from_kernel && signal == libc::SIGBUS && runtime.heap.restore_dropped(fault) => {}
        Some(runtime) if from_kernel && runtime.heap.guards(fault) => {
            let mut report =
                FaultReport { runtime, accessible: false, signal, fault, context: machine };
            begin_report();
            // SAFETY: the report stack is this thread's alone since begin_report.
            unsafe { on_report_stack(report_fault, (&raw mut report).cast()) };
            let accessible = report.accessible;
            fencepost_on_error();
            if let Some(code) = runtime.options.error_exitcode {
                process::exit_now(i32::from(code));
            }
            // Should the page have become accessible meanwhile, the process must die all the same.
            if accessible {
                process::raise(signal);
            }
        }
        _ => chain(signal, info, machine, code, fault),
    }
    sys::errno::set(errno);
}

struct FaultReport<'a> {
    runtime: &'static Runtime,
    /// Answered: whether the access would succeed by now.
    accessible: bool,
    signal: c_int,
    fault: usize,
    context: &'a ucontext_t,
}

fn registers(context: &ucontext_t) -> Registers<'_> {
    Registers {
        gregs: &context.uc_mcontext.gregs,
        fs_base: process::fs_base(),
        gs_base: process::gs_base(),
    }
}

/// Reports, and leaves the signal at its default: the instruction faults again when the handler
/// returns, and the process dies there, with a core that shows the culprit.
extern "C" fn report_fault(argument: *mut c_void) {
    // SAFETY: `on_fault` passes its own FaultReport.
    let FaultReport { runtime, accessible, signal, fault, context } =
        unsafe { &mut *argument.cast::<FaultReport<'_>>() };
    let mut stack = Frames::new();
    trace::walk(Caller::from_context(context), &mut stack);
    let registers = registers(context);
    let pc = context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize;
    let mut code = [0; access::MAX_INSTRUCTION_BYTES];
    let length = probe::copy(pc, &mut code);
    let access = access::decode(*fault, &code[..length], &registers);
    let bug = diagnose::diagnose_access(
        access,
        runtime.heap.neighbourhood(*fault),
        threads::current(),
        stack,
    );
    publish(runtime, bug, write_report);
    *accessible = probe::load_byte(*fault).is_some();
    for signal in FAULT_SIGNALS {
        signal::set_default(signal);
    }
    if !*accessible && *signal == libc::SIGBUS {
        // A program that runs off its heap dies of SIGSEGV, whatever guards it.
        // SAFETY: nobody has a use for the page any more.
        let _ = unsafe { memory::revoke(*fault & !(PAGE_BYTES - 1), PAGE_BYTES) };
    }
}

/// Reports a bad call and aborts.
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

/// Reports a libc call with bad operands and aborts.
pub fn report_libc(runtime: &'static Runtime, call: LibcCall) -> ! {
    report_bug(runtime, call.caller, move |stack| {
        let neighbours = runtime.heap.neighbourhood(call.address());
        diagnose::diagnose_libc(call, neighbours, threads::current(), stack)
    })
}

fn report_bug(runtime: &'static Runtime, at: Caller, diagnose: impl FnOnce(Frames) -> Bug) -> ! {
    struct CallReport<F> {
        runtime: &'static Runtime,
        at: Caller,
        diagnose: Option<F>,
    }
    extern "C" fn report<F: FnOnce(Frames) -> Bug>(argument: *mut c_void) {
        // SAFETY: `report_bug` passes its own CallReport.
        let CallReport { runtime, at, diagnose } =
            unsafe { &mut *argument.cast::<CallReport<F>>() };
        let mut stack = Frames::new();
        trace::walk(*at, &mut stack);
        if let Some(diagnose) = diagnose.take() {
            publish(runtime, diagnose(stack), write_report);
        }
    }
    fn begin<F: FnOnce(Frames) -> Bug>(mut request: CallReport<F>) {
        begin_report();
        let _blocked = BlockedSignals::block();
        // SAFETY: the report stack is this thread's alone since begin_report.
        unsafe { on_report_stack(report::<F>, (&raw mut request).cast()) };
    }
    begin(CallReport { runtime, at, diagnose: Some(diagnose) });
    fencepost_on_error();
    match runtime.options.error_exitcode {
        Some(code) => process::exit_now(i32::from(code)),
        // The program's own SIGABRT handler runs, as after any abort.
        None => scope::outside(|| {
            REPORTER.store(0, Ordering::Release);
            std::process::abort()
        }),
    }
}

/// Reports a request for memory that can't be granted, and aborts.
pub fn report_request(runtime: &'static Runtime, request: BadRequest, at: Caller) -> ! {
    report_bug(runtime, at, move |stack| {
        diagnose::diagnose_request(request, threads::current(), stack)
    })
}

/// Reports the damage found by the check at exit, and aborts.
pub fn report_at_exit(runtime: &'static Runtime, bad: BadCall) -> ! {
    report_bug(runtime, Caller::here(), move |_| {
        diagnose::diagnose_call(Call::Exit, 0, bad, None, threads::current(), Frames::new())
    })
}

/// Makes the calling thread the one that reports; others that come later wait for the end.
fn begin_report() {
    let me = process::tid();
    match REPORTER.compare_exchange(0, me, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {}
        Err(reporter) if reporter == me => report_plainly(libc::SIGABRT),
        Err(_) => process::wait_for_the_end(),
    }
}

/// Waits while another thread reports: the process must not end before it has.
pub fn wait_for_reporter() {
    let reporter = REPORTER.load(Ordering::Acquire);
    if reporter != 0 && reporter != process::tid() {
        process::wait_for_the_end();
    }
}

/// See [`Lock::hold_for_fork`].
pub fn hold_for_fork() {
    PROGRAM_ACTIONS.hold_for_fork();
}

/// # Safety
/// See [`Lock::release_after_fork`].
pub unsafe fn release_after_fork() {
    // SAFETY: the caller's promise.
    unsafe { PROGRAM_ACTIONS.release_after_fork() }
}

/// In the child of a fork: whoever reported did so in the parent.
pub fn after_fork_in_child() {
    REPORTER.store(0, Ordering::Release);
    REPORTED.store(false, Ordering::Release);
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

/// Renders a report and has it written.
fn publish(runtime: &Runtime, mut bug: Bug, write: fn(&Runtime, &str) -> bool) {
    CURRENT.store(&raw mut bug, Ordering::Release);
    // The symboliser catches its panics; their messages are not the program's.
    std::panic::set_hook(Box::new(|_| ()));
    private::on_exhaustion(|| report_plainly(libc::SIGABRT));
    let names = if runtime.options.symbolize { Names::Symbols } else { Names::ModulesOnly };
    let mut report = text::render(&bug, process::pid(), names);
    if runtime.options.stats {
        report += &runtime.stats();
    }
    write(runtime, &report);
    REPORTED.store(true, Ordering::Release);
    CURRENT.store(core::ptr::null_mut(), Ordering::Release);
    hook::call(&report);
}

/// Does nothing: a place for a breakpoint, after the report of a bug that ends the process.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn fencepost_on_error() {
    core::hint::black_box(());
}

/// After a crash while reporting: the same report with nothing looked up; after a second one,
/// nothing. Dies of `signal`.
fn report_plainly(signal: c_int) -> ! {
    let bug = CURRENT.swap(core::ptr::null_mut(), Ordering::AcqRel);
    // SAFETY: set by `publish` on the report stack, which it has not left.
    let bug = unsafe { bug.as_ref() };
    let signal = match bug.map(|bug| bug.cause) {
        Some(Cause::Access(_)) => libc::SIGSEGV,
        Some(Cause::Call(_) | Cause::Request(_) | Cause::Libc(_)) => libc::SIGABRT,
        Some(Cause::Raised { .. } | Cause::Aborted) => signal,
        None => signal,
    };
    let _scope = RuntimeScope::enter();
    if let Some(runtime) = runtime::get()
        && let Some(bug) = bug
    {
        sink::write(runtime, &text::render(bug, process::pid(), Names::ModulesOnly));
        if let Some(code) = runtime.options.error_exitcode {
            process::exit_now(i32::from(code));
        }
    }
    loop {
        signal::set_default(signal);
        signal::change_mask(libc::SIG_UNBLOCK, signal::bit(signal));
        process::raise(signal);
    }
}

/// Gives a fault that is not ours the fate it would have had without us.
fn chain(signal: c_int, info: *mut siginfo_t, context: &mut ucontext_t, code: c_int, fault: usize) {
    let from_kernel = code > 0;
    let action = exchange_action(signal, None);
    let believed = believed_blocked(context_mask(context));
    let blocked = from_kernel && believed & signal::bit(signal) != 0;
    match action.handler {
        // A signal that somebody sent is ignored; the kernel lets no fault be (sigaction(2)).
        libc::SIG_IGN if !from_kernel => {}
        handler if handler == libc::SIG_DFL || handler == libc::SIG_IGN || blocked => {
            crash::report(signal, code, fault, context);
            die_of(signal, from_kernel);
        }
        _ => call_program_handler(signal, &action, info, context),
    }
}

/// The default fate: the instruction faults again, or the signal comes again.
fn die_of(signal: c_int, from_kernel: bool) {
    signal::set_default(signal);
    if !from_kernel {
        signal::change_mask(libc::SIG_UNBLOCK, signal::bit(signal));
        process::raise(signal);
    }
}

/// Calls the program's handler as the kernel would: with its mask, on the stack it asked for.
fn call_program_handler(
    signal: c_int,
    action: &KernelAction,
    info: *mut siginfo_t,
    context: &mut ucontext_t,
) {
    let flags = action.flags as c_int;
    if flags & libc::SA_RESETHAND != 0 {
        exchange_action(signal, Some(KernelAction::DEFAULT));
    }
    let mut mask = action.mask | program_mask(context_mask(context));
    if flags & libc::SA_NODEFER == 0 {
        mask |= signal::bit(signal);
    }
    let believed_before = BELIEVED_BLOCKED.get();
    signal::change_mask(libc::SIG_SETMASK, kernel_mask(mask));
    let sp = context.uc_mcontext.gregs[libc::REG_RSP as usize] as usize;
    let on_own_altstack = altstack::current().is_some_and(|stack| is_own_altstack(&stack));
    // The program has no alternate stack, or did not ask for it: its handler expects to run below
    // the interrupted frame.
    let wants_altstack = flags & libc::SA_ONSTACK != 0 && !on_own_altstack;
    let mut call = HandlerCall { handler: action.handler, signal, info, context };
    let argument = (&raw mut call).cast();
    scope::outside(|| {
        if wants_altstack || sp == 0 {
            call_handler(argument);
        } else {
            // SAFETY: below the red zone of the interrupted frame the stack is free, as it is for
            // the kernel; if it is spent, this faults as the kernel's own push would fail.
            unsafe { sys::call_on_stack(sp - RED_ZONE_BYTES, call_handler, argument) };
        }
    });
    // The kernel's mask comes back with the interrupted frame.
    BELIEVED_BLOCKED.set(believed_before);
}

struct HandlerCall<'a> {
    handler: usize,
    signal: c_int,
    info: *mut siginfo_t,
    context: &'a mut ucontext_t,
}

extern "C" fn call_handler(argument: *mut c_void) {
    // SAFETY: `call_program_handler` passes its own HandlerCall; the program's handler takes these
    // arguments (sigaction(2)).
    unsafe {
        let call = &mut *argument.cast::<HandlerCall<'_>>();
        let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
            core::mem::transmute(call.handler);
        handler(call.signal, call.info, core::ptr::from_mut(call.context).cast());
    }
}

/// The mask that the interrupted code had.
fn context_mask(context: &ucontext_t) -> KernelSet {
    // SAFETY: a sigset_t begins with the kernel's 64 bits.
    unsafe { *(&raw const context.uc_sigmask).cast::<KernelSet>() }
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
