//! The checked functions of formatted input and output, and of formatted time.
//!
//! Where the output goes to memory that is said to be larger than it is, or of which nothing is said,
//! the function that takes a size is called with the true one: its result tells what would have been
//! written. Wide output is held against the size of its buffer only.

use super::entry::{Call, entries};
use super::formats::{Arguments, check_printf, check_scanf};
use super::operand;
use super::text::reads_whole;
use crate::sys::next::Next;
use core::ffi::{c_char, c_int, c_void};

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
    fn ctime_r(time: *const c_void, buffer: *mut c_char) -> *mut c_char;
    fn asctime_r(time: *const c_void, buffer: *mut c_char) -> *mut c_char;
    fn __chk_fail() -> !;
}

/// The arguments of a variadic call with so many named ones.
fn dots(call: &Call<'_>, named: u32) -> Arguments {
    Arguments::new(call.saved, named)
}

/// The `va_list` at argument `index`.
unsafe fn list(call: &Call<'_>, index: usize) -> Arguments {
    // SAFETY: the program's promise.
    unsafe { *call.ptr::<Arguments>(index) }
}

/// The format at argument `index`, and these arguments.
unsafe fn prints(call: &Call<'_>, index: usize, arguments: Arguments) {
    // SAFETY: the program's promise.
    unsafe { check_printf(&call.site, call.ptr(index), arguments) }
}

/// The function told `length` bytes without the terminator, and room for `size`.
fn wrote(call: &Call<'_>, length: c_int, size: usize) -> c_int {
    if let Ok(length) = usize::try_from(length) {
        call.writes("s", 0, (length + 1).min(size));
    }
    length
}

/// snprintf into argument 0.
unsafe fn print_bounded(call: &Call<'_>, size: usize, format: usize, mut a: Arguments) -> c_int {
    // SAFETY: the program's promise.
    unsafe {
        prints(call, format, a);
        let length = vsnprintf(call.ptr(0), size.min(call.room(0)), call.ptr(format), &raw mut a);
        // Sizes that no buffer has are refused.
        if size > c_int::MAX as usize { length } else { wrote(call, length, size) }
    }
}

