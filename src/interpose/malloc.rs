//! The C allocation functions, with the results and errors of glibc's manual (malloc(3),
//! posix_memalign(3)).

use super::trampoline;
use crate::allocator;
use crate::diagnose::Wrong;
use crate::heap::record::Family;
use crate::heap::release::{Deallocator, Release};
use crate::heap::{AllocationRequest, MAX_SIZE};
use crate::sys::{Errno, PAGE_BYTES, errno, loader, round_up_to_page};
use crate::trace::Caller;
use core::ffi::c_int;

trampoline! {
    fencepost_malloc("rsi", "rdx") => malloc;
    fencepost_free("rsi", "rdx") => free;
    fencepost_free_sized("rdx", "rcx") => free_sized;
    fencepost_free_aligned_sized("rcx", "r8") => free_aligned_sized;
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
    // SAFETY: the trampolines pass the stack pointer that they had on entry.
    unsafe { Caller::from_entry(sp, bp) }
}

fn allocate(
    function: &'static str,
    size: usize,
    align: usize,
    zeroed: bool,
    caller: Caller,
) -> *mut u8 {
    let request = AllocationRequest { size, align, family: Family::Malloc, zeroed };
    let address = allocator::allocate(request, caller);
    if address.is_null() { refuse_size(function, size, caller) } else { address }
}

/// Must be called after an allocation that failed: reports a size that is too large, and fails with ENOMEM.
#[cold]
fn refuse_size(function: &'static str, size: usize, caller: Caller) -> *mut u8 {
    if size > MAX_SIZE {
        allocator::refuse(function, Wrong::Size(size), caller);
    }
    fail(Errno::ENOMEM)
}

#[cold]
fn refuse(function: &'static str, wrong: Wrong, error: Errno, caller: Caller) -> *mut u8 {
    allocator::refuse(function, wrong, caller);
    fail(error)
}

fn fail(error: Errno) -> *mut u8 {
    errno::set(error);
    core::ptr::null_mut()
}

#[unsafe(link_section = ".text.hot")]
extern "C" fn malloc(size: usize, sp: usize, bp: usize) -> *mut u8 {
    allocate("malloc", size, 1, false, caller(sp, bp))
}

#[unsafe(link_section = ".text.hot")]
extern "C" fn free(address: usize, sp: usize, bp: usize) {
    allocator::free(address, Release::new(Deallocator::Free), caller(sp, bp));
}

extern "C" fn free_sized(address: usize, size: usize, sp: usize, bp: usize) {
    allocator::free(address, Release::new(Deallocator::FreeSized).sized(size), caller(sp, bp));
}

extern "C" fn free_aligned_sized(address: usize, align: usize, size: usize, sp: usize, bp: usize) {
    let release = Release::new(Deallocator::FreeAlignedSized).sized(size).aligned(align);
    allocator::free(address, release, caller(sp, bp));
}

extern "C" fn calloc(count: usize, size: usize, sp: usize, bp: usize) -> *mut u8 {
    let caller = caller(sp, bp);
    match count.checked_mul(size) {
        Some(bytes) => allocate("calloc", bytes, 1, true, caller),
        None => refuse("calloc", Wrong::Product { count, size }, Errno::ENOMEM, caller),
    }
}

extern "C" fn realloc(address: usize, size: usize, sp: usize, bp: usize) -> *mut u8 {
    resize("realloc", address, size, caller(sp, bp))
}

fn resize(function: &'static str, address: usize, size: usize, caller: Caller) -> *mut u8 {
    if address == 0 {
        return allocate(function, size, 1, false, caller);
    }
    if size == 0 {
        // glibc frees the object; in C23 (7.24.3.7) this is undefined.
        allocator::free(address, Release::new(Deallocator::Realloc), caller);
        return core::ptr::null_mut();
    }
    let new = allocator::resize(address, size, 1, Release::new(Deallocator::Realloc), caller);
    if new.is_null() { refuse_size(function, size, caller) } else { new }
}

extern "C" fn reallocarray(
    address: usize,
    count: usize,
    size: usize,
    sp: usize,
    bp: usize,
) -> *mut u8 {
    let caller = caller(sp, bp);
    match count.checked_mul(size) {
        Some(bytes) => resize("reallocarray", address, bytes, caller),
        None => refuse("reallocarray", Wrong::Product { count, size }, Errno::ENOMEM, caller),
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
    let caller = caller(sp, bp);
    if !align.is_power_of_two() || !align.is_multiple_of(size_of::<usize>()) {
        allocator::refuse("posix_memalign", Wrong::Alignment(align), caller);
        return libc::EINVAL;
    }
    // posix_memalign does not set errno, unlike the others.
    let request = AllocationRequest { size, align, family: Family::Malloc, zeroed: false };
    let address = allocator::allocate(request, caller);
    if address.is_null() {
        if size > MAX_SIZE {
            allocator::refuse("posix_memalign", Wrong::Size(size), caller);
        }
        return libc::ENOMEM;
    }
    // SAFETY: the program must pass a pointer that is valid for a write (posix_memalign(3)).
    unsafe { result.write(address) };
    0
}

extern "C" fn aligned_alloc(align: usize, size: usize, sp: usize, bp: usize) -> *mut u8 {
    /// From this version on, glibc refuses an alignment that is not a power of two; older ones round it up.
    const STRICT: (u32, u32) = (2, 38);
    let caller = caller(sp, bp);
    if !align.is_power_of_two() && loader::libc_version() >= STRICT {
        return refuse("aligned_alloc", Wrong::Alignment(align), Errno::EINVAL, caller);
    }
    allocate_rounded("aligned_alloc", align, size, caller)
}

extern "C" fn memalign(align: usize, size: usize, sp: usize, bp: usize) -> *mut u8 {
    allocate_rounded("memalign", align, size, caller(sp, bp))
}

/// Allocates, and rounds an alignment that is not a power of two up, as glibc does; fails if that is not possible.
fn allocate_rounded(function: &'static str, align: usize, size: usize, caller: Caller) -> *mut u8 {
    if !align.is_power_of_two() {
        allocator::refuse(function, Wrong::Alignment(align), caller);
    }
    match align.checked_next_power_of_two() {
        Some(align) => allocate(function, size, align, false, caller),
        None => fail(Errno::EINVAL),
    }
}

extern "C" fn valloc(size: usize, sp: usize, bp: usize) -> *mut u8 {
    allocate("valloc", size, PAGE_BYTES, false, caller(sp, bp))
}

extern "C" fn pvalloc(size: usize, sp: usize, bp: usize) -> *mut u8 {
    let caller = caller(sp, bp);
    if size > usize::MAX - PAGE_BYTES {
        return refuse("pvalloc", Wrong::RoundedUp(size), Errno::ENOMEM, caller);
    }
    allocate("pvalloc", round_up_to_page(size.max(1)), PAGE_BYTES, false, caller)
}

extern "C" fn malloc_usable_size(address: usize, sp: usize, bp: usize) -> usize {
    allocator::usable_size(address, caller(sp, bp))
}
