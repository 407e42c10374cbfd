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
/// allocator takes SIGSEGV and SIGBUS at the first allocation; a program that sets handlers of its
/// own for them afterwards goes without reports, but its wrong accesses still fault. Unlike the
/// preload library it does not see the C heap: what C code in the program allocates with `malloc`
/// is not guarded.
///
/// A layout given to `dealloc` or `realloc` that is not the allocation's is reported, unless the option
/// `free-size-mismatch` is off, or the allocation was not sampled.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fencepost(());

impl Fencepost {
    /// The allocator; all values are the same heap.
    pub const fn new() -> Fencepost {
        Fencepost(())
    }
}

fn request(layout: Layout, zeroed: bool) -> AllocationRequest {
    AllocationRequest { size: layout.size(), align: layout.align(), family: Family::Rust, zeroed }
}

/// A call that names the layout of what it releases.
fn release(by: Deallocator, layout: Layout) -> Release {
    Release::new(by).sized(layout.size()).aligned(layout.align())
}

// SAFETY: the heap hands out memory that is the caller's alone, sized and aligned as asked, until
// it is freed; it does not unwind.
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

/// Hooks on fork and exit, at the first allocation: it comes before `main`.
#[inline]
fn set_up() {
    if crate::runtime::get().is_none() && !RuntimeScope::is_active() {
        allocator::set_up_process();
    }
}
