//! The usual answer of the checks that are asked most, in few instructions: that all is well. Where it
//! is not, or hard to say, the check itself looks closer, and reports.
//!
//! An operand's slot or range is guessed. A wrong guess does no harm: the operand must lie in the live
//! object there.

use crate::checks::{CHECKED, Checked, GUESS_BYTES};
use crate::heap::class::{Class, INVERSE_BITS};
use crate::heap::large::{FOUND, FOUND_BYTES, LargeRange, LargeSpace};
use crate::heap::record::{Record, State};
use crate::sys::PAGE_BYTES;

/// Leaves in r9 the bytes from the operand in the register to the end of its object: a huge number if it
/// is not looked at. To the label 9 if the object is not found, or not live. Changes rax, r8 and r11.
macro_rules! room_of {
    ($register:literal) => {
        concat!(
            "mov r9, -1\n",
            concat!("mov rax, ", $register, "\n"),
            "sub rax, [rip + {checked}]\n",
            "cmp rax, [rip + {checked} + 8]\n",
            "jae 7f\n",
            // The guessed class.
            "shr rax, {guess_shift}\n",
            "lea r8, [rip + {checked} + {guesses}]\n",
            "mov r8, [r8 + 8 * rax]\n",
            concat!("mov rax, ", $register, "\n"),
            "test r8, r8\n",
            "jz 5f\n",
            // The number of the slot.
            "sub rax, [r8 + {start}]\n",
            "mov r9, rax\n",
            "shr r9, {page_shift}\n",
            "imul r9, [r8 + {inverse}]\n",
            "shr r9, {inverse_bits}\n",
            "cmp r9, [r8 + {opened}]\n",
            "jae 9f\n",
            // The offset in the slot: huge if the guess is wrong.
            "mov r11, [r8 + {stride}]\n",
            "imul r11, r9\n",
            "sub rax, r11\n",
            "shl r9, {record_shift}\n",
            "add r9, [r8 + {records}]\n",
            "4:\n",
            "cmp byte ptr [r9 + {state}], {live}\n",
            "jne 9f\n",
            "mov r11d, [r9 + {offset}]\n",
            "sub rax, r11\n",
            "jb 9f\n",
            "mov r9, [r9 + {size}]\n",
            "sub r9, rax\n",
            "jbe 9f\n",
            "jmp 7f\n",
            // Among the large objects, the one that was found last for an address like this.
            "5:\n",
            "mov r9, rax\n",
            "shr r9, {found_shift}\n",
            "and r9d, {found} - 1\n",
            "mov r8, [rip + {checked} + {large}]\n",
            "mov r9d, [r8 + 4 * r9 + {found_at}]\n",
            "cmp r9, [r8 + {count}]\n",
            "jae 9f\n",
            "imul r9, r9, {range_bytes}\n",
            "add r9, [r8 + {ranges}]\n",
            "sub rax, [r9 + {range_start}]\n",
            "add r9, {range_record}\n",
            "jmp 4b\n",
            "7:\n",
        )
    };
}

/// To 9 unless there is room for rdx bytes.
macro_rules! block {
    ($register:literal) => {
        concat!(room_of!($register), "cmp r9, rdx\njb 9f\n")
    };
}

/// To the label 6 unless the first 16 bytes at the register are on one page. Changes r11.
macro_rules! on_one_page {
    ($register:literal) => {
        concat!(
            concat!("mov r11, ", $register, "\n"),
            "and r11d, {page_bytes} - 1\n",
            "cmp r11d, {page_bytes} - 16\n",
            "ja 6f\n",
        )
    };
}

/// To 9 unless the object that has r9 bytes from the register on ends there in a NUL, and on the same
/// page: no string can go on behind it. Changes r11.
macro_rules! ends_in_nul {
    ($register:literal) => {
        concat!(
            concat!("lea r11, [", $register, " + r9 - 1]\n"),
            concat!("xor r11, ", $register, "\n"),
            "cmp r11, {page_bytes}\n",
            "jae 9f\n",
            concat!("cmp byte ptr [", $register, " + r9 - 1], 0\n"),
            "jne 9f\n",
        )
    };
}

