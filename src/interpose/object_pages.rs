//! Calls about pages in the heap: which are reported, and which of the pages they may change.
//!
//! The pages of a live object are the program's. All else in the heap is left as it is, so guards and the places of freed objects go on
//! to fault, and no slot is lost that waits for an object. So a call goes to the kernel once for each part that it may change.
//! `docs/mappings.md` says what is reported.

use crate::diagnose::{Deed, MAPPED_NATIVELY_BYTES, PageCall};
use crate::fault::{self, belief};
use crate::heap::hit::Reach;
use crate::heap::record::{Event, ThreadId};
use crate::mappings::{self, Step};
use crate::runtime::{self, Runtime};
use crate::sys::errno::{self, Errno};
use crate::sys::scope::RuntimeScope;
use crate::sys::{PAGE_BYTES, round_up_to_page};
use crate::trace::{Caller, TraceId};
use core::ffi::c_int;
use core::ops::Range;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is made as it is.
    Plain,
    /// It is made for the parts that it may change: see [`in_parts`].
    InParts(Beginning),
}

/// Where in the heap a call begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// In a live object, or in a freed one that leaves memory to the allocator.
    Object,
    /// Beside an object. Natively there is other memory of the allocator's.
    Beside,
    /// Where natively there is nothing.
    Nothing,
}

/// The event of a step that is not logged.
pub const NOBODY: Event = Event { thread: ThreadId(0), trace: TraceId::NONE };

/// The pages of a call, if its address and size are good.
pub fn pages_of(start: usize, bytes: usize) -> Option<Range<usize>> {
    let end = start.checked_add(bytes)?;
    let is_good = bytes > 0 && start.is_multiple_of(PAGE_BYTES) && end <= usize::MAX - PAGE_BYTES;
    is_good.then(|| start..round_up_to_page(end))
}

fn runtime() -> Option<&'static Runtime> {
    runtime::get().filter(|_| !RuntimeScope::is_active())
}

/// What becomes of a call about `pages`.
pub fn way_of(pages: &Range<usize>) -> Way {
    let Some(runtime) = runtime() else { return Way::Plain };
    match runtime.heap.program_pages().reach(pages) {
        Reach::Outside => Way::Plain,
        reach => way_in_heap(runtime, reach, pages.start),
    }
}

fn way_in_heap(runtime: &Runtime, reach: Reach, start: usize) -> Way {
    let beginning = match reach {
        Reach::Object(hit) if hit.is_live() => return Way::InParts(Beginning::Object),
        Reach::Object(hit) if hit.object.size < MAPPED_NATIVELY_BYTES => Beginning::Object,
        Reach::Object(_) | Reach::Outside => Beginning::Nothing,
        Reach::Beside => Beginning::Beside,
        Reach::Elsewhere => Beginning::Nothing,
    };
    // Where there is no object, the program may have mapped something itself.
    let story = mappings::story_at(start);
    let is_programs = story.made.is_some() && story.gone.is_none()
        || runtime.heap.program_pages().are_taken(start);
    if is_programs { Way::Plain } else { Way::InParts(beginning) }
}

/// Reports a call about `pages` that is wrong for certain, if the kernel would do it: `is_possible` says so, and `step` what is
/// called. Returns what becomes of the call, if the process goes on.
pub fn judge(
    deed: Deed,
    pages: &Range<usize>,
    by: Caller,
    step: impl FnOnce() -> Step,
    is_possible: impl FnOnce() -> bool,
) -> Way {
    let Some(runtime) = runtime() else { return Way::Plain };
    let reach = runtime.heap.program_pages().reach(pages);
    if reach == Reach::Outside {
        return Way::Plain;
    }
    let way = way_in_heap(runtime, reach, pages.start);
    if let (Reach::Object(hit), Way::InParts(_)) = (reach, way)
        && !hit.is_within()
        && runtime.is_own_process()
    {
        let call = PageCall { step: step(), deed, hit };
        if call.is_certain(|| belief::has_handler(libc::SIGSEGV)) && is_possible() {
            fault::report_pages(runtime, pages.start, call, by);
        }
    }
    way
}

/// Whether all of `pages` may be changed, and are one object's if they are the heap's.
pub fn is_one_part(pages: &Range<usize>) -> bool {
    let part = runtime().and_then(|it| it.heap.program_pages().next_part(pages.clone()));
    part.as_ref() == Some(pages)
}

/// Makes a call for each part of `pages` that it may change, until one fails. `None` if there is no such part.
pub fn in_parts(
    mut pages: Range<usize>,
    mut call: impl FnMut(usize, usize) -> c_int,
) -> Option<c_int> {
    let heap = &runtime()?.heap;
    let mut result = None;
    while let Some(part) = heap.program_pages().next_part(pages.clone()) {
        let done = call(part.start, part.len());
        let before = errno::get();
        heap.program_pages().settle(&part);
        errno::set(before);
        result = Some(done);
        if done != 0 {
            break;
        }
        pages.start = part.end;
    }
    result
}

/// The result of a call that found no part.
pub fn nothing_done(beginning: Beginning) -> c_int {
    if beginning != Beginning::Nothing {
        return 0;
    }
    errno::set(Errno::ENOMEM);
    -1
}
