//! Faults in memory that the program mapped, protected or unmapped itself: what the history of its mappings tells.
//!
//! The history lacks what libc, the loader and raw instructions do. So a story is told only where the kernel's word (the
//! code of the signal, and the list of mappings if that can be read) agrees with it. Where it does not, a crash stays
//! one that nothing more is known of.

use super::access::{Access, Direction};
use super::bug::{BugKind, Crash, MappingSubject, Neighbour, Side, Violation};
use super::pointer::Origin;
use crate::mappings::{Call, Step, Story};
use crate::sys::PAGE_BYTES;
use crate::sys::address_map::{Around, Mapping};
use libc::c_int;

/// How far beyond the edge of a mapping an access is still taken for one that ran over it: the page beside it. A loop or a wrong
/// index gets there first; farther away the address may as well come from anywhere.
const REACH_BYTES: usize = PAGE_BYTES;

/// MAP_FAILED, an offset from it, or a number below it.
const FAILED_REACH_BYTES: usize = 64 << 10;

/// Codes of SIGSEGV (sigaction(2)): nothing is mapped there, or a guard of madvise; it is not permitted; a protection key forbids it.
const SEGV_MAPERR: c_int = 1;
const SEGV_ACCERR: c_int = 2;
const SEGV_PKUERR: c_int = 4;

/// What is known around an address that faulted.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// What the kernel has mapped; `None` where that can't be read.
    pub around: Option<Around>,
    /// Of the address.
    pub story: Story,
    /// Of the last byte mapped before it, and of the first one mapped behind it.
    pub before: Story,
    pub after: Story,
    /// How long the file of the story is now.
    pub file_bytes: Option<u64>,
    /// The last call that failed to map something, of the thread if it had one.
    pub failed: Option<Step>,
    /// The pointer from which an address near null was computed, if that can be told.
    pub origin: Option<Origin>,
    /// Whether the instruction is one of libc's, which reads at any alignment.
    pub is_in_libc: bool,
    /// Whether a module was loaded there that is not any more: the loader's mappings are not in the history.
    pub was_module: bool,
    /// Whether memory of the runtime's own lies there, of which the program has no pointers.
    pub is_own: bool,
}

/// What a signal is that `crash` says so far, if it has to do with a mapping of the program's.
pub fn explain(
    (signal, code): (c_int, c_int),
    access: &Access,
    crash: &Crash,
    scene: &Scene,
) -> Option<(BugKind, MappingSubject)> {
    match crash {
        Crash::PastEndOfFile(_) | Crash::Unavailable if signal == libc::SIGBUS => {
            if code == libc::BUS_ADRERR { past_end(access, scene) } else { None }
        }
        Crash::Null | Crash::Unmapped if is_failed_pointer(access, scene) => {
            let violation = Violation::Failed(scene.failed?);
            // Of no mapping there is nothing to tell but the call.
            let subject = MappingSubject::new(violation, Story::default(), 0..0, access.start);
            Some((BugKind::MmapFailedPointer, subject))
        }
        Crash::Unmapped
        | Crash::ReadOnly(_)
        | Crash::Inaccessible(_)
        | Crash::NotExecutable(_)
        | Crash::Key
        | Crash::Unavailable
            if !scene.was_module =>
        {
            let here = scene.around.as_ref().and_then(|around| around.here.as_ref());
            match code {
                _ if scene.is_own => beside_any(access.fault, scene),
                SEGV_MAPERR if here.is_none() => unmapped(access, scene),
                SEGV_MAPERR => guard(access, scene),
                SEGV_PKUERR => locked(access, scene),
                _ => forbidden(access, scene),
            }
        }
        _ => None,
    }
}

