//! The system calls that the standard library does not have. All unsafe code of the command is here,
//! except for `main` and the demos, which are C interfaces.
#![allow(unsafe_code)]

use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString, c_int, c_uint};
use std::fs::File;
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

/// The user and group ids of this process.
pub struct Identity {
    pub real_user: u32,
    pub effective_user: u32,
    pub real_group: u32,
    pub effective_group: u32,
}

/// Asks for the ids of this process.
pub fn identity() -> Identity {
    // SAFETY: these calls have no arguments, touch no memory and cannot fail.
    unsafe {
        Identity {
            real_user: libc::getuid(),
            effective_user: libc::geteuid(),
            real_group: libc::getgid(),
            effective_group: libc::getegid(),
        }
    }
}

/// Whether the file's permissions allow this process to execute it.
pub fn is_executable(path: &Path) -> bool {
    let Ok(path) = c_string(path.as_os_str()) else {
        return false;
    };
    // SAFETY: `path` is NUL-terminated and outlives the call.
    unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::X_OK, libc::AT_EACCESS) == 0 }
}

/// Whether the file has capabilities (`setcap`).
pub fn has_capabilities(path: &Path) -> bool {
    let Ok(path) = c_string(path.as_os_str()) else {
        return false;
    };
    // SAFETY: both strings are NUL-terminated; with size 0 the kernel writes nothing to the null buffer and
    // returns the size of the attribute.
    let size = unsafe {
        libc::getxattr(path.as_ptr(), c"security.capability".as_ptr(), std::ptr::null_mut(), 0)
    };
    size > 0
}

/// Whether executing the file cannot change privileges, whatever its mode is: this process has set `no_new_privs`, or
/// the file system is mounted `nosuid`.
pub fn cannot_gain_privileges(path: &Path) -> bool {
    // SAFETY: this operation takes zeros for its unused arguments and touches no memory.
    if unsafe { libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) } == 1 {
        return true;
    }
    let Ok(path) = c_string(path.as_os_str()) else {
        return false;
    };
    let mut status = MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: `path` is NUL-terminated and `status` has room for the structure; it is read only after success,
    // when statvfs has filled it.
    unsafe {
        libc::statvfs(path.as_ptr(), status.as_mut_ptr()) == 0
            && status.assume_init().f_flag & libc::ST_NOSUID != 0
    }
}

/// The version of the running C library.
pub fn libc_version() -> String {
    // SAFETY: gnu_get_libc_version returns a C string that is never freed.
    let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    version.to_string_lossy().into_owned()
}