/// Declares a routine that looks at operands. If it finds nothing wrong, the call goes on to the address
/// in r10; otherwise the check in r11 looks closer.
///
/// The functions have four arguments at most and are not variadic: r8, r9, rax and the vector registers
/// are free.
macro_rules! quick_routine {
    ($name:literal, [$($look:expr),*]) => {
        core::arch::global_asm!(
            concat!(".pushsection .text.hot.", $name, ",\"ax\",@progbits"),
            ".balign 16",
            concat!(".globl ", $name),
            concat!(".hidden ", $name),
            concat!(".type ", $name, ",@function"),
            concat!($name, ":"),
            ".cfi_startproc",
            "push r11",
            ".cfi_adjust_cfa_offset 8",
            $($look,)*
            "8:",
            "pop r11",
            ".cfi_remember_state",
            ".cfi_adjust_cfa_offset -8",
            "jmp r10",
            ".cfi_restore_state",
            "9:",
            "pop r11",
            ".cfi_adjust_cfa_offset -8",
            // Not variadic: the zero in al says so.
            "xor eax, eax",
            "jmp fencepost_entry_before",
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            // Some of these are of strings only, or of blocks.
            "/* {guesses} {page_bytes} */",
            checked = sym CHECKED,
            guesses = const Checked::GUESSES_AT,
            guess_shift = const GUESS_BYTES.ilog2(),
            start = const Class::START_AT,
            page_bytes = const PAGE_BYTES,
            page_shift = const PAGE_BYTES.ilog2(),
            inverse = const Class::INVERSE_AT,
            inverse_bits = const INVERSE_BITS,
            large = const Checked::LARGE_AT,
            found = const FOUND,
            found_shift = const FOUND_BYTES.ilog2(),
            found_at = const LargeSpace::FOUND_AT,
            count = const LargeSpace::COUNT_AT,
            ranges = const LargeSpace::RANGES_AT,
            range_bytes = const size_of::<LargeRange>(),
            range_start = const LargeRange::START_AT,
            range_record = const LargeRange::RECORD_AT,
            opened = const Class::OPENED_AT,
            stride = const Class::STRIDE_AT,
            records = const Class::RECORDS_AT,
            record_shift = const size_of::<Record>().ilog2(),
            state = const Record::STATE_AT,
            live = const State::Live as u8,
            offset = const Record::OFFSET_AT,
            size = const Record::SIZE_AT,
        );
    };
}

// Two blocks of rdx bytes that must not overlap. (A copy onto itself is for the closer look.)
quick_routine!(
    "fencepost_entry_copy",
    [
        "mov rax, rdi",
        "sub rax, rsi",
        "cmp rax, rdx",
        "jb 9f",
        "neg rax",
        "cmp rax, rdx",
        "jb 9f",
        block!("rdi"),
        block!("rsi")
    ]
);
// Two blocks of rdx bytes.
quick_routine!("fencepost_entry_pair", [block!("rdi"), block!("rsi")]);
// One block of rdx bytes.
quick_routine!("fencepost_entry_single", [block!("rdi")]);
// Two strings, as far as a comparison reads them.
quick_routine!(
    "fencepost_entry_strings",
    [
        room_of!("rdi"),
        "mov rcx, r9",
        room_of!("rsi"),
        // The one with less room, and its room.
        "cmp r9, rcx",
        "mov rax, rsi",
        "cmova r9, rcx",
        "cmova rax, rdi",
        "cmp r9, 16",
        "jb 6f",
        on_one_page!("rdi"),
        on_one_page!("rsi"),
        "movdqu xmm0, [rdi]",
        "movdqu xmm1, [rsi]",
        "pcmpeqb xmm1, xmm0",
        "pxor xmm2, xmm2",
        "pcmpeqb xmm2, xmm0",
        "pandn xmm2, xmm1",
        "pmovmskb r11d, xmm2",
        "cmp r11d, 0xffff",
        "jne 8f",
        "6:",
        ends_in_nul!("rax")
    ]
);
// One string.
quick_routine!(
    "fencepost_entry_string",
    [
        room_of!("rdi"),
        "cmp r9, 16",
        "jb 6f",
        on_one_page!("rdi"),
        "pxor xmm0, xmm0",
        "movdqu xmm1, [rdi]",
        "pcmpeqb xmm0, xmm1",
        "pmovmskb eax, xmm0",
        "test eax, eax",
        "jnz 8f",
        "6:",
        ends_in_nul!("rdi")
    ]
);
