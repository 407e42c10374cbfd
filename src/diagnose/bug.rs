//! A bug as plain data, ready for any renderer.

use super::Call;
use super::access::{Access, Direction};
use crate::heap::Object;
use crate::heap::canary::Damage;
use crate::heap::record::ThreadId;
use crate::trace::{Caller, Frames};

/// Kinds of bug, by the names that ASan established where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BugKind {
    HeapBufferOverflow,
    HeapBufferUnderflow,
    HeapUseAfterFree,
    DoubleFree,
    BadFree,
    /// Canary bytes beside an object were found changed, some time after the write.
    OverwrittenSlack,
    /// The source and destination of a libc call overlap where they must not.
    ParamOverlap,
    /// A size beyond the largest object: most likely a negative number.
    NegativeSizeParam,
    /// An access to the heap's address space where no object is or was.
    WildAccess,
}

impl BugKind {
    pub const fn name(self) -> &'static str {
        match self {
            BugKind::HeapBufferOverflow => "heap-buffer-overflow",
            BugKind::HeapBufferUnderflow => "heap-buffer-underflow",
            BugKind::HeapUseAfterFree => "heap-use-after-free",
            BugKind::DoubleFree => "double-free",
            BugKind::BadFree => "bad-free",
            BugKind::OverwrittenSlack => "overwritten-slack",
            BugKind::ParamOverlap => "param-overlap",
            BugKind::NegativeSizeParam => "negative-size-param",
            BugKind::WildAccess => "wild-access",
        }
    }
}

/// How the bug showed itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Access(Access),
    Call(Call),
    Libc(LibcCall),
}

/// A range of memory that a call names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// What the function's manual calls it.
    pub name: &'static str,
    pub start: usize,
    pub bytes: usize,
}

impl Operand {
    pub fn end(&self) -> usize {
        self.start.saturating_add(self.bytes)
    }

    pub fn overlaps(&self, other: &Operand) -> bool {
        self.bytes > 0 && other.bytes > 0 && self.start < other.end() && other.start < self.end()
    }
}

/// A libc function that was given operands which it must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LibcCall {
    pub function: &'static str,
    pub caller: Caller,
    pub misuse: Misuse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// The first `inside` bytes of the operand lie in a live object, and then it leaves it.
    OutOfBounds {
        direction: Direction,
        operand: Operand,
        inside: usize,
    },
    Overlap {
        destination: Operand,
        source: Operand,
    },
    /// Beyond the largest object, at an address in the heap.
    Size {
        bytes: usize,
        at: usize,
    },
}

impl LibcCall {
    /// First byte that the call must not touch, or the operand that the report is about.
    pub fn address(&self) -> usize {
        match self.misuse {
            Misuse::OutOfBounds { operand, inside, .. } => operand.start.saturating_add(inside),
            Misuse::Overlap { destination, .. } => destination.start,
            Misuse::Size { at, .. } => at,
        }
    }

    /// The function as ASan's kinds of bug name it: without the marks of a checking form.
    fn plain_name(&self) -> &'static str {
        let name = self.function.trim_start_matches('_');
        name.strip_suffix("_chk").unwrap_or(name)
    }
}

/// Where an address lies relative to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Before,
    Inside,
    After,
}

/// Distance of an address from an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Before: from the address to the object's start. Inside: from its start to the address.
    /// After: from its end to the address.
    pub bytes: usize,
    pub side: Side,
}

impl Relation {
    pub fn of(address: usize, object: &Object) -> Relation {
        let end = object.start + object.size;
        if address < object.start {
            Relation { bytes: object.start - address, side: Side::Before }
        } else if address < end {
            Relation { bytes: address - object.start, side: Side::Inside }
        } else {
            Relation { bytes: address - end, side: Side::After }
        }
    }
}

/// The object that a bug is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub object: Object,
    /// Of the first bad byte to the object.
    pub relation: Relation,
}

/// Whose an address is that the heap does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A thread's stack; the calling thread's if so.
    Stack { own: bool },
    /// Static data or code of a file.
    Module(String),
    /// Other mapped memory, with the kernel's name for it if any.
    Mapped(String),
    /// Nothing is mapped there.
    Unmapped,
}

/// Everything a report tells.
#[derive(Clone, Debug)]
pub struct Bug {
    pub kind: BugKind,
    /// First byte of the access, the argument of the call, or the damaged byte.
    pub address: usize,
    pub cause: Cause,
    pub thread: ThreadId,
    /// Of the access or the call; empty for the check at exit.
    pub stack: Frames,
    pub subject: Option<Subject>,
    pub owner: Option<Owner>,
    pub damage: Option<Damage>,
}

impl Bug {
    /// The name of the kind, as reports give it.
    pub fn kind_name(&self) -> String {
        match (self.kind, self.cause) {
            (BugKind::ParamOverlap, Cause::Libc(call)) => {
                format!("{}-{}", call.plain_name(), self.kind.name())
            }
            _ => self.kind.name().to_owned(),
        }
    }
}
