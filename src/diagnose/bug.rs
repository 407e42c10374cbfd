//! A bug as plain data, which any renderer can use.

use super::access::Access;
use super::libc_call::LibcCall;
use super::page_call::PageCall;
use crate::heap::Object;
use crate::heap::canary::Damage;
use crate::heap::loans::Loan;
use crate::heap::record::{State, ThreadId};
use crate::heap::release::{Deallocator, Mismatch, Release};
use crate::mappings::suspicion::Suspicion;
use crate::mappings::{Call, FileFacts, Step, Story};
use crate::sys::PAGE_BYTES;
use crate::sys::address_map::Mapping;
use crate::trace::Frames;
use core::fmt::{self, Display, Formatter};
use core::ops::Range;
use libc::c_int;

/// The kinds of bug. They have ASan's names where ASan has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BugKind {
    HeapBufferOverflow,
    HeapBufferUnderflow,
    HeapUseAfterFree,
    DoubleFree,
    BadFree,
    /// One family of functions made the object, and another was to free it.
    AllocDeallocMismatch,
    /// operator delete got another size or alignment than operator new.
    NewDeleteTypeMismatch,
    /// free_sized or free_aligned_sized got another size or alignment than was allocated.
    FreeSizeMismatch,
    /// malloc_usable_size was called for something that is no live object.
    BadMallocUsableSize,
    /// Canary bytes beside an object were found changed, some time after the write.
    OverwrittenSlack,
    /// The source and the destination of a libc call overlap although they must not.
    ParamOverlap,
    /// A size is larger than any object can be: most likely a negative number.
    NegativeSizeParam,
    /// An access to the heap's address space, where no object is or was.
    WildAccess,
    // Requests that can't be granted:
    CallocOverflow,
    ReallocarrayOverflow,
    PvallocOverflow,
    InvalidAllocationAlignment,
    InvalidAlignedAllocAlignment,
    InvalidPosixMemalignAlignment,
    AllocationSizeTooBig,
    // Faults in memory that the program mapped itself.
    MappingUseAfterUnmap,
    MappingOverflow,
    MappingUnderflow,
    MappingPastEof,
    MappingProtection,
    /// MAP_FAILED, or shmat's -1, used as an address.
    MmapFailedPointer,
    // Calls about mappings that may be right.
    MunmapTooMuch,
    MunmapTooLittle,
    MunmapTwice,
    MsyncUnmapped,
    LostPrivateWrite,
    LostPastEofWrite,
    // Calls about pages that are not, or not all, those of an object.
    BadMunmap,
    BadMprotect,
    BadMremap,
    BadMmap,
    // Crashes that have nothing to do with the heap:
    Segv,
    Bus,
    StackOverflow,
    Fpe,
    Ill,
    Abrt,
}

impl BugKind {
    /// Returns the kind of an access to a byte, whose relation to an object `subject` has.
    pub fn of_access(subject: Option<Subject>) -> BugKind {
        match subject {
            None => BugKind::WildAccess,
            Some(subject) if subject.object.state == State::Live => match subject.relation.side {
                Side::Before => BugKind::HeapBufferUnderflow,
                // A fault inside a live object is impossible: another thread has freed it, or is about to.
                Side::Inside => BugKind::HeapUseAfterFree,
                Side::After => BugKind::HeapBufferOverflow,
            },
            Some(_) => BugKind::HeapUseAfterFree,
        }
    }

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
            BugKind::MappingUseAfterUnmap => "mapping-use-after-unmap",
            BugKind::MappingOverflow => "mapping-overflow",
            BugKind::MappingUnderflow => "mapping-underflow",
            BugKind::MappingPastEof => "mapping-past-eof",
            BugKind::MappingProtection => "mapping-protection",
            BugKind::MmapFailedPointer => "mmap-failed-pointer",
            BugKind::MunmapTooMuch => "munmap-too-much",
            BugKind::MunmapTooLittle => "munmap-too-little",
            BugKind::MunmapTwice => "munmap-twice",
            BugKind::MsyncUnmapped => "msync-unmapped",
            BugKind::LostPrivateWrite => "lost-private-write",
            BugKind::LostPastEofWrite => "lost-past-eof-write",
            BugKind::BadMunmap => "bad-munmap",
            BugKind::BadMprotect => "bad-mprotect",
            BugKind::BadMremap => "bad-mremap",
            BugKind::BadMmap => "bad-mmap",
            BugKind::Segv => "SEGV",
            BugKind::Bus => "BUS",
            BugKind::StackOverflow => "stack-overflow",
            BugKind::Fpe => "FPE",
            BugKind::Ill => "ILL",
            BugKind::Abrt => "ABRT",
        }
    }
}

