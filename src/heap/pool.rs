//! Slots of a few sizes, which are found from an address by arithmetic.
//!
//! One reservation holds a range for each class. A range is one guard page, then slots side by side, each with the
//! class's data pages and one guard page. So every slot has a guard on both sides. All ranges but the last have the
//! same number of bytes, a power of two, so a shift finds the class of an address. The last range is that of the
//! smallest slots, which most programs need most, and has the rest.
//!
//! Slots are handed out once, in order, and never again: an address names one object for the life of the process. They
//! are taken into service, and given back, in *stretches*. When all slots of a stretch were handed out and retired, the
//! stretch collapses: one inaccessible mapping is laid over it. That frees the page tables of retired slots, and faults
//! for good. The records stay as long as the history's budget allows ([`super::history`]). Then the stretch is
//! forgotten, and an address in it is only known to have been freed long ago.

use super::record::Record;
use super::region::Region;
use super::room::Room;
use super::slot::{Home, Slot};
use crate::pages::{PageProtection, PageRange};
use crate::sys::lock::Lock;
use crate::sys::{Errno, PAGE_BYTES, memory};
use core::mem::offset_of;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

/// The data pages of each class. Larger objects get their own range (see [`super::large`]).
pub const CLASS_PAGES: [usize; 5] = [1, 2, 4, 8, 16];

/// The classes, side by side in one reservation.
pub struct Pool {
    base: usize,
    bytes: usize,
    /// Whether a class has given up addresses.
    is_cut: AtomicBool,
    /// The logarithm of the bytes of each range but the last.
    shift: u32,
    classes: [Class; CLASS_PAGES.len()],
}

/// The class whose range comes last.
const LAST: usize = 0;

impl Pool {
    /// Makes a pool of `bytes` bytes of reserved address space at `base`.
    pub fn new(base: usize, bytes: usize) -> Result<Pool, Errno> {
        // Each class begins one page before a boundary, with the guard of its first slot, unless space is short.
        let roomy = bytes / CLASS_PAGES.len() > 2 * STRETCH_ALIGN;
        let align = if roomy { STRETCH_ALIGN } else { PAGE_BYTES };
        let first = (base + PAGE_BYTES).next_multiple_of(align) - PAGE_BYTES;
        let bytes = (base + bytes).saturating_sub(first) & !(align - 1);
        let shift = (bytes / CLASS_PAGES.len()).checked_ilog2().ok_or(Errno::ENOMEM)?;
        if 1 << shift < 32 * PAGE_BYTES {
            return Err(Errno::ENOMEM);
        }
        let class = |number| {
            let start = first + (Self::range_of(number) << shift);
            let end = if number == LAST { first + bytes } else { start + (1 << shift) };
            Class::new(number, start, end - start, CLASS_PAGES[number])
        };
        let classes = [class(0)?, class(1)?, class(2)?, class(3)?, class(4)?];
        Ok(Pool { base: first, bytes, is_cut: AtomicBool::new(false), shift, classes })
    }

    /// Returns the range of a class, or the class of a range: the map is its own inverse.
    #[inline]
    const fn range_of(number: usize) -> usize {
        CLASS_PAGES.len() - 1 - number
    }

    /// Returns the number of the smallest class whose slots hold `pages` pages.
    pub fn class_for(pages: usize) -> Option<usize> {
        CLASS_PAGES.iter().position(|&class_pages| pages <= class_pages)
    }

