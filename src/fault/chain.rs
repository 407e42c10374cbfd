//! Faults and traps that are not ours: the fate that they would have had without us.

use super::belief::{
    believed_blocked, context_mask, exchange_action, get_believed, is_own_altstack, kernel_mask,
    program_mask, set_believed,
};
use super::crash;
use crate::sys::signal::{self, KernelAction};
use crate::sys::{self, altstack, process, scope};
use crate::trace;
use libc::{c_int, c_void, siginfo_t, ucontext_t};

/// Bytes below a stack pointer that leaf functions may use (System V ABI, 3.2.2).
const RED_ZONE_BYTES: usize = 128;

/// Gives a fault that is not ours the fate it would have had without us.
pub fn chain(
    signal: c_int,
    info: *mut siginfo_t,
    context: &mut ucontext_t,
    code: c_int,
    fault: usize,
) {
    let from_kernel = code > 0;
    let action = exchange_action(signal, None);
    let believed = believed_blocked(context_mask(context));
    let blocked = from_kernel && believed & signal::bit(signal) != 0;
    match action.handler {
        // A signal that somebody sent is ignored; the kernel lets no fault be (sigaction(2)).
        libc::SIG_IGN if !from_kernel => {}
        handler if handler == libc::SIG_DFL || handler == libc::SIG_IGN || blocked => {
            if signal != libc::SIGTRAP {
                crash::report(signal, code, fault, context);
            }
            // A trap comes after its instruction, which will not raise it again.
            die_of(signal, from_kernel && signal != libc::SIGTRAP);
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
    let believed_before = get_believed();
    signal::change_mask(libc::SIG_SETMASK, kernel_mask(mask));
    let sp = context.uc_mcontext.gregs[libc::REG_RSP as usize] as usize;
    let on_own_altstack = altstack::current().is_some_and(|stack| is_own_altstack(&stack));
    // The program has no alternate stack, or did not ask for it: its handler expects to run below
    // the interrupted frame. But Go's runtime asks the kernel itself, and adopts the stack that it finds
    // (minitSignalStack in runtime/signal_unix.go).
    let has_adopted = || trace::module_of(action.handler).is_some_and(|module| module.is_go);
    let wants_altstack = flags & libc::SA_ONSTACK != 0 && (!on_own_altstack || has_adopted());
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
    set_believed(believed_before);
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
