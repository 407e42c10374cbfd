//! Mappings: a dozen verbs, each one system call on a page-aligned range.

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
    // SAFETY: the callers below pass ranges that they own.
    unsafe {
        syscall(libc::SYS_mmap, [address, bytes, prot as usize, flags as usize, usize::MAX, 0])
    }
}

/// Bytes of address space that [`reserve`] and [`map`] have taken.
static OWN_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes of the process's address space that are ours, objects of the program included.
pub fn own_bytes() -> usize {
    OWN_BYTES.load(Ordering::Relaxed)
}

/// So much of ours is the program's from now on.
pub fn disown(bytes: usize) {
    OWN_BYTES.fetch_sub(bytes, Ordering::Relaxed);
}

/// Most mappings of ours whose place is known: there are few large ones.
const MOST_OWN: usize = 64;

/// Where they are: start and end; a start of 0 is an empty place.
static OWN: [(AtomicUsize, AtomicUsize); MOST_OWN] =
    [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; MOST_OWN];

fn own_ranges() -> impl Iterator<Item = Range<usize>> {
    OWN.iter()
        .map(|(start, end)| start.load(Ordering::Acquire)..end.load(Ordering::Acquire))
        .filter(|range| range.start != 0)
}

/// The mapping of ours that `address` lies in.
pub fn own_range(address: usize) -> Option<Range<usize>> {
    own_ranges().find(|range| range.contains(&address))
}

/// Where the next mapping of ours begins, above `address`.
pub fn next_own(address: usize) -> Option<usize> {
    own_ranges().map(|range| range.start).filter(|&start| start > address).min()
}

/// Counts `bytes` as ours that something else than [`reserve`] and [`map`] has mapped.
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

/// Whether somewhere `bytes` of address space are free.
pub fn has_gap(bytes: usize) -> bool {
    let found = reserve(bytes);
    if let Ok(start) = found {
        // SAFETY: nobody knows the mapping.
        unsafe { unmap(start, bytes) };
    }
    found.is_ok()
}

/// Reserves exactly these pages, if nothing is mapped there. They do not count as ours: something of the
/// program's was there.
pub fn reserve_at(address: usize, bytes: usize) -> Result<(), Errno> {
    let flags = PRIVATE_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: with the last flag the kernel touches nothing that exists.
    let mapped = unsafe { mmap(address, bytes, libc::PROT_NONE, flags) }?;
    if mapped == address {
        return Ok(());
    }
    // Before Linux 4.17 the flag is unknown, and the address a wish.
    // SAFETY: the mapping is new, and nobody knows it.
    let _ = unsafe { syscall(libc::SYS_munmap, [mapped, bytes, 0, 0, 0, 0]) };
    Err(Errno(libc::EEXIST))
}

/// Address space of ours, made usable from its start onward in steps.
#[derive(Clone, Copy, Debug)]
pub struct Reservation {
    /// First address, page-aligned.
    pub start: usize,
    /// Size of the whole reservation.
    pub bytes: usize,
}

impl Reservation {
    /// Reserves `bytes`, or what the kernel grants of it by halves, down to `least_bytes`. Where
    /// RLIMIT_AS limits the process, it takes no more than one part in `parts` of that.
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

    /// Reserves as many of `choices` bytes, the most first, as fit between the program and its libraries, where the kernel
    /// puts mappings. Below a program that is not at a low address there is more room, which is then left to it.
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
            // SAFETY: nobody knows the mapping.
            unsafe { unmap(start, bytes) };
            None
        })
    }

    /// Makes `bytes` from `offset` readable and writable; both multiples of the page size. What is
    /// usable already stays as it is.
    pub fn commit(&self, offset: usize, bytes: usize) -> Result<(), Errno> {
        debug_assert!(offset + bytes <= self.bytes);
        // SAFETY: within our own mapping, and only ever adds permissions.
        unsafe { commit(self.start + offset, bytes) }
    }
}

/// Maps zeroed, writable memory, populated as it is touched.
pub fn map(bytes: usize) -> Result<usize, Errno> {
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: as in `reserve`.
    own(unsafe { mmap(0, bytes, prot, PRIVATE_ANONYMOUS | libc::MAP_NORESERVE) }, bytes)
}

/// Maps the first `bytes` of an open file to be read.
pub fn map_file(descriptor: c_int, bytes: usize) -> Result<usize, Errno> {
    let (prot, flags) = (libc::PROT_READ as usize, libc::MAP_PRIVATE as usize);
    // SAFETY: as in `reserve`.
    own(unsafe { syscall(libc::SYS_mmap, [0, bytes, prot, flags, descriptor as usize, 0]) }, bytes)
}

