//! The checked functions that ask the system about processes and file systems, into buffers
//! whose size their type tells.

use super::entry::{Call, entries};
use super::text::reads_whole;
use core::ffi::c_int;
use libc::{rusage, timespec, timeval};

/// A file system, by the path at argument 0.
unsafe fn of_path(call: &Call<'_>, bytes: usize) {
    // SAFETY: the program's promise.
    unsafe { reads_whole::<u8>(call, "path", 0) };
    call.writes("buf", 1, bytes);
}

/// What a process ended by, at argument `index`.
fn writes_status(call: &Call<'_>, index: usize) {
    call.writes("wstatus", index, size_of::<c_int>());
}

fn writes_usage(call: &Call<'_>, index: usize) {
    call.writes("rusage", index, size_of::<rusage>());
}

/// The path of a file, and the times to give it, at these arguments.
unsafe fn sets_times(call: &Call<'_>, (path, times): (usize, usize), bytes: usize) {
    // SAFETY: the program's promise.
    unsafe { reads_whole::<u8>(call, "path", path) };
    call.reads("times", times, bytes);
}

entries! {
    before wait[rdi] = |call| writes_status(call, 0);
    before waitpid[rsi] = |call| writes_status(call, 1);
    before wait3[rdi rdx] = |call| {
        writes_status(call, 0);
        writes_usage(call, 2);
    };
    before wait4[rsi rcx] = |call| {
        writes_status(call, 1);
        writes_usage(call, 3);
    };
    before getrusage[rsi] = |call| writes_usage(call, 1);
    before uname[rdi] = |call| call.writes("buf", 0, size_of::<libc::utsname>());
    before sysinfo[rdi] = |call| call.writes("info", 0, size_of::<libc::sysinfo>());
    before times[rdi] = |call| call.writes("buf", 0, size_of::<libc::tms>());
    before statfs[rdi rsi] = |call| of_path(call, size_of::<libc::statfs>());
    before statfs64[rdi rsi] = |call| of_path(call, size_of::<libc::statfs>());
    before statvfs[rdi rsi] = |call| of_path(call, size_of::<libc::statvfs>());
    before statvfs64[rdi rsi] = |call| of_path(call, size_of::<libc::statvfs>());
    before fstatfs[rsi] = |call| call.writes("buf", 1, size_of::<libc::statfs>());
    before fstatfs64[rsi] = |call| call.writes("buf", 1, size_of::<libc::statfs>());
    before fstatvfs[rsi] = |call| call.writes("buf", 1, size_of::<libc::statvfs>());
    before fstatvfs64[rsi] = |call| call.writes("buf", 1, size_of::<libc::statvfs>());
    before utime[rdi rsi] = |call| sets_times(call, (0, 1), size_of::<libc::utimbuf>());
    before utimes[rdi rsi] = |call| sets_times(call, (0, 1), 2 * size_of::<timeval>());
    before lutimes[rdi rsi] = |call| sets_times(call, (0, 1), 2 * size_of::<timeval>());
    before futimesat[rsi rdx] = |call| sets_times(call, (1, 2), 2 * size_of::<timeval>());
    before utimensat[rsi rdx] = |call| sets_times(call, (1, 2), 2 * size_of::<timespec>());
    before futimes[rsi] = |call| call.reads("times", 1, 2 * size_of::<timeval>());
    before futimens[rsi] = |call| call.reads("times", 1, 2 * size_of::<timespec>());
}