/// A kind's name in reports, with the function where that is part of it, as in `memcpy-param-overlap`.
pub struct KindName {
    pub kind: BugKind,
    pub cause: Cause,
}

impl Display for KindName {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        if let (BugKind::ParamOverlap, Cause::Libc(call)) = (self.kind, self.cause) {
            write!(out, "{}-", call.plain_name())?;
        }
        out.write_str(self.kind.name())
    }
}

/// How the bug showed itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Access(Access),
    /// A function looked for errors, and found this one.
    Found(FoundBy),
    Libc(LibcCall),
    Request(BadRequest),
    /// The instruction at `pc` raised the signal of this name.
    Raised {
        signal: &'static str,
        pc: usize,
        bp: usize,
        sp: usize,
    },
    /// The program called abort(3).
    Aborted,
}

/// The function that found something wrong with an object or its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    Release(Deallocator),
    UsableSize,
    /// The check of all live objects at the end of the process.
    Exit,
    /// The check of all live objects that the program asked for.
    Check,
    /// Calls about mappings that are looked at before or after they are made.
    Munmap,
    Msync,
    /// A call about pages.
    PageCall(Call),
}

impl FoundBy {
    /// Returns the function's name.
    pub fn function(self) -> &'static str {
        match self {
            FoundBy::Release(by) => by.name(),
            FoundBy::UsableSize => "malloc_usable_size",
            FoundBy::Exit => "exit",
            FoundBy::Check => "fencepost_check_heap",
            FoundBy::Munmap => "munmap",
            FoundBy::Msync => "msync",
            FoundBy::PageCall(call) => call.function(),
        }
    }
}

/// Why the processor refused an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crash {
    Null,
    /// The address is no pointer of 48 bits, sign-extended.
    NonCanonical,
    /// Such an address, near the value of pointers in freed objects: this byte, eight times.
    Junk(u8),
    /// The instruction demands this alignment of its operand.
    Misaligned(usize),
    /// Neither the processor nor the kernel reports an address.
    NoAddress,
    Unmapped,
    /// Mapped without any permission; the string is the mapping's name, or empty.
    Inaccessible(String),
    ReadOnly(String),
    NotExecutable(String),
    /// The file ends before this page.
    PastEndOfFile(String),
    /// The memory is mapped, but the kernel could not provide it.
    Unavailable,
    Key,
    Hardware,
    Stack,
    Division,
    FloatingPoint,
    Instruction,
    Abort,
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
    /// This size, rounded up to whole pages, is too large.
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

/// The distance between an address and an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation {
    /// In bytes. Before: from the address to the object's start. Inside: from its start to the address. After: from its
    /// end to the address.
    pub bytes: usize,
    pub side: Side,
}

impl Relation {
    pub fn of(address: usize, object: &Object) -> Relation {
        Relation::to(address, object.start..object.start + object.size)
    }

    /// Of an address to a range of addresses.
    pub fn to(address: usize, range: Range<usize>) -> Relation {
        if address < range.start {
            Relation { bytes: range.start - address, side: Side::Before }
        } else if address < range.end {
            Relation { bytes: address - range.start, side: Side::Inside }
        } else {
            Relation { bytes: address - range.end, side: Side::After }
        }
    }
}

/// The object that a bug is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    pub object: Object,
    /// The relation of the first bad byte to the object.
    pub relation: Relation,
}