/// Lays a page of zeros, to be read, over the one at `address`.
///
/// # Safety
/// The page must be the caller's own, and read-only.
pub unsafe fn lay_zeros(address: usize) -> Result<(), Errno> {
    let flags = PRIVATE_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: the page is the caller's own and read-only, as this function demands.
    unsafe { mmap(address, PAGE_BYTES, libc::PROT_READ, flags) }.map(drop)
}

/// As [`map`], but shared with the children of forks.
pub fn map_shared(bytes: usize) -> Result<usize, Errno> {
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: as in `reserve`.
    own(unsafe { mmap(0, bytes, libc::PROT_READ | libc::PROT_WRITE, flags) }, bytes)
}

/// Gives a mapping of ours back.
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
    // SAFETY: the range is the caller's own and nothing refers into it, as this function demands. munmap of a whole
    // mapping of ours cannot fail.
    let _ = unsafe { syscall(libc::SYS_munmap, [address, bytes, 0, 0, 0, 0]) };
    OWN_BYTES.fetch_sub(round_up_to_page(bytes), Ordering::Relaxed);
}

/// Bytes of a segment of shared memory (shmget(2)).
pub fn segment_bytes(segment: c_int) -> Option<usize> {
    // SAFETY: zeros are a valid structure, which the call fills.
    unsafe {
        let mut told: libc::shmid_ds = core::mem::zeroed();
        (libc::shmctl(segment, libc::IPC_STAT, &raw mut told) == 0).then_some(told.shm_segsz)
    }
}

/// Makes reserved pages readable and writable.
///
/// # Safety
/// The range must be the caller's own reservation.
pub unsafe fn commit(address: usize, bytes: usize) -> Result<(), Errno> {
    let prot = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    // SAFETY: the range is the caller's own reservation, as this function demands.
    unsafe { syscall(libc::SYS_mprotect, [address, bytes, prot, 0, 0, 0]) }.map(drop)
}

/// Makes pages inaccessible and drops their contents, in one call: a fresh `PROT_NONE` mapping is
/// laid over them. It carries no history, so the kernel can merge it with its neighbours.
///
/// # Safety
/// The range must be the caller's own, with no references into it.
pub unsafe fn decommit(address: usize, bytes: usize) -> Result<(), Errno> {
    let flags = PRIVATE_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
    // SAFETY: the range is the caller's own and nothing refers into it, as this function demands.
    unsafe { mmap(address, bytes, libc::PROT_NONE, flags) }.map(drop)
}

/// Makes pages readable and writable by laying a fresh mapping over them, whatever was there: a guard marker too.
///
/// # Safety
/// As [`decommit`].
pub unsafe fn replace(address: usize, bytes: usize) -> Result<(), Errno> {
    let flags = PRIVATE_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
    // SAFETY: the range is the caller's own and nothing refers into it, as this function demands.
    unsafe { mmap(address, bytes, libc::PROT_READ | libc::PROT_WRITE, flags) }.map(drop)
}

/// [`decommit`], or where the kernel refuses a new mapping (at its limit of mappings it does even
/// when the count would fall), the same in two steps on the mapping that is there.
///
/// # Safety
/// As [`decommit`].
pub unsafe fn revoke(address: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: the range is the caller's own and nothing refers into it, as this function demands.
    unsafe {
        decommit(address, bytes).or_else(|_| {
            madvise(address, bytes, libc::MADV_DONTNEED as usize)?;
            let none = libc::PROT_NONE as usize;
            syscall(libc::SYS_mprotect, [address, bytes, none, 0, 0, 0]).map(drop)
        })
    }
}

unsafe fn madvise(address: usize, bytes: usize, advice: usize) -> Result<(), Errno> {
    // SAFETY: the callers below pass ranges that they own.
    unsafe { syscall(libc::SYS_madvise, [address, bytes, advice, 0, 0, 0]) }.map(drop)
}

/// Drops the contents of pages. Locked ones too, which only MADV_DONTNEED_LOCKED (Linux 5.18) does.
///
/// # Safety
/// The range must be the caller's own; nothing may rely on its contents.
pub unsafe fn discard(address: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: nothing relies on what the caller's own range holds, as this function demands.
    unsafe {
        madvise(address, bytes, libc::MADV_DONTNEED as usize)
            .or_else(|_| madvise(address, bytes, MADV_DONTNEED_LOCKED))
    }
}

