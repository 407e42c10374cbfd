//! Slots of a few sizes, found from an address by arithmetic.
//!
//! One reservation holds a range for each class. A range is one guard page, then slots side by side,
//! each of the class's data pages and one guard page: every slot has a guard on both sides. All ranges
//! but the last have the same power of two of bytes, so that the class of an address is found by a
//! shift. The last is that of the smallest slots, of which most programs need most, and has the rest.
//!
//! Slots are handed out once, in order, and never again: an address names one object for the life
//! of the process. They are taken into service, and given back, in *stretches*. When all slots of a stretch have
//! been handed out and retired, the stretch collapses: one inaccessible mapping is laid over it,
//! which frees the page tables that retired slots still hold, and goes on faulting for good. Their
//! records stay as long as the history's budget allows ([`super::history`]); after that a stretch is
//! forgotten, and all that is known of an address in it is that it was freed long ago.

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

/// Data pages of each class. Larger objects get a range of their own (see [`super::large`]).
pub const CLASS_PAGES: [usize; 5] = [1, 2, 4, 8, 16];

/// The classes, side by side in one reservation.
pub struct Pool {
    base: usize,
    bytes: usize,
    /// Whether a class has given up addresses.
    is_cut: AtomicBool,
    /// Log2 of the bytes of each range but the last.
    shift: u32,
    classes: [Class; CLASS_PAGES.len()],
}

/// The class whose range comes last.
const LAST: usize = 0;

impl Pool {
    /// Lays the pool over `bytes` bytes of reserved address space at `base`.
    pub fn new(base: usize, bytes: usize) -> Result<Pool, Errno> {
        // Each class begins one page before a boundary, with the guard of its first slot. Where
        // space is short it is not spent on that.
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

    /// Which range is a class's, and which class's a range is: the other way round.
    #[inline]
    const fn range_of(number: usize) -> usize {
        CLASS_PAGES.len() - 1 - number
    }

    /// Number of the smallest class whose slots hold `pages` pages.
    pub fn class_for(pages: usize) -> Option<usize> {
        CLASS_PAGES.iter().position(|&class_pages| pages <= class_pages)
    }

    pub fn class(&self, number: usize) -> &Class {
        &self.classes[number]
    }

    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// Whether `address` lies in the pool's address space.
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

    /// The slot that `address` lies in, if it is in service.
    #[inline(always)]
    pub fn locate(&self, address: usize) -> Option<Slot<'_>> {
        // Most objects are in the smallest slots: by a stride that is known.
        let smallest = &self.classes[LAST];
        let offset = address.wrapping_sub(smallest.start());
        if let Some(slot) = smallest.slot(offset / ((CLASS_PAGES[LAST] + 1) * PAGE_BYTES)) {
            return Some(slot);
        }
        let class = self.class_of(address)?;
        class.slot(class.index_of(address)?)
    }

    /// The slot that `address` lies in and its two neighbours, as far as they are in service.
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
            // The guard before the first slot.
            None => [None, None, class.slot(0)],
        }
    }

    /// The class in whose range `address` lies.
    #[inline]
    pub fn class_of(&self, address: usize) -> Option<&Class> {
        let offset = address.wrapping_sub(self.base);
        (offset < self.bytes).then(|| self.class_at(offset))
    }

    /// The class in whose range the byte at `offset` in the pool lies; behind all, the last one.
    #[inline]
    pub fn class_at(&self, offset: usize) -> &Class {
        // The last range is as long as it is.
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
            // SAFETY: this thread, or its image before the fork, holds what is released, as this function demands.
            unsafe { class.release_after_fork() }
        }
    }
}

/// Slots of a stretch: of the smallest class, two page tables full.
pub const STRETCH_SLOTS: usize = 512;

/// Bytes that one page table maps. Stretches that begin at such a boundary share no page table.
pub const STRETCH_ALIGN: usize = 2 << 20;

/// Bytes of the records of a stretch: whole pages, so that they can be dropped by themselves.
pub const STRETCH_RECORD_BYTES: usize = STRETCH_SLOTS * size_of::<Record>();
const _: () = assert!(STRETCH_RECORD_BYTES.is_multiple_of(PAGE_BYTES));