/// Why the kernel could not use an address for the access of a call, if that has to do with a mapping of the program's. It says no more
/// than EFAULT, so the list of mappings has to tell.
pub fn explain_refusal(access: &Access, scene: &Scene) -> Option<(BugKind, MappingSubject)> {
    let here = scene.around.as_ref()?.here.as_ref();
    let explain = |signal, code, crash| explain((signal, code), access, &crash, scene);
    let maperr = |crash| explain(libc::SIGSEGV, SEGV_MAPERR, crash);
    match here {
        None => maperr(Crash::Unmapped),
        Some(here) if access.direction == Direction::Write && !here.writable && here.readable => {
            explain(libc::SIGSEGV, SEGV_ACCERR, Crash::ReadOnly(String::new()))
        }
        Some(here) if !here.readable && !here.writable => {
            explain(libc::SIGSEGV, SEGV_ACCERR, Crash::Inaccessible(String::new()))
        }
        // It permits the access, and can't be used all the same.
        Some(_) if scene.story.guarded.is_some() => maperr(Crash::Unavailable),
        Some(_) => explain(libc::SIGBUS, libc::BUS_ADRERR, Crash::Unavailable),
    }
}

/// Whether an address is MAP_FAILED or near it. A low one is near null, too: the code that computed it tells, or else the alignment: an
/// element at an offset from MAP_FAILED is one byte before where it would be aligned.
fn is_failed_pointer(access: &Access, scene: &Scene) -> bool {
    const MOST_ALIGNMENT: usize = 4;
    let from_failed = access.start.wrapping_add(1);
    if access.start >= usize::MAX - FAILED_REACH_BYTES {
        return true;
    }
    match scene.origin {
        _ if from_failed > FAILED_REACH_BYTES => false,
        Some(origin) => origin == Origin::MapFailed,
        None => {
            let width = access.width.unwrap_or(1).min(MOST_ALIGNMENT);
            !scene.is_in_libc
                && width > 1
                && width.is_power_of_two()
                && from_failed.is_multiple_of(width)
        }
    }
}

fn unmapped(access: &Access, scene: &Scene) -> Option<(BugKind, MappingSubject)> {
    let (story, fault) = (scene.story, access.fault);
    let told = |violation, kind| {
        let subject = MappingSubject::new(violation, story, story.pages()?, fault);
        Some((kind, subject))
    };
    if story.gone.is_some() {
        return told(Violation::Unmapped, BugKind::MappingUseAfterUnmap);
    }
    if story.made.is_some() {
        // It should be there, unless this process is a child that did not get it.
        return story
            .left_out
            .and_then(|_| told(Violation::LeftOut, BugKind::MappingUseAfterUnmap));
    }
    beside_any(fault, scene)
}

/// Whether `fault`, where the program has nothing, is just beside a mapping that it made.
fn beside_any(fault: usize, scene: &Scene) -> Option<(BugKind, MappingSubject)> {
    let around = scene.around.as_ref()?;
    let (before, after) = (around.before.as_ref(), around.after.as_ref());
    let overrun = before.and_then(|it| beside(it, it.end, &scene.before, fault));
    let underrun = after.and_then(|it| beside(it, it.start, &scene.after, fault));
    match (overrun, underrun) {
        (Some(over), Some(under)) if under.relation.bytes <= over.relation.bytes => {
            Some((BugKind::MappingUnderflow, under))
        }
        (Some(over), _) => Some((BugKind::MappingOverflow, over)),
        (None, Some(under)) => Some((BugKind::MappingUnderflow, under)),
        (None, None) => None,
    }
}

/// The mapping that ends, or begins, at `edge`, if the program made it with this edge and `fault` is just beyond.
fn beside(mapping: &Mapping, edge: usize, story: &Story, fault: usize) -> Option<MappingSubject> {
    let pages = story.pages()?;
    let is_edge = edge == pages.start || edge == pages.end;
    let is_made = story.made.is_some() && story.gone.is_none() && agrees(mapping, story);
    // What nobody may touch is itself a guard.
    let is_usable = mapping.readable || mapping.writable || mapping.executable;
    // Behind the end the first byte is 0 bytes away, before the start the last one is 1.
    let is_near = fault.abs_diff(edge) < REACH_BYTES || edge.wrapping_sub(fault) == REACH_BYTES;
    (is_edge && is_made && is_usable && is_near)
        .then(|| MappingSubject::new(Violation::Outside, *story, pages, fault))
}

