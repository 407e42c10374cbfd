//! How a signal reaches the program's handler if the kernel can't do that alone.
//!
//! The kernel's alternate stack is ours in every thread. If a handler asks for the program's alternate stack, the
//! kernel gets [`on_signal`] instead. That moves the frame to where the kernel would have put it without us, and
//! enters the handler there. Our stack is empty then, ready for a fault in the handler. The kernel calls other
//! handlers itself, and only the code that they return to is ours.

use super::belief::{
    self, context_mask, exchange_action, kernel_mask, lock_actions, marked_mask, program_mask,
    set_context_mask,
};
use super::death;
use crate::report::sink;
use crate::runtime::{self, Runtime};
use crate::sys::scope::{self, RuntimeScope};
use crate::sys::signal::{self, BlockedSignals, KernelAction, KernelSet};
use crate::sys::signal_frame::{self, Ending, SignalFrame};
use crate::sys::{Errno, altstack};
use crate::trace;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use libc::{c_int, c_void, siginfo_t, ucontext_t};

/// The number of signals that the kernel knows.
const SIGNALS: usize = 64;

/// `si_code` of a SIGSEGV that the kernel raises for another reason than an access (sigaction(2)).
const SI_KERNEL: c_int = 0x80;

/// How often an action is read again while it changes.
const MOST_TRIES: u32 = 1 << 16;

/// The program's action when it last set a handler for a signal, and the handler that the kernel got.
struct WantedAction {
    /// Odd while the action changes.
    version: AtomicU32,
    handler: AtomicUsize,
    flags: AtomicU64,
    mask: AtomicU64,
    kernels: AtomicUsize,
}

/// One action per signal. Written under the lock of the program's actions, read without it.
static WANTED: [WantedAction; SIGNALS + 1] = [const {
    WantedAction {
        version: AtomicU32::new(0),
        handler: AtomicUsize::new(0),
        flags: AtomicU64::new(0),
        mask: AtomicU64::new(0),
        kernels: AtomicUsize::new(0),
    }
}; SIGNALS + 1];

impl WantedAction {
    fn set(&self, action: &KernelAction, kernels: usize) {
        self.version.fetch_add(1, Ordering::AcqRel);
        self.handler.store(action.handler, Ordering::Relaxed);
        self.flags.store(action.flags, Ordering::Relaxed);
        self.mask.store(action.mask, Ordering::Relaxed);
        self.kernels.store(kernels, Ordering::Relaxed);
        self.version.fetch_add(1, Ordering::Release);
    }

    fn get(&self) -> KernelAction {
        let mut tries = 0;
        loop {
            tries += 1;
            let before = self.version.load(Ordering::Acquire);
            let action = KernelAction {
                handler: self.handler.load(Ordering::Relaxed),
                flags: self.flags.load(Ordering::Relaxed),
                restorer: 0,
                mask: self.mask.load(Ordering::Relaxed),
            };
            core::sync::atomic::fence(Ordering::Acquire);
            // A thread that changes an action blocks signals. In the child of a raw clone it may be missing.
            if tries > MOST_TRIES
                || before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before
            {
                return action;
            }
            core::hint::spin_loop();
        }
    }
}

/// Has [`end_handler`] called at the end of each handler whose frame was moved. Must be called before the first
/// handler is set.
pub fn install() {
    signal_frame::on_end(end_handler);
}

const ONCE: u64 = libc::SA_RESETHAND as u32 as u64;

