//! The checked functions on strings of wide characters.

use super::entry::entries;
use super::text::{
    Case, Extent, appends_string, compares_strings, copies_string, finds, finds_of_set,
    finds_string, reads_string, reads_whole,
};

unsafe extern "C" {
    fn wcstok(s: *mut u32, delimiters: *const u32, save: *mut *mut u32) -> *mut u32;
}

const NO_LIMIT: usize = usize::MAX;

entries! {
    before wcslen[rdi] = |call| reads_whole::<u32>(call, "string", 0);
    before wcsnlen[rdi] = |call| reads_string::<u32>(call, "string", 0, call.arg(1));
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
    before wcschr[rdi] = |call| finds(call, call.arg(1) as u32);
    before wcschrnul[rdi] = |call| finds(call, call.arg(1) as u32);
    before wcsrchr[rdi] = |call| reads_whole::<u32>(call, "string", 0);
    before wcsstr[rdi rsi] = |call| finds_string::<u32>(call, Case::Matters);
    before wcsspn[rdi rsi] = |call| finds_of_set::<u32>(call, false);
    before wcscspn[rdi rsi] = |call| finds_of_set::<u32>(call, true);
    before wcspbrk[rdi rsi] = |call| finds_of_set::<u32>(call, true);
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
