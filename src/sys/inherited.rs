//! Seccomp filters that the process was started under. They can't be read. So a child tries the calls of the
//! runtime, each with arguments that make it fail; its death shows which of them kill.
//!
//! Calls that only fail are no problem. If a filter kills for clone(2) itself, the process does not survive
//! this test.

use super::file::File;
use super::{Errno, PAGE_BYTES, memory, sandbox, syscall};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use libc::c_long;

/// Calls that kill, as [`key`] writes them: bits 0 to 15 are the number, from bit 16 the index of the argument that
/// matters (or [`ANY`]), from bit 32 that argument.
static KILLING: [AtomicU64; MOST_KILLING] = [const { AtomicU64::new(0) }; MOST_KILLING];
static COUNT: AtomicUsize = AtomicUsize::new(0);
const MOST_KILLING: usize = 96;
const ANY: u64 = 0xff;

static IS_THERE: AtomicBool = AtomicBool::new(false);

/// Whether the process was started under a filter.
pub fn is_there() -> bool {
    IS_THERE.load(Ordering::Relaxed)
}

/// Index of the argument by which filters tell calls of this number apart. They ignore the other arguments.
fn telling_argument(number: c_long) -> Option<usize> {
    match number {
        libc::SYS_ioctl | libc::SYS_fcntl | libc::SYS_futex => Some(1),
        libc::SYS_mmap | libc::SYS_mprotect | libc::SYS_madvise => Some(2),
        libc::SYS_process_madvise => Some(3),
        _ => None,
    }
}

fn key(number: c_long, args: &[usize; 6]) -> u64 {
    match telling_argument(number) {
        Some(index) => number as u64 | (index as u64) << 16 | (args[index] as u64) << 32,
        None => number as u64 | ANY << 16,
    }
}

/// Whether a filter that was there at the start kills for this call.
pub fn kills(number: c_long, args: &[usize; 6]) -> bool {
    let count = COUNT.load(Ordering::Acquire);
    let keys = [key(number, args), number as u64 | ANY << 16];
    KILLING[..count].iter().any(|killing| keys.contains(&killing.load(Ordering::Relaxed)))
}

/// How many calls the child has survived. Child and parent share the memory.
type Progress = AtomicU32;

/// Finds out which calls kill, once, before the runtime makes a call that the loader has not made.
pub fn learn() {
    static IS_LEARNT: AtomicBool = AtomicBool::new(false);
    if IS_LEARNT.swap(true, Ordering::AcqRel) || !is_filtered() {
        return;
    }
    IS_THERE.store(true, Ordering::Relaxed);
    let Ok(page) = memory::map_shared(PAGE_BYTES) else { return };
    // SAFETY: the page was mapped above, and its zeros are a valid count.
    let progress = unsafe { &*(page as *const Progress) };
    let count = calls().count() as u32;
    while progress.load(Ordering::Acquire) < count {
        let before = progress.load(Ordering::Acquire);
        if !try_from(before, progress) {
            // No child can be made. What is known so far stays.
            break;
        }
        let reached = progress.load(Ordering::Acquire);
        if reached < count {
            if let Some((number, args)) = calls().nth(reached as usize) {
                note(key(*number, args));
            }
            progress.store(reached + 1, Ordering::Release);
        }
    }
    // If all calls of a number kill, other arguments are likely to kill too.
    for (number, _) in calls() {
        if calls().filter(|(other, _)| other == number).all(|(number, args)| kills(*number, args)) {
            note(*number as u64 | ANY << 16);
        }
    }
    // SAFETY: the child has ended, and nobody else knows the page.
    unsafe { memory::unmap(page, PAGE_BYTES) };
}

fn calls() -> impl Iterator<Item = &'static (c_long, [usize; 6])> {
    // The first of these is what a child does first.
    FURTHER.iter().chain(sandbox::all_calls())
}

fn note(key: u64) {
    let at = COUNT.load(Ordering::Relaxed);
    if at < MOST_KILLING && KILLING[..at].iter().all(|known| known.load(Ordering::Relaxed) != key) {
        KILLING[at].store(key, Ordering::Relaxed);
        COUNT.store(at + 1, Ordering::Release);
        sandbox::restrict();
    }
}

/// Whether the process has a filter: the field Seccomp of proc_pid_status(5). Makes only calls that the loader makes
/// too, and does not use the private heap, whose lock blocks signals.
fn is_filtered() -> bool {
    let mut status = [0; PAGE_BYTES];
    match File::of_proc(c"/proc/self/status").and_then(|file| file.read(&mut status)) {
        Ok(bytes) => {
            let mut lines = status[..bytes].split(|&b| b == b'\n');
            let mode = lines.find_map(|line| line.strip_prefix(b"Seccomp:"));
            mode.is_some_and(|mode| mode.trim_ascii() != b"0")
        }
        // /proc is not there. (prctl is allowed: in strict mode no program could have been started.)
        Err(_) => {
            let args = [libc::PR_GET_SECCOMP as usize, 0, 0, 0, 0, 0];
            // SAFETY: this operation touches no memory.
            unsafe { syscall(libc::SYS_prctl, args) }.is_ok_and(|mode| mode != 0)
        }
    }
}

