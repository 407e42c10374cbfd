//! The process and its threads: identity, exit, environment.

use super::per_thread::per_thread;
use super::{Errno, PAGE_BYTES, file, probe, syscall, syscall_unjudged};
use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};

/// The process id, for use when a filter forbids getpid.
static REMEMBERED: AtomicU32 = AtomicU32::new(0);

per_thread! {
    /// The thread's kernel id, for use when a filter forbids gettid.
    unsafe static REMEMBERED_TID: Cell<u32>, "fencepost_remembered_tid"
}

/// Notes the ids of process and thread, while no filter forbids the calls.
pub fn remember() {
    REMEMBERED.store(pid(), Ordering::Relaxed);
    tid();
}

/// Process id, asked of the kernel each time: a cached one would be wrong after a raw clone.
pub fn pid() -> u32 {
    // SAFETY: getpid touches no memory and cannot fail.
    match unsafe { syscall(libc::SYS_getpid, [0; 6]) } {
        Ok(pid) => pid as u32,
        Err(_) => REMEMBERED.load(Ordering::Relaxed),
    }
}

/// Whether process `pid` still runs; a zombie does not. True where the kernel can't say (Linux before 5.3, or no
/// descriptor is left).
pub fn is_running(pid: u32) -> bool {
    // SAFETY: pidfd_open(2) touches no memory.
    let opened = unsafe { syscall(libc::SYS_pidfd_open, [pid as usize, 0, 0, 0, 0, 0]) };
    let Ok(descriptor) = opened else { return opened != Err(Errno(libc::ESRCH)) };
    // The descriptor is readable once the process has ended.
    let mut end = libc::pollfd { fd: descriptor as i32, events: libc::POLLIN, revents: 0 };
    // SAFETY: the kernel reads and writes one pollfd, and does not wait.
    let ended = unsafe { syscall(libc::SYS_poll, [&raw mut end as usize, 1, 0, 0, 0, 0]) };
    // SAFETY: the descriptor was opened above, and nobody else uses it.
    let _ = unsafe { syscall(libc::SYS_close, [descriptor, 0, 0, 0, 0, 0]) };
    ended != Ok(1)
}

/// Kernel id of the calling thread.
pub fn tid() -> u32 {
    REMEMBERED_TID.with(|remembered| {
        // SAFETY: gettid touches no memory.
        match unsafe { syscall(libc::SYS_gettid, [0; 6]) } {
            Ok(tid) => remembered.set(tid as u32),
            // A filter forbids the call. The thread gets a number that no kernel id has, with the highest bit set.
            Err(_) if remembered.get() == 0 => {
                let own = core::ptr::from_ref(remembered) as usize;
                remembered.set((own >> 4) as u32 | 1 << 31);
            }
            Err(_) => {}
        }
        remembered.get()
    })
}

/// Effective user id.
pub fn effective_user() -> u32 {
    // SAFETY: geteuid touches no memory.
    unsafe { syscall(libc::SYS_geteuid, [0; 6]) }.map_or(u32::MAX, |user| user as u32)
}

/// Whether the process has a thread with this kernel id.
pub fn has_thread(tid: u32) -> bool {
    let args = [pid() as usize, tid as usize, 0, 0, 0, 0];
    // SAFETY: tgkill touches no memory, and with signal 0 it sends nothing.
    let found = unsafe { syscall(libc::SYS_tgkill, args) };
    found != Err(Errno(libc::ESRCH))
}

pub fn yield_now() {
    // SAFETY: sched_yield touches no memory.
    let _ = unsafe { syscall(libc::SYS_sched_yield, [0; 6]) };
}

/// Sleeps for 50 microseconds.
pub fn nap() {
    let time = libc::timespec { tv_sec: 0, tv_nsec: 50_000 };
    // SAFETY: the kernel reads `time`, and writes nothing.
    let _ = unsafe { syscall(libc::SYS_nanosleep, [&raw const time as usize, 0, 0, 0, 0, 0]) };
}

