//! Sentences about the program's own mappings, and the calls that made, changed and ended them.

use super::words::{Words, in_bytes};
use crate::diagnose::{
    Deed, Direction, MappingSubject, Neighbour, PageCall, Relation, Side, Violation,
};
use crate::finding::{Frame, MappingDeed};
use crate::heap::hit::Hit;
use crate::mappings::suspicion::Suspicion;
use crate::mappings::{Call, Step, Story};
use crate::printable::printable;
use core::fmt::{Display, Formatter};
use libc::c_int;

/// The calls that a report about a mapping shows, the latest first.
pub fn calls(subject: &MappingSubject) -> Vec<(MappingDeed, Step)> {
    let story = &subject.story;
    let spoilt = match subject.violation {
        Violation::Failed(step) => Some((MappingDeed::Failed, step)),
        Violation::Unmapped | Violation::NotHeap => {
            let deed = match story.gone.map(|gone| gone.call) {
                Some(Call::MremapAway) => MappingDeed::Moved,
                _ => MappingDeed::Unmapped,
            };
            story.gone.map(|step| (deed, step))
        }
        Violation::LeftOut => story.left_out.map(|step| (MappingDeed::Protected, step)),
        Violation::Forbidden(_) | Violation::Key(_) => {
            story.protected.map(|step| (MappingDeed::Protected, step))
        }
        Violation::Guard => story.guarded.map(|step| (MappingDeed::Protected, step)),
        Violation::PastEnd => story.cut.map(|step| (MappingDeed::Truncated, step)),
        Violation::Suspicious(Suspicion::TooLittle { by } | Suspicion::Twice { first: by }) => {
            Some((MappingDeed::Unmapped, by))
        }
        Violation::Suspicious(_) => story.gone.map(|step| (MappingDeed::Unmapped, step)),
        Violation::Outside => None,
    };
    let moved = story.made.filter(|made| Some(*made) != story.origin);
    let moved = moved.map(|step| (MappingDeed::Moved, step));
    let origin = story.origin.map(|step| (MappingDeed::Mapped, step));
    let earlier = match subject.violation {
        Violation::Forbidden(_) | Violation::PastEnd => story.earlier,
        _ => None,
    };
    let earlier = earlier.map(|step| (MappingDeed::Earlier, step));
    [spoilt, moved, origin, earlier].into_iter().flatten().collect()
}

/// Where `address` is relative to the mapping, what that is, and why the access was refused: sentences.
pub fn place(address: usize, subject: &MappingSubject, access: Option<Direction>) -> Vec<String> {
    if let Violation::Failed(step) = subject.violation {
        let function = step.call.function();
        return vec![
            format!(
                "{address:#x} is MAP_FAILED, or near it: what mmap, mremap and shmat return when they fail"
            ),
            format!("{function} failed with {}: {}", error(step.error), call(&step)),
        ];
    }
    if let (Violation::Suspicious(suspicion), 0) = (subject.violation, subject.bytes) {
        return suspicious(subject, suspicion);
    }
    let MappingSubject { start, bytes, relation: Relation { bytes: distance, side }, .. } =
        *subject;
    let end = start + bytes;
    let (first_bad, where_to) = match side {
        Side::Before => (start - distance, "before"),
        Side::Inside => (start + distance, "inside of"),
        Side::After => (end + distance, "after"),
    };
    let distance = in_bytes(distance);
    let mut sentences = vec![format!(
        "{first_bad:#x} is located {distance} {where_to} {bytes}-byte mapping [{start:#x},{end:#x})"
    )];
    sentences.push(what(subject).to_string());
    sentences.extend(why(subject, access));
    sentences
}

