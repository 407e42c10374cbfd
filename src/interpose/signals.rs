//! Signal actions, masks and alternate stacks.
//!
//! The program sees what it set. In the kernel, fault signals keep our handler and are never blocked, and the
//! alternate stacks are ours. Calls that wait with another mask are in `waits.rs`.

use crate::allocator::leaks;
use crate::fault::{belief, delivery};
use crate::sys::next;
use crate::sys::signal::{self, BlockedSignals, KernelAction, KernelSet};
use crate::sys::{Errno, altstack, errno};
use core::ffi::c_int;
use core::sync::atomic::{AtomicU64, Ordering};
use libc::{sighandler_t, sigset_t};

/// The kernel's 64 signals of a set, of which glibc's has 1,024.
fn bits(set: &sigset_t) -> KernelSet {
    // SAFETY: a sigset_t begins with the kernel's 64 bits, and is aligned for them.
    unsafe { *core::ptr::from_ref(set).cast::<KernelSet>() }
}

fn set_bits(set: &mut sigset_t, bits: KernelSet) {
    // SAFETY: a sigset_t begins with the kernel's 64 bits, and is aligned for them.
    unsafe { *core::ptr::from_mut(set).cast::<KernelSet>() = bits }
}

/// glibc's set of these signals.
pub(super) fn set_of(bits: KernelSet) -> sigset_t {
    // SAFETY: a set of integers, for which zero is valid.
    let mut set: sigset_t = unsafe { core::mem::zeroed() };
    set_bits(&mut set, bits);
    set
}

/// Fails as libc's functions do: sets errno and returns -1.
pub(super) fn fail(error: Errno) -> c_int {
    errno::set(error);
    -1
}

/// A flag that libc sets, and shows to a program that asks for the action.
const SA_RESTORER: u64 = 0x0400_0000;

