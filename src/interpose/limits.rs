//! The limits of the process: the program sees those that it set, while the kernel has others
//! (`sys::limits`).
//!
//! The entries check the operands, then call the functions here, which the preload library's constructor puts in
//! libc's place.

use super::checked;
use super::execution;
use crate::checked::entry::{Saved, c_name};
use crate::runtime;
use crate::sys::limits::{self, Limit, Resource};
use crate::sys::next::Next;
use crate::sys::{Errno, errno, probe, process, syscall};
use core::ffi::c_int;

/// Puts the functions below in libc's place. Must be called before libc's functions are looked up.
pub fn take_over() {
    take_over_execution();
    for (next, function) in [
        (&checked::getrlimit::NEXT, get_limit as *const ()),
        (&checked::getrlimit64::NEXT, get_limit as *const ()),
        (&checked::setrlimit::NEXT, set_limit as *const ()),
        (&checked::setrlimit64::NEXT, set_limit as *const ()),
        (&checked::prlimit::NEXT, change_limit as *const ()),
        (&checked::prlimit64::NEXT, change_limit as *const ()),
    ] {
        next.take_over(function);
    }
}

/// Puts the functions that execute a program in libc's place. Must be called before libc's are looked up.
pub fn take_over_execution() {
    for resolve in
        [execve::resolve, execvpe::resolve, execv::resolve, execvp::resolve, fexecve::resolve]
    {
        resolve();
    }
    for (next, function) in [
        (&checked::execve::NEXT, execve::execute as *const ()),
        (&checked::execvpe::NEXT, execvpe::execute as *const ()),
        (&checked::execv::NEXT, execv::execute as *const ()),
        (&checked::execvp::NEXT, execvp::execute as *const ()),
        (&checked::fexecve::NEXT, fexecve::execute as *const ()),
        (&checked::execl::NEXT, execl::execute as *const ()),
        (&checked::execlp::NEXT, execlp::execute as *const ()),
        (&checked::execle::NEXT, execle::execute as *const ()),
    ] {
        next.take_over(function);
    }
}

/// Converts a result to that of a libc function: 0, or -1 with errno.
fn outcome(result: Result<(), Errno>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => {
            errno::set(error);
            -1
        }
    }
}

extern "C" fn get_limit(resource: c_int, old: *mut Limit) -> c_int {
    outcome(change(0, resource as u32, 0, old))
}

extern "C" fn set_limit(resource: c_int, new: usize) -> c_int {
    // To the kernel a null pointer would mean that nothing is to be set, so pass an address that it refuses.
    let new = if new == 0 { usize::MAX } else { new };
    outcome(change(0, resource as u32, new, core::ptr::null_mut()))
}

extern "C" fn change_limit(pid: c_int, resource: c_int, new: usize, old: *mut Limit) -> c_int {
    outcome(change(pid, resource as u32, new, old))
}

/// prlimit(2). For this process it uses the limits that the program knows. Refuses the addresses that the kernel
/// would refuse.
pub fn change(pid: c_int, number: u32, new: usize, old: *mut Limit) -> Result<(), Errno> {
    let is_about_us = pid == 0 || pid as u32 == process::pid();
    let Some(resource) = Resource::from_number(number).filter(|_| is_about_us) else {
        let args = [pid as usize, number as usize, new, old as usize, 0, 0];
        // SAFETY: the kernel refuses bad addresses.
        return unsafe { syscall(libc::SYS_prlimit64, args) }.map(drop);
    };
    let wanted = if new == 0 {
        None
    } else {
        let word = |address| probe::load(address).ok_or(Errno(libc::EFAULT));
        Some(Limit { soft: word(new)? as u64, hard: word(new.wrapping_add(8))? as u64 })
    };
    let before = limits::get(resource)?;
    if let Some(wanted) = wanted {
        // A child of vfork sets limits for the program that it will execute. It must not change its parent's data.
        if runtime::get().is_none_or(runtime::Runtime::is_own_process) {
            limits::set(resource, wanted)?;
        } else {
            limits::set_for_child(resource, wanted)?;
        }
    }
    if !old.is_null() {
        // Have the kernel write first: it refuses bad addresses.
        let args = [0, number as usize, 0, old as usize, 0, 0];
        // SAFETY: the kernel refuses bad addresses.
        unsafe { syscall(libc::SYS_prlimit64, args) }?;
        // SAFETY: the kernel has just written a limit there.
        unsafe { old.write_unaligned(before) };
    }
    Ok(())
}

