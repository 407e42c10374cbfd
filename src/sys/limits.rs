//! The limits of the process on address space and on data (setrlimit(2)), as the program knows them.
//!
//! Both count what is ours: the kernel would charge the heap's reservation to the program, and the pages around
//! its objects. So the kernel is given more than the program asked for, and the program is told what it
//! asked for. What the program executes gets the
//! limits as they should be ([`reveal`]).
//!
//! No lock: calls of setrlimit(2) that race have no order natively either.

use super::{Errno, PAGE_BYTES, address_map, file, loader, memory, process, syscall};
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

pub const INFINITY: u64 = libc::RLIM64_INFINITY;

/// A soft and a hard limit, as the kernel has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Limit {
    pub soft: u64,
    pub hard: u64,
}

impl Limit {
    const NONE: Limit = Limit { soft: INFINITY, hard: INFINITY };
}

/// A limit that is not handed to the kernel as the program gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// RLIMIT_AS
    AddressSpace,
    /// RLIMIT_DATA
    Data,
}

impl Resource {
    const ALL: [Resource; 2] = [Resource::AddressSpace, Resource::Data];

    pub fn from_number(number: u32) -> Option<Resource> {
        Resource::ALL.into_iter().find(|resource| resource.number() == number)
    }

    fn number(self) -> u32 {
        match self {
            Resource::AddressSpace => libc::RLIMIT_AS,
            Resource::Data => libc::RLIMIT_DATA,
        }
    }

    /// What the kernel is to be given as soft limit for `soft`, where `own` bytes of address space are ours.
    fn handed(self, soft: u64, own: u64) -> u64 {
        match self {
            _ if soft == INFINITY => INFINITY,
            Resource::AddressSpace => for_program(soft, own).saturating_add(own),
            // The kernel can't tell our writable pages from the program's.
            Resource::Data => INFINITY,
        }
    }
}

/// The part of a limit on address space that is the program's. One who looks at how much the process has
/// (/proc/self/statm) and adds to that has counted what is ours; nobody else gives a number that large.
fn for_program(soft: u64, own: u64) -> u64 {
    const HUGE: u64 = 1 << 40;
    if own >= HUGE && soft >= own { soft - own } else { soft }
}

/// What is known of one limit.
struct Known {
    /// Whether the rest means something.
    is_managed: AtomicBool,
    believed: [AtomicU64; 2],
    /// What the kernel has in its place.
    handed: [AtomicU64; 2],
}

impl Known {
    const fn new() -> Known {
        Known {
            is_managed: AtomicBool::new(false),
            believed: [const { AtomicU64::new(INFINITY) }; 2],
            handed: [const { AtomicU64::new(INFINITY) }; 2],
        }
    }

    fn load(words: &[AtomicU64; 2]) -> Limit {
        let [soft, hard] = words.each_ref().map(|word| word.load(Ordering::Relaxed));
        Limit { soft, hard }
    }

    fn store(words: &[AtomicU64; 2], limit: Limit) {
        words[0].store(limit.soft, Ordering::Relaxed);
        words[1].store(limit.hard, Ordering::Relaxed);
    }

    fn manage(&self, believed: Limit, handed: Limit) {
        Known::store(&self.believed, believed);
        Known::store(&self.handed, handed);
        self.is_managed.store(true, Ordering::Release);
    }

    /// What the program is to see where the kernel has `actual`: a value that is not the one handed over was
    /// set by somebody else, or by a child of vfork for itself.
    fn seen(&self, actual: Limit) -> Limit {
        if !self.is_managed.load(Ordering::Acquire) {
            return actual;
        }
        let (believed, handed) = (Known::load(&self.believed), Known::load(&self.handed));
        let pick = |actual, handed, believed| if actual == handed { believed } else { actual };
        let hard = pick(actual.hard, handed.hard, believed.hard);
        let soft = pick(actual.soft, handed.soft, believed.soft);
        Limit { soft: soft.min(hard), hard }
    }
}

static KNOWN: [Known; 2] = [const { Known::new() }; 2];

fn known(resource: Resource) -> &'static Known {
    &KNOWN[resource as usize]
}

