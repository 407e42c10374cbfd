//! Stores every captured stack, and each common outer part only once.
//!
//! A stack is a path in a tree. A node is a program counter and the node of the next outer frame, so two stacks that
//! share their outer frames share those nodes, and one 32-bit number names a whole stack. Nodes are only added, and
//! published with one compare-exchange. There is no lock, so signal handlers, a thread that was interrupted while using
//! the depot, and the child of a fork may all use it.
//!
//! A node has sixteen bytes. A large program, with a million distinct frames in context, takes 16 MiB.

use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::frames::{Frames, Pc};
use crate::sys::memory::Reservation;

/// The number of a stack in the depot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct TraceId(u32);

impl TraceId {
    /// No stack: none was captured, or the depot was full.
    pub const NONE: Self = Self(0);

    /// Returns the number for storing; 0 is [`TraceId::NONE`].
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Inverts [`TraceId::get`]. A number that was never handed out names no stack.
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    /// Whether this names no stack.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// A node. All zeros, like fresh memory, until its owner fills it; constant once it is linked in a chain.
#[repr(C)]
struct Node {
    /// The bits of a `Pc`.
    pc: AtomicU64,
    /// The node of the next outer frame; 0 for the outermost.
    parent: AtomicU32,
    /// The next node of the same hash chain; 0 at its end.
    next: AtomicU32,
}

const _: () = assert!(size_of::<Node>() == 16);

const HEADS: usize = 1 << 18;
const HEADS_BYTES: usize = HEADS * size_of::<AtomicU32>();
/// Room for 2^27 nodes is reserved, and less if that fails; with less than 1 MiB of nodes there is no depot.
const MOST_BYTES: usize = 1 << 31;
const LEAST_BYTES: usize = HEADS_BYTES + (1 << 20);
const COMMIT_STEP: usize = 1 << 20;

/// A tree of stacks, in memory of its own.
pub struct Depot {
    state: AtomicU8,
    start: AtomicUsize,
    bytes: AtomicUsize,
    /// The usable bytes from `start` on. This only grows.
    committed: AtomicUsize,
    /// The number of the next unused node; node 0 stands for "none".
    next: AtomicU32,
}

const UNINITIALISED: u8 = 0;
const INITIALISING: u8 = 1;
const READY: u8 = 2;
const UNAVAILABLE: u8 = 3;

impl Depot {
    /// Returns a depot that stores nothing before [`Depot::init`].
    pub const fn new() -> Self {
        Self {
            state: AtomicU8::new(UNINITIALISED),
            start: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            committed: AtomicUsize::new(0),
            next: AtomicU32::new(1),
        }
    }

    /// Reserves the memory. Further calls do nothing. Without it, or if the kernel has no room, every stack is
    /// [`TraceId::NONE`].
    pub fn init(&self) {
        let (from, to) = (UNINITIALISED, INITIALISING);
        if self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return;
        }
        let first = HEADS_BYTES + COMMIT_STEP;
        let ready = (|| {
            let reservation = Reservation::new(MOST_BYTES, LEAST_BYTES, 16)?;
            reservation.commit(0, first.min(reservation.bytes)).ok()?;
            self.start.store(reservation.start, Ordering::Relaxed);
            self.bytes.store(reservation.bytes, Ordering::Relaxed);
            self.committed.store(first.min(reservation.bytes), Ordering::Relaxed);
            Some(())
        })();
        let state = if ready.is_some() { READY } else { UNAVAILABLE };
        self.state.store(state, Ordering::Release);
    }

