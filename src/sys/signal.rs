//! Signal actions and masks, by plain system calls.

use super::per_thread::per_thread;
use super::{Errno, syscall};
use core::arch::global_asm;
use core::cell::Cell;
use libc::c_int;

/// The kernel's signal set: bit `n - 1` is signal `n`.
pub type KernelSet = u64;

/// The set with only `signal` in it.
pub const fn bit(signal: c_int) -> KernelSet {
    1 << (signal - 1)
}

/// Signals that an instruction raises. Blocking them would turn a fault into a silent death.
pub const SYNCHRONOUS: KernelSet = bit(libc::SIGSEGV)
    | bit(libc::SIGBUS)
    | bit(libc::SIGILL)
    | bit(libc::SIGFPE)
    | bit(libc::SIGTRAP);

/// Signals that a guarded page raises. No thread has them blocked in the kernel.
pub const FAULT_SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// The set of [`FAULT_SIGNALS`].
pub const FAULTS: KernelSet = bit(libc::SIGSEGV) | bit(libc::SIGBUS);

/// This signal in the kernel's mask means: the program has blocked fault signals here. A bit of the
/// mask, unlike a variable, is saved by sigsetjmp and restored by siglongjmp. Linux never sends
/// SIGSTKFLT.
pub const MARKER: KernelSet = bit(libc::SIGSTKFLT);

/// `struct sigaction` of the x86_64 kernel (glibc's has another order).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct KernelAction {
    pub handler: usize,
    pub flags: u64,
    pub restorer: usize,
    pub mask: KernelSet,
}

impl KernelAction {
    pub const DEFAULT: KernelAction =
        KernelAction { handler: libc::SIG_DFL, flags: 0, restorer: 0, mask: 0 };
}

const SA_RESTORER: u64 = 0x0400_0000;
const SET_BYTES: usize = size_of::<KernelSet>();

// Returns from a signal handler. Debuggers and unwinders know a signal frame by exactly these bytes, and gdb
// by the name too. As for any return address, they look for an unwind table of the byte before: there must be
// none, so padding comes first.
global_asm!(
    ".pushsection .text.__restore_rt,\"ax\",@progbits",
    ".balign 16",
    ".fill 16, 1, 0x90",
    ".globl __restore_rt",
    ".hidden __restore_rt",
    ".type __restore_rt, @function",
    "__restore_rt:",
    "mov rax, 15",
    "syscall",
    ".size __restore_rt, . - __restore_rt",
    ".popsection",
);

unsafe extern "C" {
    #[link_name = "__restore_rt"]
    fn restore();
}

/// Sets the kernel's action for `signal` and returns the one before.
///
/// # Safety
/// A handler in `action` must be safe to run at any instruction of the program.
pub unsafe fn set_action(signal: c_int, action: &KernelAction) -> Result<KernelAction, Errno> {
    let mut new = *action;
    new.flags |= SA_RESTORER;
    if new.restorer == 0 {
        new.restorer = restore as *const () as usize;
    }
    let mut old = KernelAction::DEFAULT;
    let args = [signal as usize, &raw const new as usize, &raw mut old as usize, SET_BYTES, 0, 0];
    // SAFETY: both structures are valid and have the kernel's layout. The caller promises that the
    // handler may run at any instruction.
    unsafe { syscall(libc::SYS_rt_sigaction, args) }?;
    Ok(old)
}

/// The kernel's action for `signal`.
pub fn action(signal: c_int) -> Result<KernelAction, Errno> {
    let mut now = KernelAction::DEFAULT;
    let args = [signal as usize, 0, &raw mut now as usize, SET_BYTES, 0, 0];
    // SAFETY: the kernel fills `now`, which has its layout.
    unsafe { syscall(libc::SYS_rt_sigaction, args) }.map(|_| now)
}

/// Gives `signal` its default action; false where a seccomp filter forbids that.
pub fn set_default(signal: c_int) -> bool {
    // SAFETY: no handler is installed.
    unsafe { set_action(signal, &KernelAction::DEFAULT) }.is_ok()
}

/// Changes the calling thread's mask (`how` as in sigprocmask(2)) and returns the one before.
pub fn change_mask(how: c_int, set: KernelSet) -> KernelSet {
    let mut old: KernelSet = 0;
    let args = [how as usize, &raw const set as usize, &raw mut old as usize, SET_BYTES, 0, 0];
    // SAFETY: both sets are valid. The call fails only for a bad `how`.
    let _ = unsafe { syscall(libc::SYS_rt_sigprocmask, args) };
    old
}