/// A mapping near an address where nothing is mapped; `caller` is the place of the call that made it.
pub fn neighbour<'a>(near: &'a Neighbour, caller: Option<&'a Frame>) -> impl Display + 'a {
    let Neighbour { mapping, side, distance, made } = near;
    let where_to = if *side == Side::Before { "before" } else { "behind" };
    let right = |is_there: bool, letter: char| if is_there { letter } else { '-' };
    Words(move |out: &mut Formatter<'_>| {
        let (start, end) = (mapping.start, mapping.end);
        write!(
            out,
            "the nearest mapping {where_to} it is {} away: [{start:#x},{end:#x}), ",
            in_bytes(*distance)
        )?;
        for (is_there, letter) in
            [(mapping.readable, 'r'), (mapping.writable, 'w'), (mapping.executable, 'x')]
        {
            write!(out, "{}", right(is_there, letter))?;
        }
        match mapping.name.as_str() {
            "" => write!(out, ", without a file")?,
            name => write!(out, ", {}", printable(name))?,
        }
        let Some(step) = made else { return Ok(()) };
        write!(out, ", made by {}", call(step))?;
        if let Some(Frame { function: Some(function), file, line, .. }) = caller {
            write!(out, " in {}", printable(function))?;
            if let (Some(file), Some(line)) = (file, line) {
                write!(out, " {}:{line}", printable(file))?;
            }
        }
        Ok(())
    })
}

/// What is, or was, mapped.
fn what(subject: &MappingSubject) -> impl Display + '_ {
    let story = &subject.story;
    let is = if story.gone.is_some() { "was" } else { "is" };
    Words(move |out: &mut Formatter<'_>| {
        let Some(origin) = story.origin else {
            return match story.is_cut {
                true => write!(
                    out,
                    "it was mapped before the history of mappings begins (option history)"
                ),
                false => write!(out, "how it was mapped was not seen"),
            };
        };
        let sharing = if origin.is_shared() { "shared" } else { "private" };
        match (origin.call, story.file()) {
            (Call::Shmat, _) => write!(out, "it {is} shared memory, segment {}", origin.descriptor),
            (_, None) if origin.is_of_file() => {
                write!(out, "it {is} a {sharing} mapping of descriptor {}", origin.descriptor)
            }
            (_, None) => write!(out, "it {is} {sharing} memory without a file"),
            (_, Some(file)) => {
                write!(out, "it {is} a {sharing} mapping of ")?;
                match file.path.text() {
                    [] => write!(out, "the file with inode {}", file.inode)?,
                    path => write!(out, "{}", printable(path))?,
                }
                match file.offset {
                    0 => Ok(()),
                    offset => write!(out, ", from byte {offset} on"),
                }
            }
        }
    })
}

/// Why the access was refused.
fn why(subject: &MappingSubject, access: Option<Direction>) -> Vec<String> {
    let story = &subject.story;
    match subject.violation {
        Violation::Unmapped | Violation::NotHeap => gone(story).into_iter().collect(),
        Violation::LeftOut => {
            let by = story.left_out.map(|step| call(&step).to_string()).unwrap_or_default();
            vec![format!("children of fork do not get it, and this process is one: by {by}")]
        }
        Violation::Outside | Violation::Failed(_) => Vec::new(),
        Violation::Forbidden(permitted) => {
            forbidden(story, permitted, access).into_iter().chain(earlier(story)).collect()
        }
        Violation::Key(key) => {
            let by = story.protected.map(|step| call(&step).to_string()).unwrap_or_default();
            vec![format!("protection key {key} forbids the access: by {by}")]
        }
        Violation::Guard => {
            let by = story.guarded.map(|step| call(&step).to_string()).unwrap_or_default();
            vec![format!("the page is a guard: by {by}")]
        }
        Violation::PastEnd => lengths(subject).into_iter().chain(earlier(story)).collect(),
        Violation::Suspicious(suspicion) => suspicious(subject, suspicion),
    }
}

