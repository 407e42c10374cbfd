//! What a thread remembers of its walks, and which memo is whose.
//!
//! A memo holds the last stack, the calls of the allocator that the thread made, and nodes of the depot. It begins with
//! tables for few, which share a page with the last stack: most threads of a server are small. A thread that walks often
//! gets larger tables. Their memory is there from the start, but takes none before it is touched.
//!
//! A thread takes a memo at its first walk and keeps it until [`thread_exit`], which hands it on to
//! others. Nothing here allocates or locks, and no destructor of a thread-local is needed. A signal
//! handler that interrupts a walk and walks itself borrows another one.

use super::depot::{Depot, TraceId};
use super::frames::{Caller, Frames, Pc};
use super::unwind::BpFate;
use super::walk::LastStack;
use crate::sys::blocks::Blocks;
use crate::sys::per_thread::per_thread;
use crate::sys::probe::{self, Expected};
use crate::sys::{PAGE_BYTES, memory};
use core::cell::Cell;
use core::mem::offset_of;
use core::sync::atomic::{AtomicUsize, Ordering, compiler_fence};

/// A node of the depot: the stack with innermost frame `pc` and outer frames `outer` is `id`, unless
/// that is none.
#[derive(Clone, Copy, Debug)]
struct Known {
    pc: usize,
    outer: TraceId,
    id: TraceId,
}

/// A call of the allocator, and how its stack went on the last time. Most captures come from a few
/// dozen call sites in turns, in frames that have not moved.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct CallSite {
    /// The innermost frame.
    pc: usize,
    sp: usize,
    bp: usize,
    /// The frame where the stack met the one before it: where it was found, and its rbp.
    outer: Expected,
    outer_bp: usize,
    outer_id: TraceId,
    /// The whole stack.
    id: TraceId,
    /// The place of `outer` in the last stack.
    at: u16,
    /// Frames between the innermost and `outer`: those of functions like `xmalloc` and their callers,
    /// which other calls replace in the last stack.
    between: u8,
    /// What must be in place for those frames to be the same: so many of [`Tables::checks`].
    checks: u8,
    /// Whether the way outward depends on the rbp; else it is data.
    uses_bp: bool,
}

/// Call sites on a page of a large table.
const PAGE_SITES: usize = PAGE_BYTES / size_of::<CallSite>();

/// Pages of them.
const SITE_PAGES: usize = 4;

/// Places for call sites, of which the hash in [`place_of`] has as many values, and for nodes, as
/// that in [`node_place`] has: in a large table.
const SITES: usize = SITE_PAGES * PAGE_SITES;
const NODES: usize = 256;
const _: () = assert!(SITE_PAGES == 4 && PAGE_SITES == 64);
const _: () = assert!(NODES.is_power_of_two() && FEW_NODES.is_power_of_two());

/// And in a small one.
const FEW_SITES: usize = 16;
const FEW_NODES: usize = 16;

/// Walks after which a thread gets the large tables.
const FEW_WALKS: u32 = 256;

/// Frames between that a call site keeps at most, in a large and in a small table. Each has a return
/// address to check, and perhaps an rbp.
const BETWEEN: usize = 6;
const FEW_BETWEEN: usize = 2;

const PHI: usize = 0x9e37_79b9_7f4a_7c15;

/// Where the site of a call is kept: Fibonacci hashing. The sites of one frame are on one page.
#[inline]
fn place_of(caller: &Caller) -> usize {
    let page = caller.sp.wrapping_mul(PHI) >> 62;
    let on_page = (caller.pc ^ caller.sp << 8).wrapping_mul(PHI) >> 58;
    page * PAGE_SITES + on_page
}

/// Where a node is kept: the call sites of a loop differ in their low bits.
#[inline]
fn node_place(pc: usize, outer: TraceId) -> usize {
    (pc ^ outer.get() as usize).wrapping_mul(PHI) >> 56
}

