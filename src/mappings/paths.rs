//! The paths of files that were mapped, each text once: a step has room for a number only.

use crate::sys::hash::Hash;
use crate::sys::memory::Reservation;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Bytes for all of them; then further files have no path.
const MOST_BYTES: usize = 1 << 20;
const STEP_BYTES: usize = 64 << 10;

/// Places of the table by which a text is found again. A text that finds no place is stored again.
const PLACES: usize = 1 << 10;
const TRIES: usize = 4;

/// Before each text: its length.
const HEAD_BYTES: usize = 2;

/// Names a path; 0 none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathId(pub u32);

static START: AtomicUsize = AtomicUsize::new(0);
static USABLE: AtomicUsize = AtomicUsize::new(0);
/// The first byte is nobody's, as 0 is no path.
static TAKEN: AtomicUsize = AtomicUsize::new(1);
static TABLE: [AtomicU32; PLACES] = [const { AtomicU32::new(0) }; PLACES];

/// Reserves the memory. Once.
pub fn open() {
    if let Some(room) = Reservation::new(MOST_BYTES, MOST_BYTES, super::SPACE_PARTS) {
        START.store(room.start, Ordering::Release);
    }
}

/// Stores a path, or finds it. For signal handlers too.
pub fn keep(path: &[u8]) -> PathId {
    if path.is_empty() || path.len() > usize::from(u16::MAX) {
        return PathId(0);
    }
    let mut hash = Hash::new();
    hash.add(path);
    let first = hash.get() as usize;
    let mut free = None;
    for place in (first..first.wrapping_add(TRIES)).map(|at| &TABLE[at % PLACES]) {
        let id = PathId(place.load(Ordering::Acquire));
        if id.0 == 0 {
            free = Some(place);
            break;
        }
        if id.text() == path {
            return id;
        }
    }
    let Some(id) = store(path) else { return PathId(0) };
    if let Some(free) = free {
        // Publishes the text. Should another thread be faster, this one is there for its own step alone.
        let _ = free.compare_exchange(0, id.0, Ordering::AcqRel, Ordering::Relaxed);
    }
    id
}

fn store(path: &[u8]) -> Option<PathId> {
    let start = START.load(Ordering::Acquire);
    let bytes = HEAD_BYTES + path.len();
    let take = |taken: usize| (taken + bytes <= MOST_BYTES).then_some(taken + bytes);
    let at = TAKEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
    if start == 0 || !make_usable(start, at + bytes) {
        return None;
    }
    let length = (path.len() as u16).to_ne_bytes();
    for (offset, &byte) in length.iter().chain(path).enumerate() {
        // SAFETY: these bytes of the reservation are usable, and were just taken for this text alone.
        unsafe { ((start + at + offset) as *mut u8).write(byte) };
    }
    Some(PathId(at as u32))
}

/// Two threads may make the same step usable: that does no harm.
fn make_usable(start: usize, end: usize) -> bool {
    let usable = USABLE.load(Ordering::Acquire);
    if end <= usable {
        return true;
    }
    let to = end.next_multiple_of(STEP_BYTES).min(MOST_BYTES);
    let room = Reservation { start, bytes: MOST_BYTES };
    let is_done = room.commit(usable, to - usable).is_ok();
    if is_done {
        USABLE.fetch_max(to, Ordering::AcqRel);
    }
    is_done
}

impl PathId {
    /// The path; nothing where none is known.
    pub fn text(self) -> &'static [u8] {
        let (start, at) = (START.load(Ordering::Acquire), self.0 as usize);
        if at == 0 || start == 0 || at + HEAD_BYTES > USABLE.load(Ordering::Acquire) {
            return &[];
        }
        // SAFETY: a number that `store` has handed out: its text was written before, is usable, and never changes.
        unsafe {
            let head = (start + at) as *const u8;
            let length = usize::from(u16::from_ne_bytes([head.read(), head.add(1).read()]));
            core::slice::from_raw_parts(head.add(HEAD_BYTES), length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_there_once() {
        open();
        let (one, two) = (keep(b"/tmp/one"), keep(b"/tmp/two"));
        assert!(one != two && one.0 != 0);
        assert_eq!((keep(b"/tmp/one"), keep(b"/tmp/two")), (one, two));
        assert_eq!((one.text(), two.text()), (&b"/tmp/one"[..], &b"/tmp/two"[..]));
        assert_eq!((keep(b""), PathId(0).text()), (PathId(0), &b""[..]));
        let long = vec![b'x'; usize::from(u16::MAX)];
        assert_eq!(keep(&long).text(), long);
    }
}
