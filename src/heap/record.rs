//! What is known about one object, in 32 bytes beside the pool.
//!
//! Written by the thread that allocates and by the one that frees; read at any time by any thread, also in the fault
//! handler. So all fields are atomics, and `state` says which of the others are valid.
//!
//! | state    | `offset`, `size`, `alloc_*` | `free_*`             |
//! |----------|-----------------------------|----------------------|
//! | Virgin   | meaningless                 | meaningless          |
//! | Live     | fixed                       | meaningless          |
//! | Freeing  | fixed, or being written     | being written        |
//! | Quarantined | fixed                    | fixed                |
//! | Retired  | fixed                       | fixed                |
//!
//! For an object with pages the only transitions are Virgin → Live → Freeing → Retired, with Quarantined before Retired if revocation waits, and
//! from Freeing back to Live, with another size, if realloc leaves the object in place. Of two threads that free one
//! object exactly one wins the compare-exchange to Freeing. The other has found a double free.

use super::place::Place;
use crate::sys::lock::Patience;
use crate::trace::TraceId;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The state of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// It was never handed out.
    Virgin = 0,
    Live = 1,
    /// One thread is retiring it, or resizing it in place.
    Freeing = 2,
    /// It was freed. Its pages are still there, filled with junk.
    Quarantined = 3,
    /// It was freed, and its pages fault for good.
    Retired = 4,
    /// It was freed so long ago that its record was dropped. No record itself holds this state.
    Forgotten = 5,
}

/// The family of functions that an object came from, or is freed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Family {
    Malloc = 0,
    New = 1,
    NewArray = 2,
    /// Rust's global allocator.
    Rust = 3,
    /// Unknown, so any function may free it.
    Any = 4,
}

impl Family {
    pub fn from_number(number: u32) -> Family {
        match number {
            0 => Family::Malloc,
            1 => Family::New,
            2 => Family::NewArray,
            3 => Family::Rust,
            _ => Family::Any,
        }
    }
}

/// A thread of the process, numbered in the order in which the runtime met them. The main thread is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ThreadId(pub u32);

/// Which thread did something, and from where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub thread: ThreadId,
    pub trace: TraceId,
}

/// What is known about one object. The state says which fields are valid.
#[repr(C)]
pub struct Record {
    /// [`State`] in the low byte; [`Family`] in the next, with [`LOCKED`] and [`LENT`] above it; then the logarithm of
    /// the alignment asked for; then how much realloc has moved; and [`REMAPPED`] in the highest bit.
    state: AtomicU32,
    /// Bytes from the slot's first data page to the object.
    offset: AtomicU32,
    /// Bytes asked for.
    size: AtomicU64,
    alloc_trace: AtomicU32,
    alloc_thread: AtomicU32,
    free_trace: AtomicU32,
    free_thread: AtomicU32,
}

const _: () = assert!(size_of::<Record>() == 32);

/// Set if the program has mapped something over pages of the object.
const REMAPPED: u32 = 1 << 31;

/// Set if libc's own threads may use the object.
const LENT: u32 = 1 << 15;

/// Set if the program has locked pages of the object.
const LOCKED: u32 = 1 << 14;

/// The position of [`Snapshot::moved`] in the word of the state.
const MOVED_SHIFT: u32 = 24;

/// The highest value of [`Snapshot::moved`].
pub const MOST_MOVED: u8 = 127;

/// From this value of [`Snapshot::moved`] on, an object may grow in place.
pub const MANY_MOVED: u8 = 64;
const _: () = assert!(MANY_MOVED <= MOST_MOVED);

/// A consistent copy of a record in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub state: State,
    pub family: Family,
    /// The logarithm of the alignment asked for; 0 if there was none.
    pub align_log2: u8,
    pub offset: usize,
    pub size: usize,
    pub allocated: Event,
    /// How much realloc has moved to bring the object here, in steps of the heap's, up to [`MOST_MOVED`].
    pub moved: u8,
    /// Whether the program has mapped something over pages of the object.
    pub is_remapped: bool,
    /// Whether libc's own threads may use the object, or did.
    pub is_lent: bool,
    /// Whether the program has locked pages of the object.
    pub is_locked: bool,
    /// Present from Quarantined on.
    pub freed: Option<Event>,
}

