//! Signal frames, which the kernel puts on the stack for a handler: moved to another stack, entered, and left again.
//!
//! The layout is `struct rt_sigframe` of x86_64 Linux: the return address, a ucontext, a siginfo; the state of the
//! vector units lies somewhere above.

use super::probe;
use super::signal::{FAULTS, KernelSet, MARKER};
use core::arch::{global_asm, naked_asm};
use core::sync::atomic::{AtomicPtr, Ordering};
use libc::{c_int, ucontext_t};

/// Bytes below a stack pointer that leaf functions may use (System V ABI, 3.2.2).
const RED_ZONE_BYTES: usize = 128;

/// Offsets of parts of the frame from its ucontext. The kernel's ucontext is smaller than glibc's.
const MASK: usize = 296;
const INFO: usize = 304;
const RETURN_BYTES: usize = 8;
const FRAME_BYTES: usize = RETURN_BYTES + INFO + size_of::<libc::siginfo_t>();
const _: () = assert!(core::mem::offset_of!(ucontext_t, uc_sigmask) == MASK);
const _: () = assert!(core::mem::offset_of!(ucontext_t, uc_stack) == 16);
const GREGS: usize =
    core::mem::offset_of!(ucontext_t, uc_mcontext) + core::mem::offset_of!(libc::mcontext_t, gregs);
const GREGS_BYTES: usize = size_of::<[libc::greg_t; 23]>();
const _: () = assert!(GREGS == 40 && libc::REG_RSP == 15 && libc::REG_RIP == 16);

/// Marks a state of the vector units that states its length: in bytes that the processor leaves to software, behind
/// this number (`struct _fpx_sw_bytes`).
const EXTENDED_MAGIC: u32 = 0x4650_5853;
const SOFTWARE_BYTES: usize = 464;
const LEGACY_BYTES: usize = 512;
const VECTOR_ALIGN: usize = 64;

/// A signal frame, by the address of its ucontext.
#[derive(Clone, Copy)]
pub struct SignalFrame {
    context: usize,
}

/// How the handler of a frame that was moved returns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As the kernel made the frame.
    Plain,
    /// Through the function that was given to [`on_end`].
    Told,
}

impl SignalFrame {
    /// The frame that holds a handler's arguments; `None` if these do not lie as in a frame.
    pub fn of(info: *const libc::siginfo_t, context: *const ucontext_t) -> Option<SignalFrame> {
        (info as usize == context as usize + INFO)
            .then_some(SignalFrame { context: context as usize })
    }

    /// The frame's lowest address, which is the handler's first stack pointer.
    pub fn start(self) -> usize {
        self.context - RETURN_BYTES
    }

    fn word(self, offset: usize) -> usize {
        // SAFETY: `of` and `copy_below` made the value from a frame, which holds this word.
        unsafe { ((self.context + offset) as *const usize).read() }
    }

    fn vectors(self) -> Option<(usize, usize)> {
        let start = self.word(GREGS + GREGS_BYTES);
        if start == 0 {
            return None;
        }
        // SAFETY: the kernel set this pointer, to a state that has at least the legacy area.
        let (magic, extended) = unsafe {
            let software = (start + SOFTWARE_BYTES) as *const u32;
            (software.read(), software.add(1).read() as usize)
        };
        let is_extended = magic == EXTENDED_MAGIC && extended > LEGACY_BYTES;
        Some((start, if is_extended { extended } else { LEGACY_BYTES }))
    }

    /// Stack pointer of the interrupted code.
    pub fn interrupted_sp(self) -> usize {
        self.word(GREGS + 8 * libc::REG_RSP as usize)
    }

    /// The highest address for a frame on the interrupted stack: below the red zone.
    pub fn below_interrupted(self) -> usize {
        self.interrupted_sp() - RED_ZONE_BYTES
    }

    /// Where a copy below `top` would start, and where its vector state would.
    fn place_below(self, top: usize) -> (usize, usize) {
        let bytes = self.vectors().map_or(0, |(_, bytes)| bytes);
        let vectors = top.wrapping_sub(bytes) & !(VECTOR_ALIGN - 1);
        // As at a function's entry, the return address lies below an address aligned to 16.
        ((vectors.wrapping_sub(FRAME_BYTES) & !15).wrapping_sub(RETURN_BYTES), vectors)
    }

    /// Copies the frame to below `top`, with the layout that the kernel would use there. `None` if `is_good` refuses
    /// the copy's start, or the memory is not writable.
    ///
    /// # Safety
    /// Nobody may use the memory below `top`, as far as the frame reaches.
    pub unsafe fn copy_below(
        self,
        top: usize,
        ending: Ending,
        is_good: impl FnOnce(usize) -> bool,
    ) -> Option<SignalFrame> {
        let (start, vectors) = self.place_below(top);
        if !is_good(start) {
            return None;
        }
        // SAFETY: only the frame is read. The caller promises that nobody uses the memory that is written; probes
        // survive its faults.
        unsafe {
            if let Some((from, bytes)) = self.vectors()
                && !probe::store(vectors, from, bytes)
            {
                return None;
            }
            if !probe::store(start, self.start(), FRAME_BYTES) {
                return None;
            }
            let copy = SignalFrame { context: start + RETURN_BYTES };
            let moved = copy.context_mut();
            if self.vectors().is_some() {
                moved.uc_mcontext.fpregs = vectors as *mut _;
            }
            if ending == Ending::Told {
                (start as *mut usize).write(end_told as *const () as usize);
            }
            Some(copy)
        }
    }

