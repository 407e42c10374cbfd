//! Formatted input and output.
//!
//! If the output's buffer is smaller than the program says, or the program gives no size, the function that takes a
//! size is called with the true one. Its result says how much would have been written. Wide output is compared with its
//! buffer's size only.

use super::entry::{__chk_fail, Call};
use super::formats::{Arguments, check_printf, check_scanf};
use super::operand;
use crate::sys::next::Next;
use core::ffi::{c_char, c_int};

unsafe extern "C-unwind" {
    fn vsnprintf(s: *mut c_char, n: usize, format: *const c_char, a: *mut Arguments) -> c_int;
    fn vsprintf(s: *mut c_char, format: *const c_char, a: *mut Arguments) -> c_int;
    fn __vsnprintf_chk(
        s: *mut c_char,
        n: usize,
        flag: c_int,
        size: usize,
        format: *const c_char,
        a: *mut Arguments,
    ) -> c_int;
    fn vswprintf(s: *mut u32, n: usize, format: *const u32, a: *mut Arguments) -> c_int;
}

/// Returns the arguments of a variadic call behind its first `named` ones.
pub fn dots(call: &Call<'_>, named: u32) -> Arguments {
    Arguments::new(call.saved, named)
}

/// Returns the `va_list` at argument `index`.
pub unsafe fn list(call: &Call<'_>, index: usize) -> Arguments {
    // SAFETY: the program passes what the manual demands.
    unsafe { *call.ptr::<Arguments>(index) }
}

/// Checks the format at argument `index` and its arguments.
pub unsafe fn prints(call: &Call<'_>, index: usize, arguments: Arguments) {
    // SAFETY: the program passes what the manual demands.
    unsafe { check_printf(&call.site, call.ptr(index), arguments) }
}

/// Checks the write of `length` bytes and a terminator into a buffer of `size` bytes. Returns `length`.
fn wrote(call: &Call<'_>, length: c_int, size: usize) -> c_int {
    if let Ok(length) = usize::try_from(length) {
        call.writes("s", 0, (length + 1).min(size));
    }
    length
}

/// Makes a checked call of snprintf into argument 0.
pub unsafe fn print_bounded(
    call: &Call<'_>,
    size: usize,
    format: usize,
    mut a: Arguments,
) -> c_int {
    // SAFETY: the program passes what the manual demands.
    unsafe {
        prints(call, format, a);
        let length = vsnprintf(call.ptr(0), size.min(call.room(0)), call.ptr(format), &raw mut a);
        // libc refuses sizes that no buffer can have.
        if size > c_int::MAX as usize { length } else { wrote(call, length, size) }
    }
}

/// Makes a checked call of sprintf into argument 0.
pub unsafe fn print_unbounded(call: &Call<'_>, format: usize, mut a: Arguments) -> c_int {
    // SAFETY: the program passes what the manual demands.
    unsafe {
        prints(call, format, a);
        if !operand::is_checked(call.arg(0)) {
            return vsprintf(call.ptr(0), call.ptr(format), &raw mut a);
        }
        call.writes("s", 0, 1);
        let room = call.room(0).min(c_int::MAX as usize);
        wrote(call, vsnprintf(call.ptr(0), room, call.ptr(format), &raw mut a), usize::MAX)
    }
}

/// Makes a checked call of __snprintf_chk or a relative. `size` is from the program, `object_size` from the compiler.
pub unsafe fn print_checked(
    call: &Call<'_>,
    size: usize,
    (flag, object_size): (usize, usize),
    format: usize,
    mut a: Arguments,
) -> c_int {
    // SAFETY: the program passes what the manual demands.
    unsafe {
        prints(call, format, a);
        if size != usize::MAX && size > call.arg(object_size) {
            __chk_fail();
        }
        // For sprintf, the size is that of the object, as the compiler knows it.
        let is_unbounded = size == usize::MAX;
        let size = size.min(call.arg(object_size));
        let most = size.min(call.room(0)).min(c_int::MAX as usize);
        let format = call.ptr(format);
        let length = __vsnprintf_chk(call.ptr(0), most, call.int(flag), most, format, &raw mut a);
        wrote(call, length, size);
        if is_unbounded && usize::try_from(length).is_ok_and(|length| length >= size) {
            __chk_fail();
        }
        length
    }
}

/// Makes a checked call of swprintf into argument 0, which fails if the buffer is too small.
pub unsafe fn print_wide(call: &Call<'_>, mut a: Arguments) -> c_int {
    let room = call.room(0) / 4;
    // SAFETY: the program passes what the manual demands.
    unsafe {
        if call.arg(1) > 0 {
            call.writes("s", 0, 4);
        }
        let mut again = a;
        let length = vswprintf(call.ptr(0), call.arg(1).min(room), call.ptr(2), &raw mut a);
        if length >= 0 || call.arg(1) <= room {
            return length;
        }
        // Is the output too long, or is the format bad? The buffer's size matters only in the first case.
        let mut large = [0_u32; 1024];
        let length = vswprintf(large.as_mut_ptr(), large.len(), call.ptr(2), &raw mut again);
        if let Ok(length) = usize::try_from(length) {
            call.writes("s", 0, (length + 1).min(call.arg(1)) * 4);
        }
        length
    }
}

/// The type of vfscanf and vsscanf, and below that of vscanf.
type Scan = unsafe extern "C-unwind" fn(usize, *const c_char, *mut Arguments) -> c_int;
type ScanInput = unsafe extern "C-unwind" fn(*const c_char, *mut Arguments) -> c_int;

/// Makes a checked call of a scanf function whose format is argument `format`. `next` is the form that takes a
/// `va_list`. `c99` says whether `%a` is a conversion.
pub unsafe fn scan(call: &Call<'_>, format: usize, next: &Next, a: Arguments, c99: bool) -> c_int {
    // SAFETY: the program passes what the manual demands; functions.list names a function of this signature.
    unsafe {
        let scan = next.get::<Scan>();
        scan_by(call, format, a, c99, |format, a| {
            scan.map_or(libc::EOF, |scan| scan(call.arg(0), format, a))
        })
    }
}

/// Makes a checked call of a scanf function that reads standard input, like [`scan`].
pub unsafe fn scan_input(
    call: &Call<'_>,
    format: usize,
    next: &Next,
    a: Arguments,
    c99: bool,
) -> c_int {
    // SAFETY: the program passes what the manual demands; functions.list names a function of this signature.
    unsafe {
        let scan = next.get::<ScanInput>();
        scan_by(call, format, a, c99, |format, a| scan.map_or(libc::EOF, |scan| scan(format, a)))
    }
}

/// Calls `scan`, and checks what it has assigned.
///
/// # Safety
/// The arguments must be those of the format.
unsafe fn scan_by(
    call: &Call<'_>,
    format: usize,
    mut a: Arguments,
    c99: bool,
    scan: impl FnOnce(*const c_char, *mut Arguments) -> c_int,
) -> c_int {
    let before = a;
    let format = call.ptr(format);
    let assigned = scan(format, &raw mut a);
    // SAFETY: the caller promises that these are the format's arguments; `scan` has filled `assigned` of them.
    unsafe { check_scanf(&call.site, format, before, assigned, c99) };
    assigned
}
