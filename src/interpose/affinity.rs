//! Calls that read or set masks of processors wait until no thread has a narrow mask of ours (`sys::affinity`).
//!
//! The entries check the operands, then call the functions here, which the preload library's constructor puts in
//! libc's place.

use super::checked;
use crate::checked::entry::c_name;
use crate::sys::affinity::ask;
use crate::sys::next::Next;
use core::ffi::{c_int, c_long};

/// Puts the functions below in libc's place. Must be called before libc's functions are looked up.
pub fn take_over() {
    for (next, resolve, function) in [
        (
            &checked::sched_getaffinity::NEXT,
            sched_getaffinity::resolve as fn(),
            sched_getaffinity::call as *const (),
        ),
        (
            &checked::sched_setaffinity::NEXT,
            sched_setaffinity::resolve,
            sched_setaffinity::call as *const (),
        ),
        (
            &checked::pthread_getaffinity_np::NEXT,
            pthread_getaffinity_np::resolve,
            pthread_getaffinity_np::call as *const (),
        ),
        (
            &checked::pthread_setaffinity_np::NEXT,
            pthread_setaffinity_np::resolve,
            pthread_setaffinity_np::call as *const (),
        ),
    ] {
        resolve();
        next.take_over(function);
    }
}

/// Defines the functions in libc's place. The first argument names a thread, the others a mask.
macro_rules! asking {
    ($($name:ident)*) => {
        $(mod $name {
            use super::{Next, ask, c_int, c_name};

            static LIBC: Next = Next::new(c_name(concat!(stringify!($name), "\0")));

            pub fn resolve() {
                LIBC.resolve();
            }

            pub unsafe extern "C" fn call(thread: usize, bytes: usize, mask: usize) -> c_int {
                // SAFETY: the type is the function's signature, in words. The program must pass valid arguments.
                unsafe {
                    let next = LIBC.get::<unsafe extern "C" fn(usize, usize, usize) -> c_int>();
                    next.map_or(-1, |next| ask(|| next(thread, bytes, mask)))
                }
            }
        })*
    };
}

asking! { sched_getaffinity sched_setaffinity pthread_getaffinity_np pthread_setaffinity_np }

/// What a call of syscall(2) with this number is done by, if it is about masks; else null.
pub fn in_place_of_syscall(number: c_long) -> *const () {
    match number {
        libc::SYS_sched_getaffinity | libc::SYS_sched_setaffinity => by_number as *const (),
        _ => core::ptr::null(),
    }
}

unsafe extern "C" fn by_number(number: c_long, thread: usize, bytes: usize, mask: usize) -> c_long {
    // SAFETY: this is the program's own call, which takes no more arguments.
    ask(|| unsafe { libc::syscall(number, thread, bytes, mask) })
}