/// Whether the process may raise its hard limits (CAP_SYS_RESOURCE; setrlimit(2)).
pub fn may_raise_limits() -> bool {
    const VERSION_3: u32 = 0x2008_0522;
    const SYS_RESOURCE: u32 = 24;
    let header = [VERSION_3, 0];
    // Effective, permitted and inheritable sets; first of the lower capabilities, then of the upper ones (capget(2)).
    let mut sets = [0u32; 6];
    let args = [&raw const header as usize, &raw mut sets as usize, 0, 0, 0, 0];
    // SAFETY: `header` and `sets` have the kernel's layout.
    let told = unsafe { syscall(libc::SYS_capget, args) };
    told.is_ok() && sets[0] & 1 << SYS_RESOURCE != 0
}

/// Whether execve(2) of the path at `address` may succeed. Also true for text without a slash (a name to be searched
/// for) and for an address that is a descriptor's number.
pub fn may_be_executed(address: usize) -> bool {
    let args = [libc::AT_FDCWD as usize, address, libc::X_OK as usize, 0, 0, 0];
    // SAFETY: the kernel reads the path, and refuses a bad address.
    let accessible = unsafe { syscall(libc::SYS_faccessat, args) };
    let byte = |at| super::probe::load_byte(address + at).filter(|&byte| byte != 0);
    let is_path = (0..).map_while(byte).any(|byte| byte == b'/');
    accessible.is_ok() || !is_path
}

/// Size of the machine's memory and swap space, in bytes.
pub fn memory_and_swap() -> Option<usize> {
    let mut info = core::mem::MaybeUninit::<libc::sysinfo>::zeroed();
    // SAFETY: the kernel fills `info`, a structure of integers.
    let info = unsafe {
        syscall(libc::SYS_sysinfo, [info.as_mut_ptr() as usize, 0, 0, 0, 0, 0]).ok()?;
        info.assume_init()
    };
    (info.totalram as usize)
        .checked_add(info.totalswap as usize)?
        .checked_mul(info.mem_unit as usize)
}

/// Has exit(3) call `handler` after all handlers that are registered later, the destructors of modules among them. What atexit(3)
/// registers is called with the destructors of our own module, which may come before those of others.
///
/// # Safety
/// The handler must be safe to run where exit runs handlers, as long as the process lives.
pub unsafe fn register_exit(handler: extern "C" fn()) {
    unsafe extern "C" {
        fn __cxa_atexit(
            handler: extern "C" fn(),
            argument: *mut libc::c_void,
            module: *const libc::c_void,
        ) -> libc::c_int;
    }
    // SAFETY: the function is called with an argument that it does not look at; it may run then, as this function
    // demands. Without a module it stays registered for good.
    unsafe { __cxa_atexit(handler, core::ptr::null_mut(), core::ptr::null()) };
}

/// Registers handlers of fork for good. pthread_atfork(3) is no use: exit(3) removes the handlers of each module, and
/// a thread that forks meanwhile would run only the first of ours.
///
/// # Safety
/// The handlers must be safe to run around a fork, as long as the process lives.
pub unsafe fn register_atfork(
    before: extern "C" fn(),
    in_parent: extern "C" fn(),
    in_child: extern "C" fn(),
) {
    type Handler = Option<extern "C" fn()>;
    unsafe extern "C" {
        fn __register_atfork(
            before: Handler,
            in_parent: Handler,
            in_child: Handler,
            module: *const libc::c_void,
        ) -> libc::c_int;
    }
    /// Its address stands for a module that is never unloaded.
    static NO_MODULE: u8 = 0;
    let module = (&raw const NO_MODULE).cast();
    // SAFETY: the caller promises that the three functions may run around any fork. The module is never unloaded.
    unsafe { __register_atfork(Some(before), Some(in_parent), Some(in_child), module) };
}

