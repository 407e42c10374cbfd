//! The limits of the process on address space and on data (setrlimit(2)), as the program knows them.
//!
//! The kernel counts our memory too: the heap's reservation, and the pages around objects. So the kernel is given a
//! higher limit than the program asked for, and the program is shown the limit that it asked for. A program that
//! this one executes gets the limits that were asked for ([`reveal`]).
//!
//! There is no lock: without us too, racing calls of setrlimit(2) have no order.

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

/// A limit that the kernel gets with another value than the program set.
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

    /// The soft limit to give the kernel where the program asked for `soft` and `own` bytes of address space are ours.
    fn handed(self, soft: u64, own: u64) -> u64 {
        match self {
            _ if soft == INFINITY => INFINITY,
            Resource::AddressSpace => program_part(soft, own).saturating_add(own),
            // The kernel can't tell our writable pages from the program's.
            Resource::Data => INFINITY,
        }
    }
}

/// The part of a limit on address space that is the program's. A program may read the size of the process
/// (/proc/self/statm), which includes ours, and add to it; no other way leads to so large a number.
fn for_program(soft: u64, own: u64) -> u64 {
    const HUGE: u64 = 1 << 40;
    if own >= HUGE && soft >= own { soft - own } else { soft }
}

/// How much was ours when the program set its limit on address space; 0 if it has not.
static OWN_AT_SET: AtomicU64 = AtomicU64::new(0);

/// [`for_program`] of a limit that was set when less may have been ours than `own`.
fn program_part(soft: u64, own: u64) -> u64 {
    match OWN_AT_SET.load(Ordering::Relaxed) {
        0 => for_program(soft, own),
        then => for_program(soft, then),
    }
}

/// What is known of one limit, of a soft and a hard value each.
struct Known {
    /// Whether the other fields are valid.
    is_managed: AtomicBool,
    believed: [AtomicU64; 2],
    /// What was given to the kernel in place of it.
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

    /// What the program is to see where the kernel has `actual`. A value that we did not give the kernel was set by
    /// another process, or by a child of vfork for itself.
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

/// Calls prlimit(2) on this process: sets the limit if `new` is given, and returns the one before.
fn kernel(resource: Resource, new: Option<Limit>) -> Result<Limit, Errno> {
    let mut old = Limit::NONE;
    let new = new.as_ref().map_or(0, |new| core::ptr::from_ref(new) as usize);
    let args = [0, resource.number() as usize, new, &raw mut old as usize, 0, 0];
    // SAFETY: the kernel reads and writes a structure of that layout.
    unsafe { syscall(libc::SYS_prlimit64, args) }?;
    Ok(old)
}

/// Gives the kernel, which has `actual`, the limit that stands for `believed`.
fn hand(resource: Resource, believed: Limit, actual: Limit, own: u64) -> Result<(), Errno> {
    let soft = resource.handed(believed.soft, own);
    let within = |hard: u64| Limit { soft: soft.min(hard), hard };
    // A hard limit above those of the program takes privilege. It is not raised where there is some: libc maps the stacks of
    // threads without asking us, and a limit that the program can't raise must hold for them too.
    let wanted = within(actual.hard.max(believed.hard));
    let handed = match kernel(resource, Some(wanted)) {
        Ok(_) => wanted,
        Err(Errno(libc::EPERM)) => {
            let lesser = within(actual.hard);
            kernel(resource, Some(lesser)).map(|_| lesser)?
        }
        Err(error) => return Err(error),
    };
    known(resource).manage(believed, handed);
    Ok(())
}

/// Bytes of the next allocator that hold objects of the heap. The kernel counts them as the program's, but they are
/// more than the program asked for, and the heap counts them too.
static HELD_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Notes that the next allocator has given `bytes` to the heap, or (if negative) got them back.
pub fn note_held(bytes: isize) {
    HELD_BYTES.fetch_add(bytes as usize, Ordering::Relaxed);
}

/// Bytes that are ours and that the kernel counts, rounded so that the number seldom changes.
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
    if resource == Resource::AddressSpace {
        OWN_AT_SET.store(own_bytes(), Ordering::Relaxed);
    }
    hand(resource, new, actual, own_bytes())
}

/// Sets the kernel's limit in a child that shares our memory, for the program that it will execute.
pub fn set_for_child(resource: Resource, new: Limit) -> Result<(), Errno> {
    kernel(resource, Some(new)).map(drop)
}

/// Raises the soft limits before anything is reserved, as far as the hard ones permit it. Only in the preload library, which
/// can show the program the limits that it set.
pub fn begin() {
    if !loader::is_preload_library() {
        return;
    }
    for resource in Resource::ALL {
        if let Ok(actual) = kernel(resource, None)
            && actual.soft != INFINITY
            && actual.hard > actual.soft
        {
            // An error is no harm: the runtime then takes the limit into account.
            let _ = hand(resource, actual, actual, 1 << 46);
        }
    }
}

