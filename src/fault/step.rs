//! Going on after a report: the page is opened, one instruction runs with the processor's trap flag set, and the page
//! is closed again.
//!
//! The thread stays the reporter until its step ends, so one thread steps at a time. If another thread forks
//! meanwhile, its child closes the page for itself. Accesses by other threads to the open page go unseen. All signals
//! that can wait do so during the step. SIGTRAP ends it and can't wait; a SIGTRAP from a process is sent again
//! afterwards.
//!
//! An instruction that touches two guarded pages faults a second time, and has both opened. A repeated string
//! instruction traps after each element, and continues until its end.

use super::belief::{self, context_mask, set_context_mask};
use super::reporter;
use crate::diagnose::decoder;
use crate::heap::opening::OpenPage;
use crate::runtime::{self, Runtime};
use crate::sys::lock::{Guard, Lock};
use crate::sys::process;
use crate::sys::signal::{self, BlockedSignals, KernelSet};
use iced_x86::{Instruction, Mnemonic, Register};
use libc::{c_int, siginfo_t, ucontext_t};

/// The bit of rflags that has the processor trap after one instruction.
const TRAP_FLAG: i64 = 1 << 8;

/// `si_code` of a trap that the trap flag caused (sigaction(2)).
const TRAP_TRACE: c_int = 2;

/// The most pages open at a time: each of a scatter's sixteen elements may cross into a second page.
const MOST_PAGES: usize = 32;

/// How often a page may fault although it is open, for example when its stretch collapses meanwhile.
const MOST_RETRIES: u32 = 8;

/// The bits of both control words that mask exceptions of the x87 and SSE units; all are set by default.
const X87_MASKS: u16 = 0x3f;
const SSE_MASKS: u32 = 0x1f80;

/// An instruction that runs by itself, with pages open for it.
struct SteppedInstruction {
    pc: usize,
    is_repeated: bool,
    /// The signal mask that the thread gets back.
    mask: KernelSet,
    /// The open pages. The oldest is closed when there are too many.
    pages: [Option<OpenPage>; MOST_PAGES],
    opened: usize,
    retries: u32,
    /// A SIGTRAP that a process sent during the step.
    deferred: Option<siginfo_t>,
}

// SAFETY: a siginfo_t is plain data. The addresses in it are never used as pointers here.
unsafe impl Send for SteppedInstruction {}

/// The step of the reporting thread, if it is at one.
static STEP: Lock<Option<SteppedInstruction>> = Lock::new(None);

/// Holds the step; SIGTRAP, whose handler asks for it, is let in again after that.
struct Held {
    step: Guard<'static, Option<SteppedInstruction>>,
    _blocked: BlockedSignals,
}

fn hold() -> Held {
    let blocked = BlockedSignals::block_trap();
    Held { step: STEP.lock(), _blocked: blocked }
}

/// Longer than an instruction takes on a loaded machine: whoever executes it was stopped in its midst.
const MOST_NANOSECONDS: u64 = 10_000_000_000;

/// Sends a SIGTRAP while no instruction runs by itself, and before the next does: the kernel keeps the first of two.
pub fn between_steps<R>(send: impl FnOnce() -> R) -> R {
    let start = process::clock_nanoseconds();
    let is_over = || process::clock_nanoseconds().wrapping_sub(start) > MOST_NANOSECONDS;
    loop {
        let held = hold();
        // In the child of a raw clone it may be an instruction of the parent's, where nobody reports.
        if held.step.is_none() || !reporter::is_anybody() || is_over() {
            let sent = send();
            drop(held);
            return sent;
        }
        drop(held);
        process::nap();
    }
}

/// Whether the reporting thread is at a step.
pub fn is_active() -> bool {
    hold().step.is_some()
}

/// Whether the instruction in `code` can run as a step in `context`.
pub fn is_possible(code: &[u8], context: &ucontext_t) -> bool {
    let is_free = context.uc_mcontext.gregs[libc::REG_EFL as usize] & TRAP_FLAG == 0 || is_active();
    // SAFETY: the pointer is null, or the kernel's and valid while the handler runs.
    let units = unsafe { context.uc_mcontext.fpregs.as_ref() };
    let is_masked = |units: &libc::_libc_fpstate| {
        units.cwd & X87_MASKS == X87_MASKS && units.mxcsr & SSE_MASKS == SSE_MASKS
    };
    belief::has_taken(libc::SIGTRAP)
        && is_free
        && units.is_none_or(is_masked)
        && traps_once(&decode(code))
}

