//! The runtime's own heap: dlmalloc in its own reservation, without guards.
//!
//! It serves what the runtime allocates for itself (symbol tables, report text, unwinder caches), and what a signal
//! handler allocates while it has interrupted the runtime.

use super::report_memory;
use crate::sys::attempt;
use crate::sys::lock::Lock;
use crate::sys::memory::Reservation;
use crate::sys::{PAGE_BYTES, memory, round_up_to_page};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use dlmalloc::Dlmalloc;

/// Address space for it in bytes: enough to symbolise a program with gigabytes of debug information.
const RESERVED_BYTES: usize = 64 << 30;

/// Commits the reservation, from its start on.
struct Source;

static BASE: AtomicUsize = AtomicUsize::new(0);
static RESERVED: AtomicUsize = AtomicUsize::new(0);
static COMMITTED: AtomicUsize = AtomicUsize::new(0);
static HEAP: Lock<Dlmalloc<Source>> = Lock::new(Dlmalloc::new_with_allocator(Source));

/// Reserves the address space at the first call. The caller holds the heap's lock.
fn base() -> Option<usize> {
    let base = BASE.load(Ordering::Acquire);
    if base != 0 {
        return Some(base);
    }
    let reservation = Reservation::new(RESERVED_BYTES, 4 << 20, 8)?;
    RESERVED.store(reservation.bytes, Ordering::Release);
    BASE.store(reservation.start, Ordering::Release);
    Some(reservation.start)
}

