//! From a bug to its finding: stacks, threads and names are looked up.

use super::address::AddressReport;
use super::symbolize::Symbolizer;
use super::tell::{self, LookedUp};
use super::{mapping_words, memory, source};
use crate::diagnose::{Bug, Description, Neighbour, Subject};
use crate::finding::fingerprint::Places;
use crate::finding::{self, Finding, Frame, hint};
use crate::heap::record::{Event, State, ThreadId};
use crate::heap::threads;
use crate::printable::printable;
use crate::sys::{loader, process};
use crate::trace::{self, Frames, Module, Pc, TraceId, modules};
use std::os::unix::ffi::OsStrExt;

/// How much may be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Functions, files and lines.
    Symbols,
    /// Modules and offsets, and the names of threads.
    ModulesOnly,
    /// Modules and offsets only: no file is read, and the kernel is asked nothing.
    None,
}

/// What a report may look up.
#[derive(Clone, Copy)]
pub struct Request {
    pub names: Names,
    /// Whether memory may be read that is perhaps not accessible.
    pub may_probe: bool,
}

/// Returns the finding that `bug` is, in process `process`.
pub fn resolve(bug: &Bug, process: finding::Process, request: Request) -> Finding {
    let mut resolver = Resolver::new(request.names);
    let thread = resolver.thread(bug.thread);
    let stack = resolver.stack(bug.stack.as_slice());
    let [allocated, freed] = resolver.life(bug.subject.as_ref());
    let calls = mapping_calls(bug);
    let mapping = calls.iter().map(|call| resolver.kept_stack(call.trace)).collect();
    let made = |near: &Neighbour| near.made.and_then(|step| resolver.kept_stack(step.event.trace));
    let near = bug.near.iter().map(made).collect();
    let begun = bug.loan.and_then(|loan| resolver.kept_stack(loan.begun.trace));
    let events = bug.subject.map(|it| [it.object.freed, Some(it.object.allocated)]);
    let others = events.into_iter().flatten().flatten().chain(calls);
    let others = others.map(|event| event.thread);
    let threads = resolver.creations(core::iter::once(bug.thread).chain(others));
    let is_stand_in = |event: Event| trace::is_stand_in(event.trace);
    let mut found = LookedUp {
        of_others: bug.subject.map_or([false; 2], |Subject { object, .. }| {
            [is_stand_in(object.allocated), object.freed.is_some_and(is_stand_in)]
        }),
        process,
        thread,
        stack,
        allocated,
        freed,
        mapping,
        near,
        begun,
        threads,
        ..LookedUp::default()
    };
    found.memory = if request.may_probe { memory::window(bug) } else { None };
    found.modules = resolver.take_modules();
    let mut finding = tell::tell(bug, found);
    if request.names == Names::Symbols {
        finding.sources = source::of(Places::of(&finding).in_order());
    }
    if request.names != Names::None {
        finding.hint = finding.hint.take().or_else(|| hint::of(&finding));
    }
    finding
}

/// The calls that a report about a mapping shows.
fn mapping_calls(bug: &Bug) -> Vec<Event> {
    let calls = bug.mapping.as_ref().map(mapping_words::calls).unwrap_or_default();
    calls.into_iter().map(|(_, step)| step.event).collect()
}

fn describe(module: &Module) -> finding::Module {
    finding::Module {
        path: printable(module.path.as_os_str().as_bytes()).to_string(),
        build_id: tell::hex(&module.build_id),
    }
}

/// Returns what `address` is, for the calling thread of process `pid`.
pub fn resolve_address(
    address: usize,
    description: &Description,
    pid: u32,
    names: Names,
) -> AddressReport {
    let life = Resolver::new(names).life(description.subject.as_ref());
    AddressReport::new(pid, threads::current(), address, description, life)
}

/// Looks up what stacks and threads are called.
pub struct Resolver {
    symbols: Symbolizer,
    names: Names,
    /// The modules of the frames so far.
    modules: Vec<&'static Module>,
}

impl Resolver {
    /// Makes one that has looked up nothing yet.
    pub fn new(names: Names) -> Resolver {
        Resolver { symbols: Symbolizer::new(), names, modules: Vec::new() }
    }

