//! Work that can be given up in its midst, wherever it is: it crashes, hangs, or finds no memory.
//!
//! Of the work given up no destructor runs. So it must own nothing that others need: its memory is thrown away with
//! it, and it holds no lock. One thread makes attempts at a time, the one that reports; they may be nested.
//!
//! What hangs is interrupted by a timer, the [`Watchdog`]. It sends a signal that is ours anyway, so the program's timers
//! and handlers are left alone, and no thread is needed. It interrupts a wait for a lock or a pipe and any loop, but no
//! wait of the kernel's that only the end of the process can interrupt (a file on a dead network drive).

use super::signal::{self, KernelSet};
use super::{process, syscall};
use core::arch::naked_asm;
use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use libc::{c_int, siginfo_t, ucontext_t};

/// Work for an assembler routine to call, a closure as a C function and its argument; called once, by way of
/// [`Work::function`]. And its result.
pub struct Work<F, R> {
    work: Option<F>,
    result: Option<R>,
}

impl<F: FnOnce() -> R, R> Work<F, R> {
    pub fn new(work: F) -> Self {
        Work { work: Some(work), result: None }
    }

    /// What is to be called, with the address of this value. It does not unwind: a panic ends the process there.
    pub fn function(&self) -> extern "C" fn(*mut c_void) {
        extern "C" fn run<F: FnOnce() -> R, R>(argument: *mut c_void) {
            // SAFETY: whoever calls `function` passes the value that it came from, which waits for this to return.
            let Work { work, result } = unsafe { &mut *argument.cast::<Work<F, R>>() };
            *result = work.take().map(|work| work());
        }
        run::<F, R>
    }

    /// What the closure returned; `None` if it was not called, or not to its end.
    pub fn into_result(self) -> Option<R> {
        self.result
    }
}