/// Gives the kernel the limits again: after more memory has become ours, or after others have changed them.
pub fn conceal() {
    for resource in Resource::ALL {
        let _ = refresh(resource);
    }
}

/// The program's limit as it is now; gives it to the kernel again if that is needed.
fn refresh(resource: Resource) -> Result<Limit, Errno> {
    let actual = kernel(resource, None)?;
    let seen = known(resource).seen(actual);
    if seen.soft != INFINITY
        && actual.soft != resource.handed(seen.soft, own_bytes()).min(actual.hard)
        && loader::is_preload_library()
    {
        // A limit that can't be raised stays as it is.
        let _ = hand(resource, seen, actual, own_bytes());
    }
    Ok(seen)
}

/// Whether the process would get `bytes` more without us. With them its heap would have `asked` bytes in all.
pub fn permit(bytes: usize, asked: usize) -> bool {
    // If the kernel does not state a limit, there is none.
    let soft = |resource| refresh(resource).map_or(INFINITY, |limit| limit.soft);
    let (space, data) = (soft(Resource::AddressSpace), soft(Resource::Data));
    let is_above = |limit: usize, others: usize| asked.saturating_add(others) > limit;
    !(bytes >= LARGE_BYTES && is_more_than_memory(bytes)
        || space != INFINITY && is_above(program_part(space, own_bytes()) as usize, other_space())
        || data != INFINITY && is_above(data as usize, other_data()))
}

/// Whether the kernel would grant the program a mapping of `bytes` more without us. `is_data`: the mapping is private and
/// writable. `asked` returns what the objects of the heap take in all, which the kernel does not count. Costs nothing
/// while the program has set no limit.
pub fn permit_mapping(bytes: usize, is_data: bool, asked: impl FnOnce() -> usize) -> bool {
    let is_set = |resource: Resource| {
        let known = known(resource);
        known.is_managed.load(Ordering::Acquire) && Known::load(&known.believed).soft != INFINITY
    };
    if !Resource::ALL.into_iter().any(is_set) {
        return true;
    }
    // The mapping will change it.
    OTHER_DATA.store(UNKNOWN, Ordering::Relaxed);
    let soft = |resource| refresh(resource).map_or(INFINITY, |limit| limit.soft);
    let (space, data) = (soft(Resource::AddressSpace), soft(Resource::Data));
    let wanted = asked().saturating_add(bytes);
    let is_above = |limit: usize, others: usize| wanted.saturating_add(others) > limit;
    !(space != INFINITY && is_above(program_part(space, own_bytes()) as usize, other_space())
        || is_data && data != INFINITY && is_above(data as usize, other_data()))
}

/// Every machine has more memory than smaller requests ask for.
const LARGE_BYTES: usize = 64 << 20;

/// Whether the kernel's heuristic would refuse to promise `bytes`: more than all memory and swap
/// (`vm.overcommit_memory` 0, proc_sys_vm(5)).
fn is_more_than_memory(bytes: usize) -> bool {
    let mut mode = [b'0'];
    // If it can't be read, it most likely has the kernel's default.
    let _ = file::read_into(c"/proc/sys/vm/overcommit_memory", &mut mode);
    mode == *b"0" && process::memory_and_swap().is_some_and(|most| bytes > most)
}

/// Bytes of address space that are neither ours nor the heap's.
fn other_space() -> usize {
    let mut text = [0; 128];
    let length = file::read_into(c"/proc/self/statm", &mut text).unwrap_or(0);
    // The first number of /proc/self/statm: pages of all mappings (proc_pid_statm(5)).
    let digits = text[..length].iter().take_while(|byte| byte.is_ascii_digit());
    let pages = digits.fold(0, |number, digit| 10 * number + usize::from(digit - b'0'));
    let counted = memory::own_bytes() + HELD_BYTES.load(Ordering::Relaxed);
    (pages * PAGE_BYTES).saturating_sub(counted)
}

/// Bytes of the program's writable memory outside the heap, as counted when RLIMIT_DATA was set.
static OTHER_DATA: AtomicUsize = AtomicUsize::new(UNKNOWN);
const UNKNOWN: usize = usize::MAX;

/// Whether [`OTHER_DATA`] must be counted each time, because most objects come from the next allocator.
static CHANGES: AtomicBool = AtomicBool::new(false);

/// From now on counts the memory outside the heap at each request.
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

/// Gives the kernel the soft and hard limits that the program set, before another program is executed.
pub fn reveal() {
    for resource in Resource::ALL {
        if let Ok(actual) = kernel(resource, None) {
            let seen = known(resource).seen(actual);
            if seen != actual {
                // Lowering a limit always succeeds.
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