/// Whether the kernel's mapping is the one of the story: of the same file, or of none.
fn agrees(mapping: &Mapping, story: &Story) -> bool {
    let name = mapping.name.as_str();
    let is_anonymous = name.is_empty()
        || ["[anon", "/dev/zero", "/anon_hugepage"].iter().any(|it| name.starts_with(it));
    match (story.origin, story.file()) {
        (Some(_), Some(file)) => {
            // Devices and inodes of stacked file systems are others there; a path may change.
            mapping.inode == file.inode || name.as_bytes() == file.path.text()
        }
        (Some(origin), None) if origin.call == Call::Shmat => name.starts_with("/SYSV"),
        // A sandbox forbade to ask which file it is.
        (Some(origin), None) if origin.is_of_file() => mapping.inode != 0,
        (Some(_), None) => is_anonymous,
        (None, _) => true,
    }
}

/// The kernel's mapping at the address, if it is the one of the story.
fn agreed(scene: &Scene, fault: usize) -> Option<&Mapping> {
    let here = scene.around.as_ref()?.here.as_ref()?;
    let story = &scene.story;
    let is_there = story.origin.is_some() && story.gone.is_none();
    (is_there && agrees(here, story) && (here.start..here.end).contains(&fault)).then_some(here)
}

fn forbidden(access: &Access, scene: &Scene) -> Option<(BugKind, MappingSubject)> {
    let (story, fault) = (scene.story, access.fault);
    let (permitted, _) = story.permission()?;
    let is_permitted = |bit| permitted & bit != 0;
    let here = match &scene.around {
        Some(_) => Some(agreed(scene, fault)?),
        // Nothing can be read; the signal says that something is mapped there.
        None if story.made.is_some() && story.gone.is_none() => None,
        None => return None,
    };
    if let Some(here) = here
        && (here.readable, here.writable)
            != (is_permitted(libc::PROT_READ), is_permitted(libc::PROT_WRITE))
    {
        // Something that was not seen has changed it since.
        return None;
    }
    let needed = match access.direction {
        Direction::Read => libc::PROT_READ,
        Direction::Write => libc::PROT_WRITE,
        Direction::Execute => libc::PROT_EXEC,
    };
    if is_permitted(needed) {
        return None;
    }
    let violation = Violation::Forbidden(permitted);
    let subject = MappingSubject::new(violation, story, story.pages()?, fault);
    Some((BugKind::MappingProtection, subject))
}

fn locked(access: &Access, scene: &Scene) -> Option<(BugKind, MappingSubject)> {
    let story = scene.story;
    agreed(scene, access.fault)?;
    let by = story.protected.filter(|step| step.call == Call::PkeyMprotect)?;
    let violation = Violation::Key(by.flags);
    let subject = MappingSubject::new(violation, story, story.pages()?, access.fault);
    Some((BugKind::MappingProtection, subject))
}

fn guard(access: &Access, scene: &Scene) -> Option<(BugKind, MappingSubject)> {
    let story = scene.story;
    agreed(scene, access.fault)?;
    story.guarded?;
    let subject = MappingSubject::new(Violation::Guard, story, story.pages()?, access.fault);
    Some((BugKind::MappingProtection, subject))
}

