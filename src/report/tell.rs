//! From a bug, and what was looked up about it, to its finding and the sentences in that.

use super::{mapping_words, words};
use crate::diagnose::{
    Access, Bug, BugKind, Cause, Crash, Direction, FoundBy, KindName, LibcCall, MappingSubject,
    Misuse, Side, Subject,
};
use crate::finding::{self, Address, Finding, Frame, fingerprint, text};
use crate::heap::record::{Event, Family, State};
use crate::mappings::Step;
use crate::runtime;
use core::fmt::Write;

/// What was looked up about a bug.
#[derive(Default)]
pub struct LookedUp {
    pub process: finding::Process,
    pub thread: finding::Thread,
    /// The stack of the access or the call.
    pub stack: Vec<Frame>,
    /// The stacks of the object's allocation and free.
    pub allocated: Option<Vec<Frame>>,
    pub freed: Option<Vec<Frame>>,
    /// Whether these two are of other objects.
    pub of_others: [bool; 2],
    /// Of the calls of the mapping, in the order of [`mapping_words::calls`].
    pub mapping: Vec<Option<Vec<Frame>>>,
    /// Of the calls that made the mappings nearby, in the order of [`Bug::near`].
    pub near: Vec<Option<Vec<Frame>>>,
    /// The stack of the call that began what libc still does with the object.
    pub begun: Option<Vec<Frame>>,
    pub threads: Vec<finding::ThreadCreation>,
    pub modules: Vec<finding::Module>,
    pub memory: Option<finding::Memory>,
}

/// Returns the finding that a bug is.
pub fn tell(bug: &Bug, found: LookedUp) -> Finding {
    let subject = bug.subject.as_ref();
    let has_address = !matches!(bug.cause, Cause::Request(_) | Cause::Aborted);
    let mut finding = Finding {
        version: finding::VERSION,
        kind: KindName { kind: bug.kind, cause: bug.cause }.to_string(),
        late: bug.damage.is_some(),
        address: has_address.then(|| address(bug.address)),
        registers: registers(&bug.cause),
        access: access(&bug.cause),
        explanation: match &bug.cause {
            Cause::Libc(call) if bug.mapping.is_some() => {
                Some(words::refused_call(call).to_string())
            }
            Cause::Libc(call) => Some(words::libc_call(call, subject).to_string()),
            Cause::Found(_) if bug.page_call.is_some() => {
                bug.page_call.map(|call| mapping_words::page_call(&call))
            }
            Cause::Found(by) => bug.loan.zip(bug.subject).map(|(loan, subject)| {
                words::loan(by.function(), &loan, &subject.object).to_string()
            }),
            _ => None,
        },
        heading: heading(bug),
        place: place(bug, &found.near)
            .into_iter()
            .chain(words::of_others(found.of_others))
            .collect(),
        hint: hint(bug),
        object: subject.map(|subject| object(subject, found.allocated, found.freed)),
        mapping: bug.mapping.as_ref().map(|subject| mapping(subject, found.mapping)),
        begun: bug.loan.map(|loan| event(loan.begun, found.begun)),
        damage: bug.damage.map(|damage| finding::Damage {
            start: address(damage.address),
            span: damage.span as u64,
            bytes: hex(&damage.bytes[..damage.shown]),
            expected: damage.expected,
        }),
        process: found.process,
        thread: found.thread,
        stack: found.stack,
        threads: found.threads,
        modules: found.modules,
        memory: found.memory,
        ..Finding::default()
    };
    finding.summary = text::summary(&finding);
    fingerprint::set(&mut finding);
    finding
}

pub fn address(address: usize) -> Address {
    Address(address as u64)
}

/// Writes bytes as hexadecimal digits, two for each byte.
pub fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // A String takes everything that is written to it.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// Returns the object that a bug is about, with the stacks that are known of it.
pub fn object(
    subject: &Subject,
    allocated: Option<Vec<Frame>>,
    freed: Option<Vec<Frame>>,
) -> finding::Object {
    let Subject { object, relation } = subject;
    finding::Object {
        start: address(object.start),
        bytes: object.size as u64,
        family: match object.family {
            Family::Malloc => "malloc",
            Family::New => "new",
            Family::NewArray => "new[]",
            Family::Rust => "rust",
            Family::Any => "any",
        }
        .to_owned(),
        alignment: match object.align_log2 {
            0 => None,
            log2 => 1_u64.checked_shl(u32::from(log2)),
        },
        state: match object.state {
            State::Live => finding::ObjectState::Live,
            State::Forgotten => finding::ObjectState::Forgotten,
            _ => finding::ObjectState::Freed,
        },
        side: side(relation.side),
        distance: relation.bytes as u64,
        allocated: event(object.allocated, allocated),
        freed: object.freed.map(|at| event(at, freed)),
    }
}

/// The mapping that a bug is about, with the stacks of its calls.
fn mapping(subject: &MappingSubject, stacks: Vec<Option<Vec<Frame>>>) -> finding::Mapping {
    let story = &subject.story;
    let path = story.file().map(|file| String::from_utf8_lossy(file.path.text()).into_owned());
    let place = (subject.bytes > 0).then(|| finding::MappingPlace {
        start: address(subject.start),
        bytes: subject.bytes as u64,
        side: side(subject.relation.side),
        distance: subject.relation.bytes as u64,
        file: path.filter(|path| !path.is_empty()),
        shared: story.origin.is_some_and(|origin| origin.is_shared()),
    });
    let calls = mapping_words::calls(subject).into_iter().zip(stacks);
    let call = |((did, step), stack): ((finding::MappingDeed, Step), _)| finding::MappingCall {
        did,
        call: mapping_words::call(&step).to_string(),
        event: event(step.event, stack),
    };
    finding::Mapping { place, calls: calls.map(call).collect() }
}

