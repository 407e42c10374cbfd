//! The errors of a run that goes on after them: how many, and which of them are the same bug.

use crate::diagnose::access::Direction;
use crate::diagnose::{Bug, Cause, LibcCall, Misuse};
use crate::sys::hash::Hash;
use crate::sys::lock::Lock;
use crate::sys::scope::RuntimeScope;
use crate::trace::{self, Frames, Pc};
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::BTreeMap;

/// How many frames outside libc tell one bug from another.
const FRAMES: usize = 8;

static ERRORS: AtomicU64 = AtomicU64::new(0);
static SEEN: Lock<BTreeMap<u64, Seen>> = Lock::new(BTreeMap::new());

/// What a counted bug was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    New,
    /// In the baseline, or suppressed.
    Known,
}

/// What to do with a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It is the first of its kind at its place, and must be reported.
    First,
    /// It is the first of its kind at its place, and one too many to be reported. Whether it is known nobody has asked.
    Excess,
    /// It was reported before, or enough others were.
    Again,
    /// It was found to be known before.
    Known,
}

/// Counts a bug. At most `most` bugs are reported.
pub fn count(bug: &Bug, most: usize) -> Sight {
    let _scope = RuntimeScope::enter();
    let fingerprint = fingerprint(bug);
    let mut seen = SEEN.lock();
    let sight = match seen.get(&fingerprint) {
        Some(Seen::Known) => return Sight::Known,
        Some(Seen::New) => Sight::Again,
        None => {
            seen.insert(fingerprint, Seen::New);
            if contexts(&seen) <= most { Sight::First } else { Sight::Excess }
        }
    };
    ERRORS.fetch_add(1, Ordering::Relaxed);
    sight
}

/// Takes back what [`count`] has counted for this bug: it is known.
pub fn note_known(bug: &Bug) {
    let _scope = RuntimeScope::enter();
    SEEN.lock().insert(fingerprint(bug), Seen::Known);
    ERRORS.fetch_sub(1, Ordering::Relaxed);
}

fn contexts(seen: &BTreeMap<u64, Seen>) -> usize {
    seen.values().filter(|&&seen| seen == Seen::New).count()
}

/// Whether anything was counted.
pub fn is_empty() -> bool {
    ERRORS.load(Ordering::Relaxed) == 0
}

/// Says in one line what was counted.
pub fn summary(most: usize) -> String {
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let errors = ERRORS.load(Ordering::Relaxed);
    let contexts = contexts(&SEEN.lock());
    let mut text = format!(
        "fencepost: {errors} error{} in {contexts} context{}",
        plural(errors),
        plural(contexts as u64)
    );
    if contexts > most {
        text += &format!("; only the first {most} were reported (option max-reports)");
    }
    text + "\n"
}

/// See [`Lock::hold_for_fork`].
pub fn hold_for_fork() {
    SEEN.hold_for_fork();
}

/// # Safety
/// See [`Lock::release_after_fork`].
pub unsafe fn release_after_fork() {
    // SAFETY: `hold_for_fork` has taken the lock; the caller promises that it was called.
    unsafe { SEEN.release_after_fork() }
}

/// In the child of a fork: forgets the parent's counts.
pub fn after_fork_in_child() {
    let _scope = RuntimeScope::enter();
    ERRORS.store(0, Ordering::Relaxed);
    SEEN.lock().clear();
}

/// Forgets the counts in a copy of the process in which no handler has run, even if a thread of the original was
/// counting.
///
/// # Safety
/// Nobody else may be counting in this process.
pub unsafe fn forget_inherited() {
    // SAFETY: no other thread of this process uses what the lock guards, as this function's caller promises.
    unsafe { SEEN.break_open() };
    ERRORS.store(0, Ordering::Relaxed);
    // Leaked, not dropped: the map may be half changed.
    core::mem::forget(core::mem::take(&mut *SEEN.lock()));
}

