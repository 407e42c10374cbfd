//! Sentences of a report about what is wrong with a call, a request, or an instruction.

use crate::diagnose::{
    BadRequest, Crash, Description, LibcCall, Misuse, Operand, Owner, Side, Wrong,
};
use crate::heap::Object;
use crate::heap::record::{Family, State, ThreadId};
use crate::heap::release::{Mismatch, Release};

/// In what an object and the call that was to free it differ.
pub fn mismatch(object: &Object, release: Release, which: Mismatch) -> String {
    let by = release.by.name();
    let alignment = |log2: u8| match log2 {
        0 => "no alignment".to_owned(),
        log2 => 1usize.checked_shl(u32::from(log2)).map_or_else(
            || "an impossible alignment".to_owned(),
            |alignment| format!("an alignment of {alignment}"),
        ),
    };
    match which {
        Mismatch::Family => {
            let (maker, taker) = match object.family {
                Family::New => ("operator new", "operator delete"),
                Family::NewArray => ("operator new[]", "operator delete[]"),
                Family::Rust => ("Rust's allocator", "that"),
                Family::Malloc | Family::Any => ("malloc", "free"),
            };
            format!("{maker} vs {by}: what {maker} made must be released by {taker}")
        }
        Mismatch::Size => format!(
            "the object has {} bytes, but {by} was told {}",
            object.size,
            release.size.unwrap_or_default()
        ),
        Mismatch::Alignment => format!(
            "the object was allocated with {}, but {by} was told {}",
            alignment(object.align_log2),
            alignment(release.align_log2)
        ),
    }
}

/// Which operand of a libc call is wrong, and how.
pub fn operands(call: &LibcCall) -> String {
    let function = call.function;
    match call.misuse {
        Misuse::OutOfBounds { operand: Operand { name, bytes, .. }, inside, .. } => {
            format!("in a call of {function}: {name} of {bytes} bytes, {inside} in bounds")
        }
        Misuse::Overlap { destination, source } => {
            let [first, second] = [destination, source].map(|operand| {
                format!("{} [{:#x},{:#x})", operand.name, operand.start, operand.end())
            });
            format!("in a call of {function}: {first} and {second} overlap")
        }
        Misuse::Size { bytes, .. } => {
            let signed = bytes as isize;
            format!("in a call of {function}: the size is {bytes:#x}, or {signed}")
        }
    }
}

/// What is wrong with a request for memory.
pub fn request(request: &BadRequest) -> String {
    let function = request.function;
    match request.wrong {
        Wrong::Product { count, size } => {
            format!("{function} was asked for {count} times {size} bytes: the product overflows")
        }
        Wrong::RoundedUp(size) => {
            format!("{function} was asked for {size} bytes: in whole pages, the size overflows")
        }
        Wrong::Alignment(alignment) => {
            let rule = match function {
                "posix_memalign" => "no power of two that sizeof(void *) divides",
                _ => "no power of two",
            };
            format!("{function} was asked for an alignment of {alignment}, which is {rule}")
        }
        Wrong::Size(size) => {
            let signed = size as isize;
            format!("{function} was asked for {size} bytes ({signed} if signed): too many")
        }
    }
}

/// What follows `0x… is`.
pub fn crash(crash: &Crash) -> String {
    let named = |words: &str, name: &str| match name {
        "" => words.to_owned(),
        name => format!("{words} ({name})"),
    };
    match crash {
        Crash::Null => "null, or an offset from it".to_owned(),
        Crash::NonCanonical => "no address that a program can have".to_owned(),
        Crash::Junk(byte) => format!(
            "no address that a program can have: a pointer read from a freed object, most likely; \
             fencepost fills these with {byte:02x}"
        ),
        Crash::Misaligned(alignment) => {
            format!("not aligned to {alignment} bytes, as the instruction demands")
        }
        Crash::NoAddress => "not the address: the processor named none".to_owned(),
        Crash::Unmapped => "where nothing is mapped".to_owned(),
        Crash::Inaccessible(name) => named("in memory without access rights", name),
        Crash::ReadOnly(name) => named("in read-only memory", name),
        Crash::NotExecutable(name) => named("in memory that is not executable", name),
        Crash::PastEndOfFile(name) => named("past the end of the mapped file", name),
        Crash::Unavailable => "in memory that the kernel did not give".to_owned(),
        Crash::Key => "in memory that a protection key forbids".to_owned(),
        Crash::Hardware => "in memory that the hardware has lost".to_owned(),
        Crash::Stack => "beyond the end of the stack of this thread".to_owned(),
        Crash::Division => "a division by zero, or one whose quotient is too large".to_owned(),
        Crash::FloatingPoint => "a floating-point operation that was made to trap".to_owned(),
        Crash::Instruction => "an instruction that the processor does not know".to_owned(),
        Crash::Abort => "where abort was called".to_owned(),
    }
}

/// Whose memory an address is that the heap does not know, for thread `asking`.
pub fn owner(owner: &Owner, asking: ThreadId) -> String {
    match owner {
        Owner::Stack { own: true } => format!("is on the stack of thread T{}", asking.0),
        Owner::Stack { own: false } => "is on the stack of a thread".to_owned(),
        Owner::Module(name) => format!("is in a global/static object of {name}"),
        Owner::Mapped(name) if name.is_empty() => {
            "was never allocated: it is in memory mapped otherwise".to_owned()
        }
        Owner::Mapped(name) => format!("was never allocated: it is in {name}"),
        Owner::Unmapped => "was never allocated: nothing is mapped there".to_owned(),
    }
}

/// What an address is, for thread `asking`.
pub fn description(description: &Description, asking: ThreadId) -> String {
    let words = match description {
        Description::Foreign(whose) => return owner(whose, asking),
        Description::Own => "is in the memory of fencepost itself",
        Description::Unguarded(subject) if subject.relation.side == Side::Inside => {
            "is in a live object without guards"
        }
        Description::Unguarded(_) => "is in the canaries beside a live object without guards",
        Description::Heap { subject: None, .. } => "is in the guarded heap; no object is near",
        Description::Heap { subject: Some(subject), is_guard } => {
            match (subject.object.state, subject.relation.side, is_guard) {
                (State::Live, Side::Inside, _) => "is in a live object",
                (State::Live, _, false) => "is in the slack beside a live object",
                (State::Live, ..) => "is in a guard page near a live object",
                (_, Side::Inside, _) => "is in a freed object",
                (..) => "is in a guard page near a freed object",
            }
        }
    };
    words.to_owned()
}
