//! Every system call, and every libc call that needs `unsafe`. Errors are decided here.
//!
//! System calls are made directly rather than through libc: the runtime must not disturb `errno`,
//! must not be interposed by other libraries, and must not reach a cancellation point.

pub mod address_map;
pub mod affinity;
pub mod altstack;
pub mod attempt;
pub mod blocks;
pub mod control_block;
pub mod control_group;
pub mod errno;
pub mod executable;
pub mod file;
pub mod filter;
pub mod fixed_text;
pub mod freeres;
pub mod gate;
pub mod halt;
pub mod hash;
pub mod held_pages;
pub mod hold_off;
pub mod identity;
pub mod inherited;
pub mod limits;
pub mod loader;
pub mod lock;
pub mod mapped_array;
pub mod memory;
pub mod memory_locks;
pub mod next;
pub mod passed;
pub mod pattern;
pub mod per_thread;
pub mod probe;
pub mod process;
pub mod range_set;
pub mod registers;
pub mod residency;
pub mod rival;
pub mod sandbox;
pub mod scope;
pub mod shared_file;
pub mod signal;
pub mod signal_frame;
pub mod stacks;
pub mod standard_error;
pub mod streams;
pub mod ticks;
pub mod uffd;
pub mod variables;
pub mod view;

use attempt::Work;
use core::arch::asm;

pub use errno::Errno;

/// Bytes in a page. x86_64 Linux has base pages of this size only.
pub const PAGE_BYTES: usize = 4096;

/// Rounds `bytes` up to whole pages; saturates instead of wrapping.
pub const fn round_up_to_page(bytes: usize) -> usize {
    bytes.saturating_add(PAGE_BYTES - 1) & !(PAGE_BYTES - 1)
}

/// Makes system call `number`, unless a seccomp filter forbids it.
///
/// # Safety
/// Pointers among `args` must be valid for what the kernel does with them, and changes to mappings
/// must not pull memory from under live references.
#[inline]
pub(crate) unsafe fn syscall(number: libc::c_long, args: [usize; 6]) -> Result<usize, Errno> {
    if sandbox::is_restricted()
        && let Some(error) = sandbox::refusal(number, &args)
    {
        return Err(error);
    }
    // SAFETY: the caller promises that the arguments are valid for this system call.
    unsafe { syscall_unjudged(number, args) }
}

/// Makes system call `number` without asking the filters.
///
/// # Safety
/// Pointers among `args` must be valid for what the kernel does with them, and changes to mappings
/// must not pull memory from under live references.
#[inline]
pub(crate) unsafe fn syscall_unjudged(
    number: libc::c_long,
    args: [usize; 6],
) -> Result<usize, Errno> {
    let result: isize;
    // SAFETY: the x86_64 system call convention (syscall(2)): number in rax, arguments in rdi, rsi, rdx, r10, r8, r9;
    // rcx and r11 are clobbered, memory may be. The caller promises that the arguments are valid for the call.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") args[0],
            in("rsi") args[1],
            in("rdx") args[2],
            in("r10") args[3],
            in("r8") args[4],
            in("r9") args[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    // The kernel returns -4095..=-1 for errors, anything else for success.
    if (-4095..0).contains(&result) { Err(Errno(-result as i32)) } else { Ok(result as usize) }
}

/// The stack pointer of the function that this is called in.
#[inline(always)]
pub fn stack_pointer() -> usize {
    let pointer;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rsp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    pointer
}

/// Runs `work` with the stack pointer at `stack_top`, then returns to this stack.
///
/// # Safety
/// `stack_top` must be the upper end of writable memory that nothing else uses, large enough for
/// `work`, which must not unwind.
pub unsafe fn call_on_stack<R>(stack_top: usize, work: impl FnOnce() -> R) -> R {
    let mut work = Work::new(work);
    let function = work.function();
    // SAFETY: the System V ABI keeps r12 across calls, so it holds the old stack pointer; the new one
    // is aligned to 16 as a call demands; all caller-saved registers are clobbered. The caller
    // promises that the new stack is free and large enough, and that `work` does not unwind.
    unsafe {
        asm!(
            "mov r12, rsp",
            "mov rsp, {top}",
            "call {function}",
            "mov rsp, r12",
            top = in(reg) stack_top & !15,
            function = in(reg) function,
            in("rdi") &raw mut work,
            out("r12") _,
            clobber_abi("C"),
        );
    }
    // The function has returned, so there is a result, unless the stack was damaged.
    work.into_result().unwrap_or_else(|| process::exit_now(128 + libc::SIGABRT))
}
