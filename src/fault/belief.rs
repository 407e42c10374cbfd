//! What the program believes of the signals that we have taken: that its actions for them are the kernel's, and that
//! the fault signals can be blocked. SIGFPE, SIGILL and SIGABRT are ours only while they are at their default.

use crate::sys::altstack;
use crate::sys::lock::{Guard, Lock};
use crate::sys::per_thread::per_thread;
use crate::sys::signal::{
    self, BlockedSignals, FAULT_SIGNALS, FAULTS, KernelAction, KernelSet, MARKER,
};
use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use libc::{c_int, c_void, siginfo_t, ucontext_t};

/// Signals that can be believed blocked while [`MARKER`] is. The marker itself is one.
const BELIEVABLE: KernelSet = FAULTS | MARKER;

/// What the program asked for each of [`FAULT_SIGNALS`]; the kernel has our handler instead.
/// The last is for SIGTRAP, which is ours while the run goes on after reports.
static PROGRAM_ACTIONS: Lock<[KernelAction; 3]> = Lock::new([KernelAction::DEFAULT; 3]);

per_thread! {
    /// Of [`BELIEVABLE`], what the program does not believe blocked in this thread while the marker is: nothing
    /// at first. The kernel never has fault signals blocked: it kills a process that faults with the signal
    /// blocked, and there would be no report.
    unsafe static BELIEVED_OPEN: Cell<KernelSet>, "fencepost_believed_open"
}

/// Whether SIGTRAP is ours too.
static TRAP_TAKEN: AtomicBool = AtomicBool::new(false);

fn index_of(signal: c_int) -> Option<usize> {
    let taken = FAULT_SIGNALS.into_iter().chain([libc::SIGTRAP]);
    taken.enumerate().find_map(|(index, taken)| (taken == signal).then_some(index))
}

/// Whether the program's action for `signal` is kept here, and the kernel has ours.
pub fn has_taken(signal: c_int) -> bool {
    FAULT_SIGNALS.contains(&signal) || signal == libc::SIGTRAP && TRAP_TAKEN.load(Ordering::Acquire)
}

/// Notes that the kernel has our handler for SIGTRAP, and what the program wants done on it.
pub fn take_trap(program: KernelAction) {
    exchange_action(libc::SIGTRAP, Some(program));
    TRAP_TAKEN.store(true, Ordering::Release);
}

/// Fault signals that were blocked when the process began: a mask comes over exec.
static INHERITED: AtomicU64 = AtomicU64::new(0);

/// Unblocks the fault signals in the kernel, at the very start.
pub fn open_first_thread() {
    let mask = signal::change_mask(libc::SIG_UNBLOCK, FAULTS);
    INHERITED.store(mask & FAULTS, Ordering::Relaxed);
}

/// As [`meet_thread`], for the first one.
pub fn meet_first_thread() {
    let inherited = INHERITED.swap(0, Ordering::Relaxed);
    if inherited != 0 {
        let mask = signal::change_mask(libc::SIG_BLOCK, 0) | inherited;
        signal::change_mask(libc::SIG_SETMASK, kernel_mask(mask));
    }
    meet_thread();
}

/// Makes the calling thread ours, as far as its signals go: it gets an alternate stack, unless it has one, and
/// fault signals that it has blocked in the kernel are only believed to be.
pub fn meet_thread() {
    let mask = signal::change_mask(libc::SIG_BLOCK, 0);
    if mask & FAULTS != 0 {
        signal::change_mask(libc::SIG_SETMASK, kernel_mask(mask));
    }
    if altstack::current().is_some() || altstack::own().is_some() {
        return;
    }
    altstack::adopt();
}

/// When the calling thread ends: takes back the alternate stack.
pub fn part_with_thread() {
    let _blocked = BlockedSignals::block();
    altstack::give_back();
}

/// See [`Lock::hold_for_fork`].
pub fn hold_for_fork() {
    PROGRAM_ACTIONS.hold_for_fork();
}

/// # Safety
/// See [`Lock::release_after_fork`].
pub unsafe fn release_after_fork() {
    // SAFETY: `hold_for_fork` has taken the lock; the caller promises that it was called.
    unsafe { PROGRAM_ACTIONS.release_after_fork() }
}

/// Keeps others from changing the program's actions.
pub fn lock_actions() -> Guard<'static, [KernelAction; 3]> {
    PROGRAM_ACTIONS.lock()
}

/// Exchanges what the program wants done on a signal that we have taken.
pub fn exchange_action(signal: c_int, action: Option<KernelAction>) -> KernelAction {
    let index = index_of(signal).expect("a signal that we take");
    let _all = BlockedSignals::block_all();
    let mut actions = PROGRAM_ACTIONS.lock();
    let before = actions[index];
    if let Some(action) = action {
        actions[index] = action;
    }
    before
}

/// The fault signals that the program believes blocked in a thread with this kernel mask.
pub fn believed_blocked(mask: KernelSet) -> KernelSet {
    if mask & MARKER != 0 { get_believed() & FAULTS } else { 0 }
}