/// Runs `execute` with the limits that the program knows. If it fails, the limits are changed back as far as possible:
/// without privilege a hard limit can't be raised. So they stay as they are for a path that can only fail.
fn execute(path: usize, execute: impl FnOnce() -> c_int) -> c_int {
    // In a process that is not followed, the kernel has the program's own limits.
    if runtime::get().is_none() || !process::may_be_executed(path) {
        return execute();
    }
    limits::reveal();
    let result = execute();
    limits::conceal();
    result
}

/// Defines our replacements of functions that execute a program.
macro_rules! executing {
    ($($name:ident)*) => {
        $(mod $name {
            use super::{Next, c_int, c_name};

            static LIBC: Next = Next::new(c_name(concat!(stringify!($name), "\0")));

            pub fn resolve() {
                LIBC.resolve();
            }

            /// The signature of all of them, with the most arguments that any takes.
            type Execute = unsafe extern "C" fn(usize, usize, usize, usize) -> c_int;

            pub unsafe extern "C" fn execute(a: usize, b: usize, c: usize, d: usize) -> c_int {
                let noted = super::execution::note(stringify!($name), &[a, b, c, d]);
                // SAFETY: the function takes no more than these arguments, and all are words. The program must pass
                // valid ones.
                let failed = super::execute(a, || unsafe {
                    LIBC.get::<Execute>().map_or(-1, |next| next(a, b, c, d))
                });
                noted.take_back();
                failed
            }
        })*
    };
}

executing! { execve execvpe execv execvp fexecve }

/// Argument `index` of a call.
///
/// # Safety
/// The call must pass more than `index` arguments.
unsafe fn argument(saved: &Saved, index: usize) -> usize {
    match index.checked_sub(saved.integers.len()) {
        None => saved.integers[index],
        // SAFETY: the caller promises that this argument was passed; those that are not in registers are on the stack.
        Some(above) => unsafe { (&raw const saved.on_stack).add(above).read() },
    }
}

/// Most arguments of a variadic call; with more, the call fails with E2BIG.
const MOST_ARGUMENTS: usize = 1024;

/// Copies the arguments behind the path, and the null pointer that ends them, to `list`; returns how many there are.
///
/// # Safety
/// The call must be one of execl(3) or its relatives.
unsafe fn gather(saved: &Saved, list: &mut [usize; MOST_ARGUMENTS]) -> Option<usize> {
    for (count, place) in list.iter_mut().enumerate() {
        // SAFETY: the program ends its arguments with a null pointer, and no earlier one was null.
        *place = unsafe { argument(saved, 1 + count) };
        if *place == 0 {
            return Some(count);
        }
    }
    errno::set(Errno(libc::E2BIG));
    None
}

/// Defines our replacements of variadic functions; each calls the function that takes a vector.
macro_rules! executing_list {
    ($($name:ident by $vector:ident, $has_environment:literal;)*) => {
        $(mod $name {
            use super::{MOST_ARGUMENTS, Saved, argument, gather};

            extern "C-unwind" fn execute_vector(saved: &Saved) -> usize {
                let mut list = [0; MOST_ARGUMENTS];
                // SAFETY: `saved` is from a call of the function, whose arguments must end with a null pointer.
                unsafe {
                    let Some(count) = gather(saved, &mut list) else { return usize::MAX };
                    let environment = if $has_environment { argument(saved, 2 + count) } else { 0 };
                    let path = saved.integers[0];
                    super::$vector::execute(path, list.as_ptr() as usize, environment, 0) as usize
                }
            }

            #[unsafe(naked)]
            pub extern "C" fn execute() {
                core::arch::naked_asm!(
                    "lea r11, [rip + {execute}]",
                    "jmp fencepost_entry_instead",
                    execute = sym execute_vector,
                )
            }
        })*
    };
}

executing_list! {
    execl by execv, false;
    execlp by execvp, false;
    execle by execve, true;
}
