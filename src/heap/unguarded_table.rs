//! The table of unguarded objects: 24 bytes a row, and mostly full.
//!
//! It has several parts, so that threads seldom wait for each other. Each part is a hash table with open addressing,
//! whose rows are in the order of their hashes. Its size is any number, so it grows by an eighth in place, without a
//! copy. A row is at the first free place from its home on; its home is its hash as a fraction of the part's size.

use super::record::{Event, Family, ThreadId};
use crate::sys::lock::Lock;
use crate::sys::memory::Reservation;
use crate::trace::TraceId;

/// One live object of the next allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unguarded {
    pub address: usize,
    pub size: usize,
    pub family: Family,
    /// The logarithm of the alignment asked for; 0 if there was none.
    pub align_log2: u8,
    pub allocated: Event,
    /// The logarithm of the canary bytes before the object, which are also the distance to the next allocator's block.
    pub front_log2: u8,
}

/// The table's address space in bytes. With 2 GiB of it, a part has room for 89 million objects.
const RESERVED_BYTES: usize = 128 << 30;

/// With less than this there is no table.
const LEAST_RESERVED_BYTES: usize = SHARDS * STEP_BYTES;

/// The number of parts, a power of two.
const SHARDS: usize = 64;

/// How many bytes of a part are made usable at a time.
const STEP_BYTES: usize = 16 << 10;

/// A part's first number of homes, and the least by which it grows: not many more than a page holds.
const LEAST_ROWS: usize = 128;

/// A part grows by its size divided by this.
const GROWTH_PARTS: usize = 8;

/// Places behind the last home, for rows whose home is taken. Only used ones take memory.
const TAIL_ROWS: usize = 256;

/// One of so many homes stays empty; otherwise searches get long.
const SPARE_PARTS: usize = 16;

/// The row of one object; all zeros if there is none.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
struct Row {
    /// The hash of the address, which can be undone.
    hash: u64,
    /// The size below [`SIZE_BITS`]; above it the family, and the logarithms of the object's and the block's alignment.
    about: u64,
    thread: u32,
    trace: u32,
}

const _: () = assert!(size_of::<Row>() == 24);

/// Bytes that a row takes, with its share of the places that stay empty.
pub const ROW_BYTES: usize = 28;

const EMPTY: Row = Row { hash: 0, about: 0, thread: 0, trace: 0 };

/// Bits of a size: only impossible objects need more.
const SIZE_BITS: u32 = 48;
const LOG2_BITS: u32 = 6;
const LOG2_MASK: u64 = (1 << LOG2_BITS) - 1;

/// Odd numbers, so multiplying by them can be undone (from the finalizer of MurmurHash3).
const FACTORS: [u64; 2] = [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53];
const INVERSES: [u64; 2] = [invert(FACTORS[0]), invert(FACTORS[1])];

/// Returns the inverse of an odd number, by Newton's method: each step doubles the number of right bits.
const fn invert(odd: u64) -> u64 {
    let (mut inverse, mut bits) = (odd, 3);
    while bits < u64::BITS {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
        bits *= 2;
    }
    inverse
}

/// Returns the hash of an address, which is 0 only for 0.
fn hash_of(address: usize) -> u64 {
    let mixed = (address as u64).wrapping_mul(FACTORS[0]);
    (mixed ^ mixed >> 32).wrapping_mul(FACTORS[1])
}

fn address_of(hash: u64) -> usize {
    let mixed = hash.wrapping_mul(INVERSES[1]);
    (mixed ^ mixed >> 32).wrapping_mul(INVERSES[0]) as usize
}

impl Row {
    /// Packs an object into a row; `None` if its size is impossible.
    fn pack(object: &Unguarded) -> Option<Row> {
        if object.size as u64 >= 1 << SIZE_BITS {
            return None;
        }
        let logs = u64::from(object.align_log2) << LOG2_BITS | u64::from(object.front_log2);
        let above = (object.family as u64) << (2 * LOG2_BITS) | logs;
        Some(Row {
            hash: hash_of(object.address),
            about: above << SIZE_BITS | object.size as u64,
            thread: object.allocated.thread.0,
            trace: object.allocated.trace.get(),
        })
    }

