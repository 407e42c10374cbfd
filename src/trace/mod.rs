//! Stacks: captured, stored, and read back.
//!
//! [`capture`] runs at every malloc and free, so it must take only tens of nanoseconds. A rule cache (`rules`) saves
//! parsing unwind tables (`cfi`), the memory of the last walk (`memo`, `walk`) saves most of the walking, and the depot
//! most of the storing. After [`init`], nothing here allocates, takes a lock that the interrupted code may hold, or
//! changes errno, except that the first sight of a newly loaded module allocates. A walk survives any stack if the
//! fault handler asks [`crate::sys::probe::recovery`].
//! fault handler that asks [`crate::sys::probe::recovery`].

mod cfi;
mod depot;
mod frames;
mod innermost;
mod learn;
mod memo;
pub mod modules;
mod rules;
mod system;
mod unwind;
mod walk;

use core::sync::atomic::{AtomicU8, AtomicU16, Ordering};

pub use depot::{Depot, TraceId};
pub use frames::{Caller, Frames, MAX_DEPTH, Pc};
pub use innermost::{INNERMOST, Innermost};
#[cfg(test)]
pub use learn::MOST_RETIRED;
pub use modules::{Module, ModuleKind, module_of};
pub use unwind::is_signal_return;

use crate::sys::loader;
use modules::RegistryLock;

/// How many frames are captured unless [`set_depth`] says otherwise.
pub const DEFAULT_DEPTH: u16 = 32;

static DEPTH: AtomicU16 = AtomicU16::new(DEFAULT_DEPTH);
static UNWINDER: AtomicU8 = AtomicU8::new(Unwinder::Tables as u8);
static DEPOT: Depot = Depot::new();

/// What walks the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Unwinder {
    /// The runtime's own walk by unwind tables, with caches.
    Tables = 0,
    /// The system's `_Unwind_Backtrace`.
    System = 1,
}

/// Selects what walks the stack from now on, in all threads.
pub fn set_unwinder(unwinder: Unwinder) {
    UNWINDER.store(unwinder as u8, Ordering::Relaxed);
}

fn unwinder() -> Unwinder {
    if UNWINDER.load(Ordering::Relaxed) == Unwinder::System as u8 {
        Unwinder::System
    } else {
        Unwinder::Tables
    }
}

/// Sets how many frames of a stack are kept, from 1 to `MAX_DEPTH`. Other values are clamped.
pub fn set_depth(depth: u16) {
    DEPTH.store(depth.clamp(1, MAX_DEPTH as u16), Ordering::Relaxed);
}

/// Returns how many frames of a stack are kept.
pub fn depth() -> usize {
    usize::from(DEPTH.load(Ordering::Relaxed))
}

/// Prepares everything. Calls dlsym and dl_iterate_phdr and allocates, so it belongs at start-up, outside malloc.
/// Further calls do nothing. Earlier walks work by frame pointers only.
pub fn init() {
    loader::with_errno_kept(|| {
        loader::init();
        cfi::init();
        memo::init();
        DEPOT.init();
        learn::register_all();
    });
}

/// Walks the stack outward from `caller` and stores it. Returns `TraceId::NONE` if there is no memory.
///
/// Async-signal-safe; keeps errno.
#[inline(always)]
pub fn capture(caller: Caller) -> TraceId {
    match unwinder() {
        Unwinder::Tables => {
            let walked = memo::with(&caller, |memo| memo.capture(&caller, depth(), &DEPOT));
            // Without memory for a walk, the caller's own frame is still worth storing.
            walked.unwrap_or_else(|| DEPOT.child(TraceId::NONE, Pc::new(caller.pc, caller.kind)))
        }
        Unwinder::System => capture_by_system(caller),
    }
}

/// A function of its own, so that other captures do not take the room of [`Frames`] on a small stack.
#[cold]
#[inline(never)]
fn capture_by_system(caller: Caller) -> TraceId {
    let mut frames = Frames::new();
    walk(caller, &mut frames);
    DEPOT.intern(&frames)
}

/// Walks the stack outward from `caller` into `out`, at most `depth` frames. Frame 0 is the caller itself.
///
/// Async-signal-safe; keeps errno.
pub fn walk(caller: Caller, out: &mut Frames) {
    if unwinder() == Unwinder::System
        && loader::with_errno_kept(|| system::walk(&caller, out, depth()))
    {
        return;
    }
    let walked = memo::with(&caller, |memo| memo.walk(&caller, depth(), out));
    if walked.is_none() {
        out.clear();
        out.push(Pc::new(caller.pc, caller.kind));
    }
}

/// Returns the number that stands for the stack `id` where another stack from the same place was not walked. Reports
/// tell the two apart by [`Frames::are_of_another`]. [`TraceId::NONE`] if the depot is full.
pub fn stand_in(id: TraceId) -> TraceId {
    if id.is_none() { id } else { DEPOT.child(id, STAND_IN) }
}

/// Whether `id` is a stack that stands for others.
pub fn is_stand_in(id: TraceId) -> bool {
    let mut found = Frames::new();
    frames(id, &mut found);
    found.are_of_another()
}

/// The innermost frame of a stack that stands for others. No code is at this address (`vm.mmap_min_addr`).
const STAND_IN: Pc = Pc::new(1, frames::PcKind::Return);

/// Writes the frames of a captured stack to `out`, at most `depth`; none for `TraceId::NONE`.
///
/// Stacks no deeper than the depth are equal exactly when their ids are. Of deeper stacks more frames may be stored
/// than shown, so equal frames can have several ids.
pub fn frames(id: TraceId, out: &mut Frames) {
    DEPOT.frames(id, out);
    if out.as_slice().first() == Some(&STAND_IN) {
        out.drop_stand_in();
    }
    out.truncate(depth());
}

/// Returns the number of nodes in the depot, and their bytes.
pub fn depot_usage() -> (usize, usize) {
    DEPOT.usage()
}

/// Must be called when dlclose returns: the unwind data of unloaded modules is gone. Their names and ranges are kept,
/// for the frames in stored stacks.
pub fn forget_unloaded() {
    loader::with_errno_kept(learn::forget_unloaded);
}

/// Must be called last in a thread, so that another may use its memory.
pub fn thread_exit() {
    memo::thread_exit();
}

/// Must be called in the child of a fork, before anything else there allocates.
pub fn after_fork_in_child() {
    RegistryLock::reset_after_fork();
    cfi::reset_after_fork();
    memo::reset_after_fork();
}
