//! Sentences of a report about what is wrong with a call, a request, or an instruction.

use crate::diagnose::{
    BadRequest, Crash, Description, Direction, LibcCall, Misuse, Operand, Owner, Side, Wrong,
};
use crate::heap::Object;
use crate::heap::record::{Family, State, ThreadId};
use crate::heap::release::{Mismatch, Release};
use crate::printable::printable;

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

/// What is wrong with a libc call, as to the object that its address is at or near.
pub fn libc_call(call: &LibcCall, object: Option<&Object>) -> String {
    let function = call.function;
    match call.misuse {
        Misuse::OutOfBounds { direction, operand: Operand { name, start, bytes }, .. } => {
            let unit = if bytes == 1 { "byte" } else { "bytes" };
            let what = match (direction, name) {
                // Its end has been looked for.
                (Direction::Read, "string") => format!("read {bytes} {unit} of a string"),
                (Direction::Write, _) => format!("would write {bytes} {unit} to its {name}"),
                _ => format!("would read {bytes} {unit} of its {name}"),
            };
            format!("{function} {what}{}", where_from(start, object))
        }
        Misuse::Overlap { destination, source } => {
            let (side, distance) = match source.start.checked_sub(destination.start) {
                Some(distance) => ("after", distance),
                None => ("before", destination.start - source.start),
            };
            let (to, from, bytes) = (destination.name, source.name, in_bytes(source.bytes));
            let distance = in_bytes(distance);
            format!(
                "{function} was given a {to} and a {from} of {bytes} that overlap: \
                 the {from} begins {distance} {side} the {to}"
            )
        }
        Misuse::Size { bytes, .. } => {
            format!("{function} was given the size {bytes:#x}, or {}", bytes as isize)
        }
    }
}

/// ` in an 18-byte object`, of an operand that begins at `start`.
fn where_from(start: usize, object: Option<&Object>) -> String {
    let Some(object) = object else { return " where no object is".to_owned() };
    if object.state == State::Forgotten {
        return " in memory that was freed long ago".to_owned();
    }
    let size = object.size;
    let noun = match object.state {
        State::Live => format!("{} {size}-byte object", article(size)),
        _ => format!("a freed {size}-byte object"),
    };
    let end = object.start + size;
    match start {
        _ if start == object.start => format!(" in {noun}"),
        _ if start < object.start => format!(", {} before {noun}", in_bytes(object.start - start)),
        _ if start < end => format!(", {} into {noun}", in_bytes(start - object.start)),
        _ => format!(", {} after the end of {noun}", in_bytes(start - end)),
    }
}

fn in_bytes(bytes: usize) -> String {
    if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") }
}

/// Before a number that is read aloud: an 8, an 11, an 18, an 80,000.
fn article(number: usize) -> &'static str {
    let digits = number.to_string();
    let is_eleven = digits.len() % 3 == 2 && (digits.starts_with("11") || digits.starts_with("18"));
    if digits.starts_with('8') || is_eleven { "an" } else { "a" }
}

/// How to come to the write whose traces were found on this side of an object.
pub fn how_to_find_the_write(side: Side) -> String {
    let placement = if side == Side::Before { "left" } else { "exact" };
    format!(
        "to stop at the write itself, run with --placement {placement}, or with --sweep to try every placement"
    )
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
        name => format!("{words} ({})", printable(name)),
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
        Owner::Module(name) => format!("is in a global/static object of {}", printable(name)),
        Owner::Mapped(name) if name.is_empty() => {
            "was never allocated: it is in memory mapped otherwise".to_owned()
        }
        Owner::Mapped(name) => format!("was never allocated: it is in {}", printable(name)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::record::Event;
    use crate::trace::{Caller, TraceId};

    fn sentence(function: &'static str, misuse: Misuse, state: State, size: usize) -> String {
        let allocated = Event { thread: ThreadId(0), trace: TraceId::NONE };
        let (family, align_log2, start) = (Family::Malloc, 0, 0x1000);
        let object = Object { start, size, family, align_log2, state, allocated, freed: None };
        libc_call(&LibcCall { function, caller: Caller::here(), misuse }, Some(&object))
    }

    fn out(direction: Direction, name: &'static str, start: usize, bytes: usize) -> Misuse {
        Misuse::OutOfBounds { direction, operand: Operand { name, start, bytes }, inside: 0 }
    }

    #[test]
    fn a_call_is_explained_by_a_sentence() {
        let (read, write) = (Direction::Read, Direction::Write);
        for (function, misuse, state, size, words) in [
            (
                "strlen",
                out(read, "string", 0x1000, 19),
                State::Live,
                18,
                "strlen read 19 bytes of a string in an 18-byte object",
            ),
            (
                "strlen",
                out(read, "string", 0x1000, 1),
                State::Retired,
                8,
                "strlen read 1 byte of a string in a freed 8-byte object",
            ),
            (
                "strlen",
                out(read, "string", 0x100a, 9),
                State::Live,
                18,
                "strlen read 9 bytes of a string, 10 bytes into an 18-byte object",
            ),
            (
                "memcpy",
                out(read, "source", 0x1000, 9),
                State::Live,
                80,
                "memcpy would read 9 bytes of its source in an 80-byte object",
            ),
            (
                "memset",
                out(write, "block", 0x0fff, 9),
                State::Live,
                40,
                "memset would write 9 bytes to its block, 1 byte before a 40-byte object",
            ),
            (
                "read",
                out(write, "buf", 0x1030, 9),
                State::Live,
                40,
                "read would write 9 bytes to its buf, 8 bytes after the end of a 40-byte object",
            ),
            (
                "f",
                out(read, "string", 0x1000, 9),
                State::Forgotten,
                40,
                "f read 9 bytes of a string in memory that was freed long ago",
            ),
            (
                "memset",
                Misuse::Size { bytes: usize::MAX, at: 0x1000 },
                State::Live,
                40,
                "memset was given the size 0xffffffffffffffff, or -1",
            ),
        ] {
            assert_eq!(sentence(function, misuse, state, size), words);
        }
        let destination = Operand { name: "destination", start: 0x1000, bytes: 9 };
        let source = Operand { name: "source", start: 0x1008, bytes: 9 };
        let words = "memcpy was given a destination and a source of 9 bytes that overlap: \
                     the source begins 8 bytes after the destination";
        let misuse = Misuse::Overlap { destination, source };
        assert_eq!(sentence("memcpy", misuse, State::Live, 40), words);
        assert_eq!(
            [8, 11, 18, 80, 8_000, 11_000, 1, 81, 110, 180, 1_800].map(article).join(" "),
            "an an an an an an a an a a a"
        );
    }
}