/// Returns the same number for the same bug in every run. It depends on the kind, the direction, and the innermost
/// frames as offsets in their modules. What libc does within one call is one bug, at any instruction.
fn fingerprint(bug: &Bug) -> u64 {
    let direction = match bug.cause {
        Cause::Access(access) => Some(access.direction),
        // If the call goes on, it faults too; both are the same bug.
        Cause::Libc(LibcCall { misuse: Misuse::OutOfBounds { direction, .. }, .. }) => {
            Some(direction)
        }
        _ => None,
    };
    let mut stack = &bug.stack;
    let mut allocated = Frames::new();
    // A bug found at exit has no guilty code, so the object's stack stands for it.
    if let (true, Some(subject)) = (stack.is_empty(), bug.subject) {
        trace::frames(subject.object.allocated.trace, &mut allocated);
        stack = &allocated;
    }
    if let (true, Some(made)) = (stack.is_empty(), bug.mapping.and_then(|it| it.story.origin)) {
        trace::frames(made.event.trace, &mut allocated);
        stack = &allocated;
    }
    let frames: Vec<(Vec<u8>, usize)> = stack.as_slice().iter().map(in_module).collect();
    hash(bug.kind.name(), direction, &frames)
}

/// Returns the module's file name, and the offset in the module.
fn in_module(pc: &Pc) -> (Vec<u8>, usize) {
    match trace::module_of(pc.address()) {
        Some(module) => {
            let name = module.path.file_name().unwrap_or_default();
            (name.as_encoded_bytes().to_vec(), module.stated_address(pc.address()))
        }
        None => (Vec::new(), 0),
    }
}

fn is_libc_or_ours(module: &[u8]) -> bool {
    module.starts_with(b"libc.so") || module.starts_with(b"libfencepost")
}

fn hash(kind: &str, direction: Option<Direction>, frames: &[(Vec<u8>, usize)]) -> u64 {
    let outside = frames.iter().position(|(module, _)| !is_libc_or_ours(module)).unwrap_or(0);
    let mut hash = Hash::new();
    hash.add(kind.as_bytes());
    hash.add(&[direction.map_or(0, |direction| direction as u8 + 1)]);
    for (module, offset) in frames.iter().skip(outside).take(FRAMES) {
        hash.add(module);
        hash.add(&offset.to_le_bytes());
    }
    hash.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(frames: &[(&str, usize)]) -> Vec<(Vec<u8>, usize)> {
        frames.iter().map(|&(module, offset)| (module.as_bytes().to_vec(), offset)).collect()
    }

    fn hashed(stack: &[(&str, usize)]) -> u64 {
        hash("heap-use-after-free", Some(Direction::Read), &frames(stack))
    }

    #[test]
    fn what_libc_does_within_one_call_is_one_bug() {
        let main = ("prog", 0x1234);
        let one = hashed(&[("libc.so.6", 0x100), main]);
        assert_eq!(one, hashed(&[("libc.so.6", 0x120), main]));
        assert_eq!(one, hashed(&[("libc.so.6", 0x7), ("libfencepost.so", 5), main]));
        assert_ne!(one, hashed(&[("libc.so.6", 0x100), ("prog", 0x1238)]));
        assert_ne!(one, hashed(&[("libz.so.1", 0x100), main]));
    }

    #[test]
    fn kind_and_direction_tell_bugs_apart() {
        let stack = frames(&[("prog", 1)]);
        let read = hash("heap-use-after-free", Some(Direction::Read), &stack);
        assert_ne!(read, hash("heap-use-after-free", Some(Direction::Write), &stack));
        assert_ne!(read, hash("heap-buffer-overflow", Some(Direction::Read), &stack));
    }

    #[test]
    fn far_frames_do_not_count() {
        let mut deep: Vec<(&str, usize)> = (0..20).map(|n| ("prog", n)).collect();
        let one = hashed(&deep);
        deep[8].1 = 99;
        assert_eq!(one, hashed(&deep));
        deep[7].1 = 99;
        assert_ne!(one, hashed(&deep));
    }
}
