//! From a bug to its report: stacks, threads and names are looked up.

use super::data::{
    AddressReport, Frame, KeptStack, NamedThread, ObjectEvent, Report, ReportedObject,
    ThreadCreation,
};
use super::symbolize::Symbolizer;
use crate::diagnose::{Bug, Description, Subject};
use crate::heap::record::{Event, State, ThreadId};
use crate::heap::threads;
use crate::printable::printable;
use crate::sys::{loader, process};
use crate::trace::{self, Frames, Pc, TraceId};

/// How much may be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Functions, files and lines.
    Symbols,
    /// Modules and offsets, and names of threads.
    ModulesOnly,
    /// Modules and offsets only: no file is read, and nothing asked of the kernel.
    None,
}

/// The report of `bug` in process `pid`.
pub fn resolve(bug: &Bug, pid: u32, names: Names) -> Report {
    let mut resolver = Resolver { symbols: Symbolizer::new(), names };
    Report {
        pid,
        kind: bug.kind,
        address: bug.address,
        cause: bug.cause,
        thread: resolver.thread(bug.thread),
        stack: resolver.stack(bug.stack.as_slice()),
        object: bug.subject.map(|subject| resolver.object(&subject)),
        owner: bug.owner.clone(),
        damage: bug.damage,
        mismatch: bug.mismatch,
        crash: bug.crash.clone(),
        creations: resolver.creations(bug),
        stats: None,
        names_missing: None,
    }
}

/// What `address` is, as asked in process `pid` by the calling thread.
pub fn resolve_address(
    address: usize,
    description: Description,
    pid: u32,
    names: Names,
) -> AddressReport {
    let mut resolver = Resolver { symbols: Symbolizer::new(), names };
    let Description { kind, subject } = description;
    let object = subject.map(|subject| resolver.object(&subject));
    AddressReport { pid, asking: threads::current(), address, kind, object }
}

struct Resolver {
    symbols: Symbolizer,
    names: Names,
}

impl Resolver {
    fn thread(&self, id: ThreadId) -> NamedThread {
        let name = match self.names {
            Names::None => None,
            _ => threads::tid_of(id).and_then(process::thread_name),
        };
        let name = name.map(|name| printable(&name).to_string());
        NamedThread { id, name }
    }

    fn object(&mut self, subject: &Subject) -> ReportedObject {
        let Subject { object, relation } = *subject;
        let mut event = |event: Event| match object.state {
            State::Forgotten => ObjectEvent { thread: event.thread, stack: None },
            _ => ObjectEvent { thread: event.thread, stack: self.kept_stack(event.trace) },
        };
        ReportedObject {
            start: object.start,
            size: object.size,
            family: object.family,
            align_log2: object.align_log2,
            state: object.state,
            relation,
            allocated: event(object.allocated),
            freed: object.freed.map(event),
        }
    }

    /// Where the threads that the report names were created: the one at fault, the ones that freed and allocated.
    fn creations(&mut self, bug: &Bug) -> Vec<ThreadCreation> {
        let events = bug.subject.map(|it| [it.object.freed, Some(it.object.allocated)]);
        let others = events.into_iter().flatten().flatten().map(|event| event.thread);
        let mut done = Vec::new();
        let mut creations = Vec::new();
        for id in core::iter::once(bug.thread).chain(others) {
            if done.contains(&id) {
                continue;
            }
            done.push(id);
            if let Some(creation) = threads::creation_of(id) {
                let thread = self.thread(id);
                let stack = self.kept_stack(creation.trace);
                creations.push(ThreadCreation { thread, by: creation.thread, stack });
            }
        }
        creations
    }

    fn kept_stack(&mut self, id: TraceId) -> KeptStack {
        let mut frames = Frames::new();
        trace::frames(id, &mut frames);
        (!frames.is_empty()).then(|| self.stack(frames.as_slice()))
    }

    /// A stack without frames of ours.
    fn stack(&mut self, pcs: &[Pc]) -> Vec<Frame> {
        let mut stack = Vec::with_capacity(pcs.len());
        for &pc in pcs.iter().filter(|pc| !is_own_code(pc.lookup_address())) {
            let frames = match self.names {
                Names::Symbols => self.symbols.symbolize_pc(pc),
                Names::ModulesOnly | Names::None => vec![self.symbols.module_only(pc.address())],
            };
            // What is inlined into a function of ours is ours too, whatever its name says: lines
            // without full debug information have bare names.
            let is_innermost = stack.is_empty();
            let own = frames.iter().rposition(|frame| is_own(frame, is_innermost));
            stack.extend(frames.into_iter().skip(own.map_or(0, |last| last + 1)));
        }
        stack
    }
}

/// Whether an address is in the preload library: we call the first function of a thread, and the loader that
/// closes a library, so its frames lie in the middle of stacks and at their end. Reads no file.
fn is_own_code(address: usize) -> bool {
    loader::is_preload_library()
        && trace::module_of(is_own_code as *const () as usize)
            .is_some_and(|own| own.contains(address))
}

/// Whether a frame is the runtime's in a program that links it, or innermost in a stack and the shim that
/// rustc puts before a global allocator.
fn is_own(frame: &Frame, is_innermost: bool) -> bool {
    let own = |name: &str| {
        let name = name.trim_start_matches('<');
        let is_shim = || name.starts_with("__rust_") || name.starts_with("__rustc::");
        name.starts_with("fencepost::") || is_innermost && is_shim()
    };
    frame.function.as_deref().is_some_and(own)
}
