//! The seccomp filters of this process, and which calls they leave us.
//!
//! A call that a filter does not permit may kill the process, so none is made: [`refusal`] stands before
//! every system call of the runtime (`sys::syscall`) and returns the error in its place. What
//! libc does for us (std's files and threads) goes past it: ask [`allows`] before.
//!
//! A filter of one thread counts as one of the process: threads that it leaves free are bound by it too. Filters
//! that the process was started under are known by trial only: see [`inherited`].

use super::errno::Errno;
use super::filter::{self, CallData, MOST_INSTRUCTIONS, Verdict};
use super::{PAGE_BYTES, inherited, memory, probe, round_up_to_page, uffd};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use libc::{c_long, sock_filter};

/// A filter in memory of its own, never unmapped: others may be running it.
#[repr(C)]
struct Filter {
    before: *const Filter,
    /// The kernel did not take it.
    is_void: AtomicBool,
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
    let newest = NEWEST.load(Ordering::Acquire);
    judge(newest, IS_STRICT.load(Ordering::Acquire), number, args).refusal()
}

/// The lowest verdict wins, as in the kernel.
fn judge(newest: *const Filter, is_strict: bool, number: c_long, args: &[usize; 6]) -> Verdict {
    const ALWAYS: [c_long; 4] =
        [libc::SYS_read, libc::SYS_write, libc::SYS_exit, libc::SYS_rt_sigreturn];
    if is_strict && !ALWAYS.contains(&number) || inherited::kills(number, args) {
        return Verdict::Kill;
    }
    // The runtime's calls are made all over its code; where, no filter is likely to ask.
    let call = CallData::new(number, args, refusal as *const () as usize);
    let mut lowest = Verdict::Allow;
    let mut next = newest;
    // SAFETY: null, or a filter that `Filter::keep` has made, which stays.
    while let Some(filter) = unsafe { next.as_ref() } {
        if !filter.is_void.load(Ordering::Acquire) {
            lowest = lowest.min(filter::verdict(filter.instructions(), &call));
        }
        next = filter.before;
    }
    lowest
}

/// From now on calls are judged.
pub(super) fn restrict() {
    IS_RESTRICTED.store(true, Ordering::Release);
}

impl Filter {
    fn instructions(&self) -> &[sock_filter] {
        // SAFETY: `keep` has written as many behind the header.
        unsafe { core::slice::from_raw_parts(self.program.as_ptr(), self.instructions) }
    }

    /// Copies a program of so many instructions at `address`, which is the program's word.
    fn keep(address: usize, count: usize) -> Result<*mut Filter, Errno> {
        let bytes = count * size_of::<sock_filter>();
        let filter = memory::map(round_up_to_page(size_of::<Filter>() + bytes))? as *mut Filter;
        // SAFETY: new memory of ours, large enough, that nobody else knows.
        let copied = unsafe {
            filter.write(Filter {
                before: core::ptr::null(),
                is_void: AtomicBool::new(false),
                instructions: count,
                program: [],
            });
            let to = (&raw mut (*filter).program).cast::<u8>();
            probe::copy(address, core::slice::from_raw_parts_mut(to, bytes))
        };
        if copied == bytes { Ok(filter) } else { Err(Errno(libc::EFAULT)) }
    }
}

/// A filter that the program is about to install, on top of those that there are.
pub struct Coming(Option<*mut Filter>);

impl Coming {
    /// SECCOMP_MODE_STRICT.
    pub fn strict() -> Coming {
        Coming(None)
    }

    /// The `struct sock_fprog` at an address; `None` where the kernel will not take it.
    pub fn program_at(address: usize) -> Option<Coming> {
        let mut bytes = [0; size_of::<libc::sock_fprog>()];
        if probe::copy(address, &mut bytes) < bytes.len() {
            return None;
        }
        // SAFETY: a structure of integers and a pointer, for which any bytes are valid.
        let program: libc::sock_fprog = unsafe { core::mem::transmute(bytes) };
        let count = usize::from(program.len);
        if count == 0 || count > MOST_INSTRUCTIONS {
            return None;
        }
        match Filter::keep(program.filter as usize, count) {
            Ok(filter) => Some(Coming(Some(filter))),
            Err(Errno(libc::EFAULT)) => None,
            // It can't be kept: as if it forbade everything.
            Err(_) => Some(Coming(None)),
        }
    }

