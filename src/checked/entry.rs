//! How a checked libc function is entered.
//!
//! For each function NAME there are, in assembler,
//! - `fencepost_check_NAME`, which the preload library exports as NAME (by a jump that build.rs makes). If no operand
//!   in the listed registers lies in the guarded heap, or the next function of that name is not libc's, it goes on to
//! - `fencepost_next_NAME`, a jump to libc's function. The runtime's own calls of NAME end here (build.rs, `--wrap`),
//!   so they never enter a check.
//!
//! Otherwise the argument registers are saved, and a function in Rust checks them. It is called either *before* libc's
//! function, which then gets all registers as they were, or *instead* of it; then its result is the call's.
//!
//! Only the Rust functions need the loader's relocations, so entries work from the process's first instruction on.
//! Until libc's functions are known (`sys::next`), a few basic ones have a simple implementation of ours, and the
//! others are looked up at their first call.

use super::operand::{self, Site};
use crate::runtime::bystander::{self, Role};
use crate::sys::next::Next;
use crate::sys::scope::RuntimeScope;
use crate::trace::Caller;
use core::cell::Cell;

/// The argument registers of a call, laid out as the register save area of the System V ABI (3.5.7), so that a
/// `va_list` can point here. Behind them is what lies above them on the stack.
#[repr(C)]
pub struct Saved {
    pub integers: [usize; 6],
    /// Set only if the caller has set al, as a call of a variadic function must.
    vectors: [[u64; 2]; 8],
    rax: usize,
    /// Where a call goes on after a check that comes before libc's function.
    next: Cell<usize>,
    bp: usize,
    return_address: usize,
    /// The first argument that is passed on the stack.
    pub on_stack: usize,
}

/// Bytes that the routines below reserve under the saved rbp.
const FRAME_BYTES: usize = 192;
const _: () = assert!(core::mem::offset_of!(Saved, bp) == FRAME_BYTES);
const _: () = assert!(core::mem::offset_of!(Saved, rax) == 176);
const _: () = assert!(core::mem::offset_of!(Saved, next) == 184);

/// A checked call.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub site: Site,
    pub saved: &'a Saved,
}

impl<'a> Call<'a> {
    pub fn new(function: &'static str, saved: &'a Saved) -> Call<'a> {
        let sp = &raw const saved.return_address as usize;
        // SAFETY: the entry saved its registers right below the return address of the call.
        let caller = unsafe { Caller::from_entry(sp, saved.bp) };
        Call { site: Site { function, caller }, saved }
    }

    /// Has a call that is checked before go on to `function` instead of libc's, unless `function` is null.
    ///
    /// # Safety
    /// `function` must take the same arguments as libc's; it may leave out the last.
    pub unsafe fn divert(&self, function: *const ()) {
        if !function.is_null() {
            self.saved.next.set(function as usize);
        }
    }

    /// Returns argument `index` of the first seven, if these are integers and pointers.
    #[inline]
    pub fn arg(&self, index: usize) -> usize {
        if index < 6 { self.saved.integers[index] } else { self.saved.on_stack }
    }

    /// Returns argument `index` as a pointer.
    #[inline]
    pub fn ptr<T>(&self, index: usize) -> *mut T {
        self.arg(index) as *mut T
    }

    /// Returns argument `index` as an int.
    #[inline]
    pub fn int(&self, index: usize) -> core::ffi::c_int {
        self.arg(index) as core::ffi::c_int
    }

    /// Returns argument `index` as an int that is a count; a negative one counts nothing.
    #[inline]
    pub fn count(&self, index: usize) -> usize {
        self.int(index).max(0) as usize
    }

    /// Returns argument `index` as an unsigned int.
    #[inline]
    pub fn unsigned(&self, index: usize) -> usize {
        self.arg(index) as core::ffi::c_uint as usize
    }

    /// Returns how many bytes the call may touch at argument `index`.
    #[inline]
    pub fn room(&self, index: usize) -> usize {
        operand::room(self.arg(index))
    }

    /// Checks that the call may read `bytes` bytes at argument `index`, and reports it if not.
    #[inline]
    pub fn reads(&self, name: &'static str, index: usize, bytes: usize) {
        self.site.reads(name, self.arg(index), bytes);
    }

    /// Checks that the call may write `bytes` bytes at argument `index`, and reports it if not.
    #[inline]
    pub fn writes(&self, name: &'static str, index: usize, bytes: usize) {
        self.site.writes(name, self.arg(index), bytes);
    }

    /// Checks that the first two operands, of `bytes` bytes each, do not overlap. A copy onto itself is allowed:
    /// compilers make such copies from assignments of structures.
    #[inline]
    pub fn distinct(&self, bytes: usize) {
        if self.arg(0) != self.arg(1) {
            self.site.distinct((self.arg(0), bytes), (self.arg(1), bytes));
        }
    }

    /// Ends the process if `bytes` exceeds `most`, as a checking form (`__read_chk`) does.
    #[inline]
    pub fn verify(&self, bytes: usize, most: usize) {
        if bytes > most {
            // SAFETY: it takes no arguments, and ends the process with a message, as libc's function would.
            unsafe { __chk_fail() }
        }
    }
}