/// Why a call is suspicious, or what it has left.
fn suspicious(subject: &MappingSubject, suspicion: Suspicion) -> Vec<String> {
    let story = &subject.story;
    match suspicion {
        Suspicion::TooMuch { bytes, first: (start, end) } => vec![format!(
            "munmap of {bytes} bytes takes it, too: it begins in the mapping [{start:#x},{end:#x})"
        )],
        Suspicion::TooLittle { by } => {
            let left = subject.bytes - subject.relation.bytes;
            vec![format!(
                "{} has unmapped its beginning; the other {left} bytes are mapped to the end",
                call(&by)
            )]
        }
        Suspicion::Twice { first } => {
            let before = format!("{} has unmapped these pages before", call(&first));
            let since = story.gone.is_none().then_some("another mapping has taken them since");
            core::iter::once(before).chain(since.map(str::to_owned)).collect()
        }
        Suspicion::NothingToSync { start, bytes } => {
            let failed = format!(
                "msync({start:#x}, {bytes}, …) failed with ENOMEM: nothing is mapped at {:#x}",
                subject.start + subject.relation.bytes
            );
            core::iter::once(failed).chain(gone(story)).collect()
        }
        Suspicion::PrivateWrite { pages } => {
            let were = if pages == 1 { " of it was" } else { "s of it were" };
            vec![format!(
                "{pages} page{were} written; it is private, so the file stays as it was, \
                 and what was written goes with the mapping"
            )]
        }
        Suspicion::PastEndWrite => {
            let bytes = subject.file_bytes.unwrap_or_default();
            vec![format!(
                "the file has {}; what was stored behind its end is lost",
                in_bytes(bytes as usize)
            )]
        }
    }
}

/// What was there before: the pointer may be one to that.
fn earlier(story: &Story) -> Option<String> {
    let step = story.earlier?;
    Some(format!("another mapping was there before, until {}", call(&step)))
}

fn gone(story: &Story) -> Option<String> {
    let step = story.gone?;
    let done = match (step.call, story.moved_to) {
        (Call::MremapAway, Some(to)) if to.start == step.from => "resized it".to_owned(),
        (Call::MremapAway, Some(to)) => format!("moved it to {:#x}", to.start),
        (Call::MremapAway, None) => "cut it off".to_owned(),
        (Call::Shmdt, _) => "detached it".to_owned(),
        _ => "unmapped it".to_owned(),
    };
    Some(format!("{} has {done}", call(&step)))
}

fn forbidden(story: &Story, permitted: c_int, access: Option<Direction>) -> Vec<String> {
    let is_permitted = |bit| permitted & bit != 0;
    let rights = match (is_permitted(libc::PROT_READ), is_permitted(libc::PROT_WRITE)) {
        _ if permitted == 0 => "must not be accessed",
        (_, true) => "must not be executed",
        (true, false) if access == Some(Direction::Write) => "is read-only",
        (true, false) => "must not be executed",
        (false, false) => "can be executed only",
    };
    let by = story.permission().map(|(_, step)| call(&step).to_string()).unwrap_or_default();
    let mut sentences = vec![format!("the page {rights}: by {by}")];
    if let Some(file) = story.file()
        && file.access == libc::O_RDONLY
        && access == Some(Direction::Write)
    {
        sentences.push("the file was opened for reading only".to_owned());
    }
    sentences
}

/// How long the file is, and was.
fn lengths(subject: &MappingSubject) -> Vec<String> {
    let Some(file) = subject.file() else { return Vec::new() };
    let then = in_bytes(file.bytes as usize);
    let mut sentences = vec![match subject.file_bytes {
        Some(now) if now == file.bytes => format!("the file has {then}, as when it was mapped"),
        Some(now) => {
            format!("the file has {}; when it was mapped it had {then}", in_bytes(now as usize))
        }
        None => format!("the file had {then} when it was mapped"),
    }];
    if let Some(step) = subject.story.cut {
        sentences.push(format!("{} has cut it", call(&step)));
    }
    sentences
}

/// What is wrong with a call about pages.
pub fn page_call(wrong: &PageCall) -> String {
    let PageCall { step, deed, hit } = wrong;
    let does = match deed {
        Deed::Unmaps => "unmaps",
        Deed::Replaces => "replaces",
        Deed::MovesAway => "moves away",
        Deed::Protects(_) => "takes access from",
    };
    let Hit { before, behind, reaches_another, .. } = *hit;
    let call = call(step);
    if !hit.is_live() {
        return format!("{call} {does} memory of an object that was freed");
    }
    let more = if reaches_another { ", where another object is" } else { "" };
    let where_to = match (before, behind) {
        (0, _) => format!("{} behind it{more}", in_bytes(behind)),
        (_, 0) => format!("{} before it", in_bytes(before)),
        _ => format!("{} before it and {} behind it{more}", in_bytes(before), in_bytes(behind)),
    };
    format!("{call} {does} memory that is not the object's: {where_to}")
}

