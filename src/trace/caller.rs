//! Where a walk starts: the registers of the frame that called into the runtime.

use core::arch::asm;

/// What a program counter points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PcKind {
    /// The instruction after a call. The call itself, one byte earlier, is what debug information
    /// and unwind tables are to be asked about: the next instruction may belong to another line,
    /// or to another function after a call that does not return.
    Return,
    /// The instruction itself: the first frame of a fault, or one that a signal interrupted.
    Exact,
}

/// Register state of one frame, enough to walk outward from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Program counter, to be read as `kind` says.
    pub pc: usize,
    /// Stack pointer, as the frame has it at `pc`.
    pub sp: usize,
    /// The rbp register, whether the frame uses it as a frame pointer or not.
    pub bp: usize,
    /// What `pc` points at.
    pub kind: PcKind,
}

impl Caller {
    /// The caller of a function, given rsp and rbp as they were on entry to it.
    ///
    /// For trampolines that have not moved the stack pointer yet: the return address is at `sp`,
    /// and the caller's own stack begins above it.
    ///
    /// # Safety
    ///
    /// `sp` must point to the return address of a live frame.
    #[inline(always)]
    pub unsafe fn from_entry(sp: usize, bp: usize) -> Self {
        // SAFETY: `sp` points to the return address of a live frame, as this function demands.
        let pc = unsafe { *(sp as *const usize) };
        Self { pc, sp: sp + 8, bp, kind: PcKind::Return }
    }

    /// The code that a signal interrupted, from the context its handler received.
    pub fn from_context(context: &libc::ucontext_t) -> Self {
        let register = |index: libc::c_int| context.uc_mcontext.gregs[index as usize] as usize;
        Self {
            pc: register(libc::REG_RIP),
            sp: register(libc::REG_RSP),
            bp: register(libc::REG_RBP),
            kind: PcKind::Exact,
        }
    }

    /// The Rust function that this is inlined into, at this very place.
    #[inline(always)]
    pub fn here() -> Self {
        let (pc, sp, bp);
        // SAFETY: reads three registers and nothing else.
        unsafe {
            asm!(
                "lea {pc}, [rip]",
                "mov {sp}, rsp",
                "mov {bp}, rbp",
                pc = out(reg) pc,
                sp = out(reg) sp,
                bp = out(reg) bp,
                options(nomem, nostack, preserves_flags),
            );
        }
        Self { pc, sp, bp, kind: PcKind::Exact }
    }
}