/// prlimit(2) on the calling process.
fn kernel(resource: Resource, new: Option<Limit>) -> Result<Limit, Errno> {
    let mut old = Limit::NONE;
    let new = new.as_ref().map_or(0, |new| core::ptr::from_ref(new) as usize);
    let args = [0, resource.number() as usize, new, &raw mut old as usize, 0, 0];
    // SAFETY: the kernel reads and writes a structure of that layout.
    unsafe { syscall(libc::SYS_prlimit64, args) }?;
    Ok(old)
}

/// Hands `believed` to the kernel, which has `actual`, in its own way.
fn hand(resource: Resource, believed: Limit, actual: Limit, own: u64) -> Result<(), Errno> {
    let soft = resource.handed(believed.soft, own);
    let wanted = Limit { soft, hard: actual.hard.max(believed.hard).max(soft) };
    let lesser = Limit { soft: soft.min(actual.hard), hard: actual.hard };
    let handed = match kernel(resource, Some(wanted)) {
        Ok(_) => wanted,
        // Not without privilege; then as much as may be.
        Err(Errno(libc::EPERM)) => kernel(resource, Some(lesser)).map(|_| lesser)?,
        Err(error) => return Err(error),
    };
    known(resource).manage(believed, handed);
    Ok(())
}

/// Bytes of the next allocator's that hold objects of the heap: for the kernel the program's, but counted by the
/// heap already, and more than the program asked for.
static HELD_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Notes that the next allocator has given bytes to the heap, or got them back.
pub fn note_held(bytes: isize) {
    HELD_BYTES.fetch_add(bytes as usize, Ordering::Relaxed);
}

/// What is ours and the kernel counts, rounded so that it seldom changes.
fn own_bytes() -> u64 {
    const STEP: usize = 4 << 20;
    let held = HELD_BYTES.load(Ordering::Relaxed);
    let held = if held == 0 { 0 } else { held.next_multiple_of(STEP) + STEP };
    (memory::own_bytes() + held) as u64
}

/// The limit as the program knows it.
pub fn get(resource: Resource) -> Result<Limit, Errno> {
    Ok(known(resource).seen(kernel(resource, None)?))
}

/// Sets the limit for the program.
pub fn set(resource: Resource, new: Limit) -> Result<(), Errno> {
    let actual = kernel(resource, None)?;
    if new.soft > new.hard {
        return Err(Errno(libc::EINVAL));
    }
    let now = known(resource).seen(actual);
    if new.hard > now.hard && !process::may_raise_limits() {
        return Err(Errno(libc::EPERM));
    }
    OTHER_DATA.store(UNKNOWN, Ordering::Relaxed);
    hand(resource, new, actual, own_bytes())
}

/// Sets the limit in a process that shares our memory, for what it will execute.
pub fn set_for_child(resource: Resource, new: Limit) -> Result<(), Errno> {
    kernel(resource, Some(new)).map(drop)
}

/// Before anything is reserved: lets that not be counted, where the kernel permits it. Only the preload library
/// can tell the program what it believed.
pub fn begin() {
    if !loader::is_preload_library() {
        return;
    }
    for resource in Resource::ALL {
        if let Ok(actual) = kernel(resource, None)
            && actual.soft != INFINITY
            && (actual.hard > actual.soft || process::may_raise_limits())
        {
            // Not a failure: a limit that stays is reckoned with.
            let _ = hand(resource, actual, actual, 1 << 46);
        }
    }
}

/// Hands the limits over again: now that something more is ours, or when others have changed them.
pub fn conceal() {
    for resource in Resource::ALL {
        let _ = refresh(resource);
    }
}

/// The limit as it is now, handed over again if need be.
fn refresh(resource: Resource) -> Result<Limit, Errno> {
    let actual = kernel(resource, None)?;
    let seen = known(resource).seen(actual);
    if seen.soft != INFINITY
        && actual.soft != resource.handed(seen.soft, own_bytes()).min(actual.hard)
        && loader::is_preload_library()
    {
        // What can't be raised stays as it is.
        let _ = hand(resource, seen, actual, own_bytes());
    }
    Ok(seen)
}

/// Whether natively the process would get `bytes` more; then its heap has `asked` in all.
pub fn permit(bytes: usize, asked: usize) -> bool {
    // No limit where the kernel tells of none.
    let soft = |resource| refresh(resource).map_or(INFINITY, |limit| limit.soft);
    let (space, data) = (soft(Resource::AddressSpace), soft(Resource::Data));
    let is_above = |limit: usize, others: usize| asked.saturating_add(others) > limit;
    !(bytes >= LARGE_BYTES && is_more_than_memory(bytes)
        || space != INFINITY && is_above(for_program(space, own_bytes()) as usize, other_space())
        || data != INFINITY && is_above(data as usize, other_data()))
}

