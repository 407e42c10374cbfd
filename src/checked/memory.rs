//! The checked functions on blocks of memory, of bytes and of wide characters.

use super::entry::{Call, entries};
use super::operand;
use core::ffi::c_int;

/// Bytes of a wide character.
pub const WIDE_BYTES: usize = size_of::<libc::wchar_t>();

unsafe extern "C" {
    pub fn wmemchr(s: *const u32, c: u32, n: usize) -> *mut u32;
}

/// Bytes of `count` wide characters; a product too large for any object stays so.
pub const fn wide(count: usize) -> usize {
    count.saturating_mul(WIDE_BYTES)
}

/// Copies `bytes` bytes from argument 1 to argument 0. A copy onto itself is let be: compilers make
/// them of assignments of structures.
fn copies(call: &Call<'_>, bytes: usize) {
    moves(call, bytes);
    if call.arg(0) != call.arg(1) {
        call.site.distinct((call.arg(0), bytes), (call.arg(1), bytes));
    }
}

/// The same where the ranges may overlap.
fn moves(call: &Call<'_>, bytes: usize) {
    call.reads("source", 1, bytes);
    call.writes("destination", 0, bytes);
}

fn compares(call: &Call<'_>, bytes: usize) {
    call.reads("first", 0, bytes);
    call.reads("second", 1, bytes);
}

/// Where in the `limit` bytes at `start`, or in what of them may be read, `byte` is.
///
/// # Safety
/// `start` must be valid for as many reads.
unsafe fn find(start: usize, byte: c_int, limit: usize) -> Option<usize> {
    // SAFETY: the caller's promise.
    let found = unsafe { libc::memchr(start as *const _, byte, limit) } as usize;
    found.checked_sub(start)
}

/// Reads up to the first such byte among `limit`, and answers where that is or 0. No byte behind
/// it is touched, however large `limit` is.
///
/// # Safety
/// The bytes from argument 0 up to the one sought must be readable, unless they are an object's.
unsafe fn seeks(call: &Call<'_>, limit: usize) -> usize {
    let room = call.room(0);
    // SAFETY: the caller's promise; bytes of an object are readable.
    match unsafe { find(call.arg(0), call.int(1), limit.min(room)) } {
        Some(offset) => call.arg(0) + offset,
        None => {
            call.reads("block", 0, limit.min(room.saturating_add(1)));
            0
        }
    }
}

/// Bytes that memccpy reads: up to the byte sought.
unsafe fn copied_until(call: &Call<'_>, limit: usize) -> usize {
    let readable = operand::room(call.arg(1)).min(limit);
    // SAFETY: the program's promise; bytes of an object are readable.
    let found = unsafe { find(call.arg(1), call.int(2), readable) };
    found.map_or(limit, |offset| offset + 1)
}

entries! {
    copy memcpy[rdi rsi] early "fencepost_early_copy" = |call| copies(call, call.arg(2));
    copy __memcpy_chk[rdi rsi] early "fencepost_early_copy" = |call| copies(call, call.arg(2));
    copy mempcpy[rdi rsi] = |call| copies(call, call.arg(2));
    copy __mempcpy[rdi rsi] = |call| copies(call, call.arg(2));
    copy __mempcpy_chk[rdi rsi] = |call| copies(call, call.arg(2));
    pair memmove[rdi rsi] early "fencepost_early_move" = |call| moves(call, call.arg(2));
    pair __memmove_chk[rdi rsi] early "fencepost_early_move" = |call| moves(call, call.arg(2));
    before bcopy[rdi rsi] = |call| {
        call.reads("source", 0, call.arg(2));
        call.writes("destination", 1, call.arg(2));
    };
    before memccpy[rdi rsi] = |call| {
        let bytes = copied_until(call, call.arg(3));
        copies(call, bytes);
    };
    before swab[rdi rsi] = |call| if call.arg(2) as isize > 1 {
        call.reads("source", 0, call.arg(2) & !1);
        call.writes("destination", 1, call.arg(2) & !1);
    };
    single memset[rdi] early "fencepost_early_fill" = |call| call.writes("block", 0, call.arg(2));
    single __memset_chk[rdi] early "fencepost_early_fill" = |call| call.writes("block", 0, call.arg(2));
    before bzero[rdi] = |call| call.writes("block", 0, call.arg(1));
    before __bzero[rdi] or "bzero" = |call| call.writes("block", 0, call.arg(1));
    before explicit_bzero[rdi] = |call| call.writes("block", 0, call.arg(1));
    before __explicit_bzero_chk[rdi] = |call| call.writes("block", 0, call.arg(1));
    pair memcmp[rdi rsi] early "fencepost_early_compare" = |call| compares(call, call.arg(2));
    pair __memcmpeq[rdi rsi] or "memcmp" = |call| compares(call, call.arg(2));
    pair bcmp[rdi rsi] early "fencepost_early_compare" = |call| compares(call, call.arg(2));
    instead memchr[rdi] early "fencepost_early_find" = |call| seeks(call, call.arg(2));
    instead rawmemchr[rdi] = |call| seeks(call, usize::MAX);
    instead __rawmemchr[rdi] = |call| seeks(call, usize::MAX);
    single memrchr[rdi] = |call| call.reads("block", 0, call.arg(2));
    before memmem[rdi rdx] = |call| if call.arg(1) >= call.arg(3) {
        call.reads("haystack", 0, call.arg(1));
        call.reads("needle", 2, call.arg(3));
    };

    before wmemcpy[rdi rsi] = |call| copies(call, wide(call.arg(2)));
    before __wmemcpy_chk[rdi rsi] = |call| copies(call, wide(call.arg(2)));
    before wmempcpy[rdi rsi] = |call| copies(call, wide(call.arg(2)));
    before __wmempcpy_chk[rdi rsi] = |call| copies(call, wide(call.arg(2)));
    before wmemmove[rdi rsi] = |call| moves(call, wide(call.arg(2)));
    before __wmemmove_chk[rdi rsi] = |call| moves(call, wide(call.arg(2)));
    before wmemset[rdi] = |call| call.writes("block", 0, wide(call.arg(2)));
    before __wmemset_chk[rdi] = |call| call.writes("block", 0, wide(call.arg(2)));
    before wmemcmp[rdi rsi] = |call| compares(call, wide(call.arg(2)));
    instead wmemchr[rdi] = |call| {
        let readable = call.arg(2).min(call.room(0) / WIDE_BYTES);
        let found = super::wmemchr(call.ptr(0), call.arg(1) as u32, readable);
        if found.is_null() {
            call.reads("block", 0, wide(call.arg(2).min(readable + 1)));
        }
        found
    };
}

// The basic functions while libc's are not known. In assembler: a compiler makes calls of loops like
// these, and they would end here again.
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
    // The destination begins inside the source: from the end.
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