    pub fn class(&self, number: usize) -> &Class {
        &self.classes[number]
    }

    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// Whether `address` is in the pool's address space.
    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        let offset = address.wrapping_sub(self.base);
        offset < self.bytes
            && (!self.is_cut.load(Ordering::Relaxed) || self.class_at(offset).has(address))
    }

    /// Notes that a class is about to give up addresses.
    pub fn note_cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }

    /// Returns the slot that `address` lies in, if it is in service.
    #[inline(always)]
    pub fn locate(&self, address: usize) -> Option<Slot<'_>> {
        // Most objects are in the smallest slots, whose stride is a constant.
        let smallest = &self.classes[LAST];
        let offset = address.wrapping_sub(smallest.start());
        if let Some(slot) = smallest.slot(offset / ((CLASS_PAGES[LAST] + 1) * PAGE_BYTES)) {
            return Some(slot);
        }
        let class = self.class_of(address)?;
        class.slot(class.index_of(address)?)
    }

    /// Returns the slots before, at and behind `address` that are in service.
    pub fn neighbourhood(&self, address: usize) -> [Option<Slot<'_>>; 3] {
        let Some(class) = self.class_of(address) else {
            return [None; 3];
        };
        match class.index_of(address) {
            Some(index) => [
                index.checked_sub(1).and_then(|i| class.slot(i)),
                class.slot(index),
                class.slot(index + 1),
            ],
            // The address is in the guard before the first slot.
            None => [None, None, class.slot(0)],
        }
    }

    /// Returns the class in whose range `address` lies.
    #[inline]
    pub fn class_of(&self, address: usize) -> Option<&Class> {
        let offset = address.wrapping_sub(self.base);
        (offset < self.bytes).then(|| self.class_at(offset))
    }

    /// Returns the class in whose range the byte at `offset` in the pool lies; behind all ranges, the last one.
    #[inline]
    pub fn class_at(&self, offset: usize) -> &Class {
        // The last range may be longer than the others.
        let range = (offset >> self.shift).min(CLASS_PAGES.len() - 1);
        &self.classes[Self::range_of(range)]
    }

    /// See [`Lock::hold_for_fork`].
    pub fn hold_for_fork(&self) {
        self.classes.iter().for_each(Class::hold_for_fork);
    }

    /// # Safety
    /// See [`Lock::release_after_fork`].
    pub unsafe fn release_after_fork(&self) {
        for class in &self.classes {
            // SAFETY: the caller promises that this thread, or the one that it is a copy of, called `hold_for_fork`.
            unsafe { class.release_after_fork() }
        }
    }
}

/// The slots of a stretch: in the smallest class they fill two page tables.
pub const STRETCH_SLOTS: usize = 512;

/// The bytes that a page table maps. Stretches that begin at such a boundary share no page table.
pub const STRETCH_ALIGN: usize = 2 << 20;

/// The bytes of a stretch's records: whole pages, so that they can be dropped separately.
pub const STRETCH_RECORD_BYTES: usize = STRETCH_SLOTS * size_of::<Record>();
const _: () = assert!(STRETCH_RECORD_BYTES.is_multiple_of(PAGE_BYTES));

/// The state of a stretch.
struct Stretch {
    /// How many slots were retired or given up. The thread that counts the last one collapses the stretch.
    done: AtomicU32,
    /// [`IN_SERVICE`], [`COLLAPSED`] or [`FORGOTTEN`]. It only rises.
    state: AtomicU32,
}

/// Some slots are not handed out yet, or live.
const IN_SERVICE: u32 = 0;
/// All slots are retired, and one mapping covers them.
const COLLAPSED: u32 = 1;
/// One mapping covers the slots, and their records are gone.
const FORGOTTEN: u32 = 2;

/// The fraction bits of [`Class::inverse`]. Beside them 64 bits have room for the pages of 4 TiB, or of 8 TiB in the
/// class of the smallest slots.
pub const INVERSE_BITS: u32 = 34;

/// The slots of one size. The fields that turn an address into a record share a cache line.
#[repr(C, align(64))]
pub struct Class {
    /// The address of the first slot. The page before it is a guard.
    start: usize,
    /// The inverse of the pages of a slot with its guard, rounded up, in units of 2^-[`INVERSE_BITS`].
    inverse: usize,
    /// The bytes of a slot with its guard.
    stride: usize,
    /// How many slots and their records are in service; only grows.
    opened: AtomicUsize,
    records: Region<Record>,
    stretches: Region<Stretch>,
    number: usize,
    data_pages: usize,
    /// How many slots there can be; only shrinks.
    capacity: AtomicUsize,
    /// The end of the class's first address space, and of what is left of it.
    first_end: usize,
    end: AtomicUsize,
    /// How many slots were handed out; may exceed `capacity`.
    claimed: AtomicUsize,
    opening: Lock<()>,
}