    /// The frame's ucontext.
    ///
    /// # Safety
    /// Nobody else may have a reference to the ucontext.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn context_mut(&self) -> &mut ucontext_t {
        // SAFETY: the frame holds the kernel's ucontext, and the caller promises that no other reference exists. What
        // only glibc's ucontext has is not used.
        unsafe { &mut *(self.context as *mut ucontext_t) }
    }

    /// Enters a handler as the kernel would: on this frame, with `mask` for the thread.
    ///
    /// # Safety
    /// The caller's stack must hold nothing that needs a destructor, or is needed once signals are unblocked.
    pub unsafe fn enter(self, handler: usize, signal: c_int, mask: KernelSet) -> ! {
        // SAFETY: the caller promises that nothing on this stack is needed any more. The mask is read before anything
        // else can run.
        unsafe { enter(self.start(), handler, signal, &raw const mask) }
    }
}

/// `uc_flags` of a frame with a stack segment, as the kernel makes them (`UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS`).
const HAS_STACK_SEGMENT: libc::c_ulong = 6;

/// Sets the kernel's alternate stack and the mask of the calling thread without sigaltstack(2), which a filter may
/// forbid: it returns to its caller as from a signal, through a frame that has them.
///
/// # Safety
/// The thread must be in a handler, where the vector units are in their first state: they are put into that. Its
/// stack pointer must be on neither alternate stack. The new one's memory must be writable, and unused by others until
/// another stack is set.
pub unsafe fn set_alternate_stack(stack: &libc::stack_t, mask: KernelSet) {
    // SAFETY: a ucontext may be all zeros: no vector state, and nothing that the kernel follows.
    let mut context: ucontext_t = unsafe { core::mem::zeroed() };
    context.uc_flags = HAS_STACK_SEGMENT;
    context.uc_stack = *stack;
    // SAFETY: the kernel's mask is the first word of glibc's. `return_here` fills in the registers, so it returns.
    unsafe {
        (&raw mut context.uc_sigmask).cast::<KernelSet>().write(mask);
        return_here(&raw mut context);
    }
}

/// Fills in the registers of a ucontext, so that it stands for the return of this function, and returns by it.
#[unsafe(naked)]
unsafe extern "C" fn return_here(context: *mut ucontext_t) {
    naked_asm!(
        "mov [rdi + {gregs} + 8 * 4], r12",
        "mov [rdi + {gregs} + 8 * 5], r13",
        "mov [rdi + {gregs} + 8 * 6], r14",
        "mov [rdi + {gregs} + 8 * 7], r15",
        "mov [rdi + {gregs} + 8 * 10], rbp",
        "mov [rdi + {gregs} + 8 * 11], rbx",
        "lea rax, [rsp + 8]",
        "mov [rdi + {gregs} + 8 * 15], rax",
        "mov rax, [rsp]",
        "mov [rdi + {gregs} + 8 * 16], rax",
        "pushfq",
        "pop rax",
        "mov [rdi + {gregs} + 8 * 17], rax",
        "mov eax, cs",
        "mov ecx, ss",
        "shl rcx, 48",
        "or rax, rcx",
        "mov [rdi + {gregs} + 8 * 18], rax",
        "mov rsp, rdi",
        "mov eax, 15",
        "syscall",
        gregs = const GREGS,
    )
}

/// Sets the function to call with the ucontext at the end of each handler with [`Ending::Told`]. It runs with all
/// signals blocked, on our alternate stack.
pub fn on_end(function: extern "C" fn(&mut ucontext_t)) {
    END.store(function as *mut (), Ordering::Release);
}

static END: AtomicPtr<()> = AtomicPtr::new(nothing as *mut ());

extern "C" fn nothing(_: &mut ucontext_t) {}

/// The mask while [`END`] runs.
static ALL_BUT_FAULTS: KernelSet = !FAULTS;