unsafe extern "C-unwind" {
    pub fn __chk_fail() -> !;
}

/// Returns libc's function, to the assembler. A program can't link to one that its libc lacks; but dlsym(3) may find
/// our name for it, and its calls end here.
pub extern "C" fn resolve(next: &Next) -> usize {
    next.address().map_or(missing as *const () as usize, core::num::NonZeroUsize::get)
}

extern "C" fn missing() -> isize {
    crate::sys::errno::set(crate::sys::Errno(libc::ENOSYS));
    -1
}

/// Returns where a call of an exported function goes, to the assembler: to ours, or in a process that is not followed
/// to the function behind ours.
extern "C" fn choose(next: &Next, ours: usize) -> usize {
    // While the role is being found out, the calls that this makes go to our functions.
    if RuntimeScope::is_active() || bystander::role() == Role::Guarded {
        return ours;
    }
    resolve(next)
}

/// Declares a routine in assembler that saves the registers, makes `$call`, runs `$end`, and leaves by `$last`.
macro_rules! routine {
    ($name:literal, $call:literal, [$($end:literal),*], $last:literal $(, $operand:ident = sym $target:path)?) => {
        core::arch::global_asm!(
            concat!(".pushsection .text.", $name, ",\"ax\",@progbits"),
            concat!(".globl ", $name),
            concat!(".hidden ", $name),
            concat!(".type ", $name, ",@function"),
            concat!($name, ":"),
            ".cfi_startproc",
            "push rbp",
            ".cfi_def_cfa_offset 16",
            ".cfi_offset rbp, -16",
            "mov rbp, rsp",
            ".cfi_def_cfa_register rbp",
            "sub rsp, {frame_bytes}",
            "mov [rsp], rdi",
            "mov [rsp + 8], rsi",
            "mov [rsp + 16], rdx",
            "mov [rsp + 24], rcx",
            "mov [rsp + 32], r8",
            "mov [rsp + 40], r9",
            "mov [rsp + 176], rax",
            "mov [rsp + 184], r10",
            // If the function is not variadic, al means nothing, and saving these does no harm.
            "test al, al",
            "jz 3f",
            "movaps [rsp + 48], xmm0",
            "movaps [rsp + 64], xmm1",
            "movaps [rsp + 80], xmm2",
            "movaps [rsp + 96], xmm3",
            "movaps [rsp + 112], xmm4",
            "movaps [rsp + 128], xmm5",
            "movaps [rsp + 144], xmm6",
            "movaps [rsp + 160], xmm7",
            "3:",
            $call,
            $($end,)*
            "leave",
            ".cfi_def_cfa rsp, 8",
            ".cfi_restore rbp",
            $last,
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            frame_bytes = const FRAME_BYTES,
            $($operand = sym $target)?
        );
    };
    // Restores the registers, except r11, which holds the address to jump to.
    (@restore $name:literal, $call:literal, $target:literal $(, $operand:ident = sym $path:path)?) => {
        routine!(
            $name,
            $call,
            [
                $target,
                "mov rax, [rsp + 176]",
                "test al, al",
                "jz 4f",
                "movaps xmm0, [rsp + 48]",
                "movaps xmm1, [rsp + 64]",
                "movaps xmm2, [rsp + 80]",
                "movaps xmm3, [rsp + 96]",
                "movaps xmm4, [rsp + 112]",
                "movaps xmm5, [rsp + 128]",
                "movaps xmm6, [rsp + 144]",
                "movaps xmm7, [rsp + 160]",
                "4:",
                "mov rdi, [rsp]",
                "mov rsi, [rsp + 8]",
                "mov rdx, [rsp + 16]",
                "mov rcx, [rsp + 24]",
                "mov r8, [rsp + 32]",
                "mov r9, [rsp + 40]"
            ],
            "jmp r11"
            $(, $operand = sym $path)?
        );
    };
}

