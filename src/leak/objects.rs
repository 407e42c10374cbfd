//! The objects of the heap at the time of a check, in the order of their addresses, and found by any address in them.
//!
//! A small one is found by its slot's number: a bit for each slot of a stretch says whether it has an object, and a number for
//! the stretch how many come before. The others are few, and found by binary search.

use crate::heap::Heap;
use crate::heap::live::{LiveHome, LiveObject};
use crate::heap::pool::{CLASS_PAGES, STRETCH_SLOTS};
use crate::sys::Errno;
use crate::sys::mapped_array::{MappedArray, Zeroed};
use core::ops::Range;

/// What is known of an object's reachability; a later one is the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reach {
    /// No pointer to it has been seen.
    Unreached = 0,
    /// From an object that is not reached.
    Indirect = 1,
    /// By way of a pointer into the midst of an object.
    Possible = 2,
    Reachable = 3,
}

impl Reach {
    fn from_bits(bits: u64) -> Reach {
        match bits & 3 {
            0 => Reach::Unreached,
            1 => Reach::Indirect,
            2 => Reach::Possible,
            _ => Reach::Reachable,
        }
    }
}

/// No object.
pub const NONE: u32 = u32::MAX;

/// One object. All zeros is valid.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Entry {
    start: u64,
    /// Below [`SIZE_BITS`] the size, then [`Reach`], then whether it waits to be looked at, and whether it is about to end.
    about: u64,
    pub trace: u32,
    pub thread: u32,
    /// The next that waits, or [`NONE`].
    next: u32,
    /// Of one that is lost indirectly: the object by which it was reached.
    owner: u32,
}

const _: () = assert!(size_of::<Entry>() == 32);

// SAFETY: plain numbers, all of which may be zero.
unsafe impl Zeroed for Entry {}

const SIZE_BITS: u32 = 48;
const WAITS: u64 = 1 << (SIZE_BITS + 2);
const ENDS: u64 = 1 << (SIZE_BITS + 3);

impl Entry {
    fn new(object: &LiveObject) -> Entry {
        let size = (object.size as u64).min((1 << SIZE_BITS) - 1);
        Entry {
            start: object.start as u64,
            about: size | if object.is_ending { ENDS } else { 0 },
            trace: object.allocated.trace.get(),
            thread: object.allocated.thread.0,
            next: NONE,
            owner: NONE,
        }
    }

    pub fn start(&self) -> usize {
        self.start as usize
    }

    pub fn size(&self) -> usize {
        (self.about & ((1 << SIZE_BITS) - 1)) as usize
    }

    pub fn range(&self) -> Range<usize> {
        self.start()..self.start() + self.size()
    }

    /// Whether a pointer to `address` is one to the object. One of no bytes has its start.
    fn is_at(&self, address: usize) -> bool {
        address.wrapping_sub(self.start()) < self.size().max(1)
    }

    pub fn reach(&self) -> Reach {
        Reach::from_bits(self.about >> SIZE_BITS)
    }

    pub fn set_reach(&mut self, reach: Reach) {
        self.about = self.about & !(3 << SIZE_BITS) | (reach as u64) << SIZE_BITS;
    }

    /// Whether it is no leak, because a thread was about to free or move it, or for another reason.
    pub fn is_ending(&self) -> bool {
        self.about & ENDS != 0
    }
}

/// The slots of a stretch that have objects. All zeros is valid.
#[derive(Clone, Copy)]
struct Stretch {
    /// Number of the first object.
    first: u32,
    live: [u64; STRETCH_SLOTS / 64],
}

// SAFETY: plain numbers, all of which may be zero.
unsafe impl Zeroed for Stretch {}

/// The objects, and those of them that wait to be looked at.
pub struct Objects<'a> {
    heap: &'a Heap,
    entries: MappedArray<Entry>,
    /// For each stretch of a class, its place among the stretches plus one; 0 if no object is there.
    places: [MappedArray<u32>; CLASS_PAGES.len()],
    stretches: MappedArray<Stretch>,
    /// Numbers of the large objects, of the packed ones, and of those of the next allocator.
    large: Range<usize>,
    packed: Range<usize>,
    unguarded: Range<usize>,
    waiting: u32,
}