impl Subject {
    /// Returns the object that an access at `address` most likely meant. The first of these that exists: an object that
    /// holds the address; a live one, if a loop that runs over its slack enters the faulting page just there; the one
    /// whose edge is nearest to that page (an overrun of an object at the page's edge is likely, of one that ends far
    /// away it is not); the nearest one. Of two equally near ones the one before, as overruns are more common than
    /// underruns.
    pub fn nearest(address: usize, neighbours: [Option<Object>; 3]) -> Option<Subject> {
        let page = address & !(PAGE_BYTES - 1);
        neighbours
            .into_iter()
            .flatten()
            .map(|object| Subject { object, relation: Relation::of(address, &object) })
            .min_by_key(|Subject { object, relation }| {
                // Slack is part of the object's own page.
                let (edge, into_page) = match relation.side {
                    Side::Inside => return (false, 0, 0, 0),
                    Side::After => {
                        (page.saturating_sub(object.start + object.size), address - page)
                    }
                    Side::Before => {
                        let end = page + PAGE_BYTES;
                        (object.start.saturating_sub(end), end - 1 - address)
                    }
                };
                let is_reached =
                    object.state == State::Live && edge < PAGE_BYTES && into_page < WIDEST_ACCESS;
                let side = if relation.side == Side::After { 1 } else { 2 };
                (!is_reached, edge / SLACK_UNIT + 1, relation.bytes, side)
            })
    }
}

/// The most bytes that one instruction of a loop over memory accesses: an AVX-512 vector.
const WIDEST_ACCESS: usize = 64;

/// Edges that are at most so many bytes from a page count as equally near: no alignment leaves more slack.
const SLACK_UNIT: usize = 16;

/// Who owns an address that the heap does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A thread's stack; `own` if it is the calling thread's.
    Stack { own: bool },
    /// Static data or code of this file.
    Module(String),
    /// Other mapped memory, with the kernel's name for it, which may be empty.
    Mapped(String),
    /// Nothing is mapped there.
    Unmapped,
}

/// What is wrong with an access to a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// It is gone.
    Unmapped,
    /// This child of fork did not get it.
    LeftOut,
    /// The address is beside it.
    Outside,
    /// Its file has no such page.
    PastEnd,
    /// It does not permit the access: it permits these (bits of PROT_READ and so on).
    Forbidden(c_int),
    /// The protection key of this number forbids it.
    Key(c_int),
    /// madvise made the page a guard.
    Guard,
    /// The call that should have made it failed.
    Failed(Step),
    /// It is no object of the heap.
    NotHeap,
    /// Nothing that is certain.
    Suspicious(Suspicion),
}

/// The mapping that a bug is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappingSubject {
    pub violation: Violation,
    pub story: Story,
    pub start: usize,
    pub bytes: usize,
    /// Of the first bad byte to the mapping.
    pub relation: Relation,
    /// How long its file is now.
    pub file_bytes: Option<u64>,
}

impl MappingSubject {
    /// The mapping of these pages, seen from `address`.
    pub fn new(
        violation: Violation,
        story: Story,
        pages: Range<usize>,
        address: usize,
    ) -> MappingSubject {
        let (start, bytes) = (pages.start, pages.len());
        let relation = Relation::to(address, pages);
        MappingSubject { violation, story, start, bytes, relation, file_bytes: None }
    }

    /// The file that is mapped.
    pub fn file(&self) -> Option<FileFacts> {
        self.story.file()
    }
}

/// A mapping near an address at which there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub mapping: Mapping,
    pub side: Side,
    /// In bytes: from its end to the address, or from the address to its start.
    pub distance: usize,
    /// The call that made it, if that is known.
    pub made: Option<Step>,
}

/// Everything that a report says.
#[derive(Clone, Debug)]
pub struct Bug {
    pub kind: BugKind,
    /// The first byte of the access, the call's argument, or the damaged byte.
    pub address: usize,
    pub cause: Cause,
    pub thread: ThreadId,
    /// The stack of the access or the call; empty for the check at exit.
    pub stack: Frames,
    pub subject: Option<Subject>,
    pub owner: Option<Owner>,
    pub damage: Option<Damage>,
    pub mismatch: Option<(Release, Mismatch)>,
    /// What still uses the object.
    pub loan: Option<Loan>,
    pub crash: Option<Crash>,
    /// The mapping of the program's that it is about.
    pub mapping: Option<MappingSubject>,
    /// The call about pages that it is.
    pub page_call: Option<PageCall>,
    /// What is mapped nearest to the address, if nothing is mapped there and nothing more is known.
    pub near: Vec<Neighbour>,
}

impl Bug {
    /// Returns a bug of which nothing more is known.
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
            loan: None,
            crash: None,
            mapping: None,
            page_call: None,
            near: Vec::new(),
        }
    }
}