/// Whether the page at `fault` can be opened.
pub fn can_open(runtime: &Runtime, fault: usize) -> bool {
    let _held = hold();
    runtime.heap.open_page(fault).map(|page| close(runtime, page)).is_some()
}

fn decode(code: &[u8]) -> Instruction {
    decoder::decode(code, 0)
}

/// Whether the instruction leaves the trap flag alone, and can raise a signal for its memory only: the program's
/// handler for another signal might never return.
fn traps_once(instruction: &Instruction) -> bool {
    let is_special = matches!(
        instruction.mnemonic(),
        Mnemonic::INVALID
            | Mnemonic::Div
            | Mnemonic::Idiv
            | Mnemonic::Pushf
            | Mnemonic::Pushfq
            | Mnemonic::Popf
            | Mnemonic::Popfq
            | Mnemonic::Iret
            | Mnemonic::Iretd
            | Mnemonic::Iretq
            | Mnemonic::Xbegin
            | Mnemonic::Xrstor
            | Mnemonic::Xrstor64
            | Mnemonic::Fldcw
            | Mnemonic::Fldenv
            | Mnemonic::Frstor
            | Mnemonic::Fxrstor
            | Mnemonic::Fxrstor64
            | Mnemonic::Ldmxcsr
            | Mnemonic::Vldmxcsr
    );
    // Loading the stack segment delays traps.
    !is_special && instruction.op0_register() != Register::SS
}

/// Opens the page at `fault`, and has `context` trap after its instruction, whose bytes are in `code`. Returns false
/// if the page can't be opened; nothing is left open then.
pub fn begin(runtime: &Runtime, fault: usize, code: &[u8], context: &mut ucontext_t) -> bool {
    // With the lock held, no child can be forked that has a page open without knowing it.
    let mut held = hold();
    let current = &mut *held.step;
    let page = runtime.heap.open_page(fault);
    let step = current.get_or_insert_with(|| {
        let instruction = decode(code);
        SteppedInstruction {
            pc: context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize,
            is_repeated: instruction.has_rep_prefix() || instruction.has_repne_prefix(),
            mask: context_mask(context),
            pages: [None; MOST_PAGES],
            opened: 0,
            retries: 0,
            deferred: None,
        }
    });
    step.retries += u32::from(step.pages.iter().flatten().any(|open| open.contains(fault)));
    let Some(page) = page.filter(|_| step.retries <= MOST_RETRIES) else {
        if let Some(page) = page {
            close(runtime, page);
        }
        drop(held);
        abandon(runtime, context);
        return false;
    };
    let place = step.opened % MOST_PAGES;
    step.opened += 1;
    if let Some(oldest) = step.pages[place].replace(page) {
        close(runtime, oldest);
    }
    context.uc_mcontext.gregs[libc::REG_EFL as usize] |= TRAP_FLAG;
    set_context_mask(context, !signal::SYNCHRONOUS);
    true
}

/// Ends the step of the reporting thread, even if the instruction is not done. The caller lets others report.
pub fn abandon(runtime: &Runtime, context: &mut ucontext_t) {
    let deferred = {
        let mut held = hold();
        // Not moved out: this may run on a small alternate stack of the program's.
        let Some(step) = held.step.as_mut() else { return };
        step.pages.iter_mut().filter_map(Option::take).for_each(|page| close(runtime, page));
        context.uc_mcontext.gregs[libc::REG_EFL as usize] &= !TRAP_FLAG;
        set_context_mask(context, step.mask);
        let deferred = step.deferred;
        *held.step = None;
        deferred
    };
    if let Some(mut info) = deferred {
        send_again(&mut info);
    }
}

/// Sends a SIGTRAP again that came too early. Blocked here, it comes when the handler returns, if the program lets it.
fn send_again(info: &mut siginfo_t) {
    signal::change_mask(libc::SIG_BLOCK, signal::bit(libc::SIGTRAP));
    // SAFETY: a siginfo_t that the kernel made.
    unsafe { signal::send_to_self(libc::SIGTRAP, info) };
}

