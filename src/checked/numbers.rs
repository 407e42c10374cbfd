//! Functions that read a number from a string of bytes or of wide characters.
//!
//! They read up to the end of the number, and one unit behind it.

use super::entry::Call;
use super::operand;
use super::text::{Unit, bytes, readable};
use crate::sys::errno;
use core::ffi::{c_char, c_int, c_ulonglong};

unsafe extern "C" {
    fn wcstoull(string: *const u32, end: *mut *mut u32, base: c_int) -> c_ulonglong;
    fn wcstod(string: *const u32, end: *mut *mut u32) -> f64;
}

/// How many units are searched for one that ends any number. Longer numbers are read twice.
const GLANCE_UNITS: usize = 64;

/// Strings up to this length are read from a copy.
const COPIED_UNITS: usize = 1024;

/// Returns where libc says that the number at `start` ends, or `start` if there is none.
type End<U> = unsafe fn(start: *const U, base: c_int) -> *mut U;

/// A unit that numbers are written in.
pub trait Number: Unit + Into<u32> {
    /// Returns where the integer at `start` ends.
    ///
    /// # Safety
    /// `start` must point to a string.
    unsafe fn end_of_integer(start: *const Self, base: c_int) -> *mut Self;

    /// Returns where the floating-point number at `start` ends.
    ///
    /// # Safety
    /// `start` must point to a string.
    unsafe fn end_of_float(start: *const Self, base: c_int) -> *mut Self;
}

impl Number for u8 {
    unsafe fn end_of_integer(start: *const u8, base: c_int) -> *mut u8 {
        let mut end: *mut c_char = core::ptr::null_mut();
        // SAFETY: the caller promises that `start` points to a string.
        unsafe { libc::strtoull(start.cast(), &raw mut end, base) };
        end.cast()
    }

    unsafe fn end_of_float(start: *const u8, _base: c_int) -> *mut u8 {
        let mut end: *mut c_char = core::ptr::null_mut();
        // SAFETY: the caller promises that `start` points to a string.
        unsafe { libc::strtod(start.cast(), &raw mut end) };
        end.cast()
    }
}

impl Number for u32 {
    unsafe fn end_of_integer(start: *const u32, base: c_int) -> *mut u32 {
        let mut end = core::ptr::null_mut();
        // SAFETY: the caller promises that `start` points to a string.
        unsafe { wcstoull(start, &raw mut end, base) };
        end
    }

    unsafe fn end_of_float(start: *const u32, _base: c_int) -> *mut u32 {
        let mut end = core::ptr::null_mut();
        // SAFETY: the caller promises that `start` points to a string.
        unsafe { wcstod(start, &raw mut end) };
        end
    }
}

/// Checks a call that reads an integer in this base at argument 0.
///
/// # Safety
/// Argument 0 must point to a string, unless it is in the heap.
pub unsafe fn reads_integer<U: Number>(call: &Call<'_>, base: c_int) {
    // SAFETY: the caller promises a string at argument 0, unless that is in the heap.
    unsafe { reads_number::<U>(call, base, U::end_of_integer) }
}

/// Checks a call that reads a floating-point number at argument 0.
///
/// # Safety
/// Argument 0 must point to a string, unless it is in the heap.
pub unsafe fn reads_float<U: Number>(call: &Call<'_>) {
    // SAFETY: the caller promises a string at argument 0, unless that is in the heap.
    unsafe { reads_number::<U>(call, 0, U::end_of_float) }
}

/// Checks a call that reads a number at argument 0. Reads nothing behind the object itself.
///
/// # Safety
/// Argument 0 must point to a string, unless it is in the heap.
unsafe fn reads_number<U: Number>(call: &Call<'_>, base: c_int, end: End<U>) {
    let start = call.arg(0);
    if !operand::is_checked(start) {
        return;
    }
    call.reads("string", 0, U::BYTES);
    let room = readable::<U>(start);
    // SAFETY: the first `room` units at `start` are in a live object.
    let string = unsafe { core::slice::from_raw_parts(start as *const U, room) };
    let is = |unit: &U, set: &[u8]| {
        let code: u32 = (*unit).into();
        set.iter().any(|&byte| code == u32::from(byte))
    };
    let is_space = |unit: &U| is(unit, b" \t\n\x0b\x0c\r");
    let blank = string.iter().take_while(|unit| is_space(unit)).count();
    let glance = &string[blank..room.min(blank.saturating_add(GLANCE_UNITS))];
    // In every locale, each of these ends a number.
    if glance.iter().any(|unit| is(unit, b"\0\n;")) {
        return;
    }
    if blank + glance.len() < room && glance.iter().any(is_space) {
        return;
    }
    // A short string is read from a terminated copy, as the guard page may lie behind it. Behind a long one canaries,
    // zeros or a fault end the number.
    let mut copy = [U::NUL; COPIED_UNITS];
    let from = match copy.get_mut(..room) {
        Some(copied) if room < COPIED_UNITS => {
            copied.copy_from_slice(string);
            copy.as_ptr()
        }
        _ => string.as_ptr(),
    };
    let before = errno::get();
    // SAFETY: `from` is a terminated copy, or a string that the program passes.
    let stop = unsafe { end(from, base) } as usize;
    errno::set(before);
    let mut read = (stop - from as usize) / U::BYTES;
    if read == 0 {
        // This is no number, but blanks and a sign were read.
        read = blank + usize::from(string.get(blank).is_some_and(|sign| is(sign, b"+-")));
    }
    call.reads("string", 0, bytes::<U>(read + 1));
}