    /// Returns the number of the stack with innermost frame `pc` and outer frames `outer`. [`TraceId::NONE`] if the
    /// depot is full.
    pub fn child(&self, outer: TraceId, pc: Pc) -> TraceId {
        if self.state.load(Ordering::Acquire) != READY {
            return TraceId::NONE;
        }
        let head = self.head(hash(outer, pc));
        let mut first = head.load(Ordering::Acquire);
        if let Some(found) = self.find_in_chain(first, 0, outer, pc) {
            return found;
        }
        let Some(id) = self.new_node() else {
            return TraceId::NONE;
        };
        let Some(node) = self.node(id) else {
            return TraceId::NONE;
        };
        node.pc.store(pc.bits() as u64, Ordering::Relaxed);
        node.parent.store(outer.0, Ordering::Relaxed);
        loop {
            node.next.store(first, Ordering::Relaxed);
            // Release publishes the node's fields to those who follow the chain.
            match head.compare_exchange(first, id, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return TraceId(id),
                Err(newer) => {
                    // Only nodes pushed since then are unseen. A node that loses here stays unused.
                    if let Some(found) = self.find_in_chain(newer, first, outer, pc) {
                        return found;
                    }
                    first = newer;
                }
            }
        }
    }

    /// Stores a stack, or finds it. [`TraceId::NONE`] if it has no frames, or the depot is full.
    pub fn intern(&self, frames: &Frames) -> TraceId {
        let mut id = TraceId::NONE;
        for &pc in frames.as_slice().iter().rev() {
            id = self.child(id, pc);
            if id.is_none() {
                return id;
            }
        }
        id
    }

    /// Replaces `out` by the stack `id`: its innermost frames, as many as fit.
    pub fn frames(&self, id: TraceId, out: &mut Frames) {
        out.clear();
        let mut id = id.0;
        while let Some(node) = self.node(id) {
            if !out.push(Pc::from_bits(node.pc.load(Ordering::Relaxed) as usize)) {
                return;
            }
            id = node.parent.load(Ordering::Relaxed);
        }
    }

    /// Returns the number of nodes in use and the bytes of memory for them, for statistics.
    pub fn usage(&self) -> (usize, usize) {
        let nodes = self.next.load(Ordering::Relaxed) as usize - 1;
        (nodes, self.committed.load(Ordering::Relaxed))
    }

    fn find_in_chain(&self, mut id: u32, end: u32, outer: TraceId, pc: Pc) -> Option<TraceId> {
        while id != end {
            let node = self.node(id)?;
            if node.pc.load(Ordering::Relaxed) == pc.bits() as u64
                && node.parent.load(Ordering::Relaxed) == outer.0
            {
                return Some(TraceId(id));
            }
            id = node.next.load(Ordering::Relaxed);
        }
        None
    }

    /// Takes a node's number and makes its memory usable.
    fn new_node(&self) -> Option<u32> {
        let capacity = (self.bytes.load(Ordering::Relaxed) - HEADS_BYTES) / size_of::<Node>();
        let take = |next: u32| ((next as usize) < capacity).then_some(next + 1);
        let id = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        let end = HEADS_BYTES + (id as usize + 1) * size_of::<Node>();
        while end > self.committed.load(Ordering::Acquire) {
            let from = self.committed.load(Ordering::Acquire);
            let bytes = COMMIT_STEP.min(self.bytes.load(Ordering::Relaxed) - from);
            let reservation = Reservation {
                start: self.start.load(Ordering::Relaxed),
                bytes: self.bytes.load(Ordering::Relaxed),
            };
            if reservation.commit(from, bytes).is_err() {
                // Give up for good: later numbers would only waste what is left.
                self.next.fetch_max(capacity as u32, Ordering::Relaxed);
                return None;
            }
            // Two threads may commit the same step; it counts once.
            self.committed.fetch_max(from + bytes, Ordering::AcqRel);
        }
        Some(id)
    }

    fn head(&self, hash: usize) -> &AtomicU32 {
        let heads = self.start.load(Ordering::Relaxed) as *const AtomicU32;
        // SAFETY: this is called in state READY only. The first HEADS_BYTES of the mapping are committed and never
        // unmapped, and all zeros is a valid value.
        unsafe { &*heads.add(hash % HEADS) }
    }

