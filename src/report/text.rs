//! A bug as text, in the shape that ASan made familiar to people and tools.

use super::symbolize::{SymbolFrame, Symbolizer, UNKNOWN_MODULE};
use super::words;
use crate::diagnose::{
    Access, Bug, BugKind, Call, Cause, Crash, Description, Direction, LibcCall, Misuse, Relation,
    Side, Subject,
};
use crate::heap::record::{Event, State, ThreadId};
use crate::printable::printable;
use crate::runtime::thread_label;
use crate::sys::{PAGE_BYTES, loader};
use crate::trace::{self, Frames, TraceId};
use core::fmt::Write;

/// How much the renderer may look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Functions, files and lines.
    Symbols,
    /// Modules and offsets, and names of threads.
    ModulesOnly,
    /// Modules and offsets only: no file is read, and nothing asked of the kernel.
    None,
}

/// Renders `bug` as the report of process `pid`.
pub fn render(bug: &Bug, pid: u32, names: Names) -> String {
    let mut report = Renderer { text: String::new(), symbols: Symbolizer::new(), names };
    report.header(bug, pid);
    let top = report.cause(bug);
    report.place(bug);
    let allocated = bug.subject.and_then(|subject| report.life(&subject));
    report.threads(bug);
    report.summary(bug, top.or(allocated));
    report.text
}

/// Renders what `address` is, as asked in process `pid`.
pub fn render_description(
    address: usize,
    description: &Description,
    pid: u32,
    names: Names,
) -> String {
    let mut report = Renderer { text: String::new(), symbols: Symbolizer::new(), names };
    let what = words::description(description, crate::heap::threads::current());
    report.text = format!("=={pid}==Fencepost: {address:#x} {what}\n");
    if let Description::Heap { subject: Some(subject), .. } | Description::Unguarded(subject) =
        description
    {
        report.relation_at(address, subject, false);
        report.life(subject);
    }
    report.text
}

/// Where the summary points.
type Location = String;

struct Renderer {
    text: String,
    symbols: Symbolizer,
    names: Names,
}

// Writing to a String cannot fail, so the results of `write!` are dropped.
macro_rules! put {
    ($self:ident, $($arg:tt)*) => {{ let _ = write!($self.text, $($arg)*); }};
}

impl Renderer {
    fn label(&self, thread: ThreadId) -> String {
        match self.names {
            Names::None => format!("T{}", thread.0),
            _ => thread_label(thread),
        }
    }

    fn header(&mut self, bug: &Bug, pid: u32) {
        let (kind, address) = (bug.kind_name(), bug.address);
        put!(self, "=================================================================\n");
        put!(self, "=={pid}==ERROR: Fencepost: {kind}");
        if !matches!(bug.cause, Cause::Request(_) | Cause::Aborted) {
            put!(self, " on address {address:#x}");
        }
        let registers = match bug.cause {
            Cause::Access(Access { pc, bp, sp, .. }) | Cause::Raised { pc, bp, sp, .. } => {
                Some((pc, bp, sp))
            }
            Cause::Libc(LibcCall { caller, misuse: Misuse::OutOfBounds { .. }, .. }) => {
                Some((caller.pc, caller.bp, caller.sp))
            }
            _ => None,
        };
        if let Some((pc, bp, sp)) = registers {
            put!(self, " at pc {pc:#x} bp {bp:#x} sp {sp:#x}");
        }
        put!(self, " thread {}\n", self.label(bug.thread));
        if let Cause::Libc(call) = bug.cause {
            let object = bug.subject.as_ref().map(|subject| &subject.object);
            put!(self, "{}\n", words::libc_call(&call, object));
        }
    }

    fn cause(&mut self, bug: &Bug) -> Option<Location> {
        match bug.cause {
            Cause::Access(access) => {
                put!(self, "{}", verb(access.direction));
                match (access.width, access.direction) {
                    (Some(width), _) => put!(self, " of size {width}"),
                    (None, Direction::Execute) => {}
                    (None, _) => put!(self, " of unknown size"),
                }
                put!(self, " at {:#x} thread T{}\n", access.start, bug.thread.0);
            }
            Cause::Request(request) => self.called(request.function, bug.thread),
            Cause::Raised { signal, .. } => {
                put!(self, "{signal} raised here by thread T{}:\n", bug.thread.0);
            }
            Cause::Aborted => self.called("abort", bug.thread),
            Cause::Libc(LibcCall { function, misuse, .. }) => match misuse {
                Misuse::OutOfBounds { direction, operand, .. } => {
                    let (verb, thread) = (verb(direction), bug.thread.0);
                    put!(self, "{verb} of size {} at {:#x} ", operand.bytes, bug.address);
                    put!(self, "thread T{thread}\n");
                }
                _ => self.called(function, bug.thread),
            },
            Cause::Call(Call::Exit) => {
                put!(self, "found at exit\n\n");
                return None;
            }
            Cause::Call(call) => {
                let function = match call {
                    Call::Release(by) => by.name(),
                    Call::UsableSize => "malloc_usable_size",
                    Call::Exit => "exit",
                    Call::Check => "fencepost_check_heap",
                };
                match bug.kind {
                    BugKind::OverwrittenSlack => put!(self, "found by {function} here:\n"),
                    BugKind::HeapUseAfterFree if bug.damage.is_some() => {
                        put!(self, "found by a later {function} here:\n");
                    }
                    _ => self.called(function, bug.thread),
                }
            }
        }
        let location = self.stack(bug.stack.as_slice());
        put!(self, "\n");
        location
    }

