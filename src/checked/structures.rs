//! The checked functions whose operands are structures and arrays of a size that is known before: of
//! signals, timers, events, terminals and scheduling.

use super::entry::{Call, entries};
use super::text::reads_string;
use crate::sys::PAGE_BYTES;
use core::ffi::c_int;
use libc::{itimerspec, itimerval, sched_param, siginfo_t, sigset_t, termios, timespec, timeval};

fn writes_set(call: &Call<'_>) {
    call.writes("set", 0, size_of::<sigset_t>());
}

fn reads_set(call: &Call<'_>) {
    call.reads("set", 0, size_of::<sigset_t>());
}

/// The operand of the commands on locks; of others it is a number.
fn controls(call: &Call<'_>) {
    let bytes = size_of::<libc::flock>();
    match call.int(1) {
        libc::F_GETLK | libc::F_OFD_GETLK => call.writes("flock", 2, bytes),
        libc::F_SETLK | libc::F_SETLKW | libc::F_OFD_SETLK | libc::F_OFD_SETLKW => {
            call.reads("flock", 2, bytes);
        }
        _ => {}
    }
}

fn writes_offset(call: &Call<'_>, index: usize) {
    call.writes("offset", index, size_of::<libc::off_t>());
}

/// Sets of CPUs of argument 1 bytes.
fn writes_cpus(call: &Call<'_>) {
    call.writes("mask", 2, call.arg(1));
}

fn reads_cpus(call: &Call<'_>) {
    call.reads("mask", 2, call.arg(1));
}

/// Real, effective and saved ID.
fn writes_ids(call: &Call<'_>) {
    for (index, name) in ["real", "effective", "saved"].into_iter().enumerate() {
        call.writes(name, index, size_of::<libc::id_t>());
    }
}

entries! {
    before sigemptyset[rdi] = |call| writes_set(call);
    before sigfillset[rdi] = |call| writes_set(call);
    before sigaddset[rdi] = |call| writes_set(call);
    before sigdelset[rdi] = |call| writes_set(call);
    before sigismember[rdi] = |call| reads_set(call);
    before sigpending[rdi] = |call| writes_set(call);
    before sigwait[rdi rsi] = |call| {
        reads_set(call);
        call.writes("sig", 1, size_of::<c_int>());
    };
    before sigwaitinfo[rdi rsi] = |call| {
        reads_set(call);
        call.writes("info", 1, size_of::<siginfo_t>());
    };
    before sigtimedwait[rdi rsi rdx] = |call| {
        reads_set(call);
        call.writes("info", 1, size_of::<siginfo_t>());
        call.reads("timeout", 2, size_of::<timespec>());
    };
    before waitid[rdx] = |call| call.writes("infop", 2, size_of::<siginfo_t>());
    before epoll_ctl[rcx] = |call| {
        if matches!(call.int(1), libc::EPOLL_CTL_ADD | libc::EPOLL_CTL_MOD) {
            call.reads("event", 3, size_of::<libc::epoll_event>());
        }
    };
    before getitimer[rsi] = |call| call.writes("curr_value", 1, size_of::<itimerval>());
    before setitimer[rsi rdx] = |call| {
        call.reads("new_value", 1, size_of::<itimerval>());
        call.writes("old_value", 2, size_of::<itimerval>());
    };
    before timerfd_gettime[rsi] = |call| call.writes("curr_value", 1, size_of::<itimerspec>());
    before timerfd_settime[rdx rcx] = |call| {
        call.reads("new_value", 2, size_of::<itimerspec>());
        call.writes("old_value", 3, size_of::<itimerspec>());
    };
    before settimeofday[rdi rsi] = |call| {
        call.reads("tv", 0, size_of::<timeval>());
        // struct timezone.
        call.reads("tz", 1, 8);
    };
    before tcgetattr[rsi] = |call| call.writes("termios_p", 1, size_of::<termios>());
    before tcsetattr[rdx] = |call| call.reads("termios_p", 2, size_of::<termios>());
    before fcntl[rdx] = |call| controls(call);
    before fcntl64[rdx] or "fcntl" = |call| controls(call);
    before sendfile[rdx] = |call| writes_offset(call, 2);
    before sendfile64[rdx] = |call| writes_offset(call, 2);
    before splice[rsi rcx] = |call| { writes_offset(call, 1); writes_offset(call, 3) };
    before copy_file_range[rsi rcx] = |call| { writes_offset(call, 1); writes_offset(call, 3) };
    before eventfd_read[rsi] = |call| call.writes("value", 1, 8);
    before mincore[rdx] = |call| {
        // The kernel refuses other addresses.
        if call.arg(0).is_multiple_of(PAGE_BYTES) {
            call.writes("vec", 2, call.arg(1).div_ceil(PAGE_BYTES));
        }
    };
    before getloadavg[rdi] = |call| {
        call.writes("loadavg", 0, call.int(1).clamp(0, 3) as usize * size_of::<f64>());
    };
    before getresuid[rdi rsi rdx] = |call| writes_ids(call);
    before getresgid[rdi rsi rdx] = |call| writes_ids(call);
    before sched_getaffinity[rdx] = |call| writes_cpus(call);
    before sched_setaffinity[rdx] = |call| reads_cpus(call);
    before pthread_getaffinity_np[rdx] = |call| writes_cpus(call);
    before pthread_setaffinity_np[rdx] = |call| reads_cpus(call);
    before sched_getparam[rsi] = |call| call.writes("param", 1, size_of::<sched_param>());
    before sched_setparam[rsi] = |call| call.reads("param", 1, size_of::<sched_param>());
    before sched_setscheduler[rdx] = |call| call.reads("param", 2, size_of::<sched_param>());
    before sched_rr_get_interval[rsi] = |call| call.writes("tp", 1, size_of::<timespec>());
    before pthread_setname_np[rsi] = |call| reads_string::<u8>(call, "name", 1, usize::MAX);
}