    /// Whether it looks up functions and lines.
    pub fn has_symbols(&self) -> bool {
        self.names == Names::Symbols
    }

    /// Returns the modules of the frames that were looked up since the last call.
    pub fn take_modules(&mut self) -> Vec<finding::Module> {
        self.modules.drain(..).map(describe).collect()
    }

    /// Returns a thread, with its name if it has one.
    pub fn thread(&self, id: ThreadId) -> finding::Thread {
        let name = match self.names {
            Names::None => None,
            _ => threads::tid_of(id).and_then(process::thread_name),
        };
        let name = name.map(|name| printable(&name).to_string());
        finding::Thread { id: id.0, name }
    }

    /// Returns the stacks of an object's allocation and free.
    fn life(&mut self, subject: Option<&Subject>) -> [Option<Vec<Frame>>; 2] {
        let Some(Subject { object, .. }) = subject else { return [None, None] };
        if object.state == State::Forgotten {
            return [None, None];
        }
        let mut stack = |event: Event| self.kept_stack(event.trace);
        [stack(object.allocated), object.freed.and_then(stack)]
    }

    /// Returns where threads that a report names were created, each once.
    pub fn creations(
        &mut self,
        threads: impl IntoIterator<Item = ThreadId>,
    ) -> Vec<finding::ThreadCreation> {
        let mut done = Vec::new();
        let mut creations = Vec::new();
        for id in threads {
            if done.contains(&id) {
                continue;
            }
            done.push(id);
            if let Some(creation) = threads::creation_of(id) {
                let thread = self.thread(id);
                let stack = self.kept_stack(creation.trace);
                let by = creation.thread.0;
                creations.push(finding::ThreadCreation { thread, by, stack });
            }
        }
        creations
    }

    /// Returns a stack that was captured before; `None` if it was not kept.
    pub fn kept_stack(&mut self, id: TraceId) -> Option<Vec<Frame>> {
        let mut frames = Frames::new();
        trace::frames(id, &mut frames);
        (!frames.is_empty()).then(|| self.stack(frames.as_slice()))
    }

    /// Returns a stack without our own frames.
    fn stack(&mut self, pcs: &[Pc]) -> Vec<Frame> {
        let mut stack = Vec::with_capacity(pcs.len());
        for &pc in pcs.iter().filter(|pc| !is_own_code(pc.lookup_address())) {
            let frames = match self.names {
                Names::Symbols => self.symbols.symbolize_pc(pc),
                Names::ModulesOnly | Names::None => vec![self.symbols.module_only(pc.address())],
            };
            // Functions inlined into one of ours are ours too, whatever their names: without full debug information
            // names have no path.
            let is_innermost = stack.is_empty();
            let own = frames.iter().rposition(|frame| is_own(frame, is_innermost));
            let before = stack.len();
            stack.extend(frames.into_iter().skip(own.map_or(0, |last| last + 1)));
            if let Some(module) = modules::module_of(pc.lookup_address())
                && stack.len() > before
                && !self.modules.iter().any(|known| core::ptr::eq(*known, module))
            {
                self.modules.push(module);
            }
        }
        stack
    }
}

/// Whether an address is in the preload library. A thread's first function is called by us, and so is the loader when
/// it closes a library, so our frames lie inside stacks and at their ends. Reads no file.
fn is_own_code(address: usize) -> bool {
    loader::is_preload_library()
        && trace::module_of(is_own_code as *const () as usize)
            .is_some_and(|own| own.contains(address))
}

/// Whether a frame is the runtime's, in a program that links it; or, if innermost in a stack, the shim that rustc puts
/// before a global allocator.
fn is_own(frame: &Frame, is_innermost: bool) -> bool {
    let own = |name: &str| {
        let name = name.trim_start_matches('<');
        let is_shim = || name.starts_with("__rust_") || name.starts_with("__rustc::");
        name.starts_with("fencepost::") || is_innermost && is_shim()
    };
    frame.function.as_deref().is_some_and(own)
}
