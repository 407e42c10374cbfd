//! Packed slots of one size, side by side, and behind them their records and links, all in one range of addresses.
//!
//! Slots are taken into service in order. Later a slot is used again and again. Meanwhile its link makes it part of a
//! *chain*: some slots of one class that are passed on together, each linked to the next. Chains are linked too, to a
//! [`Line`] in which they wait.

use super::super::budget::headroom::Headroom;
use super::super::canary;
use super::super::object::Object;
use super::super::record::{Record, Snapshot};
use crate::sys::lock::Lock;
use crate::sys::{Errno, PAGE_BYTES, memory, round_up_to_page};
use core::ops::Range;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// The least number of canary bytes before and behind an object.
pub const FRONT_BYTES: usize = 16;
pub const BACK_BYTES: usize = 8;

/// A slot beyond its object's bytes, its record, and its link.
const BESIDE_BYTES: usize = FRONT_BYTES + BACK_BYTES + size_of::<Record>() + size_of::<AtomicU64>();

/// All strides are multiples of this, and so are the addresses of slots.
const UNIT_BYTES: usize = 16;

/// Strides are 32, 48, and so on up to 512 bytes; then each doubling has eight steps, up to [`MOST_STRIDE`].
const FINE: usize = 31;
const MOST_FINE: usize = (FINE + 1) * UNIT_BYTES;
const STEPS: usize = 8;
const DOUBLINGS: usize = 4;

/// The number of classes.
pub const CLASSES: usize = FINE + DOUBLINGS * STEPS;

/// The most bytes of a slot: room for an object of less than a page, aligned to less than a page.
const MOST_STRIDE: usize = MOST_FINE << DOUBLINGS;
const _: () = assert!(stride_of(CLASSES - 1) == MOST_STRIDE);

/// How many bytes of slots are taken into service at a time: so many at first, then an eighth more, up to a limit.
const LEAST_STEP_BYTES: usize = 64 << 10;
const MOST_STEP_BYTES: usize = 16 << 20;
const GROWTH_PARTS: usize = 8;

/// The slots of a chain have about so many bytes together.
const CHAIN_BYTES: usize = 32 << 10;
const MOST_CHAINED: usize = 64;

/// After the kernel has refused memory, so many calls go by before it is asked again.
const PATIENCE: u32 = 256;

/// The bytes of a slot of class `number`.
const fn stride_of(number: usize) -> usize {
    if number < FINE {
        return (number + 2) * UNIT_BYTES;
    }
    let (doubling, step) = ((number - FINE) / STEPS, (number - FINE) % STEPS);
    (MOST_FINE << doubling) / STEPS * (STEPS + 1 + step)
}

/// The number of the smallest class whose slots have `bytes` bytes.
#[inline(always)]
pub fn class_for(bytes: usize) -> Option<usize> {
    if bytes <= MOST_FINE {
        return Some(bytes.div_ceil(UNIT_BYTES).saturating_sub(2));
    }
    let last = bytes - 1;
    let doubling = last.ilog2() - MOST_FINE.ilog2();
    let step = last >> (doubling + (MOST_FINE / STEPS).ilog2());
    let number = FINE + doubling as usize * STEPS + step % STEPS;
    (number < CLASSES).then_some(number)
}

/// One slot, its record, and its place in its class.
#[derive(Clone, Copy)]
pub struct PackedSlot<'a> {
    pub record: &'a Record,
    pub class: usize,
    pub index: usize,
    start: usize,
    end: usize,
}

impl PackedSlot<'_> {
    /// The addresses of the slot's bytes.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The address of the object that `snapshot` describes.
    #[inline(always)]
    pub fn address(&self, snapshot: &Snapshot) -> usize {
        self.start + snapshot.offset
    }

    /// Has the processor fetch the record and the beginning of the slot into its caches.
    #[inline(always)]
    pub fn prefetch(&self) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: SSE is part of x86_64, and a prefetch has no visible effect.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(self.record).cast());
            _mm_prefetch::<_MM_HINT_T0>(self.start as *const i8);
        }
    }

    pub fn object(&self, snapshot: &Snapshot) -> Object {
        Object::new(self.address(snapshot), snapshot)
    }

    /// The slack within `limit` bytes of the object of `size` bytes at `start`, before and behind it.
    #[inline(always)]
    pub fn zones(&self, start: usize, size: usize, limit: usize) -> [Range<usize>; 2] {
        let end = start + size;
        [
            self.start.max(start - limit.min(start))..start,
            end..self.end.min(end.saturating_add(limit)),
        ]
    }

    /// Looks for damage in the canaries of the object, which another thread may free meanwhile.
    pub fn damage(&self, snapshot: &Snapshot, limit: usize) -> Option<canary::Damage> {
        let zones = self.zones(self.address(snapshot), snapshot.size, limit);
        canary::find_carefully(zones, canary::BYTE)
    }
}

