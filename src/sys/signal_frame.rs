//! What the kernel puts on the stack for a signal's handler: moved to another stack, entered, and left again.
//!
//! The layout is `struct rt_sigframe` of x86_64 Linux: the address to return to, a ucontext, a siginfo; the
//! state of the vector units somewhere above.

use super::probe;
use super::signal::{FAULTS, KernelSet, MARKER};
use core::arch::{global_asm, naked_asm};
use core::sync::atomic::{AtomicPtr, Ordering};
use libc::{c_int, ucontext_t};

/// Bytes below a stack pointer that leaf functions may use (System V ABI, 3.2.2).
const RED_ZONE_BYTES: usize = 128;

/// Where the kernel's parts lie, from the ucontext on, which is smaller than glibc's.
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

/// State of the vector units: its length stands in bytes that the processor leaves to software
/// (`struct _fpx_sw_bytes`), after this number.
const EXTENDED_MAGIC: u32 = 0x4650_5853;
const SOFTWARE_BYTES: usize = 464;
const LEGACY_BYTES: usize = 512;
const VECTOR_ALIGN: usize = 64;

/// A frame of the kernel's, known by its ucontext.
#[derive(Clone, Copy)]
pub struct SignalFrame {
    context: usize,
}

/// How a frame that has been moved ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As the kernel made it.
    Plain,
    /// By [`on_end`]'s function first.
    Told,
}

impl SignalFrame {
    /// The frame around what the kernel passes to a handler; `None` if it is not laid out as one.
    pub fn of(info: *const libc::siginfo_t, context: *const ucontext_t) -> Option<SignalFrame> {
        (info as usize == context as usize + INFO)
            .then_some(SignalFrame { context: context as usize })
    }

    /// Its lowest address, the handler's first stack pointer.
    pub fn start(self) -> usize {
        self.context - RETURN_BYTES
    }

    fn word(self, offset: usize) -> usize {
        // SAFETY: made of a frame, by `of` or `copy_below`.
        unsafe { ((self.context + offset) as *const usize).read() }
    }

    fn vectors(self) -> Option<(usize, usize)> {
        let start = self.word(GREGS + GREGS_BYTES);
        if start == 0 {
            return None;
        }
        // SAFETY: the kernel's pointer, to at least the legacy area.
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

    /// Where the frame goes on the interrupted stack.
    pub fn below_interrupted(self) -> usize {
        self.interrupted_sp() - RED_ZONE_BYTES
    }

    /// Where a copy below `top` would start, and its vector state.
    fn place_below(self, top: usize) -> (usize, usize) {
        let bytes = self.vectors().map_or(0, |(_, bytes)| bytes);
        let vectors = top.wrapping_sub(bytes) & !(VECTOR_ALIGN - 1);
        // As at the entry of any function, a return address above 16.
        ((vectors.wrapping_sub(FRAME_BYTES) & !15).wrapping_sub(RETURN_BYTES), vectors)
    }

    /// Copies the frame to below `top` as the kernel would have put it there, if `is_good` of its start and the
    /// memory is writable.
    ///
    /// # Safety
    /// What lies below `top` must be free as far as the frame reaches.
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
        // SAFETY: what is read is the frame; what is written is free, as this function demands, and may fault.
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

    /// # Safety
    /// Nobody else may have a reference to it.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn context_mut(&self) -> &mut ucontext_t {
        // SAFETY: of the kernel's ucontext no more is used than there is.
        unsafe { &mut *(self.context as *mut ucontext_t) }
    }

    /// Enters a handler as the kernel would: on this frame, with `mask` for the thread.
    ///
    /// # Safety
    /// Nothing on the stack that the caller runs on may need a destructor, or be needed once signals are
    /// unblocked.
    pub unsafe fn enter(self, handler: usize, signal: c_int, mask: KernelSet) -> ! {
        // SAFETY: nothing on this stack is needed any more, as this function demands. The mask is read before
        // anything else can run.
        unsafe { enter(self.start(), handler, signal, &raw const mask) }
    }
}

/// Has `function` called with the ucontext at the end of handlers whose ending is [`Ending::Told`], with all
/// signals blocked, on our alternate stack.
pub fn on_end(function: extern "C" fn(&mut ucontext_t)) {
    END.store(function as *mut (), Ordering::Release);
}

static END: AtomicPtr<()> = AtomicPtr::new(nothing as *mut ());

extern "C" fn nothing(_: &mut ucontext_t) {}

/// What a mask may hold while [`END`] runs.
static ALL_BUT_FAULTS: KernelSet = !FAULTS;

/// The registers of the interrupted code stay, as far as a handler may see them; libc's numbers of registers.
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

// Where handlers return to. Debuggers and unwinders know the frame by these tables: all registers are restored
// from the ucontext at rsp (as in glibc's; DW_OP_breg7 is 0x77). They look up the byte before a return address,
// so that is covered too.
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
    // A handler may have put fault signals into the mask that comes back.
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
    // All registers come from the frame in the end, so any may be used.
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

/// Where a handler of the program returns to that the kernel calls itself.
pub fn direct_end() -> usize {
    end_direct as *const () as usize
}