/// Returns the program's action for a signal that we have not taken, and sets `wanted` if given.
pub fn exchange(signal: c_int, wanted: Option<&KernelAction>) -> Result<KernelAction, Errno> {
    let entry = usize::try_from(signal).ok().and_then(|signal| WANTED.get(signal));
    let entry = entry.filter(|_| signal > 0).ok_or(Errno::EINVAL)?;
    let _all = BlockedSignals::block_all();
    let _changing = lock_actions();
    let found = signal::action(signal)?;
    let remembered = entry.get();
    let remembered = match belief::remembered_default(signal) {
        Some(default) if belief::precedes_default(found.handler) => default,
        _ if is_handler(found.handler)
            && found.handler == entry.kernels.load(Ordering::Relaxed) =>
        {
            remembered
        }
        // The handler was for one signal only, and that has come.
        _ if found.handler == libc::SIG_DFL && (found.flags & remembered.flags) & ONCE != 0 => {
            KernelAction { handler: libc::SIG_DFL, ..remembered }
        }
        _ => found,
    };
    if let Some(wanted) = wanted {
        let kernels = kernels_action(signal, wanted);
        if is_handler(wanted.handler) {
            entry.set(wanted, kernels.handler);
        }
        // SAFETY: the handler is the program's, or one of ours, which are sound at any instruction.
        unsafe { signal::set_action(signal, &kernels) }?;
    }
    Ok(remembered)
}

fn is_handler(handler: usize) -> bool {
    handler != libc::SIG_DFL && handler != libc::SIG_IGN
}

/// Returns the action that the kernel gets if the program asks for `wanted`.
fn kernels_action(signal: c_int, wanted: &KernelAction) -> KernelAction {
    if let Some(ours) = belief::in_place_of_default(signal, wanted) {
        return ours;
    }
    let moves = is_handler(wanted.handler)
        && wanted.flags & libc::SA_ONSTACK as u32 as u64 != 0
        && !keeps_kernels_stack(wanted.handler);
    KernelAction {
        handler: if moves { on_signal as *const () as usize } else { wanted.handler },
        flags: wanted.flags,
        restorer: signal_frame::direct_end(),
        mask: if moves { !signal::FAULTS } else { marked_mask(wanted.mask) },
    }
}

/// Whether a handler expects to be on the stack that the kernel has. Go's runtime asks the kernel itself, and adopts
/// the stack that it finds (minitSignalStack in runtime/signal_unix.go).
fn keeps_kernels_stack(handler: usize) -> bool {
    trace::module_of(handler).is_some_and(|module| module.is_go)
}

/// The kernel calls this instead of handlers of the program that ask for the alternate stack.
extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let action = WANTED[signal as usize].get();
    // SAFETY: the kernel passes valid pointers to every handler, even one without SA_SIGINFO.
    let (info, context) = unsafe { (&mut *info, &mut *context.cast::<ucontext_t>()) };
    let NoRoom = deliver(signal, &action, info, context, Interrupted::Anything);
    fail(signal, info, context);
}

/// Calls the program's handler for a signal that we have taken. Returns only if there is no room for that; the
/// process must die of the signal then.
pub fn call_handler(
    signal: c_int,
    action: &KernelAction,
    info: &mut siginfo_t,
    context: &mut ucontext_t,
) {
    if action.flags as c_int & libc::SA_RESETHAND != 0 {
        exchange_action(signal, Some(KernelAction::DEFAULT));
    }
    let NoRoom = deliver(signal, action, info, context, Interrupted::Program);
    if signal != libc::SIGSEGV {
        fail(signal, info, context);
    }
}

/// What a signal has interrupted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interrupted {
    /// The program, at an instruction of its own, even if the runtime is active further up the stack.
    Program,
    /// The program or the runtime.
    Anything,
}

/// There is no room for the frame on the stack where it should go.
struct NoRoom;

/// Enters the program's handler as the kernel would: with its mask, on the stack that it asked for. Moves the
/// kernel's frame to that stack. Returns only if there is no room for it.
fn deliver(
    signal: c_int,
    action: &KernelAction,
    info: &mut siginfo_t,
    context: &mut ucontext_t,
    interrupted: Interrupted,
) -> NoRoom {
    let flags = action.flags as c_int;
    let before = program_mask(context_mask(context));
    let own_bit = if flags & libc::SA_NODEFER == 0 { signal::bit(signal) } else { 0 };
    let mask = kernel_mask(before | action.mask | own_bit);
    let Some(frame) = SignalFrame::of(info, context) else { return NoRoom };
    let sp = frame.interrupted_sp();
    let on_stack = flags & libc::SA_ONSTACK != 0;
    let own = altstack::own();
    let contains = |address: usize| own.as_ref().is_some_and(|own| own.contains(&address));
    // The frame stays if it lies where the kernel would have put it without us, or if the kernel has an alternate
    // stack of the program's, which was set by a system call that we did not see.
    let stays = contains(sp)
        || on_stack && (!contains(frame.start()) || keeps_kernels_stack(action.handler));
    let frame = if stays {
        frame
    } else {
        match move_frame(frame, on_stack, before, interrupted) {
            Some(moved) => moved,
            None => return NoRoom,
        }
    };
    // SAFETY: the abandoned part of this stack holds plain data only, and the handler needs none of it.
    unsafe { frame.enter(action.handler, signal, mask) }
}