/// Ends the process at once: no exit handlers, no flushing.
pub fn exit_now(code: i32) -> ! {
    loop {
        // If a filter kills for this call, the process dies, as it would without us.
        for number in [libc::SYS_exit_group, libc::SYS_exit] {
            // SAFETY: neither returns, unless a filter refuses it.
            let _ = unsafe { syscall_unjudged(number, [code as usize, 0, 0, 0, 0, 0]) };
        }
    }
}

/// Parks the calling thread for good, while another ends the process.
pub fn wait_for_the_end() -> ! {
    loop {
        // SAFETY: pause touches no memory.
        let _ = unsafe { syscall(libc::SYS_pause, [0; 6]) };
        nap();
    }
}

/// Sends `signal` to the calling thread.
pub fn raise(signal: libc::c_int) {
    let args = [pid() as usize, tid() as usize, signal as usize, 0, 0, 0];
    // SAFETY: tgkill touches no memory.
    if unsafe { syscall(libc::SYS_tgkill, args) }.is_err() {
        // A seccomp filter forbids the call. The process must not go on; this is a shell's exit code for the signal.
        exit_now(128 + signal);
    }
}

/// Whether the process has rights that its user does not have, by set-user-id or file capabilities (getauxval(3)).
pub fn is_privileged() -> bool {
    // SAFETY: getauxval has no preconditions.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Value of environment variable `name`, from libc's environment, or before that exists from the kernel's. `None` in a
/// privileged process, because a user with fewer rights has set the variables.
pub fn environment(name: &str) -> Option<Vec<u8>> {
    if is_privileged() {
        return None;
    }
    // SAFETY: `environ` is null, or a null-terminated array of C strings, once libc is set up; it
    // is read before the program runs, so nothing changes it meanwhile.
    unsafe {
        let mut entry = libc_environ();
        if entry.is_null() {
            return environment_at_start(name);
        }
        while !(*entry).is_null() {
            let text = core::ffi::CStr::from_ptr(*entry).to_bytes();
            if let Some(value) = value_of(text, name) {
                return Some(value.to_vec());
            }
            entry = entry.add(1);
        }
    }
    None
}

/// Whether the process gains no privileges by executing a program (`no_new_privs`).
pub fn has_renounced_privileges() -> bool {
    let args = [libc::PR_GET_NO_NEW_PRIVS as usize, 0, 0, 0, 0, 0];
    // SAFETY: this operation touches no memory.
    unsafe { syscall(libc::SYS_prctl, args) == Ok(1) }
}

unsafe extern "C" {
    static environ: *const *const libc::c_char;
}

/// libc's array of environment variables, as it is now; null before libc is set up.
pub fn libc_environ() -> *const *const libc::c_char {
    // SAFETY: reads one word, which the program may change.
    unsafe { core::ptr::read_volatile(&raw const environ) }
}

/// Addresses of the strings in libc's environment. Memory that can't be read ends the list.
pub fn environment_strings() -> Vec<usize> {
    let array = libc_environ() as usize;
    let entries =
        (0..).map(|number: usize| probe::load(array.wrapping_add(number * size_of::<usize>())));
    entries.map_while(|entry| entry.filter(|&entry| entry != 0)).collect()
}

/// The value of a variable as the kernel has it. The first allocation may come before libc has set `environ`.
fn environment_at_start(name: &str) -> Option<Vec<u8>> {
    let bytes = file::read_all(c"/proc/self/environ", 64 * PAGE_BYTES)?;
    bytes.split(|&b| b == 0).find_map(|entry| value_of(entry, name)).map(<[u8]>::to_vec)
}

fn value_of<'a>(entry: &'a [u8], name: &str) -> Option<&'a [u8]> {
    entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

/// The path under which the program was executed; for a script, the script's. `None` if the kernel does not state it.
pub fn executed_path() -> Option<Vec<u8>> {
    // SAFETY: getauxval has no preconditions. The kernel has put the C string on the first thread's stack, above all
    // frames, where it stays.
    unsafe {
        let address = libc::getauxval(libc::AT_EXECFN) as *const core::ffi::c_char;
        (!address.is_null()).then(|| core::ffi::CStr::from_ptr(address).to_bytes().to_vec())
    }
}