fn past_end(access: &Access, scene: &Scene) -> Option<(BugKind, MappingSubject)> {
    let story = scene.story;
    if story.made.is_none() || story.gone.is_some() {
        return None;
    }
    if scene.around.is_some() {
        agreed(scene, access.fault)?;
    }
    let offset = story.file_offset(access.fault)?;
    // The rest of the last page is there.
    let lies_behind = |bytes: u64| bytes.next_multiple_of(PAGE_BYTES as u64) <= offset;
    let is_certain = match (scene.file_bytes, story.file()) {
        (Some(bytes), _) => lies_behind(bytes),
        (None, Some(file)) => story.cut.is_some() || lies_behind(file.bytes),
        (None, None) => false,
    };
    if !is_certain {
        return None;
    }
    let subject = MappingSubject::new(Violation::PastEnd, story, story.pages()?, access.fault);
    let subject = MappingSubject { file_bytes: scene.file_bytes, ..subject };
    Some((BugKind::MappingPastEof, subject))
}

/// The nearest mappings below and above `address`, where nothing is mapped.
pub fn neighbours(address: usize, scene: &Scene) -> Vec<Neighbour> {
    let Some(around) = &scene.around else { return Vec::new() };
    let near =
        |mapping: &Option<Mapping>, side, distance: fn(&Mapping, usize) -> usize, story: &Story| {
            let mapping = mapping.clone()?;
            let is_known = story.gone.is_none() && agrees(&mapping, story);
            let made = story.origin.filter(|_| is_known);
            let distance = distance(&mapping, address);
            Some(Neighbour { mapping, side, distance, made })
        };
    let below = near(&around.before, Side::Before, |it, at| at - it.end, &scene.before);
    let above = near(&around.after, Side::After, |it, at| it.start - at, &scene.after);
    below.into_iter().chain(above).collect()
}

/// The mapping of the program's that an address is in, or was, which is no object of the heap.
pub fn not_heap(address: usize, scene: &Scene) -> Option<MappingSubject> {
    let story = scene.story;
    let here = scene.around.as_ref()?.here.as_ref();
    let is_so = match here {
        Some(here) => story.gone.is_none() && story.made.is_some() && agrees(here, &story),
        None => story.gone.is_some(),
    };
    let pages = story.pages()?;
    (is_so && !scene.was_module)
        .then(|| MappingSubject::new(Violation::NotHeap, story, pages, address))
}

#[cfg(test)]
mod tests {
    use super::super::bug::Relation;
    use super::*;
    use crate::heap::record::{Event, ThreadId};
    use crate::mappings::{FileFacts, PathId};
    use crate::trace::TraceId;

    const PAGE: usize = PAGE_BYTES;
    const AT: usize = 0x7f00_0000_0000;

    fn step(call: Call, pages: usize) -> Step {
        let event = Event { thread: ThreadId(0), trace: TraceId::NONE };
        Step {
            protection: 3,
            flags: libc::MAP_ANONYMOUS,
            ..Step::new(call, AT, pages * PAGE, event)
        }
    }

    fn mapped(pages: usize) -> Story {
        let made = Some(step(Call::Mmap, pages));
        Story { made, origin: made, ..Story::default() }
    }

    fn gone(pages: usize) -> Story {
        Story { gone: Some(step(Call::Munmap, pages)), ..mapped(pages) }
    }

    fn kernel(start: usize, end: usize, permissions: &str, name: &str) -> Option<Mapping> {
        let inode = if name.is_empty() { 0 } else { 7 };
        let line = format!("{start:x}-{end:x} {permissions} 00000000 00:00 {inode} {name}");
        crate::sys::address_map::parse(line.as_bytes())
    }

    fn access(fault: usize, direction: Direction) -> Access {
        Access { start: fault, fault, width: Some(4), direction, pc: 0, bp: 0, sp: 0 }
    }

    fn told(
        signal: c_int,
        code: c_int,
        access: Access,
        crash: Crash,
        scene: Scene,
    ) -> Option<(BugKind, Violation, Relation)> {
        let (kind, subject) = explain((signal, code), &access, &crash, &scene)?;
        Some((kind, subject.violation, subject.relation))
    }

    fn unmapped_at(fault: usize, scene: Scene) -> Option<(BugKind, Violation, Relation)> {
        told(libc::SIGSEGV, SEGV_MAPERR, access(fault, Direction::Read), Crash::Unmapped, scene)
    }

