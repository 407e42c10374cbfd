//! Work that can be given up at any point: when it crashes, hangs, or finds no memory.
//!
//! No destructor of work that is given up runs. So the work must own nothing that others need: it holds no lock, and
//! its memory is thrown away. Only one thread makes attempts at a time, the reporter; its attempts may be nested.
//!
//! A timer, the [`Watchdog`], interrupts work that hangs. Its signal is one that we handle anyway, so the program's
//! timers and handlers are left alone, and no thread is needed. It interrupts any loop, and a wait for a lock or a
//! pipe; not a wait in the kernel that only the end of the process interrupts (a file on a dead network drive).

use super::per_thread::per_thread;
use super::signal::{self, KernelSet};
use super::{process, syscall};
use core::arch::naked_asm;
use core::ffi::c_void;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use libc::{c_int, siginfo_t, ucontext_t};

/// A closure that an assembler routine calls once, as the C function [`Work::function`]; and the closure's result.
pub struct Work<F, R> {
    work: Option<F>,
    result: Option<R>,
}

impl<F: FnOnce() -> R, R> Work<F, R> {
    pub fn new(work: F) -> Self {
        Work { work: Some(work), result: None }
    }

    /// The function to call, with the address of this value. It does not unwind: a panic in it ends the process.
    pub fn function(&self) -> extern "C" fn(*mut c_void) {
        extern "C" fn run<F: FnOnce() -> R, R>(argument: *mut c_void) {
            // SAFETY: whoever calls `function` passes the value that it came from, and keeps it until this returns.
            let Work { work, result } = unsafe { &mut *argument.cast::<Work<F, R>>() };
            *result = work.take().map(|work| work());
        }
        run::<F, R>
    }

    /// What the closure returned; `None` if it did not run to its end.
    pub fn into_result(self) -> Option<R> {
        self.result
    }
}

/// Stack pointer in [`enter`] of the innermost attempt, or 0.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// Stores the stack pointer, calls `function(argument)`, and returns 0, or 1 if the attempt was given up.
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
    /// The label at which [`enter`] goes on after work that was given up.
    safe fn fencepost_given_up();
}

/// Makes an attempt at `work`. `None` if it was given up.
///
/// # Safety
/// Nobody else may make an attempt meanwhile. `work` is given up at any point: it must be no loss that the locks and
/// memory that it holds are never released, and nobody may use what it was changing.
pub unsafe fn attempt<R>(work: impl FnOnce() -> R) -> Option<R> {
    let outer = UNDER_WAY.load(Ordering::Relaxed);
    let mut work = Work::new(work);
    // SAFETY: the function takes this argument, and cannot unwind because it is `extern "C"`.
    let given_up = unsafe { enter(work.function(), (&raw mut work).cast(), &raw const UNDER_WAY) };
    UNDER_WAY.store(outer, Ordering::Relaxed);
    if given_up == 0 { work.into_result() } else { None }
}

per_thread! {
    unsafe static READING: Reading, "fencepost_reading"
}

/// What a thread reads in [`read_what_may_vanish`].
struct Reading {
    /// The stack pointer in [`enter`], or 0.
    stack_pointer: AtomicUsize,
    start: AtomicUsize,
    end: AtomicUsize,
}

impl Reading {
    fn load(&self) -> [usize; 3] {
        [&self.stack_pointer, &self.start, &self.end].map(|word| word.load(Ordering::Relaxed))
    }
}

/// Does `work`, which reads memory that the program may unmap, protect or cut short at any time. Returns `None` if a read
/// has failed. Works in any thread, and in signal handlers.
///
/// # Safety
/// `work` must own nothing that others need, such as memory and locks: it may end in its midst.
pub unsafe fn read_what_may_vanish<R>(memory: Range<usize>, work: impl FnOnce() -> R) -> Option<R> {
    let mut work = Work::new(work);
    READING.with(|reading| {
        let outer = reading.load();
        reading.start.store(memory.start, Ordering::Relaxed);
        reading.end.store(memory.end, Ordering::Relaxed);
        let pointer = &raw const reading.stack_pointer;
        // SAFETY: the function takes this argument, and does not unwind, being `extern "C"`.
        let given_up = unsafe { enter(work.function(), (&raw mut work).cast(), pointer) };
        for (word, value) in
            [&reading.stack_pointer, &reading.start, &reading.end].into_iter().zip(outer)
        {
            word.store(value, Ordering::Relaxed);
        }
        if given_up == 0 { work.into_result() } else { None }
    })
}

