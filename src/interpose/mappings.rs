//! mmap(2) and its relatives: mappings that the program lays over its own objects.
//!
//! Without us, this works with page-aligned objects. From then on, the pages belong to the program: the heap notes
//! that, and guards the object by other means once it is freed. If the program unmaps pages of an object, an
//! inaccessible mapping keeps the place, so that no other mapping is made among the objects.
//!
//! Addresses that are reserved for later objects are given to a program that asks for them, or that needs address space
//! where no other is left.

use super::memory_locks::{self, Future};
use crate::heap::give::Demand;
use crate::runtime;
use crate::sys::memory_locks::lock;
use crate::sys::next::{self, Next};
use crate::sys::{PAGE_BYTES, errno, limits, memory, round_up_to_page};
use core::ffi::{c_int, c_void};
use libc::{off64_t, size_t};

const FAILED: *mut c_void = libc::MAP_FAILED;

/// The next function, as type `F`. Sets errno to ENOSYS where there is none.
///
/// # Safety
/// `F` must be the function's signature.
unsafe fn behind<F: Copy>(next: &Next) -> Option<F> {
    // SAFETY: the caller promises that `F` is the function's signature.
    let function = unsafe { next.get::<F>() };
    if function.is_none() {
        errno::set(errno::Errno(libc::ENOSYS));
    }
    function
}

/// Tells the heap that pages from `start` on belong to the program now, if they are in the heap's address space.
fn note_remapped(start: usize, bytes: usize) {
    let end = start.saturating_add(bytes).next_multiple_of(PAGE_BYTES);
    if let Some(runtime) = runtime::get()
        && runtime.heap.contains(start)
    {
        runtime.heap.note_remapped(start, end);
    }
}

/// Tells the heap that pages from `start` on are not mapped any more, and reserves them again.
fn note_unmapped(start: usize, bytes: usize) {
    if runtime::get().is_some_and(|runtime| runtime.heap.contains(start)) {
        // If another thread has mapped something there meanwhile, that stays.
        let _ = memory::reserve_at(start, bytes.next_multiple_of(PAGE_BYTES));
        note_remapped(start, bytes);
    }
}

/// The same of pages that have moved elsewhere and are empty now.
fn note_emptied(start: usize, bytes: usize) {
    if let Some(runtime) = runtime::get()
        && runtime.heap.contains(start)
    {
        let end = start.saturating_add(bytes).next_multiple_of(PAGE_BYTES);
        runtime.heap.program_pages().refill_dropped(start..end);
    }
}

/// Has the heap give up reserved pages over which the program is about to map something.
fn ask_for(start: usize, bytes: usize, demand: Demand) {
    if start != 0
        && let Some(runtime) = runtime::get()
    {
        let end = start.saturating_add(bytes).next_multiple_of(PAGE_BYTES);
        if runtime.heap.give(start & !(PAGE_BYTES - 1), end, demand) {
            // The limits depend on how much address space is ours.
            limits::conceal();
        }
    }
}

/// How strictly the flags of mmap(2) ask for an address.
fn demand_by(flags: c_int) -> Demand {
    if flags & libc::MAP_FIXED_NOREPLACE != 0 {
        Demand::Exact
    } else if flags & libc::MAP_FIXED != 0 {
        Demand::Replacing
    } else {
        Demand::Wish
    }
}

/// Must be called after mapping `bytes` has failed: if address space was lacking, gives up some. True if the program
/// should try again.
fn make_room(bytes: usize) -> bool {
    const MUCH: usize = 1 << 40;
    bytes >= MUCH
        && errno::get() == errno::Errno(libc::ENOMEM)
        && memory::address_space_share(1) == usize::MAX
        && !memory::has_gap(bytes)
        && runtime::get().is_some_and(|runtime| runtime.heap.make_room(bytes))
}

/// Whether the limits that the program has set leave room for `bytes` more, beside its heap.
fn permit(bytes: usize, is_data: bool) -> bool {
    let Some(runtime) = runtime::get() else { return true };
    let asked = || runtime.heap.asked_bytes();
    limits::permit_mapping(round_up_to_page(bytes), is_data, asked)
}

type MmapFn =
    unsafe extern "C" fn(*mut c_void, size_t, c_int, c_int, c_int, off64_t) -> *mut c_void;

/// mmap(2); mmap64 is the same on x86_64.
///
/// # Safety
/// The arguments must be valid for mmap(2).
pub unsafe extern "C" fn fencepost_mmap(
    address: *mut c_void,
    bytes: size_t,
    protection: c_int,
    flags: c_int,
    descriptor: c_int,
    offset: off64_t,
) -> *mut c_void {
    // SAFETY: `MmapFn` is mmap's signature. The program passed the arguments, and must make them valid.
    unsafe {
        let Some(next) = behind::<MmapFn>(&next::MMAP) else { return FAILED };
        let is_data = protection & libc::PROT_WRITE != 0 && flags & libc::MAP_PRIVATE != 0;
        if flags & libc::MAP_FIXED == 0 && !permit(bytes, is_data) {
            errno::set(errno::Errno::ENOMEM);
            return FAILED;
        }
        ask_for(address as usize, bytes, demand_by(flags));
        let future = memory_locks::future();
        // The kernel refuses this beyond the limit of locked memory, as it would without us.
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
            // The mapping is beyond the limit of locked memory.
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
/// The program may not use the range any more.
pub unsafe extern "C" fn fencepost_munmap(address: *mut c_void, bytes: size_t) -> c_int {
    // SAFETY: `MunmapFn` is munmap's signature. The program passed the range, and may not use it any more.
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

/// mremap(2). It is variadic: `fixed` is an argument only with MREMAP_FIXED; without, it holds any value.
///
/// # Safety
/// The arguments must be valid for mremap(2).
pub unsafe extern "C" fn fencepost_mremap(
    old: *mut c_void,
    old_bytes: size_t,
    new_bytes: size_t,
    flags: c_int,
    fixed: *mut c_void,
) -> *mut c_void {
    // SAFETY: `MremapFn` is mremap's signature. The program passed the arguments, and must make them valid.
    unsafe {
        type MremapFn =
            unsafe extern "C" fn(*mut c_void, size_t, size_t, c_int, *mut c_void) -> *mut c_void;
        let Some(next) = behind::<MremapFn>(&next::MREMAP) else { return FAILED };
        if new_bytes > old_bytes && !permit(new_bytes - old_bytes, false) {
            errno::set(errno::Errno::ENOMEM);
            return FAILED;
        }
        if flags & libc::MREMAP_FIXED != 0 {
            ask_for(fixed as usize, new_bytes, Demand::Replacing);
        }
        let mapped = next(old, old_bytes, new_bytes, flags, fixed);
        if mapped != FAILED {
            if flags & libc::MREMAP_FIXED != 0 {
                note_remapped(mapped as usize, new_bytes);
            }
            if flags & libc::MREMAP_DONTUNMAP != 0 {
                note_emptied(old as usize, old_bytes);
            } else if mapped != old {
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
/// The arguments must be valid for shmat(2).
pub unsafe extern "C" fn fencepost_shmat(
    segment: c_int,
    address: *const c_void,
    flags: c_int,
) -> *mut c_void {
    // SAFETY: `ShmatFn` is shmat's signature. The program passed the arguments, and must make them valid.
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
