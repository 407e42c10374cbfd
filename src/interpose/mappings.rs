//! mmap(2) and its relatives: mappings that the program lays over its own objects.
//!
//! Programs do this with page-aligned objects, natively with success. The pages are the program's from then on: the
//! heap notes it, and guards the object by other means once it is freed. Where the program takes pages of an object
//! away, an inaccessible mapping keeps the place, so that no other mapping comes to lie among the objects.
//!
//! Addresses that are reserved for objects to come are given to a program that asks for them, and so is address space
//! where there is no more.

use super::memory_locks::{self, Future};
use crate::heap::give::Demand;
use crate::runtime;
use crate::sys::memory_locks::lock;
use crate::sys::next::{self, Next};
use crate::sys::{PAGE_BYTES, errno, limits, memory};
use core::ffi::{c_int, c_void};
use libc::{off64_t, size_t};

const FAILED: *mut c_void = libc::MAP_FAILED;

/// The function behind ours, as type `F`; errno says so where there is none.
unsafe fn behind<F: Copy>(next: &Next) -> Option<F> {
    // SAFETY: `F` is the signature of the function at each call below.
    let function = unsafe { next.get::<F>() };
    if function.is_none() {
        errno::set(errno::Errno(libc::ENOSYS));
    }
    function
}

/// Tells the heap that pages from `start` on are the program's now, if any are in its address space.
fn note_remapped(start: usize, bytes: usize) {
    let end = start.saturating_add(bytes).next_multiple_of(PAGE_BYTES);
    if let Some(runtime) = runtime::get()
        && runtime.heap.contains(start)
    {
        runtime.heap.note_remapped(start, end);
    }
}

/// The same of pages that are not mapped any more.
fn note_unmapped(start: usize, bytes: usize) {
    if runtime::get().is_some_and(|runtime| runtime.heap.contains(start)) {
        // Something else may be there already, of another thread; then that stays.
        let _ = memory::reserve_at(start, bytes.next_multiple_of(PAGE_BYTES));
        note_remapped(start, bytes);
    }
}

/// Has the heap give up what the program is about to map something over.
fn ask_for(start: usize, bytes: usize, demand: Demand) {
    if start != 0
        && let Some(runtime) = runtime::get()
    {
        let end = start.saturating_add(bytes).next_multiple_of(PAGE_BYTES);
        if runtime.heap.give(start & !(PAGE_BYTES - 1), end, demand) {
            // They know how much is ours.
            limits::conceal();
        }
    }
}

/// How a program asks for an address by the flags of mmap(2).
fn demand_by(flags: c_int) -> Demand {
    if flags & libc::MAP_FIXED_NOREPLACE != 0 {
        Demand::Exact
    } else if flags & libc::MAP_FIXED != 0 {
        Demand::Replacing
    } else {
        Demand::Wish
    }
}

/// After a mapping of `bytes` bytes has failed: makes room if what was lacking is address space.
fn make_room(bytes: usize) -> bool {
    const MUCH: usize = 1 << 40;
    bytes >= MUCH
        && errno::get() == errno::Errno(libc::ENOMEM)
        && memory::address_space_share(1) == usize::MAX
        && !memory::has_gap(bytes)
        && runtime::get().is_some_and(|runtime| runtime.heap.make_room(bytes))
}

type MmapFn =
    unsafe extern "C" fn(*mut c_void, size_t, c_int, c_int, c_int, off64_t) -> *mut c_void;