impl Class {
    /// Byte offsets of what turns an address into a record, for the assembler.
    pub const START_AT: usize = offset_of!(Class, start);
    pub const INVERSE_AT: usize = offset_of!(Class, inverse);
    pub const STRIDE_AT: usize = offset_of!(Class, stride);
    pub const OPENED_AT: usize = offset_of!(Class, opened);
    pub const RECORDS_AT: usize = offset_of!(Class, records) + Region::<Record>::BASE_AT;

    /// Makes a class of `bytes` bytes of reserved address space at `base`, which best lies one page before a boundary
    /// of [`STRETCH_ALIGN`].
    pub fn new(
        number: usize,
        base: usize,
        bytes: usize,
        data_pages: usize,
    ) -> Result<Class, Errno> {
        let slot_pages = data_pages + 1;
        let inverse = (1_usize << INVERSE_BITS).div_ceil(slot_pages);
        let pages = bytes / PAGE_BYTES - 1;
        assert!(pages <= usize::MAX / inverse, "products must not overflow");
        // The inverse is too large by less than slot_pages units, so up to `exact` pages are divided correctly.
        let exact = (1 << INVERSE_BITS) / slot_pages;
        // Threads keep slot numbers in 32 bits.
        let capacity = (pages.min(exact) / slot_pages).min(u32::MAX as usize - 1);
        Ok(Class {
            start: base + PAGE_BYTES,
            inverse,
            stride: slot_pages * PAGE_BYTES,
            opened: AtomicUsize::new(0),
            // SAFETY: a zeroed Record is Virgin, and needs no drop.
            records: unsafe { Region::reserve(capacity)? },
            // SAFETY: both fields are atomics, for which zero is valid, and need no drop.
            stretches: unsafe { Region::reserve(capacity.div_ceil(STRETCH_SLOTS))? },
            number,
            data_pages,
            capacity: AtomicUsize::new(capacity),
            first_end: base + bytes,
            end: AtomicUsize::new(base + bytes),
            claimed: AtomicUsize::new(0),
            opening: Lock::new(()),
        })
    }

    fn capacity(&self) -> usize {
        self.capacity.load(Ordering::Relaxed)
    }

    /// Whether the class still owns `address`, which lies in its range.
    pub fn has(&self, address: usize) -> bool {
        address < self.end.load(Ordering::Relaxed)
    }

    /// Returns all addresses that the class had at first.
    pub fn whole(&self) -> Range<usize> {
        self.start - PAGE_BYTES..self.first_end
    }

    /// Returns the addresses behind those in service.
    pub fn unused(&self) -> Range<usize> {
        let start = match self.opened.load(Ordering::Acquire) {
            0 => self.start - PAGE_BYTES,
            opened => self.start + opened * self.stride,
        };
        start..self.end.load(Ordering::Relaxed)
    }

    /// Gives up the addresses from `from` on. Returns false if some of them are in service.
    pub fn give_up(&self, from: usize) -> bool {
        let _opening = self.opening.lock();
        let unused = self.unused();
        if from < unused.start {
            return false;
        }
        self.end.fetch_min(from, Ordering::Relaxed);
        self.capacity.fetch_min(from.saturating_sub(self.start) / self.stride, Ordering::Relaxed);
        true
    }

    /// Returns the address of the first slot.
    #[inline(always)]
    pub fn start(&self) -> usize {
        self.start
    }

    /// Returns how many slots are taken into service at a time: few of a large class, which a program may hardly use.
    fn step(&self) -> usize {
        (2 * STRETCH_SLOTS / (self.data_pages + 1)).next_power_of_two() / 2
    }