    fn called(&mut self, function: &str, thread: ThreadId) {
        put!(self, "{function} called here by thread T{}:\n", thread.0);
    }

    /// Where the address lies: relative to an object, or in somebody else's memory.
    fn place(&mut self, bug: &Bug) {
        if let Some(crash) = &bug.crash {
            if *crash != Crash::Abort {
                put!(self, "{:#x} is {}\n", bug.address, words::crash(crash));
            }
            return;
        }
        if let Cause::Request(request) = bug.cause {
            put!(self, "{}\n", words::request(&request));
            return;
        }
        match (&bug.subject, &bug.owner) {
            (Some(subject), _) => self.relation(bug, subject),
            (None, Some(owner)) => {
                put!(self, "{:#x} {}\n", bug.address, words::owner(owner, bug.thread));
            }
            (None, None) => {
                put!(self, "{:#x} was never allocated: no object is near\n", bug.address);
            }
        }
        if let (Some((release, which)), Some(subject)) = (bug.mismatch, bug.subject) {
            put!(self, "{}\n", words::mismatch(&subject.object, release, which));
        }
        if let Some(damage) = bug.damage {
            let offset = damage.address.wrapping_sub(bug.subject.map_or(0, |s| s.object.start));
            let bytes: Vec<String> =
                damage.bytes[..damage.shown].iter().map(|b| format!("{b:02x}")).collect();
            let more = if damage.span > damage.shown { " …" } else { "" };
            let what = match bug.kind {
                BugKind::HeapUseAfterFree => "junk",
                _ => "canary",
            };
            put!(
                self,
                "{} bytes from offset {} of the object hold {}{more} instead of the {what} {:02x}\n",
                damage.span,
                offset as isize,
                bytes.join(" "),
                damage.expected,
            );
            if bug.kind == BugKind::OverwrittenSlack
                && let Some(subject) = bug.subject
            {
                put!(self, "{}\n", words::how_to_find_the_write(subject.relation.side));
            }
        }
    }

    fn relation(&mut self, bug: &Bug, subject: &Subject) {
        self.relation_at(bug.address, subject, bug.damage.is_some());
    }

    fn relation_at(&mut self, address: usize, subject: &Subject, is_damage: bool) {
        if subject.object.state == State::Forgotten {
            put!(self, "{address:#x} is in memory that was freed long ago; ");
            put!(self, "its stacks are no longer kept (option history)\n");
            return;
        }
        let Subject { object, relation: Relation { bytes, side } } = *subject;
        let where_to = match side {
            Side::Before => "before",
            Side::Inside => "inside of",
            Side::After => "after",
        };
        // The first bad byte: an access may begin inside the object and cross its end.
        let first_bad = match side {
            Side::After => object.start + object.size + bytes,
            _ => address,
        };
        let unit = if bytes == 1 { "byte" } else { "bytes" };
        let (start, size, end) = (object.start, object.size, object.start + object.size);
        put!(self, "{first_bad:#x} is located {bytes} {unit} {where_to} ");
        put!(self, "{size}-byte region [{start:#x},{end:#x})\n");
        if address < end && first_bad >= end && !is_damage {
            let inside = end - address;
            put!(self, "the access begins {inside} bytes before the end of the region\n");
        }
        if side != Side::Inside && bytes >= PAGE_BYTES && !is_damage {
            put!(self, "this is a guess: that region is the nearest, and it is not near\n");
        }
    }

    /// The stacks of the object's free and allocation; answers where it was allocated.
    fn life(&mut self, subject: &Subject) -> Option<Location> {
        if subject.object.state == State::Forgotten {
            put!(self, "\n");
            return None;
        }
        if let Some(freed) = subject.object.freed {
            self.event("freed", freed);
        }
        let allocated = subject.object.allocated;
        self.event("allocated", allocated)
    }

