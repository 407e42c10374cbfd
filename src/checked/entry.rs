//! How a checked libc function is entered.
//!
//! For each function NAME there is, in assembler,
//! - `fencepost_check_NAME`, which the preload library exports as NAME (by a jump that build.rs makes).
//!   If none of the operands in the registers listed lies in the guarded heap, or the next function of
//!   that name is not libc's, it goes on with
//! - `fencepost_next_NAME`, a jump to libc's function. References of the runtime itself to NAME end
//!   here (build.rs, `--wrap`), so that it never enters a check.
//!
//! Otherwise the argument registers are saved and a function in Rust looks at them. It is called
//! either *before* libc's function, which is then jumped to with everything as it was, or *instead* of
//! it, and its result is the call's.
//!
//! Nothing but the Rust functions uses the loader's relocations, so entries work from the first
//! instruction of the process on: until libc's function is known (`sys::next`), a few basic ones have
//! a simple implementation of ours, and the rest are looked up at the first call.

use super::operand::{self, Site};
use crate::runtime::bystander::{self, Role};
use crate::sys::next::Next;
use crate::sys::scope::RuntimeScope;
use crate::trace::Caller;
use core::cell::Cell;

/// The argument registers of a call, laid out as the register save area of the System V ABI (3.5.7)
/// so that a `va_list` can point here, and what lies above them on the stack.
#[repr(C)]
pub struct Saved {
    pub integers: [usize; 6],
    /// Only where the caller set al, as a call of a variadic function must.
    vectors: [[u64; 2]; 8],
    rax: usize,
    /// Where a call goes on that was looked at before.
    next: Cell<usize>,
    bp: usize,
    return_address: usize,
    /// The first argument that is on the stack.
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
        // SAFETY: the entry saved its registers below the return address of the call.
        let caller = unsafe { Caller::from_entry(sp, saved.bp) };
        Call { site: Site { function, caller }, saved }
    }

    /// A call that is looked at before goes on to `function`, unless that is null, in place of libc's.
    ///
    /// # Safety
    /// It must take the same arguments; it may leave out the last.
    pub unsafe fn divert(&self, function: *const ()) {
        if !function.is_null() {
            self.saved.next.set(function as usize);
        }
    }

    /// Argument `index` of the first seven, if these are integers and pointers.
    #[inline]
    pub fn arg(&self, index: usize) -> usize {
        if index < 6 { self.saved.integers[index] } else { self.saved.on_stack }
    }

    /// The same as a pointer.
    #[inline]
    pub fn ptr<T>(&self, index: usize) -> *mut T {
        self.arg(index) as *mut T
    }

    /// The same as an int.
    #[inline]
    pub fn int(&self, index: usize) -> core::ffi::c_int {
        self.arg(index) as core::ffi::c_int
    }

    /// The same as an int that counts something: a negative one counts nothing.
    #[inline]
    pub fn count(&self, index: usize) -> usize {
        self.int(index).max(0) as usize
    }

    /// The same as an unsigned int.
    #[inline]
    pub fn unsigned(&self, index: usize) -> usize {
        self.arg(index) as core::ffi::c_uint as usize
    }

    /// Bytes that the call may touch at argument `index`.
    #[inline]
    pub fn room(&self, index: usize) -> usize {
        operand::room(self.arg(index))
    }

    /// The call reads `bytes` bytes at argument `index`.
    #[inline]
    pub fn reads(&self, name: &'static str, index: usize, bytes: usize) {
        self.site.reads(name, self.arg(index), bytes);
    }

    /// The call writes `bytes` bytes at argument `index`.
    #[inline]
    pub fn writes(&self, name: &'static str, index: usize, bytes: usize) {
        self.site.writes(name, self.arg(index), bytes);
    }

    /// The first two operands, of `bytes` bytes, must not overlap. A copy onto itself is let be: compilers make
    /// them of assignments of structures.
    #[inline]
    pub fn distinct(&self, bytes: usize) {
        if self.arg(0) != self.arg(1) {
            self.site.distinct((self.arg(0), bytes), (self.arg(1), bytes));
        }
    }

    /// What a checking form (`__read_chk`) ends the process for.
    #[inline]
    pub fn verify(&self, bytes: usize, most: usize) {
        if bytes > most {
            // SAFETY: it ends the process with a message, as the function called would.
            unsafe { __chk_fail() }
        }
    }
}

unsafe extern "C-unwind" {
    pub fn __chk_fail() -> !;
}

