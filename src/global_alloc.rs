//! The Rust face: the guarded heap as `#[global_allocator]`.

use crate::allocator;
use crate::heap::AllocationRequest;
use crate::heap::record::Family;
use crate::heap::release::{Deallocator, Release};
use crate::sys::scope::RuntimeScope;
use crate::trace::Caller;
use core::alloc::{GlobalAlloc, Layout};

/// A global allocator that puts every allocation at the edge of a page beside a page that faults.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: fencepost::Fencepost = fencepost::Fencepost::new();
///
/// fn main() {
///     let numbers = vec![1, 2, 3];
///     assert_eq!(numbers.iter().sum::<i32>(), 6);
/// }
/// ```
///
/// Options come from the environment variable `FENCEPOST_OPTIONS`, as for the preload library. The
/// allocator sets handlers for SIGSEGV and SIGBUS at the first allocation. If the program replaces
/// them afterwards, there are no reports, but wrong accesses still fault. Unlike the preload library,
/// the allocator does not see the C heap: objects that C code allocates with `malloc` are not guarded.
///
/// If `dealloc` or `realloc` gets another layout than the allocation had, that is reported, unless the
/// option `free-size-mismatch` is off or the allocation was not sampled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fencepost(());

impl Fencepost {
    /// The allocator. All values stand for the same heap.
    pub const fn new() -> Fencepost {
        Fencepost(())
    }
}

fn request(layout: Layout, zeroed: bool) -> AllocationRequest {
    AllocationRequest { size: layout.size(), align: layout.align(), family: Family::Rust, zeroed }
}

/// A release of an object with the layout that the caller states.
fn release(by: Deallocator, layout: Layout) -> Release {
    Release::new(by).sized(layout.size()).aligned(layout.align())
}

// SAFETY: until it is freed, an object of the heap belongs to the caller alone, with the size and
// alignment that were asked for. The heap does not unwind.
unsafe impl GlobalAlloc for Fencepost {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        set_up();
        allocator::allocate(request(layout, false), Caller::here())
    }

    #[inline(never)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        set_up();
        allocator::allocate(request(layout, true), Caller::here())
    }

    #[inline(never)]
    unsafe fn dealloc(&self, address: *mut u8, layout: Layout) {
        allocator::free(address as usize, release(Deallocator::Dealloc, layout), Caller::here());
    }

    #[inline(never)]
    unsafe fn realloc(&self, address: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let release = release(Deallocator::Reallocate, layout);
        allocator::resize(address as usize, new_size, layout.align(), release, Caller::here())
    }
}

/// At the first allocation, which comes before `main`, prepares the process for fork and exit.
#[inline]
fn set_up() {
    if crate::runtime::get().is_none() && !RuntimeScope::is_active() {
        allocator::set_up_process();
    }
}
