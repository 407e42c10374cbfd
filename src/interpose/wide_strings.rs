//! The checked functions on strings of wide characters.

use super::entry::{Call, entries};
use super::text::{
    Case, Extent, appends_string, begins, bytes, compares_strings, copies_string, has_searched,
    offset_in, reads_extent, reads_string, reads_whole,
};

unsafe extern "C" {
    fn wcschr(s: *const u32, c: u32) -> *mut u32;
    fn wcschrnul(s: *const u32, c: u32) -> *mut u32;
    fn wcsstr(haystack: *const u32, needle: *const u32) -> *mut u32;
    fn wcsspn(s: *const u32, set: *const u32) -> usize;
    fn wcscspn(s: *const u32, set: *const u32) -> usize;
    fn wcspbrk(s: *const u32, set: *const u32) -> *mut u32;
    fn wcstok(s: *mut u32, delimiters: *const u32, save: *mut *mut u32) -> *mut u32;
}

const NO_LIMIT: usize = usize::MAX;

unsafe fn measure(call: &Call<'_>, limit: usize) -> usize {
    // SAFETY: the program's promise.
    unsafe { reads_extent::<u32>(call, "string", 0, limit).length() }
}

unsafe fn before_span(call: &Call<'_>, span: impl FnOnce(*const u32) -> usize) {
    // SAFETY: the program's promise.
    unsafe {
        reads_whole::<u32>(call, "set", 1);
        begins::<u32>(call, span);
    }
}

fn spanned(call: &Call<'_>, span: usize) -> usize {
    call.reads("string", 0, bytes::<u32>(span + 1));
    span
}

unsafe fn find(
    call: &Call<'_>,
    find: unsafe extern "C" fn(*const u32, u32) -> *mut u32,
) -> *mut u32 {
    // SAFETY: the program's promise.
    unsafe {
        begins::<u32>(call, |string| offset_in(string, find(string, call.arg(1) as u32)));
        let found = find(call.ptr(0), call.arg(1) as u32);
        has_searched::<u32>(call, found, 1);
        found
    }
}

entries! {
    instead wcslen[rdi] = |call| measure(call, NO_LIMIT);
    instead wcsnlen[rdi] = |call| measure(call, call.arg(1));
    before wcscpy[rdi rsi] = |call| copies_string::<u32>(call, NO_LIMIT, None);
    before __wcscpy_chk[rdi rsi] = |call| copies_string::<u32>(call, NO_LIMIT, None);
    before wcpcpy[rdi rsi] = |call| copies_string::<u32>(call, NO_LIMIT, None);
    before __wcpcpy_chk[rdi rsi] = |call| copies_string::<u32>(call, NO_LIMIT, None);
    before wcsncpy[rdi rsi] = |call| copies_string::<u32>(call, call.arg(2), Some(call.arg(2)));
    before __wcsncpy_chk[rdi rsi] = |call| copies_string::<u32>(call, call.arg(2), Some(call.arg(2)));
    before wcpncpy[rdi rsi] = |call| copies_string::<u32>(call, call.arg(2), Some(call.arg(2)));
    before __wcpncpy_chk[rdi rsi] = |call| copies_string::<u32>(call, call.arg(2), Some(call.arg(2)));
    before wcscat[rdi rsi] = |call| appends_string::<u32>(call, NO_LIMIT);
    before __wcscat_chk[rdi rsi] = |call| appends_string::<u32>(call, NO_LIMIT);
    before wcsncat[rdi rsi] = |call| appends_string::<u32>(call, call.arg(2));
    before __wcsncat_chk[rdi rsi] = |call| appends_string::<u32>(call, call.arg(2));
    before wcsdup[rdi] = |call| reads_whole::<u32>(call, "string", 0);
    before wcscmp[rdi rsi] = |call| compares_strings::<u32>(call, NO_LIMIT, Case::Matters);
    before wcsncmp[rdi rsi] = |call| compares_strings::<u32>(call, call.arg(2), Case::Matters);
    before wcscasecmp[rdi rsi] = |call| compares_strings::<u32>(call, NO_LIMIT, Case::Ignored);
    before wcsncasecmp[rdi rsi] = |call| compares_strings::<u32>(call, call.arg(2), Case::Ignored);
    before wcscoll[rdi rsi] = |call| {
        reads_whole::<u32>(call, "first", 0);
        reads_whole::<u32>(call, "second", 1);
    };
    instead wcschr[rdi] = |call| find(call, super::wcschr);
    instead wcschrnul[rdi] = |call| find(call, super::wcschrnul);
    before wcsrchr[rdi] = |call| reads_string::<u32>(call, "string", 0, NO_LIMIT);
    instead wcsstr[rdi rsi] = |call| {
        let needle = reads_extent::<u32>(call, "needle", 1, NO_LIMIT).length().max(1);
        begins::<u32>(call, |string| offset_in(string, super::wcsstr(string, call.ptr(1))));
        let found = super::wcsstr(call.ptr(0), call.ptr(1));
        has_searched::<u32>(call, found, needle);
        found
    };
    instead wcsspn[rdi rsi] = |call| {
        before_span(call, |string| super::wcsspn(string, call.ptr(1)));
        spanned(call, super::wcsspn(call.ptr(0), call.ptr(1)))
    };
    instead wcscspn[rdi rsi] = |call| {
        before_span(call, |string| super::wcscspn(string, call.ptr(1)));
        spanned(call, super::wcscspn(call.ptr(0), call.ptr(1)))
    };
    instead wcspbrk[rdi rsi] = |call| {
        before_span(call, |string| offset_in(string, super::wcspbrk(string, call.ptr(1))));
        let found = super::wcspbrk(call.ptr(0), call.ptr(1));
        has_searched::<u32>(call, found, 1);
        found
    };
    instead wcstok[rdi rsi rdx] = |call| {
        reads_whole::<u32>(call, "delimiters", 1);
        call.reads("string", 0, if call.arg(0) == 0 { 0 } else { 4 });
        let token = super::wcstok(call.ptr(0), call.ptr(1), call.ptr(2));
        if !token.is_null() {
            let extent = Extent::<u32>::of(token as usize, NO_LIMIT);
            call.site.reads("token", token as usize, extent.bytes());
        }
        token
    };
}