/// Has a child try the calls from index `first` on, and waits for its end. False if there was no child.
fn try_from(first: u32, progress: &Progress) -> bool {
    // The child is a copy of this process, which waits for the child's end and gets no signal of it.
    let flags = libc::CLONE_VFORK as usize;
    // SAFETY: the child has a copy of the memory, and makes the system calls below on its copy of the stack.
    match unsafe { syscall(libc::SYS_clone, [flags, 0, 0, 0, 0, 0]) } {
        Err(_) => false,
        Ok(0) => {
            leave_no_core();
            for (number, args) in calls().skip(first as usize) {
                if let Some(args) = harmless(*number, args) {
                    // SAFETY: with these arguments the call fails or changes the child alone.
                    let _ = unsafe { syscall(*number, args) };
                }
                progress.fetch_add(1, Ordering::Release);
            }
            super::process::exit_now(0)
        }
        Ok(child) => {
            let args = [child, 0, libc::__WALL as usize, 0, 0, 0];
            // SAFETY: the kernel is given nowhere to write.
            while unsafe { syscall(libc::SYS_wait4, args) } == Err(Errno(libc::EINTR)) {}
            true
        }
    }
}

/// Lets the child leave no core file when it dies.
fn leave_no_core() {
    let none = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    let args = [0, libc::RLIMIT_CORE as usize, &raw const none as usize, 0, 0, 0];
    // SAFETY: the kernel reads one limit. (`syscall` does not make the call again once it is known to kill.)
    let _ = unsafe { syscall(libc::SYS_prlimit64, args) };
}

/// Arguments with which a call fails or does nothing, while filters judge it as with `args`. `None` where there are
/// no such arguments.
fn harmless(number: c_long, args: &[usize; 6]) -> Option<[usize; 6]> {
    const BAD: usize = usize::MAX;
    let mut args = *args;
    match number {
        // Bad descriptors; null addresses.
        libc::SYS_read
        | libc::SYS_pread64
        | libc::SYS_lseek
        | libc::SYS_fstat
        | libc::SYS_close
        | libc::SYS_ioctl
        | libc::SYS_fcntl
        | libc::SYS_write
        | libc::SYS_pidfd_open => args[0] = BAD,
        libc::SYS_openat | libc::SYS_newfstatat | libc::SYS_statx => args[1] = 0,
        libc::SYS_readlink
        | libc::SYS_rseq
        | libc::SYS_nanosleep
        | libc::SYS_futex
        | libc::SYS_brk => args[0] = 0,
        // Not a page's address; then no bytes.
        libc::SYS_munmap | libc::SYS_mprotect | libc::SYS_madvise => args[0] = 1,
        libc::SYS_mmap | libc::SYS_getrandom => args[1] = 0,
        // A descriptor that is neither a pidfd nor PIDFD_SELF.
        libc::SYS_process_madvise => args[0] = BAD,
        // A combination that the kernel refuses.
        libc::SYS_clone => args[0] = libc::CLONE_SIGHAND as usize,
        libc::SYS_rt_sigaction | libc::SYS_rt_sigprocmask => (args[1], args[2]) = (0, 0),
        libc::SYS_sigaltstack | libc::SYS_set_robust_list | libc::SYS_sched_getaffinity => {
            (args[0], args[1], args[2]) = (0, 0, 0);
        }
        libc::SYS_tgkill | libc::SYS_sched_setaffinity => args[0] = BAD,
        libc::SYS_wait4 => (args[0], args[1]) = (BAD, 0),
        libc::SYS_exit | libc::SYS_exit_group => return None,
        _ => {}
    }
    Some(args)
}

/// Calls of the runtime that belong to no `Need` of `sandbox`.
const FURTHER: [(c_long, [usize; 6]); 12] = [
    (libc::SYS_prlimit64, [0, usize::MAX, 0, 0, 0, 0]),
    (libc::SYS_process_madvise, [0, 0, 1, libc::MADV_DONTNEED as usize, 0, 0]),
    (libc::SYS_process_madvise, [0, 0, 1, memory::MADV_GUARD_INSTALL, 0, 0]),
    (libc::SYS_madvise, [1, 0, libc::MADV_NOHUGEPAGE as usize, 0, 0, 0]),
    (libc::SYS_madvise, [1, 0, libc::MADV_WIPEONFORK as usize, 0, 0, 0]),
    (libc::SYS_clock_gettime, [usize::MAX, 0, 0, 0, 0, 0]),
    (libc::SYS_arch_prctl, [0, 0, 0, 0, 0, 0]),
    (libc::SYS_pidfd_open, [0; 6]),
    (libc::SYS_sched_setaffinity, [0; 6]),
    (libc::SYS_sched_getscheduler, [0; 6]),
    (libc::SYS_write, [0; 6]),
    (libc::SYS_clone3, [0; 6]),
];