impl Snapshot {
    /// Returns where the object lies in its slot.
    pub fn place(&self) -> Place {
        Place { offset: self.offset, size: self.size }
    }

    /// Whether realloc may resize the object in place, as enough was moved to make it.
    #[inline]
    pub fn may_stay(&self) -> bool {
        self.moved >= MANY_MOVED
    }

    /// Returns this snapshot as it was while the object lived.
    pub fn as_live(self) -> Snapshot {
        Snapshot { state: State::Live, ..self }
    }
}

fn decode(state: u32) -> (State, Family) {
    let family = Family::from_number(state >> 8 & 0x3f);
    let state = match state & 0xff {
        0 => State::Virgin,
        1 => State::Live,
        2 => State::Freeing,
        3 => State::Quarantined,
        _ => State::Retired,
    };
    (state, family)
}

fn encode(state: State, family: Family, align_log2: u8) -> u32 {
    state as u32 | (family as u32) << 8 | u32::from(align_log2) << 16
}

/// Returns the word of the same object in another state.
fn advance(word: u32, state: State) -> u32 {
    word & !0xff | state as u32
}

impl Record {
    /// Byte offsets for the assembler: of the [`State`], which is one byte, and of the object's offset and size.
    pub const STATE_AT: usize = offset_of!(Record, state);
    pub const OFFSET_AT: usize = offset_of!(Record, offset);
    pub const SIZE_AT: usize = offset_of!(Record, size);

    /// Virgin → Live, or of a packed slot that is used again Retired → Live. Only the caller owns the slot; its pages
    /// and canaries are ready.
    pub fn publish(&self, place: Place, (family, align_log2): (Family, u8), allocated: Event) {
        let before = decode(self.state.load(Ordering::Relaxed)).0;
        debug_assert!(matches!(before, State::Virgin | State::Retired));
        self.offset.store(place.offset as u32, Ordering::Relaxed);
        self.size.store(place.size as u64, Ordering::Relaxed);
        self.alloc_trace.store(allocated.trace.get(), Ordering::Relaxed);
        self.alloc_thread.store(allocated.thread.0, Ordering::Relaxed);
        self.state.store(encode(State::Live, family, align_log2), Ordering::Release);
    }

    /// Whether there was ever an object.
    #[inline(always)]
    pub fn is_used(&self) -> bool {
        decode(self.state.load(Ordering::Relaxed)).0 != State::Virgin
    }

    /// Lets any function free the live object, which only the caller knows yet.
    pub fn forget_family(&self) {
        self.state.store(encode(State::Live, Family::Any, 0), Ordering::Release);
    }

    /// Notes how much was moved to make the live object, which only the caller knows yet.
    pub fn note_moved(&self, moved: u8) {
        let word = self.state.load(Ordering::Relaxed);
        self.state.store(word | u32::from(moved.min(MOST_MOVED)) << MOVED_SHIFT, Ordering::Release);
    }

    /// Freeing → Live, by the winner of [`Record::begin_free`]: the object stays, with `size` bytes.
    pub fn resume(&self, size: usize, allocated: Event) {
        self.size.store(size as u64, Ordering::Relaxed);
        self.alloc_trace.store(allocated.trace.get(), Ordering::Relaxed);
        self.alloc_thread.store(allocated.thread.0, Ordering::Relaxed);
        self.end(State::Freeing, State::Live, None);
    }

    /// Notes that the program has mapped something over pages of the live object.
    pub fn note_remapped(&self) {
        self.mark(REMAPPED);
    }

    /// Notes that the program has locked pages of the object, if it is live.
    pub fn note_locked(&self) {
        self.mark(LOCKED);
    }

