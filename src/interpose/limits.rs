//! The limits of the process: the program sees those that it set, while the kernel has others
//! (`sys::limits`).
//!
//! The entries look at the operands. Behind them stand, in libc's place, functions of ours, from the
//! preload library's constructor on.

use super::entry::{Saved, c_name, entries};
use crate::runtime;
use crate::sys::limits::{self, Limit, Resource};
use crate::sys::next::Next;
use crate::sys::{Errno, errno, probe, process, syscall};
use core::ffi::c_int;
use libc::rlimit;

entries! {
    before getrlimit[rsi] = |call| call.writes("rlim", 1, size_of::<rlimit>());
    before getrlimit64[rsi] = |call| call.writes("rlim", 1, size_of::<rlimit>());
    before setrlimit[rsi] = |call| call.reads("rlim", 1, size_of::<rlimit>());
    before setrlimit64[rsi] = |call| call.reads("rlim", 1, size_of::<rlimit>());
    before prlimit[rdx rcx] = |call| {
        call.reads("new_limit", 2, size_of::<rlimit>());
        call.writes("old_limit", 3, size_of::<rlimit>());
    };
    before prlimit64[rdx rcx] = |call| {
        call.reads("new_limit", 2, size_of::<rlimit>());
        call.writes("old_limit", 3, size_of::<rlimit>());
    };
}

/// Puts the functions below in libc's place: before anything looks libc's up.
pub fn take_over() {
    for (next, function) in [
        (&getrlimit::NEXT, get_limit as *const ()),
        (&getrlimit64::NEXT, get_limit as *const ()),
        (&setrlimit::NEXT, set_limit as *const ()),
        (&setrlimit64::NEXT, set_limit as *const ()),
        (&prlimit::NEXT, change_limit as *const ()),
        (&prlimit64::NEXT, change_limit as *const ()),
    ] {
        next.take_over(function);
    }
    for next in super::programs::NEXT {
        if let Some((_, function)) = EXECUTING.iter().find(|(name, _)| *name == next.name()) {
            next.take_over(*function as *const ());
        }
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
        // SAFETY: the kernel refuses addresses that are not the process's to use.
        let args = [pid as usize, number as usize, new, old as usize, 0, 0];
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

/// What is executed gets the limits that the program believes in. Should the call fail, they are put back
/// when the heap next looks.
extern "C-unwind" fn before_execution(_: &Saved) -> usize {
    limits::reveal();
    0
}

/// Defines what stands in the place of a function that executes a program, variadic or not: it goes on to
/// libc's with all arguments as they were.
macro_rules! executing {
    ($($name:ident)*) => {
        $(mod $name {
            pub static LIBC: super::Next =
                super::Next::new(super::c_name(concat!(stringify!($name), "\0")));

            #[unsafe(naked)]
            pub extern "C" fn execute() {
                core::arch::naked_asm!(
                    "mov r10, [rip + {next}]",
                    "lea r11, [rip + {check}]",
                    "test r10, r10",
                    "jnz fencepost_entry_before",
                    "lea r11, [rip + {next}]",
                    "jmp fencepost_entry_resolve",
                    next = sym LIBC,
                    check = sym super::before_execution,
                )
            }
        })*

        type Executing = (&'static str, extern "C" fn());
        static EXECUTING: &[Executing] = &[$((stringify!($name), $name::execute as extern "C" fn())),*];

        /// Looks up libc's functions behind these.
        pub fn resolve() {
            $($name::LIBC.resolve();)*
        }
    };
}

executing! { execve execvpe execv execvp fexecve execl execlp execle }