/// What is remembered of `S` call sites, with `C` checks each, and `N` nodes. All zeros is a valid
/// value, of none.
#[derive(Debug)]
#[repr(C)]
struct Tables<const S: usize, const C: usize, const N: usize> {
    sites: [CallSite; S],
    /// For each site, what must be in place for the frames between.
    checks: [[Expected; C]; S],
    /// Nodes asked for lately, so that call sites that take turns are found here.
    nodes: [Known; N],
}

impl<const S: usize, const C: usize, const N: usize> Tables<S, C, N> {
    #[inline(always)]
    fn site(&self, place: usize) -> (&CallSite, &[Expected]) {
        (&self.sites[place % S], &self.checks[place % S])
    }

    fn site_mut(&mut self, place: usize) -> (&mut CallSite, &mut [Expected]) {
        (&mut self.sites[place % S], &mut self.checks[place % S])
    }
}

/// Begins on a page of its own, as a memo does.
#[derive(Debug)]
#[repr(C, align(4096))]
struct LargeTables(Tables<SITES, { 2 * BETWEEN }, NODES>);

/// What one thread remembers. Does not move once it is in use. All zeros is a valid value, of no frames.
///
/// What a capture mostly reads is on two pages: see `build.rs` on why pages count.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Memo {
    few: Tables<FEW_SITES, { 2 * FEW_BETWEEN }, FEW_NODES>,
    /// Walks so far, up to [`FEW_WALKS`]. From then on `many` is used, and `few` no more.
    walks: u32,
    stack: LastStack,
    many: LargeTables,
}

// A small thread touches one page, as long as its stack has no more than forty frames.
const _: () = assert!(offset_of!(Memo, stack) + 41 * 40 <= PAGE_BYTES);

impl Memo {
    /// Walks outward from `caller` for at least `depth` frames, and stores the stack.
    #[unsafe(link_section = ".text.hot")]
    #[inline(never)]
    pub(super) fn capture(&mut self, caller: &Caller, depth: usize, depot: &Depot) -> TraceId {
        match self.recall(caller, depth) {
            Some(id) => id,
            None => self.capture_anew(caller, depth, depot),
        }
    }

    #[inline(never)]
    fn capture_anew(&mut self, caller: &Caller, depth: usize, depot: &Depot) -> TraceId {
        if !self.is_large() {
            self.walks += 1;
        }
        self.stack.walk(caller, depth);
        let id = self.intern(depot);
        self.remember(caller, id);
        id
    }

    /// Whether the thread has walked often, and has memory behind the first page.
    #[inline(always)]
    fn is_large(&self) -> bool {
        self.walks >= FEW_WALKS
    }

    /// As [`LastStack::walk`], without storing anything.
    pub(super) fn walk(&mut self, caller: &Caller, depth: usize, out: &mut Frames) {
        self.stack.walk(caller, depth);
        self.stack.copy_to(out, depth);
    }

    /// Forgets the last stack: after an interruption that never returned.
    fn clear(&mut self) {
        self.stack.clear();
    }

    /// As [`Memo::clear`], for a new owner, who begins with small tables.
    fn begin_anew(&mut self) {
        self.walks = 0;
        self.clear();
    }

    #[inline(always)]
    fn site(&self, place: usize) -> (&CallSite, &[Expected]) {
        if self.is_large() { self.many.0.site(place) } else { self.few.site(place) }
    }

    /// The stack of a call that was made before, from the same frame, with the same frames around
    /// it. The same pc, sp and, where it matters, rbp lead to the slot of the next frame outward;
    /// if that and those of the frames between hold what they held, the way leads to the frame
    /// where this stack met another, and from there on the last stack is checked as in a walk.
    #[inline(always)]
    fn recall(&self, caller: &Caller, depth: usize) -> Option<TraceId> {
        let (site, checks) = self.site(place_of(caller));
        let pc = Pc::new(caller.pc, caller.kind).bits();
        let is_site = site.pc == pc && site.sp == caller.sp && !site.id.is_none();
        if !is_site || site.uses_bp && site.bp != caller.bp {
            return None;
        }
        let (at, between) = (usize::from(site.at), usize::from(site.between));
        let outer = self.stack.joinable_frame(at)?;
        let is_same = outer.pc == site.outer
            && outer.id == site.outer_id
            && (outer.bp_fate != BpFate::Used || outer.bp.value == site.outer_bp);
        let is_unchanged = is_same
            && self.stack.is_deep_enough(1 + between, at + 1, depth)
            && are_in_place(&checks[..usize::from(site.checks)])
            && self.stack.count_unchanged(at + 1) == at + 1;
        is_unchanged.then_some(site.id)
    }

