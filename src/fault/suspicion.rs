//! `mappings=check`: calls about mappings that are suspicious but may be right are reported, and the program goes on.
//!
//! What a call will do is compared with the history before it is made. What was stored where it is lost is looked for when the
//! mapping ends.

use super::bad_call::report_suspicion;
use super::{reporter, scene};
use crate::diagnose::FoundBy;
use crate::mappings::live::{Piece, Pieces};
use crate::mappings::suspicion::{self, Suspect, Suspicion};
use crate::mappings::{self, Call, Step, guarded};
use crate::options::MappingsChoice;
use crate::runtime::{self, Runtime};
use crate::sys::held_pages::{HeldPages, Kind};
use crate::sys::sandbox::{self, Need};
use crate::sys::scope::RuntimeScope;
use crate::sys::{PAGE_BYTES, address_map, errno, file, probe, round_up_to_page};
use crate::trace::Caller;
use core::ops::Range;

/// Pages of a private mapping that are compared with its file.
const MOST_COMPARED: usize = 256;

/// The runtime, if calls of the program's are looked at now.
pub(super) fn checker() -> Option<&'static Runtime> {
    let runtime = runtime::get().filter(|it| it.options.mappings.has(MappingsChoice::CHECK))?;
    let can = !RuntimeScope::is_active() && runtime.is_own_process() && !reporter::is_me();
    // Files of the kernel's are read, and a process that may not open any might be killed for it.
    (can && mappings::is_open() && sandbox::allows(Need::OpenFiles)).then_some(runtime)
}

/// Before munmap(2) of `bytes` from `start` on, called by `at`.
pub fn before_munmap(start: usize, bytes: usize, at: Caller) {
    let Some(runtime) = checker() else { return };
    let end = start.saturating_add(round_up_to_page(bytes));
    if start.is_multiple_of(PAGE_BYTES) && start < end {
        keeping_errno(|| {
            let range = start..end;
            let Some(pieces) = live_pieces() else { return };
            let suspect = suspicion::of_unmap(&pieces, mappings::newest_lives(), range.clone());
            if let Some(suspect) = suspect {
                report_suspicion(runtime, &suspect, FoundBy::Munmap, at);
            }
            look_for_lost_writes(&pieces, range, |suspect| {
                report_suspicion(runtime, &suspect, FoundBy::Munmap, at);
            });
        });
    }
}

/// Before msync(2): the kernel clears what is behind the end of a file.
pub fn before_msync(start: usize, bytes: usize, at: Caller) {
    let Some(runtime) = checker() else { return };
    let range = start..start.saturating_add(round_up_to_page(bytes));
    keeping_errno(|| {
        let Some(pieces) = live_pieces() else { return };
        visit_pieces(&pieces, range, |number| {
            if let Some(suspect) = past_end_write(&pieces.all()[number]) {
                report_suspicion(runtime, &suspect, FoundBy::Msync, at);
            }
        });
    });
}

/// After msync(2), which has failed with ENOMEM.
pub fn after_failed_msync(start: usize, bytes: usize, at: Caller) {
    let Some(runtime) = checker() else { return };
    let range = start..start.saturating_add(round_up_to_page(bytes));
    keeping_errno(|| {
        if let Some(hole) = unmapped_in(&range) {
            let suspect = nothing_to_sync(start, bytes, hole);
            report_suspicion(runtime, &suspect, FoundBy::Msync, at);
        }
    });
}

/// At the end of the process.
pub fn at_exit(runtime: &'static Runtime) {
    if checker().is_none() {
        return;
    }
    let Some(pieces) = live_pieces() else { return };
    let begun = mappings::moment_of_fork();
    let report = |suspect: Suspect| {
        // What a fork has brought is the parent's.
        if suspect.origin.is_some_and(|origin| origin.moment >= begun) {
            report_suspicion(runtime, &suspect, FoundBy::Exit, Caller::here());
        }
    };
    suspicion::left_over(&pieces, mappings::ended_since, report);
    look_for_lost_writes(&pieces, 0..usize::MAX, report);
}

fn keeping_errno(work: impl FnOnce()) {
    let before = errno::get();
    work();
    errno::set(before);
}

/// The mappings that the history knows; `None` where there is no memory.
fn live_pieces() -> Option<Pieces> {
    let _scope = RuntimeScope::enter();
    // Some are made meanwhile.
    const MORE: usize = 1024;
    let mut pieces = Pieces::for_steps(mappings::count_lives() + MORE).ok()?;
    mappings::visit_lives(|step| pieces.take(step));
    Some(pieces)
}

fn visit_pieces(pieces: &Pieces, range: Range<usize>, mut each: impl FnMut(usize)) {
    let mut at = range.start;
    while let Some(number) = pieces.first_in(at..range.end) {
        each(number);
        at = pieces.all()[number].range().end;
    }
}

