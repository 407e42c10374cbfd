//! How a signal reaches the program's handler where the kernel can't do that alone.
//!
//! The kernel's alternate stack is ours in every thread. So for a handler that asks for the program's, the kernel
//! is given [`on_signal`]: that moves the frame to where the kernel would have put it without us, and enters the
//! handler there. Ours is empty again by then, and free for a fault in the handler. Other handlers the kernel
//! calls itself; only what they return to is ours.

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

/// The kernel knows so many signals.
const SIGNALS: usize = 64;

/// `si_code` of a SIGSEGV that the kernel raises for other reasons than an access (sigaction(2)).
const SI_KERNEL: c_int = 0x80;

/// How often an action that changes is read again.
const MOST_TRIES: u32 = 1 << 16;

/// What the program asked for when it last set a handler for a signal, and which one the kernel got.
struct WantedAction {
    /// Odd while it changes.
    version: AtomicU32,
    handler: AtomicUsize,
    flags: AtomicU64,
    mask: AtomicU64,
    kernels: AtomicUsize,
}

/// By signal; written under the lock of the program's actions, read without it.
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
            // A thread that changes it has signals blocked. In the child of a raw clone there may be none.
            if tries > MOST_TRIES
                || before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before
            {
                return action;
            }
            core::hint::spin_loop();
        }
    }
}

/// Has [`end_handler`] called at the end of each handler whose frame was moved. To be called before the first handler
/// is set.
pub fn install() {
    signal_frame::on_end(end_handler);
}

const ONCE: u64 = libc::SA_RESETHAND as u32 as u64;

/// Exchanges the program's action for a signal that we have not taken.
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
        // The handler was for one signal, which has come.
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
        // SAFETY: the program's own handler, or one of ours, which are sound at any instruction.
        unsafe { signal::set_action(signal, &kernels) }?;
    }
    Ok(remembered)
}

fn is_handler(handler: usize) -> bool {
    handler != libc::SIG_DFL && handler != libc::SIG_IGN
}

/// What the kernel gets where the program asks for `wanted`.
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

/// Whether a handler expects to be on the stack that the kernel has: Go's runtime asks the kernel itself, and
/// adopts the stack that it finds (minitSignalStack in runtime/signal_unix.go).
fn keeps_kernels_stack(handler: usize) -> bool {
    trace::module_of(handler).is_some_and(|module| module.is_go)
}

/// Stands in the kernel for the program's handlers that ask for the alternate stack.
extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let action = WANTED[signal as usize].get();
    // SAFETY: the kernel passes valid pointers to an SA_SIGINFO handler, and to others too.
    let (info, context) = unsafe { (&mut *info, &mut *context.cast::<ucontext_t>()) };
    let NoRoom = deliver(signal, &action, info, context, Interrupted::Anything);
    fail(signal, info, context);
}

/// Calls the program's handler for a signal that we have taken. Returns only if there is no room for that, and then
/// the process is to die of the signal.
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
    /// The program, by an instruction of its own, whatever the runtime is at around it.
    Program,
    /// The program or the runtime.
    Anything,
}

/// There is no room for the frame where it is to go.
struct NoRoom;

/// Enters the program's handler as the kernel would: with its mask, on the stack it asked for, which is where the
/// frame of the kernel's is moved. Returns only if there is no room for it.
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
    // The frame lies where the kernel would have put it without us. Or the kernel has an alternate stack from the
    // program, which asked for it by a system call that we did not see.
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
    // SAFETY: all that this stack holds is plain data, and what was needed is copied.
    unsafe { frame.enter(action.handler, signal, mask) }
}

/// Moves the frame to the program's alternate stack or below the interrupted code.
fn move_frame(
    frame: SignalFrame,
    on_stack: bool,
    mask: KernelSet,
    interrupted: Interrupted,
) -> Option<SignalFrame> {
    let program = altstack::program();
    let below = frame.below_interrupted();
    let entered = if on_stack { program.top_for(below) } else { None };
    // The kernel checks too that a handler which is on the alternate stack already has room there.
    let is_checked = entered.is_some() || program.is_in_use(frame.interrupted_sp());
    let is_ours = altstack::own().is_some_and(|own| own.contains(&frame.start()));
    let ending = if is_ours { Ending::Told } else { Ending::Plain };
    let is_good = |start| !is_checked || program.contains(start);
    // SAFETY: the stack below what is in use is free, as it is for the kernel.
    let moved = unsafe { frame.copy_below(entered.unwrap_or(below), ending, is_good) }?;
    // SAFETY: nobody else knows of it.
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

/// Bits of `uc_flags` that the kernel does not use: scopes of the runtime that a fault interrupted.
const SCOPE_SHIFT: u32 = 32;

/// At the end of a moved handler: notes what the kernel would have read from the frame, and puts our own there.
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

/// What the kernel does with a signal that it can't deliver: it raises SIGSEGV instead, and kills the process if it
/// can't deliver that either.
fn fail(signal: c_int, info: &mut siginfo_t, context: &mut ucontext_t) {
    let action = exchange_action(libc::SIGSEGV, None);
    let is_blocked = program_mask(context_mask(context)) & signal::bit(libc::SIGSEGV) != 0;
    if is_handler(action.handler) && !is_blocked {
        // SAFETY: zeros are valid for a siginfo_t.
        *info = unsafe { core::mem::zeroed() };
        (info.si_signo, info.si_code) = (libc::SIGSEGV, SI_KERNEL);
        call_handler(libc::SIGSEGV, &action, info, context);
    }
    if let Some(runtime) = runtime::get() {
        say_undeliverable(runtime, signal);
    }
    death::die_of(libc::SIGSEGV, false);
}

/// Says why the process is about to die: there is no bad access to be found, and the kernel says nothing.
fn say_undeliverable(runtime: &Runtime, signal: c_int) {
    let _scope = RuntimeScope::enter();
    let text = format!(
        "fencepost: signal {signal} can't be delivered: its frame does not fit on the stack for its handler, or \
         that is not writable\n"
    );
    sink::write(runtime, &text);
}
