//! Calls that wait with another signal mask, or switch to a context with one. The kernel gets that mask without the
//! fault signals, so that a bug in a handler that runs meanwhile is reported.
//!
//! The check of such a libc function looks at the mask. Unless it has fault signals in it, the call goes on unchanged.

use super::signals::{fail, get_mask, set_of};
use super::{affinity, lengths, mapping_numbers, seccomp, sent_signals, signals};
use crate::checked::entry::Call;
use crate::checked::{polling, processes};
use crate::fault::belief;
use crate::sys::next::{self, Next};
use crate::sys::signal::{self, KernelAction, KernelSet};
use crate::sys::{Errno, altstack, errno, probe, process};
use core::arch::naked_asm;
use core::ffi::{c_int, c_long, c_void};
use libc::{sigset_t, timespec, ucontext_t};

unsafe extern "C-unwind" {
    fn sigsuspend(mask: *const sigset_t) -> c_int;
    fn ppoll(
        fds: *mut c_void,
        count: libc::nfds_t,
        timeout: *const timespec,
        mask: *const sigset_t,
    ) -> c_int;
    fn __ppoll_chk(
        fds: *mut c_void,
        count: libc::nfds_t,
        timeout: *const timespec,
        mask: *const sigset_t,
        bytes: usize,
    ) -> c_int;
    fn pselect(
        count: c_int,
        reads: *mut c_void,
        writes: *mut c_void,
        exceptions: *mut c_void,
        timeout: *const timespec,
        mask: *const sigset_t,
    ) -> c_int;
    fn epoll_pwait(
        fd: c_int,
        events: *mut libc::epoll_event,
        most: c_int,
        timeout: c_int,
        mask: *const sigset_t,
    ) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
}

/// The mask at an address; `None` if it is null or can't be read.
fn mask_at(address: usize) -> Option<KernelSet> {
    if address == 0 { None } else { probe::load(address).map(|mask| mask as KernelSet) }
}

/// Whether the mask at an address blocks fault signals, so that the kernel must not get it unchanged.
fn blocks_faults(address: usize) -> bool {
    mask_at(address).is_some_and(|mask| mask & signal::FAULTS != 0)
}

/// Calls `wait` with the mask at `mask`, but without the fault signals. Meanwhile these count as blocked for the
/// program.
fn wait_with<M: Copy, R>(
    mask: *const M,
    convert: impl FnOnce(KernelSet) -> M,
    wait: impl FnOnce(*const M) -> R,
) -> R {
    match mask_at(mask as usize) {
        Some(wanted) if wanted & signal::FAULTS != 0 => {
            let believed = belief::get_believed();
            let result = wait(&convert(belief::kernel_mask(wanted)));
            let errno = errno::get();
            belief::set_believed(believed);
            errno::set(errno);
            result
        }
        _ => wait(mask),
    }
}

/// `__sigsuspend`, glibc's other name of sigsuspend(2), which is not a checked function.
pub extern "C-unwind" fn fencepost_sigsuspend(mask: *const sigset_t) -> c_int {
    suspend(mask)
}

extern "C-unwind" fn suspend(mask: *const sigset_t) -> c_int {
    // SAFETY: sigsuspend only reads the mask, and refuses one that can't be read.
    wait_with(mask, set_of, |mask| unsafe { sigsuspend(mask) })
}

extern "C-unwind" fn poll_with(
    fds: *mut c_void,
    count: libc::nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the program made this call, and must make the arguments valid. Only the mask is changed, to a valid one.
    wait_with(mask, set_of, |mask| unsafe { ppoll(fds, count, timeout, mask) })
}

extern "C-unwind" fn poll_checked_with(
    fds: *mut c_void,
    count: libc::nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
    bytes: usize,
) -> c_int {
    // SAFETY: the program made this call, and must make the arguments valid. Only the mask is changed, to a valid one.
    wait_with(mask, set_of, |mask| unsafe { __ppoll_chk(fds, count, timeout, mask, bytes) })
}

extern "C-unwind" fn select_with(
    count: c_int,
    reads: *mut c_void,
    writes: *mut c_void,
    exceptions: *mut c_void,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the program made this call, and must make the arguments valid. Only the mask is changed, to a valid one.
    wait_with(mask, set_of, |mask| unsafe {
        pselect(count, reads, writes, exceptions, timeout, mask)
    })
}

