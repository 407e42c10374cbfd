//! Mappings: a dozen verbs, most of them one system call on a page-aligned range.

use super::{Errno, PAGE_BYTES, file, round_up_to_page, syscall};
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use libc::c_int;

/// `madvise` advice of Linux 6.13 and later: pages fault until [`guard_remove`], at no cost in
/// mappings.
pub const MADV_GUARD_INSTALL: usize = 102;
pub const MADV_GUARD_REMOVE: usize = 103;
const MADV_DONTNEED_LOCKED: usize = 24;

const PRIVATE_ANONYMOUS: c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;

unsafe fn mmap(address: usize, bytes: usize, prot: c_int, flags: c_int) -> Result<usize, Errno> {
    // SAFETY: the functions below pass address 0, MAP_FIXED_NOREPLACE, or a range that their caller owns.
    unsafe {
        syscall(libc::SYS_mmap, [address, bytes, prot as usize, flags as usize, usize::MAX, 0])
    }
}

/// Bytes of address space that [`reserve`] and [`map`] have taken.
static OWN_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes of address space that are ours, the program's objects in the heap included.
pub fn own_bytes() -> usize {
    OWN_BYTES.load(Ordering::Relaxed)
}

/// From now on counts `bytes` of our address space as the program's.
pub fn disown(bytes: usize) {
    OWN_BYTES.fetch_sub(bytes, Ordering::Relaxed);
}

/// Most mappings of ours whose place is kept. There are few, and most are large.
const MOST_OWN: usize = 64;

/// Start and end of our mappings; a start of 0 is an empty place.
static OWN: [(AtomicUsize, AtomicUsize); MOST_OWN] =
    [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; MOST_OWN];

fn own_ranges() -> impl Iterator<Item = Range<usize>> {
    OWN.iter()
        .map(|(start, end)| start.load(Ordering::Acquire)..end.load(Ordering::Acquire))
        .filter(|range| range.start != 0)
}

/// Passes the mappings of ours whose place is known to `each`.
pub fn visit_own(each: impl FnMut(Range<usize>)) {
    own_ranges().for_each(each);
}

/// The mapping of ours that contains `address`.
pub fn own_range(address: usize) -> Option<Range<usize>> {
    own_ranges().find(|range| range.contains(&address))
}

/// The lowest start of a mapping of ours above `address`.
pub fn next_own(address: usize) -> Option<usize> {
    own_ranges().map(|range| range.start).filter(|&start| start > address).min()
}

/// Counts as ours `bytes` that were mapped by other means than [`reserve`] and [`map`].
pub fn note_own(bytes: usize) {
    OWN_BYTES.fetch_add(round_up_to_page(bytes), Ordering::Relaxed);
}

