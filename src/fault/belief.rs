//! What the program believes of the signals that we have taken: that its actions are the kernel's, that the
//! fault signals can be blocked, that it has no alternate stack but its own.

use super::{FAULT_SET, FAULT_SIGNALS, step};
use crate::heap::private;
use crate::sys::altstack;
use crate::sys::lock::Lock;
use crate::sys::per_thread::per_thread;
use crate::sys::signal::{self, BlockedSignals, KernelAction, KernelSet};
use core::cell::Cell;
use libc::{c_int, ucontext_t};

/// Stands in the kernel's mask for "the program believes fault signals blocked here". A bit of that
/// mask, unlike a variable, is saved by sigsetjmp and comes back with siglongjmp. Linux never sends
/// SIGSTKFLT.
const MARKER: KernelSet = signal::bit(libc::SIGSTKFLT);

/// What the program asked for each of [`FAULT_SIGNALS`]; the kernel has our handler instead.
/// The last is for SIGTRAP, which is ours while the run goes on after reports.
static PROGRAM_ACTIONS: Lock<[KernelAction; 3]> = Lock::new([KernelAction::DEFAULT; 3]);

per_thread! {
    /// Fault signals that the program believes blocked in this thread while [`MARKER`] is. They
    /// never are: the kernel kills a process that faults with the signal blocked, and there would
    /// be no report.
    unsafe static BELIEVED_BLOCKED: Cell<KernelSet>, "fencepost_believed_blocked"
}
per_thread! {
    /// Base of the alternate stack that we gave this thread, or 0.
    unsafe static OWN_ALTSTACK: Cell<usize>, "fencepost_own_altstack"
}

fn own_altstack() -> usize {
    OWN_ALTSTACK.with(Cell::get)
}

fn slot_of(signal: c_int) -> Option<usize> {
    let taken = FAULT_SIGNALS.into_iter().chain([libc::SIGTRAP]);
    taken.enumerate().find_map(|(slot, taken)| (taken == signal).then_some(slot))
}

/// Whether the program's action for `signal` is kept here, and the kernel has ours.
pub fn has_taken(signal: c_int) -> bool {
    FAULT_SIGNALS.contains(&signal) || signal == libc::SIGTRAP && step::is_installed()
}

/// Whether an alternate stack is the one that we gave the calling thread.
pub fn is_own_altstack(stack: &libc::stack_t) -> bool {
    stack.ss_sp as usize == own_altstack()
}

/// Puts the alternate stack that we gave the calling thread back in place, if there is one.
pub fn reinstall_altstack() {
    if own_altstack() != 0 {
        // SAFETY: it is this thread's until `take_altstack`.
        unsafe { altstack::install(own_altstack()) };
    }
}

/// Gives the calling thread an alternate stack, unless it has one.
pub fn give_altstack() {
    if altstack::current().is_some() || own_altstack() != 0 {
        return;
    }
    let base = private::allocate(altstack::BYTES, 16) as usize;
    if base != 0 {
        // SAFETY: the block is this thread's until `take_altstack`.
        unsafe { altstack::install(base) };
        OWN_ALTSTACK.with(|own| own.set(base));
    }
}

/// Takes back what [`give_altstack`] gave, when the thread ends.
pub fn take_altstack() {
    let base = OWN_ALTSTACK.with(|own| own.replace(0));
    if base == 0 {
        return;
    }
    if altstack::current().is_some_and(|stack| stack.ss_sp as usize == base) {
        altstack::disable();
    }
    // SAFETY: it came from the private heap, and the kernel no longer uses it.
    unsafe { private::free(base) };
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

/// Exchanges what the program wants done on a signal that we have taken.
pub fn exchange_action(signal: c_int, action: Option<KernelAction>) -> KernelAction {
    let slot = slot_of(signal).expect("a signal that we take");
    let _all = BlockedSignals::block_all();
    let mut actions = PROGRAM_ACTIONS.lock();
    let before = actions[slot];
    if let Some(action) = action {
        actions[slot] = action;
    }
    before
}

/// The fault signals that the program believes blocked in a thread with this kernel mask.
pub fn believed_blocked(mask: KernelSet) -> KernelSet {
    if mask & MARKER != 0 { get_believed() } else { 0 }
}

/// What the calling thread's kernel mask must be for the program to believe `mask` blocked.
pub fn kernel_mask(mask: KernelSet) -> KernelSet {
    let believed = mask & FAULT_SET;
    set_believed(believed);
    let marker = if believed != 0 { MARKER } else { 0 };
    mask & !FAULT_SET & !MARKER | marker
}

/// What the program must be told of a kernel mask: the inverse of [`kernel_mask`].
pub fn program_mask(mask: KernelSet) -> KernelSet {
    mask & !MARKER | believed_blocked(mask)
}

/// The fault signals that the calling thread would believe blocked while [`MARKER`] is: a new thread takes
/// them over with the kernel mask that it inherits.
pub fn get_believed() -> KernelSet {
    BELIEVED_BLOCKED.with(Cell::get)
}

/// Puts back, or takes over from the thread's creator, what [`get_believed`] answered.
pub fn set_believed(believed: KernelSet) {
    BELIEVED_BLOCKED.with(|blocked| blocked.set(believed));
}

/// The mask that the interrupted code had.
pub fn context_mask(context: &ucontext_t) -> KernelSet {
    // SAFETY: a sigset_t begins with the kernel's 64 bits.
    unsafe { *(&raw const context.uc_sigmask).cast::<KernelSet>() }
}