/// For the fault handler. If the fault at `address` is a read in [`read_what_may_vanish`], changes `context` so that the
/// thread goes on after that, and returns true. `is_ours` says whether the instruction is one of this library.
pub fn give_up_reading(
    context: &mut ucontext_t,
    address: usize,
    is_ours: impl FnOnce() -> bool,
) -> bool {
    let [stack_pointer, start, end] = READING.with(Reading::load);
    let is_one = stack_pointer != 0 && (start..end).contains(&address) && is_ours();
    if is_one {
        let registers = &mut context.uc_mcontext.gregs;
        registers[libc::REG_RSP as usize] = stack_pointer as i64;
        registers[libc::REG_RIP as usize] = fencepost_given_up as *const () as i64;
    }
    is_one
}

/// Whether an attempt is under way.
pub fn is_under_way() -> bool {
    UNDER_WAY.load(Ordering::Relaxed) != 0
}

/// For a copy of the process, where the original's attempt is not under way.
pub fn forget() {
    UNDER_WAY.store(0, Ordering::Relaxed);
}

/// Changes the context that a handler has interrupted: when the handler returns, the thread goes on behind the
/// innermost attempt. The thread must be the one that makes the attempt.
pub fn give_up_in(context: &mut ucontext_t) {
    let registers = &mut context.uc_mcontext.gregs;
    registers[libc::REG_RSP as usize] = UNDER_WAY.load(Ordering::Relaxed) as i64;
    registers[libc::REG_RIP as usize] = fencepost_given_up as *const () as i64;
}

/// Gives up the innermost attempt. Only the thread that makes it may call this, from within.
pub fn give_up() -> ! {
    let stack_pointer = UNDER_WAY.load(Ordering::Relaxed);
    // SAFETY: the calling thread is within the attempt, so the frame of `enter` is further out on this stack, with the
    // layout that the label expects.
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

/// Its address, as the value of the timer's signals, tells these from others.
static MARK: AtomicBool = AtomicBool::new(false);

/// When it is over, by the monotonic clock.
static END_NANOSECONDS: AtomicU64 = AtomicU64::new(0);

/// A timer that is set. Once this is dropped, its signal is ignored.
pub struct Watchdog {
    timer: c_int,
    mask: KernelSet,
}

impl Watchdog {
    /// Interrupts the calling thread each second, until after `seconds` it [is over](Self::is_over). `None` where the kernel or a filter does not allow it.
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
        let end = process::clock_nanoseconds() + seconds.unsigned_abs() * 1_000_000_000;
        END_NANOSECONDS.store(end, Ordering::Relaxed);
        MARK.store(true, Ordering::Relaxed);
        let second = libc::timespec { tv_sec: 1, tv_nsec: 0 };
        let each = libc::itimerspec { it_interval: second, it_value: second };
        // SAFETY: the kernel reads `each`.
        let set = unsafe {
            syscall(libc::SYS_timer_settime, [timer as usize, 0, &raw const each as usize, 0, 0, 0])
        };
        set.ok().map(|_| watchdog)
    }

    /// Whether the timer sent a signal. A late one, when no timer is set, is to be ignored.
    pub fn is_sender(info: &siginfo_t) -> bool {
        // SAFETY: `si_code` says that a timer sent the signal, and the kernel sets the value of those.
        info.si_code == libc::SI_TIMER
            && unsafe { info.si_value() }.sival_ptr == (&raw const MARK).cast_mut().cast()
    }

    /// Whether the time is over, by the clock: signals that wait together are one.
    pub fn is_over() -> bool {
        process::clock_nanoseconds() >= END_NANOSECONDS.load(Ordering::Relaxed)
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