// SAFETY: memory handed out is committed, ours, used by nobody else, and never taken back. dlmalloc calls with the
// heap's lock held.
unsafe impl dlmalloc::Allocator for Source {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let none = (core::ptr::null_mut(), 0, 0);
        let Some(base) = base() else { return none };
        let size = round_up_to_page(size);
        let start = COMMITTED.load(Ordering::Relaxed);
        if size > RESERVED.load(Ordering::Relaxed) - start {
            return none;
        }
        // SAFETY: the range follows what is committed, inside our reservation.
        if unsafe { memory::commit(base + start, size) }.is_err() {
            return none;
        }
        COMMITTED.store(start + size, Ordering::Relaxed);
        ((base + start) as *mut u8, size, 0)
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

/// Whether `address` is in the private heap.
pub fn contains(address: usize) -> bool {
    let base = BASE.load(Ordering::Acquire);
    base != 0 && address.wrapping_sub(base) < RESERVED.load(Ordering::Acquire)
        || is_rescue(address)
        || report_memory::contains(address)
}

/// What of it is in use, or was.
pub fn used() -> core::ops::Range<usize> {
    let base = BASE.load(Ordering::Acquire);
    base..base + COMMITTED.load(Ordering::Relaxed)
}

/// In a process without a runtime: gives back the address space that it does not need.
pub fn shrink() {
    const KEPT_BYTES: usize = 256 << 10;
    let _heap = HEAP.lock();
    let (base, reserved) = (BASE.load(Ordering::Acquire), RESERVED.load(Ordering::Relaxed));
    let kept = (COMMITTED.load(Ordering::Relaxed) + KEPT_BYTES).min(reserved);
    RESERVED.store(kept, Ordering::Release);
    // SAFETY: this part was never committed, and the lock is held, so none of it is handed out.
    unsafe { memory::unmap(base + kept, reserved - kept) };
}

/// Precedes every block, as dlmalloc does not tell sizes.
#[repr(C)]
struct Header {
    size: usize,
    /// Bytes from dlmalloc's block to ours.
    front: usize,
}

fn header(address: usize) -> *mut Header {
    (address - size_of::<Header>()) as *mut Header
}

/// Bytes of last resort, enough for a report without symbols.
const RESCUE_BYTES: usize = 1 << 18;

#[repr(align(16))]
struct Rescue(UnsafeCell<[u8; RESCUE_BYTES]>);

// SAFETY: an atomic count hands out each part once.
unsafe impl Sync for Rescue {}

static RESCUE: Rescue = Rescue(UnsafeCell::new([0; RESCUE_BYTES]));
static RESCUE_USED: AtomicUsize = AtomicUsize::new(0);

/// Bytes that replace an abandoned heap: the decoder's tables alone are larger than the bytes of last resort.
const SPARE_BYTES: usize = 16 << 20;

/// Where they are; 0 until the heap is abandoned.
static SPARE: AtomicUsize = AtomicUsize::new(0);
static SPARE_USED: AtomicUsize = AtomicUsize::new(0);

/// Takes the next `total` of `bytes` zeros at `start`, of which `used` are handed out. Null if too few are left.
fn take(start: usize, bytes: usize, used: &AtomicUsize, total: usize) -> *mut u8 {
    let total = total.next_multiple_of(16);
    let take = |used: usize| used.checked_add(total).filter(|&end| start != 0 && end <= bytes);
    let taken = used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
    taken.map_or(core::ptr::null_mut(), |used| (start + used) as *mut u8)
}

fn exhausted(total: usize, align: usize) -> *mut u8 {
    if align > 16 {
        return core::ptr::null_mut();
    }
    let spare = take(SPARE.load(Ordering::Acquire), SPARE_BYTES, &SPARE_USED, total);
    if !spare.is_null() {
        return spare;
    }
    take(RESCUE.0.get() as usize, RESCUE_BYTES, &RESCUE_USED, total)
}

fn is_rescue(address: usize) -> bool {
    let spare = SPARE.load(Ordering::Acquire);
    address.wrapping_sub(RESCUE.0.get() as usize) < RESCUE_BYTES
        || spare != 0 && address.wrapping_sub(spare) < SPARE_BYTES
}

/// Whether the heap must not be used any more.
static ABANDONED: AtomicBool = AtomicBool::new(false);

/// Gives up the heap if its lock stays held: in a copy of the process that was made while another thread changed the
/// heap, or in a dying process where the holder has crashed or was stopped. Nobody completes the change. From then on
/// there is only the spare memory, which is never reused.
pub fn abandon_if_held(milliseconds: u64) {
    if !ABANDONED.load(Ordering::Relaxed) && HEAP.is_stuck(milliseconds) {
        if let Ok(spare) = memory::map(SPARE_BYTES) {
            SPARE.store(spare, Ordering::Release);
        }
        ABANDONED.store(true, Ordering::Relaxed);
    }
}

/// Returns `size` zeroed bytes aligned to `align` (a power of two), or null.
pub fn allocate(size: usize, align: usize) -> *mut u8 {
    let front = align.max(size_of::<Header>());
    let Some(total) = size.checked_add(front) else { return core::ptr::null_mut() };
    let mut block = core::ptr::null_mut();
    if report_memory::is_used() {
        // SAFETY: `is_used` says that this thread uses the memory of the report.
        block = unsafe { report_memory::allocate(total, front) };
        if block.is_null() && attempt::is_under_way() {
            attempt::give_up();
        }
    } else if !ABANDONED.load(Ordering::Relaxed) {
        // SAFETY: any size and any power of two are valid requests.
        block = unsafe { HEAP.lock().calloc(total, front) };
    }
    if block.is_null() {
        block = exhausted(total, front);
        if block.is_null() {
            return block;
        }
    }
    // SAFETY: the block has `front` bytes before ours, aligned to 16 and enough for a header.
    unsafe {
        let address = block.add(front);
        header(address as usize).write(Header { size, front });
        address
    }
}

/// How many bytes of what [`stock_up`] set aside the program may still get.
static STOCK: AtomicUsize = AtomicUsize::new(0);

/// Sets `bytes` aside for the program, and some for the runtime, before the kernel gives no more.
pub fn stock_up(bytes: usize) {
    const OWN_BYTES: usize = 2 << 20;
    let all = allocate(bytes + OWN_BYTES, 16);
    if !all.is_null() && !is_rescue(all as usize) {
        // SAFETY: the block was just allocated. Freed memory stays in the heap.
        unsafe { free(all as usize) };
        STOCK.store(bytes, Ordering::Relaxed);
    }
}

/// Allocates an object of the program from the stock. Null when that is used up. (What the program frees is used again,
/// but not counted.)
pub fn allocate_from_stock(size: usize, align: usize) -> *mut u8 {
    let wanted = size.saturating_add(2 * align.max(size_of::<Header>()));
    let take = |left: usize| left.checked_sub(wanted);
    match STOCK.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
        Ok(_) => allocate(size, align),
        Err(_) => core::ptr::null_mut(),
    }
}

