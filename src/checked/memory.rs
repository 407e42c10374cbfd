//! Blocks of memory, of bytes and of wide characters: searches in them, and what serves before libc's functions are
//! known.

use super::entry::Call;
use core::ffi::c_int;

/// Bytes of a wide character.
const WIDE_BYTES: usize = size_of::<libc::wchar_t>();

unsafe extern "C" {
    pub fn wmemchr(s: *const u32, c: u32, n: usize) -> *mut u32;
}

/// Returns the offset of `byte` among the `limit` bytes at `start`.
///
/// # Safety
/// The bytes at `start`, up to the one sought or the limit, must be readable.
unsafe fn offset_of(start: usize, byte: c_int, limit: usize) -> Option<usize> {
    // SAFETY: the caller promises that the bytes up to the one sought, or the limit, are readable.
    let found = unsafe { libc::memchr(start as *const _, byte, limit) } as usize;
    found.checked_sub(start)
}

/// Makes a checked call of memchr: reads up to the first such byte among `limit`, and returns its address or 0. Touches
/// no byte behind it, however large `limit` is.
///
/// # Safety
/// The bytes from argument 0 up to the one sought must be readable, unless they are in the heap.
pub unsafe fn find(call: &Call<'_>, limit: usize) -> usize {
    let room = call.room(0);
    // SAFETY: the search stays in the object's bytes. Outside the heap, the caller promises readable bytes.
    match unsafe { offset_of(call.arg(0), call.int(1), limit.min(room)) } {
        Some(offset) => call.arg(0) + offset,
        None => {
            call.reads("block", 0, limit.min(room.saturating_add(1)));
            0
        }
    }
}

/// Makes a checked call of wmemchr.
///
/// # Safety
/// The characters from argument 0 up to the one sought must be readable, unless they are in the heap.
pub unsafe fn find_wide(call: &Call<'_>) -> *mut u32 {
    let readable = call.arg(2).min(call.room(0) / WIDE_BYTES);
    // SAFETY: the search stays in the object's bytes. Outside the heap, the caller promises readable bytes.
    let found = unsafe { wmemchr(call.ptr(0), call.arg(1) as u32, readable) };
    if found.is_null() {
        call.reads("block", 0, call.arg(2).min(readable + 1).saturating_mul(WIDE_BYTES));
    }
    found
}

/// Checks a call of memccpy, which copies up to the byte sought.
///
/// # Safety
/// The bytes at argument 1 up to the one sought must be readable, unless they are in the heap.
pub unsafe fn copies_until(call: &Call<'_>) {
    let readable = call.room(1).min(call.arg(3));
    // SAFETY: the search stays in the object's bytes. Outside the heap, the caller promises readable bytes.
    let found = unsafe { offset_of(call.arg(1), call.int(2), readable) };
    let bytes = found.map_or(call.arg(3), |offset| offset + 1);
    call.reads("source", 1, bytes);
    call.writes("destination", 0, bytes);
    call.distinct(bytes);
}

/// Checks a call of swab, which swaps whole pairs of bytes; their number is signed.
pub fn swaps(call: &Call<'_>) {
    if call.arg(2) as isize > 1 {
        call.reads("source", 0, call.arg(2) & !1);
        call.writes("destination", 1, call.arg(2) & !1);
    }
}

/// Checks a call of memmem, which does not look for a needle longer than the haystack.
pub fn searches(call: &Call<'_>) {
    if call.arg(1) >= call.arg(3) {
        call.reads("haystack", 0, call.arg(1));
        call.reads("needle", 2, call.arg(3));
    }
}

// These serve until libc's functions are known. They are in assembler because a compiler turns such loops into calls of
// these very functions, which would end here again.
core::arch::global_asm!(
    ".pushsection .text.fencepost_early,\"ax\",@progbits",
    ".hidden fencepost_early_copy, fencepost_early_move, fencepost_early_fill",
    ".hidden fencepost_early_compare, fencepost_early_find",
    ".globl fencepost_early_copy, fencepost_early_move, fencepost_early_fill",
    ".globl fencepost_early_compare, fencepost_early_find",
    "fencepost_early_copy:",
    "mov rax, rdi",
    "mov rcx, rdx",
    "rep movsb",
    "ret",
    "fencepost_early_move:",
    "mov rax, rdi",
    "mov rcx, rdx",
    "mov r11, rdi",
    "sub r11, rsi",
    "cmp r11, rdx",
    // The destination begins inside the source, so copy from the end.
    "jb 2f",
    "rep movsb",
    "ret",
    "2:",
    "lea rdi, [rdi + rdx - 1]",
    "lea rsi, [rsi + rdx - 1]",
    "std",
    "rep movsb",
    "cld",
    "ret",
    "fencepost_early_fill:",
    "mov r11, rdi",
    "mov eax, esi",
    "mov rcx, rdx",
    "rep stosb",
    "mov rax, r11",
    "ret",
    "fencepost_early_compare:",
    "xor eax, eax",
    "mov rcx, rdx",
    "2:",
    "sub rcx, 1",
    "jb 3f",
    "movzx eax, byte ptr [rdi]",
    "movzx r11d, byte ptr [rsi]",
    "add rdi, 1",
    "add rsi, 1",
    "sub eax, r11d",
    "jz 2b",
    "3:",
    "ret",
    "fencepost_early_find:",
    "2:",
    "sub rdx, 1",
    "jb 3f",
    "mov rax, rdi",
    "add rdi, 1",
    "cmp byte ptr [rax], sil",
    "jne 2b",
    "ret",
    "3:",
    "xor eax, eax",
    "ret",
    ".popsection",
);
