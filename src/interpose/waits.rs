//! Calls that wait with another mask, or switch to code with another: the kernel gets it without the fault signals,
//! so that a bug in a handler that runs meanwhile is reported.
//!
//! Those of libc's functions are looked at before, and go on as they are unless the mask has fault signals in it.

use super::signals::{fail, get_mask, set_of};
use super::{seccomp, signals};
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

/// The mask at an address, if that can be read.
fn mask_at(address: usize) -> Option<KernelSet> {
    if address == 0 { None } else { probe::load(address).map(|mask| mask as KernelSet) }
}

/// Whether the mask at an address must not go to the kernel as it is.
fn blocks_faults(address: usize) -> bool {
    mask_at(address).is_some_and(|mask| mask & signal::FAULTS != 0)
}

/// Waits by `wait` with the mask at `mask`, but without the fault signals; the program believes them blocked
/// meanwhile.
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

/// sigsuspend(2) under glibc's own name for it, which is not looked at otherwise.
pub extern "C-unwind" fn fencepost_sigsuspend(mask: *const sigset_t) -> c_int {
    suspend(mask)
}

extern "C-unwind" fn suspend(mask: *const sigset_t) -> c_int {
    // SAFETY: the program's call, with a mask that can be read.
    wait_with(mask, set_of, |mask| unsafe { sigsuspend(mask) })
}

extern "C-unwind" fn poll_with(
    fds: *mut c_void,
    count: libc::nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the program's call.
    wait_with(mask, set_of, |mask| unsafe { ppoll(fds, count, timeout, mask) })
}

extern "C-unwind" fn poll_checked_with(
    fds: *mut c_void,
    count: libc::nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
    bytes: usize,
) -> c_int {
    // SAFETY: the program's call.
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
    // SAFETY: the program's call.
    wait_with(mask, set_of, |mask| unsafe {
        pselect(count, reads, writes, exceptions, timeout, mask)
    })
}

/// Has the call go on with `function` if the mask at argument `index` asks for it.
///
/// # Safety
/// It must take the same arguments.
unsafe fn divert_if_blocking(call: &Call<'_>, index: usize, function: *const ()) {
    if blocks_faults(call.arg(index)) {
        // SAFETY: `function` takes the same arguments, as this function demands.
        unsafe { call.divert(function) };
    }
}

/// The check of sigsuspend.
pub unsafe fn before_sigsuspend(call: &Call<'_>) {
    // SAFETY: the function takes the same arguments.
    unsafe { divert_if_blocking(call, 0, suspend as *const ()) };
}

/// That of ppoll.
pub unsafe fn before_ppoll(call: &Call<'_>) {
    // SAFETY: as above.
    unsafe { divert_if_blocking(call, 3, poll_with as *const ()) };
}

/// That of __ppoll_chk.
pub unsafe fn before_ppoll_chk(call: &Call<'_>) {
    // SAFETY: as above.
    unsafe { divert_if_blocking(call, 3, poll_checked_with as *const ()) };
}

/// That of pselect.
pub unsafe fn before_pselect(call: &Call<'_>) {
    polling::selects(call);
    // SAFETY: as above.
    unsafe { divert_if_blocking(call, 5, select_with as *const ()) };
}

/// epoll_pwait.
pub unsafe fn wait_for_events(call: &Call<'_>) -> c_int {
    polling::wait_for_events(call, || {
        let (most, timeout) = (call.int(2), call.int(3));
        // SAFETY: the program's call, with a mask that can be read.
        wait_with(call.ptr::<sigset_t>(4), set_of, |mask| unsafe {
            epoll_pwait(call.int(0), call.ptr(1), most, timeout, mask)
        })
    })
}

/// The check of syscall.
pub unsafe fn before_syscall(call: &Call<'_>) {
    processes::calls_by_number(call);
    // SAFETY: these take the arguments of a system call.
    unsafe {
        call.divert(by_number(call));
        call.divert(seccomp::in_place_of_syscall(&call.saved.integers));
    }
}

/// What the calls of signals by number are done by; null for all others.
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

/// What two of the calls take in place of a mask: its address and its size.
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
    // SAFETY: the program's call, but for the mask.
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

/// Writes what a call by number returns through a pointer, if that is not null.
fn write_out<T>(to: usize, value: &T) -> Result<(), Errno> {
    // SAFETY: the program means it to be written, and what can't be is an error.
    let is_written =
        to == 0 || unsafe { probe::store(to, core::ptr::from_ref(value) as usize, size_of::<T>()) };
    if is_written { Ok(()) } else { Err(Errno(libc::EFAULT)) }
}

fn to_errno_result(result: Result<(), Errno>) -> c_long {
    result.map_or_else(|error| c_long::from(fail(error)), |()| 0)
}

/// Bytes of the kernel's set, which these calls must name.
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
    // SAFETY: the program's call.
    c_long::from(unsafe { signals::fencepost_sigaltstack(new, old) })
}

/// epoll_pwait2(2), which is not looked at otherwise.
///
/// # Safety
/// As epoll_pwait2(2) demands of its caller.
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
    // SAFETY: the function's signature.
    let Some(next) = (unsafe { next::EPOLL_PWAIT2.get::<Function>() }) else {
        return fail(Errno(libc::ENOSYS));
    };
    // SAFETY: the arguments are the program's, as the manual demands of it.
    wait_with(mask, set_of, |mask| unsafe { next(fd, events, most, timeout, mask) })
}

/// sigpause(3) as BSD has it: waits with the mask of the first 32 signals.
pub extern "C-unwind" fn fencepost_sigpause(mask: c_int) -> c_int {
    suspend(&set_of(u64::from(mask as u32)))
}

/// sigpause(3) as X/Open has it: waits with one signal unblocked.
pub extern "C-unwind" fn fencepost_xpg_sigpause(signal: c_int) -> c_int {
    if !(1..=64).contains(&signal) {
        return fail(Errno::EINVAL);
    }
    suspend(&set_of(get_mask() & !signal::bit(signal)))
}

/// glibc's own name for both.
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

/// Takes the fault signals out of the mask of a context that the program has edited, or had from us.
fn open_context(context: *mut ucontext_t) {
    // SAFETY: the program's context; glibc reads it next.
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
    // SAFETY: the program's context, as above.
    if let Some(context) = unsafe { context.as_mut() } {
        open_context(context.uc_link);
    }
    address_of(&next::MAKECONTEXT)
}

/// Index of the stack pointer in a jmp_buf; it is mangled (glibc's sysdeps/x86_64/jmpbuf-offsets.h and
/// sysdeps/unix/sysv/linux/x86_64/pointer_guard.h).
const JB_RSP: usize = 6;
const POINTER_GUARD: usize = 0x30;
const POINTER_ROTATION: u32 = 17;

/// glibc allows a jump to frames further in only from an alternate stack to another; which stack that is it asks
/// the kernel, which has ours.
extern "C" fn before_longjmp_chk(buffer: *const usize, _: c_int, sp: usize) -> usize {
    let program = altstack::program();
    if program.is_in_use(sp) {
        // SAFETY: the program's jmp_buf, and glibc's thread control block.
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

/// Defines functions that call `$before` with their own arguments and rsp as one more in rdx where that is none of
/// theirs, and go on at the address that it returns.
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
