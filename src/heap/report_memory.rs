//! The memory of a report: a separate heap for the reporter, emptied when the report is out.
//!
//! A report is made in a process in any state, and may have to be given up before its end. So it changes nothing that
//! others use, and needs no lock: one thread reports at a time. A first part is usable from the start. The rest is
//! limited, as the program may need the machine's memory.

use crate::sys::memory::{self, Reservation};
use crate::sys::per_thread::per_thread;
use crate::sys::{PAGE_BYTES, round_up_to_page};
use core::cell::{Cell, UnsafeCell};
use core::sync::atomic::{AtomicUsize, Ordering};
use dlmalloc::Dlmalloc;

/// The most bytes that a report may use. The names of a program with hundreds of megabytes of debug information fit, as
/// that itself is mapped.
const MOST_BYTES: usize = 192 << 20;

/// Bytes usable from the start: a report without names takes many times less.
const FIRST_BYTES: usize = 1 << 20;

/// How many bytes are made usable at a time.
const STEP_BYTES: usize = 1 << 20;

per_thread! {
    /// Whether the thread's allocations for the runtime come from here.
    unsafe static IS_USED: Cell<bool>, "fencepost_uses_report_memory"
}

static START: AtomicUsize = AtomicUsize::new(0);
static RESERVED: AtomicUsize = AtomicUsize::new(0);
/// How many bytes from the start are usable, and how many of these the heap has taken.
static USABLE: AtomicUsize = AtomicUsize::new(0);
static TAKEN: AtomicUsize = AtomicUsize::new(0);

struct Source;

struct ReportHeap(UnsafeCell<Dlmalloc<Source>>);

// SAFETY: only the reporter uses it.
unsafe impl Sync for ReportHeap {}

static HEAP: ReportHeap = ReportHeap(UnsafeCell::new(Dlmalloc::new_with_allocator(Source)));

/// Reserves the memory, once, at the start.
pub fn install() {
    let Some(reservation) = Reservation::new(MOST_BYTES, FIRST_BYTES, 16) else { return };
    if reservation.commit(0, FIRST_BYTES).is_ok() {
        USABLE.store(FIRST_BYTES, Ordering::Relaxed);
        RESERVED.store(reservation.bytes, Ordering::Relaxed);
        START.store(reservation.start, Ordering::Release);
    }
}

// SAFETY: memory handed out is usable, ours, and nobody else's until `empty`.
unsafe impl dlmalloc::Allocator for Source {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let none = (core::ptr::null_mut(), 0, 0);
        let (start, taken) = (START.load(Ordering::Relaxed), TAKEN.load(Ordering::Relaxed));
        let size = round_up_to_page(size);
        let room = RESERVED.load(Ordering::Relaxed) - taken;
        if start == 0 || size > room {
            return none;
        }
        let (end, usable) = (taken + size, USABLE.load(Ordering::Relaxed));
        if end > usable {
            let step = (end - usable).next_multiple_of(STEP_BYTES);
            let step = step.min(RESERVED.load(Ordering::Relaxed) - usable);
            // SAFETY: the range follows what is usable, inside our reservation.
            if unsafe { memory::commit(start + usable, step) }.is_err() {
                return none;
            }
            USABLE.store(usable + step, Ordering::Relaxed);
        }
        TAKEN.store(end, Ordering::Relaxed);
        ((start + taken) as *mut u8, size, 0)
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        core::ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE_BYTES
    }
}

/// Runs `f`. Meanwhile the calling thread's allocations for the runtime come from here.
///
/// # Safety
/// The calling thread must be the reporter, and nothing that `f` allocates may be used after [`empty`].
pub unsafe fn with<R>(f: impl FnOnce() -> R) -> R {
    let was_used = IS_USED.with(|used| used.replace(true));
    let result = f();
    IS_USED.with(|used| used.set(was_used));
    result
}

/// Empties the memory, and gives the pages back.
///
/// # Safety
/// The calling thread must be the reporter, and must use nothing any more that was allocated here.
pub unsafe fn empty() {
    let taken = TAKEN.load(Ordering::Relaxed);
    // SAFETY: the caller promises to be the reporter, and to use nothing of the memory any more. If the pages can't be
    // dropped, the memory is not reused: new pages must be zeros.
    unsafe {
        if taken > 0 && memory::discard(START.load(Ordering::Relaxed), taken).is_ok() {
            TAKEN.store(0, Ordering::Relaxed);
            HEAP.0.get().write(Dlmalloc::new_with_allocator(Source));
        }
    }
}