/// mmap(2); mmap64 is the same on x86_64.
///
/// # Safety
/// As mmap(2) demands of its caller.
pub unsafe extern "C" fn fencepost_mmap(
    address: *mut c_void,
    bytes: size_t,
    protection: c_int,
    flags: c_int,
    descriptor: c_int,
    offset: off64_t,
) -> *mut c_void {
    // SAFETY: mmap's signature; the arguments are the program's, as the manual demands of it.
    unsafe {
        let Some(next) = behind::<MmapFn>(&next::MMAP) else { return FAILED };
        ask_for(address as usize, bytes, demand_by(flags));
        let future = memory_locks::future();
        // Refused beyond the limit of locked memory, as natively.
        let flags = if future == Future::Locked { flags | libc::MAP_LOCKED } else { flags };
        let mut mapped = next(address, bytes, protection, flags, descriptor, offset);
        if mapped == FAILED && make_room(bytes) {
            mapped = next(address, bytes, protection, flags, descriptor, offset);
        }
        if flags & libc::MAP_FIXED != 0 && mapped != FAILED {
            note_remapped(mapped as usize, bytes);
        }
        if future == Future::LockedOnFault
            && mapped != FAILED
            && lock(mapped as usize, bytes, true).is_err()
            && flags & libc::MAP_FIXED == 0
        {
            // Beyond the limit of locked memory, as above.
            fencepost_munmap(mapped, bytes);
            errno::set(errno::Errno(libc::EAGAIN));
            return FAILED;
        }
        mapped
    }
}

/// munmap(2).
///
/// # Safety
/// As munmap(2) demands of its caller.
pub unsafe extern "C" fn fencepost_munmap(address: *mut c_void, bytes: size_t) -> c_int {
    // SAFETY: munmap's signature; the arguments are the program's, as the manual demands of it.
    unsafe {
        type MunmapFn = unsafe extern "C" fn(*mut c_void, size_t) -> c_int;
        let Some(next) = behind::<MunmapFn>(&next::MUNMAP) else { return -1 };
        let result = next(address, bytes);
        if result == 0 {
            note_unmapped(address as usize, bytes);
        }
        result
    }
}

/// mremap(2). It is variadic: the last argument is there only with MREMAP_FIXED, and else of no meaning.
///
/// # Safety
/// As mremap(2) demands of its caller.
pub unsafe extern "C" fn fencepost_mremap(
    old: *mut c_void,
    old_bytes: size_t,
    new_bytes: size_t,
    flags: c_int,
    fixed: *mut c_void,
) -> *mut c_void {
    // SAFETY: mremap's signature; the arguments are the program's, as the manual demands of it.
    unsafe {
        type MremapFn =
            unsafe extern "C" fn(*mut c_void, size_t, size_t, c_int, *mut c_void) -> *mut c_void;
        let Some(next) = behind::<MremapFn>(&next::MREMAP) else { return FAILED };
        if flags & libc::MREMAP_FIXED != 0 {
            ask_for(fixed as usize, new_bytes, Demand::Replacing);
        }
        let mapped = next(old, old_bytes, new_bytes, flags, fixed);
        if mapped != FAILED {
            if flags & libc::MREMAP_FIXED != 0 {
                note_remapped(mapped as usize, new_bytes);
            }
            if mapped != old && flags & libc::MREMAP_DONTUNMAP == 0 {
                note_unmapped(old as usize, old_bytes);
            } else if new_bytes < old_bytes {
                note_unmapped(old as usize + new_bytes, old_bytes - new_bytes);
            }
        }
        mapped
    }
}

/// shmat(2).
///
/// # Safety
/// As shmat(2) demands of its caller.
pub unsafe extern "C" fn fencepost_shmat(
    segment: c_int,
    address: *const c_void,
    flags: c_int,
) -> *mut c_void {
    // SAFETY: shmat's signature; the arguments are the program's, as the manual demands of it.
    unsafe {
        type ShmatFn = unsafe extern "C" fn(c_int, *const c_void, c_int) -> *mut c_void;
        let Some(next) = behind::<ShmatFn>(&next::SHMAT) else { return FAILED };
        let bytes = if address.is_null() { None } else { memory::segment_bytes(segment) };
        let replaces = flags & libc::SHM_REMAP != 0;
        if let Some(bytes) = bytes {
            let demand = if replaces { Demand::Replacing } else { Demand::Exact };
            ask_for(address as usize, bytes, demand);
        }
        let mapped = next(segment, address, flags);
        if replaces && mapped != FAILED {
            note_remapped(mapped as usize, bytes.unwrap_or(PAGE_BYTES));
        }
        mapped
    }
}