    fn unpack(&self) -> Unguarded {
        let above = self.about >> SIZE_BITS;
        Unguarded {
            address: address_of(self.hash),
            size: (self.about & ((1 << SIZE_BITS) - 1)) as usize,
            family: Family::from_number((above >> (2 * LOG2_BITS)) as u32),
            align_log2: (above >> LOG2_BITS & LOG2_MASK) as u8,
            front_log2: (above & LOG2_MASK) as u8,
            allocated: Event {
                thread: ThreadId(self.thread),
                trace: TraceId::from_raw(self.trace),
            },
        }
    }
}

/// One part. Its places are `homes`, and a tail behind them.
struct Shard {
    space: Reservation,
    committed_bytes: usize,
    homes: usize,
    count: usize,
    /// Whether growing has failed once. Then it is not tried again, or each allocation would try.
    is_final: bool,
}

impl Shard {
    fn new(space: Reservation) -> Shard {
        Shard { space, committed_bytes: 0, homes: 0, count: 0, is_final: false }
    }

    fn rows(&self) -> &[Row] {
        if self.committed_bytes == 0 {
            return &[];
        }
        let count = self.committed_bytes / size_of::<Row>();
        // SAFETY: the memory is committed, page-aligned and ours, only this shard uses it, and any bytes are a Row.
        unsafe { core::slice::from_raw_parts(self.space.start as *const Row, count) }
    }

    fn rows_mut(&mut self) -> &mut [Row] {
        if self.committed_bytes == 0 {
            return &mut [];
        }
        let count = self.committed_bytes / size_of::<Row>();
        // SAFETY: the memory is committed, page-aligned and ours, any bytes are a Row, and `self` is borrowed as long.
        unsafe { core::slice::from_raw_parts_mut(self.space.start as *mut Row, count) }
    }

    /// Returns the first place from the home on that holds `hash`, a greater one, or nothing.
    fn place(&self, hash: u64) -> usize {
        let rows = self.rows();
        let mut at = home(hash, self.homes);
        while at < rows.len() && rows[at] != EMPTY && rows[at].hash < hash {
            at += 1;
        }
        at
    }

    fn find(&self, hash: u64) -> Option<usize> {
        let at = self.place(hash);
        self.rows().get(at).is_some_and(|row| row.hash == hash).then_some(at)
    }

    /// Adds a row. Returns false if there is no memory for it.
    fn insert(&mut self, row: Row) -> bool {
        if self.count >= self.homes - self.homes / SPARE_PARTS && !self.grow() {
            return false;
        }
        loop {
            let at = self.place(row.hash);
            let rows = self.rows_mut();
            if rows.get(at).is_some_and(|old| old.hash == row.hash) {
                // This row belongs to an object that was freed without us.
                rows[at] = row;
                return true;
            }
            if put(rows, at, row) {
                self.count += 1;
                return true;
            }
            // The tail is full, which does not happen with such hashes.
            if !self.grow() {
                return false;
            }
        }
    }

    fn remove(&mut self, hash: u64) -> Option<Row> {
        let mut at = self.find(hash)?;
        let homes = self.homes;
        self.count -= 1;
        let rows = self.rows_mut();
        let row = rows[at];
        // Rows behind that are not at home move up.
        while at + 1 < rows.len() && rows[at + 1] != EMPTY && home(rows[at + 1].hash, homes) <= at {
            rows[at] = rows[at + 1];
            at += 1;
        }
        rows[at] = EMPTY;
        Some(row)
    }

