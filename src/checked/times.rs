//! Times: their text, times from text, and sleep.

use super::entry::Call;
use crate::sys::errno;
use core::ffi::{c_char, c_int, c_void};
use libc::{timespec, tm};

// These are cancellation points.
unsafe extern "C-unwind" {
    fn nanosleep(request: *const timespec, rest: *mut timespec) -> c_int;
    fn clock_nanosleep(
        clock: c_int,
        flags: c_int,
        request: *const timespec,
        rest: *mut timespec,
    ) -> c_int;
}

unsafe extern "C" {
    fn ctime_r(time: *const c_void, buffer: *mut c_char) -> *mut c_char;
    fn asctime_r(time: *const c_void, buffer: *mut c_char) -> *mut c_char;
    fn strptime(text: *const c_char, format: *const c_char, date: *mut tm) -> *mut c_char;
}

/// Checks the write of the time left of an interrupted sleep. Only that is written.
fn was_interrupted(call: &Call<'_>, index: usize) {
    call.writes("rem", index, size_of::<timespec>());
}

/// Makes a checked call of nanosleep.
pub unsafe fn sleep(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands.
    let result = unsafe { nanosleep(call.ptr(0), call.ptr(1)) };
    if result != 0 && errno::get() == errno::Errno(libc::EINTR) {
        was_interrupted(call, 1);
    }
    result
}

/// Makes a checked call of clock_nanosleep.
pub unsafe fn sleep_by_clock(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands.
    let result = unsafe { clock_nanosleep(call.int(0), call.int(1), call.ptr(2), call.ptr(3)) };
    if result == libc::EINTR && call.int(1) & libc::TIMER_ABSTIME == 0 {
        was_interrupted(call, 3);
    }
    result
}

/// Makes a checked call of strptime.
pub unsafe fn parse_date(call: &Call<'_>) -> *mut c_char {
    // SAFETY: the program passes what the manual demands.
    let end = unsafe { strptime(call.ptr(0), call.ptr(1), call.ptr(2)) };
    if !end.is_null() {
        // It is unknown whether the byte behind was read.
        call.reads("s", 0, (end as usize).wrapping_sub(call.arg(0)));
    }
    end
}

/// Makes a checked call of strftime. A result of 0 means that the room was too small, or that the text is empty.
pub unsafe fn format_date(call: &Call<'_>) -> usize {
    // SAFETY: the program passes what the manual demands.
    unsafe {
        let format = |buffer, size| libc::strftime(buffer, size, call.ptr(2), call.ptr(3));
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

/// Makes a checked call that writes a date, of about 26 bytes, to argument 1.
unsafe fn date(
    call: &Call<'_>,
    function: unsafe extern "C" fn(*const c_void, *mut c_char) -> *mut c_char,
) -> *mut c_char {
    let mut text = [0; 64];
    // SAFETY: the program passes what the manual demands; the longest year makes 35 bytes, which fit into `text`.
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

/// Makes a checked call of ctime_r.
pub unsafe fn text_of_time(call: &Call<'_>) -> *mut c_char {
    // SAFETY: the program passes what the manual demands.
    unsafe { date(call, ctime_r) }
}

/// Makes a checked call of asctime_r.
pub unsafe fn text_of_date(call: &Call<'_>) -> *mut c_char {
    // SAFETY: the program passes what the manual demands.
    unsafe { date(call, asctime_r) }
}
