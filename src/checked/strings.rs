//! The checked functions on strings of bytes.

use super::entry::{Call, entries};
use super::text::{
    Case, Extent, appends_string, bytes, compares_strings, copies_string, finds, finds_of_set,
    finds_string, reads_extent, reads_string, reads_whole,
};
use core::ffi::c_char;
use core::ptr::null_mut;

unsafe extern "C" {
    fn strtok_r(s: *mut c_char, sep: *const c_char, save: *mut *mut c_char) -> *mut c_char;
    fn strsep(string: *mut *mut c_char, sep: *const c_char) -> *mut c_char;
}

const NO_LIMIT: usize = usize::MAX;

/// strlcpy: all of the source is read, to answer its length.
unsafe fn copy_truncating(call: &Call<'_>, size: usize) {
    // SAFETY: the program's promise.
    unsafe {
        let copied = (reads_extent::<u8>(call, "source", 1, NO_LIMIT).length() + 1).min(size);
        call.writes("destination", 0, copied);
        call.site.distinct((call.arg(0), copied), (call.arg(1), copied));
    }
}

/// strlcat.
unsafe fn append_truncating(call: &Call<'_>, size: usize) {
    // SAFETY: the program's promise.
    unsafe {
        let added = reads_extent::<u8>(call, "source", 1, NO_LIMIT).length() + 1;
        let old = reads_extent::<u8>(call, "destination", 0, size).length();
        call.writes("destination", 0, old.saturating_add(added).min(size));
    }
}

/// What a tokenizer answers: the token that it read and cut off.
unsafe fn cut(call: &Call<'_>, token: *mut c_char) -> *mut c_char {
    if !token.is_null() {
        // SAFETY: libc's function answers a string.
        let extent = unsafe { Extent::<u8>::of(token as usize, NO_LIMIT) };
        call.site.reads("token", token as usize, extent.bytes());
    }
    token
}

unsafe fn tokenize(call: &Call<'_>, save: *mut *mut c_char) -> *mut c_char {
    // SAFETY: the program's promise.
    unsafe {
        reads_whole::<u8>(call, "delimiters", 1);
        call.reads("string", 0, usize::from(call.arg(0) != 0));
        cut(call, strtok_r(call.ptr(0), call.ptr(1), save))
    }
}

unsafe fn separate(call: &Call<'_>) -> *mut c_char {
    call.writes("stringp", 0, size_of::<usize>());
    // SAFETY: the program's promise.
    unsafe {
        reads_whole::<u8>(call, "delimiters", 1);
        let string = *call.ptr::<usize>(0);
        if string != 0 {
            call.site.reads("string", string, 1);
        }
        cut(call, strsep(call.ptr(0), call.ptr(1)))
    }
}

unsafe fn both(call: &Call<'_>) {
    // SAFETY: the program's promise.
    unsafe {
        reads_whole::<u8>(call, "first", 0);
        reads_whole::<u8>(call, "second", 1);
    }
}