/// Has the call go on with `function` if the mask at argument `index` blocks fault signals.
///
/// # Safety
/// `function` must take the same arguments as the call.
unsafe fn divert_if_blocking(call: &Call<'_>, index: usize, function: *const ()) {
    if blocks_faults(call.arg(index)) {
        // SAFETY: the caller promises that `function` takes the same arguments.
        unsafe { call.divert(function) };
    }
}

/// The check of sigsuspend.
pub unsafe fn before_sigsuspend(call: &Call<'_>) {
    // SAFETY: `suspend` takes the same arguments.
    unsafe { divert_if_blocking(call, 0, suspend as *const ()) };
}

/// The check of ppoll.
pub unsafe fn before_ppoll(call: &Call<'_>) {
    // SAFETY: `poll_with` takes the same arguments.
    unsafe { divert_if_blocking(call, 3, poll_with as *const ()) };
}

/// The check of __ppoll_chk.
pub unsafe fn before_ppoll_chk(call: &Call<'_>) {
    // SAFETY: `poll_checked_with` takes the same arguments.
    unsafe { divert_if_blocking(call, 3, poll_checked_with as *const ()) };
}

/// The check of pselect.
pub unsafe fn before_pselect(call: &Call<'_>) {
    polling::selects(call);
    // SAFETY: `select_with` takes the same arguments.
    unsafe { divert_if_blocking(call, 5, select_with as *const ()) };
}

/// Makes a checked call of epoll_pwait.
pub unsafe fn wait_for_events(call: &Call<'_>) -> c_int {
    polling::wait_for_events(call, || {
        let (most, timeout) = (call.int(2), call.int(3));
        // SAFETY: the program made this call, and must make the arguments valid. Only the mask may change.
        wait_with(call.ptr::<sigset_t>(4), set_of, |mask| unsafe {
            epoll_pwait(call.int(0), call.ptr(1), most, timeout, mask)
        })
    })
}

/// The check of syscall.
pub unsafe fn before_syscall(call: &Call<'_>) {
    processes::calls_by_number(call);
    lengths::before_number(call);
    // SAFETY: the functions take the arguments of syscall(2).
    unsafe {
        call.divert(by_number(call));
        call.divert(seccomp::in_place_of_syscall(&call.saved.integers));
        call.divert(affinity::in_place_of_syscall(call.arg(0) as c_long));
        call.divert(mapping_numbers::in_place_of_syscall(call.arg(0) as c_long));
        call.divert(sent_signals::in_place_of_syscall(&call.saved.integers));
    }
}

/// The function that handles a call about signals by its number; null for all other calls.
fn by_number(call: &Call<'_>) -> *const () {
    let waits = || match call.arg(0) as c_long {
        libc::SYS_rt_sigsuspend => blocks_faults(call.arg(1)),
        libc::SYS_ppoll => blocks_faults(call.arg(4)),
        libc::SYS_epoll_pwait | SYS_EPOLL_PWAIT2 | libc::SYS_io_uring_enter => {
            blocks_faults(call.arg(5))
        }
        libc::SYS_pselect6 | SYS_IO_PGETEVENTS => {
            mask_and_size(call.arg(6)).is_some_and(|(mask, _)| blocks_faults(mask))
        }
        _ => false,
    };
    match call.arg(0) as c_long {
        libc::SYS_rt_sigaction => sigaction_by_number as *const (),
        libc::SYS_rt_sigprocmask => sigprocmask_by_number as *const (),
        libc::SYS_sigaltstack => sigaltstack_by_number as *const (),
        _ if waits() => wait_by_number as *const (),
        _ => core::ptr::null(),
    }
}

const SYS_EPOLL_PWAIT2: c_long = 441;
const SYS_IO_PGETEVENTS: c_long = 333;

/// Address and size of a mask, from the structure that two of the calls take.
fn mask_and_size(address: usize) -> Option<(usize, usize)> {
    if address == 0 {
        return None;
    }
    Some((probe::load(address)?, probe::load(address + 8)?))
}

