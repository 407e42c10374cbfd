//! Signal dispositions and masks.
//!
//! The program sees what it set; the kernel keeps our handler for the fault signals and never
//! blocks them. All other signals pass through, but for the fault signals in their masks: a handler
//! that blocked them could not be reported from.

use crate::fault::{FAULT_SET, belief, crash};
use crate::sys::errno;
use crate::sys::next;
use crate::sys::signal::{self, KernelAction, KernelSet};
use core::ffi::c_int;
use libc::{sighandler_t, sigset_t};

type SigactionFn =
    unsafe extern "C" fn(c_int, *const libc::sigaction, *mut libc::sigaction) -> c_int;

/// The 64 signals that the kernel knows, of glibc's 1,024.
fn bits(set: &sigset_t) -> KernelSet {
    // SAFETY: a sigset_t begins with the kernel's 64 bits, and is aligned for them.
    unsafe { *core::ptr::from_ref(set).cast::<KernelSet>() }
}

fn set_bits(set: &mut sigset_t, bits: KernelSet) {
    // SAFETY: as above.
    unsafe { *core::ptr::from_mut(set).cast::<KernelSet>() = bits }
}

/// libc sets this flag, and shows it to whoever asks for the action afterwards.
const SA_RESTORER: u64 = 0x0400_0000;

fn to_kernel(action: &libc::sigaction) -> KernelAction {
    KernelAction {
        handler: action.sa_sigaction,
        flags: action.sa_flags as u64 | SA_RESTORER,
        restorer: 0,
        mask: bits(&action.sa_mask),
    }
}

fn from_kernel(action: &KernelAction) -> libc::sigaction {
    // SAFETY: a structure of integers and an optional function pointer, for which zero is valid.
    let mut converted: libc::sigaction = unsafe { core::mem::zeroed() };
    converted.sa_sigaction = action.handler;
    converted.sa_flags = action.flags as c_int;
    set_bits(&mut converted.sa_mask, action.mask);
    converted
}

/// sigaction(2).
///
/// # Safety
/// `new` and `old` must each be null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fencepost_sigaction(
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    if belief::has_taken(signal) && crate::runtime::get().is_some() {
        // SAFETY: the caller's promise.
        unsafe {
            let before = belief::exchange_action(signal, new.as_ref().map(to_kernel));
            if let Some(old) = old.as_mut() {
                *old = from_kernel(&before);
            }
        }
        return 0;
    }
    // SAFETY: sigaction's signature; the caller's promise for both pointers.
    unsafe {
        let Some(next) = next::SIGACTION.get::<SigactionFn>() else {
            errno::set(crate::sys::Errno::EINVAL);
            return -1;
        };
        let remembered = crash::remembered(signal);
        let passed = new.as_ref().map(|new| {
            let mut passed = *new;
            set_bits(&mut passed.sa_mask, bits(&new.sa_mask) & !FAULT_SET);
            crash::in_place_of(signal, &to_kernel(&passed))
                .map_or(passed, |ours| from_kernel(&ours))
        });
        let passed = passed.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
        let mut found: libc::sigaction = core::mem::zeroed();
        let result = next(signal, passed, &raw mut found);
        if result == 0
            && let Some(old) = old.as_mut()
        {
            *old = match remembered {
                Some(before) if crash::is_ours(found.sa_sigaction) => from_kernel(&before),
                _ => found,
            };
        }
        result
    }
}

fn set_handler(signal: c_int, handler: sighandler_t, flags: c_int) -> sighandler_t {
    // SAFETY: zero is valid; both pointers below are to valid structures.
    unsafe {
        let mut new: libc::sigaction = core::mem::zeroed();
        new.sa_sigaction = handler;
        new.sa_flags = flags;
        let mut old: libc::sigaction = core::mem::zeroed();
        if fencepost_sigaction(signal, &raw const new, &raw mut old) == 0 {
            old.sa_sigaction
        } else {
            libc::SIG_ERR
        }
    }
}

/// signal(2) with BSD semantics, glibc's default: restarting, the handler stays.
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_signal(signal: c_int, handler: sighandler_t) -> sighandler_t {
    set_handler(signal, handler, libc::SA_RESTART)
}

/// sysv_signal(3): not restarting, and the handler serves once.
#[unsafe(no_mangle)]
pub extern "C" fn fencepost_sysv_signal(signal: c_int, handler: sighandler_t) -> sighandler_t {
    set_handler(signal, handler, libc::SA_RESETHAND | libc::SA_NODEFER)
}

/// Signals of glibc's own (SIGCANCEL, SIGSETXID), which it takes out of every mask that it is given.
const RESERVED: KernelSet = signal::bit(32) | signal::bit(33);

/// Changes the mask and answers an error number, as pthread_sigmask(3).
///
/// # Safety
/// `set` and `old` must each be null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fencepost_pthread_sigmask(
    how: c_int,
    set: *const sigset_t,
    old: *mut sigset_t,
) -> c_int {
    let before = belief::program_mask(signal::change_mask(libc::SIG_BLOCK, 0));
    // SAFETY: the caller's promise.
    if let Some(set) = unsafe { set.as_ref() } {
        let mask = match how {
            libc::SIG_BLOCK => before | bits(set),
            libc::SIG_UNBLOCK => before & !bits(set),
            libc::SIG_SETMASK => bits(set),
            _ => return libc::EINVAL,
        };
        signal::change_mask(libc::SIG_SETMASK, belief::kernel_mask(mask & !RESERVED));
    }
    // SAFETY: the caller's promise.
    if let Some(old) = unsafe { old.as_mut() } {
        // SAFETY: a set of integers, for which zero is valid.
        *old = unsafe { core::mem::zeroed() };
        set_bits(old, before);
    }
    0
}

/// sigprocmask(2): the same, with errno.
///
/// # Safety
/// As [`fencepost_pthread_sigmask`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fencepost_sigprocmask(
    how: c_int,
    set: *const sigset_t,
    old: *mut sigset_t,
) -> c_int {
    // SAFETY: the caller's promise.
    match unsafe { fencepost_pthread_sigmask(how, set, old) } {
        0 => 0,
        error => {
            errno::set(crate::sys::Errno(error));
            -1
        }
    }
}

/// sigaltstack(2). A stack that we gave the thread is not shown, and comes back when the program
/// takes its own away.
///
/// # Safety
/// As sigaltstack(2) demands of its caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fencepost_sigaltstack(
    new: *const libc::stack_t,
    old: *mut libc::stack_t,
) -> c_int {
    // SAFETY: sigaltstack's signature; the caller's promise for both pointers.
    unsafe {
        type SigaltstackFn =
            unsafe extern "C" fn(*const libc::stack_t, *mut libc::stack_t) -> c_int;
        let Some(next) = next::SIGALTSTACK.get::<SigaltstackFn>() else { return -1 };
        let result = next(new, old);
        if result == 0
            && let Some(old) = old.as_mut()
            && belief::is_own_altstack(old)
        {
            *old = libc::stack_t {
                ss_sp: core::ptr::null_mut(),
                ss_flags: libc::SS_DISABLE,
                ss_size: 0,
            };
        }
        if result == 0 && new.as_ref().is_some_and(|new| new.ss_flags & libc::SS_DISABLE != 0) {
            belief::reinstall_altstack();
        }
        result
    }
}
