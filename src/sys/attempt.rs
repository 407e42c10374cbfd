//! Work that can be given up in its midst, wherever it is: it crashes, hangs, or finds no memory.
//!
//! Of the work given up no destructor runs. So it must own nothing that others need: its memory is thrown away with
//! it, and it holds no lock. One thread makes attempts at a time, the one that reports; they may be nested.

use super::work::Work;
use core::arch::naked_asm;
use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};
use libc::ucontext_t;

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
