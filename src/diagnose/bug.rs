//! A bug as plain data, ready for any renderer.

use super::Call;
use super::access::Access;
use super::crash::Crash;
use super::libc_call::LibcCall;
use crate::heap::Object;
use crate::heap::canary::Damage;
use crate::heap::record::ThreadId;
use crate::heap::release::{Mismatch, Release};
use crate::trace::Frames;

/// Kinds of bug, by the names that ASan established where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BugKind {
    HeapBufferOverflow,
    HeapBufferUnderflow,
    HeapUseAfterFree,
    DoubleFree,
    BadFree,
    /// Made by one family of functions, given back to another.
    AllocDeallocMismatch,
    /// operator delete was told another size or alignment than operator new.
    NewDeleteTypeMismatch,
    /// free_sized or free_aligned_sized was told another size or alignment than was asked for.
    FreeSizeMismatch,
    /// malloc_usable_size of what is no live object.
    BadMallocUsableSize,
    /// Canary bytes beside an object were found changed, some time after the write.
    OverwrittenSlack,
    /// The source and destination of a libc call overlap where they must not.
    ParamOverlap,
    /// A size beyond the largest object: most likely a negative number.
    NegativeSizeParam,
    /// An access to the heap's address space where no object is or was.
    WildAccess,
    // Requests that can't be granted.
    CallocOverflow,
    ReallocarrayOverflow,
    PvallocOverflow,
    InvalidAllocationAlignment,
    InvalidAlignedAllocAlignment,
    InvalidPosixMemalignAlignment,
    AllocationSizeTooBig,
    // Crashes that are no matter of the heap.
    Segv,
    Bus,
    StackOverflow,
    Fpe,
    Ill,
    Abrt,
}

impl BugKind {
    pub const fn name(self) -> &'static str {
        match self {
            BugKind::HeapBufferOverflow => "heap-buffer-overflow",
            BugKind::HeapBufferUnderflow => "heap-buffer-underflow",
            BugKind::HeapUseAfterFree => "heap-use-after-free",
            BugKind::DoubleFree => "double-free",
            BugKind::BadFree => "bad-free",
            BugKind::AllocDeallocMismatch => "alloc-dealloc-mismatch",
            BugKind::NewDeleteTypeMismatch => "new-delete-type-mismatch",
            BugKind::FreeSizeMismatch => "free-size-mismatch",
            BugKind::BadMallocUsableSize => "bad-malloc_usable_size",
            BugKind::OverwrittenSlack => "overwritten-slack",
            BugKind::ParamOverlap => "param-overlap",
            BugKind::NegativeSizeParam => "negative-size-param",
            BugKind::WildAccess => "wild-access",
            BugKind::CallocOverflow => "calloc-overflow",
            BugKind::ReallocarrayOverflow => "reallocarray-overflow",
            BugKind::PvallocOverflow => "pvalloc-overflow",
            BugKind::InvalidAllocationAlignment => "invalid-allocation-alignment",
            BugKind::InvalidAlignedAllocAlignment => "invalid-aligned-alloc-alignment",
            BugKind::InvalidPosixMemalignAlignment => "invalid-posix-memalign-alignment",
            BugKind::AllocationSizeTooBig => "allocation-size-too-big",
            BugKind::Segv => "SEGV",
            BugKind::Bus => "BUS",
            BugKind::StackOverflow => "stack-overflow",
            BugKind::Fpe => "FPE",
            BugKind::Ill => "ILL",
            BugKind::Abrt => "ABRT",
        }
    }
}

/// How the bug showed itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Access(Access),
    Call(Call),
    Libc(LibcCall),
    Request(BadRequest),
    /// A signal that an instruction at `pc` raised, of whose name this is.
    Raised {
        signal: &'static str,
        pc: usize,
        bp: usize,
        sp: usize,
    },
    /// abort(3).
    Aborted,
}

/// A request for memory that can't be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRequest {
    pub function: &'static str,
    pub wrong: Wrong,
}

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    Product {
        count: usize,
        size: usize,
    },
    /// Of this size, rounded up to whole pages.
    RoundedUp(usize),
    Alignment(usize),
    Size(usize),
}

impl BadRequest {
    pub fn kind(&self) -> BugKind {
        match (self.wrong, self.function) {
            (Wrong::Product { .. }, "calloc") => BugKind::CallocOverflow,
            (Wrong::Product { .. }, _) => BugKind::ReallocarrayOverflow,
            (Wrong::RoundedUp(_), _) => BugKind::PvallocOverflow,
            (Wrong::Alignment(_), "aligned_alloc") => BugKind::InvalidAlignedAllocAlignment,
            (Wrong::Alignment(_), "posix_memalign") => BugKind::InvalidPosixMemalignAlignment,
            (Wrong::Alignment(_), _) => BugKind::InvalidAllocationAlignment,
            (Wrong::Size(_), _) => BugKind::AllocationSizeTooBig,
        }
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
    pub mismatch: Option<(Release, Mismatch)>,
    pub crash: Option<Crash>,
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

    /// A bug of which no more is known.
    pub fn new(
        kind: BugKind,
        address: usize,
        cause: Cause,
        thread: ThreadId,
        stack: Frames,
    ) -> Bug {
        Bug {
            kind,
            address,
            cause,
            thread,
            stack,
            subject: None,
            owner: None,
            damage: None,
            mismatch: None,
            crash: None,
        }
    }
}