extern "C-unwind" fn wait_by_number(
    number: c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> c_long {
    let id = |mask: KernelSet| mask;
    // SAFETY: the program made this call, and must make the arguments valid. Only the mask is changed, to a valid one.
    unsafe {
        match number {
            libc::SYS_rt_sigsuspend => {
                wait_with(a as *const KernelSet, id, |mask| syscall(number, mask, b))
            }
            libc::SYS_ppoll => {
                wait_with(d as *const KernelSet, id, |mask| syscall(number, a, b, c, mask, e))
            }
            libc::SYS_pselect6 | SYS_IO_PGETEVENTS => match mask_and_size(f) {
                Some((mask, bytes)) => wait_with(mask as *const KernelSet, id, |mask| {
                    let pair = [mask as usize, bytes];
                    syscall(number, a, b, c, d, e, &raw const pair)
                }),
                None => syscall(number, a, b, c, d, e, f),
            },
            _ => wait_with(e as *const KernelSet, id, |mask| syscall(number, a, b, c, d, mask, f)),
        }
    }
}

/// Writes a result of a call by number to address `to`, unless that is null. Fails with EFAULT for a bad address.
fn write_out<T>(to: usize, value: &T) -> Result<(), Errno> {
    // SAFETY: the program wants the result at this address; a bad address is an error.
    let is_written =
        to == 0 || unsafe { probe::store(to, core::ptr::from_ref(value) as usize, size_of::<T>()) };
    if is_written { Ok(()) } else { Err(Errno(libc::EFAULT)) }
}

fn to_errno_result(result: Result<(), Errno>) -> c_long {
    result.map_or_else(|error| c_long::from(fail(error)), |()| 0)
}

/// Size of the kernel's set in bytes, which these calls must pass.
const SET_BYTES: usize = size_of::<KernelSet>();

extern "C-unwind" fn sigprocmask_by_number(
    _: c_long,
    how: c_int,
    set: usize,
    old: usize,
    bytes: usize,
) -> c_long {
    if bytes != SET_BYTES {
        return to_errno_result(Err(Errno::EINVAL));
    }
    let before = get_mask();
    if set != 0 {
        let Some(set) = mask_at(set) else { return to_errno_result(Err(Errno(libc::EFAULT))) };
        let mask = match how {
            libc::SIG_BLOCK => before | set,
            libc::SIG_UNBLOCK => before & !set,
            libc::SIG_SETMASK => set,
            _ => return to_errno_result(Err(Errno::EINVAL)),
        };
        signal::change_mask(libc::SIG_SETMASK, belief::kernel_mask(mask));
    }
    to_errno_result(write_out(old, &before))
}

extern "C-unwind" fn sigaction_by_number(
    _: c_long,
    signal: c_int,
    new: usize,
    old: usize,
    bytes: usize,
) -> c_long {
    if bytes != SET_BYTES {
        return to_errno_result(Err(Errno::EINVAL));
    }
    let word = |index: usize| probe::load(new + 8 * index);
    let read = || {
        let (handler, flags, restorer) = (word(0)?, word(1)?, word(2)?);
        Some(KernelAction { handler, flags: flags as u64, restorer, mask: word(3)? as KernelSet })
    };
    let action = if new == 0 { None } else { read() };
    if new != 0 && action.is_none() {
        return to_errno_result(Err(Errno(libc::EFAULT)));
    }
    to_errno_result(signals::exchange(signal, action).and_then(|before| write_out(old, &before)))
}

extern "C-unwind" fn sigaltstack_by_number(
    _: c_long,
    new: *const libc::stack_t,
    old: *mut libc::stack_t,
) -> c_long {
    // SAFETY: the program made this call, and must make the arguments valid. Only the mask is changed, to a valid one.
    c_long::from(unsafe { signals::fencepost_sigaltstack(new, old) })
}

/// epoll_pwait2(2), which is not a checked function.
///
/// # Safety
/// The arguments must be valid for epoll_pwait2(2).
pub unsafe extern "C-unwind" fn fencepost_epoll_pwait2(
    fd: c_int,
    events: *mut c_void,
    most: c_int,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    type Function = unsafe extern "C-unwind" fn(
        c_int,
        *mut c_void,
        c_int,
        *const timespec,
        *const sigset_t,
    ) -> c_int;
    // SAFETY: `Function` is the function's signature.
    let Some(next) = (unsafe { next::EPOLL_PWAIT2.get::<Function>() }) else {
        return fail(Errno(libc::ENOSYS));
    };
    // SAFETY: the program must make the arguments valid. Only the mask may change, to a valid one.
    wait_with(mask, set_of, |mask| unsafe { next(fd, events, most, timeout, mask) })
}

/// BSD's sigpause(3): waits with a mask of the first 32 signals.
pub extern "C-unwind" fn fencepost_sigpause(mask: c_int) -> c_int {
    suspend(&set_of(u64::from(mask as u32)))
}

/// X/Open's sigpause(3): waits with one signal unblocked.
pub extern "C-unwind" fn fencepost_xpg_sigpause(signal: c_int) -> c_int {
    if !(1..=64).contains(&signal) {
        return fail(Errno::EINVAL);
    }
    suspend(&set_of(get_mask() & !signal::bit(signal)))
}

/// `__sigpause`, by which glibc's header calls either sigpause(3).
pub extern "C-unwind" fn fencepost_either_sigpause(
    signal_or_mask: c_int,
    is_signal: c_int,
) -> c_int {
    if is_signal != 0 {
        fencepost_xpg_sigpause(signal_or_mask)
    } else {
        fencepost_sigpause(signal_or_mask)
    }
}

/// Removes the fault signals from the mask of a context to which the program is about to switch.
fn open_context(context: *mut ucontext_t) {
    // SAFETY: the program must pass null or a valid context, which glibc reads next.
    if let Some(context) = unsafe { context.as_mut() } {
        let mask = belief::context_mask(context);
        if mask & signal::FAULTS != 0 {
            belief::set_context_mask(context, belief::kernel_mask(mask));
        }
    }
}

fn address_of(next: &Next) -> usize {
    crate::checked::entry::resolve(next)
}

extern "C" fn before_setcontext(context: *mut ucontext_t) -> usize {
    open_context(context);
    address_of(&next::SETCONTEXT)
}

extern "C" fn before_swapcontext(_: *mut ucontext_t, context: *mut ucontext_t) -> usize {
    open_context(context);
    address_of(&next::SWAPCONTEXT)
}

extern "C" fn before_makecontext(context: *mut ucontext_t) -> usize {
    // SAFETY: the program must pass null or a valid context, which glibc reads next.
    if let Some(context) = unsafe { context.as_mut() } {
        open_context(context.uc_link);
    }
    address_of(&next::MAKECONTEXT)
}

/// Index of the stack pointer in a jmp_buf, where it is mangled (glibc's sysdeps/x86_64/jmpbuf-offsets.h and
/// sysdeps/unix/sysv/linux/x86_64/pointer_guard.h).
const JB_RSP: usize = 6;
const POINTER_GUARD: usize = 0x30;
const POINTER_ROTATION: u32 = 17;

/// glibc allows a jump to a lower stack pointer only if it leaves the alternate stack. It asks the kernel for that
/// stack, but the kernel has ours. So a jump that leaves the program's alternate stack goes to the unchecked function.
extern "C" fn before_longjmp_chk(buffer: *const usize, _: c_int, sp: usize) -> usize {
    let program = altstack::program();
    if program.is_in_use(sp) {
        // SAFETY: the program must pass a valid jmp_buf; the pointer guard is in glibc's thread control block.
        let target = unsafe {
            let guard = (process::fs_base() as usize + POINTER_GUARD) as *const usize;
            buffer.add(JB_RSP).read().rotate_right(POINTER_ROTATION) ^ guard.read()
        };
        if !program.contains(target) {
            return address_of(&next::SIGLONGJMP);
        }
    }
    address_of(&next::LONGJMP_CHK)
}

/// Defines functions that call `$before` with their own arguments, and go on at the address that it returns. `$third`
/// may set rdx, for instance to the stack pointer.
macro_rules! going_on {
    ($($(#[$meta:meta])* $name:ident: $before:path, $third:literal;)*) => {
        $(
            $(#[$meta])*
            #[unsafe(naked)]
            pub extern "C" fn $name() {
                naked_asm!(
                    "push rdi",
                    "push rsi",
                    "push rdx",
                    "push rcx",
                    "push r8",
                    "push r9",
                    "push rax",
                    $third,
                    "call {before}",
                    "mov r11, rax",
                    "pop rax",
                    "pop r9",
                    "pop r8",
                    "pop rcx",
                    "pop rdx",
                    "pop rsi",
                    "pop rdi",
                    "jmp r11",
                    before = sym $before,
                )
            }
        )*
    };
}

going_on! {
    /// setcontext(3).
    fencepost_setcontext: before_setcontext, "";
    /// swapcontext(3).
    fencepost_swapcontext: before_swapcontext, "";
    /// makecontext(3).
    fencepost_makecontext: before_makecontext, "";
    /// longjmp(3) as programs compiled with _FORTIFY_SOURCE call it.
    fencepost_longjmp_chk: before_longjmp_chk, "lea rdx, [rsp + 64]";
}