    /// Notes that libc's own threads are about to use the object. Returns whether it is live.
    pub fn note_lent(&self) -> bool {
        self.mark(LENT)
    }

    /// Sets a bit in the word of the state if the object is live. Returns whether it is.
    fn mark(&self, bit: u32) -> bool {
        let is_live = |word: &u32| decode(*word).0 == State::Live;
        let mark = |word: u32| is_live(&word).then_some(word | bit);
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, mark).is_ok()
    }

    /// Live → Freeing, for exactly one of all callers. The others get the state that they found. The winner must call
    /// [`Record::finish_free`], [`Record::quarantine`] or [`Record::resume`].
    pub fn begin_free(&self) -> Result<(), State> {
        let mut current = self.state.load(Ordering::Acquire);
        loop {
            let (state, _) = decode(current);
            if state != State::Live {
                return Err(state);
            }
            match self.state.compare_exchange(
                current,
                advance(current, State::Freeing),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Ok(()),
                Err(found) => current = found,
            }
        }
    }

    /// Freeing → Retired, by the winner of [`Record::begin_free`].
    pub fn finish_free(&self, freed: Event) {
        self.end(State::Freeing, State::Retired, Some(freed));
    }

    /// Freeing → Quarantined, by the winner of [`Record::begin_free`].
    pub fn quarantine(&self, freed: Event) {
        self.end(State::Freeing, State::Quarantined, Some(freed));
    }

    /// Quarantined → Retired, by the thread that freed the object.
    pub fn leave_quarantine(&self) {
        self.end(State::Quarantined, State::Retired, None);
    }

    fn end(&self, from: State, to: State, freed: Option<Event>) {
        let current = self.state.load(Ordering::Relaxed);
        debug_assert_eq!(decode(current).0, from);
        if let Some(freed) = freed {
            self.free_trace.store(freed.trace.get(), Ordering::Relaxed);
            self.free_thread.store(freed.thread.0, Ordering::Relaxed);
        }
        self.state.store(advance(current, to), Ordering::Release);
    }

    /// Returns where the object lies in its slot, if it is Live.
    #[inline]
    pub fn live_place(&self) -> Option<Place> {
        let (state, _) = decode(self.state.load(Ordering::Acquire));
        let place = Place {
            offset: self.offset.load(Ordering::Relaxed) as usize,
            size: self.size.load(Ordering::Relaxed) as usize,
        };
        (state == State::Live).then_some(place)
    }

    /// Returns the record's contents, or `None` while it is Virgin.
    pub fn read(&self) -> Option<Snapshot> {
        let word = self.state.load(Ordering::Acquire);
        let (state, family) = decode(word);
        let event = |trace: &AtomicU32, thread: &AtomicU32| Event {
            trace: TraceId::from_raw(trace.load(Ordering::Relaxed)),
            thread: ThreadId(thread.load(Ordering::Relaxed)),
        };
        if state == State::Virgin {
            return None;
        }
        Some(Snapshot {
            state,
            family,
            align_log2: (word >> 16) as u8,
            moved: (word >> MOVED_SHIFT) as u8 & MOST_MOVED,
            is_remapped: word & REMAPPED != 0,
            is_lent: word & LENT != 0,
            is_locked: word & LOCKED != 0,
            offset: self.offset.load(Ordering::Relaxed) as usize,
            size: self.size.load(Ordering::Relaxed) as usize,
            allocated: event(&self.alloc_trace, &self.alloc_thread),
            freed: matches!(state, State::Quarantined | State::Retired)
                .then(|| event(&self.free_trace, &self.free_thread)),
        })
    }

    /// Reads the record like [`Record::read`], but waits up to half a second while another thread retires the object:
    /// it may be moving much memory, or wait for a processor. Does not wait for ever, as the interrupted thread itself
    /// may be the one that retires it.
    pub fn read_settled(&self) -> Option<Snapshot> {
        let is_freeing = |entry: &Option<Snapshot>| {
            matches!(entry, Some(Snapshot { state: State::Freeing, .. }))
        };
        let mut entry = self.read();
        if is_freeing(&entry) {
            let mut patience = Patience::new(500);
            while is_freeing(&entry) && patience.is_left() {
                entry = self.read();
            }
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: u32) -> Event {
        Event { thread: ThreadId(n), trace: TraceId::from_raw(n + 1) }
    }

    fn virgin() -> Record {
        // SAFETY: all fields are atomics, for which zero is valid.
        unsafe { core::mem::zeroed() }
    }

    #[test]
    fn lives_once_and_is_freed_once() {
        let record = virgin();
        assert_eq!(record.read(), None);
        record.publish(Place { offset: 4056, size: 40 }, (Family::NewArray, 6), event(1));
        let entry = record.read().unwrap();
        assert_eq!((entry.offset, entry.size), (4056, 40));
        assert_eq!((entry.family, entry.align_log2), (Family::NewArray, 6));
        assert_eq!((entry.allocated, entry.freed), (event(1), None));
        assert_eq!(record.begin_free(), Ok(()));
        assert_eq!(record.begin_free(), Err(State::Freeing));
        record.finish_free(event(2));
        let entry = record.read().unwrap();
        assert_eq!((entry.family, entry.align_log2), (Family::NewArray, 6));
        assert_eq!(record.begin_free(), Err(State::Retired));
        assert_eq!(record.read().unwrap().freed, Some(event(2)));
    }

    #[test]
    fn an_object_that_stays_lives_on_with_another_size() {
        let record = virgin();
        record.publish(Place { offset: 16, size: 40 }, (Family::New, 4), event(1));
        record.note_moved(200);
        assert_eq!(record.begin_free(), Ok(()));
        record.resume(50, event(2));
        let entry = record.read().unwrap();
        assert_eq!((entry.state, entry.offset, entry.size), (State::Live, 16, 50));
        assert_eq!((entry.family, entry.align_log2), (Family::New, 4));
        assert_eq!((entry.moved, entry.is_remapped), (MOST_MOVED, false));
        assert_eq!((entry.allocated, entry.freed), (event(2), None));
    }

    #[test]
    fn a_mapping_over_the_object_is_remembered_until_its_end() {
        let record = virgin();
        record.note_remapped();
        assert_eq!(record.read(), None);
        record.publish(Place { offset: 0, size: 4096 }, (Family::New, 12), event(1));
        assert!(!record.read().unwrap().is_remapped);
        record.note_remapped();
        let entry = record.read().unwrap();
        assert!(entry.is_remapped);
        assert_eq!((entry.family, entry.align_log2), (Family::New, 12));
        assert_eq!(record.begin_free(), Ok(()));
        record.finish_free(event(2));
        assert!(record.read().unwrap().is_remapped);
    }

    #[test]
    fn a_loan_is_remembered_until_the_end() {
        let record = virgin();
        assert!(!record.note_lent());
        record.publish(Place { offset: 0, size: 168 }, (Family::NewArray, 4), event(1));
        assert!(!record.read().unwrap().is_lent);
        assert!(record.note_lent());
        let entry = record.read().unwrap();
        assert!(entry.is_lent && !entry.is_remapped && !entry.is_locked);
        record.note_locked();
        let entry = record.read().unwrap();
        assert!(entry.is_lent && entry.is_locked);
        assert_eq!(
            (entry.state, entry.family, entry.align_log2),
            (State::Live, Family::NewArray, 4)
        );
        assert_eq!(record.begin_free(), Ok(()));
        assert!(!record.note_lent());
        record.finish_free(event(2));
        assert_eq!(record.read().unwrap().family, Family::NewArray);
    }

    #[test]
    fn of_racing_frees_one_wins() {
        for _ in 0..200 {
            let record = virgin();
            record.publish(Place { offset: 0, size: 1 }, (Family::Malloc, 0), event(0));
            let wins: usize = std::thread::scope(|scope| {
                let free = || usize::from(record.begin_free().is_ok());
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(free)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).sum()
            });
            assert_eq!(wins, 1);
        }
    }
}