fn to_kernel(action: &libc::sigaction) -> KernelAction {
    KernelAction {
        handler: action.sa_sigaction,
        flags: action.sa_flags as u32 as u64 | SA_RESTORER,
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

/// glibc's own signals (SIGCANCEL, SIGSETXID), which it removes from every mask that it gets.
const RESERVED: KernelSet = signal::bit(32) | signal::bit(33);

/// Whether `signal` is a signal that programs may use.
fn is_signal(signal: c_int) -> bool {
    (1..=64).contains(&signal) && signal::bit(signal) & RESERVED == 0
}

/// Exchanges the program's action for a signal; it is in the kernel, or kept by us for signals that we have taken.
pub(super) fn exchange(signal: c_int, new: Option<KernelAction>) -> Result<KernelAction, Errno> {
    if let Some(before) = leaks::exchange_action(signal, new.as_ref()) {
        return Ok(before);
    }
    if belief::has_taken(signal) && crate::runtime::get().is_some() {
        return Ok(belief::exchange_action(signal, new));
    }
    delivery::exchange(signal, new.as_ref())
}

/// sigaction(2).
///
/// # Safety
/// `new` and `old` must each be null or valid.
pub unsafe extern "C" fn fencepost_sigaction(
    signal: c_int,
    new: *const libc::sigaction,
    old: *mut libc::sigaction,
) -> c_int {
    if !is_signal(signal) {
        return fail(Errno::EINVAL);
    }
    // SAFETY: the program must pass pointers that are null or valid.
    match exchange(signal, unsafe { new.as_ref() }.map(to_kernel)) {
        Ok(before) => {
            // SAFETY: the program must pass pointers that are null or valid.
            if let Some(old) = unsafe { old.as_mut() } {
                *old = from_kernel(&before);
            }
            0
        }
        Err(error) => fail(error),
    }
}

fn set_handler(
    signal: c_int,
    handler: sighandler_t,
    flags: c_int,
    mask: KernelSet,
) -> sighandler_t {
    if handler == libc::SIG_ERR || !is_signal(signal) {
        errno::set(Errno::EINVAL);
        return libc::SIG_ERR;
    }
    let flags = u64::from(flags as u32) | SA_RESTORER;
    match exchange(signal, Some(KernelAction { handler, flags, restorer: 0, mask })) {
        Ok(before) => before.handler,
        Err(error) => {
            errno::set(error);
            libc::SIG_ERR
        }
    }
}

/// Signals that interrupt system calls because of siginterrupt(3).
static INTERRUPTING: AtomicU64 = AtomicU64::new(0);

/// signal(2) with BSD semantics, glibc's default: system calls are restarted, and the handler stays.
pub extern "C" fn fencepost_signal(signal: c_int, handler: sighandler_t) -> sighandler_t {
    let mask = if is_signal(signal) { signal::bit(signal) } else { 0 };
    let interrupts = INTERRUPTING.load(Ordering::Relaxed) & mask != 0;
    set_handler(signal, handler, if interrupts { 0 } else { libc::SA_RESTART }, mask)
}

/// glibc's old flag for "interrupts system calls", which is the kernel's default.
const SA_INTERRUPT: c_int = 0x2000_0000;

/// sysv_signal(3): system calls are not restarted, and the handler is called only once.
pub extern "C" fn fencepost_sysv_signal(signal: c_int, handler: sighandler_t) -> sighandler_t {
    set_handler(signal, handler, libc::SA_RESETHAND | libc::SA_NODEFER | SA_INTERRUPT, 0)
}

/// siginterrupt(3).
pub extern "C" fn fencepost_siginterrupt(signal: c_int, interrupts: c_int) -> c_int {
    if !is_signal(signal) {
        return fail(Errno::EINVAL);
    }
    let (bit, restart) = (signal::bit(signal), libc::SA_RESTART as u64);
    let change = |mut action: KernelAction| {
        if interrupts != 0 {
            INTERRUPTING.fetch_or(bit, Ordering::Relaxed);
            action.flags &= !restart;
        } else {
            INTERRUPTING.fetch_and(!bit, Ordering::Relaxed);
            action.flags |= restart;
        }
        action
    };
    match exchange(signal, None).and_then(|now| exchange(signal, Some(change(now)))) {
        Ok(_) => 0,
        Err(error) => fail(error),
    }
}

/// sigignore(3).
pub extern "C" fn fencepost_sigignore(signal: c_int) -> c_int {
    if set_handler(signal, libc::SIG_IGN, 0, 0) == libc::SIG_ERR { -1 } else { 0 }
}

/// The value of sigset(3) that stands for "blocked".
const SIG_HOLD: sighandler_t = 2;

/// sigset(3).
pub extern "C" fn fencepost_sigset(signal: c_int, handler: sighandler_t) -> sighandler_t {
    let before = if handler == SIG_HOLD && is_signal(signal) {
        exchange(signal, None).map_or(libc::SIG_ERR, |now| now.handler)
    } else {
        set_handler(signal, handler, 0, 0)
    };
    if before == libc::SIG_ERR {
        return libc::SIG_ERR;
    }
    let how = if handler == SIG_HOLD { libc::SIG_BLOCK } else { libc::SIG_UNBLOCK };
    let mask = change_mask(how, signal::bit(signal));
    if mask & signal::bit(signal) != 0 { SIG_HOLD } else { before }
}

/// Changes the program's mask of the calling thread, and returns the one before. `how` must be a valid operation.
fn change_mask(how: c_int, set: KernelSet) -> KernelSet {
    let before = get_mask();
    let mask = match how {
        libc::SIG_BLOCK => before | set,
        libc::SIG_UNBLOCK => before & !set,
        _ => set,
    };
    signal::change_mask(libc::SIG_SETMASK, belief::kernel_mask(mask & !RESERVED));
    before
}

/// The calling thread's mask as the program set it.
pub(super) fn get_mask() -> KernelSet {
    belief::program_mask(signal::change_mask(libc::SIG_BLOCK, 0))
}

/// pthread_sigmask(3): changes the mask and returns 0 or an error number.
///
/// # Safety
/// `set` and `old` must each be null or valid.
pub unsafe extern "C" fn fencepost_pthread_sigmask(
    how: c_int,
    set: *const sigset_t,
    old: *mut sigset_t,
) -> c_int {
    // SAFETY: the program must pass pointers that are null or valid.
    let before = match unsafe { set.as_ref() } {
        None => get_mask(),
        Some(set) if matches!(how, libc::SIG_BLOCK | libc::SIG_UNBLOCK | libc::SIG_SETMASK) => {
            change_mask(how, bits(set))
        }
        Some(_) => return libc::EINVAL,
    };
    // SAFETY: the program must pass pointers that are null or valid.
    if let Some(old) = unsafe { old.as_mut() } {
        *old = set_of(before);
    }
    0
}

/// sigprocmask(2): changes the mask and returns 0, or -1 with errno.
///
/// # Safety
/// `set` and `old` must each be null or valid.
pub unsafe extern "C" fn fencepost_sigprocmask(
    how: c_int,
    set: *const sigset_t,
    old: *mut sigset_t,
) -> c_int {
    // SAFETY: the program must pass pointers that are null or valid.
    match unsafe { fencepost_pthread_sigmask(how, set, old) } {
        0 => 0,
        error => fail(Errno(error)),
    }
}

fn change_one(how: c_int, signal: c_int) -> c_int {
    if !is_signal(signal) {
        return fail(Errno::EINVAL);
    }
    change_mask(how, signal::bit(signal));
    0
}

/// sighold(3).
pub extern "C" fn fencepost_sighold(signal: c_int) -> c_int {
    change_one(libc::SIG_BLOCK, signal)
}

/// sigrelse(3).
pub extern "C" fn fencepost_sigrelse(signal: c_int) -> c_int {
    change_one(libc::SIG_UNBLOCK, signal)
}

/// sigblock(3), for the first 32 signals.
pub extern "C" fn fencepost_sigblock(mask: c_int) -> c_int {
    change_mask(libc::SIG_BLOCK, u64::from(mask as u32)) as c_int
}

/// sigsetmask(3).
pub extern "C" fn fencepost_sigsetmask(mask: c_int) -> c_int {
    change_mask(libc::SIG_SETMASK, u64::from(mask as u32)) as c_int
}

/// siggetmask(3).
pub extern "C" fn fencepost_siggetmask() -> c_int {
    get_mask() as c_int
}

/// sigaltstack(2). The kernel keeps our stack; the program's handlers are moved to the program's stack.
///
/// # Safety
/// The pointers must be null or valid, and the new stack's memory fit for handlers.
pub unsafe extern "C" fn fencepost_sigaltstack(
    new: *const libc::stack_t,
    old: *mut libc::stack_t,
) -> c_int {
    let here = 0u8;
    let sp = &raw const here as usize;
    // The kernel must act if the thread has no stack of ours, or runs on it.
    let is_kernels = altstack::own().is_none_or(|own| own.contains(&sp));
    if is_kernels {
        type SigaltstackFn =
            unsafe extern "C" fn(*const libc::stack_t, *mut libc::stack_t) -> c_int;
        // SAFETY: the type is sigaltstack's signature. The program must pass pointers that are null or valid.
        return unsafe {
            next::SIGALTSTACK
                .get::<SigaltstackFn>()
                .map_or_else(|| fail(Errno(libc::ENOSYS)), |next| next(new, old))
        };
    }
    let program = altstack::program();
    if !new.is_null() {
        if program.is_in_use(sp) {
            return fail(Errno(libc::EPERM));
        }
        let _blocked = BlockedSignals::block();
        // SAFETY: the program must pass pointers that are null or valid.
        if let Err(error) = unsafe { altstack::set_program(new) } {
            return fail(error);
        }
    }
    // SAFETY: the program must pass pointers that are null or valid.
    if let Some(old) = unsafe { old.as_mut() } {
        *old = program.as_shown(sp);
    }
    0
}