/// Counts a new mapping as ours.
fn own(mapped: Result<usize, Errno>, bytes: usize) -> Result<usize, Errno> {
    mapped.inspect(|&mapped| {
        let bytes = round_up_to_page(bytes);
        OWN_BYTES.fetch_add(bytes, Ordering::Relaxed);
        let place = OWN.iter().find(|(start, _)| {
            start.compare_exchange(0, mapped, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        });
        if let Some((_, end)) = place {
            end.store(mapped + bytes, Ordering::Release);
        }
    })
}

/// Reserves inaccessible address space; costs no memory and no commit charge.
pub fn reserve(bytes: usize) -> Result<usize, Errno> {
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
    let mapped =
        unsafe { mmap(0, bytes, libc::PROT_NONE, PRIVATE_ANONYMOUS | libc::MAP_NORESERVE) };
    own(mapped, bytes)
}

/// Whether a range of `bytes` of address space is free somewhere.
pub fn has_gap(bytes: usize) -> bool {
    let found = reserve(bytes);
    if let Ok(start) = found {
        // SAFETY: nobody else knows the mapping, which was made above.
        unsafe { unmap(start, bytes) };
    }
    found.is_ok()
}

/// Reserves exactly these pages, if nothing is mapped there. They do not count as ours, because a mapping of the
/// program was there.
pub fn reserve_at(address: usize, bytes: usize) -> Result<(), Errno> {
    let flags = PRIVATE_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: with the last flag the kernel touches nothing that exists.
    let mapped = unsafe { mmap(address, bytes, libc::PROT_NONE, flags) }?;
    if mapped == address {
        return Ok(());
    }
    // Linux before 4.17 ignores the flag, and may choose another address.
    // SAFETY: the mapping was made above, and nobody else knows it.
    let _ = unsafe { syscall(libc::SYS_munmap, [mapped, bytes, 0, 0, 0, 0]) };
    Err(Errno(libc::EEXIST))
}

/// Address space that is reserved at once and made usable in parts.
#[derive(Clone, Copy, Debug)]
pub struct Reservation {
    /// First address, page-aligned.
    pub start: usize,
    /// Size of the whole reservation.
    pub bytes: usize,
}

impl Reservation {
    /// Reserves `bytes`, or if the kernel refuses, half of it and so on, down to `least_bytes`. Where
    /// RLIMIT_AS is set, takes no more than one part in `parts` of it.
    pub fn new(bytes: usize, least_bytes: usize, parts: usize) -> Option<Reservation> {
        let mut bytes = round_up_to_page(bytes.min(address_space_share(parts)));
        while bytes >= least_bytes {
            if let Ok(start) = reserve(bytes) {
                return Some(Reservation { start, bytes });
            }
            bytes = round_up_to_page(bytes / 2);
        }
        None
    }

    /// Reserves the first of `choices` (in bytes, the largest first) that fits between the program and its libraries,
    /// where the kernel puts mappings. Room below the program is left to it.
    pub fn above_program(choices: &[usize]) -> Option<Reservation> {
        // SAFETY: reads the auxiliary vector.
        let program = unsafe { libc::getauxval(libc::AT_ENTRY) } as usize;
        choices.iter().find_map(|&bytes| {
            if bytes > address_space_share(4) {
                return None;
            }
            let start = reserve(bytes).ok()?;
            if start > program {
                return Some(Reservation { start, bytes });
            }
            // SAFETY: nobody else knows the mapping, which was made above.
            unsafe { unmap(start, bytes) };
            None
        })
    }

    /// Makes `bytes` from `offset` readable and writable; both must be multiples of the page size.
    /// Pages that are usable already stay as they are.
    pub fn commit(&self, offset: usize, bytes: usize) -> Result<(), Errno> {
        debug_assert!(offset + bytes <= self.bytes);
        // SAFETY: the range is within our own mapping, and the call only adds permissions.
        unsafe { commit(self.start + offset, bytes) }
    }
}

/// Maps zeroed, writable memory; the kernel gives pages as they are touched.
pub fn map(bytes: usize) -> Result<usize, Errno> {
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
    own(unsafe { mmap(0, bytes, prot, PRIVATE_ANONYMOUS | libc::MAP_NORESERVE) }, bytes)
}

/// Maps the first `bytes` of an open file for reading.
pub fn map_file(descriptor: c_int, bytes: usize) -> Result<usize, Errno> {
    let (prot, flags) = (libc::PROT_READ as usize, libc::MAP_PRIVATE as usize);
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
    own(unsafe { syscall(libc::SYS_mmap, [0, bytes, prot, flags, descriptor as usize, 0]) }, bytes)
}

/// Replaces the page at `address` by a read-only page of zeros.
///
/// # Safety
/// The page must be the caller's own, and read-only.
pub unsafe fn lay_zeros(address: usize) -> Result<(), Errno> {
    let flags = PRIVATE_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: the caller promises that the page is its own and read-only.
    unsafe { mmap(address, PAGE_BYTES, libc::PROT_READ, flags) }.map(drop)
}

/// Maps zeroed, writable memory that the children of forks share.
pub fn map_shared(bytes: usize) -> Result<usize, Errno> {
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
    own(unsafe { mmap(0, bytes, libc::PROT_READ | libc::PROT_WRITE, flags) }, bytes)
}

/// Unmaps a mapping of ours.
///
/// # Safety
/// Nothing may use the range any more.
pub unsafe fn unmap(address: usize, bytes: usize) {
    let place = OWN.iter().find(|(start, end)| {
        end.load(Ordering::Relaxed) == address + round_up_to_page(bytes)
            && start.load(Ordering::Relaxed) == address
    });
    if let Some((start, end)) = place {
        end.store(0, Ordering::Relaxed);
        start.store(0, Ordering::Release);
    }
    // SAFETY: the caller promises that the range is its own and that nothing refers into it. munmap of a whole mapping
    // of ours cannot fail.
    let _ = unsafe { syscall(libc::SYS_munmap, [address, bytes, 0, 0, 0, 0]) };
    OWN_BYTES.fetch_sub(round_up_to_page(bytes), Ordering::Relaxed);
}

/// Size of a segment of shared memory, in bytes (shmget(2)). Keeps errno.
pub fn segment_bytes(segment: c_int) -> Option<usize> {
    // SAFETY: zeros are a valid structure, which the call fills.
    unsafe {
        let mut told: libc::shmid_ds = core::mem::zeroed();
        let args = [segment as usize, libc::IPC_STAT as usize, &raw mut told as usize, 0, 0, 0];
        syscall(libc::SYS_shmctl, args).ok().map(|_| told.shm_segsz)
    }
}

/// Reserves inaccessible address space for the program to map something over. It does not count as ours.
pub fn reserve_for_program(bytes: usize) -> Result<usize, Errno> {
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
    unsafe { mmap(0, bytes, libc::PROT_NONE, PRIVATE_ANONYMOUS | libc::MAP_NORESERVE) }
}

/// Unmaps inaccessible pages that do not count as ours. At its limit of mappings the kernel may refuse; then they stay.
///
/// # Safety
/// Nobody may rely on the pages being there.
pub unsafe fn unmap_for_program(address: usize, bytes: usize) {
    // SAFETY: nobody relies on the pages, as this function demands.
    let _ = unsafe { syscall(libc::SYS_munmap, [address, bytes, 0, 0, 0, 0]) };
}

/// Makes reserved pages readable and writable.
///
/// # Safety
/// The range must be the caller's own reservation.
pub unsafe fn commit(address: usize, bytes: usize) -> Result<(), Errno> {
    let prot = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    // SAFETY: the caller promises that the range is its own reservation.
    unsafe { syscall(libc::SYS_mprotect, [address, bytes, prot, 0, 0, 0]) }.map(drop)
}

/// Makes pages inaccessible and drops their contents, in one call: a fresh `PROT_NONE` mapping is
/// laid over them. It carries no history, so the kernel can merge it with its neighbours.
///
/// # Safety
/// The range must be the caller's own, with no references into it.
pub unsafe fn decommit(address: usize, bytes: usize) -> Result<(), Errno> {
    let flags = PRIVATE_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
    // SAFETY: the caller promises that the range is its own and that nothing refers into it.
    unsafe { mmap(address, bytes, libc::PROT_NONE, flags) }.map(drop)
}

/// Makes pages readable and writable by laying a fresh mapping over them; guard markers go too.
///
/// # Safety
/// The range must be the caller's own, with no references into it.
pub unsafe fn replace(address: usize, bytes: usize) -> Result<(), Errno> {
    let flags = PRIVATE_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
    // SAFETY: the caller promises that the range is its own and that nothing refers into it.
    unsafe { mmap(address, bytes, libc::PROT_READ | libc::PROT_WRITE, flags) }.map(drop)
}

/// [`decommit`]; if the kernel refuses a new mapping (at its limit of mappings it does, even where
/// their number would fall), drops the contents and the permissions of the pages in two steps.
///
/// # Safety
/// The range must be the caller's own, with no references into it.
pub unsafe fn revoke(address: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: the caller promises that the range is its own and that nothing refers into it.
    unsafe {
        decommit(address, bytes).or_else(|_| {
            madvise(address, bytes, libc::MADV_DONTNEED as usize)?;
            let none = libc::PROT_NONE as usize;
            syscall(libc::SYS_mprotect, [address, bytes, none, 0, 0, 0]).map(drop)
        })
    }
}

unsafe fn madvise(address: usize, bytes: usize, advice: usize) -> Result<(), Errno> {
    // SAFETY: the functions below pass ranges that their callers own, or advice that changes no contents.
    unsafe { syscall(libc::SYS_madvise, [address, bytes, advice, 0, 0, 0]) }.map(drop)
}

/// Drops the contents of pages, of locked pages too (by MADV_DONTNEED_LOCKED, Linux 5.18).
///
/// # Safety
/// The range must be the caller's own; nothing may rely on its contents.
pub unsafe fn discard(address: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: the caller promises that the range is its own and that nothing relies on its contents.
    unsafe {
        madvise(address, bytes, libc::MADV_DONTNEED as usize)
            .or_else(|_| madvise(address, bytes, MADV_DONTNEED_LOCKED))
    }
}

/// Calls `process_madvise(2)` on this process (PIDFD_SELF, Linux 6.14): one call for many ranges, and for most advice
/// one TLB flush. False where the kernel or a container does not allow it.
unsafe fn madvise_all(ranges: &[libc::iovec], advice: usize) -> bool {
    const PIDFD_SELF: isize = -10_000;
    let args = [PIDFD_SELF as usize, ranges.as_ptr() as usize, ranges.len(), advice, 0, 0];
    let bytes: usize = ranges.iter().map(|range| range.iov_len).sum();
    // SAFETY: the functions below pass ranges that their callers own.
    unsafe { syscall(libc::SYS_process_madvise, args) == Ok(bytes) }
}

/// Calls [`discard`] for each range; in one system call where that is possible.
///
/// # Safety
/// The ranges must be the caller's own; nothing may rely on their contents.
pub unsafe fn discard_all(ranges: &[libc::iovec]) -> Result<(), Errno> {
    // SAFETY: the caller promises that the ranges are its own and that nothing relies on their contents. Dropping them
    // twice does no harm.
    unsafe {
        if madvise_all(ranges, libc::MADV_DONTNEED as usize) {
            return Ok(());
        }
        ranges.iter().try_for_each(|range| discard(range.iov_base as usize, range.iov_len))
    }
}

/// Calls [`guard_install`] for each range; in one system call where that is possible.
///
/// # Safety
/// The ranges must be the caller's own, with no references into them.
pub unsafe fn guard_install_all(ranges: &[libc::iovec]) -> Result<(), Errno> {
    // SAFETY: the caller promises that the ranges are its own and that nothing refers into them.
    unsafe {
        if madvise_all(ranges, MADV_GUARD_INSTALL) {
            return Ok(());
        }
        ranges.iter().try_for_each(|range| guard_install(range.iov_base as usize, range.iov_len))
    }
}

/// Moves pages over other mapped pages without copying; the range `from` is empty afterwards. Linux 5.7.
///
/// # Safety
/// Both ranges must be the caller's own, and not overlap; nothing may rely on the contents of either.
pub unsafe fn move_pages(from: usize, to: usize, bytes: usize) -> Result<(), Errno> {
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED | libc::MREMAP_DONTUNMAP;
    // SAFETY: the caller promises that both ranges are its own and distinct, and that nothing relies on their contents.
    unsafe { syscall(libc::SYS_mremap, [from, bytes, bytes, flags as usize, to, 0]) }.map(drop)
}

/// Asks the kernel to give the child of every fork zeros in place of these pages.
pub fn wipe_at_fork(address: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: the advice changes nothing in this process.
    unsafe { madvise(address, bytes, libc::MADV_WIPEONFORK as usize) }
}

/// Turns pages of a writable mapping into guards: their contents are dropped, and each access faults.
///
/// # Safety
/// The range must be the caller's own, with no references into it.
pub unsafe fn guard_install(address: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: the caller promises that the range is its own and that nothing refers into it.
    unsafe { madvise(address, bytes, MADV_GUARD_INSTALL) }
}

/// Takes guards away: the pages are zeros, and the kernel gives memory as they are touched.
///
/// # Safety
/// The range must be the caller's own.
pub unsafe fn guard_remove(address: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: the caller promises that the range is its own.
    unsafe { madvise(address, bytes, MADV_GUARD_REMOVE) }
}

/// Asks the kernel for base pages only: a huge page would fill the guards between objects. A kernel
/// without huge pages refuses, which does no harm.
pub fn refuse_huge_pages(address: usize, bytes: usize) {
    // SAFETY: the advice changes no contents.
    let _ = unsafe { madvise(address, bytes, libc::MADV_NOHUGEPAGE as usize) };
}

/// The soft limit on `resource`, if there is one.
pub(super) fn limit_of(resource: libc::__rlimit_resource_t) -> Option<usize> {
    let mut limit = libc::rlimit64 { rlim_cur: libc::RLIM64_INFINITY, rlim_max: 0 };
    let args = [0, resource as usize, 0, &raw mut limit as usize, 0, 0];
    // SAFETY: the kernel writes a valid rlimit64.
    let _ = unsafe { syscall(libc::SYS_prlimit64, args) };
    (limit.rlim_cur != libc::RLIM64_INFINITY).then_some(limit.rlim_cur as usize)
}

/// One part in `parts` of RLIMIT_AS, in bytes; `usize::MAX` without a limit.
pub fn address_space_share(parts: usize) -> usize {
    limit_of(libc::RLIMIT_AS).map_or(usize::MAX, |bytes| round_up_to_page(bytes / parts))
}

/// How many more bytes of private memory the process may make writable. `None` unless RLIMIT_DATA (setrlimit(2)) or
/// the system's strict accounting (`vm.overcommit_memory` 2, proc_sys_vm(5)) limits them.
pub fn committable_bytes() -> Option<usize> {
    let by_process = limit_of(libc::RLIMIT_DATA).map(|limit| {
        // The sixth number of /proc/self/statm: pages of data and stack (proc_pid_statm(5)).
        let text = file::read_all(c"/proc/self/statm", 256).unwrap_or_default();
        let field = text.split(|&b| b == b' ').nth(5).map(number_in).unwrap_or_default();
        limit.saturating_sub(field.unwrap_or(0) * PAGE_BYTES)
    });
    let is_strict = file::read_number(c"/proc/sys/vm/overcommit_memory") == Some(2);
    let by_system = || {
        let text = file::read_all(c"/proc/meminfo", 8192)?;
        let limit = meminfo_bytes(&text, b"CommitLimit:")?;
        Some(limit.saturating_sub(meminfo_bytes(&text, b"Committed_AS:")?))
    };
    let by_system = if is_strict { by_system() } else { None };
    [by_process, by_system].into_iter().flatten().min()
}

fn number_in(text: &[u8]) -> Option<usize> {
    let digits: Vec<u8> = text.iter().copied().filter(u8::is_ascii_digit).collect();
    core::str::from_utf8(&digits).ok()?.parse().ok()
}

/// The number in a line of /proc/meminfo (proc_meminfo(5), in KiB), as bytes.
fn meminfo_bytes(text: &[u8], name: &[u8]) -> Option<usize> {
    let line = text.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(name))?;
    number_in(line)?.checked_mul(1024)
}

/// Bytes that the kernel could give without swapping (MemAvailable, proc_meminfo(5)).
pub fn available_bytes() -> Option<usize> {
    meminfo_bytes(&file::read_all(c"/proc/meminfo", 8192)?, b"MemAvailable:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_memory() {
        assert!(available_bytes().unwrap() > 1 << 20);
    }
}
