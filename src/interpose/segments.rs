//! shmat(2) and shmdt(2): segments of shared memory.
//!
//! Each call is noted for reports, with its stack (`history`).

use super::mappings::{FAILED, ask_for, behind, caller, note_remapped};
use super::{history, way_trampoline};
use crate::heap::give::Demand;
use crate::mappings::{self, Call, Step};
use crate::sys::next;
use crate::sys::{PAGE_BYTES, memory};
use crate::trace::Caller;
use core::ffi::{c_int, c_void};

way_trampoline! {
    /// shmat(2).
    fencepost_shmat("rcx", "r8") => shmat;
    /// shmdt(2).
    fencepost_shmdt("rsi", "rdx") => shmdt;
}

/// # Safety
/// The arguments must be valid for shmat(2).
unsafe extern "C" fn shmat(
    segment: c_int,
    address: *const c_void,
    flags: c_int,
    sp: usize,
    bp: usize,
) -> *mut c_void {
    // SAFETY: the arguments are the program's, as the manual demands of it.
    unsafe { attach_noted(segment, address, flags, caller(sp, bp)) }
}

/// shmat(2), called by `by`.
///
/// # Safety
/// As shmat(2) demands of its caller.
pub unsafe fn attach_noted(
    segment: c_int,
    address: *const c_void,
    flags: c_int,
    by: Caller,
) -> *mut c_void {
    // SAFETY: `ShmatFn` is shmat's signature. The program passed the arguments, and must make them valid.
    unsafe {
        type ShmatFn = unsafe extern "C" fn(c_int, *const c_void, c_int) -> *mut c_void;
        let Some(next) = behind::<ShmatFn>(&next::SHMAT) else { return FAILED };
        let event = history::caller(by);
        let is_asked = !address.is_null() || event.is_some();
        let bytes = if is_asked { memory::segment_bytes(segment) } else { None };
        let replaces = flags & libc::SHM_REMAP != 0;
        if let Some(bytes) = bytes
            && !address.is_null()
        {
            let demand = if replaces { Demand::Replacing } else { Demand::Exact };
            ask_for(address as usize, bytes, demand);
        }
        let mapped = next(segment, address, flags);
        if replaces && mapped != FAILED {
            note_remapped(mapped as usize, bytes.unwrap_or(PAGE_BYTES));
        }
        let step = |start| {
            let step = Step::new(Call::Shmat, start, bytes.unwrap_or(PAGE_BYTES), event?);
            Some(Step { from: address as usize, flags, descriptor: segment, ..step })
        };
        match step(mapped as usize) {
            Some(step) if mapped != FAILED => history::note(step),
            _ => history::note_failure(step(0)),
        }
        mapped
    }
}

/// # Safety
/// As shmdt(2) demands of its caller.
unsafe extern "C" fn shmdt(address: *const c_void, sp: usize, bp: usize) -> c_int {
    // SAFETY: the arguments are the program's, as the manual demands of it.
    unsafe { detach_noted(address, caller(sp, bp)) }
}

/// shmdt(2), called by `by`.
///
/// # Safety
/// As shmdt(2) demands of its caller.
pub unsafe fn detach_noted(address: *const c_void, by: Caller) -> c_int {
    // SAFETY: shmdt's signature; the arguments are the program's, as the manual demands of it.
    unsafe {
        type ShmdtFn = unsafe extern "C" fn(*const c_void) -> c_int;
        let Some(next) = behind::<ShmdtFn>(&next::SHMDT) else { return -1 };
        let step = history::caller(by).and_then(|event| {
            let bytes = mappings::attached_bytes(address as usize)?;
            Some(Step::new(Call::Shmdt, address as usize, bytes, event))
        });
        let claim = history::claim(step);
        let result = next(address);
        history::settle(claim, result == 0);
        result
    }
}
