//! mlock(2), and mlockall(2) in a process without privilege.
//!
//! The heap is told of objects that the program locks. It unlocks them when they are freed: no other object will use their
//! pages, and the amount of locked memory is limited.
//!
//! The kernel compares the size of all mappings, our reservation included, with the limit of locked memory, and would
//! refuse calls that succeed without us. So only the program's mappings are compared here, and locked one by one; later
//! mappings of the program are locked as they are made ([`super::mappings`]). In a process with the privilege the
//! kernel does it.

use crate::runtime;
use crate::sys::address_map;
use crate::sys::memory;
use crate::sys::memory_locks::{is_privileged, lock, most_bytes};
use crate::sys::next;
use crate::sys::{Errno, PAGE_BYTES, errno, process};
use crate::trace;
use core::ffi::{c_int, c_uint};
use core::sync::atomic::{AtomicU64, Ordering};

const KNOWN: c_int = libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT;

/// Flags for later mappings, and the id of the process that set them: they do not hold in the child of a fork.
static FUTURE: AtomicU64 = AtomicU64::new(0);

/// How later mappings of the program are to be locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Future {
    Unlocked,
    Locked,
    LockedOnFault,
}

pub fn future() -> Future {
    let word = FUTURE.load(Ordering::Relaxed);
    if word == 0 || word >> 32 != u64::from(process::pid()) {
        return Future::Unlocked;
    }
    match word as c_int & libc::MCL_ONFAULT {
        0 => Future::Locked,
        _ => Future::LockedOnFault,
    }
}

/// Calls `each` with the mapped ranges that are not ours. A range of the kernel's list may hold both: it joins
/// neighbouring mappings.
fn visit_programs(mut each: impl FnMut(usize, usize)) -> Result<(), Errno> {
    let library = trace::module_of(fencepost_mlockall as *const () as usize);
    let heap = runtime::get().map(|runtime| &runtime.heap);
    let own_end = |at: usize| match library {
        Some(library) if library.contains(at) => Some(library.end),
        _ => memory::own_range(at)
            .filter(|_| !heap.is_some_and(|heap| heap.has_given(at)))
            .map(|range| range.end),
    };
    address_map::visit(|mapping| {
        let mut at = mapping.start;
        while at < mapping.end {
            let next = memory::next_own(at).unwrap_or(mapping.end).min(mapping.end);
            match own_end(at) {
                Some(end) => at = end,
                None => {
                    let end = if next > at { next } else { mapping.end };
                    each(at, end);
                    at = end;
                }
            }
        }
        true
    })
}

/// Does what mlockall(2) would do without us, in a process that may lock `most` bytes.
fn lock_all(flags: c_int, most: usize) -> Result<(), Errno> {
    if flags & !KNOWN != 0 || flags == libc::MCL_ONFAULT || flags == 0 {
        return Err(Errno::EINVAL);
    }
    if most == 0 {
        return Err(Errno(libc::EPERM));
    }
    let on_fault = flags & libc::MCL_ONFAULT != 0;
    if flags & libc::MCL_CURRENT != 0 {
        let mut bytes = 0;
        visit_programs(|start, end| bytes += end - start)?;
        if bytes > most {
            return Err(Errno::ENOMEM);
        }
        // Pages that can't be locked stay as they are, as with the kernel's mlockall.
        let lock = |start, bytes| {
            let _ = lock(start, bytes, on_fault);
        };
        visit_programs(|start, end| lock(start, end - start))?;
        if let Some(runtime) = runtime::get() {
            runtime.heap.visit_large(lock);
        }
    }
    let future = match flags & libc::MCL_FUTURE {
        0 => 0,
        _ => u64::from(process::pid()) << 32 | flags as u64,
    };
    FUTURE.store(future, Ordering::Relaxed);
    Ok(())
}

fn fail(error: Errno) -> c_int {
    errno::set(error);
    -1
}

/// Tells the heap that the program has locked pages, if any are the heap's.
fn note_locked(start: usize, bytes: usize) {
    let pages = start & !(PAGE_BYTES - 1)..start.saturating_add(bytes).next_multiple_of(PAGE_BYTES);
    if let Some(runtime) = runtime::get()
        && runtime.heap.program_pages().concern(pages.start)
    {
        runtime.heap.program_pages().note_locked(pages);
    }
}

/// mlock(2).
///
/// # Safety
/// As mlock(2) demands of its caller.
pub unsafe extern "C" fn fencepost_mlock(start: usize, bytes: usize) -> c_int {
    // SAFETY: mlock's signature.
    let Some(next) = (unsafe { next::MLOCK.get::<extern "C" fn(usize, usize) -> c_int>() }) else {
        return fail(Errno(libc::ENOSYS));
    };
    let result = next(start, bytes);
    if result == 0 {
        note_locked(start, bytes);
    }
    result
}

/// mlock2(2).
///
/// # Safety
/// As mlock2(2) demands of its caller.
pub unsafe extern "C" fn fencepost_mlock2(start: usize, bytes: usize, flags: c_uint) -> c_int {
    type Mlock2Fn = extern "C" fn(usize, usize, c_uint) -> c_int;
    // SAFETY: mlock2's signature.
    let Some(next) = (unsafe { next::MLOCK2.get::<Mlock2Fn>() }) else {
        return fail(Errno(libc::ENOSYS));
    };
    let result = next(start, bytes, flags);
    if result == 0 {
        note_locked(start, bytes);
    }
    result
}

/// mlockall(2).
pub extern "C" fn fencepost_mlockall(flags: c_int) -> c_int {
    let most = most_bytes();
    if most == usize::MAX || is_privileged() {
        // SAFETY: the type is mlockall's signature; it touches no memory.
        return match unsafe { next::MLOCKALL.get::<extern "C" fn(c_int) -> c_int>() } {
            Some(next) => next(flags),
            None => fail(Errno(libc::ENOSYS)),
        };
    }
    match lock_all(flags, most) {
        Ok(()) => 0,
        Err(error) => fail(error),
    }
}

/// munlockall(2).
pub extern "C" fn fencepost_munlockall() -> c_int {
    FUTURE.store(0, Ordering::Relaxed);
    // SAFETY: the type is munlockall's signature; it touches no memory.
    match unsafe { next::MUNLOCKALL.get::<extern "C" fn() -> c_int>() } {
        Some(next) => next(),
        None => fail(Errno(libc::ENOSYS)),
    }
}