/// A call with its arguments.
pub fn call(step: &Step) -> impl Display + '_ {
    Words(move |out: &mut Formatter<'_>| {
        if let Some(text) = step.opening() {
            return out.write_str(text);
        }
        let Step { call, start, bytes, from, from_bytes, flags, descriptor, .. } = *step;
        write!(out, "{}(", call.function())?;
        match call {
            Call::Mmap => {
                let (protection, flags) = (protection(step.protection), bits(flags, &MMAP_FLAGS));
                write!(
                    out,
                    "{}, {bytes}, {protection}, {flags}, {descriptor}, {from_bytes:#x}",
                    pointer(from)
                )
            }
            Call::Munmap => write!(out, "{start:#x}, {bytes}"),
            Call::Mremap => {
                write!(out, "{from:#x}, {from_bytes}, {bytes}, {}", bits(flags, &MREMAP_FLAGS))?;
                match flags & libc::MREMAP_FIXED {
                    0 => Ok(()),
                    _ => write!(out, ", {start:#x}"),
                }
            }
            Call::MremapAway => write!(out, "{from:#x}, {from_bytes}, …"),
            Call::Shmat => write!(out, "{descriptor}, {}, {flags:#o}", pointer(from)),
            Call::Shmdt => write!(out, "{start:#x}"),
            Call::Mprotect => write!(out, "{start:#x}, {bytes}, {}", protection(step.protection)),
            Call::PkeyMprotect => {
                write!(out, "{start:#x}, {bytes}, {}, {flags}", protection(step.protection))
            }
            Call::Guard => write!(out, "{start:#x}, {bytes}, MADV_GUARD_INSTALL"),
            Call::Unguard => write!(out, "{start:#x}, {bytes}, MADV_GUARD_REMOVE"),
            Call::DontFork => write!(out, "{start:#x}, {bytes}, MADV_DONTFORK"),
            Call::DoFork => write!(out, "{start:#x}, {bytes}, MADV_DOFORK"),
            Call::Ftruncate | Call::Truncate | Call::Open => {
                let bytes = step.file.map_or(0, |file| file.bytes);
                match call {
                    Call::Ftruncate => write!(out, "{descriptor}, {bytes}"),
                    _ => write!(out, "…, {bytes}"),
                }
            }
        }?;
        out.write_str(")")
    })
}

fn pointer(address: usize) -> impl Display {
    Words(move |out: &mut Formatter<'_>| match address {
        0 => out.write_str("NULL"),
        _ => write!(out, "{address:#x}"),
    })
}

fn protection(bits_set: c_int) -> impl Display {
    const NAMES: [(c_int, &str); 3] = [
        (libc::PROT_READ, "PROT_READ"),
        (libc::PROT_WRITE, "PROT_WRITE"),
        (libc::PROT_EXEC, "PROT_EXEC"),
    ];
    Words(move |out: &mut Formatter<'_>| match bits_set {
        libc::PROT_NONE => out.write_str("PROT_NONE"),
        _ => write!(out, "{}", bits(bits_set, &NAMES)),
    })
}