    /// Makes room for more rows. Without memory, returns false and changes nothing.
    #[cold]
    fn grow(&mut self) -> bool {
        if self.is_final {
            return false;
        }
        let homes = self.homes + (self.homes / GROWTH_PARTS).max(LEAST_ROWS);
        let bytes = ((homes + TAIL_ROWS) * size_of::<Row>()).next_multiple_of(STEP_BYTES);
        let more = bytes.saturating_sub(self.committed_bytes);
        let grown = bytes <= self.space.bytes
            && (more == 0 || self.space.commit(self.committed_bytes, more).is_ok());
        if grown {
            self.committed_bytes = self.committed_bytes.max(bytes);
            // No row is before its new home now, so moving up below can't go too far.
            if spread(self.rows_mut(), homes) {
                self.homes = homes;
            }
        }
        // After a failure the rows move back.
        let settled = self.homes;
        settle(self.rows_mut(), settled);
        self.is_final = !grown || settled != homes;
        !self.is_final
    }
}

/// Returns the home of a row. Hashes in order have homes in order.
fn home(hash: u64, homes: usize) -> usize {
    // The lowest bits choose the shard, and matter least here.
    ((u128::from(hash) * homes as u128) >> u64::BITS) as usize
}

/// Puts `row` at place `at`, and shifts the rows there. If there is no empty place behind, returns false and changes
/// nothing.
fn put(rows: &mut [Row], at: usize, row: Row) -> bool {
    let Some(end) = (at..rows.len()).find(|&place| rows[place] == EMPTY) else { return false };
    rows.copy_within(at..end, at + 1);
    rows[at] = row;
    true
}

/// Moves all rows, last first and in order, to their homes in a larger part, or behind those. Returns false if one
/// finds no place; all rows are at or behind their old homes then, too.
fn spread(rows: &mut [Row], homes: usize) -> bool {
    for at in (0..rows.len()).rev() {
        let row = core::mem::replace(&mut rows[at], EMPTY);
        if row != EMPTY && !put(rows, at.max(home(row.hash, homes)), row) {
            rows[at] = row;
            return false;
        }
    }
    true
}

/// Moves all rows up to their homes. They must be in order, and not before their homes.
fn settle(rows: &mut [Row], homes: usize) {
    let mut free = 0;
    for at in 0..rows.len() {
        let row = core::mem::replace(&mut rows[at], EMPTY);
        if row != EMPTY {
            let place = free.max(home(row.hash, homes));
            rows[place] = row;
            free = place + 1;
        }
    }
}

/// The unguarded objects, by address.
pub struct Table {
    shards: [Lock<Shard>; SHARDS],
}

/// How far a walk over all objects has come.
#[derive(Clone, Copy, Default)]
pub struct Cursor {
    shard: usize,
    /// The least hash that comes next.
    hash: u64,
}

impl Table {
    /// Makes a table, which stays empty if there is no address space for it.
    pub fn new() -> Table {
        Table::with(Reservation::new(RESERVED_BYTES, LEAST_RESERVED_BYTES, 32))
    }

    fn with(space: Option<Reservation>) -> Table {
        let bytes = space.map_or(0, |space| space.bytes / SHARDS / STEP_BYTES * STEP_BYTES);
        let start = space.map_or(0, |space| space.start);
        let shard = |number| Reservation { start: start + number * bytes, bytes };
        Table { shards: core::array::from_fn(|number| Lock::new(Shard::new(shard(number)))) }
    }

    fn shard(&self, hash: u64) -> &Lock<Shard> {
        &self.shards[hash as usize % SHARDS]
    }

    /// Adds an object. Returns false if there is no memory for it.
    pub fn insert(&self, object: &Unguarded) -> bool {
        Row::pack(object).is_some_and(|row| self.shard(row.hash).lock().insert(row))
    }

    /// Returns the object at `address`.
    pub fn get(&self, address: usize) -> Option<Unguarded> {
        let hash = hash_of(address);
        let shard = self.shard(hash).lock();
        shard.find(hash).map(|at| shard.rows()[at].unpack())
    }

    /// Changes what is known of the object at `address`, which stays there.
    pub fn change(&self, address: usize, change: impl FnOnce(&mut Unguarded)) {
        let hash = hash_of(address);
        let mut shard = self.shard(hash).lock();
        let Some(at) = shard.find(hash) else { return };
        let mut object = shard.rows()[at].unpack();
        change(&mut object);
        if let Some(row) = Row::pack(&object) {
            shard.rows_mut()[at] = row;
        }
    }