fn look_for_lost_writes(pieces: &Pieces, range: Range<usize>, mut report: impl FnMut(Suspect)) {
    visit_pieces(pieces, range.clone(), |number| {
        let piece = &pieces.all()[number];
        let own = piece.range();
        let part = own.start.max(range.start)..own.end.min(range.end);
        let found = past_end_write(piece).filter(|it| part.contains(&it.address));
        if let Some(suspect) = found.or_else(|| private_write(piece, part)) {
            report(suspect);
        }
    });
}

fn suspect(suspicion: Suspicion, address: usize, piece: &Piece, origin: Step) -> Suspect {
    let Range { start, end } = piece.range();
    Suspect { suspicion, address, pages: (start, end), origin: Some(origin), gone: None }
}

/// The mmap of a file that a piece goes back to, and where it is still.
fn of_file(piece: &Piece) -> Option<Step> {
    let origin = piece.origin()?;
    let (pages, own) = (origin.pages(), piece.range());
    let is_there = pages.start <= own.start && own.end <= pages.end;
    let is_file = origin.call == Call::Mmap && origin.file.is_some_and(|file| file.bytes > 0);
    (is_there && is_file).then_some(origin)
}

/// Bytes that are not zero behind the end of a shared file, in its last page.
fn past_end_write(piece: &Piece) -> Option<Suspect> {
    let origin = of_file(piece).filter(Step::is_shared)?;
    let length = scene::file_bytes(&origin)?;
    let into = length.checked_sub(origin.file?.offset)? as usize;
    let end = origin.start.checked_add(into)?;
    if end.is_multiple_of(PAGE_BYTES) || !piece.range().contains(&end) {
        return None;
    }
    let page = end & !(PAGE_BYTES - 1)..end.next_multiple_of(PAGE_BYTES);
    // Only what this process has touched is its own.
    let mut is_held = false;
    HeldPages::new().visit(page.clone(), Kind::Any, |_| is_held = true);
    let mut bytes = [0; PAGE_BYTES];
    let rest = &mut bytes[..page.end - end];
    if !is_held || probe::copy(end, rest) != rest.len() {
        return None;
    }
    let first = rest.iter().position(|&byte| byte != 0)?;
    // The file may have grown meanwhile.
    let is_so = scene::file_bytes(&origin) == Some(length);
    is_so.then(|| suspect(Suspicion::PastEndWrite, end + first, piece, origin))
}

/// Pages of a private mapping that were written, of a file that was opened for writing, which has something else there.
fn private_write(piece: &Piece, part: Range<usize>) -> Option<Suspect> {
    let origin = of_file(piece).filter(|origin| !origin.is_shared())?;
    let file = origin.file.filter(|file| file.access == libc::O_RDWR)?;
    let mut first = None;
    let (mut pages, mut compared) = (0, 0);
    let is_it = |it: &file::OpenFile| (it.device, it.inode) == (file.device, file.inode);
    let is_open = file::open_file(origin.descriptor).is_some_and(|it| is_it(&it));
    HeldPages::new().visit(part, Kind::Anonymous, |held| {
        for page in held.step_by(PAGE_BYTES) {
            compared += 1;
            if compared > MOST_COMPARED {
                return;
            }
            let offset = file.offset + (page - origin.start) as u64;
            if !is_open || differs(page, origin.descriptor, offset) {
                first = first.or(Some(page));
                pages += 1;
            }
        }
    });
    first.map(|address| suspect(Suspicion::PrivateWrite { pages }, address, piece, origin))
}

/// Whether a page has something else than its place in the file; what is behind the file's end has no place.
fn differs(page: usize, descriptor: i32, offset: u64) -> bool {
    let (mut here, mut there) = ([0; PAGE_BYTES], [0; PAGE_BYTES]);
    let length = file::read_at(descriptor, offset, &mut there).unwrap_or_default();
    probe::copy(page, &mut here[..length]) == length && here[..length] != there[..length]
}

/// The first address of a range at which the program has nothing.
fn unmapped_in(range: &Range<usize>) -> Option<usize> {
    let mut at = range.start;
    let visited = address_map::visit(|mapping| {
        if mapping.end <= at {
            return true;
        }
        if mapping.start > at {
            return false;
        }
        // Places that are kept from later use are nothing to the program.
        while guarded::is_on() && at < mapping.end.min(range.end) {
            if guarded::inaccessible_at(at).is_some() {
                return false;
            }
            at += PAGE_BYTES;
        }
        at = at.max(mapping.end);
        at < range.end
    });
    visited.is_ok().then_some(at).filter(|at| range.contains(at))
}

fn nothing_to_sync(start: usize, bytes: usize, hole: usize) -> Suspect {
    let story = mappings::story_at(hole);
    let gone = story.gone;
    let pages = story.pages().filter(|_| gone.is_some()).unwrap_or(0..0);
    let suspicion = Suspicion::NothingToSync { start, bytes };
    let origin = story.origin.filter(|_| gone.is_some());
    Suspect { suspicion, address: hole, pages: (pages.start, pages.end), origin, gone }
}