/// sprintf into argument 0.
unsafe fn print_unbounded(call: &Call<'_>, format: usize, mut a: Arguments) -> c_int {
    // SAFETY: the program's promise.
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

/// A checking form: `size` is what the program says, `object_size` what the compiler knows.
unsafe fn print_checked(
    call: &Call<'_>,
    size: usize,
    (flag, object_size): (usize, usize),
    format: usize,
    mut a: Arguments,
) -> c_int {
    // SAFETY: the program's promise.
    unsafe {
        prints(call, format, a);
        if size != usize::MAX && size > call.arg(object_size) {
            __chk_fail();
        }
        // sprintf: as much as the object that the compiler knows holds.
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

/// swprintf into argument 0: it fails where the room is too small.
unsafe fn print_wide(call: &Call<'_>, mut a: Arguments) -> c_int {
    let room = call.room(0) / 4;
    // SAFETY: the program's promise.
    unsafe {
        if call.arg(1) > 0 {
            call.writes("s", 0, 4);
        }
        let mut again = a;
        let length = vswprintf(call.ptr(0), call.arg(1).min(room), call.ptr(2), &raw mut a);
        if length >= 0 || call.arg(1) <= room {
            return length;
        }
        // Too long, or wrong in itself? The second is no matter of room.
        let mut large = [0_u32; 1024];
        let length = vswprintf(large.as_mut_ptr(), large.len(), call.ptr(2), &raw mut again);
        if let Ok(length) = usize::try_from(length) {
            call.writes("s", 0, (length + 1).min(call.arg(1)) * 4);
        }
        length
    }
}

/// vfscanf and vsscanf, and, with the first argument left out, vscanf.
type Scan = unsafe extern "C-unwind" fn(usize, *const c_char, *mut Arguments) -> c_int;
type ScanInput = unsafe extern "C-unwind" fn(*const c_char, *mut Arguments) -> c_int;

/// A function of the scanf family whose format is argument `format`: the form that takes a list.
/// Whether `%a` is a conversion is a matter of `c99`.
unsafe fn scan(call: &Call<'_>, format: usize, next: &Next, mut a: Arguments, c99: bool) -> c_int {
    let before = a;
    // SAFETY: the program's promise; the callers name a function of this signature.
    unsafe {
        reads_whole::<u8>(call, "format", format);
        let format = call.ptr(format);
        let assigned = if format as usize == call.arg(0) {
            next.get::<ScanInput>().map(|scan| scan(format, &raw mut a))
        } else {
            next.get::<Scan>().map(|scan| scan(call.arg(0), format, &raw mut a))
        };
        let assigned = assigned.unwrap_or(libc::EOF);
        check_scanf(&call.site, format, before, assigned, c99);
        assigned
    }
}

/// The same from the string at argument 0.
unsafe fn scan_string(call: &Call<'_>, next: &Next, a: Arguments, c99: bool) -> c_int {
    // SAFETY: the program's promise.
    unsafe {
        reads_whole::<u8>(call, "s", 0);
        scan(call, 1, next, a, c99)
    }
}

/// strftime: 0 tells that the room was too small, or that the result is empty.
unsafe fn format_time(call: &Call<'_>) -> usize {
    // SAFETY: the program's promise.
    unsafe {
        let format = |buffer, size| libc::strftime(buffer, size, call.ptr(2), call.ptr(3));
        reads_whole::<u8>(call, "format", 2);
        let (size, room) = (call.arg(1), call.room(0));
        if size <= room {
            return format(call.ptr(0), size);
        }
        call.writes("s", 0, 1);
        let length = format(call.ptr(0), room);
        if length == 0 {
            let mut large = [0; 1024];
            let whole = format(large.as_mut_ptr(), large.len());
            call.writes("s", 0, if whole == 0 { 0 } else { (whole + 1).min(size) });
        }
        length
    }
}

/// A function that writes a date of 26 bytes or so to argument 1.
unsafe fn date(
    call: &Call<'_>,
    function: unsafe extern "C-unwind" fn(*const c_void, *mut c_char) -> *mut c_char,
) -> *mut c_char {
    let mut text = [0; 64];
    // SAFETY: the program's promise; the longest year makes 35 bytes.
    unsafe {
        if function(call.ptr(0), text.as_mut_ptr()).is_null() {
            return core::ptr::null_mut();
        }
        let bytes = libc::strlen(text.as_ptr()) + 1;
        call.writes("buf", 1, bytes);
        core::ptr::copy_nonoverlapping(text.as_ptr(), call.ptr(1), bytes);
    }
    call.ptr(1)
}

entries! {
    before printf[any] = |call| prints(call, 0, dots(call, 1));
    before __printf_chk[any] = |call| prints(call, 1, dots(call, 2));
    before vprintf[any] = |call| prints(call, 0, list(call, 1));
    before __vprintf_chk[any] = |call| prints(call, 1, list(call, 2));
    before fprintf[any] = |call| prints(call, 1, dots(call, 2));
    before __fprintf_chk[any] = |call| prints(call, 2, dots(call, 3));
    before vfprintf[any] = |call| prints(call, 1, list(call, 2));
    before __vfprintf_chk[any] = |call| prints(call, 2, list(call, 3));
    before dprintf[any] = |call| prints(call, 1, dots(call, 2));
    before __dprintf_chk[any] = |call| prints(call, 2, dots(call, 3));
    before vdprintf[any] = |call| prints(call, 1, list(call, 2));
    before __vdprintf_chk[any] = |call| prints(call, 2, list(call, 3));
    before asprintf[any] = |call| prints(call, 1, dots(call, 2));
    before __asprintf_chk[any] = |call| prints(call, 2, dots(call, 3));
    before vasprintf[any] = |call| prints(call, 1, list(call, 2));
    before __vasprintf_chk[any] = |call| prints(call, 2, list(call, 3));
    before syslog[any] = |call| prints(call, 1, dots(call, 2));
    before __syslog_chk[any] = |call| prints(call, 2, dots(call, 3));
    instead snprintf[any] = |call| print_bounded(call, call.arg(1), 2, dots(call, 3));
    instead vsnprintf[any] = |call| print_bounded(call, call.arg(1), 2, list(call, 3));
    instead sprintf[any] = |call| print_unbounded(call, 1, dots(call, 2));
    instead vsprintf[any] = |call| print_unbounded(call, 1, list(call, 2));
    instead __snprintf_chk[any] = |call| print_checked(call, call.arg(1), (2, 3), 4, dots(call, 5));
    instead __vsnprintf_chk[any] = |call| print_checked(call, call.arg(1), (2, 3), 4, list(call, 5));
    instead __sprintf_chk[any] = |call| print_checked(call, usize::MAX, (1, 2), 3, dots(call, 4));
    instead __vsprintf_chk[any] = |call| print_checked(call, usize::MAX, (1, 2), 3, list(call, 4));
    instead swprintf[rdi] = |call| print_wide(call, dots(call, 3));
    instead vswprintf[rdi] = |call| print_wide(call, list(call, 3));
    before wprintf[rdi] = |call| reads_whole::<u32>(call, "format", 0);
    before vwprintf[rdi] = |call| reads_whole::<u32>(call, "format", 0);
    before fwprintf[rsi] = |call| reads_whole::<u32>(call, "format", 1);
    before vfwprintf[rsi] = |call| reads_whole::<u32>(call, "format", 1);
    before __wprintf_chk[rsi] = |call| reads_whole::<u32>(call, "format", 1);
    before __vwprintf_chk[rsi] = |call| reads_whole::<u32>(call, "format", 1);
    before __fwprintf_chk[rdx] = |call| reads_whole::<u32>(call, "format", 2);
    before __vfwprintf_chk[rdx] = |call| reads_whole::<u32>(call, "format", 2);

    instead scanf[any] = |call| scan(call, 0, &vscanf::NEXT, dots(call, 1), false);
    instead vscanf[any] = |call| scan(call, 0, &vscanf::NEXT, list(call, 1), false);
    instead fscanf[any] = |call| scan(call, 1, &vfscanf::NEXT, dots(call, 2), false);
    instead vfscanf[any] = |call| scan(call, 1, &vfscanf::NEXT, list(call, 2), false);
    instead sscanf[any] = |call| scan_string(call, &vsscanf::NEXT, dots(call, 2), false);
    instead vsscanf[any] = |call| scan_string(call, &vsscanf::NEXT, list(call, 2), false);
    instead __isoc99_scanf[any] = |call| scan(call, 0, &__isoc99_vscanf::NEXT, dots(call, 1), true);
    instead __isoc99_vscanf[any] = |call| {
        scan(call, 0, &__isoc99_vscanf::NEXT, list(call, 1), true)
    };
    instead __isoc99_fscanf[any] = |call| {
        scan(call, 1, &__isoc99_vfscanf::NEXT, dots(call, 2), true)
    };
    instead __isoc99_vfscanf[any] = |call| {
        scan(call, 1, &__isoc99_vfscanf::NEXT, list(call, 2), true)
    };
    instead __isoc99_sscanf[any] = |call| {
        scan_string(call, &__isoc99_vsscanf::NEXT, dots(call, 2), true)
    };
    instead __isoc99_vsscanf[any] = |call| {
        scan_string(call, &__isoc99_vsscanf::NEXT, list(call, 2), true)
    };
    instead __isoc23_scanf[any] or "__isoc99_scanf" = |call| {
        scan(call, 0, &__isoc23_vscanf::NEXT, dots(call, 1), true)
    };
    instead __isoc23_vscanf[any] or "__isoc99_vscanf" = |call| {
        scan(call, 0, &__isoc23_vscanf::NEXT, list(call, 1), true)
    };
    instead __isoc23_fscanf[any] or "__isoc99_fscanf" = |call| {
        scan(call, 1, &__isoc23_vfscanf::NEXT, dots(call, 2), true)
    };
    instead __isoc23_vfscanf[any] or "__isoc99_vfscanf" = |call| {
        scan(call, 1, &__isoc23_vfscanf::NEXT, list(call, 2), true)
    };
    instead __isoc23_sscanf[any] or "__isoc99_sscanf" = |call| {
        scan_string(call, &__isoc23_vsscanf::NEXT, dots(call, 2), true)
    };
    instead __isoc23_vsscanf[any] or "__isoc99_vsscanf" = |call| {
        scan_string(call, &__isoc23_vsscanf::NEXT, list(call, 2), true)
    };

    instead strftime[rdi rdx] = |call| format_time(call);
    instead ctime_r[rsi] = |call| date(call, super::ctime_r);
    instead asctime_r[rsi] = |call| date(call, super::asctime_r);
}