    fn at(bytes: usize, side: Side) -> Relation {
        Relation { bytes, side }
    }

    #[test]
    fn what_is_gone_was_unmapped() {
        let scene = Scene { story: gone(2), around: Some(Around::default()), ..Scene::default() };
        let kind = BugKind::MappingUseAfterUnmap;
        let known = Some((kind, Violation::Unmapped, at(5000, Side::Inside)));
        assert_eq!(unmapped_at(AT + 5000, scene.clone()), known);
        // The loader's mappings are not in the history.
        assert_eq!(unmapped_at(AT, Scene { was_module: true, ..scene }), None);
        // It should be there.
        assert_eq!(unmapped_at(AT, Scene { story: mapped(1), ..Scene::default() }), None);
        let story = Story { left_out: Some(step(Call::DontFork, 1)), ..mapped(1) };
        let left_out = unmapped_at(AT, Scene { story, ..Scene::default() });
        assert_eq!(left_out.map(|it| it.1), Some(Violation::LeftOut));
    }

    fn beside(before: Option<Mapping>, after: Option<Mapping>) -> Scene {
        Scene {
            around: Some(Around { before, here: None, after }),
            before: mapped(2),
            after: mapped(2),
            ..Scene::default()
        }
    }

    #[test]
    fn just_beside_a_mapping_of_the_program_is_an_overrun_of_it() {
        let end = AT + 2 * PAGE;
        let before = |permissions| beside(kernel(AT, end, permissions, ""), None);
        let over = |distance| {
            let kind = BugKind::MappingOverflow;
            Some((kind, Violation::Outside, at(distance, Side::After)))
        };
        assert_eq!(unmapped_at(end, before("rw-p")), over(0));
        assert_eq!(unmapped_at(end + PAGE - 1, before("rw-p")), over(PAGE - 1));
        assert_eq!(unmapped_at(end + PAGE, before("rw-p")), None, "too far");
        assert_eq!(unmapped_at(end, before("---p")), None, "a guard of the program's own");
        let own = Scene { is_own: true, ..before("rw-p") };
        assert_eq!(unmapped_at(end + 8, own), over(8));
        let after = || beside(None, kernel(AT, end, "rw-p", ""));
        let under = |distance| {
            let kind = BugKind::MappingUnderflow;
            Some((kind, Violation::Outside, at(distance, Side::Before)))
        };
        assert_eq!(unmapped_at(AT - 1, after()), under(1));
        assert_eq!(unmapped_at(AT - PAGE, after()), under(PAGE));
        assert_eq!(unmapped_at(AT - PAGE - 1, after()), None);
        // Not with this edge, or of another file: something has happened that is not known.
        let other = beside(kernel(AT, end + PAGE, "rw-p", ""), None);
        assert_eq!(unmapped_at(end + PAGE, other), None);
        let other = beside(kernel(AT, end, "rw-p", "/lib/x.so"), None);
        assert_eq!(unmapped_at(end, other), None);
    }

    #[test]
    fn what_is_near_is_told_with_who_made_it_if_that_is_certain() {
        let end = AT + 2 * PAGE;
        let far = end + 100 * PAGE;
        let other = kernel(far, far + PAGE, "r-xp", "/lib/x.so");
        let near: Vec<_> = neighbours(end + 8, &beside(kernel(AT, end, "rw-p", ""), other))
            .into_iter()
            .map(|it| (it.side, it.distance, it.made.is_some()))
            .collect();
        assert_eq!(near, [(Side::Before, 8, true), (Side::After, 100 * PAGE - 8, false)]);
        assert_eq!(neighbours(end, &Scene::default()), []);
    }

    fn scene_here(permissions: &str, story: Story) -> Scene {
        let here = kernel(AT, AT + PAGE, permissions, "");
        let around = Some(Around { here, ..Around::default() });
        Scene { around, story, ..Scene::default() }
    }