entries! {
    string strlen[rdi] early "fencepost_early_length" = |call| reads_whole::<u8>(call, "string", 0);
    before strnlen[rdi] = |call| reads_string::<u8>(call, "string", 0, call.arg(1));
    before strcpy[rdi rsi] = |call| copies_string::<u8>(call, NO_LIMIT, None);
    before __strcpy_chk[rdi rsi] = |call| copies_string::<u8>(call, NO_LIMIT, None);
    before stpcpy[rdi rsi] = |call| copies_string::<u8>(call, NO_LIMIT, None);
    before __stpcpy[rdi rsi] = |call| copies_string::<u8>(call, NO_LIMIT, None);
    before __stpcpy_chk[rdi rsi] = |call| copies_string::<u8>(call, NO_LIMIT, None);
    before strncpy[rdi rsi] = |call| copies_string::<u8>(call, call.arg(2), Some(call.arg(2)));
    before __strncpy_chk[rdi rsi] = |call| copies_string::<u8>(call, call.arg(2), Some(call.arg(2)));
    before stpncpy[rdi rsi] = |call| copies_string::<u8>(call, call.arg(2), Some(call.arg(2)));
    before __stpncpy[rdi rsi] = |call| copies_string::<u8>(call, call.arg(2), Some(call.arg(2)));
    before __stpncpy_chk[rdi rsi] = |call| copies_string::<u8>(call, call.arg(2), Some(call.arg(2)));
    before strcat[rdi rsi] = |call| appends_string::<u8>(call, NO_LIMIT);
    before __strcat_chk[rdi rsi] = |call| appends_string::<u8>(call, NO_LIMIT);
    before strncat[rdi rsi] = |call| appends_string::<u8>(call, call.arg(2));
    before __strncat_chk[rdi rsi] = |call| appends_string::<u8>(call, call.arg(2));
    before strlcpy[rdi rsi] early "fencepost_early_strlcpy" = |call| copy_truncating(call, call.arg(2));
    before __strlcpy_chk[rdi rsi] early "fencepost_early_strlcpy" = |call| copy_truncating(call, call.arg(2));
    before strlcat[rdi rsi] early "fencepost_early_strlcat" = |call| append_truncating(call, call.arg(2));
    before __strlcat_chk[rdi rsi] early "fencepost_early_strlcat" = |call| append_truncating(call, call.arg(2));
    string strdup[rdi] = |call| reads_whole::<u8>(call, "string", 0);
    string __strdup[rdi] = |call| reads_whole::<u8>(call, "string", 0);
    before strndup[rdi] = |call| reads_string::<u8>(call, "string", 0, call.arg(1));
    before __strndup[rdi] = |call| reads_string::<u8>(call, "string", 0, call.arg(1));

    strings strcmp[rdi rsi] early "fencepost_early_order" = |call| {
        compares_strings::<u8>(call, NO_LIMIT, Case::Matters)
    };
    before strncmp[rdi rsi] = |call| compares_strings::<u8>(call, call.arg(2), Case::Matters);
    before strcasecmp[rdi rsi] = |call| compares_strings::<u8>(call, NO_LIMIT, Case::Ignored);
    before __strcasecmp[rdi rsi] = |call| compares_strings::<u8>(call, NO_LIMIT, Case::Ignored);
    before strcasecmp_l[rdi rsi] = |call| compares_strings::<u8>(call, NO_LIMIT, Case::Ignored);
    before strncasecmp[rdi rsi] = |call| compares_strings::<u8>(call, call.arg(2), Case::Ignored);
    before strncasecmp_l[rdi rsi] = |call| compares_strings::<u8>(call, call.arg(2), Case::Ignored);
    // The digits behind the difference aside.
    before strverscmp[rdi rsi] = |call| compares_strings::<u8>(call, NO_LIMIT, Case::Matters);
    before strcoll[rdi rsi] = |call| both(call);
    before strcoll_l[rdi rsi] = |call| both(call);

    string strchr[rdi] = |call| finds(call, call.int(1) as u8);
    string index[rdi] = |call| finds(call, call.int(1) as u8);
    string strchrnul[rdi] = |call| finds(call, call.int(1) as u8);
    string strrchr[rdi] = |call| reads_whole::<u8>(call, "string", 0);
    string rindex[rdi] = |call| reads_whole::<u8>(call, "string", 0);
    before strstr[rdi rsi] = |call| finds_string::<u8>(call, Case::Matters);
    before strcasestr[rdi rsi] = |call| finds_string::<u8>(call, Case::Ignored);
    before strspn[rdi rsi] = |call| finds_of_set::<u8>(call, false);
    before strcspn[rdi rsi] = |call| finds_of_set::<u8>(call, true);
    before strpbrk[rdi rsi] = |call| finds_of_set::<u8>(call, true);
    instead strtok[rdi rsi] = |call| {
        reads_whole::<u8>(call, "delimiters", 1);
        call.reads("string", 0, usize::from(call.arg(0) != 0));
        cut(call, libc::strtok(call.ptr(0), call.ptr(1)))
    };
    instead strtok_r[rdi rsi rdx] = |call| tokenize(call, call.ptr(2));
    instead __strtok_r[rdi rsi rdx] = |call| tokenize(call, call.ptr(2));
    instead strsep[rdi rsi] = |call| separate(call);
    // The result is the length of the whole; what is written, at most the room that is said to be.
    instead strxfrm[rdi rsi] = |call| {
        reads_whole::<u8>(call, "source", 1);
        let size = call.arg(2).min(call.room(0));
        let whole = libc::strxfrm(if size == 0 { null_mut() } else { call.ptr(0) }, call.ptr(1), size);
        if call.arg(2) > size {
            call.writes("destination", 0, bytes::<u8>(whole.saturating_add(1).min(call.arg(2))));
        }
        whole
    };
}

/// strlcpy, for a libc without it: such a name is found by dlsym(3) all the same.
///
/// # Safety
/// As strlcpy(3) demands of its caller.
#[unsafe(no_mangle)]
unsafe extern "C" fn fencepost_early_strlcpy(to: *mut u8, from: *const u8, size: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        let length = libc::strlen(from.cast());
        if let Some(most) = size.checked_sub(1) {
            core::ptr::copy_nonoverlapping(from, to, length.min(most));
            *to.add(length.min(most)) = 0;
        }
        length
    }
}

/// strlcat, likewise.
///
/// # Safety
/// As strlcat(3) demands of its caller.
#[unsafe(no_mangle)]
unsafe extern "C" fn fencepost_early_strlcat(to: *mut u8, from: *const u8, size: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        let old = libc::strnlen(to.cast(), size);
        old + fencepost_early_strlcpy(to.add(old), from, size - old)
    }
}

// See the last lines of `memory`.
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
