//! What the program believes about the signals that we have taken: that the kernel has its actions for them, and that
//! the fault signals can be blocked. SIGFPE, SIGILL and SIGABRT are ours only at their default action.

use crate::sys::altstack;
use crate::sys::lock::{Guard, Lock};
use crate::sys::per_thread::per_thread;
use crate::sys::signal::{
    self, BlockedSignals, FAULT_SIGNALS, FAULTS, KernelAction, KernelSet, MARKER,
};
use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use libc::{c_int, c_void, siginfo_t, ucontext_t};

/// Signals that a thread can believe blocked while [`MARKER`] is blocked. The marker itself is one of them.
const BELIEVABLE: KernelSet = FAULTS | MARKER;

/// The program's action for each of [`FAULT_SIGNALS`]; the kernel has our handler instead. The last entry is for
/// SIGTRAP, which is ours if the run goes on after reports.
static PROGRAM_ACTIONS: Lock<[KernelAction; 3]> = Lock::new([KernelAction::DEFAULT; 3]);

per_thread! {
    /// The signals of [`BELIEVABLE`] that the program does not believe blocked in this thread while the marker is;
    /// none at first. The kernel never has fault signals blocked: it kills a process that faults while the signal is
    /// blocked, and there would be no report.
    unsafe static BELIEVED_OPEN: Cell<KernelSet>, "fencepost_believed_open"
}

/// Whether we have taken SIGTRAP too.
static TRAP_TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether the program has a handler for a signal that we have taken.
pub fn has_handler(signal: c_int) -> bool {
    !matches!(exchange_action(signal, None).handler, libc::SIG_DFL | libc::SIG_IGN)
}

fn index_of(signal: c_int) -> Option<usize> {
    let taken = FAULT_SIGNALS.into_iter().chain([libc::SIGTRAP]);
    taken.enumerate().find_map(|(index, taken)| (taken == signal).then_some(index))
}

/// Whether the program's action for `signal` is kept here while the kernel has our handler.
pub fn has_taken(signal: c_int) -> bool {
    FAULT_SIGNALS.contains(&signal) || signal == libc::SIGTRAP && TRAP_TAKEN.load(Ordering::Acquire)
}

/// Notes that the kernel has our handler for SIGTRAP, and the program's action for that signal.
pub fn take_trap(program: KernelAction) {
    exchange_action(libc::SIGTRAP, Some(program));
    TRAP_TAKEN.store(true, Ordering::Release);
}

/// Fault signals that were blocked when the process began: exec keeps the mask.
static INHERITED: AtomicU64 = AtomicU64::new(0);

/// Unblocks the fault signals in the kernel, at the very start.
pub fn open_first_thread() {
    let mask = signal::change_mask(libc::SIG_UNBLOCK, FAULTS);
    INHERITED.store(mask & FAULTS, Ordering::Relaxed);
}

/// Makes the first thread ours, as [`meet_thread`] does; also lets it believe blocked what exec had left blocked.
pub fn meet_first_thread() {
    let inherited = INHERITED.swap(0, Ordering::Relaxed);
    if inherited != 0 {
        let mask = signal::change_mask(libc::SIG_BLOCK, 0) | inherited;
        signal::change_mask(libc::SIG_SETMASK, kernel_mask(mask));
    }
    meet_thread();
}

/// Makes the calling thread ours: it gets an alternate stack, unless it has one. Fault signals that it has blocked
/// are unblocked in the kernel, and the program believes them blocked.
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

/// Takes the alternate stack back from a thread that ends.
pub fn part_with_thread() {
    let _blocked = BlockedSignals::block();
    altstack::give_back();
}

/// See [`Lock::hold_for_fork`].
pub fn hold_for_fork() {
    let _all = BlockedSignals::block_all();
    PROGRAM_ACTIONS.hold_for_fork();
}

/// # Safety
/// See [`Lock::release_after_fork`].
pub unsafe fn release_after_fork() {
    // SAFETY: `hold_for_fork` has taken the lock; the caller promises that it was called.
    unsafe { PROGRAM_ACTIONS.release_after_fork() }
}

/// Locks the program's actions, so that no other thread changes them.
pub fn lock_actions() -> Guard<'static, [KernelAction; 3]> {
    PROGRAM_ACTIONS.lock()
}