    fn forbidden_by(scene: Scene, direction: Direction) -> Option<Violation> {
        let crash = Crash::ReadOnly(String::new());
        told(libc::SIGSEGV, 2, access(AT + 8, direction), crash, scene).map(|it| it.1)
    }

    #[test]
    fn protection_is_told_where_the_kernel_has_it_so() {
        let protect = |protection| Some(Step { protection, ..step(Call::Mprotect, 1) });
        let story = |protection| Story { protected: protect(protection), ..mapped(1) };
        let (read, write) = (Direction::Read, Direction::Write);
        assert_eq!(
            forbidden_by(scene_here("r--p", story(1)), write),
            Some(Violation::Forbidden(1))
        );
        assert_eq!(forbidden_by(scene_here("---p", story(0)), read), Some(Violation::Forbidden(0)));
        let execute = forbidden_by(scene_here("rw-p", mapped(1)), Direction::Execute);
        assert_eq!(execute, Some(Violation::Forbidden(3)));
        // Of a file about which nothing could be asked.
        let of_file = Some(Step { flags: libc::MAP_PRIVATE, ..step(Call::Mmap, 1) });
        let of_file = Story { made: of_file, origin: of_file, ..story(1) };
        let here = kernel(AT, AT + PAGE, "r--p", "/tmp/x");
        let around = Some(Around { here, ..Around::default() });
        let scene = Scene { around, story: of_file, ..Scene::default() };
        assert_eq!(forbidden_by(scene, write), Some(Violation::Forbidden(1)));
        assert_eq!(forbidden_by(scene_here("r--p", of_file), write), None);
        // What the history does not explain.
        assert_eq!(forbidden_by(scene_here("r--p", mapped(1)), write), None);
        assert_eq!(forbidden_by(scene_here("r--p", gone(1)), write), None);
        let unread = Scene { around: None, ..scene_here("r--p", story(1)) };
        assert_eq!(forbidden_by(unread.clone(), write), Some(Violation::Forbidden(1)));
        assert_eq!(forbidden_by(unread, read), None);
    }

    #[test]
    fn a_page_may_be_a_guard_of_madvise() {
        let story = Story { guarded: Some(step(Call::Guard, 1)), ..mapped(1) };
        let told_of = |story| {
            let access = access(AT, Direction::Read);
            let scene = scene_here("rw-p", story);
            told(libc::SIGSEGV, SEGV_MAPERR, access, Crash::Unavailable, scene).map(|it| it.1)
        };
        assert_eq!(told_of(story), Some(Violation::Guard));
        assert_eq!(told_of(mapped(1)), None);
    }

    #[test]
    fn past_the_end_of_the_file_is_where_its_length_says_so() {
        let file = FileFacts { inode: 7, bytes: 100, path: PathId(0), ..FileFacts::default() };
        let made = Some(Step { file: Some(file), ..step(Call::Mmap, 3) });
        let story = Story { made, origin: made, ..Story::default() };
        let bus = |fault, file_bytes, story| {
            let here = kernel(AT, AT + 3 * PAGE, "rw-s", "/tmp/x");
            let around = Some(Around { here, ..Around::default() });
            let scene = Scene { around, story, file_bytes, ..Scene::default() };
            let crash = Crash::PastEndOfFile("/tmp/x".to_owned());
            told(libc::SIGBUS, libc::BUS_ADRERR, access(fault, Direction::Read), crash, scene)
                .map(|it| it.0)
        };
        let eof = Some(BugKind::MappingPastEof);
        assert_eq!(bus(AT + PAGE, Some(100), story), eof);
        assert_eq!(bus(AT + PAGE, None, story), eof);
        // No room on the disk, say.
        assert_eq!(bus(AT + PAGE, Some(2 * PAGE as u64), story), None);
        assert_eq!(bus(AT, None, story), None);
        let cut = Story { cut: Some(step(Call::Ftruncate, 0)), ..story };
        assert_eq!(bus(AT, None, cut), eof);
        assert_eq!(bus(AT, None, mapped(3)), None);
    }

