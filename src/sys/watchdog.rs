//! A timer that interrupts the thread that reports when its work takes too long.
//!
//! It sends a signal that is ours anyway, so the program's timers and handlers are left alone, and no thread is needed.
//! It interrupts a wait for a lock or a pipe and any loop, but no wait of the kernel's that only the end of the process
//! can interrupt (a file on a dead network drive).

use super::signal::{self, KernelSet};
use super::{process, syscall};
use core::sync::atomic::{AtomicBool, Ordering};
use libc::{c_int, siginfo_t};

/// A fault signal: it is never blocked in the thread that reports.
const SIGNAL: c_int = libc::SIGBUS;

/// What tells the timer's signals from others.
static MARK: AtomicBool = AtomicBool::new(false);

/// A timer that is set. Its signal is of no account once this is dropped.
pub struct Watchdog {
    timer: c_int,
    mask: KernelSet,
}

impl Watchdog {
    /// Interrupts the calling thread after `seconds`. `None` where the kernel or a filter does not allow it.
    pub fn set(seconds: i64) -> Option<Watchdog> {
        // SAFETY: zeros are a valid sigevent.
        let mut event: libc::sigevent = unsafe { core::mem::zeroed() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = SIGNAL;
        event.sigev_notify_thread_id = process::tid() as c_int;
        event.sigev_value.sival_ptr = (&raw const MARK).cast_mut().cast();
        let mut timer: c_int = 0;
        let clock = libc::CLOCK_MONOTONIC as usize;
        let args = [clock, &raw const event as usize, &raw mut timer as usize, 0, 0, 0];
        // SAFETY: the kernel reads the event and writes the timer's number.
        unsafe { syscall(libc::SYS_timer_create, args) }.ok()?;
        let mask = signal::change_mask(libc::SIG_UNBLOCK, signal::bit(SIGNAL));
        let watchdog = Watchdog { timer, mask };
        MARK.store(true, Ordering::Relaxed);
        let once = libc::itimerspec {
            it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
            it_value: libc::timespec { tv_sec: seconds, tv_nsec: 0 },
        };
        // SAFETY: the kernel reads `once`.
        let set = unsafe {
            syscall(libc::SYS_timer_settime, [timer as usize, 0, &raw const once as usize, 0, 0, 0])
        };
        set.ok().map(|_| watchdog)
    }

    /// Whether a signal is the timer's. One that comes late says nothing.
    pub fn is_sender(info: &siginfo_t) -> bool {
        // SAFETY: of a timer's signal the value is set.
        info.si_code == libc::SI_TIMER
            && unsafe { info.si_value() }.sival_ptr == (&raw const MARK).cast_mut().cast()
    }

    /// Whether a timer is set.
    pub fn is_set() -> bool {
        MARK.load(Ordering::Relaxed)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        MARK.store(false, Ordering::Relaxed);
        // SAFETY: the timer is ours.
        let _ = unsafe { syscall(libc::SYS_timer_delete, [self.timer as usize, 0, 0, 0, 0, 0]) };
        signal::change_mask(libc::SIG_SETMASK, self.mask);
    }
}
