//! The roots: memory that the program can reach by itself.
//!
//! That is every mapping of the process that can be read and written, but ours: stacks, thread-local storage and static data of
//! modules are in such mappings, and so is what it has mapped itself. Of mappings that can only be read, it is the pages that
//! the process has written to before. The part of a stack below the stack pointer is dead. Registers of other threads are in the
//! frames of the signal that has stopped them; those of the calling one are on its stack.

use super::mapped::Mapped;
use super::mark::Marker;
use super::thread_block;
use crate::heap::{Heap, private, threads};
use crate::sys::address_map::{self, MappedRange, Named};
use crate::sys::halt::{Halted, Thread};
use crate::sys::held_pages::Kind;
use crate::sys::mapped_array::{MappedArray, Zeroed};
use crate::sys::{Errno, loader, memory, process};
use crate::trace;
use core::ops::Range;

/// Bytes below a stack pointer that leaf functions may use (System V ABI, 3.2.2).
const RED_ZONE_BYTES: usize = 128;

/// Most stretches of memory that are left out; of threads that have ended, some may be too many.
const MOST_STRETCHES: usize = 1 << 14;

/// A stretch of memory. All zeros is valid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Stretch {
    start: usize,
    end: usize,
}

// SAFETY: plain numbers, which may be zero.
unsafe impl Zeroed for Stretch {}

impl Stretch {
    fn of(range: Range<usize>) -> Stretch {
        Stretch { start: range.start, end: range.end }
    }
}

/// Where the live part of a stack begins. All zeros is valid.
#[derive(Clone, Copy)]
struct Edge {
    live_from: usize,
    behind: usize,
}

// SAFETY: as above.
unsafe impl Zeroed for Edge {}

/// The calling thread's part of its stack.
#[derive(Clone, Copy, Debug)]
pub struct Here {
    /// The first frame of the program's, with the registers that its callers rely on below.
    pub from: usize,
    /// Where our own frames end, below.
    pub own: usize,
}

/// What the stacks of all threads are like.
struct Stacks {
    /// Where the live part of a stack begins, and an address behind the stack, in the same mapping; 0 for the first
    /// thread's, which is told by its name. What comes before in that mapping is dead.
    edges: MappedArray<Edge>,
    /// Where the threads are.
    pointers: MappedArray<usize>,
    /// Ours, and other stretches that are no roots.
    left_out: MappedArray<Stretch>,
}

/// Marks all that the roots lead to. Fails before anything was marked, if the mappings can't be read.
pub fn mark(
    marker: &mut Marker<'_, '_>,
    heap: &Heap,
    here: Here,
    halted: Option<&Halted>,
) -> Result<(), Errno> {
    let others = || halted.into_iter().flat_map(Halted::threads);
    let mut stacks = Stacks {
        edges: MappedArray::with_capacity(MOST_STRETCHES)?,
        pointers: MappedArray::with_capacity(MOST_STRETCHES)?,
        left_out: MappedArray::with_capacity(MOST_STRETCHES)?,
    };
    stacks.leave_out_ours();
    stacks.note_threads(here, others());
    stacks.left_out.sort_unstable();
    let guarded = heap.reserved();
    let mut is_any = false;
    if marker.mapped().len() > 0 {
        address_map::visit(|mapping| {
            marker.mapped().compare(&mapping);
            true
        })?;
        stacks.leave_out_of(marker.mapped());
        for object in 0..marker.objects().unguarded().len() {
            let range = marker.objects().unguarded()[object].range();
            marker.mapped().leave_out(range);
        }
        marker.mapped().settle();
        marker.note_span();
    }
    address_map::visit(|mapping| {
        is_any = true;
        let Some(kind) = kind_of(&mapping) else { return true };
        if guarded.contains(&mapping.start) {
            // Of the reservation only what the program has mapped something else over is a root.
            if heap.has_given(mapping.start) {
                marker.mark_mapping(mapping.start..mapping.end, kind);
            }
            return true;
        }
        let start = stacks.live_part(&mapping);
        stacks.visit_rest(start..mapping.end, |rest| mark_mapping(marker, rest, kind));
        true
    })?;
    if !is_any {
        return Err(Errno(libc::ENOENT));
    }
    // The runtime's own heap has what it keeps for the program: arguments of threads that have not begun, and what a
    // signal handler has allocated in the midst of the runtime.
    marker.mark_own(private::used());
    for stack in threads::stacks() {
        marker.mark_word(stack.argument);
    }
    for thread in others() {
        if let Some(standing) = thread.standing {
            marker.mark_root(standing.frame.0..standing.frame.1);
            mark_stack_in_heap(marker, heap, &guarded, standing.sp.saturating_sub(RED_ZONE_BYTES));
        }
    }
    mark_stack_in_heap(marker, heap, &guarded, here.from);
    marker.mark_ending();
    marker.mark_lost_mappings();
    Ok(())
}

/// What of a mapping may hold pointers of the program's.
fn kind_of(mapping: &MappedRange) -> Option<Kind> {
    if !mapping.readable || matches!(mapping.named, Named::Device | Named::Kernel) {
        return None;
    }
    match (mapping.writable, mapping.shared) {
        (true, _) => Some(Kind::Any),
        (false, false) => Some(Kind::Anonymous),
        (false, true) => None,
    }
}