/// The soft limit of a resource, in its unit; `None` if there is no limit.
pub fn soft_limit(resource: libc::__rlimit_resource_t) -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid structure, which is filled on success.
    let told = unsafe { libc::getrlimit(resource, &raw mut limit) } == 0;
    (told && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// Sets an environment variable of this process, or removes it if `value` is `None`. All others stay as they are, even
/// malformed ones.
pub fn set_variable(name: &str, value: Option<&OsStr>) {
    // SAFETY: the command has one thread here (the threads that read records have ended), so no other thread reads
    // the environment meanwhile.
    unsafe {
        match value {
            Some(value) => std::env::set_var(name, value),
            None => std::env::remove_var(name),
        }
    }
}

/// Replaces this process by the program at `path`; signals, descriptors and limits stay as they are. The
/// standard library's `exec` would reset the signal mask and SIGPIPE.
pub fn execute(path: &Path, arguments: &[OsString]) -> io::Result<Infallible> {
    let path = c_string(path.as_os_str())?;
    let arguments: Vec<CString> =
        arguments.iter().map(|argument| c_string(argument)).collect::<io::Result<_>>()?;
    let mut pointers: Vec<_> = arguments.iter().map(|argument| argument.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: `path` and every element of `pointers` are NUL-terminated strings that live until the call
    // returns, if it does; the array ends with a null pointer.
    unsafe { libc::execv(path.as_ptr(), pointers.as_ptr()) };
    Err(io::Error::last_os_error())
}

/// A duplicate of standard input; `None` if it is closed.
pub fn standard_input() -> Option<File> {
    io::stdin().as_fd().try_clone_to_owned().ok().map(File::from)
}

/// Makes an empty file in memory.
pub fn memory_file() -> io::Result<File> {
    // SAFETY: the name is NUL-terminated; nobody else uses the new descriptor.
    unsafe {
        match libc::memfd_create(c"fencepost-input".as_ptr(), libc::MFD_CLOEXEC) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(File::from_raw_fd(descriptor)),
        }
    }
}

/// The signal mask and the ignored signals that this process inherited; the program must get the same.
pub struct Signals {
    mask: libc::sigset_t,
    ignored: Vec<c_int>,
}

/// A signal that has arrived, with its origin.
pub struct Arrival {
    pub signal: c_int,
    info: libc::siginfo_t,
}

impl Arrival {
    /// Whether a process sent it with kill(2) or sigqueue(3), and not the kernel.
    pub fn is_sent(&self) -> bool {
        self.info.si_code <= 0
    }
}

impl Signals {
    /// Blocks all signals, also those that were ignored, so that each waits for [`Signals::next`].
    pub fn take() -> Signals {
        let mut ignored = Vec::new();
        // SAFETY: the structures are valid, and zeros are an action and a mask; an action is read after the
        // kernel has filled it.
        unsafe {
            let (mut all, mut mask) = (std::mem::zeroed(), std::mem::zeroed());
            libc::sigfillset(&raw mut all);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const all, &raw mut mask);
            for signal in 1..=libc::SIGRTMAX() {
                let mut action: libc::sigaction = std::mem::zeroed();
                if libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0
                    && action.sa_sigaction == libc::SIG_IGN
                {
                    ignored.push(signal);
                    libc::signal(signal, libc::SIG_DFL);
                }
            }
            Signals { mask, ignored }
        }
    }

    /// Restores mask and ignored signals as they were before [`Signals::take`].
    pub fn give_back(&self) {
        // SAFETY: the kernel returned this mask.
        unsafe {
            for &signal in &self.ignored {
                libc::signal(signal, libc::SIG_IGN);
            }
            libc::sigprocmask(libc::SIG_SETMASK, &raw const self.mask, std::ptr::null_mut());
        }
    }

    /// Takes a signal that is pending, if one is.
    pub fn pending(&self) -> Option<Arrival> {
        // SAFETY: the structures are valid: zeros are a set, a siginfo_t, and a waiting time of 0.
        unsafe {
            let (mut all, mut info) = (std::mem::zeroed(), std::mem::zeroed());
            libc::sigfillset(&raw mut all);
            let at_once = std::mem::zeroed();
            let signal = libc::sigtimedwait(&raw const all, &raw mut info, &raw const at_once);
            (signal > 0).then_some(Arrival { signal, info })
        }
    }

    /// Waits for a signal.
    pub fn next(&self) -> Arrival {
        loop {
            // SAFETY: both structures are valid, zeros are a siginfo_t.
            unsafe {
                let (mut all, mut info) = (std::mem::zeroed(), std::mem::zeroed());
                libc::sigfillset(&raw mut all);
                let signal = libc::sigwaitinfo(&raw const all, &raw mut info);
                if signal > 0 {
                    return Arrival { signal, info };
                }
            }
        }
    }
}

/// Sends a signal that has arrived on to process `pid`, with its value if it has one.
pub fn pass_on(arrival: &Arrival, pid: c_int) {
    // SAFETY: the kernel reads the siginfo_t, which it filled itself.
    unsafe {
        if arrival.info.si_code == libc::SI_QUEUE {
            let info = &raw const arrival.info;
            libc::syscall(libc::SYS_rt_sigqueueinfo, pid, arrival.signal, info);
        } else {
            libc::kill(pid, arrival.signal);
        }
    }
}

/// Lets this process suffer the default action of `signal`: it ends or stops.
pub fn suffer(signal: c_int) {
    // SAFETY: a valid set; the default action needs no code of ours.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal);
        libc::signal(signal, libc::SIG_DFL);
        libc::kill(libc::getpid(), signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
    }
}

/// Keeps this process from leaving a core file.
pub fn leave_no_core() {
    // SAFETY: this operation touches no memory.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
}

/// Whether this process leads its session: then it alone gets the kernel's SIGHUP when the terminal goes away.
pub fn leads_session() -> bool {
    // SAFETY: these calls touch no memory.
    unsafe { libc::getsid(0) == libc::getpid() }
}

/// Whether a debugger or tracer is attached to this process.
pub fn is_traced() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|pid| pid.trim() != "0")
}