/// Returns the program's action for a signal that we have taken, and sets a new one if `action` has it.
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

/// Returns the fault signals that the program believes blocked in a thread with this kernel mask.
pub fn believed_blocked(mask: KernelSet) -> KernelSet {
    if mask & MARKER != 0 { get_believed() & FAULTS } else { 0 }
}

/// Returns the kernel mask with which the calling thread believes `mask` blocked.
pub fn kernel_mask(mask: KernelSet) -> KernelSet {
    if mask & BELIEVABLE != 0 {
        set_believed(mask & BELIEVABLE);
    }
    marked_mask(mask)
}

/// Returns a kernel mask in which the program believes `mask` blocked, for a thread that is not known yet.
pub fn marked_mask(mask: KernelSet) -> KernelSet {
    let marker = if mask & BELIEVABLE != 0 { MARKER } else { 0 };
    mask & !BELIEVABLE | marker
}

/// Returns the mask that the program must be told for a kernel mask: the inverse of [`kernel_mask`].
pub fn program_mask(mask: KernelSet) -> KernelSet {
    if mask & MARKER != 0 { mask & !MARKER | get_believed() } else { mask }
}

/// Returns what the calling thread believes blocked while [`MARKER`] is blocked. A new thread takes this over,
/// together with the kernel mask that it inherits.
pub fn get_believed() -> KernelSet {
    BELIEVABLE & !BELIEVED_OPEN.with(Cell::get)
}

/// Sets what the calling thread believes blocked, to what [`get_believed`] returned here or in its creator.
pub fn set_believed(believed: KernelSet) {
    BELIEVED_OPEN.with(|open| open.set(BELIEVABLE & !believed));
}

/// Returns the mask of the interrupted code, as the kernel has it.
pub fn context_mask(context: &ucontext_t) -> KernelSet {
    // SAFETY: a sigset_t begins with the kernel's 64 bits.
    unsafe { *(&raw const context.uc_sigmask).cast::<KernelSet>() }
}

/// Sets the mask that the interrupted code will have when the handler returns.
pub fn set_context_mask(context: &mut ucontext_t, mask: KernelSet) {
    // SAFETY: a sigset_t begins with the kernel's 64 bits.
    unsafe { *(&raw mut context.uc_sigmask).cast::<KernelSet>() = mask }
}

/// Signals that we report before their default action. While the program leaves one at its default, the kernel has
/// our handler, and the program is told of the default. A handler of the program's, or SIG_IGN, goes to the kernel
/// unchanged.
const CRASH_SIGNALS: [c_int; 3] = [libc::SIGFPE, libc::SIGILL, libc::SIGABRT];

/// A handler, as the kernel calls it with SA_SIGINFO.
type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// Our handler, or 0 before [`precede_defaults`].
static HANDLER: AtomicUsize = AtomicUsize::new(0);

/// Flags and mask of the program's last SIG_DFL for each of [`CRASH_SIGNALS`].
static DEFAULTS: [(AtomicU64, AtomicU64); 3] =
    [const { (AtomicU64::new(0), AtomicU64::new(0)) }; 3];

fn crash_index_of(signal: c_int) -> Option<usize> {
    CRASH_SIGNALS.iter().position(|&crash| crash == signal)
}

/// Installs `handler` for those of [`CRASH_SIGNALS`] that are at their default.
///
/// # Safety
/// `handler` must touch only state that is sound at any instruction of the process.
pub unsafe fn precede_defaults(handler: Handler) {
    HANDLER.store(handler as *const () as usize, Ordering::Relaxed);
    for signal in CRASH_SIGNALS {
        if signal::action(signal).is_ok_and(|now| now.handler == libc::SIG_DFL) {
            // SAFETY: `handler` is sound at any instruction, as the caller of this function promises.
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

/// Returns our action if the program wants the default for one of [`CRASH_SIGNALS`], and remembers its wish.
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

/// Whether a handler that the kernel has is ours in place of the default.
pub fn precedes_default(handler: usize) -> bool {
    handler != 0 && handler == HANDLER.load(Ordering::Relaxed)
}

/// Returns the program's action for a signal whose handler [`precedes_default`].
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
