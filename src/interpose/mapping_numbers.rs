//! The calls of mappings by number, syscall(2): done as by their functions, so that they are noted, too.

use super::mappings::{self, MmapCall, MremapCall};
use super::{advice, lengths, protection, segments};
use crate::trace::Caller;
use core::ffi::{c_int, c_long, c_void};
use libc::off64_t;

/// What syscall(2) is to call in place of libc's; null for libc's.
pub fn in_place_of_syscall(number: c_long) -> *const () {
    match number {
        libc::SYS_mmap
        | libc::SYS_munmap
        | libc::SYS_mremap
        | libc::SYS_mprotect
        | libc::SYS_pkey_mprotect
        | libc::SYS_madvise
        | libc::SYS_shmat
        | libc::SYS_shmdt
        | libc::SYS_ftruncate => call_by_number as *const (),
        _ => core::ptr::null(),
    }
}

/// syscall(2) for these numbers.
///
/// # Safety
/// As the call of this number demands of its caller.
unsafe extern "C" fn call_by_number(
    number: c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> c_long {
    // Frames of ours are left out where stacks are shown.
    let by = Caller::here();
    let address = a as *mut c_void;
    let int = |word: usize| word as c_int;
    // SAFETY: the arguments are the program's, and those of the call of this number.
    unsafe {
        match number {
            libc::SYS_mmap => {
                let (protection, flags, descriptor) = (int(c), int(d), int(e));
                let offset = f as off64_t;
                let call = MmapCall { address, bytes: b, protection, flags, descriptor, offset };
                call.make(by) as c_long
            }
            libc::SYS_munmap => c_long::from(mappings::unmap_noted(address, b, by)),
            libc::SYS_mremap => {
                let (flags, fixed) = (int(d), e as *mut c_void);
                let call = MremapCall { old: address, old_bytes: b, new_bytes: c, flags, fixed };
                call.make(by) as c_long
            }
            libc::SYS_mprotect => c_long::from(protection::protect_noted(address, b, int(c), by)),
            libc::SYS_pkey_mprotect => {
                let protection = (int(c), int(d));
                c_long::from(protection::protect_with_key_noted(address, b, protection, by))
            }
            libc::SYS_madvise => c_long::from(advice::advise_noted(address, b, int(c), by)),
            libc::SYS_shmat => {
                segments::attach_noted(int(a), b as *const c_void, int(c), by) as c_long
            }
            libc::SYS_shmdt => c_long::from(segments::detach_noted(address, by)),
            _ => c_long::from(lengths::cut_noted(int(a), b as off64_t, by)),
        }
    }
}