    /// Returns slot `index`, if it is in service.
    #[inline(always)]
    pub fn slot(&self, index: usize) -> Option<Slot<'_>> {
        if index >= self.opened.load(Ordering::Acquire) {
            return None;
        }
        let start = self.start + index * self.stride;
        // SAFETY: the record was committed before the slot was taken into service.
        let record = unsafe { self.records.committed(index) };
        let home = Home::Pool { class: self.number, index };
        Some(Slot { record, data: PageRange::new(start, self.data_pages), home })
    }

    /// Takes up to `count` fresh slots for the caller only.
    pub fn claim(
        &self,
        pages: &dyn PageProtection,
        room: &Room,
        count: usize,
    ) -> Result<Range<usize>, Errno> {
        // Check first, so that the counter does not run on once the class is spent.
        if self.is_spent() {
            return Err(Errno::ENOMEM);
        }
        let start = self.claimed.fetch_add(count, Ordering::Relaxed);
        let end = (start + count).min(self.capacity());
        if start >= end {
            return Err(Errno::ENOMEM);
        }
        self.open(pages, room, end).inspect_err(|_| {
            // Give the slots back if nobody has claimed more. Otherwise they are lost.
            let _ = self.claimed.compare_exchange(
                start + count,
                start,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        })?;
        Ok(start..end)
    }

    /// Takes slots into service until the first `count` are.
    fn open(&self, pages: &dyn PageProtection, room: &Room, count: usize) -> Result<(), Errno> {
        if count <= self.opened.load(Ordering::Acquire) {
            return Ok(());
        }
        let _opening = self.opening.lock();
        let opened = self.opened.load(Ordering::Acquire);
        let wanted = count.next_multiple_of(self.step()).min(self.capacity());
        if wanted > opened {
            self.records.ensure(wanted)?;
            self.stretches.ensure(wanted.div_ceil(STRETCH_SLOTS))?;
            // The first guard belongs to no slot, and comes with the first stretch.
            let end = |slots: usize| self.start + slots * self.stride;
            let start = if opened == 0 { self.start - PAGE_BYTES } else { end(opened) };
            let stretch = PageRange::new(start, (end(wanted) - start) / PAGE_BYTES);
            if !room.take(stretch.bytes()) {
                return Err(Errno(libc::EDQUOT));
            }
            // SAFETY: the stretch follows what is in service, inside the class's own range.
            unsafe { pages.open(stretch) }.inspect_err(|_| room.give_back(stretch.bytes()))?;
            self.opened.store(wanted, Ordering::Release);
        }
        Ok(())
    }

    /// Returns the address of the guard before the first slot, once it is in service.
    pub fn first_guard(&self) -> Option<usize> {
        (self.opened.load(Ordering::Acquire) > 0).then_some(self.start - PAGE_BYTES)
    }

    /// Returns the slots in service that are not in a collapsed stretch.
    pub fn in_service(&self) -> impl Iterator<Item = Slot<'_>> {
        let opened = self.opened.load(Ordering::Acquire);
        (0..opened)
            .step_by(STRETCH_SLOTS)
            .filter(|&first| !self.has_collapsed(first))
            .flat_map(move |first| first..(first + STRETCH_SLOTS).min(opened))
            .filter_map(|index| self.slot(index))
    }

    /// Passes every slot in service that is not in a collapsed stretch to `visit`, until that returns false. No slot is
    /// taken into service meanwhile.
    pub fn visit_in_service(&self, visit: impl FnMut(Slot<'_>) -> bool) {
        let _opening = self.opening.lock();
        self.in_service().all(visit);
    }

    /// How many slots are in service.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::Acquire)
    }

    fn stretch_of(&self, index: usize) -> Option<&Stretch> {
        self.stretches.get(index / STRETCH_SLOTS)
    }

    /// Whether one mapping covers the slot's stretch.
    pub fn has_collapsed(&self, index: usize) -> bool {
        self.stretch_of(index)
            .is_some_and(|stretch| stretch.state.load(Ordering::Acquire) != IN_SERVICE)
    }

    /// Whether `address` is in the guard before the first slot, and that is in service.
    pub fn is_first_guard(&self, address: usize) -> bool {
        address.wrapping_sub(self.start - PAGE_BYTES) < PAGE_BYTES
            && self.opened.load(Ordering::Acquire) > 0
    }

    /// Whether the records of the slot's stretch are gone.
    pub fn is_forgotten(&self, index: usize) -> bool {
        let state = self.stretch_of(index).map(|stretch| stretch.state.load(Ordering::Acquire));
        state == Some(FORGOTTEN)
    }

    /// Counts a slot that was retired, or given up unused. Returns the number of its stretch if that was the last slot
    /// of it.
    #[inline(always)]
    pub fn count_done(&self, index: usize) -> Option<usize> {
        let done = self.stretch_of(index)?.done.fetch_add(1, Ordering::AcqRel) + 1;
        (done as usize == STRETCH_SLOTS).then_some(index / STRETCH_SLOTS)
    }

    /// Returns how many kernel mappings the collapse of a stretch costs: it cuts one into three, unless a neighbour has
    /// collapsed too.
    pub fn mappings_to_collapse(&self, stretch: usize) -> isize {
        let collapsed = |number: Option<usize>| {
            let state = number.and_then(|n| self.stretches.get(n)).map(|s| &s.state);
            isize::from(state.is_some_and(|state| state.load(Ordering::Relaxed) != IN_SERVICE))
        };
        2 * (1 - collapsed(stretch.checked_sub(1)) - collapsed(stretch.checked_add(1)))
    }

    /// Lays one inaccessible mapping over a stretch.
    ///
    /// # Safety
    /// All its slots must have been retired or given up.
    pub unsafe fn collapse(&self, stretch: usize, room: &Room) -> Result<(), Errno> {
        let start = self.start + stretch * STRETCH_SLOTS * self.stride;
        // SAFETY: the caller promises that no slot of the stretch is used again; the range is the class's own.
        unsafe { memory::decommit(start, STRETCH_SLOTS * self.stride) }?;
        room.give_back(STRETCH_SLOTS * self.stride);
        if let Some(stretch) = self.stretches.get(stretch) {
            stretch.state.store(COLLAPSED, Ordering::Release);
        }
        Ok(())
    }

    /// Drops the records of a collapsed stretch. A thread that reads one meanwhile finds its contents or nothing.
    pub fn forget(&self, stretch: usize) {
        if let Some(state) = self.stretches.get(stretch).map(|stretch| &stretch.state) {
            debug_assert_eq!(state.load(Ordering::Relaxed), COLLAPSED);
            state.store(FORGOTTEN, Ordering::Release);
            self.records.discard(stretch * STRETCH_SLOTS, STRETCH_SLOTS);
        }
    }

    /// See [`Lock::hold_for_fork`].
    pub fn hold_for_fork(&self) {
        self.opening.hold_for_fork();
        self.records.hold_for_fork();
        self.stretches.hold_for_fork();
    }

    /// # Safety
    /// See [`Lock::release_after_fork`].
    pub unsafe fn release_after_fork(&self) {
        // SAFETY: the caller promises that this thread, or the one that it is a copy of, called `hold_for_fork`.
        unsafe {
            self.stretches.release_after_fork();
            self.records.release_after_fork();
            self.opening.release_after_fork();
        }
    }

    /// Returns the number of the slot whose stride holds `address`, which must lie in the class's range.
    #[inline]
    pub fn index_of(&self, address: usize) -> Option<usize> {
        let page = address.checked_sub(self.start)? / PAGE_BYTES;
        Some((page * self.inverse) >> INVERSE_BITS)
    }

    /// Whether all slots were handed out.
    pub fn is_spent(&self) -> bool {
        self.claimed.load(Ordering::Relaxed) >= self.capacity()
    }
}

#[cfg(test)]
mod tests;
