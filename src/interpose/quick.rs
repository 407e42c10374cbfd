//! The usual answer of the checks that are asked most, in few instructions: that all is well. Where it
//! is not, or hard to say, the check itself looks closer, and reports.

use super::text;
use crate::checks::{self, fits};

/// Declares a routine that asks `$fits` about rdi, rsi and rdx. If it says yes the call goes on to the
/// address in r10; otherwise the check in r11 looks closer.
macro_rules! quick_routine {
    ($name:literal, $fits:path) => {
        core::arch::global_asm!(
            concat!(".pushsection .text.hot.", $name, ",\"ax\",@progbits"),
            ".balign 16",
            concat!(".globl ", $name),
            concat!(".hidden ", $name),
            concat!(".type ", $name, ",@function"),
            concat!($name, ":"),
            ".cfi_startproc",
            // Functions of up to four arguments, those with `_chk`: no other register is one.
            "push rdi",
            "push rsi",
            "push rdx",
            "push rcx",
            "push r10",
            "push r11",
            // For the alignment of the stack.
            "push rax",
            ".cfi_adjust_cfa_offset 56",
            "call {fits}",
            "pop rcx",
            "pop r11",
            "pop r10",
            "pop rcx",
            "pop rdx",
            "pop rsi",
            "pop rdi",
            ".cfi_adjust_cfa_offset -56",
            "test al, al",
            // Not variadic: the zero in al says so.
            "jz fencepost_entry_before",
            "jmp r10",
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            fits = sym $fits,
        );
    };
}
quick_routine!("fencepost_entry_copy", copy_fits);
quick_routine!("fencepost_entry_pair", pair_fits);
quick_routine!("fencepost_entry_single", single_fits);
quick_routine!("fencepost_entry_strings", strings_fit);

/// Two operands of `bytes` bytes, which must not overlap unless they are the same.
#[unsafe(link_section = ".text.hot")]
extern "C" fn copy_fits(first: usize, second: usize, bytes: usize) -> bool {
    let distance = first.abs_diff(second);
    (distance >= bytes || distance == 0) && pair_fits(first, second, bytes)
}

/// Two operands of `bytes` bytes.
#[unsafe(link_section = ".text.hot")]
extern "C" fn pair_fits(first: usize, second: usize, bytes: usize) -> bool {
    fits(first, bytes) && fits(second, bytes)
}

/// One operand of `bytes` bytes, in the first argument and the third.
#[unsafe(link_section = ".text.hot")]
extern "C" fn single_fits(first: usize, _: usize, bytes: usize) -> bool {
    fits(first, bytes)
}

/// Two strings, as far as a comparison reads them.
#[unsafe(link_section = ".text.hot")]
extern "C" fn strings_fit(first: usize, second: usize, _: usize) -> bool {
    let bound = checks::room(first).min(checks::room(second));
    // SAFETY: the program's promise: what is no object's is a string.
    unsafe { text::part_within(first, second, bound) }
}