/// Runs `child` in a child process, which is killed if this one dies.
pub fn fork(child: impl FnOnce() -> u8) -> io::Result<c_int> {
    let _ = io::stdout().flush();
    // SAFETY: the command has one thread here (the threads that read records have ended), so the child may run any
    // code; the calls touch no memory.
    unsafe {
        let parent = libc::getpid();
        match libc::fork() {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                if libc::getppid() != parent {
                    libc::_exit(128 + libc::SIGKILL);
                }
                libc::_exit(child().into())
            }
            pid => Ok(pid),
        }
    }
}

/// In a child: sets its standard input, and if it is to be `silent`, sends its standard output and error to /dev/null.
pub fn redirect(input: Option<&File>, silent: bool) {
    let nowhere = File::options().write(true).open("/dev/null");
    // SAFETY: the descriptors are open; dup2 touches no memory. If it fails, the run goes on without the change.
    unsafe {
        if let Some(input) = input {
            libc::dup2(input.as_raw_fd(), 0);
        }
        if let (true, Ok(nowhere)) = (silent, nowhere) {
            libc::dup2(nowhere.as_raw_fd(), 1);
            libc::dup2(nowhere.as_raw_fd(), 2);
        }
    }
}

/// Opens /dev/null under each of the numbers 0 to 2 that is closed, so that children have standard streams.
pub fn fill_standard_streams() {
    loop {
        // SAFETY: a valid path; nobody else uses the new descriptor.
        let descriptor = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
        if descriptor > 2 {
            // SAFETY: the descriptor was opened above.
            unsafe { libc::close(descriptor) };
        }
        if !(0..=2).contains(&descriptor) {
            return;
        }
    }
}

/// Asks for SIGALRM after so many seconds; 0 cancels it.
pub fn set_alarm(seconds: u32) {
    // SAFETY: alarm touches no memory.
    unsafe { libc::alarm(seconds) };
}

/// A change of state of a child.
pub enum Change {
    Stopped(c_int),
    Ended(ExitStatus),
}

/// The next change of state of any child, if there is one now.
pub fn next_change() -> Option<(c_int, Change)> {
    let mut status = 0;
    // SAFETY: `status` is valid.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::WUNTRACED) };
    if pid <= 0 {
        return None;
    }
    let change = match libc::WIFSTOPPED(status) {
        true => Change::Stopped(libc::WSTOPSIG(status)),
        false => Change::Ended(ExitStatus::from_raw(status)),
    };
    Some((pid, change))
}

/// Whether a child is stopped.
pub fn is_stopped(pid: c_int) -> bool {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state follows the name, which may hold any characters (proc_pid_stat(5)).
    let end = stat.iter().rposition(|&byte| byte == b')');
    end.and_then(|end| stat.get(end + 2)) == Some(&b'T')
}

/// Closes every descriptor but `kept`, and leaves the working directory: a process that waits until the program closes
/// its descriptors must not wait for this one. If this process is guarded itself, by a run around this one, the guard
/// keeps its descriptors, because libc's functions are called, which it replaces, and not system calls.
pub fn let_go_of_descriptors(mut kept: Vec<c_int>) {
    kept.sort_unstable();
    let mut first = 0;
    type CloseRange = unsafe extern "C" fn(c_uint, c_uint, c_int) -> c_int;
    // SAFETY: a valid name; a function with this name has this signature (close_range(2)), and null becomes None.
    let close_range: Option<CloseRange> =
        unsafe { std::mem::transmute(libc::dlsym(libc::RTLD_DEFAULT, c"close_range".as_ptr())) };
    let close = |first: c_int, last: c_int| {
        let (from, to) = (first.cast_unsigned(), last.cast_unsigned());
        // SAFETY: nothing of this process uses the descriptors any more.
        unsafe {
            if first <= last && close_range.is_none_or(|close_range| close_range(from, to, 0) != 0)
            {
                // glibc before 2.34 or Linux before 5.9: close each number that is likely to be used.
                for descriptor in first..=last.min(65_535) {
                    libc::close(descriptor);
                }
            }
        }
    };
    for descriptor in kept {
        close(first, descriptor - 1);
        first = descriptor + 1;
    }
    close(first, c_int::MAX);
    // SAFETY: the path is a valid C string.
    unsafe { libc::chdir(c"/".as_ptr()) };
}

/// Keeps this process and its children from leaving core files.
pub fn disable_core_files() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `none` is a valid structure that outlives the call. If it fails, at worst there is a core file.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) };
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}
