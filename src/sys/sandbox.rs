//! The seccomp filters of this process, and which calls they leave us.
//!
//! A call that a filter does not permit may kill the process, so none is made: [`refusal`] stands before
//! every system call of the runtime (`sys::syscall`) and returns the error in its place. What
//! libc does for us (std's files and threads) goes past it: ask [`allows`] before.
//!
//! A filter of one thread counts as one of the process: threads that it leaves free are bound by it too. Filters
//! that the process was started under are known by trial only ([`learn_inherited`]).

#![allow(dead_code, reason = "the interposed prctl(2), which comes next, uses the rest")]

use super::errno::Errno;
use super::filter::{self, CallData, MOST_INSTRUCTIONS, Verdict};
use super::{PAGE_BYTES, memory, round_up_to_page};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use libc::{c_long, sock_filter};

/// A filter in memory of its own, never unmapped: others may be running it.
struct Filter {
    before: *const Filter,
    instructions: usize,
    /// So many follow.
    program: [sock_filter; 0],
}

/// The newest filter.
static NEWEST: AtomicPtr<Filter> = AtomicPtr::new(core::ptr::null_mut());
/// SECCOMP_MODE_STRICT, or a filter of which nothing could be kept.
static IS_STRICT: AtomicBool = AtomicBool::new(false);
/// Whether there is anything to ask. Last set, first read.
static IS_RESTRICTED: AtomicBool = AtomicBool::new(false);

/// Whether the program has installed a filter, or was started under one that kills for calls of ours.
#[inline(always)]
pub fn is_restricted() -> bool {
    IS_RESTRICTED.load(Ordering::Relaxed)
}

/// The error that stands for a call which the filters do not permit; `None` if the call can be made.
#[cold]
#[inline(never)]
pub fn refusal(number: c_long, args: &[usize; 6]) -> Option<Errno> {
    judge(NEWEST.load(Ordering::Acquire), IS_STRICT.load(Ordering::Acquire), number, args).refusal()
}

/// The lowest verdict wins, as in the kernel.
fn judge(newest: *const Filter, is_strict: bool, number: c_long, args: &[usize; 6]) -> Verdict {
    if is_strict
        && !matches!(
            number,
            libc::SYS_read | libc::SYS_write | libc::SYS_exit | libc::SYS_rt_sigreturn
        )
    {
        return Verdict::Kill;
    }
    // The runtime's calls are made all over its code; where, no filter is likely to ask.
    let call = CallData::new(number, args, refusal as *const () as usize);
    let mut lowest = Verdict::Allow;
    let mut next = newest;
    // SAFETY: null, or a filter that `Filter::keep` has made, which stays.
    while let Some(filter) = unsafe { next.as_ref() } {
        lowest = lowest.min(filter::verdict(filter.instructions(), &call));
        next = filter.before;
    }
    lowest
}

impl Filter {
    fn instructions(&self) -> &[sock_filter] {
        // SAFETY: `keep` has written as many behind the header.
        unsafe { core::slice::from_raw_parts(self.program.as_ptr(), self.instructions) }
    }

    /// Copies a program.
    fn keep(program: &[sock_filter], before: *const Filter) -> Result<*mut Filter, Errno> {
        let bytes = round_up_to_page(size_of::<Filter>() + size_of_val(program));
        let filter = memory::map(bytes)? as *mut Filter;
        // SAFETY: new memory of ours, large enough, that nobody else knows.
        unsafe {
            filter.write(Filter { before, instructions: program.len(), program: [] });
            let to = (&raw mut (*filter).program).cast::<sock_filter>();
            core::ptr::copy_nonoverlapping(program.as_ptr(), to, program.len());
        }
        Ok(filter)
    }
}