/// Sets stack pointer and mask and jumps to the handler.
#[unsafe(naked)]
unsafe extern "C" fn enter(
    start: usize,
    handler: usize,
    signal: c_int,
    mask: *const KernelSet,
) -> ! {
    naked_asm!(
        "mov rsp, rdi",
        "mov r8, rsi",
        "mov r9d, edx",
        // rt_sigprocmask(SIG_SETMASK, mask, NULL, 8): keeps r8 and r9.
        "mov rsi, rcx",
        "mov edi, 2",
        "xor edx, edx",
        "mov r10d, 8",
        "mov eax, 14",
        "syscall",
        "mov r11, r8",
        "mov edi, r9d",
        "lea rdx, [rsp + 8]",
        "lea rsi, [rsp + 8 + {info}]",
        "mov r8, [rdx + {gregs}]",
        "mov r9, [rdx + {gregs} + 8 * 1]",
        "mov r10, [rdx + {gregs} + 8 * 2]",
        "mov r12, [rdx + {gregs} + 8 * 4]",
        "mov r13, [rdx + {gregs} + 8 * 5]",
        "mov r14, [rdx + {gregs} + 8 * 6]",
        "mov r15, [rdx + {gregs} + 8 * 7]",
        "mov rbp, [rdx + {gregs} + 8 * 10]",
        "mov rbx, [rdx + {gregs} + 8 * 11]",
        "mov rcx, [rdx + {gregs} + 8 * 14]",
        "xor eax, eax",
        "jmp r11",
        info = const INFO,
        gregs = const GREGS,
    )
}

// The code that handlers return to. Debuggers and unwinders know the frame by these tables: all registers are
// restored from the ucontext at rsp (as in glibc; DW_OP_breg7 is 0x77). They look up the byte before a return
// address, so the tables cover that byte too.
global_asm!(
    ".macro fencepost_restored register, offset",
    // DW_CFA_expression: register, 3 bytes, breg7 + offset (two bytes of SLEB128).
    ".cfi_escape 0x10, \\register, 3, 0x77, (\\offset & 0x7f) | 0x80, \\offset >> 7",
    ".endm",
    ".macro fencepost_signal_frame",
    ".cfi_startproc simple",
    ".cfi_signal_frame",
    // DW_CFA_def_cfa_expression: 4 bytes, breg7 + 160 (rsp), deref.
    ".cfi_escape 0x0f, 4, 0x77, 0xa0, 0x01, 0x06",
    "fencepost_restored 8, 40",
    "fencepost_restored 9, 48",
    "fencepost_restored 10, 56",
    "fencepost_restored 11, 64",
    "fencepost_restored 12, 72",
    "fencepost_restored 13, 80",
    "fencepost_restored 14, 88",
    "fencepost_restored 15, 96",
    "fencepost_restored 5, 104",
    "fencepost_restored 4, 112",
    "fencepost_restored 6, 120",
    "fencepost_restored 3, 128",
    "fencepost_restored 1, 136",
    "fencepost_restored 0, 144",
    "fencepost_restored 2, 152",
    "fencepost_restored 7, 160",
    "fencepost_restored 16, 168",
    ".endm",
    ".pushsection .text.fencepost_ends,\"ax\",@progbits",
    ".balign 16",
    "fencepost_signal_frame",
    "nop",
    ".globl __restore_rt_direct",
    ".hidden __restore_rt_direct",
    ".type __restore_rt_direct, @function",
    "__restore_rt_direct:",
    // A handler may have put fault signals into the mask that is restored.
    "mov rax, [rsp + {mask}]",
    "test eax, {faults}",
    "jz 2f",
    "and rax, {all_but_faults}",
    "or rax, {marker}",
    "mov [rsp + {mask}], rax",
    "2:",
    "mov eax, 15",
    "syscall",
    ".size __restore_rt_direct, . - __restore_rt_direct",
    ".cfi_endproc",
    ".balign 16",
    "fencepost_signal_frame",
    "nop",
    ".globl __restore_rt_told",
    ".hidden __restore_rt_told",
    ".type __restore_rt_told, @function",
    "__restore_rt_told:",
    // Any register may be used, because all are restored from the frame at the end.
    "mov rbx, rsp",
    "lea rsi, [rip + {all}]",
    "mov edi, 2",
    "xor edx, edx",
    "mov r10d, 8",
    "mov eax, 14",
    "syscall",
    "mov rax, qword ptr fs:[0]",
    "add rax, qword ptr [rip + fencepost_alternate_stacks@GOTTPOFF]",
    "mov rax, [rax]",
    "test rax, rax",
    "cmovnz rsp, rax",
    "and rsp, -16",
    "mov rdi, rbx",
    "call qword ptr [rip + {end}]",
    "mov rsp, rbx",
    "mov eax, 15",
    "syscall",
    ".size __restore_rt_told, . - __restore_rt_told",
    ".cfi_endproc",
    ".popsection",
    mask = const MASK,
    faults = const FAULTS,
    all_but_faults = const !(FAULTS as i64),
    marker = const MARKER,
    all = sym ALL_BUT_FAULTS,
    end = sym END,
);

unsafe extern "C" {
    #[link_name = "__restore_rt_direct"]
    fn end_direct();
    #[link_name = "__restore_rt_told"]
    fn end_told();
}

/// The return address for a handler of the program that the kernel calls directly.
pub fn direct_end() -> usize {
    end_direct as *const () as usize
}