    /// Takes the object at `address` out.
    pub fn remove(&self, address: usize) -> Option<Unguarded> {
        let hash = hash_of(address);
        self.shard(hash).lock().remove(hash).map(|row| row.unpack())
    }

    /// Walks on to the next object for which `pick` returns something. An object that is there all the time is met
    /// once, whatever else comes and goes. It stays while `pick` looks at it.
    pub fn next<R>(
        &self,
        cursor: &mut Cursor,
        mut pick: impl FnMut(&Unguarded) -> Option<R>,
    ) -> Option<R> {
        while let Some(shard) = self.shards.get(cursor.shard) {
            let shard = shard.lock();
            for row in shard.rows().iter().skip(shard.place(cursor.hash)) {
                if *row == EMPTY {
                    continue;
                }
                if let Some(picked) = pick(&row.unpack()) {
                    match row.hash.checked_add(1) {
                        Some(hash) => cursor.hash = hash,
                        None => *cursor = Cursor { shard: cursor.shard + 1, hash: 0 },
                    }
                    return Some(picked);
                }
            }
            *cursor = Cursor { shard: cursor.shard + 1, hash: 0 };
        }
        None
    }

    /// See [`Lock::hold_for_fork`].
    pub fn hold_for_fork(&self) {
        self.shards.iter().for_each(Lock::hold_for_fork);
    }

