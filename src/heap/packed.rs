//! Objects without pages of their own, packed many to a page.
//!
//! Each has a slot, found by arithmetic, and the same record as an object with pages; canaries before and behind it show
//! writes there once it is freed. A freed one is filled with junk and waits, as long as there is room for that. When its
//! wait ends, a write to the junk is found, and its slot may be used again. So an address names several objects, one after
//! the other. What no page can show is not seen: reads by plain instructions out of bounds, or after the free.
//!
//! A thread keeps some slots of each class for itself ([`local`]). It passes them on in chains ([`class`]): those it has
//! freed wait in a line, and come to another line once they were looked at, where any thread may take them.

mod class;
pub mod local;

use super::canary;
use super::object::{AllocationRequest, BadCall, Object};
use super::place::{self, Place};
use super::record::{Event, Snapshot, State};
use super::terms::{Account, Terms};
use crate::pages::PageRange;
use crate::sys::lock::Lock;
use crate::sys::residency::SharedPages;
use crate::sys::{PAGE_BYTES, round_up_to_page};
use class::{BACK_BYTES, CLASSES, Class, FRONT_BYTES, Line, class_for};
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

pub use class::PackedSlot;
use local::Local;

/// Freed objects may always take so many bytes while they wait, beside as many as live ones do.
const LEAST_WAITING_BYTES: usize = 4 << 20;

/// The packed slots, in one range of reserved addresses.
pub struct PackedSpace {
    base: usize,
    /// How many bytes of addresses there were at first, and how many are left.
    first_bytes: usize,
    bytes: AtomicUsize,
    /// The logarithm of the bytes of each class's range.
    shift: u32,
    classes: [Class; CLASSES],
    /// Held while slots are taken into service.
    growing: Lock<()>,
    lines: Lock<Lines>,
    /// How many chains of each class can be taken from [`Lines::usable`]. It shows without the lock, which costs system
    /// calls, when it is not worth taking.
    usable: [AtomicUsize; CLASSES],
    /// The upper limit of [`Lines::waiting_bytes`].
    most_waiting: usize,
}

/// The chains of slots that were used before, by class.
struct Lines {
    waiting: [Line; CLASSES],
    usable: [Line; CLASSES],
    waiting_bytes: usize,
}

impl PackedSpace {
    /// Makes the space in `bytes` bytes of reserved address space at `base`. At most `most_waiting` bytes of slots wait.
    pub fn new(base: usize, bytes: usize, most_waiting: usize) -> PackedSpace {
        let shift = (bytes / CLASSES).checked_ilog2().unwrap_or(0);
        let class = |number| Class::new(number, base + (number << shift), 1 << shift);
        PackedSpace {
            base,
            first_bytes: bytes,
            bytes: AtomicUsize::new(bytes),
            shift,
            classes: core::array::from_fn(class),
            growing: Lock::new(()),
            lines: Lock::new(Lines {
                waiting: [Line::EMPTY; CLASSES],
                usable: [Line::EMPTY; CLASSES],
                waiting_bytes: 0,
            }),
            usable: [const { AtomicUsize::new(0) }; CLASSES],
            most_waiting,
        }
    }