/// What the runtime may want of the kernel beyond memory and the end of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Open a file, read it, map it, close it.
    OpenFiles,
    /// New memory, and giving it back.
    Map,
    /// A thread by way of libc: its stack, its start, its end.
    StartThread,
    /// A process by way of fork(2).
    StartProcess,
    /// Change what a signal does.
    SignalActions,
    /// Block signals, and let them through.
    SignalMask,
    AlternateStack,
    /// Send a signal to the calling thread (tgkill(2)).
    SendSignal,
    /// Sleep and wait (nanosleep, futex, sched_yield).
    Wait,
    /// Ids of process and thread.
    Identity,
    /// Take the descriptor of another file by fcntl(2) or dup(2), and ask of which file it is.
    Descriptors,
}

/// Whether the filters permit all that `need` takes. True without a filter.
pub fn allows(need: Need) -> bool {
    !is_restricted()
        || calls_of(need).iter().all(|(number, args)| refusal(*number, args).is_none())
        // glibc tries clone3(2) first; only this error makes it go on to clone(2).
        && (need != Need::StartThread
            || matches!(refusal(libc::SYS_clone3, &[0; 6]), None | Some(Errno(libc::ENOSYS))))
}

const RW: usize = (libc::PROT_READ | libc::PROT_WRITE) as usize;
const PRIVATE: usize = libc::MAP_PRIVATE as usize;
const ANONYMOUS: usize = PRIVATE | (libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as usize;
const NOWHERE: usize = usize::MAX;
const SET_BYTES: usize = 8;

/// The calls of a need, with the arguments by which filters tell them apart.
fn calls_of(need: Need) -> &'static [(c_long, [usize; 6])] {
    const PAGE: usize = PAGE_BYTES;
    const MAP: (c_long, [usize; 6]) = (libc::SYS_mmap, [0, PAGE, RW, ANONYMOUS, NOWHERE, 0]);
    const UNMAP: (c_long, [usize; 6]) = (libc::SYS_munmap, [PAGE, PAGE, 0, 0, 0, 0]);
    const SET_MASK: [usize; 6] = [libc::SIG_SETMASK as usize, PAGE, PAGE, SET_BYTES, 0, 0];
    const BLOCK: [usize; 6] = [libc::SIG_BLOCK as usize, PAGE, PAGE, SET_BYTES, 0, 0];
    const THREAD: usize = (libc::CLONE_VM
        | libc::CLONE_FS
        | libc::CLONE_FILES
        | libc::CLONE_SYSVSEM
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_SETTLS
        | libc::CLONE_PARENT_SETTID
        | libc::CLONE_CHILD_CLEARTID) as usize;
    const STACK: usize = PRIVATE | (libc::MAP_ANONYMOUS | libc::MAP_STACK) as usize;
    const FORK: usize =
        (libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID | libc::SIGCHLD) as usize;
    const CURRENT: usize = libc::AT_FDCWD as usize;
    const READ_ONLY: usize = libc::O_CLOEXEC as usize;
    match need {
        Need::OpenFiles => &[
            (libc::SYS_openat, [CURRENT, PAGE, READ_ONLY, 0, 0, 0]),
            (libc::SYS_read, [3, PAGE, PAGE, 0, 0, 0]),
            (libc::SYS_pread64, [3, PAGE, PAGE, 0, 0, 0]),
            (libc::SYS_lseek, [3, 0, 0, 0, 0, 0]),
            (libc::SYS_fstat, [3, PAGE, 0, 0, 0, 0]),
            (libc::SYS_newfstatat, [CURRENT, PAGE, PAGE, 0, 0, 0]),
            (libc::SYS_statx, [3, PAGE, libc::AT_EMPTY_PATH as usize, 0xfff, PAGE, 0]),
            (libc::SYS_readlink, [PAGE, PAGE, PAGE, 0, 0, 0]),
            (libc::SYS_mmap, [0, PAGE, libc::PROT_READ as usize, PRIVATE, 3, 0]),
            (libc::SYS_close, [3, 0, 0, 0, 0, 0]),
            MAP,
            UNMAP,
        ],
        Need::Map => &[MAP, UNMAP],
        Need::StartThread => &[
            (libc::SYS_mmap, [0, PAGE, libc::PROT_NONE as usize, STACK, NOWHERE, 0]),
            (libc::SYS_mmap, [0, PAGE, RW, STACK, NOWHERE, 0]),
            (libc::SYS_mprotect, [PAGE, PAGE, RW, 0, 0, 0]),
            (libc::SYS_rt_sigprocmask, BLOCK),
            (libc::SYS_rt_sigprocmask, SET_MASK),
            (libc::SYS_clone, [THREAD, PAGE, PAGE, PAGE, PAGE, 0]),
            (libc::SYS_set_robust_list, [PAGE, 24, 0, 0, 0, 0]),
            (libc::SYS_rseq, [PAGE, 32, 0, 0x5305_3053, 0, 0]),
            (libc::SYS_sigaltstack, [PAGE, 0, 0, 0, 0, 0]),
            (libc::SYS_sched_getaffinity, [0, PAGE, PAGE, 0, 0, 0]),
            (libc::SYS_futex, [PAGE, libc::FUTEX_WAIT as usize, 0, 0, 0, 0]),
            (libc::SYS_futex, [PAGE, 128 | libc::FUTEX_WAKE as usize, 1, 0, 0, 0]),
            (libc::SYS_madvise, [PAGE, PAGE, libc::MADV_DONTNEED as usize, 0, 0, 0]),
            (libc::SYS_exit, [0; 6]),
            UNMAP,
        ],
        Need::StartProcess => &[
            (libc::SYS_clone, [FORK, 0, 0, PAGE, 0, 0]),
            (libc::SYS_wait4, [1, PAGE, 0, 0, 0, 0]),
            (libc::SYS_exit_group, [0; 6]),
        ],
        Need::SignalActions => {
            &[(libc::SYS_rt_sigaction, [libc::SIGSEGV as usize, PAGE, PAGE, SET_BYTES, 0, 0])]
        }
        Need::SignalMask => {
            &[(libc::SYS_rt_sigprocmask, BLOCK), (libc::SYS_rt_sigprocmask, SET_MASK)]
        }
        Need::AlternateStack => &[(libc::SYS_sigaltstack, [PAGE, PAGE, 0, 0, 0, 0])],
        Need::SendSignal => &[(libc::SYS_tgkill, [1, 1, libc::SIGABRT as usize, 0, 0, 0])],
        Need::Wait => &[
            (libc::SYS_nanosleep, [PAGE, 0, 0, 0, 0, 0]),
            (libc::SYS_futex, [PAGE, 128 | libc::FUTEX_WAIT as usize, 0, 0, 0, 0]),
            (libc::SYS_sched_yield, [0; 6]),
        ],
        Need::Identity => &[(libc::SYS_getpid, [0; 6]), (libc::SYS_gettid, [0; 6])],
        Need::Descriptors => &[
            (libc::SYS_fcntl, [3, libc::F_DUPFD_CLOEXEC as usize, 3, 0, 0, 0]),
            (libc::SYS_fstat, [3, PAGE, 0, 0, 0, 0]),
            (libc::SYS_close, [3, 0, 0, 0, 0, 0]),
        ],
    }
}

/// A filter that the program is about to install.
#[derive(Clone, Copy)]
pub enum Coming<'a> {
    Strict,
    Program(&'a [sock_filter]),
}

/// Binds the runtime by a filter, before the kernel does.
pub fn bind(coming: Coming<'_>) {
    match coming {
        Coming::Program(program) if program.len() <= MOST_INSTRUCTIONS => {
            let before = NEWEST.load(Ordering::Acquire);
            match Filter::keep(program, before) {
                Ok(filter) => NEWEST.store(filter, Ordering::Release),
                Err(_) => IS_STRICT.store(true, Ordering::Release),
            }
        }
        _ => IS_STRICT.store(true, Ordering::Release),
    }
    IS_RESTRICTED.store(true, Ordering::Release);
}