/// Frees what [`allocate`] returned.
///
/// # Safety
/// `address` must have come from `allocate`, and must be freed only once.
pub unsafe fn free(address: usize) {
    // SAFETY: the caller promises that `address` is a live result of `allocate`, so its header is there.
    unsafe {
        let front = (*header(address)).front;
        if report_memory::contains(address) {
            return report_memory::free(address - front);
        }
        if is_rescue(address) || ABANDONED.load(Ordering::Relaxed) {
            return;
        }
        HEAP.lock().c_free((address - front) as *mut u8);
    }
}

/// Returns how many bytes were asked for at `address`.
///
/// # Safety
/// `address` must be a live result of [`allocate`].
pub unsafe fn size(address: usize) -> usize {
    // SAFETY: the caller promises that `address` is a live result of `allocate`, so its header is there.
    unsafe { (*header(address)).size }
}

/// Moves a block to one of `size` bytes, aligned to `align`. Without memory, returns null and leaves the block.
///
/// # Safety
/// `address` must be a live result of [`allocate`].
pub unsafe fn resize(address: usize, size: usize, align: usize) -> *mut u8 {
    // SAFETY: the caller promises that `address` is a live result of `allocate`.
    if let Some(resized) = unsafe { resize_in_report(address, size, align) } {
        return resized;
    }
    let new = allocate(size, align);
    if !new.is_null() {
        // SAFETY: the caller promises that `address` is a live result of `allocate`. Both blocks hold that many bytes,
        // and do not overlap.
        unsafe {
            let bytes = self::size(address).min(size);
            core::ptr::copy_nonoverlapping(address as *const u8, new, bytes);
            free(address);
        }
    }
    new
}

/// [`resize`] for a block in the memory of the report, if that may change it.
///
/// # Safety
/// As for `resize`.
unsafe fn resize_in_report(address: usize, size: usize, align: usize) -> Option<*mut u8> {
    if !report_memory::is_used() || !report_memory::contains(address) {
        return None;
    }
    // SAFETY: the caller promises that `address` is a live result of `allocate`, so its header is there. `is_used` says
    // that this thread uses the memory of the report. Only the size in the header changes.
    unsafe {
        let Header { size: old, front } = header(address).read();
        if front != size_of::<Header>() || align > front {
            return None;
        }
        let new = report_memory::resize(address - front, front + old, size.checked_add(front)?);
        if new.is_null() {
            return None;
        }
        let address = new.add(front);
        header(address as usize).write(Header { size, front });
        Some(address)
    }
}

/// See [`Lock::hold_for_fork`].
pub fn hold_for_fork() {
    HEAP.hold_for_fork();
}

/// # Safety
/// See [`Lock::release_after_fork`].
pub unsafe fn release_after_fork() {
    // SAFETY: the caller promises that this thread, or the one that it is a copy of, called `hold_for_fork`.
    unsafe { HEAP.release_after_fork() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHILD: &str = "FENCEPOST_TEST_OF_PRIVATE_HEAP";

    /// A thread stops, or crashes, with the lock. This needs its own process, as other tests need the heap.
    #[test]
    fn a_heap_whose_lock_is_never_opened_is_done_without() {
        let name = "heap::private::tests::a_heap_whose_lock_is_never_opened_is_done_without";
        if std::env::var_os(CHILD).is_none() {
            let mut command = std::process::Command::new(std::env::current_exe().expect("a path"));
            let ended = command.args(["--exact", name]).env(CHILD, "").output().expect("it starts");
            let said = String::from_utf8_lossy(&ended.stdout);
            assert!(ended.status.success() && said.contains("1 passed"), "{ended:?}");
            return;
        }
        let before = allocate(100, 16);
        core::mem::forget(HEAP.lock());
        abandon_if_held(1);
        let small = allocate(100, 16);
        let large = allocate(SPARE_BYTES / 2, 16);
        for address in [small, large].map(|block| block as usize) {
            assert!(address != 0 && is_rescue(address) && contains(address));
        }
        // SAFETY: both blocks are live and have these bytes.
        unsafe {
            assert_eq!((small.read(), large.add(SPARE_BYTES / 2 - 1).read()), (0, 0));
            assert_eq!(size(large as usize), SPARE_BYTES / 2);
            for block in [before, small, large] {
                free(block as usize);
            }
        }
        assert!(allocate(SPARE_BYTES, 16).is_null());
    }
}