/// Moves the frame to the program's alternate stack, or below the interrupted code on its stack.
fn move_frame(
    frame: SignalFrame,
    on_stack: bool,
    mask: KernelSet,
    interrupted: Interrupted,
) -> Option<SignalFrame> {
    let program = altstack::program();
    let below = frame.below_interrupted();
    let entered = if on_stack { program.top_for(below) } else { None };
    // The kernel also checks the room if the interrupted code is on the alternate stack already.
    let is_checked = entered.is_some() || program.is_in_use(frame.interrupted_sp());
    let is_ours = altstack::own().is_some_and(|own| own.contains(&frame.start()));
    let ending = if is_ours { Ending::Told } else { Ending::Plain };
    let is_good = |start| !is_checked || program.contains(start);
    // SAFETY: the stack below the used part is free, for the kernel as well as for us.
    let moved = unsafe { frame.copy_below(entered.unwrap_or(below), ending, is_good) }?;
    // SAFETY: the copy is new, so nobody else has a reference to it.
    let context = unsafe { moved.context_mut() };
    if is_ours {
        context.uc_stack = program.as_noted();
        set_context_mask(context, mask);
        program.disarm();
        if interrupted == Interrupted::Program {
            context.uc_flags |= scope::suspend() << SCOPE_SHIFT;
        }
    }
    Some(moved)
}

/// Bits of `uc_flags` that the kernel does not use. They hold the runtime scopes that a fault interrupted.
const SCOPE_SHIFT: u32 = 32;

/// Runs at the end of a moved handler: notes what the program left in the frame, and puts our values there.
extern "C" fn end_handler(context: &mut ucontext_t) {
    let suspended = context.uc_flags >> SCOPE_SHIFT;
    if suspended != 0 {
        scope::resume(suspended);
        context.uc_flags &= (1 << SCOPE_SHIFT) - 1;
    }
    // The kernel does this before it restores the stack pointer (since 6.12).
    let sp = core::ptr::from_ref(context) as usize;
    altstack::program().bring_back(context.uc_stack, sp);
    if let Some(own) = altstack::own_as_shown() {
        context.uc_stack = own;
    }
    let mask = kernel_mask(context_mask(context));
    set_context_mask(context, mask);
}

/// Does what the kernel does with a signal that it can't deliver: raises SIGSEGV instead, or kills the process if
/// that can't be delivered either.
fn fail(signal: c_int, info: &mut siginfo_t, context: &mut ucontext_t) {
    let action = exchange_action(libc::SIGSEGV, None);
    let is_blocked = program_mask(context_mask(context)) & signal::bit(libc::SIGSEGV) != 0;
    if is_handler(action.handler) && !is_blocked {
        // SAFETY: a siginfo_t may be all zeros.
        *info = unsafe { core::mem::zeroed() };
        (info.si_signo, info.si_code) = (libc::SIGSEGV, SI_KERNEL);
        call_handler(libc::SIGSEGV, &action, info, context);
    }
    if let Some(runtime) = runtime::get() {
        say_undeliverable(runtime, signal);
    }
    death::die_of(libc::SIGSEGV, false);
}

/// Says why the process is about to die: there is no bad access to report, and the kernel says nothing.
fn say_undeliverable(runtime: &Runtime, signal: c_int) {
    let _scope = RuntimeScope::enter();
    let text = format!(
        "fencepost: signal {signal} can't be delivered: its frame does not fit on the stack for its handler, or \
         that is not writable\n"
    );
    sink::write(runtime, &text);
}