impl<'a> Objects<'a> {
    /// Reads them. Nobody else may allocate or free meanwhile.
    pub fn read(heap: &'a Heap) -> Result<Objects<'a>, Errno> {
        let (mut count, mut stretches, mut last) = (0_usize, 0_usize, None);
        heap.visit_live(|object| {
            count += 1;
            if let LiveHome::Small { class, index } = object.home {
                let stretch = Some((class, index / STRETCH_SLOTS));
                stretches += usize::from(stretch != last);
                last = stretch;
            }
        });
        // Their numbers have 32 bits.
        if count >= NONE as usize {
            return Err(Errno::ENOMEM);
        }
        let mut places =
            heap.slots_in_service().map(|slots| MappedArray::zeroed(slots.div_ceil(STRETCH_SLOTS)));
        let mut next = || places.next().unwrap_or(Err(Errno::ENOMEM));
        let places = [next()?, next()?, next()?, next()?, next()?];
        let mut objects = Objects {
            heap,
            entries: MappedArray::with_capacity(count)?,
            places,
            stretches: MappedArray::with_capacity(stretches)?,
            large: 0..0,
            packed: 0..0,
            unguarded: 0..0,
            waiting: NONE,
        };
        heap.visit_live(|object| objects.add(object));
        objects.entries[objects.unguarded.clone()].sort_unstable_by_key(Entry::start);
        Ok(objects)
    }

    fn add(&mut self, object: &LiveObject) {
        let number = self.entries.len();
        // One that a thread has made that could not be stopped has no room.
        let has_place = match object.home {
            LiveHome::Small { class, index } => self.note_slot(class, index, number),
            _ => true,
        };
        if !has_place || !self.entries.push(Entry::new(object)) {
            return;
        }
        let end = number + 1;
        // They come in this order, so the others begin behind this one.
        let kinds = [&mut self.large, &mut self.packed, &mut self.unguarded];
        let (own, behind) = match object.home {
            LiveHome::Small { .. } => (None, 0),
            LiveHome::Large => (Some(0), 1),
            LiveHome::Packed => (Some(1), 2),
            LiveHome::Unguarded => (Some(2), 3),
        };
        for (kind, range) in kinds.into_iter().enumerate() {
            if Some(kind) == own {
                range.end = end;
            } else if kind >= behind {
                *range = end..end;
            }
        }
    }

    fn note_slot(&mut self, class: usize, index: usize, number: usize) -> bool {
        let Some(place) = self.places[class].get_mut(index / STRETCH_SLOTS) else { return false };
        if *place == 0 {
            let stretch = Stretch { first: number as u32, live: [0; STRETCH_SLOTS / 64] };
            if !self.stretches.push(stretch) {
                return false;
            }
            *place = self.stretches.len() as u32;
        }
        let bit = index % STRETCH_SLOTS;
        self.stretches[*place as usize - 1].live[bit / 64] |= 1 << (bit % 64);
        true
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// All addresses at which objects may be.
    pub fn span(&self) -> Range<usize> {
        let around = |span: Option<Range<usize>>, entry: &Entry| {
            // The start of an object of no bytes is a pointer to it.
            let own = entry.start()..entry.range().end + 1;
            Some(span.map_or(own.clone(), |span| span.start.min(own.start)..span.end.max(own.end)))
        };
        // Nothing can be between the last address and itself.
        self.entries.iter().fold(None, around).unwrap_or(usize::MAX..usize::MAX)
    }

    /// The objects of the next allocator.
    pub fn unguarded(&self) -> &[Entry] {
        &self.entries[self.unguarded.clone()]
    }

    /// Number of the object that `address` lies in.
    #[inline]
    pub fn find(&self, address: usize) -> Option<usize> {
        let number = match self.heap.small_slot_at(address) {
            Some((class, index)) => self.number_of(class, index)?,
            None if self.heap.is_packed(address) => self.search(&self.packed, address)?,
            None if self.heap.contains(address) => self.search(&self.large, address)?,
            None => self.search(&self.unguarded, address)?,
        };
        self.entries[number].is_at(address).then_some(number)
    }

    fn number_of(&self, class: usize, index: usize) -> Option<usize> {
        let place = *self.places[class].get(index / STRETCH_SLOTS)?;
        let stretch = &self.stretches[(place as usize).checked_sub(1)?];
        let (word, bit) = (index % STRETCH_SLOTS / 64, index % 64);
        if stretch.live[word] & 1 << bit == 0 {
            return None;
        }
        let before: u32 = stretch.live[..word].iter().map(|live| live.count_ones()).sum();
        let within = (stretch.live[word] & ((1 << bit) - 1)).count_ones();
        Some((stretch.first + before + within) as usize)
    }

    fn search(&self, among: &Range<usize>, address: usize) -> Option<usize> {
        let after = self.entries[among.clone()].partition_point(|entry| entry.start() <= address);
        after.checked_sub(1).map(|below| among.start + below)
    }

    /// Notes that an object is reached, and is to be looked at.
    pub fn reach(&mut self, number: usize, reach: Reach) {
        let entry = &mut self.entries[number];
        entry.set_reach(reach);
        if entry.about & WAITS == 0 {
            entry.about |= WAITS;
            entry.next = self.waiting;
            self.waiting = number as u32;
        }
    }

    /// Takes the object that is to be looked at next.
    pub fn take_waiting(&mut self) -> Option<(usize, Entry)> {
        if self.waiting == NONE {
            return None;
        }
        let number = self.waiting as usize;
        let entry = &mut self.entries[number];
        entry.about &= !WAITS;
        self.waiting = entry.next;
        Some((number, *entry))
    }

    /// Leaves an object out of the count: it is no leak.
    pub fn leave_out(&mut self, number: usize) {
        self.entries[number].about |= ENDS;
    }

    /// Notes that an object is lost with another.
    pub fn set_owner(&mut self, number: usize, owner: usize) {
        self.entries[number].owner = owner as u32;
    }

    /// The object with which this one was lost first: itself, if it is no other's.
    pub fn leader(&mut self, number: usize) -> usize {
        let mut leader = number;
        while self.entries[leader].owner != NONE {
            leader = self.entries[leader].owner as usize;
        }
        // So the next is found at once.
        let mut at = number;
        while at != leader {
            let next = self.entries[at].owner as usize;
            self.entries[at].owner = leader as u32;
            at = next;
        }
        leader
    }
}