    /// Whether it, and those that there are, will permit all that `need` takes.
    pub fn allows(&self, need: Need) -> bool {
        let newest = NEWEST.load(Ordering::Acquire);
        if let Some(filter) = self.0 {
            // SAFETY: made by `keep`, and not shared yet.
            unsafe { (*filter).before = newest };
        }
        let newest = self.0.unwrap_or(newest);
        is_granted(need, |number, args| judge(newest, self.0.is_none(), number, args).refusal())
    }

    /// Binds the runtime by it, before the kernel does.
    pub fn bind(&self) {
        match self.0 {
            None => IS_STRICT.store(true, Ordering::Release),
            Some(filter) => {
                let mut newest = NEWEST.load(Ordering::Acquire);
                loop {
                    // SAFETY: made by `keep`, and not shared yet.
                    unsafe { (*filter).before = newest };
                    let order = (Ordering::AcqRel, Ordering::Acquire);
                    match NEWEST.compare_exchange(newest, filter, order.0, order.1) {
                        Ok(_) => break,
                        Err(other) => newest = other,
                    }
                }
            }
        }
        restrict();
    }

    /// Undoes [`Coming::bind`]: the kernel has not taken it.
    pub fn release(&self) {
        match self.0 {
            None => IS_STRICT.store(false, Ordering::Release),
            // SAFETY: made by `keep`, and never unmapped.
            Some(filter) => unsafe { (*filter).is_void.store(true, Ordering::Release) },
        }
    }
}

/// What the runtime may want of the kernel beyond memory and the end of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Open a file, read it, map it, close it.
    OpenFiles,
    /// What a record of a finding takes beside a file.
    Records,
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
    /// Ask of which file a descriptor is.
    Look,
    /// What std's hash tables ask the kernel for.
    Randomness,
    /// Fill and move pages by userfaultfd.
    Transfers,
    /// Open a descriptor of userfaultfd and register a range, as the child of a fork must.
    Registering,
    /// Guard markers, in stretches that are made writable.
    GuardMarkers,
    /// Page permissions: pages made accessible, and inaccessible again.
    Permissions,
    /// New writable mappings in the place of old ones.
    Replacing,
    /// What malloc takes for itself: brk(2) or new mappings.
    NativeMemory,
}

impl Need {
    const ALL: [Need; 20] = [
        Need::OpenFiles,
        Need::Records,
        Need::Map,
        Need::StartThread,
        Need::StartProcess,
        Need::SignalActions,
        Need::SignalMask,
        Need::AlternateStack,
        Need::SendSignal,
        Need::Wait,
        Need::Identity,
        Need::Descriptors,
        Need::Look,
        Need::Randomness,
        Need::Transfers,
        Need::Registering,
        Need::GuardMarkers,
        Need::Permissions,
        Need::Replacing,
        Need::NativeMemory,
    ];
}

/// Whether the filters permit all that `need` takes. True without a filter.
pub fn allows(need: Need) -> bool {
    !is_restricted() || is_granted(need, refusal)
}

fn is_granted(need: Need, refusal: impl Fn(c_long, &[usize; 6]) -> Option<Errno>) -> bool {
    let is_permitted = |&(number, args): &(c_long, [usize; 6])| refusal(number, &args).is_none();
    let has_all = calls_of(need).iter().all(is_permitted);
    match need {
        // glibc tries clone3(2) first; only this error makes it go on to clone(2).
        Need::StartThread => {
            let clone3 = refusal(libc::SYS_clone3, &[0; 6]);
            has_all && matches!(clone3, None | Some(Errno(libc::ENOSYS)))
        }
        // Inaccessible by a new mapping, or in two steps.
        Need::Permissions => {
            has_all && (is_permitted(&COVER) || TWO_STEPS.iter().all(is_permitted))
        }
        _ => has_all,
    }
}

