//! Gives address space that is reserved for future objects to a program that asks for it.
//!
//! Each class, and the space of large objects, takes its addresses into service in rising order. So it can give up all
//! addresses behind those, from some address on, for good.

use super::pool::CLASS_PAGES;
use super::spaces::Spaces;
use crate::pages::PageRange;
use crate::sys::{PAGE_BYTES, memory};
use core::ops::Range;

/// The number of classes, one for the space of large objects, and one for that of packed ones.
const SPACES: usize = CLASS_PAGES.len() + 2;

/// The number of the space of packed objects.
const PACKED: usize = SPACES - 1;

/// A wish is granted only if each space keeps at least this part of its addresses.
const KEPT_PARTS: usize = 8;

/// How many bytes each space keeps when addresses are given up for a mapping that found no place.
const KEPT_BYTES: usize = 64 << 30;

/// How the program asks for addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// It wants these; what is mapped there is replaced.
    Replacing,
    /// It wants these, if nothing is mapped there.
    Exact,
    /// It wants these, but others will do.
    Wish,
}

/// The addresses of a class or of the large objects: all of them, and those that no object has had.
struct Space {
    whole: Range<usize>,
    unused: Range<usize>,
}

/// Gives addresses to the program; see [`super::Heap::give`].
pub fn give(all: &Spaces, wanted: Range<usize>, demand: Demand) -> bool {
    let reserved = all.reserved();
    if wanted.is_empty() || wanted.end <= reserved.start || wanted.start >= reserved.end {
        return false;
    }
    let part = |range: &Range<usize>| wanted.start.max(range.start)..wanted.end.min(range.end);
    let spaces = list(all);
    let may_give = |space: &Space| {
        let asked = part(&space.whole);
        let kept = match demand {
            Demand::Wish => space.whole.len() / KEPT_PARTS,
            Demand::Replacing | Demand::Exact => 0,
        };
        asked.is_empty() || asked.start >= space.unused.start + kept
    };
    if !spaces.iter().all(may_give) {
        return false;
    }
    let mut has_given = false;
    for (number, space) in spaces.iter().enumerate() {
        let given = part(&space.unused);
        if !given.is_empty() {
            has_given |= give_up(all, number, space, given, demand);
        }
    }
    has_given
}

/// Gives addresses for a mapping that found no place; see [`super::Heap::make_room`].
pub fn make_room(all: &Spaces, bytes: usize) -> bool {
    let spaces = list(all);
    let given = |space: &Space| space.unused.start + KEPT_BYTES..space.unused.end;
    let enough = (0..SPACES).filter(|&number| given(&spaces[number]).len() >= bytes);
    enough.min_by_key(|&number| spaces[number].unused.len()).is_some_and(|number| {
        give_up(all, number, &spaces[number], given(&spaces[number]), Demand::Exact)
    })
}

/// Whether an address was given away; see [`super::Heap::has_given`].
pub fn has_given(all: &Spaces, address: usize) -> bool {
    let is_given = |space: &Space| space.whole.contains(&address) && address >= space.unused.end;
    list(all).iter().any(is_given)
}

/// What of the reservation was not given away.
#[cfg(test)]
pub fn kept(all: &Spaces) -> impl Iterator<Item = Range<usize>> {
    list(all).into_iter().map(|space| space.whole.start..space.unused.end)
}

fn list(all: &Spaces) -> [Space; SPACES] {
    core::array::from_fn(|number| match all.small.pool.classes().get(number) {
        Some(class) => Space { whole: class.whole(), unused: class.unused() },
        None if number == PACKED => {
            Space { whole: all.packed.whole(), unused: all.packed.unused() }
        }
        None => Space { whole: all.large.whole(), unused: all.large.unused() },
    })
}

/// Has a space give up its addresses from the start of `given`. The program gets `given`; the kernel may hand out those
/// behind it.
fn give_up(
    all: &Spaces,
    number: usize,
    space: &Space,
    given: Range<usize>,
    demand: Demand,
) -> bool {
    let pool = &all.small.pool;
    pool.note_cut();
    let pages = PageRange::new(given.start, (space.whole.end - given.start) / PAGE_BYTES);
    if number < CLASS_PAGES.len() && !all.small.pages.give_up(pages) {
        return false;
    }
    let has_given = match pool.classes().get(number) {
        Some(class) => class.give_up(given.start),
        None if number == PACKED => all.packed.give_up(given.start),
        None => all.large.give_up(given.start),
    };
    if has_given {
        let replaced = if demand == Demand::Replacing { given.end } else { given.start };
        memory::disown(replaced - given.start);
        // SAFETY: no object is or will be at these addresses, and nobody else knows them.
        unsafe { memory::unmap(replaced, space.unused.end - replaced) };
    }
    has_given
}

#[cfg(test)]
mod tests {
    use super::super::record::{Event, Family, ThreadId};
    use super::super::release::{Deallocator, Release};
    use super::super::threads::ThreadCache;
    use super::super::{AllocationRequest, Config, Heap};
    use super::*;
    use crate::pages::trial_backends;
    use crate::trace::TraceId;

    const EVENT: Event = Event { thread: ThreadId(0), trace: TraceId::NONE };

    #[test]
    fn what_is_unused_is_given_and_what_is_used_is_not() {
        for backend in trial_backends() {
            let (heap, cache) =
                (Heap::new(backend, Config::of_tests()).unwrap(), ThreadCache::new());
            let allocate = |size| {
                let request =
                    AllocationRequest { size, align: 1, family: Family::Malloc, zeroed: false };
                heap.allocate(&cache, request, || EVENT) as usize
            };
            for size in [40, 100_000] {
                let object = allocate(size);
                heap.give(object & !(PAGE_BYTES - 1), object + size, Demand::Exact);
                assert!(heap.contains(object));
                heap.free(&cache, object, Release::new(Deallocator::Free), || EVENT).unwrap();
                // Addresses so near are not given for a wish.
                let near = object.next_multiple_of(1 << 30);
                heap.give(near, near + PAGE_BYTES, Demand::Wish);
                assert!(heap.contains(near) && memory::reserve_at(near, PAGE_BYTES).is_err());
                heap.give(near, near + PAGE_BYTES, Demand::Exact);
                assert!(!heap.contains(near) && heap.contains(near - PAGE_BYTES));
                memory::reserve_at(near, 2 * PAGE_BYTES).unwrap();
                assert!(heap.contains(allocate(size)));
            }
        }
    }
}