/// The slots of one size.
#[repr(align(64))]
pub struct Class {
    number: usize,
    /// The address of the first slot.
    start: usize,
    stride: usize,
    /// How many slots there can be.
    capacity: usize,
    /// Where the records and the links are.
    records: usize,
    links: usize,
    /// How many slots are in service; only grows.
    opened: AtomicUsize,
    claimed: AtomicUsize,
    /// How many calls go by until memory is asked for again.
    patience: AtomicU32,
}

impl Class {
    /// Makes class `number` in `bytes` bytes of reserved address space at `base`: none, if there is too little.
    pub fn new(number: usize, base: usize, bytes: usize) -> Class {
        let stride = stride_of(number);
        // Between the parts is room for a page that is never in service.
        let each = stride + size_of::<Record>() + size_of::<AtomicU64>();
        let capacity = bytes.saturating_sub(6 * PAGE_BYTES) / each;
        let behind =
            |start: usize, each: usize| round_up_to_page(start + capacity * each) + PAGE_BYTES;
        let records = behind(base, stride);
        Class {
            number,
            start: base,
            stride,
            // Numbers in links have 32 bits, and 0 is none.
            capacity: capacity.min(u32::MAX as usize - 1),
            records,
            links: behind(records, size_of::<Record>()),
            opened: AtomicUsize::new(0),
            claimed: AtomicUsize::new(0),
            patience: AtomicU32::new(0),
        }
    }

    /// How many slots a chain has.
    #[inline(always)]
    pub fn chained(&self) -> usize {
        (CHAIN_BYTES / self.stride).clamp(1, MOST_CHAINED)
    }

    /// How many bytes they have.
    pub fn chain_bytes(&self) -> usize {
        self.chained() * self.stride
    }

    /// How many slots are in service.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::Acquire)
    }

    /// The number of the slot that `address`, which is in the class's range, lies in.
    #[inline(always)]
    pub fn index_of(&self, address: usize) -> Option<usize> {
        // 32 bits are divided faster.
        let units = u32::try_from((address - self.start) / UNIT_BYTES).ok()?;
        Some((units / (self.stride / UNIT_BYTES) as u32) as usize)
    }

    /// Returns slot `index`, if it is in service.
    #[inline(always)]
    pub fn slot(&self, index: usize) -> Option<PackedSlot<'_>> {
        if index >= self.opened() {
            return None;
        }
        let record = self.records + index * size_of::<Record>();
        // SAFETY: the slot is in service, so its record is committed, and stays so. It is zeroed or written through
        // shared references, and aligned, as records begin with a page.
        let record = unsafe { &*(record as *const Record) };
        let start = self.start + index * self.stride;
        Some(PackedSlot { record, class: self.number, index, start, end: start + self.stride })
    }

    /// Returns the slots in service.
    pub fn in_service(&self) -> impl Iterator<Item = PackedSlot<'_>> {
        (0..self.opened()).filter_map(|index| self.slot(index))
    }

    /// Takes up to `count` slots that were never used, for the caller only. `None` if there is no memory for them, or
    /// there should be more slots than `may_grow` permits while `growing` is held.
    pub fn claim(
        &self,
        growing: &Lock<()>,
        may_grow: impl Fn() -> bool,
        headroom: &Headroom,
        count: usize,
    ) -> Option<Range<usize>> {
        if self.claimed.load(Ordering::Relaxed) >= self.capacity {
            return None;
        }
        let claim = |claimed: usize| {
            let end = (claimed + count).min(self.capacity);
            (end <= self.opened() && claimed < end).then_some(end)
        };
        loop {
            match self.claimed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim) {
                Ok(start) => return Some(start..(start + count).min(self.capacity)),
                Err(claimed) if claimed >= self.capacity => return None,
                Err(claimed) => {
                    self.open(growing, &may_grow, headroom, (claimed + count).min(self.capacity))?;
                }
            }
        }
    }

    /// Takes slots into service, at least the first `wanted`.
    #[cold]
    #[inline(never)]
    fn open(
        &self,
        growing: &Lock<()>,
        may_grow: impl Fn() -> bool,
        headroom: &Headroom,
        wanted: usize,
    ) -> Option<()> {
        let waits = |left: u32| left.checked_sub(1);
        if self.patience.fetch_update(Ordering::Relaxed, Ordering::Relaxed, waits).is_ok() {
            return None;
        }
        let _growing = growing.lock();
        let opened = self.opened();
        if wanted <= opened {
            return Some(());
        }
        let growth = opened * self.stride / GROWTH_PARTS;
        let step = growth.clamp(LEAST_STEP_BYTES, MOST_STEP_BYTES) / self.stride;
        let end = wanted.max(opened + step).min(self.capacity);
        let kept = (end - opened) * BESIDE_BYTES;
        if !may_grow() || !headroom.keep(kept) {
            self.patience.store(PATIENCE, Ordering::Relaxed);
            return None;
        }
        if self.parts().iter().try_for_each(|part| part.commit(opened..end)).is_err() {
            headroom.keep_no_more(kept);
            self.patience.store(PATIENCE, Ordering::Relaxed);
            return None;
        }
        self.opened.store(end, Ordering::Release);
        Some(())
    }

    /// The slots, their records, and their links.
    fn parts(&self) -> [Part; 3] {
        let part = |start, each| Part { start, each };
        [
            part(self.start, self.stride),
            part(self.records, size_of::<Record>()),
            part(self.links, size_of::<AtomicU64>()),
        ]
    }

    fn link(&self, index: usize) -> &AtomicU64 {
        debug_assert!(index < self.opened());
        // SAFETY: only slots in service are linked, and their links are committed, zeroed at first, and aligned.
        unsafe { &*((self.links + index * size_of::<AtomicU64>()) as *const AtomicU64) }
    }

    /// The slot behind slot `index` in its chain.
    #[inline(always)]
    pub fn next(&self, index: usize) -> Option<usize> {
        number(self.link(index).load(Ordering::Relaxed) as u32)
    }

    /// Puts slot `index`, which only the caller has, before slot `next` in a chain.
    #[inline(always)]
    pub fn set_next(&self, index: usize, next: Option<usize>) {
        self.link(index).store(u64::from(plus_one(next)), Ordering::Relaxed);
    }

    /// Returns the slots of the chain that begins with `first`.
    pub fn chain(&self, first: usize) -> impl Iterator<Item = usize> {
        core::iter::successors(Some(first), |&index| self.next(index))
    }
}