    /// Whether `address` is in the space. Lock-free, and safe in signal handlers.
    #[inline(always)]
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.base) < self.bytes.load(Ordering::Relaxed)
    }

    /// All addresses that the space had at first.
    pub fn whole(&self) -> Range<usize> {
        self.base..self.base + self.first_bytes
    }

    /// Those that it has not given up.
    pub fn kept(&self) -> Range<usize> {
        self.base..self.base + self.bytes.load(Ordering::Relaxed)
    }

    /// The addresses that it may give up: all of them, while no object was here.
    pub fn unused(&self) -> Range<usize> {
        let kept = self.kept();
        if self.is_in_use() { kept.end..kept.end } else { kept }
    }

    /// Whether there ever was an object.
    pub fn is_in_use(&self) -> bool {
        self.classes.iter().any(|class| class.opened() > 0)
    }

    /// Gives up the addresses from `from` on, and makes no objects any more. Returns false if one was here.
    pub fn give_up(&self, from: usize) -> bool {
        let _growing = self.growing.lock();
        let gives = self.unused().contains(&from);
        if gives {
            self.bytes.store(from - self.base, Ordering::Relaxed);
        }
        gives
    }

    fn class_of(&self, address: usize) -> Option<&Class> {
        if !self.contains(address) {
            return None;
        }
        self.classes.get((address - self.base) >> self.shift)
    }

    /// Returns the slot that `address` lies in, if it is in service. Lock-free, and safe in signal handlers.
    #[inline(always)]
    pub fn locate(&self, address: usize) -> Option<PackedSlot<'_>> {
        let class = self.class_of(address)?;
        class.slot(class.index_of(address)?)
    }

    /// Returns the bytes from `address` to the end of the live object that it lies in or right behind; `None` if there
    /// is none. Lock-free, and safe in signal handlers.
    pub fn room(&self, address: usize) -> Option<usize> {
        let slot = self.locate(address)?;
        let place = slot.record.live_place()?;
        let start = slot.range().start + place.offset;
        if address < start { None } else { (start + place.size).checked_sub(address) }
    }

    /// Returns the objects in the slots before, at and behind `address`. Lock-free.
    pub fn neighbourhood(&self, address: usize) -> [Option<Object>; 3] {
        let Some(class) = self.class_of(address) else { return [None; 3] };
        let Some(index) = class.index_of(address) else { return [None; 3] };
        [index.checked_sub(1), Some(index), Some(index + 1)].map(|index| {
            let slot = class.slot(index?)?;
            Some(slot.object(&slot.record.read_settled()?))
        })
    }

    /// Returns the slots in service, by address.
    pub fn in_service(&self) -> impl Iterator<Item = PackedSlot<'_>> {
        self.classes.iter().flat_map(Class::in_service)
    }

    /// Makes an object, which reads as zeros. `None` if it is not to be packed, or there is no memory. It must be charged.
    pub fn allocate(
        &self,
        account: Account<'_>,
        request: AllocationRequest,
        allocated: Event,
    ) -> Option<usize> {
        let AllocationRequest { size, align, family, .. } = request;
        // The program may treat whole pages of its objects as pages: protect, drop or replace them. Others have none here.
        if size >= PAGE_BYTES || align >= PAGE_BYTES {
            return None;
        }
        // The front of a slot is as large as the least alignment.
        let front = align.max(FRONT_BYTES);
        let number = class_for(front.checked_add(size)?.checked_add(BACK_BYTES)?)?;
        let class = &self.classes[number];
        let slot = class.slot(self.claim(account, class, number)?)?;
        let start = (slot.range().start + FRONT_BYTES).next_multiple_of(align);
        let offset = start - slot.range().start;
        // SAFETY: only this thread has the slot, which is in service, and the object and the zones lie in it.
        unsafe {
            if slot.record.is_used() {
                core::ptr::write_bytes(start as *mut u8, 0, size);
            }
            canary::fill_zones(slot.zones(start, size, account.terms.config.canary_bytes));
        }
        slot.record.publish(Place { offset, size }, (family, place::log2(align)), allocated);
        Some(start)
    }

    /// Takes a slot for the caller only.
    #[inline(always)]
    fn claim(&self, account: Account<'_>, class: &Class, number: usize) -> Option<usize> {
        let kept = account.cache.packed().map(|local| local.of(number));
        kept.and_then(|kept| kept.take(class)).or_else(|| self.claim_more(account, class, number))
    }

    /// Takes a slot for the caller only, and some more for its thread.
    #[cold]
    #[inline(never)]
    fn claim_more(&self, account: Account<'_>, class: &Class, number: usize) -> Option<usize> {
        let headroom = &account.terms.budget.headroom;
        let is_whole = || self.bytes.load(Ordering::Relaxed) == self.first_bytes;
        let claim = |count| class.claim(&self.growing, is_whole, headroom, count);
        let Some(kept) = account.cache.packed().map(|local| local.of(number)) else {
            return claim(1)?.next();
        };
        if self.usable[number].load(Ordering::Relaxed) > 0
            && let Some(first) = self.take_usable(class, number)
        {
            let rest = class.next(first);
            if let Some(rest) = rest.filter(|&rest| !kept.keep(Some(rest))) {
                // A signal handler was faster.
                self.put_usable(class, number, rest);
            }
            return Some(first);
        }
        let mut slots = claim(class.chained())?;
        let first = slots.next()?;
        kept.fresh.refill(slots);
        Some(first)
    }

    fn take_usable(&self, class: &Class, number: usize) -> Option<usize> {
        let line = &mut self.lines.lock().usable[number];
        let first = line.pop(class);
        self.usable[number].store(line.len, Ordering::Relaxed);
        first
    }

    fn put_usable(&self, class: &Class, number: usize, first: usize) {
        let line = &mut self.lines.lock().usable[number];
        line.push(class, first);
        self.usable[number].store(line.len, Ordering::Relaxed);
    }

    /// Ends an object whose record this thread has won; it must be refunded. The error says what was wrong with its
    /// canaries, or with the junk of another object whose wait is over.
    #[inline(always)]
    pub fn end(
        &self,
        account: Account<'_>,
        slot: PackedSlot<'_>,
        snapshot: Snapshot,
        freed: Event,
    ) -> Result<(), BadCall> {
        let config = &account.terms.config;
        let (start, size) = (slot.address(&snapshot), snapshot.size);
        // SAFETY: only this thread may end the object, and the zones lie in its slot, which is in service.
        let damage = unsafe {
            let zones = slot.zones(start, size, config.canary_bytes);
            let damage = canary::check_zones(zones, canary::BYTE);
            core::ptr::write_bytes(start as *mut u8, config.junk(), size);
            damage
        };
        slot.record.quarantine(freed);
        let class = &self.classes[slot.class];
        let checked = match account.cache.packed().map(|local| local.of(slot.class)) {
            Some(kept) if kept.add_freed(class, slot.index) < class.chained() => Ok(()),
            Some(kept) => {
                kept.take_freed().map_or(Ok(()), |first| self.wait(account, slot.class, first))
            }
            None => {
                class.set_next(slot.index, None);
                self.wait(account, slot.class, slot.index)
            }
        };
        match damage {
            Some(damage) => Err(BadCall::Overwritten(slot.object(&snapshot), damage)),
            None => checked,
        }
    }

    /// Lets a chain of freed objects wait. If too many do, the wait of the oldest of this class ends: the error is the
    /// first of them that was written to.
    #[cold]
    #[inline(never)]
    fn wait(&self, account: Account<'_>, number: usize, first: usize) -> Result<(), BadCall> {
        let class = &self.classes[number];
        let asked = account.terms.budget.held_and_asked()[1];
        let most = self.most_waiting.min(asked.saturating_add(LEAST_WAITING_BYTES));
        let oldest = {
            let mut lines = self.lines.lock();
            lines.waiting[number].push(class, first);
            lines.waiting_bytes += class.chain_bytes();
            // Each class may use as much as is left. So those that are used later find room too.
            let left = most.saturating_sub(lines.waiting_bytes);
            let oldest = match lines.waiting[number].len * class.chain_bytes() > left {
                true => lines.waiting[number].pop(class),
                false => None,
            };
            if oldest.is_some() {
                lines.waiting_bytes -= class.chain_bytes();
            }
            oldest
        };
        let Some(oldest) = oldest else { return Ok(()) };
        let mut checked = Ok(());
        let slots = || class.chain(oldest).filter_map(|index| class.slot(index));
        // No cache has them any more, so they are fetched together.
        slots().for_each(|slot| slot.prefetch());
        for slot in slots() {
            checked = checked.and(end_wait(account.terms, slot));
        }
        let kept = account.cache.packed().map(|local| local.of(number));
        if !kept.is_some_and(|kept| kept.keep(Some(oldest))) {
            self.put_usable(class, number, oldest);
        }
        checked
    }

    /// Changes the size of an object in place, if its slot is the right one for that. Its record must be won by this
    /// thread, is the object's again afterwards, and the object must be charged. The error says what was wrong with its
    /// canaries; `None`, that the object must move.
    pub fn resize(
        &self,
        account: Account<'_>,
        slot: PackedSlot<'_>,
        snapshot: Snapshot,
        size: usize,
        event: Event,
    ) -> Option<Result<(), BadCall>> {
        let (start, limit) = (slot.address(&snapshot), account.terms.config.canary_bytes);
        let needed = snapshot.offset.checked_add(size)?.checked_add(BACK_BYTES)?;
        if size >= PAGE_BYTES || class_for(needed) != Some(slot.class) {
            return None;
        }
        // SAFETY: only this thread may resize the object, and the object and the zones lie in its slot, which is in
        // service.
        let damage = unsafe {
            let zones = slot.zones(start, snapshot.size, limit);
            let damage = canary::check_zones(zones, canary::BYTE);
            let more = size.saturating_sub(snapshot.size);
            let fill = account.terms.config.fill.unwrap_or(0);
            core::ptr::write_bytes((start + snapshot.size) as *mut u8, fill, more);
            canary::fill_zones(slot.zones(start, size, limit));
            damage
        };
        slot.record.resume(size, event);
        Some(
            damage
                .map_or(Ok(()), |damage| Err(BadCall::Overwritten(slot.object(&snapshot), damage))),
        )
    }

    /// Returns the objects whose canaries or junk were overwritten, if wished except those in pages that are shared with
    /// another process.
    pub fn damaged(&self, terms: &Terms, except_shared: bool) -> impl Iterator<Item = BadCall> {
        let mut shared = (except_shared && self.is_in_use()).then(SharedPages::new);
        let damaged = move |slot: PackedSlot<'_>| {
            if let Some(shared) = &mut shared
                && !pages_of(&slot).pages().any(|page| shared.may_be_own(page))
            {
                return None;
            }
            let snapshot = slot.record.read()?;
            let damage = match snapshot.state {
                State::Live => slot.damage(&snapshot, terms.config.canary_bytes)?,
                State::Quarantined => {
                    terms.config.check_junk(slot.address(&snapshot), snapshot.size)?
                }
                _ => return None,
            };
            // If it was freed, resized or used again meanwhile, the thread that did so has checked it.
            (slot.record.read() == Some(snapshot)).then(|| match snapshot.state {
                State::Live => BadCall::Overwritten(slot.object(&snapshot), damage),
                _ => BadCall::WrittenAfterFree(slot.object(&snapshot), damage),
            })
        };
        self.in_service().filter_map(damaged)
    }

    /// Takes over what a thread keeps that is ending. The error says what is wrong with an object that it freed.
    pub fn give_back(&self, account: Account<'_>, local: &Local) -> Result<(), BadCall> {
        let mut checked = Ok(());
        for (number, class) in self.classes.iter().enumerate() {
            let kept = local.of(number);
            if let Some(first) = kept.take_freed() {
                checked = checked.and(self.wait(account, number, first));
            }
            if let Some(first) = kept.take_usable() {
                self.put_usable(class, number, first);
            }
            let mut chain = None;
            while let Some(index) = kept.fresh.take() {
                class.set_next(index, chain);
                chain = Some(index);
            }
            chain.inspect(|&first| self.put_usable(class, number, first));
        }
        checked
    }

    /// See [`Lock::hold_for_fork`].
    pub fn hold_for_fork(&self) {
        self.lines.hold_for_fork();
        self.growing.hold_for_fork();
    }

    /// # Safety
    /// See [`Lock::release_after_fork`].
    pub unsafe fn release_after_fork(&self) {
        // SAFETY: the caller promises that `hold_for_fork` has taken the locks.
        unsafe {
            self.growing.release_after_fork();
            self.lines.release_after_fork();
        }
    }
}

/// Lets the slot of an object that has waited be used again. The error says that it was written to.
fn end_wait(terms: &Terms, slot: PackedSlot<'_>) -> Result<(), BadCall> {
    let Some(snapshot) = slot.record.read() else { return Ok(()) };
    let start = slot.address(&snapshot);
    let zones = [start..start + snapshot.size, start..start];
    // SAFETY: the object lies in its slot, which is in service.
    let damage = unsafe { canary::check_zones(zones, terms.config.junk()) };
    slot.record.leave_quarantine();
    damage.map_or(Ok(()), |damage| Err(BadCall::WrittenAfterFree(slot.object(&snapshot), damage)))
}

/// The pages that hold the slot.
fn pages_of(slot: &PackedSlot<'_>) -> PageRange {
    let Range { start, end } = slot.range();
    let first = start & !(PAGE_BYTES - 1);
    PageRange::new(first, (round_up_to_page(end) - first) / PAGE_BYTES)
}

#[cfg(test)]
mod tests;