/// The path of the program file; for a script, the interpreter's. `None` where /proc is not mounted.
pub fn executable_path() -> Option<Vec<u8>> {
    let mut path = vec![0; libc::PATH_MAX as usize];
    let args =
        [c"/proc/self/exe".as_ptr() as usize, path.as_mut_ptr() as usize, path.len(), 0, 0, 0];
    // SAFETY: a valid C string, and a buffer of the length that is passed.
    let bytes = unsafe { syscall(libc::SYS_readlink, args) }.ok()?;
    path.truncate(bytes);
    Some(path)
}

/// Name of the calling thread. As long as a process has one thread, it is the process's name.
pub fn name() -> Vec<u8> {
    let mut name = [0u8; 16];
    let args = [libc::PR_GET_NAME as usize, name.as_mut_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: the kernel writes 16 bytes (PR_GET_NAME(2const)).
    let _ = unsafe { syscall(libc::SYS_prctl, args) };
    name.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()
}

/// Name of thread `tid` of this process: the program may have chosen any bytes.
pub fn thread_name(tid: u32) -> Option<Vec<u8>> {
    let path = std::ffi::CString::new(format!("/proc/self/task/{tid}/comm")).ok()?;
    let mut bytes = file::read_all(&path, 64)?;
    // The kernel adds a newline at the end; the name may hold others.
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Some(bytes)
}

/// Whether the process has no thread but the calling one; false where the kernel does not say.
pub fn has_one_thread() -> bool {
    let status = file::read_all(c"/proc/self/status", PAGE_BYTES).unwrap_or_default();
    let mut lines = status.split(|&b| b == b'\n');
    let count = lines.find_map(|line| line.strip_prefix(b"Threads:"));
    count.is_some_and(|count| count.trim_ascii() == b"1")
}

/// Time of the monotonic clock, in nanoseconds; 0 where a filter forbids the call.
pub fn clock_nanoseconds() -> u64 {
    read_clock(libc::CLOCK_MONOTONIC)
}

/// Processor time of the calling thread, as [`clock_nanoseconds`].
pub fn thread_nanoseconds() -> u64 {
    read_clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Processor time of all threads of the process, as [`clock_nanoseconds`].
pub fn process_nanoseconds() -> u64 {
    read_clock(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn read_clock(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let args = [clock as usize, &raw mut time as usize, 0, 0, 0, 0];
    // SAFETY: the kernel fills `time`.
    let _ = unsafe { syscall(libc::SYS_clock_gettime, args) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

const ARCH_GET_FS: usize = 0x1003;
const ARCH_GET_GS: usize = 0x1004;

fn segment_base(which: usize) -> u64 {
    let mut base = 0u64;
    // SAFETY: the kernel writes one word (arch_prctl(2)).
    let _ = unsafe { syscall(libc::SYS_arch_prctl, [which, &raw mut base as usize, 0, 0, 0, 0]) };
    base
}

/// Base address of the fs segment, where thread-local storage lies.
pub fn fs_base() -> u64 {
    segment_base(ARCH_GET_FS)
}

/// Base address of the gs segment.
pub fn gs_base() -> u64 {
    segment_base(ARCH_GET_GS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_runs_until_it_ends_though_nobody_has_waited_for_it() {
        assert!(is_running(pid()));
        let mut cat = std::process::Command::new("cat");
        let mut child = cat.stdin(std::process::Stdio::piped()).spawn().unwrap();
        assert!(is_running(child.id()));
        drop(child.stdin.take());
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while is_running(child.id()) {
            assert!(std::time::Instant::now() < end);
            nap();
        }
        child.wait().unwrap();
        assert!(!is_running(child.id()));
    }
}