/// A part of a class's range: its addresses, and the bytes of each element.
struct Part {
    start: usize,
    each: usize,
}

impl Part {
    /// Makes elements accessible.
    fn commit(&self, elements: Range<usize>) -> Result<(), Errno> {
        let end_of = |count: usize| round_up_to_page(self.start + count * self.each);
        let (from, to) = (end_of(elements.start), end_of(elements.end));
        if from == to {
            return Ok(());
        }
        // SAFETY: the pages are in the class's own range. If they were made accessible before, nothing changes.
        unsafe { memory::commit(from, to - from) }
    }
}

/// Chains of one class, the oldest first. They are named by their first slots.
#[derive(Clone, Copy)]
pub struct Line {
    first: u32,
    last: u32,
    /// How many there are.
    pub len: usize,
}

impl Line {
    pub const EMPTY: Line = Line { first: 0, last: 0, len: 0 };

    /// Adds the chain that begins with slot `first` of `class`, which only the caller has.
    pub fn push(&mut self, class: &Class, first: usize) {
        let named = plus_one(Some(first));
        match number(self.last) {
            Some(last) => {
                class.link(last).fetch_or(u64::from(named) << 32, Ordering::Relaxed);
            }
            None => self.first = named,
        }
        self.last = named;
        self.len += 1;
    }

    /// Takes the oldest chain out, and returns its first slot.
    pub fn pop(&mut self, class: &Class) -> Option<usize> {
        let first = number(self.first)?;
        let link = class.link(first);
        self.first = (link.load(Ordering::Relaxed) >> 32) as u32;
        link.fetch_and(u64::from(u32::MAX), Ordering::Relaxed);
        if self.first == 0 {
            self.last = 0;
        }
        self.len -= 1;
        Some(first)
    }
}

/// A slot's number as links hold it: plus one, and 0 for none.
pub fn plus_one(index: Option<usize>) -> u32 {
    index.map_or(0, |index| index as u32 + 1)
}

/// Inverts [`plus_one`].
pub fn number(link: u32) -> Option<usize> {
    link.checked_sub(1).map(|index| index as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_gets_the_smallest_class_that_holds_it() {
        assert_eq!((stride_of(0), stride_of(FINE - 1), stride_of(FINE)), (32, 512, 576));
        for bytes in 1..=MOST_STRIDE {
            let class = class_for(bytes).unwrap();
            assert!(stride_of(class) >= bytes, "{bytes}");
            assert!(class == 0 || stride_of(class - 1) < bytes, "{bytes}");
        }
        assert_eq!(class_for(MOST_STRIDE + 1), None);
        assert_eq!(class_for(usize::MAX), None);
    }

    #[test]
    fn at_most_an_eighth_of_a_large_slot_is_unused() {
        for class in FINE..CLASSES {
            assert!((stride_of(class) - stride_of(class - 1)) * 8 <= stride_of(class));
            assert!(stride_of(class).is_multiple_of(UNIT_BYTES));
        }
    }
}
