//! The seccomp filters of this process, and which system calls they permit.
//!
//! A call that a filter does not permit may kill the process, so the runtime does not make it: before each of its
//! system calls, `sys::syscall` asks [`refusal`], which returns the error to use instead. Calls that libc makes for
//! us (std's files and threads) are not checked there: ask [`allows`] before.
//!
//! A filter of one thread counts for the whole process: the runtime obeys it in all threads. Filters that the process
//! was started under are known only by trial: see [`inherited`].

use super::errno::Errno;
use super::filter::{self, CallData, MOST_INSTRUCTIONS, Verdict};
use super::{PAGE_BYTES, inherited, memory, probe, round_up_to_page, uffd};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use libc::{c_long, sock_filter};

/// A filter in memory of its own. It is never unmapped, as other threads may be running it.
#[repr(C)]
struct Filter {
    before: *const Filter,
    /// Whether the kernel has refused the filter.
    is_void: AtomicBool,
    instructions: usize,
    /// Number of instructions, which follow this header.
    program: [sock_filter; 0],
}

/// The newest filter.
static NEWEST: AtomicPtr<Filter> = AtomicPtr::new(core::ptr::null_mut());
/// Whether SECCOMP_MODE_STRICT is on, or a filter is that could not be copied.
static IS_STRICT: AtomicBool = AtomicBool::new(false);
/// Whether the other statics must be asked. It is set last and read first.
static IS_RESTRICTED: AtomicBool = AtomicBool::new(false);

/// Whether the program has installed a filter, or was started under one that kills for calls of the runtime.
#[inline(always)]
pub fn is_restricted() -> bool {
    IS_RESTRICTED.load(Ordering::Relaxed)
}

/// The error to return in place of a call that the filters do not permit; `None` if the call can be made.
#[cold]
#[inline(never)]
pub fn refusal(number: c_long, args: &[usize; 6]) -> Option<Errno> {
    let newest = NEWEST.load(Ordering::Acquire);
    judge(newest, IS_STRICT.load(Ordering::Acquire), number, args).refusal()
}

/// The verdict of all filters on a call: the lowest one wins, as in the kernel.
fn judge(newest: *const Filter, is_strict: bool, number: c_long, args: &[usize; 6]) -> Verdict {
    const ALWAYS: [c_long; 4] =
        [libc::SYS_read, libc::SYS_write, libc::SYS_exit, libc::SYS_rt_sigreturn];
    if is_strict && !ALWAYS.contains(&number) || inherited::kills(number, args) {
        return Verdict::Kill;
    }
    // The true address of the call is not known here; filters are not likely to look at it.
    let call = CallData::new(number, args, refusal as *const () as usize);
    let mut lowest = Verdict::Allow;
    let mut next = newest;
    // SAFETY: the pointer is null, or to a filter that `Filter::keep` has made, which is never unmapped.
    while let Some(filter) = unsafe { next.as_ref() } {
        if !filter.is_void.load(Ordering::Acquire) {
            lowest = lowest.min(filter::verdict(filter.instructions(), &call));
        }
        next = filter.before;
    }
    lowest
}

/// From now on calls are judged by the filters.
pub(super) fn restrict() {
    IS_RESTRICTED.store(true, Ordering::Release);
}

impl Filter {
    fn instructions(&self) -> &[sock_filter] {
        // SAFETY: `keep` has written that many instructions behind the header.
        unsafe { core::slice::from_raw_parts(self.program.as_ptr(), self.instructions) }
    }