/// What the calling thread's kernel mask must be for the program to believe `mask` blocked.
pub fn kernel_mask(mask: KernelSet) -> KernelSet {
    if mask & BELIEVABLE != 0 {
        set_believed(mask & BELIEVABLE);
    }
    marked_mask(mask)
}

/// The same where it is not known which thread will have the mask.
pub fn marked_mask(mask: KernelSet) -> KernelSet {
    let marker = if mask & BELIEVABLE != 0 { MARKER } else { 0 };
    mask & !BELIEVABLE | marker
}

/// What the program must be told of a kernel mask: the inverse of [`kernel_mask`].
pub fn program_mask(mask: KernelSet) -> KernelSet {
    if mask & MARKER != 0 { mask & !MARKER | get_believed() } else { mask }
}

/// What the calling thread would believe blocked while [`MARKER`] is: a new thread takes it over with the kernel
/// mask that it inherits.
pub fn get_believed() -> KernelSet {
    BELIEVABLE & !BELIEVED_OPEN.with(Cell::get)
}

/// Puts back, or takes over from the thread's creator, what [`get_believed`] returned.
pub fn set_believed(believed: KernelSet) {
    BELIEVED_OPEN.with(|open| open.set(BELIEVABLE & !believed));
}

/// The mask that the interrupted code had, as the kernel has it.
pub fn context_mask(context: &ucontext_t) -> KernelSet {
    // SAFETY: a sigset_t begins with the kernel's 64 bits.
    unsafe { *(&raw const context.uc_sigmask).cast::<KernelSet>() }
}

/// Replaces it.
pub fn set_context_mask(context: &mut ucontext_t, mask: KernelSet) {
    // SAFETY: as above.
    unsafe { *(&raw mut context.uc_sigmask).cast::<KernelSet>() = mask }
}

/// Signals whose default action we precede with a report, if the program has left them at that: the kernel has our handler
/// then, and the program is told of the default that it asked for. A handler of its own, or SIG_IGN, goes to the kernel as
/// it is.
const CRASH_SIGNALS: [c_int; 3] = [libc::SIGFPE, libc::SIGILL, libc::SIGABRT];

/// A handler as the kernel calls it with SA_SIGINFO.
type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// Our handler, or 0 before [`precede_defaults`].
static HANDLER: AtomicUsize = AtomicUsize::new(0);

/// Flags and mask that the program gave with its last SIG_DFL for each of [`CRASH_SIGNALS`].
static DEFAULTS: [(AtomicU64, AtomicU64); 3] =
    [const { (AtomicU64::new(0), AtomicU64::new(0)) }; 3];

fn crash_index_of(signal: c_int) -> Option<usize> {
    CRASH_SIGNALS.iter().position(|&crash| crash == signal)
}

/// Takes the signals that are at their default.
///
/// # Safety
/// `handler` must touch only state that is sound at any instruction of the process.
pub unsafe fn precede_defaults(handler: Handler) {
    HANDLER.store(handler as *const () as usize, Ordering::Relaxed);
    for signal in CRASH_SIGNALS {
        if signal::action(signal).is_ok_and(|now| now.handler == libc::SIG_DFL) {
            // SAFETY: the kernel calls `handler`, which is sound at any instruction by the promise above.
            let _ =
                unsafe { signal::set_action(signal, &crash_action(handler as *const () as usize)) };
        }
    }
}

fn crash_action(handler: usize) -> KernelAction {
    KernelAction {
        handler,
        flags: (libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER) as u64,
        restorer: 0,
        mask: !signal::SYNCHRONOUS,
    }
}

/// What the kernel gets in place of what the program wants done on a signal, if anything.
pub fn in_place_of_default(signal: c_int, wanted: &KernelAction) -> Option<KernelAction> {
    let handler = HANDLER.load(Ordering::Relaxed);
    if wanted.handler != libc::SIG_DFL || handler == 0 {
        return None;
    }
    let (flags, mask) = &DEFAULTS[crash_index_of(signal)?];
    flags.store(wanted.flags, Ordering::Relaxed);
    mask.store(wanted.mask, Ordering::Relaxed);
    Some(crash_action(handler))
}

/// Whether a handler that the kernel has is ours, in the place of the default.
pub fn precedes_default(handler: usize) -> bool {
    handler != 0 && handler == HANDLER.load(Ordering::Relaxed)
}

/// What the program asked for where [`precedes_default`].
pub fn remembered_default(signal: c_int) -> Option<KernelAction> {
    let (flags, mask) = &DEFAULTS[crash_index_of(signal)?];
    Some(KernelAction {
        flags: flags.load(Ordering::Relaxed),
        mask: mask.load(Ordering::Relaxed),
        ..KernelAction::DEFAULT
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_goes_through_the_kernel_without_its_fault_signals() {
        let usr = signal::bit(libc::SIGUSR1);
        for mask in [0, usr, !0, FAULTS, MARKER, MARKER | usr, signal::bit(libc::SIGBUS) | usr] {
            let kernel = kernel_mask(mask);
            assert_eq!(kernel & FAULTS, 0);
            assert_eq!(program_mask(kernel), mask, "{mask:#x}");
            assert_eq!(believed_blocked(kernel), mask & FAULTS);
        }
    }
}
