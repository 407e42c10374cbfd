//! The live objects, for whoever looks at all of them while nobody else allocates or frees.

use super::record::{Event, Snapshot, State};
use super::slot::{Home, Slot};
use super::{Class, Heap};

/// A live object.
#[derive(Clone, Copy, Debug)]
pub struct LiveObject {
    pub home: LiveHome,
    pub start: usize,
    pub size: usize,
    pub allocated: Event,
    /// Whether a thread is about to free it, or to move it elsewhere.
    pub is_ending: bool,
}

/// Where an object lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveHome {
    /// In the slot of this number, of a class.
    Small { class: usize, index: usize },
    /// By itself.
    Large,
    /// Packed with others.
    Packed,
    /// With the next allocator.
    Unguarded,
}

impl Heap {
    /// Passes all live objects to `each`: the small ones by class and number, the large ones by address, the packed
    /// ones by address, then the others. Allocates nothing.
    pub fn visit_live(&self, mut each: impl FnMut(&LiveObject)) {
        let small = self.spaces.small.pool.classes().iter().flat_map(Class::in_service);
        let large = (0..self.spaces.large.count()).filter_map(|n| self.spaces.large.slot(n));
        let home = |slot: &Slot<'_>| match slot.home {
            Home::Pool { class, index } => LiveHome::Small { class, index },
            Home::Large => LiveHome::Large,
        };
        let with_pages = small
            .chain(large)
            .filter_map(|slot| live_object(home(&slot), slot.data.start(), &slot.record.read()?));
        with_pages.for_each(|it| each(&it));
        let packed = self.spaces.packed.in_service().filter_map(|slot| {
            live_object(LiveHome::Packed, slot.range().start, &slot.record.read()?)
        });
        packed.for_each(|it| each(&it));
        self.unguarded.visit(|object| {
            each(&LiveObject {
                home: LiveHome::Unguarded,
                start: object.address,
                size: object.size,
                allocated: object.allocated,
                is_ending: false,
            });
        });
    }

    /// The class and number of the slot that `address` lies in, or none if that is the place of a large object.
    pub fn small_slot_at(&self, address: usize) -> Option<(usize, usize)> {
        match self.spaces.small.pool.locate(address)?.home {
            Home::Pool { class, index } => Some((class, index)),
            Home::Large => None,
        }
    }

    /// Whether an object at `address` is packed with others.
    pub fn is_packed(&self, address: usize) -> bool {
        self.spaces.packed.contains(address)
    }

    /// How many slots of each class are in service.
    pub fn slots_in_service(&self) -> impl Iterator<Item = usize> {
        self.spaces.small.pool.classes().iter().map(Class::opened)
    }
}

/// The object of a slot whose first byte is `slot`, if it lives.
fn live_object(home: LiveHome, slot: usize, snapshot: &Snapshot) -> Option<LiveObject> {
    let is_ending = match snapshot.state {
        State::Live => false,
        State::Freeing => true,
        _ => return None,
    };
    Some(LiveObject {
        home,
        start: slot + snapshot.offset,
        size: snapshot.size,
        allocated: snapshot.allocated,
        is_ending,
    })
}