/// MAP_SHARED_VALIDATE is the two that come first.
const MMAP_FLAGS: [(c_int, &str); 11] = [
    (libc::MAP_SHARED, "MAP_SHARED"),
    (libc::MAP_PRIVATE, "MAP_PRIVATE"),
    (libc::MAP_FIXED, "MAP_FIXED"),
    (libc::MAP_ANONYMOUS, "MAP_ANONYMOUS"),
    (libc::MAP_NORESERVE, "MAP_NORESERVE"),
    (libc::MAP_POPULATE, "MAP_POPULATE"),
    (libc::MAP_STACK, "MAP_STACK"),
    (libc::MAP_HUGETLB, "MAP_HUGETLB"),
    (libc::MAP_LOCKED, "MAP_LOCKED"),
    (libc::MAP_GROWSDOWN, "MAP_GROWSDOWN"),
    (libc::MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE"),
];

const MREMAP_FLAGS: [(c_int, &str); 3] = [
    (libc::MREMAP_MAYMOVE, "MREMAP_MAYMOVE"),
    (libc::MREMAP_FIXED, "MREMAP_FIXED"),
    (libc::MREMAP_DONTUNMAP, "MREMAP_DONTUNMAP"),
];

/// The names of the bits that are set, and the rest as a number.
fn bits<'a>(set: c_int, names: &'a [(c_int, &'static str)]) -> impl Display + 'a {
    Words(move |out: &mut Formatter<'_>| {
        let mut rest = set;
        let mut between = "";
        for (bit, name) in names.iter().filter(|(bit, _)| set & bit != 0) {
            write!(out, "{between}{name}")?;
            between = "|";
            rest &= !bit;
        }
        match (rest, between) {
            (0, "") => out.write_str("0"),
            (0, _) => Ok(()),
            _ => write!(out, "{between}{rest:#x}"),
        }
    })
}

/// The names of the errors that mmap, mremap and shmat have.
fn error(number: i32) -> impl Display {
    const NAMES: [(i32, &str); 14] = [
        (libc::EACCES, "EACCES"),
        (libc::EAGAIN, "EAGAIN"),
        (libc::EBADF, "EBADF"),
        (libc::EEXIST, "EEXIST"),
        (libc::EFAULT, "EFAULT"),
        (libc::EIDRM, "EIDRM"),
        (libc::EINVAL, "EINVAL"),
        (libc::EMFILE, "EMFILE"),
        (libc::ENFILE, "ENFILE"),
        (libc::ENODEV, "ENODEV"),
        (libc::ENOMEM, "ENOMEM"),
        (libc::EOVERFLOW, "EOVERFLOW"),
        (libc::EPERM, "EPERM"),
        (libc::ETXTBSY, "ETXTBSY"),
    ];
    let known = NAMES.into_iter().find(|(known, _)| *known == number);
    Words(move |out: &mut Formatter<'_>| match known {
        Some((_, name)) => out.write_str(name),
        None => write!(out, "error {number}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::record::{Event, ThreadId};
    use crate::trace::TraceId;

    #[test]
    fn a_mapping_nearby_has_its_place_its_rights_and_its_maker() {
        let line = b"7000-9000 rw-p 00000000 00:00 0 ";
        let mapping = crate::sys::address_map::parse(line).unwrap();
        let event = Event { thread: ThreadId(0), trace: TraceId::NONE };
        let made = Some(Step::new(Call::Munmap, 0x7000, 8192, event));
        let near = Neighbour { mapping, side: Side::Before, distance: 24, made };
        let function = Some("make".to_owned());
        let (file, line) = (Some("/src/a.c".to_owned()), Some(7));
        let frame = Frame { function, file, line, ..Frame::default() };
        let words =
            "the nearest mapping before it is 24 bytes away: [0x7000,0x9000), rw-, without a file";
        assert_eq!(
            neighbour(&near, Some(&frame)).to_string(),
            format!("{words}, made by munmap(0x7000, 8192) in make /src/a.c:7")
        );
        let unknown = Neighbour { made: None, side: Side::After, ..near };
        assert_eq!(neighbour(&unknown, None).to_string(), words.replace("before", "behind"));
    }

    #[test]
    fn calls_have_their_arguments() {
        let event = Event { thread: ThreadId(0), trace: TraceId::NONE };
        let step = |call| Step::new(call, 0x7000, 4096, event);
        let mmap = Step {
            protection: 3,
            flags: libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | 1 << 30,
            ..step(Call::Mmap)
        };
        for (step, text) in [
            (
                mmap,
                "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|0x40000000, -1, 0x0)",
            ),
            (step(Call::Munmap), "munmap(0x7000, 4096)"),
            (step(Call::Mprotect), "mprotect(0x7000, 4096, PROT_NONE)"),
            (
                Step { from: 0x9000, from_bytes: 1, ..step(Call::Mremap) },
                "mremap(0x9000, 1, 4096, 0)",
            ),
            (Step { descriptor: 7, ..step(Call::Shmat) }, "shmat(7, NULL, 0o0)"),
            (step(Call::Guard), "madvise(0x7000, 4096, MADV_GUARD_INSTALL)"),
        ] {
            assert_eq!(call(&step).to_string(), text);
        }
        assert_eq!(error(libc::ENOMEM).to_string(), "ENOMEM");
        assert_eq!(error(99).to_string(), "error 99");
    }
}