/// What has become of a stretch.
struct Stretch {
    /// Slots retired or given up; the one who counts the last collapses the stretch.
    done: AtomicU32,
    /// [`IN_SERVICE`], [`COLLAPSED`] or [`FORGOTTEN`]; only rises.
    state: AtomicU32,
}

/// Some slots may still be handed out or live.
const IN_SERVICE: u32 = 0;
/// All slots are retired, and one mapping covers them.
const COLLAPSED: u32 = 1;
/// And their records are gone.
const FORGOTTEN: u32 = 2;

/// Fraction bits of [`Class::inverse`]. They leave room for the pages of 4 TiB beside it in 64 bits, and of
/// 8 TiB where slots are smallest.
pub const INVERSE_BITS: u32 = 34;

/// The slots of one size. What turns an address into a record is on one cache line.
#[repr(C, align(64))]
pub struct Class {
    /// Of the first slot; the page before it is a guard.
    start: usize,
    /// 1 divided by the pages of a slot with its guard, rounded up, in units of 2^-[`INVERSE_BITS`].
    inverse: usize,
    /// Bytes of a slot with its guard.
    stride: usize,
    /// Slots whose pages and records are in service; only grows.
    opened: AtomicUsize,
    records: Region<Record>,
    stretches: Region<Stretch>,
    number: usize,
    data_pages: usize,
    /// Slots that there can be; only shrinks.
    capacity: AtomicUsize,
    /// End of the address space that there was, and of what is left of it.
    first_end: usize,
    end: AtomicUsize,
    /// Slots handed out, possibly past `capacity`.
    claimed: AtomicUsize,
    opening: Lock<()>,
}

impl Class {
    /// Where assembler finds what turns an address into a record: byte offsets.
    pub const START_AT: usize = offset_of!(Class, start);
    pub const INVERSE_AT: usize = offset_of!(Class, inverse);
    pub const STRIDE_AT: usize = offset_of!(Class, stride);
    pub const OPENED_AT: usize = offset_of!(Class, opened);
    pub const RECORDS_AT: usize = offset_of!(Class, records) + Region::<Record>::BASE_AT;