    fn remember(&mut self, caller: &Caller, id: TraceId) {
        let (frames, is_large) = (self.stack.frames(), self.is_large());
        let (few, many, place) = (&mut self.few, &mut self.many.0, place_of(caller));
        let (site, checks) = if is_large { many.site_mut(place) } else { few.site_mut(place) };
        let between = self.stack.added().saturating_sub(1).min(checks.len() / 2);
        let between = between.min(frames.len().saturating_sub(2));
        let [.., innermost] = frames else { return };
        let Some(at) = frames.len().checked_sub(2 + between) else { return };
        let (outer, mut count) = (&frames[at], 0);
        for frame in &frames[at + 1..=at + between] {
            checks[count] = frame.pc;
            count += 1;
            if let Some(bp) = frame.needed_bp() {
                checks[count] = bp;
                count += 1;
            }
        }
        *site = CallSite {
            pc: Pc::new(caller.pc, caller.kind).bits(),
            sp: caller.sp,
            bp: caller.bp,
            outer: outer.pc,
            outer_bp: outer.bp.value,
            outer_id: outer.id,
            id,
            at: at as u16,
            between: between as u8,
            checks: count as u8,
            uses_bp: innermost.bp_fate == BpFate::Used,
        };
    }

    /// Stores the last stack; what it has in common with an earlier one costs nothing.
    fn intern(&mut self, depot: &Depot) -> TraceId {
        let nodes: &mut [Known] =
            if self.is_large() { &mut self.many.0.nodes } else { &mut self.few.nodes };
        let mask = nodes.len() - 1;
        let stack = self.stack.frames_mut();
        let stored = stack.iter().rposition(|frame| !frame.id.is_none());
        let (mut id, first) = match stored {
            Some(at) => (stack[at].id, at + 1),
            None => (TraceId::NONE, 0),
        };
        for frame in &mut stack[first..] {
            let pc = frame.pc.value;
            // The size of both tables is a power of two.
            let known = &mut nodes[node_place(pc, id) & mask];
            if known.pc != pc || known.outer != id || known.id.is_none() {
                let inner = depot.child(id, Pc::from_bits(pc));
                *known = Known { pc, outer: id, id: inner };
            }
            id = known.id;
            frame.id = id;
            if id.is_none() {
                break;
            }
        }
        id
    }
}

/// Whether all slots hold what is expected.
#[inline(always)]
fn are_in_place(checks: &[Expected]) -> bool {
    let Some(first) = checks.first() else { return true };
    let stride = size_of::<Expected>() as isize;
    // SAFETY: so many pairs lie side by side, from the first on.
    unsafe { probe::count_matching(first, stride, checks.len()) == checks.len() }
}

/// The memory of all memos. Some is ready from the start, so that signal handlers need none.
static MEMOS: Blocks = Blocks::new();

/// What one thread has.
struct Walker {
    /// Null before the thread's first walk, [`EXITED`] after its last.
    memo: Cell<*mut Memo>,
    /// The sp that a walk in progress with `memo` began at, 0 when there is none.
    walking_from: AtomicUsize,
}

/// In place of a memo once the thread is past its `thread_exit`: it borrows from then on.
const EXITED: *mut Memo = core::ptr::without_provenance_mut(1);

per_thread! {
    unsafe static MINE: Walker, "fencepost_walker"
}

impl Walker {
    /// Takes the thread's memo.
    #[cold]
    fn begin(&self) -> Option<*mut Memo> {
        let taken = take()?;
        if !self.memo.get().is_null() {
            // A signal handler was faster.
            // SAFETY: just taken.
            unsafe { release(taken) };
            return Some(self.memo.get());
        }
        self.memo.set(taken);
        Some(taken)
    }
}

