//! The checked functions on times, but for those that make text of them.

use super::entry::{Call, entries};
use crate::sys::errno;
use core::ffi::{c_char, c_int};
use libc::{timespec, timeval, tm};

// Cancellation points.
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
    fn strptime(text: *const c_char, format: *const c_char, date: *mut tm) -> *mut c_char;
}

/// The fields that a date is told by, the last of them tm_wday.
const DATE_BYTES: usize = core::mem::offset_of!(tm, tm_yday);

fn writes_timespec(call: &Call<'_>) {
    call.writes("tp", 1, size_of::<timespec>());
}

/// A time, and the date that it is broken down to.
fn breaks_down(call: &Call<'_>) {
    call.reads("timep", 0, size_of::<libc::time_t>());
    call.writes("result", 1, size_of::<tm>());
}

/// What is left of an interrupted sleep, which is all that is written.
fn was_interrupted(call: &Call<'_>, index: usize) {
    call.writes("rem", index, size_of::<timespec>());
}

entries! {
    before time[rdi] = |call| call.writes("tloc", 0, size_of::<libc::time_t>());
    before gettimeofday[rdi rsi] = |call| {
        call.writes("tv", 0, size_of::<timeval>());
        // struct timezone.
        call.writes("tz", 1, 8);
    };
    before clock_gettime[rsi] = |call| writes_timespec(call);
    before clock_getres[rsi] = |call| writes_timespec(call);
    before clock_settime[rsi] = |call| call.reads("tp", 1, size_of::<timespec>());
    before timespec_get[rdi] = |call| call.writes("ts", 0, size_of::<timespec>());
    instead nanosleep[rdi rsi] = |call| {
        call.reads("req", 0, size_of::<timespec>());
        let result = super::nanosleep(call.ptr(0), call.ptr(1));
        if result != 0 && errno::get() == errno::Errno(libc::EINTR) {
            was_interrupted(call, 1);
        }
        result
    };
    instead clock_nanosleep[rdx rcx] = |call| {
        call.reads("request", 2, size_of::<timespec>());
        let result = super::clock_nanosleep(call.int(0), call.int(1), call.ptr(2), call.ptr(3));
        if result == libc::EINTR && call.int(1) & libc::TIMER_ABSTIME == 0 {
            was_interrupted(call, 3);
        }
        result
    };
    before localtime[rdi] = |call| call.reads("timep", 0, size_of::<libc::time_t>());
    before gmtime[rdi] = |call| call.reads("timep", 0, size_of::<libc::time_t>());
    before ctime[rdi] = |call| call.reads("timep", 0, size_of::<libc::time_t>());
    before localtime_r[rdi rsi] = |call| breaks_down(call);
    before gmtime_r[rdi rsi] = |call| breaks_down(call);
    before asctime[rdi] = |call| call.reads("tm", 0, DATE_BYTES);
    instead strptime[rdi rdx] = |call| {
        call.writes("tm", 2, size_of::<tm>());
        let end = super::strptime(call.ptr(0), call.ptr(1), call.ptr(2));
        if !end.is_null() {
            // What follows may have been read, or not.
            call.reads("s", 0, (end as usize).wrapping_sub(call.arg(0)));
        }
        end
    };
    // They bring the fields into their ranges, and so write all.
    before mktime[rdi] = |call| call.writes("tm", 0, size_of::<tm>());
    before timelocal[rdi] = |call| call.writes("tm", 0, size_of::<tm>());
    before timegm[rdi] = |call| call.writes("tm", 0, size_of::<tm>());
}
