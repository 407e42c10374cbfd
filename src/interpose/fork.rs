//! `_Fork`, the registration of fork handlers, and calls that allocate while they hold a lock of libc that fork
//! takes.

use crate::allocator::fork;
use crate::sys::gate::Inside;
use crate::sys::{errno, loader, next};
use core::ffi::{c_char, c_int, c_void};

/// From this glibc on, fork releases the lock over its handlers while it runs one, and takes it again before the
/// kernel copies the process. Registering the 49th handler allocates under that lock.
const RELOCKS_HANDLERS: (u32, u32) = (2, 36);

/// From this glibc on, fork takes the lock over popen's streams, under which popen allocates.
const LOCKS_POPEN: (u32, u32) = (2, 41);

/// `_Fork` (POSIX.1-2024), which runs no handlers.
///
/// # Safety
/// The child may do only what POSIX allows it after `_Fork`.
pub unsafe extern "C" fn fencepost_fork_plainly() -> libc::pid_t {
    // SAFETY: the type is _Fork's signature.
    let Some(next) = (unsafe { next::PLAIN_FORK.get::<unsafe extern "C" fn() -> libc::pid_t>() })
    else {
        errno::set(crate::sys::Errno(libc::ENOSYS));
        return -1;
    };
    // SAFETY: the program has called `_Fork` and must follow its rules.
    fork::fork_plainly(|| unsafe { next() })
}

type Handler = Option<unsafe extern "C" fn()>;
type RegisterFn = unsafe extern "C" fn(Handler, Handler, Handler, *mut c_void) -> c_int;

/// `__register_atfork`, which every module's pthread_atfork(3) calls.
///
/// # Safety
/// The handlers must be safe to run around a fork.
pub unsafe extern "C" fn fencepost_register_atfork(
    prepare: Handler,
    parent: Handler,
    child: Handler,
    module: *mut c_void,
) -> c_int {
    // Constructors of libraries run before ours.
    fork::register();
    // SAFETY: `RegisterFn` is __register_atfork's signature.
    let Some(next) = (unsafe { next::REGISTER_ATFORK.get::<RegisterFn>() }) else {
        return libc::ENOMEM;
    };
    let _inside = enter_gate_by(RELOCKS_HANDLERS);
    // SAFETY: the program passed the arguments, and must make them valid for pthread_atfork(3).
    unsafe { next(prepare, parent, child, module) }
}

fn enter_gate_by(version: (u32, u32)) -> Option<Inside<'static>> {
    // In older versions fork holds the lock all along: fork must not wait for a thread that waits for that lock.
    (loader::libc_version() >= version).then(|| fork::GATE.enter())
}

type PopenFn = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut libc::FILE;

/// The function that checked calls of popen(3) go on to, if popen must pass the gate in this glibc.
pub fn popen_behind_gate() -> Option<*const ()> {
    (loader::libc_version() >= LOCKS_POPEN).then_some(popen as *const ())
}

unsafe extern "C" fn popen(command: *const c_char, kind: *const c_char) -> *mut libc::FILE {
    // SAFETY: `PopenFn` is popen's signature.
    let Some(next) = (unsafe { next::POPEN.get::<PopenFn>() }) else {
        errno::set(crate::sys::Errno(libc::ENOSYS));
        return core::ptr::null_mut();
    };
    let _inside = fork::GATE.enter();
    // SAFETY: the program passed the arguments, and must make them valid for popen(3).
    unsafe { next(command, kind) }
}