/// Makes room for memos. Idempotent.
pub(super) fn init() {
    MEMOS.reserve(size_of::<Memo>());
}

/// Runs `body` with the thread's memory of its last walk, or with a borrowed one when the thread is
/// in the middle of a walk. `None` when there is no memory for one.
#[inline(always)]
pub(super) fn with<R>(caller: &Caller, body: impl FnOnce(&mut Memo) -> R) -> Option<R> {
    MINE.with(|mine| {
        let memo = mine.memo.get();
        if memo == EXITED {
            return borrow(body);
        }
        let memo = if memo.is_null() { mine.begin()? } else { memo };
        let interrupted = mine.walking_from.load(Ordering::Relaxed);
        if interrupted != 0 {
            // A handler that runs on the same stack has its frames below those of the walk that it
            // interrupted. A caller from above means that the walk was left by a longjmp.
            if caller.sp <= interrupted || caller.sp - interrupted > STACK_LIMIT {
                return borrow(body);
            }
            // SAFETY: the walk that was using the memo is gone, and this is its thread.
            unsafe { (*memo).clear() };
        }
        mine.walking_from.store(caller.sp.max(1), Ordering::Relaxed);
        // A signal handler of this thread must see the mark before the memo is touched.
        compiler_fence(Ordering::SeqCst);
        // SAFETY: the memo is this thread's, and the mark keeps its signal handlers away.
        let result = body(unsafe { &mut *memo });
        compiler_fence(Ordering::SeqCst);
        mine.walking_from.store(0, Ordering::Relaxed);
        Some(result)
    })
}

/// Further apart, two stack pointers are not on the same stack.
const STACK_LIMIT: usize = 8 << 20;

fn borrow<R>(body: impl FnOnce(&mut Memo) -> R) -> Option<R> {
    let memo = take()?;
    // Whoever had it last may have been another thread with a stack at the same addresses.
    // SAFETY: just taken, so nobody else has it.
    let result = body(unsafe { &mut *memo });
    // SAFETY: `body` is over.
    unsafe { release(memo) };
    Some(result)
}

/// A memo for the calling thread alone, without memories. `None` when there is no memory for one.
fn take() -> Option<*mut Memo> {
    let memo = MEMOS.take()? as *mut Memo;
    // SAFETY: the block is as large and as aligned as a memo, and this thread's until `release`. It holds zeros or
    // what was left of one: valid values both.
    unsafe { (*memo).begin_anew() };
    Some(memo)
}

/// Hands a memo on, and the memory of one that has much back to the kernel.
///
/// # Safety
/// It must have come from `take`, and nobody may use it any more.
unsafe fn release(memo: *mut Memo) {
    // SAFETY: it is a block of the memos' that nobody uses, as this function demands; who takes it next begins it
    // anew.
    unsafe {
        shrink(memo);
        MEMOS.give_back(memo.addr());
    }
}

/// Gives the memory of a large memo back to the kernel, but for its first page.
///
/// # Safety
/// Nobody may use the memo before it has begun anew.
unsafe fn shrink(memo: *mut Memo) {
    // SAFETY: nobody uses the memo, as this function demands. All zeros is a valid value of what is behind its first
    // page; should the kernel refuse, there is what was, which is as good.
    unsafe {
        if (*memo).is_large() {
            let _ = memory::discard(memo.addr() + PAGE_BYTES, size_of::<Memo>() - PAGE_BYTES);
        }
    }
}

/// Gives the calling thread's memo back. Later walks of the thread borrow one.
pub(super) fn thread_exit() {
    let memo = MINE.with(|mine| mine.memo.replace(EXITED));
    if !memo.is_null() && memo != EXITED {
        // SAFETY: it was taken for this thread. A walk that may have been under way never goes on: the thread ends.
        unsafe { release(memo) };
    }
}

/// In the child of a fork: only the calling thread is left.
pub(super) fn reset_after_fork() {
    let mine = MINE.with(|mine| mine.memo.get().addr());
    MEMOS.forget_others((mine != EXITED.addr()).then_some(mine));
}

#[cfg(test)]
mod tests;
