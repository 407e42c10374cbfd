//! Short routines that find most calls right, for the checks that run most often. Calls that they are not sure of go to
//! the check itself, which reports.
//!
//! They guess an operand's slot or range. A wrong guess does no harm: the operand must lie in the live object that is
//! found there.

use super::operand::{CHECKED, Checked, GUESS_BYTES};
use crate::heap::large::{FOUND, FOUND_BYTES, LargeRange, LargeSpace};
use crate::heap::pool::{Class, INVERSE_BITS};
use crate::heap::record::{Record, State};
use crate::sys::PAGE_BYTES;

// The routines divide by shifts.
const _: () = assert!(GUESS_BYTES.is_power_of_two() && FOUND_BYTES.is_power_of_two());
const _: () = assert!(FOUND.is_power_of_two() && size_of::<Record>().is_power_of_two());

/// Finds the live object that the operand in the register lies in. Leaves its record's address in r9, and the operand's
/// offset in it in rax: a huge number if it is not in the object. Goes to the label 7 if the operand is not checked, to
/// 9 if there is no live object. r8 must be the address of [`CHECKED`]. Changes r10 and r11.
macro_rules! find {
    ($register:literal) => {
        concat!(
            concat!("mov rax, ", $register, "\n"),
            "sub rax, [r8]\n",
            "cmp rax, [r8 + 8]\n",
            "jae 7f\n",
            // Load the guessed class.
            "shr rax, {guess_shift}\n",
            "mov r10, [r8 + 8 * rax + {guesses}]\n",
            concat!("mov rax, ", $register, "\n"),
            "test r10, r10\n",
            "jz 5f\n",
            // Compute the slot's number.
            "sub rax, [r10 + {start}]\n",
            "mov r9, rax\n",
            "shr r9, {page_shift}\n",
            "imul r9, [r10 + {inverse}]\n",
            "shr r9, {inverse_bits}\n",
            "cmp r9, [r10 + {opened}]\n",
            "jae 9f\n",
            // Compute the offset in the slot: a huge number if the guess is wrong.
            "mov r11, [r10 + {stride}]\n",
            "imul r11, r9\n",
            "sub rax, r11\n",
            "shl r9, {record_shift}\n",
            "add r9, [r10 + {records}]\n",
            "jmp 4f\n",
            // Take the large object that was found last for an address like this.
            "5:\n",
            "mov r9, rax\n",
            "shr r9, {found_shift}\n",
            "and r9d, {found} - 1\n",
            "mov r10, [r8 + {large}]\n",
            "mov r9d, [r10 + 4 * r9 + {found_at}]\n",
            "cmp r9, [r10 + {count}]\n",
            "jae 9f\n",
            "imul r9, r9, {range_bytes}\n",
            "add r9, [r10 + {ranges}]\n",
            "sub rax, [r9 + {range_start}]\n",
            "add r9, {range_record}\n",
            "4:\n",
            "cmp byte ptr [r9 + {state}], {live}\n",
            "jne 9f\n",
            "mov r11d, [r9 + {offset}]\n",
            "sub rax, r11\n",
        )
    };
}

/// Goes to 9 unless the operand's object has rdx bytes left.
macro_rules! block {
    ($register:literal) => {
        concat!(
            find!($register),
            "add rax, rdx\n",
            "jc 9f\n",
            "cmp rax, [r9 + {size}]\n",
            "ja 9f\n",
            "7:\n",
        )
    };
}

/// Leaves in r9 how many bytes the operand's object has left: a huge number if the operand is not checked. Goes to 9 if
/// there are none.
macro_rules! room_of {
    ($register:literal) => {
        concat!(
            find!($register),
            "mov r9, [r9 + {size}]\n",
            "sub r9, rax\n",
            "ja 6f\n",
            "jmp 9f\n",
            "7:\n",
            "mov r9, -1\n",
            "6:\n",
        )
    };
}

/// Goes to the label 6 unless the first 16 bytes at the register are on one page. Changes r11.
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

/// Goes to 9 unless the object, which ends r9 bytes behind the register, ends in a NUL on the same page. No string goes
/// on behind that. Changes r11.
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

/// Declares a routine that checks operands, and sets the carry flag unless it finds all of them right.
///
/// The functions have at most four arguments and are not variadic, so rax, r8 to r11 and the vector registers are free.
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
            "lea r8, [rip + {checked}]",
            $($look,)*
            "8:",
            "clc",
            "ret",
            "9:",
            "stc",
            "ret",
            ".cfi_endproc",
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            // Only routines on strings use this.
            "/* {page_bytes} */",
            checked = sym CHECKED,
            guesses = const Checked::GUESSES_AT,
            guess_shift = const GUESS_BYTES.ilog2(),
            start = const Class::START_AT,
            page_bytes = const PAGE_BYTES,
            page_shift = const PAGE_BYTES.ilog2(),
            inverse = const Class::INVERSE_AT,
            inverse_bits = const INVERSE_BITS,
            opened = const Class::OPENED_AT,
            stride = const Class::STRIDE_AT,
            records = const Class::RECORDS_AT,
            record_shift = const size_of::<Record>().ilog2(),
            large = const Checked::LARGE_AT,
            found = const FOUND,
            found_shift = const FOUND_BYTES.ilog2(),
            found_at = const LargeSpace::FOUND_AT,
            count = const LargeSpace::COUNT_AT,
            ranges = const LargeSpace::RANGES_AT,
            range_bytes = const size_of::<LargeRange>(),
            range_start = const LargeRange::START_AT,
            range_record = const LargeRange::RECORD_AT,
            state = const Record::STATE_AT,
            live = const State::Live as u8,
            offset = const Record::OFFSET_AT,
            size = const Record::SIZE_AT,
        );
    };
}

// Checks two blocks of rdx bytes that must not overlap. (Leaves a copy onto itself to the full check.)
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
// Checks two blocks of rdx bytes.
quick_routine!("fencepost_entry_pair", [block!("rdi"), block!("rsi")]);
// Checks one block of rdx bytes.
quick_routine!("fencepost_entry_single", [block!("rdi")]);
// Checks two strings, as far as a comparison reads them.
quick_routine!(
    "fencepost_entry_strings",
    [
        room_of!("rdi"),
        "mov rcx, r9",
        room_of!("rsi"),
        // Take the string with less room, and its room.
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
// Checks one string.
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