/// `process_madvise(2)` on the calling process itself (PIDFD_SELF, Linux 6.14): one call, and for most advice
/// one TLB flush, for many ranges. False where the kernel or a container does not allow it.
unsafe fn madvise_all(ranges: &[libc::iovec], advice: usize) -> bool {
    const PIDFD_SELF: isize = -10_000;
    let args = [PIDFD_SELF as usize, ranges.as_ptr() as usize, ranges.len(), advice, 0, 0];
    let bytes: usize = ranges.iter().map(|range| range.iov_len).sum();
    // SAFETY: the callers below pass ranges that they own.
    unsafe { syscall(libc::SYS_process_madvise, args) == Ok(bytes) }
}

/// [`discard`] for each range; in one call where that is possible.
///
/// # Safety
/// As [`discard`].
pub unsafe fn discard_all(ranges: &[libc::iovec]) -> Result<(), Errno> {
    // SAFETY: nothing relies on what the caller's own ranges hold; dropping again what is dropped does no harm.
    unsafe {
        if madvise_all(ranges, libc::MADV_DONTNEED as usize) {
            return Ok(());
        }
        ranges.iter().try_for_each(|range| discard(range.iov_base as usize, range.iov_len))
    }
}

/// [`guard_install`] for each range; in one call where that is possible.
///
/// # Safety
/// As [`guard_install`].
pub unsafe fn guard_install_all(ranges: &[libc::iovec]) -> Result<(), Errno> {
    // SAFETY: the ranges are the caller's own and nothing refers into them, as this function demands.
    unsafe {
        if madvise_all(ranges, MADV_GUARD_INSTALL) {
            return Ok(());
        }
        ranges.iter().try_for_each(|range| guard_install(range.iov_base as usize, range.iov_len))
    }
}

/// Moves pages of one mapping over other mapped pages, without touching what is in them; those at `from` are empty
/// afterwards. Linux 5.7.
///
/// # Safety
/// Both ranges must be the caller's own, and not overlap; nothing may rely on the contents of either.
pub unsafe fn move_pages(from: usize, to: usize, bytes: usize) -> Result<(), Errno> {
    let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED | libc::MREMAP_DONTUNMAP;
    // SAFETY: both ranges are the caller's own, distinct, and nobody relies on what they hold, as this function
    // demands.
    unsafe { syscall(libc::SYS_mremap, [from, bytes, bytes, flags as usize, to, 0]) }.map(drop)
}

/// Asks for zeros in place of these pages in the child of every fork.
pub fn wipe_at_fork(address: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: the advice changes nothing in this process.
    unsafe { madvise(address, bytes, libc::MADV_WIPEONFORK as usize) }
}

/// Turns pages of a writable mapping into guards: their contents are dropped, access faults.
///
/// # Safety
/// The range must be the caller's own, with no references into it.
pub unsafe fn guard_install(address: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: the range is the caller's own and nothing refers into it, as this function demands.
    unsafe { madvise(address, bytes, MADV_GUARD_INSTALL) }
}

/// Takes guards away: the pages read as zeros and are populated as they are touched.
///
/// # Safety
/// The range must be the caller's own.
pub unsafe fn guard_remove(address: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: the range is the caller's own, as this function demands.
    unsafe { madvise(address, bytes, MADV_GUARD_REMOVE) }
}

/// Asks for base pages only: a huge page would fill the guards between objects. A kernel without
/// huge pages refuses, and needs nothing.
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

/// One part in `parts` of the address space that RLIMIT_AS grants; all there is without a limit.
pub fn address_space_share(parts: usize) -> usize {
    limit_of(libc::RLIMIT_AS).map_or(usize::MAX, |bytes| round_up_to_page(bytes / parts))
}

/// How much more private memory the process may make writable, where that is limited: by RLIMIT_DATA (setrlimit(2)),
/// or by the system's strict accounting (`vm.overcommit_memory` 2, proc_sys_vm(5)).
pub fn committable_bytes() -> Option<usize> {
    let by_process = limit_of(libc::RLIMIT_DATA).map(|limit| {
        // Sixth of /proc/self/statm: pages of data and stack (proc_pid_statm(5)).
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

/// A line of /proc/meminfo (proc_meminfo(5)), which counts in KiB.
fn meminfo_bytes(text: &[u8], name: &[u8]) -> Option<usize> {
    let line = text.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(name))?;
    number_in(line)?.checked_mul(1024)
}

/// Memory that the kernel could give without swapping (MemAvailable, proc_meminfo(5)).
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