/// Marks a stretch that holds no objects, or objects of the next allocator, which are roots only as far as they are reached.
fn mark_mapping(marker: &mut Marker<'_, '_>, rest: Range<usize>, kind: Kind) {
    let mut at = rest.start;
    let mut number =
        marker.objects().unguarded().partition_point(|object| object.range().end <= at);
    while at < rest.end {
        let next = marker.objects().unguarded().get(number).map(|object| object.range());
        let next = next.filter(|object| object.start < rest.end);
        let end = next.as_ref().map_or(rest.end, |object| object.start);
        if at < end {
            marker.mark_mapping(at..end, kind);
        }
        at = next.map_or(rest.end, |object| object.end.max(at));
        number += 1;
    }
}

/// Marks a thread's stack that is an object of the heap.
fn mark_stack_in_heap(
    marker: &mut Marker<'_, '_>,
    heap: &Heap,
    guarded: &Range<usize>,
    live_from: usize,
) {
    if guarded.contains(&live_from)
        && let Some(room) = heap.room(live_from)
    {
        marker.mark_root(live_from..live_from + room);
    }
    let number = marker.objects().find(live_from);
    if let Some(number) = number.filter(|_| !guarded.contains(&live_from)) {
        let end = marker.objects().entries()[number].range().end;
        marker.mark_root(live_from..end);
    }
}

impl Stacks {
    fn leave_out_ours(&mut self) {
        memory::visit_own(|own| {
            self.left_out.push(Stretch::of(own));
        });
        if loader::is_preload_library()
            && let Some(module) = trace::module_of(mark as *const () as usize)
        {
            self.left_out.push(Stretch::of(module.start..module.end));
        }
    }

    fn note_threads(&mut self, here: Here, others: impl Iterator<Item = Thread>) {
        self.left_out.push(Stretch::of(here.own..here.from));
        let (me, pid) = (process::tid(), process::pid());
        self.note_living(me, pid, here.from);
        let mut has_missing = false;
        for thread in others {
            match thread.standing {
                Some(standing) => {
                    self.note_living(thread.tid, pid, standing.sp.saturating_sub(RED_ZONE_BYTES))
                }
                None => has_missing = true,
            }
        }
        // Stacks of threads that have ended, which libc keeps for the next ones. If a thread may be running on one, they
        // all count.
        let ended = threads::stacks().filter(|stack| stack.tid == 0 && stack.top != 0);
        for stack in ended.filter(|_| !has_missing) {
            if thread_block::is_at(stack.control)
                && !self.edges.iter().any(|edge| edge.behind == stack.control)
            {
                self.edges.push(Edge { live_from: stack.top, behind: stack.control });
            }
        }
    }

    /// Notes a thread's stack that is live from an address on, if it is of the usual kind and the thread is on it.
    fn note_living(&mut self, tid: u32, pid: u32, live_from: usize) {
        self.pointers.push(live_from);
        if tid == pid {
            self.edges.push(Edge { live_from, behind: 0 });
        }
        if let Some(stack) = threads::stacks().find(|it| it.tid == tid && it.top != 0) {
            self.edges.push(Edge { live_from, behind: stack.control });
        }
    }

    /// Where the part of a mapping begins that is not dead.
    fn live_part(&self, mapping: &MappedRange) -> usize {
        let range = mapping.start..mapping.end;
        let mut within = self.edges.iter().filter(|edge| {
            range.contains(&edge.live_from)
                && match edge.behind {
                    0 => mapping.named == Named::FirstStack,
                    behind => range.contains(&behind),
                }
        });
        match (within.next(), within.next()) {
            // A thread that the runtime has not met may be using a stack that was another's.
            (Some(edge), None) if !self.has_pointer_in(mapping.start..edge.live_from) => {
                edge.live_from
            }
            // Two are not what they seem.
            _ => mapping.start,
        }
    }

    /// Mappings on which threads run, or have run, and ours are no data of the program's.
    fn leave_out_of(&self, mapped: &mut Mapped) {
        self.left_out.iter().for_each(|out| mapped.leave_out(out.start..out.end));
        let addresses = self.pointers.iter().copied();
        let edges = self.edges.iter().flat_map(|edge| [edge.live_from, edge.behind]);
        addresses.chain(edges).for_each(|at| mapped.leave_out(at..at.saturating_add(1)));
    }

    fn has_pointer_in(&self, range: Range<usize>) -> bool {
        self.pointers.iter().any(|pointer| range.contains(pointer))
    }

    /// Passes what is not left out of `range` to `each`.
    fn visit_rest(&self, range: Range<usize>, mut each: impl FnMut(Range<usize>)) {
        let mut at = range.start;
        for out in self.left_out.iter().filter(|out| out.end > range.start && out.start < range.end)
        {
            if at < out.start {
                each(at..out.start);
            }
            at = at.max(out.end);
        }
        if at < range.end {
            each(at..range.end);
        }
    }
}