/// Puts off a SIGTRAP that a process has sent to the reporting thread while that was at its report, in `context`: the
/// program's handler must not run in the midst of it. It comes once the report is done.
pub fn put_off(info: &mut siginfo_t, context: &mut ucontext_t) {
    send_again(info);
    set_context_mask(context, context_mask(context) | signal::bit(libc::SIGTRAP));
}

/// See [`Lock::hold_for_fork`].
pub fn hold_for_fork() {
    let _blocked = BlockedSignals::block_trap();
    STEP.hold_for_fork();
}

/// # Safety
/// See [`Lock::release_after_fork`].
pub unsafe fn release_after_fork() {
    // SAFETY: `hold_for_fork` has taken the lock; the caller promises that it was called.
    unsafe { STEP.release_after_fork() }
}

/// In the child of a fork: closes the pages that a thread of the parent had open.
pub fn after_fork_in_child() {
    let mut held = hold();
    if let (Some(step), Some(runtime)) = (held.step.as_mut(), runtime::get()) {
        step.pages.iter_mut().filter_map(Option::take).for_each(|page| close(runtime, page));
    }
    *held.step = None;
}

/// Closes inherited open pages in a copy of the process in which no handler has run. The original's reporter
/// continues its step; this process has no such step.
///
/// # Safety
/// The caller must be the reporter of this process.
pub unsafe fn forget_inherited() {
    // SAFETY: only the reporter takes this lock, and the caller promises to be the reporter.
    unsafe { STEP.break_open() };
    after_fork_in_child();
}

fn close(runtime: &Runtime, page: OpenPage) {
    if runtime.heap.close_page(page).is_err() {
        runtime.heap.tally().count(crate::heap::tally::Reason::NotRevoked);
    }
}

/// Takes note of a SIGTRAP in the reporting thread, whose state is `context`. Returns whether it ends the step.
pub fn is_ended_by(info: &siginfo_t, context: &ucontext_t) -> bool {
    let registers = &context.uc_mcontext.gregs;
    let pc = registers[libc::REG_RIP as usize] as usize;
    // Handlers run without the flag.
    let is_programs = registers[libc::REG_EFL as usize] & TRAP_FLAG != 0;
    let mut held = hold();
    let Some(step) = held.step.as_mut() else { return false };
    if info.si_code <= 0 {
        step.deferred = Some(*info);
        // Of two SIGTRAPs for a thread the kernel drops the second: with this one on its way, the one that ends the
        // instruction was lost.
        return is_programs && pc != step.pc;
    }
    info.si_code == TRAP_TRACE && !(step.is_repeated && pc == step.pc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_instructions_trap_once() {
        // mov [rax], edx; rep movsb; call [rax]; push [rax]; vmovdqu [rdi], ymm0; lock inc [rax]
        let codes: [&[u8]; 6] = [
            &[0x89, 0x10],
            &[0xf3, 0xa4],
            &[0xff, 0x10],
            &[0xff, 0x30],
            &[0xc5, 0xfe, 0x7f, 0x07],
            &[0xf0, 0xff, 0x00],
        ];
        for code in codes {
            assert!(traps_once(&decode(code)), "{code:x?}");
        }
    }

    #[test]
    fn some_instructions_can_not_run_by_themselves() {
        // div [rax]; idiv [rax]; pushf; popf; iretq; mov ss, [rax]; fldcw [rax]; ldmxcsr [rax]; none
        let codes: [&[u8]; 9] = [
            &[0xf7, 0x30],
            &[0xf7, 0x38],
            &[0x9c],
            &[0x9d],
            &[0x48, 0xcf],
            &[0x8e, 0x10],
            &[0xd9, 0x28],
            &[0x0f, 0xae, 0x10],
            &[0x06],
        ];
        for code in codes {
            assert!(!traps_once(&decode(code)), "{code:x?}");
        }
    }

    #[test]
    fn a_repeated_instruction_is_known() {
        assert!(decode(&[0xf3, 0xa4]).has_rep_prefix());
        // scasb until equal
        assert!(decode(&[0xf2, 0xae]).has_repne_prefix());
    }
}