    /// Lays a class over `bytes` bytes of reserved address space at `base`, which best lies one page
    /// before a boundary of [`STRETCH_ALIGN`].
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
        // The inverse is too large by less than slot_pages units: so many are not rounded wrongly.
        let exact = (1 << INVERSE_BITS) / slot_pages;
        // Slot numbers are 32 bits wide where threads keep them.
        let capacity = (pages.min(exact) / slot_pages).min(u32::MAX as usize - 1);
        Ok(Class {
            start: base + PAGE_BYTES,
            inverse,
            stride: slot_pages * PAGE_BYTES,
            opened: AtomicUsize::new(0),
            // SAFETY: a zeroed Record is Virgin; it has no drop glue.
            records: unsafe { Region::reserve(capacity)? },
            // SAFETY: both fields are atomics, for which zero is valid; no drop glue.
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

    /// Whether `address`, which lies in the class's range, is still its own.
    pub fn has(&self, address: usize) -> bool {
        address < self.end.load(Ordering::Relaxed)
    }

    /// All addresses that were the class's at first.
    pub fn whole(&self) -> Range<usize> {
        self.start - PAGE_BYTES..self.first_end
    }

    /// The addresses behind what is in service.
    pub fn unused(&self) -> Range<usize> {
        let start = match self.opened.load(Ordering::Acquire) {
            0 => self.start - PAGE_BYTES,
            opened => self.start + opened * self.stride,
        };
        start..self.end.load(Ordering::Relaxed)
    }

    /// Gives up the addresses from `from` on; false if something there is in service.
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

    /// Address of the first slot.
    #[inline(always)]
    pub fn start(&self) -> usize {
        self.start
    }

    /// Slots taken into service at a time: few of a large class, which a program may hardly use.
    fn step(&self) -> usize {
        (2 * STRETCH_SLOTS / (self.data_pages + 1)).next_power_of_two() / 2
    }

    /// Slot `index`, if it is in service.
    #[inline(always)]
    pub fn slot(&self, index: usize) -> Option<Slot<'_>> {
        if index >= self.opened.load(Ordering::Acquire) {
            return None;
        }
        let start = self.start + index * self.stride;
        // SAFETY: committed before the slot was taken into service.
        let record = unsafe { self.records.committed(index) };
        let home = Home::Pool { class: self.number, index };
        Some(Slot { record, data: PageRange::new(start, self.data_pages), home })
    }

    /// Takes up to `count` fresh slots for the caller alone.
    pub fn claim(
        &self,
        pages: &dyn PageProtection,
        room: &Room,
        count: usize,
    ) -> Result<Range<usize>, Errno> {
        // Checked first so that the counter does not run on once the class is spent.
        if self.is_spent() {
            return Err(Errno::ENOMEM);
        }
        let start = self.claimed.fetch_add(count, Ordering::Relaxed);
        let end = (start + count).min(self.capacity());
        if start >= end {
            return Err(Errno::ENOMEM);
        }
        self.open(pages, room, end).inspect_err(|_| {
            // If nobody has claimed more, these are as before. Otherwise they are lost.
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

    /// Address of the guard before the first slot, once that is in service.
    pub fn first_guard(&self) -> Option<usize> {
        (self.opened.load(Ordering::Acquire) > 0).then_some(self.start - PAGE_BYTES)
    }

    /// The slots in service that are not in a collapsed stretch.
    pub fn in_service(&self) -> impl Iterator<Item = Slot<'_>> {
        let opened = self.opened.load(Ordering::Acquire);
        (0..opened)
            .step_by(STRETCH_SLOTS)
            .filter(|&first| !self.has_collapsed(first))
            .flat_map(move |first| first..(first + STRETCH_SLOTS).min(opened))
            .filter_map(|index| self.slot(index))
    }

    /// Passes every slot in service that is not in a collapsed stretch to `visit`, until it returns false. No slot is
    /// taken into service meanwhile.
    pub fn visit_in_service(&self, visit: impl FnMut(Slot<'_>) -> bool) {
        let _opening = self.opening.lock();
        self.in_service().all(visit);
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

    /// Counts a slot that is done with: retired, or given up unused. Returns the number of its
    /// stretch if that was the last slot of it.
    #[inline(always)]
    pub fn count_done(&self, index: usize) -> Option<usize> {
        let done = self.stretch_of(index)?.done.fetch_add(1, Ordering::AcqRel) + 1;
        (done as usize == STRETCH_SLOTS).then_some(index / STRETCH_SLOTS)
    }

    /// Kernel mappings that collapsing a stretch costs: it cuts one in three, unless a neighbour
    /// has collapsed too.
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
    /// All its slots must be done with.
    pub unsafe fn collapse(&self, stretch: usize, room: &Room) -> Result<(), Errno> {
        let start = self.start + stretch * STRETCH_SLOTS * self.stride;
        // SAFETY: all slots of the stretch are done with, as this function demands; the range is the class's own.
        unsafe { memory::decommit(start, STRETCH_SLOTS * self.stride) }?;
        room.give_back(STRETCH_SLOTS * self.stride);
        if let Some(stretch) = self.stretches.get(stretch) {
            stretch.state.store(COLLAPSED, Ordering::Release);
        }
        Ok(())
    }

    /// Drops the records of a collapsed stretch. Whoever reads one meanwhile finds what it said or
    /// nothing.
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
        // SAFETY: this thread, or its image before the fork, holds what is released, as this function demands.
        unsafe {
            self.stretches.release_after_fork();
            self.records.release_after_fork();
            self.opening.release_after_fork();
        }
    }

    /// Number of the slot whose stride holds `address`, which must lie in the class's range.
    #[inline]
    pub fn index_of(&self, address: usize) -> Option<usize> {
        let page = address.checked_sub(self.start)? / PAGE_BYTES;
        Some((page * self.inverse) >> INVERSE_BITS)
    }

    /// Whether all slots have been handed out.
    pub fn is_spent(&self) -> bool {
        self.claimed.load(Ordering::Relaxed) >= self.capacity()
    }
}

#[cfg(test)]
mod tests;