/// For the assembler: libc's function. A program can't refer to one that its libc lacks; one that is
/// found by dlsym(3) and does not exist ends here.
pub extern "C" fn resolve(next: &Next) -> usize {
    next.address().map_or(missing as *const () as usize, core::num::NonZeroUsize::get)
}

extern "C" fn missing() -> isize {
    crate::sys::errno::set(crate::sys::Errno(libc::ENOSYS));
    -1
}

/// For the assembler: where a call of an exported function goes, to ours or in a process that is not followed to the
/// one behind it.
extern "C" fn choose(next: &Next, ours: usize) -> usize {
    // While the role is being found out, what that calls is ours.
    if RuntimeScope::is_active() || bystander::role() == Role::Guarded {
        return ours;
    }
    resolve(next)
}

/// Declares a routine in assembler that saves the registers, calls, does `$end`, and leaves by `$last`.
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
            // Of other than variadic functions al is of no meaning, and this of no harm.
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
    // Back to what the registers were, r11 with the address to go to apart.
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

// The check is in r11, and what to jump to when it is content in r10.
routine!(@restore "fencepost_entry_before", "mov rdi, rsp\ncall r11", "mov r11, [rsp + 184]");
// The function called instead is in r11.
routine!("fencepost_entry_instead", "mov rdi, rsp\ncall r11", [], "ret");
// The `Next` to be looked up is in r11.
routine!(
    @restore "fencepost_entry_resolve", "mov rdi, r11\ncall {resolve}", "mov r11, rax",
    resolve = sym resolve
);
// The `Next` is in r11, and the function of ours in r10.
routine!(
    @restore "fencepost_entry_way", "mov rdi, r11\nmov rsi, r10\ncall {choose}", "mov r11, rax",
    choose = sym choose
);

/// Goes to the check below if the operand may need one.
macro_rules! test_operand {
    // Of a function whose operands are not in registers.
    (any) => {
        "cmp qword ptr [rip + {checked} + 8], 0\njne 2f"
    };
    // Of one that is not left to libc even where nothing is checked.
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

/// What an entry does about a call that needs a look.
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
    // The carry flag says that the quick look has not found all well. The functions are not variadic:
    // the zero in al says so.
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

/// Where a call goes while libc's function is not known.
macro_rules! go_early {
    () => {
        "lea r11, [rip + {next}]\njmp fencepost_entry_resolve"
    };
    ($early:literal) => {
        concat!("jmp ", $early)
    };
}
pub(crate) use go_early;

/// Declares the entry of a function; build.rs makes these of `functions.list`:
///
/// ```text
/// entry! { before memccpy[rdi rsi] = |call| { … what must hold … } }
/// entry! { instead read[rsi] = |call| { … the result … } }
/// ```
///
/// These stand for `before` where the usual case is told quickly (`quick.rs`): `copy`, `pair` and `single`
/// where the third argument is the number of bytes of the first two, which must be distinct, of the first two, which
/// need not, or of the first one; `strings` where the first two are strings to compare; `string` where the first
/// one is a string of which no more is read than its terminator.
///
/// In brackets: the registers whose operands are looked at, or `any` to look always, or `always` to do so even where no
/// calls are checked. `early "f"` names
/// an implementation for the time before libc's is known; `or "f"` a function that serves where libc
/// lacks this one.
macro_rules! entry {
    (
        $kind:ident $name:ident[$($register:ident)*]
            $(early $early:literal)? $(or $substitute:literal)? = |$call:ident| $body:expr
    ) => {
        #[allow(non_snake_case)]
        pub mod $name {
            use super::*;

            pub static NEXT: crate::sys::next::Next = entry!(@next $name $($substitute)?);

            extern "C-unwind" fn check(saved: &crate::checked::entry::Saved) -> usize {
                let $call = &crate::checked::entry::Call::new(stringify!($name), saved);
                // SAFETY: the program calls the function with these arguments. What the
                // function's manual demands of them is its promise, as far as it was not
                // just found to be broken.
                #[allow(unused_unsafe, unused_braces)]
                let result = unsafe { $body };
                crate::checked::entry::Outcome::word(result)
            }

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

/// A name that ends in a NUL.
pub const fn c_name(name: &'static str) -> &'static core::ffi::CStr {
    match core::ffi::CStr::from_bytes_with_nul(name.as_bytes()) {
        Ok(name) => name,
        Err(_) => panic!("one NUL, at the end"),
    }
}

/// What a check returns: the result of a function called instead, or nothing.
pub trait Outcome {
    /// As it goes into rax.
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
