//! The C allocation functions, with the results and errors of glibc's manual (malloc(3),
//! posix_memalign(3)).

use super::trampoline;
use crate::calls;
use crate::heap::Request;
use crate::heap::record::Family;
use crate::sys::{Errno, PAGE_BYTES, errno, round_up_to_page};
use crate::trace::Caller;
use core::ffi::c_int;

trampoline! {
    fencepost_malloc("rsi", "rdx") => malloc;
    fencepost_free("rsi", "rdx") => free;
    fencepost_calloc("rdx", "rcx") => calloc;
    fencepost_realloc("rdx", "rcx") => realloc;
    fencepost_reallocarray("rcx", "r8") => reallocarray;
    fencepost_posix_memalign("rcx", "r8") => posix_memalign;
    fencepost_aligned_alloc("rdx", "rcx") => aligned_alloc;
    fencepost_memalign("rdx", "rcx") => memalign;
    fencepost_valloc("rsi", "rdx") => valloc;
    fencepost_pvalloc("rsi", "rdx") => pvalloc;
    fencepost_malloc_usable_size("rsi", "rdx") => malloc_usable_size;
}

/// The caller of a trampoline.
fn caller(sp: usize, bp: usize) -> Caller {
    // SAFETY: the trampolines pass the stack pointer as it was on entry.
    unsafe { Caller::from_entry(sp, bp) }
}

fn allocate(size: usize, align: usize, zeroed: bool, caller: Caller) -> *mut u8 {
    let request = Request { size, align, family: Family::Malloc, zeroed };
    let address = calls::allocate(request, caller);
    if address.is_null() {
        errno::set(Errno::ENOMEM);
    }
    address
}

fn fail(error: Errno) -> *mut u8 {
    errno::set(error);
    core::ptr::null_mut()
}

#[unsafe(link_section = ".text.hot")]
extern "C" fn malloc(size: usize, sp: usize, bp: usize) -> *mut u8 {
    allocate(size, 1, false, caller(sp, bp))
}

#[unsafe(link_section = ".text.hot")]
extern "C" fn free(address: usize, sp: usize, bp: usize) {
    calls::free(address, Family::Malloc, caller(sp, bp));
}

extern "C" fn calloc(count: usize, size: usize, sp: usize, bp: usize) -> *mut u8 {
    match count.checked_mul(size) {
        Some(bytes) => allocate(bytes, 1, true, caller(sp, bp)),
        None => fail(Errno::ENOMEM),
    }
}

extern "C" fn realloc(address: usize, size: usize, sp: usize, bp: usize) -> *mut u8 {
    resize(address, size, caller(sp, bp))
}

fn resize(address: usize, size: usize, caller: Caller) -> *mut u8 {
    if address == 0 {
        return allocate(size, 1, false, caller);
    }
    if size == 0 {
        // As glibc; C23 7.24.3.7 leaves it undefined.
        calls::free(address, Family::Malloc, caller);
        return core::ptr::null_mut();
    }
    let new = calls::resize(address, size, caller);
    if new.is_null() { fail(Errno::ENOMEM) } else { new }
}

extern "C" fn reallocarray(
    address: usize,
    count: usize,
    size: usize,
    sp: usize,
    bp: usize,
) -> *mut u8 {
    match count.checked_mul(size) {
        Some(bytes) => resize(address, bytes, caller(sp, bp)),
        None => fail(Errno::ENOMEM),
    }
}

/// # Safety
/// `result` must be valid for a write, as posix_memalign(3) demands.
unsafe extern "C" fn posix_memalign(
    result: *mut *mut u8,
    align: usize,
    size: usize,
    sp: usize,
    bp: usize,
) -> c_int {
    if !align.is_power_of_two() || !align.is_multiple_of(size_of::<usize>()) {
        return libc::EINVAL;
    }
    // Unlike the others it leaves errno alone.
    let request = Request { size, align, family: Family::Malloc, zeroed: false };
    let address = calls::allocate(request, caller(sp, bp));
    if address.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller's promise.
    unsafe { result.write(address) };
    0
}

extern "C" fn aligned_alloc(align: usize, size: usize, sp: usize, bp: usize) -> *mut u8 {
    if !align.is_power_of_two() {
        return fail(Errno::EINVAL);
    }
    allocate(size, align, false, caller(sp, bp))
}

extern "C" fn memalign(align: usize, size: usize, sp: usize, bp: usize) -> *mut u8 {
    // glibc rounds up what is no power of two, and refuses what can't be.
    match align.checked_next_power_of_two() {
        Some(align) => allocate(size, align, false, caller(sp, bp)),
        None => fail(Errno::EINVAL),
    }
}

extern "C" fn valloc(size: usize, sp: usize, bp: usize) -> *mut u8 {
    allocate(size, PAGE_BYTES, false, caller(sp, bp))
}

extern "C" fn pvalloc(size: usize, sp: usize, bp: usize) -> *mut u8 {
    if size > usize::MAX - PAGE_BYTES {
        return fail(Errno::ENOMEM);
    }
    allocate(round_up_to_page(size.max(1)), PAGE_BYTES, false, caller(sp, bp))
}

extern "C" fn malloc_usable_size(address: usize, sp: usize, bp: usize) -> usize {
    calls::usable_size(address, caller(sp, bp))
}