    fn event(&mut self, done: &str, event: Event) -> Option<Location> {
        put!(self, "{done} by thread T{} here:\n", event.thread.0);
        let location = self.trace(event.trace);
        put!(self, "\n");
        location
    }

    fn trace(&mut self, id: TraceId) -> Option<Location> {
        let mut frames = Frames::new();
        trace::frames(id, &mut frames);
        if frames.is_empty() {
            put!(self, "    (the stack was not kept)\n");
            return None;
        }
        self.stack(frames.as_slice())
    }

    /// Threads that the report names and whose beginning the runtime saw.
    fn threads(&mut self, bug: &Bug) {
        let events = bug.subject.map(|s| (Some(s.object.allocated), s.object.freed));
        let (allocated, freed) = events.unwrap_or((None, None));
        let mut named = vec![bug.thread];
        named.extend([freed, allocated].into_iter().flatten().map(|event| event.thread));
        let mut done = Vec::new();
        for thread in named {
            if done.contains(&thread) {
                continue;
            }
            done.push(thread);
            if let Some(creation) = crate::heap::threads::creation_of(thread) {
                let label = self.label(thread);
                put!(self, "thread {label} created by thread T{} here:\n", creation.thread.0);
                self.trace(creation.trace);
                put!(self, "\n");
            }
        }
    }

    fn summary(&mut self, bug: &Bug, location: Option<Location>) {
        let location = location.unwrap_or_else(|| "(unknown)".to_owned());
        put!(self, "SUMMARY: Fencepost: {} {location}\n", bug.kind_name());
    }

    /// Writes a stack without frames of ours; answers where its first frame is, or rather, its first one in
    /// a module other than Rust's standard library.
    fn stack(&mut self, pcs: &[trace::Pc]) -> Option<Location> {
        let mut first = None;
        let mut first_of_user = None;
        let mut number = 0;
        for &pc in pcs.iter().filter(|pc| !is_own_code(pc.lookup_address())) {
            let frames = match self.names {
                Names::Symbols => self.symbols.symbolize_pc(pc),
                Names::ModulesOnly | Names::None => vec![self.symbols.module_only(pc.address())],
            };
            // What is inlined into a function of ours is ours too, whatever its name says: lines
            // without full debug information have bare names.
            let is_innermost = first.is_none();
            let own = frames.iter().rposition(|frame| is_own(frame, is_innermost));
            for frame in frames.into_iter().skip(own.map_or(0, |last| last + 1)) {
                put!(self, "    #{number} {:#x}{}\n", pc.address(), describe(&frame));
                number += 1;
                if first.is_none() {
                    first = Some(locate(&frame));
                }
                let is_user = !is_rust_std(&frame) && frame.module != UNKNOWN_MODULE;
                if first_of_user.is_none() && is_user {
                    first_of_user = Some(locate(&frame));
                }
            }
        }
        first_of_user.or(first)
    }
}

fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Read => "READ",
        Direction::Write => "WRITE",
        Direction::Execute => "EXECUTE",
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
fn is_own(frame: &SymbolFrame, is_innermost: bool) -> bool {
    let own = |name: &str| {
        let name = name.trim_start_matches('<');
        let is_shim = || name.starts_with("__rust_") || name.starts_with("__rustc::");
        name.starts_with("fencepost::") || is_innermost && is_shim()
    };
    frame.function.as_deref().is_some_and(own)
}

/// Whether a frame is of Rust's standard library, as it is distributed.
fn is_rust_std(frame: &SymbolFrame) -> bool {
    frame.file.as_ref().is_some_and(|file| file.starts_with("/rustc/"))
}

/// ` in function file:line:column (module+0xoffset)`, as far as known.
fn describe(frame: &SymbolFrame) -> String {
    let mut text = String::new();
    if let Some(function) = &frame.function {
        let _ = write!(text, " in {}", printable(function));
    }
    if let Some(position) = position(frame, true) {
        let _ = write!(text, " {position}");
    }
    let _ = write!(text, " {}", module_place(frame));
    text
}

/// `file:line in function` or the nearest to it that is known.
fn locate(frame: &SymbolFrame) -> Location {
    let place = position(frame, false).unwrap_or_else(|| module_place(frame));
    match &frame.function {
        Some(function) => format!("{place} in {}", printable(function)),
        None => place,
    }
}

fn module_place(frame: &SymbolFrame) -> String {
    format!("({}+{:#x})", printable(&frame.module), frame.module_offset)
}

fn position(frame: &SymbolFrame, with_column: bool) -> Option<String> {
    let mut text = printable(frame.file.as_ref()?).to_string();
    if let Some(line) = frame.line {
        let _ = write!(text, ":{line}");
        if let Some(column) = frame.column.filter(|&column| with_column && column > 0) {
            let _ = write!(text, ":{column}");
        }
    }
    Some(text)
}