    /// # Safety
    /// See [`Lock::release_after_fork`].
    pub unsafe fn release_after_fork(&self) {
        for shard in &self.shards {
            // SAFETY: the caller promises that this thread, or the one that it is a copy of, called `hold_for_fork`.
            unsafe { shard.release_after_fork() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(address: usize, size: usize) -> Unguarded {
        let allocated = Event { thread: ThreadId(7), trace: TraceId::from_raw(u32::MAX) };
        let family = Family::NewArray;
        Unguarded { address, size, family, align_log2: 0, front_log2: 4, allocated }
    }

    /// Returns addresses as a heap makes them, and others that are as different as possible.
    fn addresses(count: usize) -> impl Iterator<Item = usize> {
        (0..count).map(|number| match number % 3 {
            0 => 0x5555_0000_0000 + number * 64,
            1 => 0x7fff_0000_0000 - number * 4096,
            _ => hash_of(number) as usize & 0x7fff_ffff_fff0,
        })
    }

    /// Checks that rows are in order, none before its home, and none with an empty place in between.
    fn verify(shard: &Shard) {
        let (mut last, mut run, mut count) = (0, 0, 0);
        for (at, row) in shard.rows().iter().enumerate() {
            if *row == EMPTY {
                run = at + 1;
                continue;
            }
            let home = home(row.hash, shard.homes);
            assert!(run <= home && home <= at, "home {home}, place {at}, run {run}");
            assert!(row.hash > last);
            (last, count) = (row.hash, count + 1);
        }
        assert_eq!(count, shard.count);
    }

    #[test]
    fn a_row_holds_all_that_is_known() {
        for log2 in [0, 12, 62] {
            let object = Unguarded {
                align_log2: log2,
                front_log2: log2.max(4),
                family: Family::Any,
                ..object(0x7fff_ffff_fff0, (1 << 48) - 1)
            };
            assert_eq!(Row::pack(&object).unwrap().unpack(), object);
        }
        assert!(Row::pack(&object(16, 1 << 48)).is_none());
    }

    #[test]
    fn an_address_and_its_hash_tell_each_other() {
        for address in addresses(1000) {
            assert_eq!(address_of(hash_of(address)), address);
        }
        assert_eq!(hash_of(0), 0);
    }

    #[test]
    fn finds_what_is_there_and_nothing_else() {
        let table = Table::new();
        for (size, address) in addresses(100_000).enumerate() {
            assert!(table.insert(&object(address, size)));
        }
        table.shards.iter().for_each(|shard| verify(&shard.lock()));
        for (size, address) in addresses(100_000).enumerate() {
            assert_eq!(table.get(address), Some(object(address, size)));
            assert_eq!(table.get(address + 8), None);
        }
        for (size, address) in addresses(100_000).enumerate().filter(|(size, _)| size % 5 != 0) {
            assert_eq!(table.remove(address), Some(object(address, size)));
            assert_eq!(table.remove(address), None);
        }
        table.shards.iter().for_each(|shard| verify(&shard.lock()));
        for (size, address) in addresses(100_000).enumerate() {
            let expected = (size % 5 == 0).then_some(object(address, size));
            assert_eq!(table.get(address), expected);
        }
    }

    #[test]
    fn a_full_part_grows_where_it_is() {
        let table = Table::new();
        let mut shard = table.shards[0].lock();
        let mut grown = 0;
        for address in addresses(20_000) {
            let homes = shard.homes;
            assert!(shard.insert(Row::pack(&object(address, 1)).unwrap()));
            if shard.homes != homes {
                verify(&shard);
                grown += 1;
            }
        }
        assert!((20..40).contains(&grown), "{grown}");
        let bytes = shard.homes * size_of::<Row>();
        assert!(bytes < 20_000 * 30, "{bytes}");
    }

    #[test]
    fn without_memory_it_keeps_what_it_has() {
        let start = crate::sys::memory::reserve(LEAST_RESERVED_BYTES).unwrap();
        let table = Table::with(Some(Reservation { start, bytes: LEAST_RESERVED_BYTES }));
        let recorded: Vec<usize> =
            addresses(60_000).filter(|&address| table.insert(&object(address, 1))).collect();
        // A step holds 682 rows, 256 of them behind the last home.
        assert!((20_000..24_000).contains(&recorded.len()), "{}", recorded.len());
        assert!(recorded.iter().all(|&address| table.get(address) == Some(object(address, 1))));
        assert!(recorded.iter().all(|&address| table.remove(address).is_some()));
        assert!(table.insert(&object(recorded[0], 1)));
        table.shards.iter().for_each(|shard| verify(&shard.lock()));
        let nothing = Table::with(None);
        assert!(!nothing.insert(&object(16, 1)));
        assert_eq!((nothing.get(16), nothing.remove(16)), (None, None));
    }

    #[test]
    fn a_part_that_can_not_be_spread_stays_as_it_was() {
        let row = |hash| Row { hash, ..EMPTY };
        // All of these have the last home, and there is no tail.
        let mut rows = [EMPTY; 8];
        for number in 0..4 {
            rows[4 + number] = row(u64::MAX - 4 + number as u64);
        }
        let before = rows;
        assert!(!spread(&mut rows, 8));
        settle(&mut rows, 5);
        assert!(rows == before);
    }

    #[test]
    fn a_walk_meets_each_once_while_others_come_and_go() {
        let table = Table::new();
        for address in addresses(30_000) {
            assert!(table.insert(&object(address, address % 3)));
        }
        let mut met = std::collections::HashSet::new();
        let mut cursor = Cursor::default();
        let wanted = |object: &Unguarded| (object.size == 1).then_some(object.address);
        let mut other = 0x1000;
        while let Some(address) = table.next(&mut cursor, wanted) {
            assert!(met.insert(address));
            table.remove(address);
            (0..10).for_each(|_| {
                other += 16;
                table.insert(&object(other, 2));
            });
        }
        assert_eq!(met.len(), addresses(30_000).filter(|address| address % 3 == 1).count());
        assert_eq!(table.next(&mut cursor, wanted), None);
    }

    #[test]
    fn threads_insert_and_remove_beside_each_other() {
        let table = Table::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let table = &table;
                scope.spawn(move || {
                    for number in 0..20_000 {
                        let address = (number * 4 + thread + 1) * 32;
                        assert!(table.insert(&object(address, number)));
                        if number % 2 == 1 {
                            assert!(table.remove(address).is_some());
                        }
                    }
                });
            }
        });
        let counted: usize = table.shards.iter().map(|shard| shard.lock().count).sum();
        assert_eq!(counted, 40_000);
    }
}