    /// Copies `count` instructions of a filter from `address`, which the program passed and may be bad.
    fn keep(address: usize, count: usize) -> Result<*mut Filter, Errno> {
        let bytes = count * size_of::<sock_filter>();
        let filter = memory::map(round_up_to_page(size_of::<Filter>() + bytes))? as *mut Filter;
        // SAFETY: the memory is new, large enough, and nobody else knows it.
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

/// A filter that the program is about to install in addition to the others; `None` inside forbids everything.
pub struct Coming(Option<*mut Filter>);

impl Coming {
    /// Stands for SECCOMP_MODE_STRICT.
    pub fn strict() -> Coming {
        Coming(None)
    }

    /// Reads the `struct sock_fprog` at an address; `None` where the kernel will refuse it.
    pub fn program_at(address: usize) -> Option<Coming> {
        let mut bytes = [0; size_of::<libc::sock_fprog>()];
        if probe::copy(address, &mut bytes) < bytes.len() {
            return None;
        }
        // SAFETY: any bytes are valid for a structure of integers and a pointer.
        let program: libc::sock_fprog = unsafe { core::mem::transmute(bytes) };
        let count = usize::from(program.len);
        if count == 0 || count > MOST_INSTRUCTIONS {
            return None;
        }
        match Filter::keep(program.filter as usize, count) {
            Ok(filter) => Some(Coming(Some(filter))),
            Err(Errno(libc::EFAULT)) => None,
            // The filter can't be copied: assume that it forbids everything.
            Err(_) => Some(Coming(None)),
        }
    }

    /// Whether this filter and the installed ones permit all calls of `need`.
    pub fn allows(&self, need: Need) -> bool {
        let newest = NEWEST.load(Ordering::Acquire);
        if let Some(filter) = self.0 {
            // SAFETY: `keep` has made the filter, and no other thread knows it yet.
            unsafe { (*filter).before = newest };
        }
        let newest = self.0.unwrap_or(newest);
        is_granted(need, |number, args| judge(newest, self.0.is_none(), number, args).refusal())
    }

    /// Has the runtime obey the filter, before the kernel applies it.
    pub fn bind(&self) {
        match self.0 {
            None => IS_STRICT.store(true, Ordering::Release),
            Some(filter) => {
                let mut newest = NEWEST.load(Ordering::Acquire);
                loop {
                    // SAFETY: `keep` has made the filter, and no other thread knows it yet.
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

    /// Undoes [`Coming::bind`] after the kernel has refused the filter.
    pub fn release(&self) {
        match self.0 {
            None => IS_STRICT.store(false, Ordering::Release),
            // SAFETY: `keep` has made the filter, and it is never unmapped.
            Some(filter) => unsafe { (*filter).is_void.store(true, Ordering::Release) },
        }
    }
}

/// A thing that the runtime may need system calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Opening, reading, mapping and closing a file.
    OpenFiles,
    /// What writing a record takes beside a file.
    Records,
    /// Mapping and unmapping memory.
    Map,
    /// Starting a thread by libc: its stack, its start, its end.
    StartThread,
    /// Starting a process by fork(2).
    StartProcess,
    /// Changing the action of a signal.
    SignalActions,
    /// Blocking and unblocking signals.
    SignalMask,
    AlternateStack,
    /// Sending a signal to the calling thread (tgkill(2)).
    SendSignal,
    /// Sleeping and waiting (nanosleep, futex, sched_yield).
    Wait,
    /// Asking for the ids of process and thread.
    Identity,
    /// Duplicating a descriptor by fcntl(2) or dup(2), and asking which file it is.
    Descriptors,
    /// Asking which file a descriptor is.
    Look,
    /// Random numbers, for std's hash tables.
    Randomness,
    /// Filling and moving pages by userfaultfd.
    Transfers,
    /// Opening a userfaultfd and registering a range, as the child of a fork must.
    Registering,
    /// Guard markers, and making stretches writable for them.
    GuardMarkers,
    /// Making pages accessible, and inaccessible again.
    Permissions,
    /// Laying new writable mappings over old ones.
    Replacing,
    /// Memory for libc's malloc: brk(2) or new mappings.
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

/// Whether the filters permit all calls of `need`. True without a filter.
pub fn allows(need: Need) -> bool {
    !is_restricted() || is_granted(need, refusal)
}

fn is_granted(need: Need, refusal: impl Fn(c_long, &[usize; 6]) -> Option<Errno>) -> bool {
    let is_permitted = |&(number, args): &(c_long, [usize; 6])| refusal(number, &args).is_none();
    let has_all = calls_of(need).iter().all(is_permitted);
    match need {
        // glibc tries clone3(2) first; only the error ENOSYS makes it go on to clone(2).
        Need::StartThread => {
            let clone3 = refusal(libc::SYS_clone3, &[0; 6]);
            has_all && matches!(clone3, None | Some(Errno(libc::ENOSYS)))
        }
        // Pages are made inaccessible by a new mapping, or in two steps.
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