// r11 holds the check, and r10 the function to jump to if the check finds nothing.
routine!(@restore "fencepost_entry_before", "mov rdi, rsp\ncall r11", "mov r11, [rsp + 184]");
// r11 holds the function that is called instead.
routine!("fencepost_entry_instead", "mov rdi, rsp\ncall r11", [], "ret");
// r11 holds the `Next` to look up.
routine!(
    @restore "fencepost_entry_resolve", "mov rdi, r11\ncall {resolve}", "mov r11, rax",
    resolve = sym resolve
);
// r10 holds libc's function, and r11 what is called after it has returned -1.
core::arch::global_asm!(
    ".pushsection .text.fencepost_entry_after,\"ax\",@progbits",
    ".globl fencepost_entry_after",
    ".hidden fencepost_entry_after",
    ".type fencepost_entry_after,@function",
    "fencepost_entry_after:",
    ".cfi_startproc",
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "sub rsp, {frame_bytes} + 16",
    "mov [rsp + 8], r11",
    "mov [rsp + 16], rdi",
    "mov [rsp + 24], rsi",
    "mov [rsp + 32], rdx",
    "mov [rsp + 40], rcx",
    "mov [rsp + 48], r8",
    "mov [rsp + 56], r9",
    // A seventh argument, if there is one.
    "mov r11, [rbp + 16]",
    "mov [rsp], r11",
    "call r10",
    "cmp eax, -1",
    "jne 5f",
    "mov [rsp + 192], rax",
    "lea rdi, [rsp + 16]",
    "call [rsp + 8]",
    "mov rax, [rsp + 192]",
    "5:",
    "leave",
    ".cfi_def_cfa rsp, 8",
    ".cfi_restore rbp",
    "ret",
    ".cfi_endproc",
    ".size fencepost_entry_after, . - fencepost_entry_after",
    ".popsection",
    frame_bytes = const FRAME_BYTES,
);
// r11 holds the `Next`, and r10 our function.
routine!(
    @restore "fencepost_entry_way", "mov rdi, r11\nmov rsi, r10\ncall {choose}", "mov r11, rax",
    choose = sym choose
);

/// Jumps to the check below if the operand may need one.
macro_rules! test_operand {
    // For a function whose operands are not in registers.
    (any) => {
        "cmp qword ptr [rip + {checked} + 8], 0\njne 2f"
    };
    // For a function that is checked even where nothing else is.
    (always) => {
        "jmp 2f /* not asked: {checked} */"
    };
    ($register:ident) => {
        concat!(
            "mov r11, ",
            stringify!($register),
            "\nsub r11, [rip + {checked}]\ncmp r11, [rip + {checked} + 8]\njb 2f"
        )
    };
}
pub(crate) use test_operand;

/// What an entry does with a call that must be checked.
macro_rules! go_to_check {
    (before, $name:ident) => {
        concat!(
            "lea r11, [rip + {check}]\nlea r10, [rip + fencepost_next_",
            stringify!($name),
            "]\njmp fencepost_entry_before"
        )
    };
    (instead, $name:ident) => {
        "lea r11, [rip + {check}]\njmp fencepost_entry_instead"
    };
    // The quick look sets the carry flag unless all is well. These functions are not variadic, so al is zero.
    ($quick:ident, $name:ident) => {
        concat!(
            "call fencepost_entry_",
            stringify!($quick),
            "\njnc fencepost_next_",
            stringify!($name),
            "\nxor eax, eax\n",
            crate::checked::entry::go_to_check!(before, $name)
        )
    };
}
pub(crate) use go_to_check;

/// Where a call goes while libc's function is not known yet.
macro_rules! go_early {
    () => {
        "lea r11, [rip + {next}]\njmp fencepost_entry_resolve"
    };
    ($early:literal) => {
        concat!("jmp ", $early)
    };
}
pub(crate) use go_early;