/// Stack pointer in [`enter`] of the innermost attempt, or 0.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// Calls `function(argument)`, and returns 0; or 1 from where an attempt is given up. Stores the stack pointer.
#[unsafe(naked)]
unsafe extern "C" fn enter(
    function: extern "C" fn(*mut c_void),
    argument: *mut c_void,
    stack_pointer: *const AtomicUsize,
) -> usize {
    // The System V ABI leaves these six registers to the callee's caller.
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "mov [rdx], rsp",
        "mov rax, rdi",
        "mov rdi, rsi",
        "call rax",
        "xor eax, eax",
        "jmp 2f",
        ".globl fencepost_given_up",
        ".hidden fencepost_given_up",
        "fencepost_given_up:",
        "cld",
        "mov eax, 1",
        "2:",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

unsafe extern "C" {
    /// Where [`enter`] goes on after work that was given up; a label, no function.
    safe fn fencepost_given_up();
}

/// Makes an attempt at `work`. `None` if it was given up.
///
/// # Safety
/// Nobody else may make an attempt meanwhile. Whatever `work` holds when it is given up, as locks and memory, must be
/// no loss, and what it was changing must not be used any more.
pub unsafe fn attempt<R>(work: impl FnOnce() -> R) -> Option<R> {
    let outer = UNDER_WAY.load(Ordering::Relaxed);
    let mut work = Work::new(work);
    // SAFETY: the function takes this argument, and does not unwind, being `extern "C"`.
    let given_up = unsafe { enter(work.function(), (&raw mut work).cast(), &raw const UNDER_WAY) };
    UNDER_WAY.store(outer, Ordering::Relaxed);
    if given_up == 0 { work.into_result() } else { None }
}

/// Whether there is an attempt to give up.
pub fn is_under_way() -> bool {
    UNDER_WAY.load(Ordering::Relaxed) != 0
}

/// In a copy of the process: no attempt of the original's is under way here.
pub fn forget() {
    UNDER_WAY.store(0, Ordering::Relaxed);
}

/// Has the code that a handler has interrupted go on behind the innermost attempt, when the handler returns. It must be
/// that of the thread that makes the attempt.
pub fn give_up_in(context: &mut ucontext_t) {
    let registers = &mut context.uc_mcontext.gregs;
    registers[libc::REG_RSP as usize] = UNDER_WAY.load(Ordering::Relaxed) as i64;
    registers[libc::REG_RIP as usize] = fencepost_given_up as *const () as i64;
}

/// Gives up the innermost attempt, in the midst of which the calling thread is.
pub fn give_up() -> ! {
    let stack_pointer = UNDER_WAY.load(Ordering::Relaxed);
    // SAFETY: the frame of `enter` is further out on this stack, and has the layout that the label expects.
    unsafe {
        core::arch::asm!(
            "mov rsp, {stack_pointer}",
            "jmp {given_up}",
            stack_pointer = in(reg) stack_pointer,
            given_up = in(reg) fencepost_given_up as *const () as usize,
            options(noreturn),
        )
    }
}

/// A fault signal: it is never blocked in the thread that reports.
const SIGNAL: c_int = libc::SIGBUS;

/// What tells the timer's signals from others.
static MARK: AtomicBool = AtomicBool::new(false);

/// A timer that is set. Its signal is of no account once this is dropped.
pub struct Watchdog {
    timer: c_int,
    mask: KernelSet,
}

impl Watchdog {
    /// Interrupts the calling thread after `seconds`. `None` where the kernel or a filter does not allow it.
    pub fn set(seconds: i64) -> Option<Watchdog> {
        // SAFETY: zeros are a valid sigevent.
        let mut event: libc::sigevent = unsafe { core::mem::zeroed() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = SIGNAL;
        event.sigev_notify_thread_id = process::tid() as c_int;
        event.sigev_value.sival_ptr = (&raw const MARK).cast_mut().cast();
        let mut timer: c_int = 0;
        let clock = libc::CLOCK_MONOTONIC as usize;
        let args = [clock, &raw const event as usize, &raw mut timer as usize, 0, 0, 0];
        // SAFETY: the kernel reads the event and writes the timer's number.
        unsafe { syscall(libc::SYS_timer_create, args) }.ok()?;
        let mask = signal::change_mask(libc::SIG_UNBLOCK, signal::bit(SIGNAL));
        let watchdog = Watchdog { timer, mask };
        MARK.store(true, Ordering::Relaxed);
        let once = libc::itimerspec {
            it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: libc::timespec { tv_sec: seconds, tv_nsec: 0 },
        };
        // SAFETY: the kernel reads `once`.
        let set = unsafe {
            syscall(libc::SYS_timer_settime, [timer as usize, 0, &raw const once as usize, 0, 0, 0])
        };
        set.ok().map(|_| watchdog)
    }

    /// Whether a signal is the timer's. One that comes late says nothing.
    pub fn is_sender(info: &siginfo_t) -> bool {
        // SAFETY: of a timer's signal the value is set.
        info.si_code == libc::SI_TIMER
            && unsafe { info.si_value() }.sival_ptr == (&raw const MARK).cast_mut().cast()
    }

    /// Whether a timer is set.
    pub fn is_set() -> bool {
        MARK.load(Ordering::Relaxed)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        MARK.store(false, Ordering::Relaxed);
        // SAFETY: the timer is ours.
        let _ = unsafe { syscall(libc::SYS_timer_delete, [self.timer as usize, 0, 0, 0, 0, 0]) };
        signal::change_mask(libc::SIG_SETMASK, self.mask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_or_given_up_at_any_depth() {
        fn give_up_below(depth: usize) -> usize {
            if depth == 0 { give_up() } else { give_up_below(depth - 1) + 1 }
        }
        // SAFETY: no other test of this process makes attempts, and nothing is held here.
        unsafe {
            assert_eq!(attempt(|| 7), Some(7));
            let outer = attempt(|| {
                assert_eq!(attempt(|| give_up_below(9)), None);
                assert!(is_under_way());
                8
            });
            assert_eq!(outer, Some(8));
            assert!(!is_under_way());
        }
    }
}
