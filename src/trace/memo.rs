//! What a thread remembers of its walks, and which thread has which memo.
//!
//! A memo holds the thread's last stack, its calls of the allocator, and nodes of the depot. It begins with small
//! tables, which share a page with the last stack: most threads of a server walk little. A thread that walks often gets
//! larger tables. They are mapped from the start, but take no memory before they are touched.
//!
//! A thread takes a memo at its first walk and keeps it until [`thread_exit`], which passes it on to others. Nothing
//! here allocates or locks, and no thread-local needs a destructor. A signal handler that interrupts a walk and walks
//! itself borrows another memo.

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

/// A node of the depot: the stack with innermost frame `pc` and outer frames `outer` is `id`, or unknown if that is
/// none.
#[derive(Clone, Copy, Debug)]
struct Known {
    pc: usize,
    outer: TraceId,
    id: TraceId,
}

/// A call of the allocator, and how its stack continued the last time. Most captures come from a few dozen call sites
/// in turn, in frames that have not moved.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct CallSite {
    /// The innermost frame.
    pc: usize,
    sp: usize,
    bp: usize,
    /// The pc of the frame where the stack met the one before it, and its slot; below, that frame's rbp.
    outer: Expected,
    outer_bp: usize,
    outer_id: TraceId,
    /// The whole stack.
    id: TraceId,
    /// The index of the frame `outer` in the last stack.
    at: u16,
    /// The number of frames between the innermost and `outer`: those of functions like `xmalloc` and their callers,
    /// which other calls replace in the last stack.
    between: u8,
    /// How many of [`Tables::checks`] must hold for those frames to be the same.
    checks: u8,
    /// Whether the way outward depends on the rbp; otherwise that is data.
    uses_bp: bool,
}

/// How many call sites are on a page of a large table.
const PAGE_SITES: usize = PAGE_BYTES / size_of::<CallSite>();

/// How many pages a large table has for call sites.
const SITE_PAGES: usize = 4;

/// The number of call sites and of nodes in a large table; the hashes in [`place_of`] and [`node_place`] have as many
/// values.
const SITES: usize = SITE_PAGES * PAGE_SITES;
const NODES: usize = 256;
const _: () = assert!(SITE_PAGES == 4 && PAGE_SITES == 64);
const _: () = assert!(NODES.is_power_of_two() && FEW_NODES.is_power_of_two());

/// The number of call sites and of nodes in a small table.
const FEW_SITES: usize = 16;
const FEW_NODES: usize = 16;

/// After so many walks a thread gets the large tables.
const FEW_WALKS: u32 = 256;

/// The most frames in between that a call site keeps, in a large and in a small table. Each has a return address to
/// check, and perhaps an rbp.
const BETWEEN: usize = 6;
const FEW_BETWEEN: usize = 2;

const PHI: usize = 0x9e37_79b9_7f4a_7c15;

/// Returns the place of a call's site, by Fibonacci hashing. All sites of one frame are on one page.
#[inline]
fn place_of(caller: &Caller) -> usize {
    let page = caller.sp.wrapping_mul(PHI) >> 62;
    let on_page = (caller.pc ^ caller.sp << 8).wrapping_mul(PHI) >> 58;
    page * PAGE_SITES + on_page
}

/// Returns the place of a node. The call sites of a loop differ in their low bits.
#[inline]
fn node_place(pc: usize, outer: TraceId) -> usize {
    (pc ^ outer.get() as usize).wrapping_mul(PHI) >> 56
}

/// What is remembered of `S` call sites with `C` checks each, and of `N` nodes. All zeros is valid, and remembers
/// nothing.
#[derive(Debug)]
#[repr(C)]
struct Tables<const S: usize, const C: usize, const N: usize> {
    sites: [CallSite; S],
    /// The checks of each site, for the frames in between.
    checks: [[Expected; C]; S],
    /// Nodes that were looked up lately, so that those of alternating call sites are found here.
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

/// What one thread remembers. It does not move while in use. All zeros is valid, and has no frames.
///
/// A capture mostly reads two pages of it; `build.rs` says why the number of pages matters.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Memo {
    few: Tables<FEW_SITES, { 2 * FEW_BETWEEN }, FEW_NODES>,
    /// The number of walks so far, up to [`FEW_WALKS`]. From then on `many` is used instead of `few`.
    walks: u32,
    stack: LastStack,
    many: LargeTables,
}