/// The signals that are pending for the calling thread or for the process.
pub fn pending() -> KernelSet {
    let mut set: KernelSet = 0;
    // SAFETY: the kernel fills `set`.
    let _ =
        unsafe { syscall(libc::SYS_rt_sigpending, [&raw mut set as usize, SET_BYTES, 0, 0, 0, 0]) };
    set
}

/// Discards one pending signal of `set`, all of which must be blocked.
pub fn take_pending(set: KernelSet) {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let args = [&raw const set as usize, 0, &raw const now as usize, SET_BYTES, 0, 0];
    // SAFETY: the kernel reads `set` and `now`, and writes nothing.
    let _ = unsafe { syscall(libc::SYS_rt_sigtimedwait, args) };
}

/// Sends `signal` to the calling thread, with `info` for its handler.
///
/// # Safety
/// `info` must be one that the kernel passed to a handler.
pub unsafe fn send_to_self(signal: c_int, info: &mut libc::siginfo_t) {
    let (pid, tid) = (super::process::pid() as usize, super::process::tid() as usize);
    let args = [pid, tid, signal as usize, core::ptr::from_mut(info) as usize, 0, 0];
    // SAFETY: the kernel reads `info`.
    let sent = unsafe { syscall(libc::SYS_rt_tgsigqueueinfo, args) };
    // Only the first thread may send any (rt_tgsigqueueinfo(2)); of others the kernel says itself that it was tgkill.
    if sent.is_err() {
        // SAFETY: tgkill touches no memory.
        let _ = unsafe { syscall(libc::SYS_tgkill, [pid, tid, signal as usize, 0, 0, 0]) };
    }
}

per_thread! {
    /// Whether a living [`BlockedSignals`] of the thread has blocked all but the synchronous signals.
    unsafe static BLOCKED: Cell<bool>, "fencepost_signals_blocked"
}

/// Blocks all but the synchronous signals in this thread until dropped. Inside another one it costs
/// nothing, because a report takes a lock at each of 100,000 allocations.
pub struct BlockedSignals(AtEnd);

/// What dropping a [`BlockedSignals`] does.
enum AtEnd {
    /// Nothing: an outer one keeps the signals blocked.
    Nothing,
    /// Only notes the end: the signals stay blocked for another reason.
    Forget,
    Restore(KernelSet),
    /// Restores the mask; [`BLOCKED`] was not changed.
    Unmask(KernelSet),
}

impl BlockedSignals {
    pub fn block() -> BlockedSignals {
        if BLOCKED.with(Cell::get) {
            return BlockedSignals(AtEnd::Nothing);
        }
        let before = change_mask(libc::SIG_BLOCK, !SYNCHRONOUS);
        BLOCKED.with(|blocked| blocked.set(true));
        BlockedSignals(AtEnd::Restore(before))
    }

    /// Notes that the kernel has blocked the signals: for a handler whose mask does so.
    pub fn in_handler() -> BlockedSignals {
        let was = BLOCKED.with(|blocked| blocked.replace(true));
        BlockedSignals(if was { AtEnd::Nothing } else { AtEnd::Forget })
    }

    /// Blocks SIGTRAP as well, which a process may send while code of ours runs that its handler must not interrupt. What
    /// is blocked otherwise stays so.
    pub fn block_trap() -> BlockedSignals {
        BlockedSignals(AtEnd::Unmask(change_mask(libc::SIG_BLOCK, bit(libc::SIGTRAP))))
    }

    /// Blocks the synchronous signals as well, for a few instructions that can't fault, but must not
    /// be interrupted by a SIGSEGV that another thread or process sends.
    pub fn block_all() -> BlockedSignals {
        BlockedSignals(AtEnd::Unmask(change_mask(libc::SIG_BLOCK, !0)))
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        match self.0 {
            AtEnd::Nothing => {}
            AtEnd::Forget => BLOCKED.with(|blocked| blocked.set(false)),
            // libc's own threads have fault signals blocked until we first see them.
            AtEnd::Restore(before) => {
                BLOCKED.with(|blocked| blocked.set(false));
                change_mask(libc::SIG_SETMASK, before & !FAULTS);
            }
            AtEnd::Unmask(before) => {
                change_mask(libc::SIG_SETMASK, before & !FAULTS);
            }
        }
    }
}