fn side(side: Side) -> finding::Side {
    match side {
        Side::Before => finding::Side::Before,
        Side::Inside => finding::Side::Inside,
        Side::After => finding::Side::After,
    }
}

fn event(event: Event, stack: Option<Vec<Frame>>) -> finding::Event {
    finding::Event { thread: event.thread.0, stack }
}

fn registers(cause: &Cause) -> Option<finding::Registers> {
    let (pc, bp, sp) = match *cause {
        Cause::Access(Access { pc, bp, sp, .. }) | Cause::Raised { pc, bp, sp, .. } => (pc, bp, sp),
        Cause::Libc(LibcCall { caller, misuse: Misuse::OutOfBounds { .. }, .. }) => {
            (caller.pc, caller.bp, caller.sp)
        }
        _ => return None,
    };
    Some(finding::Registers { pc: address(pc), bp: address(bp), sp: address(sp) })
}

fn access(cause: &Cause) -> Option<finding::Access> {
    let (direction, bytes, start) = match *cause {
        Cause::Access(Access { direction, width, start, .. }) => (direction, width, start),
        Cause::Libc(LibcCall {
            misuse: Misuse::OutOfBounds { direction, operand, .. }, ..
        }) => (direction, Some(operand.bytes), operand.start),
        _ => return None,
    };
    let direction = match direction {
        Direction::Read => finding::Direction::Read,
        Direction::Write => finding::Direction::Write,
        Direction::Execute => finding::Direction::Execute,
    };
    let bytes = bytes.map(|bytes| bytes as u64);
    Some(finding::Access { direction, bytes, start: address(start) })
}

/// Returns the line that says what was done, and where.
fn heading(bug: &Bug) -> String {
    let thread = bug.thread.0;
    let called = |function: &str| format!("{function} called here by thread T{thread}:");
    match bug.cause {
        Cause::Access(Access { direction, width, start, .. }) => {
            let size = match (width, direction) {
                (Some(width), _) => format!(" of size {width}"),
                (None, Direction::Execute) => String::new(),
                (None, _) => " of unknown size".to_owned(),
            };
            format!("{}{size} at {start:#x} thread T{thread}", verb(direction))
        }
        Cause::Request(request) => called(request.function),
        Cause::Raised { signal, .. } => format!("{signal} raised here by thread T{thread}:"),
        Cause::Aborted => called("abort"),
        Cause::Libc(LibcCall { function, misuse, .. }) => match misuse {
            Misuse::OutOfBounds { direction, operand, .. } => {
                let (verb, bytes, address) = (verb(direction), operand.bytes, bug.address);
                format!("{verb} of size {bytes} at {address:#x} thread T{thread}")
            }
            _ => called(function),
        },
        Cause::Found(FoundBy::Exit) => "found at exit".to_owned(),
        Cause::Found(by) => match bug.kind {
            BugKind::OverwrittenSlack => format!("found by {} here:", by.function()),
            BugKind::HeapUseAfterFree if bug.damage.is_some() => {
                format!("found by a later {} here:", by.function())
            }
            _ => called(by.function()),
        },
    }
}

fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Read => "READ",
        Direction::Write => "WRITE",
        Direction::Execute => "EXECUTE",
    }
}

/// Says where the address lies, relative to an object or in whose memory, and what was found there.
fn place(bug: &Bug, near: &[Option<Vec<Frame>>]) -> Vec<String> {
    let address = bug.address;
    if let Some(subject) = &bug.mapping {
        let direction = match bug.cause {
            Cause::Access(access) => Some(access.direction),
            Cause::Libc(LibcCall { misuse: Misuse::OutOfBounds { direction, .. }, .. }) => {
                Some(direction)
            }
            _ => None,
        };
        let owner = bug.owner.as_ref().map(|owner| words::owner(owner, bug.thread).to_string());
        let mut sentences: Vec<String> =
            owner.map(|words| format!("{address:#x} {words}")).into_iter().collect();
        sentences.extend(mapping_words::place(address, subject, direction));
        return sentences;
    }
    match (&bug.crash, &bug.cause) {
        (Some(Crash::Abort), _) => return Vec::new(),
        (Some(crash), _) => {
            let there = format!("{address:#x} is {}", words::crash(crash));
            let near = bug.near.iter().enumerate().map(|(number, neighbour)| {
                let stack = near.get(number).and_then(Option::as_deref).unwrap_or_default();
                mapping_words::neighbour(neighbour, stack.first()).to_string()
            });
            return core::iter::once(there).chain(near).collect();
        }
        (None, Cause::Request(request)) => return vec![words::request(request).to_string()],
        (None, _) => {}
    }
    let mut sentences = match (&bug.subject, &bug.owner) {
        (Some(subject), _) => words::relation(address, subject, bug.damage.is_some()),
        (None, Some(owner)) => vec![format!("{address:#x} {}", words::owner(owner, bug.thread))],
        (None, None) => vec![format!("{address:#x} was never allocated: no object is near")],
    };
    if let (Some((release, which)), Some(subject)) = (bug.mismatch, &bug.subject) {
        sentences.push(words::mismatch(subject, release, which).to_string());
    }
    sentences.extend(words::damage(bug).map(|damage| damage.to_string()));
    sentences
}

fn hint(bug: &Bug) -> Option<String> {
    bug.damage?;
    let subject = bug.subject?;
    if runtime::get().is_some_and(|runtime| runtime.heap.is_packed(subject.object.start)) {
        return Some(words::HOW_TO_FIND_IT_IF_PACKED.to_owned());
    }
    let is_slack = bug.kind == BugKind::OverwrittenSlack;
    is_slack.then(|| words::how_to_find_the_write(subject.relation.side).to_string())
}
