//! A report as plain data: all that it tells, with nothing left to look up. A format is a function of this.
//!
//! The same type serves both stages of a report (see `stages`): without names, what only files and the kernel know is
//! `None`. Its memory is that of the report (`heap::report_memory`).

use crate::diagnose::{AddressKind, BugKind, Cause, Crash, KindName, Owner, Relation};
use crate::heap::canary::Damage;
use crate::heap::record::{Family, State, ThreadId};
use crate::heap::release::{Mismatch, Release};

/// The module of an address that is in no mapping at all.
pub const UNKNOWN_MODULE: &str = "<unknown module>";

/// The report of a bug. [`Bug`](crate::diagnose::Bug) says the same before anything was looked up.
#[derive(Clone, Debug)]
pub struct Report {
    /// Of the process.
    pub pid: u32,
    pub kind: BugKind,
    /// First byte of the access, the argument of the call, or the damaged byte.
    pub address: usize,
    pub cause: Cause,
    pub thread: NamedThread,
    /// Of the access or the call; empty for the check at exit.
    pub stack: Vec<Frame>,
    pub object: Option<ReportedObject>,
    pub owner: Option<Owner>,
    pub damage: Option<Damage>,
    pub mismatch: Option<(Release, Mismatch)>,
    pub crash: Option<Crash>,
    /// The threads above whose creation the runtime saw, each once.
    pub creations: Vec<ThreadCreation>,
    /// Figures of the runtime, as lines, where the user wants them.
    pub stats: Option<String>,
    /// Why names were not looked up, where they should have been.
    pub names_missing: Option<LookUpFailure>,
}

/// What an address is, for whoever asked.
#[derive(Clone, Debug)]
pub struct AddressReport {
    /// Of the process.
    pub pid: u32,
    /// The thread that asked.
    pub asking: ThreadId,
    pub address: usize,
    pub kind: AddressKind,
    /// The object at the address, or near it.
    pub object: Option<ReportedObject>,
}

/// A thread, and the name that the program gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedThread {
    pub id: ThreadId,
    pub name: Option<String>,
}

/// The object that a report is about.
#[derive(Clone, Debug)]
pub struct ReportedObject {
    pub start: usize,
    pub size: usize,
    pub family: Family,
    /// Of the alignment asked for; 0 where none was.
    pub align_log2: u8,
    pub state: State,
    /// Of the first bad byte to the object.
    pub relation: Relation,
    pub allocated: ObjectEvent,
    pub freed: Option<ObjectEvent>,
}

/// An allocation or a free.
#[derive(Clone, Debug)]
pub struct ObjectEvent {
    pub thread: ThreadId,
    pub stack: KeptStack,
}

/// Where a thread was created.
#[derive(Clone, Debug)]
pub struct ThreadCreation {
    pub thread: NamedThread,
    pub by: ThreadId,
    pub stack: KeptStack,
}

/// A stack of the past; `None` where it was not kept.
pub type KeptStack = Option<Vec<Frame>>;

/// One line of a stack, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Of the instruction, or where the call returns to.
    pub address: usize,
    /// Demangled; without the hash of a Rust name.
    pub function: Option<String>,
    /// Source file, as the compiler was told of it, made absolute where the debug information
    /// allows.
    pub file: Option<String>,
    /// Counted from 1.
    pub line: Option<u32>,
    /// Counted from 1.
    pub column: Option<u32>,
    /// The compiler inlined this function into the one of the next frame.
    pub inlined: bool,
    /// Path of the executable or library, `[vdso]`, the kernel's name of a mapping, or
    /// [`UNKNOWN_MODULE`].
    pub module: String,
    /// The address as the module's file states it: what addr2line and objdump take. Within an
    /// anonymous mapping, the distance from its start; elsewhere, the address itself.
    pub module_offset: usize,
}

/// Why names were not looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum LookUpFailure {
    Crash = 1,
    Hang,
    NoMemory,
    Panic,
    Filter,
    NoTimer,
}

impl Report {
    /// The name of the kind, with the function where that is part of it.
    pub fn kind_name(&self) -> KindName {
        KindName { kind: self.kind, cause: self.cause }
    }

    /// The frame that a summary names: where the access or the call is, else where the object was allocated.
    pub fn location(&self) -> Option<&Frame> {
        let allocated = || self.object.as_ref()?.allocated.stack.as_deref();
        place_of_user(&self.stack).or_else(|| place_of_user(allocated()?))
    }
}

/// The innermost frame outside Rust's standard library whose module is known, if there is one; else the innermost.
fn place_of_user(stack: &[Frame]) -> Option<&Frame> {
    let is_user = |frame: &&Frame| !frame.is_rust_std() && frame.module != UNKNOWN_MODULE;
    stack.iter().find(is_user).or(stack.first())
}

impl Frame {
    /// Whether this is of Rust's standard library, as it is distributed.
    fn is_rust_std(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.starts_with("/rustc/"))
    }
}

impl ReportedObject {
    /// The address behind the last byte.
    pub fn end(&self) -> usize {
        self.start + self.size
    }
}
