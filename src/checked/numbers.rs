//! The checked functions that read a number from a string.
//!
//! How much of the string they read is told by where the number ends: the byte behind it is read too.

use super::entry::{Call, entries};
use super::operand;
use super::text::{Unit, bytes, readable};
use crate::sys::errno;
use core::ffi::{c_char, c_int};

/// Units that are looked at for one that ends any number. Longer numbers are read twice.
const GLANCE_UNITS: usize = 64;

/// Strings up to this length are copied to be read.
const COPIED_UNITS: usize = 1024;

/// Where the number at `start` ends by the C library; `start` itself where there is none.
type End<U> = unsafe fn(start: *const U, base: c_int) -> *mut U;

unsafe fn end_of_integer(start: *const u8, base: c_int) -> *mut u8 {
    let mut end: *mut c_char = core::ptr::null_mut();
    // SAFETY: the caller's promise.
    unsafe { libc::strtoull(start.cast(), &raw mut end, base) };
    end.cast()
}

unsafe fn end_of_float(start: *const u8, _base: c_int) -> *mut u8 {
    let mut end: *mut c_char = core::ptr::null_mut();
    // SAFETY: the caller's promise.
    unsafe { libc::strtod(start.cast(), &raw mut end) };
    end.cast()
}

/// The call reads a number at argument 0. Nothing is read behind the object before the report.
///
/// # Safety
/// A string must be there, unless it is in the heap.
pub unsafe fn reads_number<U: Unit + Into<u32>>(call: &Call<'_>, base: c_int, end: End<U>) {
    let start = call.arg(0);
    if !operand::is_checked(start) {
        return;
    }
    call.reads("string", 0, U::BYTES);
    let room = readable::<U>(start);
    // SAFETY: in a live object.
    let string = unsafe { core::slice::from_raw_parts(start as *const U, room) };
    let is = |unit: &U, set: &[u8]| {
        let code: u32 = (*unit).into();
        set.iter().any(|&byte| code == u32::from(byte))
    };
    let is_space = |unit: &U| is(unit, b" \t\n\x0b\x0c\r");
    let blank = string.iter().take_while(|unit| is_space(unit)).count();
    let glance = &string[blank..room.min(blank.saturating_add(GLANCE_UNITS))];
    // No number of any locale goes on behind one of these.
    if glance.iter().any(|unit| is(unit, b"\0\n;")) {
        return;
    }
    if blank + glance.len() < room && glance.iter().any(is_space) {
        return;
    }
    // A short string is read in a terminated copy: what is behind it may be the guard. Behind a long
    // one canaries, zeros or a fault end the number.
    let mut copy = [U::NUL; COPIED_UNITS];
    let from = match copy.get_mut(..room) {
        Some(copied) if room < COPIED_UNITS => {
            copied.copy_from_slice(string);
            copy.as_ptr()
        }
        _ => string.as_ptr(),
    };
    let before = errno::get();
    // SAFETY: the program's promise, or a terminated copy.
    let stop = unsafe { end(from, base) } as usize;
    errno::set(before);
    let mut read = (stop - from as usize) / U::BYTES;
    if read == 0 {
        // No number: blanks and a sign were read all the same.
        read = blank + usize::from(string.get(blank).is_some_and(|sign| is(sign, b"+-")));
    }
    call.reads("string", 0, bytes::<U>(read + 1));
}

unsafe fn integer(call: &Call<'_>, base: c_int) {
    call.writes("endptr", 1, if call.arg(1) == 0 { 0 } else { size_of::<usize>() });
    // SAFETY: the program's promise.
    unsafe { reads_number(call, base, end_of_integer) }
}

unsafe fn float(call: &Call<'_>) {
    call.writes("endptr", 1, if call.arg(1) == 0 { 0 } else { size_of::<usize>() });
    // SAFETY: the program's promise.
    unsafe { reads_number(call, 0, end_of_float) }
}

entries! {
    before strtol[rdi rsi] = |call| integer(call, call.int(2));
    before strtoll[rdi rsi] = |call| integer(call, call.int(2));
    before strtoul[rdi rsi] = |call| integer(call, call.int(2));
    before strtoull[rdi rsi] = |call| integer(call, call.int(2));
    before strtoq[rdi rsi] = |call| integer(call, call.int(2));
    before strtouq[rdi rsi] = |call| integer(call, call.int(2));
    before strtoimax[rdi rsi] = |call| integer(call, call.int(2));
    before strtoumax[rdi rsi] = |call| integer(call, call.int(2));
    before __isoc23_strtol[rdi rsi] or "strtol" = |call| integer(call, call.int(2));
    before __isoc23_strtoll[rdi rsi] or "strtoll" = |call| integer(call, call.int(2));
    before __isoc23_strtoul[rdi rsi] or "strtoul" = |call| integer(call, call.int(2));
    before __isoc23_strtoull[rdi rsi] or "strtoull" = |call| integer(call, call.int(2));
    before __isoc23_strtoimax[rdi rsi] or "strtoimax" = |call| integer(call, call.int(2));
    before __isoc23_strtoumax[rdi rsi] or "strtoumax" = |call| integer(call, call.int(2));
    before atoi[rdi] = |call| reads_number(call, 10, end_of_integer);
    before atol[rdi] = |call| reads_number(call, 10, end_of_integer);
    before atoll[rdi] = |call| reads_number(call, 10, end_of_integer);
    before atof[rdi] = |call| reads_number(call, 0, end_of_float);
    before strtod[rdi rsi] = |call| float(call);
    before strtof[rdi rsi] = |call| float(call);
    before strtold[rdi rsi] = |call| float(call);
}
