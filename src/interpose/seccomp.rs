//! Seccomp filters that the program installs, by prctl(2) or by syscall(2), which libseccomp uses too.
//!
//! Before the kernel gets a filter, the heap changes to a backend that the filter permits, or guarding ends. From
//! then on the runtime makes no call that the filter forbids (`sys::sandbox`). If the program installs a filter by a
//! system call instruction of its own, that is not seen.

use crate::fault::reporter;
use crate::pages::Outlook;
use crate::report::notice;
use crate::runtime::{self, Runtime};
use crate::sys::affinity;
use crate::sys::next;
use crate::sys::sandbox::Coming;
use crate::sys::scope::RuntimeScope;
use crate::sys::{Errno, errno, process};
use core::ffi::{c_int, c_long, c_uint, c_ulong};

/// Operations of seccomp(2).
const SET_MODE_STRICT: c_uint = 0;
const SET_MODE_FILTER: c_uint = 1;

type PrctlFn = unsafe extern "C" fn(c_int, c_ulong, c_ulong, c_ulong, c_ulong) -> c_int;

/// prctl(2).
///
/// # Safety
/// The arguments must be valid for prctl(2).
pub unsafe extern "C" fn fencepost_prctl(
    option: c_int,
    second: c_ulong,
    third: c_ulong,
    fourth: c_ulong,
    fifth: c_ulong,
) -> c_int {
    // SAFETY: prctl is variadic, but for integers it is called like a function with the signature `PrctlFn`.
    let Some(prctl) = (unsafe { next::PRCTL.get::<PrctlFn>() }) else {
        errno::set(Errno(libc::ENOSYS));
        return -1;
    };
    let coming = if option == libc::PR_SET_SECCOMP { coming_by_mode(second, third) } else { None };
    // SAFETY: the program passed the arguments, and must make them valid for prctl(2).
    install(
        coming,
        |&result| result == 0,
        || unsafe { prctl(option, second, third, fourth, fifth) },
    )
}

/// The filter that PR_SET_SECCOMP installs.
fn coming_by_mode(mode: c_ulong, program: c_ulong) -> Option<Coming> {
    match mode as c_uint {
        libc::SECCOMP_MODE_STRICT => Some(Coming::strict()),
        libc::SECCOMP_MODE_FILTER => Coming::program_at(program as usize),
        _ => None,
    }
}

/// The function that syscall(2) must call for these arguments instead of libc's; null for libc's.
pub fn in_place_of_syscall(args: &[usize; 6]) -> *const () {
    let number = args[0] as c_long;
    match number {
        libc::SYS_seccomp => syscall_with_filter as *const (),
        libc::SYS_prctl if args[1] as c_int == libc::PR_SET_SECCOMP => {
            syscall_with_filter as *const ()
        }
        _ => core::ptr::null(),
    }
}

/// syscall(2) for a call that may install a filter. Both such calls have at most five arguments.
unsafe extern "C" fn syscall_with_filter(
    number: c_long,
    first: usize,
    second: usize,
    third: usize,
    fourth: usize,
    fifth: usize,
) -> c_long {
    let coming = match (number, first as c_uint) {
        (libc::SYS_seccomp, SET_MODE_STRICT) => Some(Coming::strict()),
        (libc::SYS_seccomp, SET_MODE_FILTER) => Coming::program_at(third),
        (libc::SYS_prctl, _) => coming_by_mode(second as c_ulong, third as c_ulong),
        _ => None,
    };
    // With SECCOMP_FILTER_FLAG_NEW_LISTENER the call returns a descriptor; with TSYNC alone, a thread's id is an error.
    let returns_descriptor = number == libc::SYS_seccomp
        && second & libc::SECCOMP_FILTER_FLAG_NEW_LISTENER as usize != 0;
    let is_done = |&result: &c_long| result == 0 || returns_descriptor && result > 0;
    // SAFETY: the program must pass valid arguments; in the runtime the name `syscall` means libc's function.
    install(coming, is_done, || unsafe {
        libc::syscall(number, first, second, third, fourth, fifth)
    })
}

/// Prepares the runtime for a filter, then makes the call that installs it.
fn install<R>(coming: Option<Coming>, is_done: impl Fn(&R) -> bool, call: impl FnOnce() -> R) -> R {
    let (Some(coming), Some(runtime)) = (coming, runtime::get()) else { return call() };
    // A child that shares our memory, as vfork's does, will soon exec or end.
    if !runtime.is_own_process() && !reporter::is_in_copy() {
        return call();
    }
    let was_closed = runtime.heap.is_closed();
    let outlook = {
        let _scope = RuntimeScope::enter();
        process::remember();
        let outlook = runtime.heap.prepare_for(&coming);
        coming.bind();
        outlook
    };
    // A thread with a narrow mask may be forbidden to change it.
    let result = affinity::ask(call);
    let kept = errno::get();
    if !is_done(&result) {
        coming.release();
        if !was_closed {
            runtime.heap.reopen();
        }
    } else if outlook == Outlook::Ends && !was_closed {
        tell(runtime);
    }
    errno::set(kept);
    result
}

fn tell(runtime: &Runtime) {
    notice::say(
        runtime,
        "the program's seccomp filter forbids what guarding takes: nothing is guarded from now on",
    );
}