    #[test]
    fn near_map_failed_a_call_has_failed() {
        let failed = Some(Step { error: libc::ENOMEM, ..step(Call::Mmap, 1) });
        let kind_in = |start: usize, width, scene| {
            let access = Access { start, fault: start, width, ..access(0, Direction::Read) };
            let crash = if start < 1 << 16 { Crash::Null } else { Crash::Unmapped };
            told(libc::SIGSEGV, SEGV_MAPERR, access, crash, scene).map(|it| it.0)
        };
        let kind_at = |start: usize, width, failed| {
            kind_in(start, width, Scene { failed, ..Scene::default() })
        };
        let failed_pointer = Some(BugKind::MmapFailedPointer);
        assert_eq!(kind_at(usize::MAX, Some(1), failed), failed_pointer);
        assert_eq!(kind_at(usize::MAX - 11, Some(8), failed), failed_pointer);
        assert_eq!(kind_at(7, Some(8), failed), failed_pointer);
        assert_eq!(kind_at(11, Some(4), failed), failed_pointer);
        assert_eq!(kind_at(99, Some(8), failed), failed_pointer);
        // As likely null.
        assert_eq!(kind_at(7, Some(1), failed), None);
        assert_eq!(kind_at(8, Some(8), failed), None);
        assert_eq!(kind_at(usize::MAX, Some(1), None), None);
        assert_eq!(kind_at(usize::MAX - (1 << 20), Some(4), failed), None);
        // The code has told, or does not follow the alignment.
        let with = |origin| Scene { failed, origin, ..Scene::default() };
        assert_eq!(kind_in(7, Some(1), with(Some(Origin::MapFailed))), failed_pointer);
        assert_eq!(kind_in(8, Some(8), with(Some(Origin::MapFailed))), failed_pointer);
        assert_eq!(kind_in(7, Some(8), with(Some(Origin::Null))), None);
        assert_eq!(kind_in(7, Some(8), Scene { is_in_libc: true, ..with(None) }), None);
    }

    #[test]
    fn a_call_is_refused_for_what_the_list_of_mappings_shows() {
        let refused = |direction, scene| {
            explain_refusal(&access(AT + 8, direction), &scene).map(|(_, it)| it.violation)
        };
        let (read, write) = (Direction::Read, Direction::Write);
        let nothing = Scene { around: Some(Around::default()), ..scene_here("", gone(1)) };
        assert_eq!(refused(read, nothing), Some(Violation::Unmapped));
        let protect = |protection| Some(Step { protection, ..step(Call::Mprotect, 1) });
        let story = |protection| Story { protected: protect(protection), ..mapped(1) };
        let sealed = Some(Violation::Forbidden(0));
        assert_eq!(refused(read, scene_here("---p", story(0))), sealed);
        assert_eq!(refused(write, scene_here("---p", story(0))), sealed);
        let read_only = || scene_here("r--p", story(1));
        assert_eq!(refused(write, read_only()), Some(Violation::Forbidden(1)));
        assert_eq!(refused(read, read_only()), None);
        let guarded = Story { guarded: Some(step(Call::Guard, 1)), ..mapped(1) };
        assert_eq!(refused(write, scene_here("rw-p", guarded)), Some(Violation::Guard));
        assert_eq!(refused(write, scene_here("rw-p", mapped(1))), None, "there again");
        assert_eq!(refused(read, Scene { around: None, ..scene_here("", gone(1)) }), None);
    }

    #[test]
    fn a_mapping_that_is_freed_is_named() {
        let there = scene_here("rw-p", mapped(1));
        assert!(not_heap(AT, &there).is_some());
        assert!(not_heap(AT, &scene_here("rw-p", gone(1))).is_none());
        let nothing = Scene { around: Some(Around::default()), ..scene_here("", gone(1)) };
        assert!(not_heap(AT, &nothing).is_some());
    }
}