    /// Returns the node numbered `id`, if it was handed out and its memory is usable.
    fn node(&self, id: u32) -> Option<&Node> {
        let offset = HEADS_BYTES + id as usize * size_of::<Node>();
        let committed = self.committed.load(Ordering::Acquire);
        let used = self.next.load(Ordering::Relaxed);
        if id == 0 || id >= used || offset + size_of::<Node>() > committed {
            return None;
        }
        let start = self.start.load(Ordering::Relaxed);
        // SAFETY: the node is in the committed part of a mapping that is never unmapped. Nodes are atomics, for which
        // all bits are valid, and aligned because HEADS_BYTES is.
        Some(unsafe { &*((start + offset) as *const Node) })
    }
}

impl Default for Depot {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns where the chain of a node begins. Stacks that were first seen together are looked up together, so their
/// heads are on the same pages: after a page is revoked, the processor has no cached translations of their addresses.
fn hash(outer: TraceId, pc: Pc) -> usize {
    /// How many heads are on a page, and how many numbers of outer nodes share a page, as logarithms.
    const HEADS_LOG2: u32 = 10;
    const OUTER_LOG2: u32 = 8;
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = (pc.bits() as u64 ^ (u64::from(outer.0) << 32)).wrapping_mul(ODD);
    let on_page = (mixed ^ u64::from(outer.0)).wrapping_mul(ODD) >> (64 - HEADS_LOG2);
    (outer.0 as usize >> OUTER_LOG2) << HEADS_LOG2 | on_page as usize
}

#[cfg(test)]
mod tests {
    use super::super::frames::PcKind;
    use super::*;

    fn stack(pcs: &[usize]) -> Frames {
        let mut frames = Frames::new();
        for &pc in pcs {
            frames.push(Pc::new(pc, PcKind::Return));
        }
        frames
    }

    #[test]
    fn equal_stacks_have_one_name_and_come_back() {
        let depot = Depot::new();
        depot.init();
        let (first, second) = (stack(&[1, 2, 3]), stack(&[9, 2, 3]));
        let (a, b) = (depot.intern(&first), depot.intern(&second));
        assert_ne!(a, b);
        assert_eq!(depot.intern(&first), a);
        assert_eq!(depot.usage().0, 4, "frames 2 and 3 are shared");
        let mut out = Frames::new();
        depot.frames(a, &mut out);
        assert_eq!(out, first);
        depot.frames(b, &mut out);
        assert_eq!(out, second);
    }

    #[test]
    fn names_never_handed_out_are_empty_stacks() {
        let depot = Depot::new();
        let mut out = stack(&[1]);
        depot.frames(TraceId::from_raw(7), &mut out);
        assert!(out.is_empty());
        depot.init();
        for raw in [0, 7, u32::MAX] {
            depot.frames(TraceId::from_raw(raw), &mut out);
            assert!(out.is_empty());
        }
        assert_eq!(depot.intern(&Frames::new()), TraceId::NONE);
    }

    #[test]
    fn four_threads_agree() {
        let depot = Depot::new();
        depot.init();
        let intern_all = || -> Vec<TraceId> {
            (1..20_000).map(|i| depot.intern(&stack(&[i, i / 7 + 1, 5, i % 3 + 1]))).collect()
        };
        let names: Vec<Vec<TraceId>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(intern_all)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for other in &names[1..] {
            assert_eq!(&names[0], other);
        }
        let mut out = Frames::new();
        for (i, &name) in (1..20_000).zip(&names[0]) {
            depot.frames(name, &mut out);
            assert_eq!(out, stack(&[i, i / 7 + 1, 5, i % 3 + 1]));
        }
    }

    #[test]
    fn grows_past_the_first_step() {
        let depot = Depot::new();
        depot.init();
        let mut id = TraceId::NONE;
        for pc in 1..200_000 {
            id = depot.child(id, Pc::new(pc, PcKind::Return));
            assert!(!id.is_none());
        }
        let mut out = Frames::new();
        depot.frames(id, &mut out);
        assert_eq!(out.as_slice()[0].address(), 199_999);
    }
}
