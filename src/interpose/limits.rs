//! The limits of the process: the program sees those that it set, while the kernel has others
//! (`sys::limits`).
//!
//! The entries look at the operands. Behind them stand, in libc's place, functions of ours, from the
//! preload library's constructor on.

use super::checked;
use super::execution;
use crate::checked::entry::{Saved, c_name};
use crate::runtime;
use crate::sys::limits::{self, Limit, Resource};
use crate::sys::next::Next;
use crate::sys::{Errno, errno, probe, process, syscall};
use core::ffi::c_int;

/// Puts the functions below in libc's place: before anything looks libc's up.
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

/// The same for those that execute a program.
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

/// As the system call: 0, or -1 with errno.
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
    // For the kernel a null pointer would mean that nothing is to be set.
    let new = if new == 0 { usize::MAX } else { new };
    outcome(change(0, resource as u32, new, core::ptr::null_mut()))
}

extern "C" fn change_limit(pid: c_int, resource: c_int, new: usize, old: *mut Limit) -> c_int {
    outcome(change(pid, resource as u32, new, old))
}

/// prlimit(2), with what the program believes of the process itself. Addresses that the kernel would refuse
/// are refused.
pub fn change(pid: c_int, number: u32, new: usize, old: *mut Limit) -> Result<(), Errno> {
    let is_about_us = pid == 0 || pid as u32 == process::pid();
    let Some(resource) = Resource::from_number(number).filter(|_| is_about_us) else {
        let args = [pid as usize, number as usize, new, old as usize, 0, 0];
        // SAFETY: the kernel refuses addresses that are not the process's to use.
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
        // A child of vfork sets limits for what it executes, and must not change what its parent knows.
        if runtime::get().is_none_or(runtime::Runtime::is_own_process) {
            limits::set(resource, wanted)?;
        } else {
            limits::set_for_child(resource, wanted)?;
        }
    }
    if !old.is_null() {
        // The kernel writes first: it refuses addresses that are none.
        let args = [0, number as usize, 0, old as usize, 0, 0];
        // SAFETY: as above.
        unsafe { syscall(libc::SYS_prlimit64, args) }?;
        // SAFETY: the kernel has just written as much there.
        unsafe { old.write_unaligned(before) };
    }
    Ok(())
}

/// Runs `execute` with the limits that the program believes in; should the call fail, they are put back, as far
/// as may be: a hard limit can't be raised. So a path that can only fail is tried as things are.
fn execute(path: usize, execute: impl FnOnce() -> c_int) -> c_int {
    // In a process that is not followed, the kernel has the program's limits.
    if runtime::get().is_none() || !process::may_be_executed(path) {
        return execute();
    }
    limits::reveal();
    let result = execute();
    limits::conceal();
    result
}

/// Defines what stands in the place of functions that execute a program.
macro_rules! executing {
    ($($name:ident)*) => {
        $(mod $name {
            use super::{Next, c_int, c_name};

            static LIBC: Next = Next::new(c_name(concat!(stringify!($name), "\0")));

            pub fn resolve() {
                LIBC.resolve();
            }

            /// Takes as many arguments as any of them.
            type Execute = unsafe extern "C" fn(usize, usize, usize, usize) -> c_int;

            pub unsafe extern "C" fn execute(a: usize, b: usize, c: usize, d: usize) -> c_int {
                super::execution::note(stringify!($name), &[a, b, c, d]);
                // SAFETY: the function takes no more arguments than these, all of them words; the program's promise.
                super::execute(a, || unsafe {
                    LIBC.get::<Execute>().map_or(-1, |next| next(a, b, c, d))
                })
            }
        })*
    };
}

executing! { execve execvpe execv execvp fexecve }

/// Argument `index` of a call that passes as many.
///
/// # Safety
/// It must.
unsafe fn argument(saved: &Saved, index: usize) -> usize {
    match index.checked_sub(saved.integers.len()) {
        None => saved.integers[index],
        // SAFETY: the call passes as many, as this function demands; the rest lies on the stack.
        Some(above) => unsafe { (&raw const saved.on_stack).add(above).read() },
    }
}

/// Most arguments of a variadic call; more are refused as too long.
const MOST_ARGUMENTS: usize = 1024;

/// Puts the arguments behind the path together, with the null pointer that ends them; returns how many there are.
///
/// # Safety
/// The call must be one of execl(3) or its relatives.
unsafe fn gather(saved: &Saved, list: &mut [usize; MOST_ARGUMENTS]) -> Option<usize> {
    for (count, place) in list.iter_mut().enumerate() {
        // SAFETY: no earlier argument was the null pointer that the program ends them with.
        *place = unsafe { argument(saved, 1 + count) };
        if *place == 0 {
            return Some(count);
        }
    }
    errno::set(Errno(libc::E2BIG));
    None
}

/// Defines the entry of a variadic one, which goes on to its relative that takes a vector.
macro_rules! executing_list {
    ($($name:ident by $vector:ident, $has_environment:literal;)*) => {
        $(mod $name {
            use super::{MOST_ARGUMENTS, Saved, argument, gather};

            extern "C-unwind" fn execute_vector(saved: &Saved) -> usize {
                let mut list = [0; MOST_ARGUMENTS];
                // SAFETY: entered by a call of the function; its arguments are the program's promise.
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