// A small thread touches one page only, if its stack has at most forty frames.
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

    /// Whether the thread has walked often, and uses memory behind the first page.
    #[inline(always)]
    fn is_large(&self) -> bool {
        self.walks >= FEW_WALKS
    }

    /// Walks like [`LastStack::walk`], and stores nothing.
    pub(super) fn walk(&mut self, caller: &Caller, depth: usize, out: &mut Frames) {
        self.stack.walk(caller, depth);
        self.stack.copy_to(out, depth);
    }

    /// Forgets the last stack, after a walk that was interrupted and never continued.
    fn clear(&mut self) {
        self.stack.clear();
    }

    /// Forgets everything for a new owner, who begins with small tables.
    fn begin_anew(&mut self) {
        self.walks = 0;
        self.clear();
    }

    #[inline(always)]
    fn site(&self, place: usize) -> (&CallSite, &[Expected]) {
        if self.is_large() { self.many.0.site(place) } else { self.few.site(place) }
    }

    /// Returns the stack of a call that was made before, from the same frame, with the same frames around it. The same
    /// pc, sp and, if it matters, rbp lead to the same slot of the next outer frame. If that slot and those of the
    /// frames in between hold the same values, the way leads to the frame where this stack met another. From there on
    /// the last stack is checked as in a walk.
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

    /// Stores the last stack. The part that it shares with an earlier one costs nothing.
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
    // SAFETY: the slice has that many pairs, side by side, from the first one on.
    unsafe { probe::count_matching(first, stride, checks.len()) == checks.len() }
}

/// The memory of all memos. Some is ready from the start, so signal handlers need not map any.
static MEMOS: Blocks = Blocks::new();

/// The state of one thread.
struct Walker {
    /// Null before the thread's first walk, [`EXITED`] after its last.
    memo: Cell<*mut Memo>,
    /// The sp at which a walk with `memo` began that is in progress; 0 if there is none.
    walking_from: AtomicUsize,
}

/// Stands for the memo of a thread that is past its `thread_exit`, and borrows from then on.
const EXITED: *mut Memo = core::ptr::without_provenance_mut(1);

per_thread! {
    unsafe static MINE: Walker, "fencepost_walker"
}

impl Walker {
    /// Takes a memo for the thread.
    #[cold]
    fn begin(&self) -> Option<*mut Memo> {
        let taken = take()?;
        if !self.memo.get().is_null() {
            // A signal handler was faster.
            // SAFETY: the memo was just taken, so nobody else uses it.
            unsafe { release(taken) };
            return Some(self.memo.get());
        }
        self.memo.set(taken);
        Some(taken)
    }
}

/// Makes room for memos. Further calls do nothing.
pub(super) fn init() {
    MEMOS.reserve(size_of::<Memo>());
}

/// Runs `body` with the thread's memo, or with a borrowed one if the thread is in the middle of a walk. `None` if there
/// is no memory for that.
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
            // A handler on the same stack has its frames below those of the walk that it interrupted. A caller above
            // them means that a longjmp has left that walk.
            if caller.sp <= interrupted || caller.sp - interrupted > STACK_LIMIT {
                return borrow(body);
            }
            // SAFETY: the walk that used the memo is gone, and the memo is this thread's.
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

/// Two stack pointers further apart than this, in bytes, are not on the same stack.
const STACK_LIMIT: usize = 8 << 20;

fn borrow<R>(body: impl FnOnce(&mut Memo) -> R) -> Option<R> {
    let memo = take()?;
    // The last user may have been another thread, with a stack at the same addresses.
    // SAFETY: the memo was just taken, so nobody else has it.
    let result = body(unsafe { &mut *memo });
    // SAFETY: `body` has ended, so nobody uses the memo.
    unsafe { release(memo) };
    Some(result)
}

/// Takes a memo for the calling thread only, which remembers nothing. `None` if there is no memory for one.
fn take() -> Option<*mut Memo> {
    let memo = MEMOS.take()? as *mut Memo;
    // SAFETY: the block has a memo's size and alignment, and is this thread's until `release`. It holds zeros or an
    // earlier memo, and both are valid values.
    unsafe { (*memo).begin_anew() };
    Some(memo)
}

/// Passes a memo on, and gives a large one's memory back to the kernel.
///
/// # Safety
/// The memo must have come from `take`, and nobody may use it any more.
unsafe fn release(memo: *mut Memo) {
    // SAFETY: the caller promises that the block came from `take` and nobody uses it. Who takes it next clears it
    // first.
    unsafe {
        shrink(memo);
        MEMOS.give_back(memo.addr());
    }
}

/// Gives a large memo's memory back to the kernel, except its first page.
///
/// # Safety
/// Nobody may use the memo before it is cleared.
unsafe fn shrink(memo: *mut Memo) {
    // SAFETY: the caller promises that nobody uses the memo. Behind its first page all zeros is a valid value; if the
    // kernel refuses, the old value stays, which is valid too.
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
        // SAFETY: the memo was taken for this thread. A walk under way never continues, as the thread ends.
        unsafe { release(memo) };
    }
}

/// In the child of a fork: frees the memos of all threads but the calling one, which alone is left.
pub(super) fn reset_after_fork() {
    let mine = MINE.with(|mine| mine.memo.get().addr());
    MEMOS.forget_others((mine != EXITED.addr()).then_some(mine));
}

#[cfg(test)]
mod tests;
