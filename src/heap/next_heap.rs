//! The next allocator, plain: for what is not sampled, and for what came from it without us.

use crate::sys::next;
use libc::c_void;

/// Largest alignment that malloc gives unasked.
const MALLOC_ALIGN: usize = 16;

/// Allocates; zeroed if asked. Null without memory.
pub fn allocate(size: usize, align: usize, zeroed: bool) -> *mut u8 {
    // SAFETY: the signatures are those of the C library; sizes are unrestricted, and the alignment
    // is a power of two.
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
        // SAFETY: the block is ours and holds `size` bytes.
        unsafe { core::ptr::write_bytes(address.cast::<u8>(), 0, size) };
    }
    address.cast()
}

/// Frees.
///
/// # Safety
/// As free(3): the address must be a live block of the next allocator, or the program's own fault.
pub unsafe fn free(address: usize) {
    // SAFETY: free's signature; the address is a live block, or it is the program that is wrong.
    unsafe {
        if let Some(free) = next::FREE.get::<extern "C" fn(usize)>() {
            free(address);
        }
    }
}

/// Resizes, to a block that is aligned to `align`. Null without memory, and then the old block stands.
///
/// # Safety
/// As [`free`].
pub unsafe fn resize(address: usize, size: usize, align: usize) -> *mut u8 {
    if align > MALLOC_ALIGN {
        let new = allocate(size, align, false);
        if !new.is_null() {
            // SAFETY: the address is a live block, or it is the program that is wrong; both blocks hold as many
            // bytes, and are distinct.
            unsafe {
                let bytes = usable_size(address).min(size);
                core::ptr::copy_nonoverlapping(address as *const u8, new, bytes);
                free(address);
            }
        }
        return new;
    }
    // SAFETY: realloc's signature; the address is a live block, or it is the program that is wrong.
    unsafe {
        next::REALLOC
            .get::<extern "C" fn(usize, usize) -> *mut u8>()
            .map_or(core::ptr::null_mut(), |realloc| realloc(address, size))
    }
}

/// Bytes that the program may use.
///
/// # Safety
/// As [`free`].
pub unsafe fn usable_size(address: usize) -> usize {
    // SAFETY: malloc_usable_size's signature; the address is a live block, or it is the program that is wrong.
    unsafe {
        next::USABLE_SIZE
            .get::<extern "C" fn(usize) -> usize>()
            .map_or(0, |usable_size| usable_size(address))
    }
}
