//! The checked functions that read a number from a string of wide characters.

use super::entry::{Call, entries};
use super::numbers::reads_number;
use core::ffi::{c_int, c_ulonglong};

unsafe extern "C" {
    fn wcstoull(string: *const u32, end: *mut *mut u32, base: c_int) -> c_ulonglong;
    fn wcstod(string: *const u32, end: *mut *mut u32) -> f64;
}

unsafe fn end_of_integer(start: *const u32, base: c_int) -> *mut u32 {
    let mut end = core::ptr::null_mut();
    // SAFETY: the caller's promise.
    unsafe { wcstoull(start, &raw mut end, base) };
    end
}

unsafe fn end_of_float(start: *const u32, _base: c_int) -> *mut u32 {
    let mut end = core::ptr::null_mut();
    // SAFETY: the caller's promise.
    unsafe { wcstod(start, &raw mut end) };
    end
}

unsafe fn integer(call: &Call<'_>) {
    call.writes("endptr", 1, size_of::<usize>());
    // SAFETY: the program's promise.
    unsafe { reads_number(call, call.int(2), end_of_integer) }
}

unsafe fn float(call: &Call<'_>) {
    call.writes("endptr", 1, size_of::<usize>());
    // SAFETY: the program's promise.
    unsafe { reads_number(call, 0, end_of_float) }
}

entries! {
    before wcstol[rdi rsi] = |call| integer(call);
    before wcstoll[rdi rsi] = |call| integer(call);
    before wcstoul[rdi rsi] = |call| integer(call);
    before wcstoull[rdi rsi] = |call| integer(call);
    before wcstoq[rdi rsi] = |call| integer(call);
    before wcstouq[rdi rsi] = |call| integer(call);
    before wcstoimax[rdi rsi] = |call| integer(call);
    before wcstoumax[rdi rsi] = |call| integer(call);
    before __isoc23_wcstol[rdi rsi] or "wcstol" = |call| integer(call);
    before __isoc23_wcstoll[rdi rsi] or "wcstoll" = |call| integer(call);
    before __isoc23_wcstoul[rdi rsi] or "wcstoul" = |call| integer(call);
    before __isoc23_wcstoull[rdi rsi] or "wcstoull" = |call| integer(call);
    before __isoc23_wcstoimax[rdi rsi] or "wcstoimax" = |call| integer(call);
    before __isoc23_wcstoumax[rdi rsi] or "wcstoumax" = |call| integer(call);
    before wcstod[rdi rsi] = |call| float(call);
    before wcstof[rdi rsi] = |call| float(call);
    before wcstold[rdi rsi] = |call| float(call);
}
