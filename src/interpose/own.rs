//! How the preload library itself allocates: Rust's standard library calls these functions there (`build.rs`).
//!
//! They never lead to the program. It may have a malloc of its own, and may be inside of it, with a lock, when it calls
//! a function of ours. A program that links the crate has its own global allocator, and does not use these.

use crate::heap::private;
use core::ffi::{c_int, c_void};
use libc::size_t;

/// Names by which the linker's `--wrap` finds these functions; nobody else sees them.
macro_rules! name {
    ($($name:literal => $function:ident,)*) => {
        $(core::arch::global_asm!(
            concat!(".hidden ", $name),
            concat!(".globl ", $name),
            concat!(".type ", $name, ", @function"),
            concat!($name, ":"),
            "jmp {function}",
            concat!(".size ", $name, ", . - ", $name),
            function = sym $function,
        );)*
    };
}

name! {
    "fencepost_own_malloc" => own_malloc,
    "fencepost_own_calloc" => own_calloc,
    "fencepost_own_posix_memalign" => own_posix_memalign,
    "fencepost_own_realloc" => own_realloc,
    "fencepost_own_free" => own_free,
}

/// The alignment of malloc(3), in bytes.
const ALIGN: usize = 16;

extern "C" fn own_malloc(size: size_t) -> *mut c_void {
    private::allocate(size, ALIGN).cast()
}

/// calloc(3): what the private heap hands out is zeroed.
extern "C" fn own_calloc(count: size_t, size: size_t) -> *mut c_void {
    let bytes = count.checked_mul(size);
    bytes.map_or(core::ptr::null_mut(), |bytes| private::allocate(bytes, ALIGN).cast())
}

/// # Safety
/// `result` must be valid to write; `align` must be a power of two.
unsafe extern "C" fn own_posix_memalign(
    result: *mut *mut c_void,
    align: size_t,
    size: size_t,
) -> c_int {
    let block = private::allocate(size, align);
    if block.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller promises that the result is valid to write.
    unsafe { result.write(block.cast()) };
    0
}

/// # Safety
/// `address` must be null, or a live block of these functions: std resizes only what it has allocated.
unsafe extern "C" fn own_realloc(address: *mut c_void, size: size_t) -> *mut c_void {
    if address.is_null() {
        return own_malloc(size);
    }
    // SAFETY: the caller promises that the block is live, and that it came from the private heap.
    unsafe { private::resize(address as usize, size, ALIGN).cast() }
}

/// A block that libc has allocated for std (realpath(3) does) stays where it is, if the program's malloc made it: only
/// the loader could tell which function frees it.
///
/// # Safety
/// As for free(3).
unsafe extern "C" fn own_free(address: *mut c_void) {
    if private::contains(address as usize) {
        // SAFETY: the caller promises that the block is live; it is in the private heap.
        unsafe { private::free(address as usize) };
    }
}