/// Declares the entry of a function. build.rs writes these from `functions.list`:
///
/// ```text
/// entry! { before memccpy[rdi rsi] = |call| { … what must hold … } }
/// entry! { instead read[rsi] = |call| { … the result … } }
/// ```
///
/// The following words replace `before` if a quick look decides the usual case (`quick.rs`). For `copy`, `pair` and
/// `single` the third argument is a number of bytes: of the first two arguments, which must not overlap; of the first
/// two, which may; or of the first. `strings` compares the first two arguments. `string` reads the first one up to its
/// terminator.
///
/// The brackets hold the registers of the operands; or `any` to check every call; or `always` to do so even if no calls
/// are checked. `early "f"` names an implementation for the time before libc's is known. `or "f"` names a function that
/// is used if libc lacks this one. `refused |call, operands| { … }` behind the body passes all operands of a call that has
/// failed with EFAULT to `operands` (`refused.rs`).
macro_rules! entry {
    (
        $kind:ident $name:ident[$($register:ident)*]
            $(early $early:literal)? $(or $substitute:literal)? = |$call:ident| $body:block
            $(refused |$refused:ident, $operands:ident| $look:block)?
    ) => {
        #[allow(non_snake_case)]
        pub mod $name {
            use super::*;

            pub static NEXT: crate::sys::next::Next = entry!(@next $name $($substitute)?);

            extern "C-unwind" fn check(saved: &crate::checked::entry::Saved) -> usize {
                let $call = &crate::checked::entry::Call::new(stringify!($name), saved);
                // SAFETY: the program calls the function with these arguments, and promises what its manual demands of
                // them, except what a check has just found to be broken.
                #[allow(unused_unsafe, unused_braces)]
                let result = unsafe { $body };
                let result = crate::checked::entry::Outcome::word(result);
                $(
                    let $refused = $call;
                    if crate::checked::refused::has_failed(result) {
                        crate::checked::refused::look($refused, look);
                    }
                )?
                result
            }

            $(
                /// Passes the operands of a call, which has failed, to `operands`.
                #[allow(unused_unsafe, unused_variables, unused_braces)]
                fn look(
                    $refused: &crate::checked::entry::Call<'_>,
                    $operands: &mut crate::checked::refused::Operands,
                ) {
                    // SAFETY: as in `check`.
                    unsafe { $look }
                }

                extern "C-unwind" fn after(saved: &crate::checked::entry::Saved) {
                    let call = crate::checked::entry::Call::new(stringify!($name), saved);
                    crate::checked::refused::look_unless_own(&call, look);
                }

                #[unsafe(naked)]
                extern "C" fn front() {
                    core::arch::naked_asm!(
                        "mov r10, [rip + {front}]",
                        "lea r11, [rip + {after}]",
                        "jmp fencepost_entry_after",
                        front = sym FRONT,
                        after = sym after,
                    )
                }

                pub static FRONT: crate::checked::refused::Front =
                    crate::checked::refused::Front::new(&NEXT, front);
            )?

            core::arch::global_asm!(
                concat!(".pushsection .text.fencepost_check_", stringify!($name), ",\"ax\",@progbits"),
                ".balign 16",
                concat!(".globl fencepost_check_", stringify!($name)),
                concat!(".hidden fencepost_check_", stringify!($name)),
                concat!(".type fencepost_check_", stringify!($name), ",@function"),
                concat!(".globl fencepost_next_", stringify!($name)),
                concat!(".hidden fencepost_next_", stringify!($name)),
                concat!(".type fencepost_next_", stringify!($name), ",@function"),
                concat!("fencepost_check_", stringify!($name), ":"),
                ".cfi_startproc",
                $(crate::checked::entry::test_operand!($register),)*
                concat!("fencepost_next_", stringify!($name), ":"),
                "mov r11, [rip + {next}]",
                "test r11, r11",
                "jz 3f",
                "jmp r11",
                "3:",
                crate::checked::entry::go_early!($($early)?),
                "2:",
                "cmp byte ptr [rip + {next} + {left_alone}], 0",
                concat!("jne fencepost_next_", stringify!($name)),
                crate::checked::entry::go_to_check!($kind, $name),
                ".cfi_endproc",
                concat!(".size fencepost_check_", stringify!($name), ", . - fencepost_check_", stringify!($name)),
                ".popsection",
                checked = sym crate::checked::operand::CHECKED,
                next = sym NEXT,
                left_alone = const crate::sys::next::Next::LEFT_ALONE,
                check = sym check,
            );
        }
    };
    (@next $name:ident) => {
        crate::sys::next::Next::new(crate::checked::entry::c_name(concat!(stringify!($name), "\0")))
    };
    (@next $name:ident $substitute:literal) => {
        crate::sys::next::Next::or(
            crate::checked::entry::c_name(concat!(stringify!($name), "\0")),
            crate::checked::entry::c_name(concat!($substitute, "\0")),
        )
    };
}
pub(crate) use entry;

/// Returns `name`, which ends in a NUL, as a C string.
pub const fn c_name(name: &'static str) -> &'static core::ffi::CStr {
    match core::ffi::CStr::from_bytes_with_nul(name.as_bytes()) {
        Ok(name) => name,
        Err(_) => panic!("one NUL, at the end"),
    }
}

/// What a check returns: the result of a function that is called instead, or nothing.
pub trait Outcome {
    /// Returns the value that goes into rax.
    fn word(self) -> usize;
}

impl Outcome for () {
    fn word(self) -> usize {
        0
    }
}

impl Outcome for usize {
    fn word(self) -> usize {
        self
    }
}

impl Outcome for isize {
    fn word(self) -> usize {
        self as usize
    }
}

impl Outcome for core::ffi::c_int {
    fn word(self) -> usize {
        self as usize
    }
}

impl<T> Outcome for *mut T {
    fn word(self) -> usize {
        self as usize
    }
}

impl<T> Outcome for *const T {
    fn word(self) -> usize {
        self as usize
    }
}
