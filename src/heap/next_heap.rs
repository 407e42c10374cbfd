//! The next allocator: for objects that are not sampled, and for objects that it made without us.

use crate::sys::next;
use libc::c_void;

/// The largest alignment that malloc gives without being asked.
const MALLOC_ALIGN: usize = 16;

/// Has libc's malloc set itself up. It does so at its first call, without a lock: natively that is long before a program
/// makes threads, but here objects are guarded, and the first call may come from two threads at once. Both would be
/// counted as one user of the first arena, and glibc's own check fails when the second of them ends. Called while the
/// process has one thread.
pub fn set_up() {
    /// No parameter has this number, so nothing else is done (mallopt(3)).
    const NO_PARAMETER: libc::c_int = 0;
    // SAFETY: this is mallopt's signature. glibc takes any number.
    unsafe {
        if let Some(mallopt) =
            next::MALLOPT.get::<extern "C" fn(libc::c_int, libc::c_int) -> libc::c_int>()
        {
            mallopt(NO_PARAMETER, 0);
        }
    }
}

/// Allocates a block, zeroed if wanted. Returns null without memory.
pub fn allocate(size: usize, align: usize, zeroed: bool) -> *mut u8 {
    // SAFETY: the signatures are those of the C library. Sizes are unrestricted, and the alignment is a power of two.
    let address = unsafe {
        if align > MALLOC_ALIGN {
            next::MEMALIGN
                .get::<extern "C" fn(usize, usize) -> *mut c_void>()
                .map_or(core::ptr::null_mut(), |memalign| memalign(align, size))
        } else if zeroed {
            return next::CALLOC
                .get::<extern "C" fn(usize, usize) -> *mut c_void>()
                .map_or(core::ptr::null_mut(), |calloc| calloc(1, size))
                .cast();
        } else {
            next::MALLOC
                .get::<extern "C" fn(usize) -> *mut c_void>()
                .map_or(core::ptr::null_mut(), |malloc| malloc(size))
        }
    };
    if zeroed && !address.is_null() {
        // SAFETY: the block was just allocated, with `size` bytes.
        unsafe { core::ptr::write_bytes(address.cast::<u8>(), 0, size) };
    }
    address.cast()
}

/// Frees a block.
///
/// # Safety
/// The address must be a live block of the next allocator, as for free(3), or the program's own mistake.
pub unsafe fn free(address: usize) {
    // SAFETY: this is free's signature. The caller promises a live block, or a mistake that is the program's.
    unsafe {
        if let Some(free) = next::FREE.get::<extern "C" fn(usize)>() {
            free(address);
        }
    }
}

/// Resizes a block, and aligns it to `align`. Without memory, returns null and leaves the old block.
///
/// # Safety
/// The address must be a live block of the next allocator, as for realloc(3), or the program's own mistake.
pub unsafe fn resize(address: usize, size: usize, align: usize) -> *mut u8 {
    if align > MALLOC_ALIGN {
        let new = allocate(size, align, false);
        if !new.is_null() {
            // SAFETY: the caller promises a live block, or a mistake that is the program's. Both blocks hold that many
            // bytes, and do not overlap.
            unsafe {
                let bytes = usable_size(address).min(size);
                core::ptr::copy_nonoverlapping(address as *const u8, new, bytes);
                free(address);
            }
        }
        return new;
    }
    // SAFETY: this is realloc's signature. The caller promises a live block, or a mistake that is the program's.
    unsafe {
        next::REALLOC
            .get::<extern "C" fn(usize, usize) -> *mut u8>()
            .map_or(core::ptr::null_mut(), |realloc| realloc(address, size))
    }
}

/// Returns how many bytes the program may use.
///
/// # Safety
/// The address must be a live block of the next allocator, or the program's own mistake.
pub unsafe fn usable_size(address: usize) -> usize {
    // SAFETY: malloc_usable_size's signature. The caller promises a live block, or a mistake that is the program's.
    unsafe {
        next::USABLE_SIZE
            .get::<extern "C" fn(usize) -> usize>()
            .map_or(0, |usable_size| usable_size(address))
    }
}
