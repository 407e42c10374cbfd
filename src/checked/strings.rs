//! Functions on strings, of bytes and of wide characters, that no general rule in `text` fits.

use super::entry::Call;
use super::text::{Extent, Unit, bytes, reads_extent};
use core::ffi::c_char;
use core::ptr::null_mut;

unsafe extern "C" {
    fn strtok_r(s: *mut c_char, sep: *const c_char, save: *mut *mut c_char) -> *mut c_char;
    fn strsep(string: *mut *mut c_char, sep: *const c_char) -> *mut c_char;
    fn wcstok(s: *mut u32, delimiters: *const u32, save: *mut *mut u32) -> *mut u32;
}

const NO_LIMIT: usize = usize::MAX;

/// Checks a call of strlcpy, which reads all of the source to return its length.
pub unsafe fn copies_truncating(call: &Call<'_>) {
    // SAFETY: the program passes what the manual demands.
    unsafe {
        let whole = reads_extent::<u8>(call, "source", 1, NO_LIMIT).length() + 1;
        let copied = whole.min(call.arg(2));
        call.writes("destination", 0, copied);
        call.site.distinct((call.arg(0), copied), (call.arg(1), copied));
    }
}

/// Checks a call of strlcat.
pub unsafe fn appends_truncating(call: &Call<'_>) {
    let size = call.arg(2);
    // SAFETY: the program passes what the manual demands.
    unsafe {
        let added = reads_extent::<u8>(call, "source", 1, NO_LIMIT).length() + 1;
        let old = reads_extent::<u8>(call, "destination", 0, size).length();
        call.writes("destination", 0, old.saturating_add(added).min(size));
    }
}

/// Checks and returns a tokenizer's result: the token that it has read and cut off.
unsafe fn cut<U: Unit, T>(call: &Call<'_>, token: *mut T) -> *mut T {
    if !token.is_null() {
        // SAFETY: libc's function returns a string or null.
        let extent = unsafe { Extent::<U>::of(token as usize, NO_LIMIT) };
        call.site.reads("token", token as usize, extent.bytes());
    }
    token
}

/// Makes a checked call of strtok.
pub unsafe fn tokenize(call: &Call<'_>) -> *mut c_char {
    // SAFETY: the program passes what the manual demands.
    unsafe { cut::<u8, _>(call, libc::strtok(call.ptr(0), call.ptr(1))) }
}

/// Makes a checked call of strtok_r.
pub unsafe fn tokenize_on(call: &Call<'_>) -> *mut c_char {
    // SAFETY: the program passes what the manual demands.
    unsafe { cut::<u8, _>(call, strtok_r(call.ptr(0), call.ptr(1), call.ptr(2))) }
}

/// Makes a checked call of wcstok.
pub unsafe fn tokenize_wide(call: &Call<'_>) -> *mut u32 {
    // SAFETY: the program passes what the manual demands.
    unsafe { cut::<u32, _>(call, wcstok(call.ptr(0), call.ptr(1), call.ptr(2))) }
}

/// Makes a checked call of strsep.
pub unsafe fn separate(call: &Call<'_>) -> *mut c_char {
    // SAFETY: the program passes what the manual demands, and the pointer to the string was checked.
    unsafe {
        let string = *call.ptr::<usize>(0);
        call.site.reads("string", string, usize::from(string != 0));
        cut::<u8, _>(call, strsep(call.ptr(0), call.ptr(1)))
    }
}

/// Makes a checked call of strxfrm. Its result is the whole length; it writes at most argument 2 bytes.
pub unsafe fn transform(call: &Call<'_>) -> usize {
    let size = call.arg(2).min(call.room(0));
    let to = if size == 0 { null_mut() } else { call.ptr(0) };
    // SAFETY: the program passes what the manual demands.
    let whole = unsafe { libc::strxfrm(to, call.ptr(1), size) };
    if call.arg(2) > size {
        call.writes("destination", 0, bytes::<u8>(whole.saturating_add(1).min(call.arg(2))));
    }
    whole
}

/// Implements strlcpy for a libc without it: dlsym(3) finds our name for it all the same.
///
/// # Safety
/// The caller must keep to strlcpy(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn fencepost_early_strlcpy(to: *mut u8, from: *const u8, size: usize) -> usize {
    // SAFETY: the caller keeps to the manual, so the strings are there and the buffer has `size` bytes.
    unsafe {
        let length = libc::strlen(from.cast());
        if let Some(most) = size.checked_sub(1) {
            core::ptr::copy_nonoverlapping(from, to, length.min(most));
            *to.add(length.min(most)) = 0;
        }
        length
    }
}

/// Implements strlcat for a libc without it: dlsym(3) finds our name for it all the same.
///
/// # Safety
/// The caller must keep to strlcat(3).
#[unsafe(no_mangle)]
unsafe extern "C" fn fencepost_early_strlcat(to: *mut u8, from: *const u8, size: usize) -> usize {
    // SAFETY: the caller keeps to the manual, so the strings are there and the buffer has `size` bytes.
    unsafe {
        let old = libc::strnlen(to.cast(), size);
        old + fencepost_early_strlcpy(to.add(old), from, size - old)
    }
}

// These serve until libc's functions are known; the end of `memory` says why they are in assembler.
core::arch::global_asm!(
    ".pushsection .text.fencepost_early_strings,\"ax\",@progbits",
    ".globl fencepost_early_length, fencepost_early_order",
    ".hidden fencepost_early_length, fencepost_early_order",
    "fencepost_early_length:",
    "mov rax, -1",
    "2:",
    "add rax, 1",
    "cmp byte ptr [rdi + rax], 0",
    "jne 2b",
    "ret",
    "fencepost_early_order:",
    "movzx eax, byte ptr [rdi]",
    "movzx r11d, byte ptr [rsi]",
    "add rdi, 1",
    "add rsi, 1",
    "cmp eax, r11d",
    "jne 3f",
    "test eax, eax",
    "jnz fencepost_early_order",
    "3:",
    "sub eax, r11d",
    "ret",
    ".popsection",
);
