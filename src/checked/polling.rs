//! Waiting for descriptors.

use super::entry::Call;
use core::ffi::c_int;

unsafe extern "C-unwind" {
    // epoll_wait is a cancellation point.
    fn epoll_wait(fd: c_int, events: *mut libc::epoll_event, most: c_int, timeout: c_int) -> c_int;
}

/// Checks the sets of descriptors below argument 0, of whole words, at arguments 1 to 3.
pub fn selects(call: &Call<'_>) {
    // The kernel ignores descriptors that the process can't have; it looks at these for certain.
    let bytes = (call.int(0).clamp(0, libc::FD_SETSIZE as c_int) as usize).div_ceil(64) * 8;
    for (index, name) in [(1, "readfds"), (2, "writefds"), (3, "exceptfds")] {
        call.writes(name, index, if call.arg(index) == 0 { 0 } else { bytes });
    }
}

/// Checks a call of epoll_ctl. Two of its commands read an event.
pub fn changes_events(call: &Call<'_>) {
    if matches!(call.int(1), libc::EPOLL_CTL_ADD | libc::EPOLL_CTL_MOD) {
        call.reads("event", 3, size_of::<libc::epoll_event>());
    }
}

/// Makes a checked call of epoll_wait.
pub unsafe fn wait(call: &Call<'_>) -> c_int {
    // SAFETY: the program passes what the manual demands.
    wait_for_events(call, || unsafe {
        epoll_wait(call.int(0), call.ptr(1), call.int(2), call.int(3))
    })
}

/// Makes a checked call that waits for at most argument 2 events, and writes them to argument 1.
pub fn wait_for_events(call: &Call<'_>, wait: impl FnOnce() -> c_int) -> c_int {
    const EVENT_BYTES: usize = size_of::<libc::epoll_event>();
    if call.int(2) > 0 {
        call.writes("events", 1, 1);
    }
    let count = wait();
    call.writes("events", 1, count.max(0) as usize * EVENT_BYTES);
    count
}
