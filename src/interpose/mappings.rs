//! mmap(2) and its relatives: mappings that the program lays over its own objects.
//!
//! Without us, this works with page-aligned objects. From then on, the pages belong to the program: the heap notes
//! that, and guards the object by other means once it is freed. If the program unmaps pages of an object, an
//! inaccessible mapping keeps the place, so that no other mapping is made among the objects.
//!
//! Addresses that are reserved for later objects are given to a program that asks for them, or that needs address space
//! where no other is left.
//!
//! Each call is noted for reports, with its stack (`history`).

use super::memory_locks::{self, Future};
use super::object_pages::{self, Beginning, NOBODY, Way};
use super::{guarding, history, way_trampoline};
use crate::diagnose::Deed;
use crate::fault::suspicion;
use crate::heap::give::Demand;
use crate::heap::record::Event;
use crate::mappings::{Call, Step};
use crate::runtime;
use crate::sys::memory_locks::lock;
use crate::sys::next::{self, Next};
use crate::sys::{PAGE_BYTES, errno, limits, memory, round_up_to_page};
use crate::trace::Caller;
use core::ffi::{c_int, c_void};
use core::ops::Range;
use libc::{off64_t, size_t};

pub const FAILED: *mut c_void = libc::MAP_FAILED;

/// Defines trampolines for functions of five or six arguments: rsp and rbp, as they are on entry, are put on the stack, as
/// the seventh and the eighth argument.
macro_rules! trampoline_by_stack {
    ($($(#[$meta:meta])* $entry:ident => $target:path;)*) => {
        $(
            $(#[$meta])*
            #[unsafe(naked)]
            pub extern "C" fn $entry() {
                core::arch::naked_asm!(
                    ".cfi_startproc",
                    "mov rax, rsp",
                    "sub rsp, 8",
                    "push rbp",
                    "push rax",
                    ".cfi_def_cfa_offset 32",
                    "call {target}",
                    "add rsp, 24",
                    ".cfi_def_cfa_offset 8",
                    "ret",
                    ".cfi_endproc",
                    target = sym $target,
                )
            }
        )*
    };
}

trampoline_by_stack! {
    /// mmap(2); mmap64 is the same on x86_64.
    fencepost_mmap => mmap;
    /// mremap(2).
    fencepost_mremap => mremap;
}

way_trampoline! {
    /// munmap(2).
    fencepost_munmap("rdx", "rcx") => munmap;
}

/// The caller of a trampoline.
pub fn caller(sp: usize, bp: usize) -> Caller {
    // SAFETY: the trampolines pass the stack pointer as it was on entry.
    unsafe { Caller::from_entry(sp, bp) }
}

/// The next function, as type `F`. Sets errno to ENOSYS where there is none.
///
/// # Safety
/// `F` must be the function's signature.
pub unsafe fn behind<F: Copy>(next: &Next) -> Option<F> {
    // SAFETY: the caller promises that `F` is the function's signature.
    let function = unsafe { next.get::<F>() };
    if function.is_none() {
        errno::set(errno::Errno(libc::ENOSYS));
    }
    function
}

/// Tells the heap that pages from `start` on belong to the program now, if they are in the heap's address space.
pub fn note_remapped(start: usize, bytes: usize) {
    let end = start.saturating_add(bytes).next_multiple_of(PAGE_BYTES);
    if let Some(runtime) = runtime::get()
        && runtime.heap.contains(start)
    {
        runtime.heap.note_remapped(start, end);
    }
}

/// Tells the heap that pages from `start` on are not mapped any more, and reserves them again.
fn note_unmapped(start: usize, bytes: usize) {
    if runtime::get().is_some_and(|runtime| runtime.heap.contains(start)) {
        // If another thread has mapped something there meanwhile, that stays.
        let _ = memory::reserve_at(start, bytes.next_multiple_of(PAGE_BYTES));
        note_remapped(start, bytes);
    }
}

/// The same of pages that have moved elsewhere and are empty now.
fn note_emptied(start: usize, bytes: usize) {
    if let Some(runtime) = runtime::get()
        && runtime.heap.contains(start)
    {
        let end = start.saturating_add(bytes).next_multiple_of(PAGE_BYTES);
        runtime.heap.program_pages().refill_dropped(start..end);
    }
}

/// Has the heap give up reserved pages over which the program is about to map something.
pub fn ask_for(start: usize, bytes: usize, demand: Demand) {
    if start != 0
        && let Some(runtime) = runtime::get()
    {
        let end = start.saturating_add(bytes).next_multiple_of(PAGE_BYTES);
        if runtime.heap.give(start & !(PAGE_BYTES - 1), end, demand) {
            // The limits depend on how much address space is ours.
            limits::conceal();
        }
    }
}

/// How strictly the flags of mmap(2) ask for an address.
fn demand_by(flags: c_int) -> Demand {
    if flags & libc::MAP_FIXED_NOREPLACE != 0 {
        Demand::Exact
    } else if flags & libc::MAP_FIXED != 0 {
        Demand::Replacing
    } else {
        Demand::Wish
    }
}

/// Must be called after mapping `bytes` has failed: if address space was lacking, gives up some. True if the program
/// should try again.
fn make_room(bytes: usize) -> bool {
    const MUCH: usize = 1 << 40;
    bytes >= MUCH
        && errno::get() == errno::Errno(libc::ENOMEM)
        && memory::address_space_share(1) == usize::MAX
        && !memory::has_gap(bytes)
        && runtime::get().is_some_and(|runtime| runtime.heap.make_room(bytes))
}

/// Whether the limits that the program has set leave room for `bytes` more, beside its heap.
fn permit(bytes: usize, is_data: bool) -> bool {
    let Some(runtime) = runtime::get() else { return true };
    let asked = || runtime.heap.asked_bytes();
    limits::permit_mapping(round_up_to_page(bytes), is_data, asked)
}

type MmapFn =
    unsafe extern "C" fn(*mut c_void, size_t, c_int, c_int, c_int, off64_t) -> *mut c_void;

/// # Safety
/// The arguments must be valid for mmap(2).
unsafe extern "C" fn mmap(
    address: *mut c_void,
    bytes: size_t,
    protection: c_int,
    flags: c_int,
    descriptor: c_int,
    offset: off64_t,
    sp: usize,
    bp: usize,
) -> *mut c_void {
    let call = MmapCall { address, bytes, protection, flags, descriptor, offset };
    // SAFETY: the arguments are the program's, as the manual demands of it.
    unsafe { call.make(caller(sp, bp)) }
}

/// The arguments of mmap(2).
#[derive(Clone, Copy)]
pub struct MmapCall {
    pub address: *mut c_void,
    pub bytes: size_t,
    pub protection: c_int,
    pub flags: c_int,
    pub descriptor: c_int,
    pub offset: off64_t,
}

impl MmapCall {
    /// # Safety
    /// As mmap(2) demands of its caller.
    pub unsafe fn make(self, by: Caller) -> *mut c_void {
        // SAFETY: as this function demands.
        let mapped = unsafe { self.make_in_heap(by).unwrap_or_else(|| self.make_unnoted()) };
        if let Some(event) = history::caller(by) {
            let is_done = mapped != FAILED;
            let step = self.step(if is_done { mapped as usize } else { 0 }, event);
            match is_done {
                true if self.flags & libc::MAP_ANONYMOUS == 0 => {
                    let file = history::file_of(self.descriptor, self.offset as u64);
                    history::note(Step { file, ..step });
                }
                true => history::note(step),
                false => history::note_failure(Some(step)),
            }
        }
        mapped
    }

    fn step(self, start: usize, event: Event) -> Step {
        Step {
            from: self.address as usize,
            from_bytes: self.offset as usize,
            protection: self.protection,
            flags: self.flags,
            descriptor: self.descriptor,
            ..Step::new(Call::Mmap, start, self.bytes, event)
        }
    }

    /// Makes a mapping that begins in an object of the heap and is more than that: only over the parts that the call may change.
    /// `None` for all others.
    ///
    /// # Safety
    /// As mmap(2) demands of its caller.
    unsafe fn make_in_heap(self, by: Caller) -> Option<*mut c_void> {
        let MmapCall { address, bytes, flags, offset, .. } = self;
        if flags & (libc::MAP_FIXED | libc::MAP_FIXED_NOREPLACE) != libc::MAP_FIXED {
            return None;
        }
        let start = address as usize;
        let pages = object_pages::pages_of(start, bytes)?;
        let step = || self.step(start, NOBODY);
        // SAFETY: as this function demands.
        let is_possible = || unsafe { self.would_be_made() };
        let Way::InParts(Beginning::Object) =
            object_pages::judge(Deed::Replaces, &pages, by, step, is_possible)
        else {
            return None;
        };
        let mapped = object_pages::in_parts(pages, |part, bytes| {
            let offset = offset + (part - start) as off64_t;
            let call = MmapCall { address: part as *mut c_void, bytes, offset, ..self };
            // SAFETY: as this function demands; it is a part of the mapping that the program asks for.
            if unsafe { call.make_unnoted() } == FAILED { -1 } else { 0 }
        });
        Some(if mapped.unwrap_or(0) == 0 { address } else { FAILED })
    }

    /// Whether the kernel would make such a mapping elsewhere. Keeps errno.
    ///
    /// # Safety
    /// As mmap(2) demands of its caller.
    unsafe fn would_be_made(self) -> bool {
        let MmapCall { bytes, protection, flags, descriptor, offset, .. } = self;
        let before = errno::get();
        // SAFETY: `MmapFn` is mmap's signature. The mapping is elsewhere, so it replaces nothing, and nobody else knows it.
        let is_made = unsafe {
            behind::<MmapFn>(&next::MMAP).is_some_and(|next| {
                let flags = flags & !(libc::MAP_FIXED | libc::MAP_POPULATE);
                let made =
                    next(core::ptr::null_mut(), bytes, protection, flags, descriptor, offset);
                if made != FAILED {
                    memory::unmap_for_program(made as usize, bytes);
                }
                made != FAILED
            })
        };
        errno::set(before);
        is_made
    }

    /// # Safety
    /// As mmap(2) demands of its caller.
    unsafe fn make_unnoted(self) -> *mut c_void {
        let MmapCall { address, bytes, protection, flags, descriptor, offset } = self;
        // SAFETY: `MmapFn` is mmap's signature. The program passed the arguments, and must make them valid.
        unsafe {
            let Some(next) = behind::<MmapFn>(&next::MMAP) else { return FAILED };
            let is_data = protection & libc::PROT_WRITE != 0 && flags & libc::MAP_PRIVATE != 0;
            if flags & libc::MAP_FIXED == 0 && !permit(bytes, is_data) {
                errno::set(errno::Errno::ENOMEM);
                return FAILED;
            }
            ask_for(address as usize, bytes, demand_by(flags));
            let future = memory_locks::future();
            // The kernel refuses this beyond the limit of locked memory, as it would without us.
            let flags = if future == Future::Locked { flags | libc::MAP_LOCKED } else { flags };
            let make = |address: usize, flags| {
                next(address as *mut c_void, bytes, protection, flags, descriptor, offset) as usize
            };
            let place = || match guarding::is_on() {
                true => guarding::map(address as usize, bytes, flags, make),
                false => make(address as usize, flags),
            };
            let mut mapped = place() as *mut c_void;
            if mapped == FAILED && make_room(bytes) {
                mapped = place() as *mut c_void;
            }
            if flags & libc::MAP_FIXED != 0 && mapped != FAILED {
                note_remapped(mapped as usize, bytes);
            }
            if future == Future::LockedOnFault
                && mapped != FAILED
                && lock(mapped as usize, bytes, true).is_err()
                && flags & libc::MAP_FIXED == 0
            {
                // The mapping is beyond the limit of locked memory.
                unmap(mapped, bytes);
                errno::set(errno::Errno(libc::EAGAIN));
                return FAILED;
            }
            mapped
        }
    }
}

/// # Safety
/// The program may not use the range any more.
unsafe extern "C" fn munmap(address: *mut c_void, bytes: size_t, sp: usize, bp: usize) -> c_int {
    // SAFETY: the arguments are the program's, as the manual demands of it.
    unsafe { unmap_noted(address, bytes, caller(sp, bp)) }
}

/// munmap(2), called by `by`.
///
/// # Safety
/// As munmap(2) demands of its caller.
pub unsafe fn unmap_noted(address: *mut c_void, bytes: size_t, by: Caller) -> c_int {
    suspicion::before_munmap(address as usize, bytes, by);
    let start = address as usize;
    let pages = object_pages::pages_of(start, bytes);
    let step = || Step::new(Call::Munmap, start, bytes, NOBODY);
    let way = pages
        .as_ref()
        .map_or(Way::Plain, |pages| object_pages::judge(Deed::Unmaps, pages, by, step, || true));
    // Another thread may get the addresses before the call returns.
    let event = history::caller(by);
    let claim =
        history::claim(event.map(|event| Step::new(Call::Munmap, address as usize, bytes, event)));
    // SAFETY: as this function demands.
    let unmap = |start: usize, bytes| unsafe { unmap(start as *mut c_void, bytes) };
    let result = match (way, pages) {
        // Where nothing is mapped it succeeds, too.
        (Way::InParts(_), Some(pages)) => object_pages::in_parts(pages, unmap).unwrap_or(0),
        _ => unmap(start, bytes),
    };
    history::settle(claim, result == 0);
    result
}

/// # Safety
/// As munmap(2) demands of its caller.
unsafe fn unmap(address: *mut c_void, bytes: size_t) -> c_int {
    // SAFETY: `MunmapFn` is munmap's signature. The program passed the range, and may not use it any more.
    unsafe {
        type MunmapFn = unsafe extern "C" fn(*mut c_void, size_t) -> c_int;
        let Some(next) = behind::<MunmapFn>(&next::MUNMAP) else { return -1 };
        let result = match guarding::is_on() {
            true => guarding::unmap(address as usize, bytes, |start, bytes| {
                next(start as *mut c_void, bytes)
            }),
            false => next(address, bytes),
        };
        if result == 0 {
            note_unmapped(address as usize, bytes);
        }
        result
    }
}

/// mremap(2). It is variadic: `fixed` is an argument only with MREMAP_FIXED; without, it holds any value. So does the sixth, which
/// there is not.
///
/// # Safety
/// The arguments must be valid for mremap(2).
unsafe extern "C" fn mremap(
    old: *mut c_void,
    old_bytes: size_t,
    new_bytes: size_t,
    flags: c_int,
    fixed: *mut c_void,
    _: usize,
    sp: usize,
    bp: usize,
) -> *mut c_void {
    let call = MremapCall { old, old_bytes, new_bytes, flags, fixed };
    // SAFETY: the arguments are the program's, as the manual demands of it.
    unsafe { call.make(caller(sp, bp)) }
}

/// The arguments of mremap(2).
#[derive(Clone, Copy)]
pub struct MremapCall {
    pub old: *mut c_void,
    pub old_bytes: size_t,
    pub new_bytes: size_t,
    pub flags: c_int,
    pub fixed: *mut c_void,
}

impl MremapCall {
    /// # Safety
    /// As mremap(2) demands of its caller.
    pub unsafe fn make(self, by: Caller) -> *mut c_void {
        let MremapCall { old, old_bytes, new_bytes, flags, .. } = self;
        if !self.is_permitted(by) {
            errno::set(errno::Errno(libc::EFAULT));
            return FAILED;
        }
        let event = history::caller(by);
        let step = |call, start: usize, bytes: usize| {
            let event = event?;
            let step = Step::new(call, start, bytes, event);
            Some(Step { from: old as usize, from_bytes: old_bytes, flags, ..step })
        };
        // What may be another thread's before the call returns: all of it, or the end that is cut off.
        let stays = flags & (libc::MREMAP_FIXED | libc::MREMAP_DONTUNMAP) == 0;
        let (kept, away) = match stays && new_bytes <= old_bytes {
            true => {
                let kept = round_up_to_page(new_bytes);
                (kept, old_bytes.saturating_sub(kept))
            }
            false if flags & libc::MREMAP_DONTUNMAP != 0 => (0, 0),
            false => (0, old_bytes),
        };
        let away = step(Call::MremapAway, (old as usize).wrapping_add(kept), away);
        let away = history::claim(away.filter(|step| step.bytes != 0));
        // SAFETY: as this function demands.
        let mapped = unsafe { self.make_unnoted() };
        let is_done = mapped != FAILED;
        history::settle(away, is_done && (mapped != old || kept != 0));
        match step(Call::Mremap, mapped as usize, new_bytes) {
            // One that gets smaller in its place is what it was.
            Some(_) if mapped == old && new_bytes <= old_bytes => {}
            Some(step) if is_done => history::note(step),
            _ => history::note_failure(step(Call::Mremap, old as usize, new_bytes)),
        }
        mapped
    }

    /// Whether it may be made. It is not made where that would move pages of the heap that are no object's, or replace some. Reports
    /// that if it is a bug for certain.
    fn is_permitted(self, by: Caller) -> bool {
        let MremapCall { old, old_bytes, new_bytes, flags, fixed } = self;
        let step = || Step {
            from: old as usize,
            from_bytes: old_bytes,
            flags,
            ..Step::new(Call::Mremap, fixed as usize, new_bytes, NOBODY)
        };
        // What the kernel refuses anyway is not looked at.
        const FLAGS: c_int = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED | libc::MREMAP_DONTUNMAP;
        let has = |flag| flags & flag != 0;
        let is_good = flags & !FLAGS == 0
            && new_bytes > 0
            && (has(libc::MREMAP_MAYMOVE) || flags == 0)
            && (!has(libc::MREMAP_DONTUNMAP) || old_bytes == new_bytes);
        let new_pages = round_up_to_page(new_bytes);
        let kept = new_pages.min(round_up_to_page(old_bytes));
        let leaves = has(libc::MREMAP_FIXED | libc::MREMAP_DONTUNMAP)
            || new_pages > kept && has(libc::MREMAP_MAYMOVE);
        // Otherwise at most an end is cut off.
        let kept = if leaves { 0 } else { kept };
        let away = object_pages::pages_of(
            (old as usize).wrapping_add(kept),
            old_bytes.saturating_sub(kept),
        );
        let target = match has(libc::MREMAP_FIXED) {
            true => object_pages::pages_of(fixed as usize, new_bytes),
            false => None,
        };
        if !is_good || old_bytes == 0 || has(libc::MREMAP_FIXED) && target.is_none() {
            return true;
        }
        let is_whole = |deed, pages: Option<Range<usize>>| {
            pages.is_none_or(|pages| match object_pages::judge(deed, &pages, by, step, || true) {
                Way::Plain => true,
                Way::InParts(Beginning::Beside | Beginning::Nothing) if deed == Deed::Replaces => {
                    true
                }
                Way::InParts(_) => object_pages::is_one_part(&pages),
            })
        };
        is_whole(Deed::MovesAway, away) && is_whole(Deed::Replaces, target)
    }

    /// # Safety
    /// As mremap(2) demands of its caller.
    unsafe fn make_unnoted(self) -> *mut c_void {
        let MremapCall { old, old_bytes, new_bytes, flags, fixed } = self;
        // SAFETY: `MremapFn` is mremap's signature. The program passed the arguments, and must make them valid.
        unsafe {
            type MremapFn = unsafe extern "C" fn(
                *mut c_void,
                size_t,
                size_t,
                c_int,
                *mut c_void,
            ) -> *mut c_void;
            let Some(next) = behind::<MremapFn>(&next::MREMAP) else { return FAILED };
            if new_bytes > old_bytes && !permit(new_bytes - old_bytes, false) {
                errno::set(errno::Errno::ENOMEM);
                return FAILED;
            }
            if flags & libc::MREMAP_FIXED != 0 {
                ask_for(fixed as usize, new_bytes, Demand::Replacing);
            }
            let make = || next(old, old_bytes, new_bytes, flags, fixed) as usize;
            let mapped = match guarding::is_on() {
                true => {
                    let old =
                        old as usize..(old as usize).saturating_add(round_up_to_page(old_bytes));
                    let is_fixed = flags & libc::MREMAP_FIXED != 0;
                    guarding::remap(
                        old,
                        new_bytes,
                        is_fixed,
                        flags & libc::MREMAP_DONTUNMAP != 0,
                        make,
                    )
                }
                false => make(),
            } as *mut c_void;
            if mapped != FAILED {
                if flags & libc::MREMAP_FIXED != 0 {
                    note_remapped(mapped as usize, new_bytes);
                }
                if flags & libc::MREMAP_DONTUNMAP != 0 {
                    note_emptied(old as usize, old_bytes);
                } else if mapped != old {
                    note_unmapped(old as usize, old_bytes);
                } else if new_bytes < old_bytes {
                    note_unmapped(old as usize + new_bytes, old_bytes - new_bytes);
                }
            }
            mapped
        }
    }
}