/// Smaller requests are less than what any machine has.
const LARGE_BYTES: usize = 64 << 20;

/// Whether the kernel's heuristic would refuse to promise `bytes`: more than all memory and swap
/// (`vm.overcommit_memory` 0, proc_sys_vm(5)).
fn is_more_than_memory(bytes: usize) -> bool {
    let mut mode = [b'0'];
    // Where it can't be read, it is most likely what the kernel starts with.
    let _ = file::read_into(c"/proc/sys/vm/overcommit_memory", &mut mode);
    mode == *b"0" && process::memory_and_swap().is_some_and(|most| bytes > most)
}

/// Address space of the process that is neither ours nor the heap's.
fn other_space() -> usize {
    let mut text = [0; 128];
    let length = file::read_into(c"/proc/self/statm", &mut text).unwrap_or(0);
    // First of /proc/self/statm: pages of all mappings (proc_pid_statm(5)).
    let digits = text[..length].iter().take_while(|byte| byte.is_ascii_digit());
    let pages = digits.fold(0, |number, digit| 10 * number + usize::from(digit - b'0'));
    let counted = memory::own_bytes() + HELD_BYTES.load(Ordering::Relaxed);
    (pages * PAGE_BYTES).saturating_sub(counted)
}

/// Writable memory of the program outside the heap, as it was when the limit on it was set.
static OTHER_DATA: AtomicUsize = AtomicUsize::new(UNKNOWN);
const UNKNOWN: usize = usize::MAX;

/// Whether that changes with what the program asks for: most objects are others'.
static CHANGES: AtomicBool = AtomicBool::new(false);

/// From now on counts what is outside the heap each time that it is asked for.
pub fn count_others_afresh() {
    CHANGES.store(true, Ordering::Relaxed);
}

fn other_data() -> usize {
    let known = OTHER_DATA.load(Ordering::Relaxed);
    if known != UNKNOWN && !CHANGES.load(Ordering::Relaxed) {
        return known;
    }
    let mut bytes = 0;
    let _ = address_map::visit(|range| {
        if range.is_data && memory::own_range(range.start).is_none() {
            bytes += range.end - range.start;
        }
        true
    });
    bytes = bytes.saturating_sub(HELD_BYTES.load(Ordering::Relaxed));
    OTHER_DATA.store(bytes, Ordering::Relaxed);
    bytes
}

/// Gives the kernel the limits that the program believes in, hard ones too, for a program that is about to be
/// executed.
pub fn reveal() {
    for resource in Resource::ALL {
        if let Ok(actual) = kernel(resource, None) {
            let seen = known(resource).seen(actual);
            if seen != actual {
                // Lowering succeeds always.
                let _ = kernel(resource, Some(seen));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: u64 = 49 << 40;

    #[test]
    fn what_is_ours_is_added_to_what_the_program_sets() {
        let handed = |soft| Resource::AddressSpace.handed(soft, OWN);
        assert_eq!(handed(1 << 30), OWN + (1 << 30));
        assert_eq!(handed(INFINITY), INFINITY);
        // One who has looked at the size of the process has counted it already.
        assert_eq!(handed(OWN + (1 << 30)), OWN + (1 << 30));
        assert_eq!(Resource::AddressSpace.handed(4 << 30, 1 << 30), 5 << 30);
        assert_eq!(Resource::Data.handed(1 << 30, OWN), INFINITY);
    }

    #[test]
    fn the_program_sees_what_it_set_unless_another_has_set_something_else() {
        let known = Known::new();
        let limit = |soft, hard| Limit { soft, hard };
        assert_eq!(known.seen(limit(5, 7)), limit(5, 7));
        known.manage(limit(100, 200), limit(1100, INFINITY));
        assert_eq!(known.seen(limit(1100, INFINITY)), limit(100, 200));
        assert_eq!(known.seen(limit(150, INFINITY)), limit(150, 200));
        assert_eq!(known.seen(limit(1100, 300)), limit(100, 300));
        // A soft limit is never above the hard one.
        assert_eq!(known.seen(limit(1100, 50)), limit(50, 50));
    }
}
