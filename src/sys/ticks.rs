//! Clocks for measuring what the runtime itself costs.

use super::syscall;
use core::arch::x86_64::_rdtsc;

/// Returns the processor's time stamp counter. It takes some ten nanoseconds and no system call, and counts on while
/// the thread does not run.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: every x86_64 processor has the instruction. A program that forbids it to itself (PR_SET_TSC) can't read
    // the time through the kernel's vdso either.
    unsafe { _rdtsc() }
}

/// Returns the processor time of the calling thread, in nanoseconds; `None` where a filter forbids the call.
pub fn thread_nanoseconds() -> Option<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let args = [libc::CLOCK_THREAD_CPUTIME_ID as usize, &raw mut time as usize, 0, 0, 0, 0];
    // SAFETY: the kernel fills `time`.
    unsafe { syscall(libc::SYS_clock_gettime, args) }.ok()?;
    Some(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_go_on() {
        let (ticks, nanoseconds) = (now(), thread_nanoseconds().unwrap());
        let sum: u64 = (0..1_000_000_u64).map(core::hint::black_box).sum();
        assert_eq!(sum, 499_999_500_000);
        assert!(now() > ticks && thread_nanoseconds().unwrap() > nanoseconds);
    }
}