/// Whether the calling thread allocates here.
pub fn is_used() -> bool {
    IS_USED.with(Cell::get)
}

/// Whether `address` is in this memory.
pub fn contains(address: usize) -> bool {
    let start = START.load(Ordering::Relaxed);
    start != 0 && address.wrapping_sub(start) < RESERVED.load(Ordering::Relaxed)
}

/// Returns `size` zeroed bytes aligned to `align` (a power of two), or null.
///
/// # Safety
/// [`is_used`] must be true.
pub unsafe fn allocate(size: usize, align: usize) -> *mut u8 {
    // SAFETY: `is_used` says that this is the reporter, the only user. Any size and power of two are valid requests.
    unsafe { (*HEAP.0.get()).calloc(size, align) }
}

/// Gives a block of `old` bytes `new` bytes. Without memory, returns null and leaves the block.
///
/// # Safety
/// [`is_used`] must be true, and `address` a live result of [`allocate`] or of this, aligned to no more than 16.
pub unsafe fn resize(address: usize, old: usize, new: usize) -> *mut u8 {
    // SAFETY: `is_used` says that this is the reporter, the only user, and the caller promises that the block is live.
    unsafe { resize_in(&mut *HEAP.0.get(), address as *mut u8, old, new) }
}

/// The block stays where it is if nothing follows it, as is so with the tables of names while they grow: copies would
/// take memory and time.
///
/// # Safety
/// As for [`resize`].
unsafe fn resize_in<A: dlmalloc::Allocator>(
    heap: &mut Dlmalloc<A>,
    block: *mut u8,
    old: usize,
    new: usize,
) -> *mut u8 {
    // SAFETY: the caller promises that the block is live.
    unsafe {
        // The heap lets a block grow into what it has, but asks its source for no more then. Now it has enough.
        let more = heap.c_malloc(new.saturating_sub(old));
        heap.c_free(more);
        heap.c_realloc(block, new)
    }
}

/// Frees what [`allocate`] returned. In a thread that does not report, that is gone already.
///
/// # Safety
/// `address` must have come from `allocate`, and must be freed only once.
pub unsafe fn free(address: usize) {
    if is_used() {
        // SAFETY: the caller promises that `address` is a live result of `allocate`, and this is the reporter, the only
        // user.
        unsafe { (*HEAP.0.get()).c_free(address as *mut u8) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a mapping from its start on, as [`Source`] does.
    struct Mapping {
        next: Cell<usize>,
        end: usize,
    }

    // SAFETY: nobody else has the mapping.
    unsafe impl dlmalloc::Allocator for Mapping {
        fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
            let (start, size) = (self.next.get(), round_up_to_page(size));
            if size > self.end - start {
                return (core::ptr::null_mut(), 0, 0);
            }
            self.next.set(start + size);
            (start as *mut u8, size, 0)
        }

        fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
            core::ptr::null_mut()
        }

        fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
            false
        }

        fn free(&self, _: *mut u8, _: usize) -> bool {
            false
        }

        fn can_release_part(&self, _: u32) -> bool {
            false
        }

        fn allocates_zeros(&self) -> bool {
            true
        }

        fn page_size(&self) -> usize {
            PAGE_BYTES
        }
    }

    #[test]
    fn a_block_that_nothing_follows_stays_in_place() {
        const BYTES: usize = 64 << 20;
        let start = memory::map(BYTES).expect("there is memory");
        let source = Mapping { next: Cell::new(start), end: start + BYTES };
        let mut heap = Dlmalloc::new_with_allocator(source);
        // SAFETY: all blocks are of this heap, live, and as large as is said.
        unsafe {
            let mut size = 100;
            let block = heap.calloc(size, 16);
            block.write(7);
            while size < BYTES / 2 {
                assert_eq!(resize_in(&mut heap, block, size, 2 * size), block, "{size} bytes");
                size *= 2;
            }
            assert!(resize_in(&mut heap, block, size, BYTES).is_null(), "that is too much");
            assert_eq!(resize_in(&mut heap, block, size, 1000), block);
            let next = heap.calloc(100, 16);
            let moved = resize_in(&mut heap, block, 1000, 3000);
            assert!(moved > next && moved.read() == 7);
        }
    }
}