/// The calls of all needs.
pub(super) fn all_calls() -> impl Iterator<Item = &'static (c_long, [usize; 6])> {
    let needs = Need::ALL.into_iter().flat_map(calls_of);
    needs.chain([&COVER]).chain(&TWO_STEPS)
}

const RW: usize = (libc::PROT_READ | libc::PROT_WRITE) as usize;
const PRIVATE: usize = libc::MAP_PRIVATE as usize;
const ANONYMOUS: usize = PRIVATE | (libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as usize;
const NOWHERE: usize = usize::MAX;
const SET_BYTES: usize = 8;
const NONE: usize = libc::PROT_NONE as usize;
const FIXED: usize = ANONYMOUS | libc::MAP_FIXED as usize;
const COVER: (c_long, [usize; 6]) =
    (libc::SYS_mmap, [PAGE_BYTES, PAGE_BYTES, NONE, FIXED, NOWHERE, 0]);
const TWO_STEPS: [(c_long, [usize; 6]); 2] = [
    (libc::SYS_madvise, [PAGE_BYTES, PAGE_BYTES, libc::MADV_DONTNEED as usize, 0, 0, 0]),
    (libc::SYS_mprotect, [PAGE_BYTES, PAGE_BYTES, NONE, 0, 0, 0]),
];

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
        Need::Records => &[
            (libc::SYS_clock_gettime, [0, PAGE, 0, 0, 0, 0]),
            (libc::SYS_getppid, [0; 6]),
            (libc::SYS_uname, [PAGE, 0, 0, 0, 0, 0]),
            (libc::SYS_mkdirat, [CURRENT, PAGE, 0, 0, 0, 0]),
            (libc::SYS_ftruncate, [NOWHERE, 0, 0, 0, 0, 0]),
            (libc::SYS_fsync, [NOWHERE, 0, 0, 0, 0, 0]),
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
        Need::Randomness => &[
            (libc::SYS_getrandom, [PAGE, 16, libc::GRND_INSECURE as usize, 0, 0, 0]),
            (libc::SYS_getrandom, [PAGE, 16, libc::GRND_NONBLOCK as usize, 0, 0, 0]),
        ],
        Need::Look => &[(libc::SYS_fstat, [3, PAGE, 0, 0, 0, 0])],
        Need::Transfers => &[
            (libc::SYS_ioctl, [uffd::PARKED, uffd::UFFDIO_COPY, PAGE, 0, 0, 0]),
            (libc::SYS_ioctl, [uffd::PARKED, uffd::UFFDIO_MOVE, PAGE, 0, 0, 0]),
            (libc::SYS_madvise, [PAGE, PAGE, libc::MADV_DONTNEED as usize, 0, 0, 0]),
            (libc::SYS_mprotect, [PAGE, PAGE, RW, 0, 0, 0]),
        ],
        Need::Registering => &[
            (libc::SYS_userfaultfd, [uffd::FLAGS, 0, 0, 0, 0, 0]),
            (libc::SYS_ioctl, [3, uffd::UFFDIO_API, PAGE, 0, 0, 0]),
            (libc::SYS_ioctl, [uffd::PARKED, uffd::UFFDIO_REGISTER, PAGE, 0, 0, 0]),
        ],
        Need::GuardMarkers => &[
            (libc::SYS_madvise, [PAGE, PAGE, memory::MADV_GUARD_INSTALL, 0, 0, 0]),
            (libc::SYS_madvise, [PAGE, PAGE, memory::MADV_GUARD_REMOVE, 0, 0, 0]),
            (libc::SYS_mprotect, [PAGE, PAGE, RW, 0, 0, 0]),
        ],
        Need::Permissions => &[(libc::SYS_mprotect, [PAGE, PAGE, RW, 0, 0, 0])],
        Need::Replacing => &[(libc::SYS_mmap, [PAGE, PAGE, RW, FIXED, NOWHERE, 0])],
        Need::NativeMemory => &[(libc::SYS_brk, [PAGE, 0, 0, 0, 0, 0]), MAP],
    }
}
