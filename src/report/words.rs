//! Sentences about what is wrong with a call, a request or an instruction. They are written only when they are shown,
//! so nothing is allocated for them.

use super::failure::LookUpFailure;
use crate::diagnose::{
    AddressKind, BadRequest, Bug, BugKind, Crash, Direction, LibcCall, Misuse, Operand, Owner,
    Relation, Side, Subject, Wrong,
};
use crate::heap::Object;
use crate::heap::loans::{Loan, Part};
use crate::heap::record::{Family, State, ThreadId};
use crate::heap::release::{Mismatch, Release};
use crate::printable::printable;
use crate::sys::PAGE_BYTES;
use core::fmt::{self, Display, Formatter};

/// Shows what its function writes.
pub(super) struct Words<F>(pub F);

impl<F: Fn(&mut Formatter<'_>) -> fmt::Result> Display for Words<F> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        self.0(out)
    }
}

/// Says that the stacks of an object's allocation or free are those of other calls.
pub fn of_others([allocated, freed]: [bool; 2]) -> impl Iterator<Item = String> {
    let call = match (allocated, freed) {
        (false, false) => None,
        (true, false) => Some("its allocation"),
        (false, true) => Some("its free"),
        (true, true) => Some("its allocation and of its free"),
    };
    call.into_iter().map(|call| {
        format!(
            "the stack of {call} is that of an earlier call from the same place, whose outer callers may \
             differ (option budget)"
        )
    })
}

/// Says how an object and the call that was to free it differ.
pub fn mismatch(subject: &Subject, release: Release, which: Mismatch) -> impl Display {
    let object = subject.object;
    let by = release.by.name();
    let alignment = |log2: u8| {
        Words(move |out: &mut Formatter<'_>| match (log2, 1usize.checked_shl(u32::from(log2))) {
            (0, _) => out.write_str("no alignment"),
            (_, None) => out.write_str("an impossible alignment"),
            (_, Some(alignment)) => write!(out, "an alignment of {alignment}"),
        })
    };
    Words(move |out: &mut Formatter<'_>| match which {
        Mismatch::Family => {
            let (maker, taker) = match object.family {
                Family::New => ("operator new", "operator delete"),
                Family::NewArray => ("operator new[]", "operator delete[]"),
                Family::Rust => ("Rust's allocator", "that"),
                Family::Malloc | Family::Any => ("malloc", "free"),
            };
            write!(out, "{maker} vs {by}: what {maker} made must be released by {taker}")
        }
        Mismatch::Size => {
            let (size, told) = (object.size, release.size.unwrap_or_default());
            write!(out, "the object has {size} bytes, but {by} was told {told}")
        }
        Mismatch::Alignment => {
            let (made, told) = (alignment(object.align_log2), alignment(release.align_log2));
            write!(out, "the object was allocated with {made}, but {by} was told {told}")
        }
    })
}

/// Says why an object that was passed to `by` must not end yet.
pub fn loan(by: &str, loan: &Loan, object: &Object) -> impl Display {
    let function = loan.function;
    let offset = loan.address.wrapping_sub(object.start);
    let part = match loan.part {
        Part::ControlBlock => "control block",
        Part::Buffer => "buffer",
    };
    Words(move |out: &mut Formatter<'_>| {
        write!(
            out,
            "{by} was given an object that {function} still uses: \
             its {part} lies at offset {offset}, and the operation is under way"
        )
    })
}

/// Says what is wrong with a libc call, in relation to the object that its address is in or near.
pub fn libc_call(call: &LibcCall, subject: Option<&Subject>) -> impl Display {
    let function = call.function;
    Words(move |out: &mut Formatter<'_>| match call.misuse {
        Misuse::OutOfBounds { direction, operand: Operand { name, start, bytes }, .. } => {
            let unit = if bytes == 1 { "byte" } else { "bytes" };
            match (direction, name) {
                // The call has searched for the string's end.
                (Direction::Read, "string") => {
                    write!(out, "{function} read {bytes} {unit} of a string")?;
                }
                (Direction::Write, _) => {
                    write!(out, "{function} would write {bytes} {unit} to its {name}")?;
                }
                _ => write!(out, "{function} would read {bytes} {unit} of its {name}")?,
            }
            write_where_from(out, start, subject)
        }
        Misuse::Overlap { destination, source } => {
            let (side, distance) = match source.start.checked_sub(destination.start) {
                Some(distance) => ("after", distance),
                None => ("before", destination.start - source.start),
            };
            let (to, from, bytes) = (destination.name, source.name, in_bytes(source.bytes));
            let distance = in_bytes(distance);
            write!(
                out,
                "{function} was given a {to} and a {from} of {bytes} that overlap: \
                 the {from} begins {distance} {side} the {to}"
            )
        }
        Misuse::Size { bytes, .. } => {
            write!(out, "{function} was given the size {bytes:#x}, or {}", bytes as isize)
        }
    })
}

/// Says what the kernel has refused to a libc call.
pub fn refused_call(call: &LibcCall) -> impl Display {
    let function = call.function;
    Words(move |out: &mut Formatter<'_>| {
        write!(out, "{function} failed with EFAULT")?;
        let Misuse::OutOfBounds { direction, operand, .. } = call.misuse else { return Ok(()) };
        let (name, bytes) = (operand.name, in_bytes(operand.bytes));
        match direction {
            Direction::Write => write!(out, ": it would write {bytes} to its {name}"),
            _ => write!(out, ": it would read {bytes} of its {name}"),
        }
    })
}

/// Writes ` in an 18-byte object` for an operand that begins at `start`.
fn write_where_from(
    out: &mut Formatter<'_>,
    start: usize,
    subject: Option<&Subject>,
) -> fmt::Result {
    let Some(Subject { object, .. }) = subject else {
        return out.write_str(" where no object is");
    };
    if object.state == State::Forgotten {
        return out.write_str(" in memory that was freed long ago");
    }
    let size = object.size;
    let article = match object.state {
        State::Live => article(size),
        _ => "a freed",
    };
    let end = object.start + object.size;
    match start {
        _ if start == object.start => write!(out, " in")?,
        _ if start < object.start => write!(out, ", {} before", in_bytes(object.start - start))?,
        _ if start < end => write!(out, ", {} into", in_bytes(start - object.start))?,
        _ => write!(out, ", {} after the end of", in_bytes(start - end))?,
    }
    write!(out, " {article} {size}-byte object")
}

pub(super) fn in_bytes(bytes: usize) -> impl Display {
    Words(move |out: &mut Formatter<'_>| {
        write!(out, "{bytes} {}", if bytes == 1 { "byte" } else { "bytes" })
    })
}

/// Returns the article of a number that is read aloud: an 8, an 11, an 18, an 80,000.
fn article(number: usize) -> &'static str {
    // The digits before the first group of three decide.
    let mut first = number;
    while first >= 1000 {
        first /= 1000;
    }
    match first {
        8 | 11 | 18 | 80..=89 | 800..=899 => "an",
        _ => "a",
    }
}

/// Says where `address` lies relative to an object.
pub fn relation(address: usize, subject: &Subject, is_damage: bool) -> Vec<String> {
    let Subject { object, relation: Relation { bytes, side } } = *subject;
    if object.state == State::Forgotten {
        return vec![format!(
            "{address:#x} is in memory that was freed long ago; its stacks are no longer kept (option history)"
        )];
    }
    let where_to = match side {
        Side::Before => "before",
        Side::Inside => "inside of",
        Side::After => "after",
    };
    let (start, size, end) = (object.start, object.size, object.start + object.size);
    // The first bad byte counts: an access may begin inside the object and cross its end.
    let first_bad = match side {
        Side::After => end + bytes,
        _ => address,
    };
    let distance = in_bytes(bytes);
    let mut sentences = vec![format!(
        "{first_bad:#x} is located {distance} {where_to} {size}-byte region [{start:#x},{end:#x})"
    )];
    if address < end && first_bad >= end && !is_damage {
        let inside = end - address;
        sentences.push(format!("the access begins {inside} bytes before the end of the region"));
    }
    if side != Side::Inside && bytes >= PAGE_BYTES && !is_damage {
        sentences
            .push("this is a guess: that region is the nearest, and it is not near".to_owned());
    }
    sentences
}

/// Says what canaries or junk were overwritten with.
pub fn damage(bug: &Bug) -> Option<impl Display> {
    let damage = bug.damage?;
    let start = bug.subject.map_or(0, |subject| subject.object.start);
    let what = match bug.kind {
        BugKind::HeapUseAfterFree => "junk",
        _ => "canary",
    };
    Some(Words(move |out: &mut Formatter<'_>| {
        let offset = damage.address.wrapping_sub(start) as isize;
        write!(out, "{} bytes from offset {offset} of the object hold", damage.span)?;
        for byte in &damage.bytes[..damage.shown] {
            write!(out, " {byte:02x}")?;
        }
        let more = if damage.span > damage.shown { " …" } else { "" };
        write!(out, "{more} instead of the {what} {:02x}", damage.expected)
    }))
}

/// Says how to find the write whose traces are on this side of an object.
pub fn how_to_find_the_write(side: Side) -> impl Display {
    let placement = if side == Side::Before { "left" } else { "exact" };
    Words(move |out: &mut Formatter<'_>| {
        write!(
            out,
            "to stop at the write itself, run with --placement {placement}, \
             or with --sweep to try every placement"
        )
    })
}

/// Says how to find the write to an object that was packed with others, or beside it.
pub const HOW_TO_FIND_IT_IF_PACKED: &str = "the object had no pages of its own: to stop at the write itself, run with a larger \
     --memory-limit, or without --budget";

/// Says what is wrong with a request for memory.
pub fn request(request: &BadRequest) -> impl Display {
    let function = request.function;
    Words(move |out: &mut Formatter<'_>| match request.wrong {
        Wrong::Product { count, size } => write!(
            out,
            "{function} was asked for {count} times {size} bytes: the product overflows"
        ),
        Wrong::RoundedUp(size) => {
            write!(out, "{function} was asked for {size} bytes: in whole pages, the size overflows")
        }
        Wrong::Alignment(alignment) => {
            let rule = match function {
                "posix_memalign" => "no power of two that sizeof(void *) divides",
                _ => "no power of two",
            };
            write!(out, "{function} was asked for an alignment of {alignment}, which is {rule}")
        }
        Wrong::Size(size) => {
            let signed = size as isize;
            write!(out, "{function} was asked for {size} bytes ({signed} if signed): too many")
        }
    })
}

/// Returns the words that follow `0x… is`.
pub fn crash(crash: &Crash) -> impl Display {
    Words(move |out: &mut Formatter<'_>| {
        let (words, name) = match crash {
            Crash::Junk(byte) => {
                return write!(
                    out,
                    "no address that a program can have: a pointer read from a freed object, most likely; \
                     fencepost fills these with {byte:02x}"
                );
            }
            Crash::Misaligned(alignment) => {
                return write!(out, "not aligned to {alignment} bytes, as the instruction demands");
            }
            Crash::Inaccessible(name) => ("in memory without access rights", name.as_str()),
            Crash::ReadOnly(name) => ("in read-only memory", name.as_str()),
            Crash::NotExecutable(name) => ("in memory that is not executable", name.as_str()),
            Crash::PastEndOfFile(name) => ("past the end of the mapped file", name.as_str()),
            Crash::Null => ("null, or an offset from it", ""),
            Crash::NonCanonical => ("no address that a program can have", ""),
            Crash::NoAddress => ("not the address: the processor named none", ""),
            Crash::Unmapped => ("where nothing is mapped", ""),
            Crash::Unavailable => ("in memory that the kernel did not give", ""),
            Crash::Key => ("in memory that a protection key forbids", ""),
            Crash::Hardware => ("in memory that the hardware has lost", ""),
            Crash::Stack => ("beyond the end of the stack of this thread", ""),
            Crash::Division => ("a division by zero, or one whose quotient is too large", ""),
            Crash::FloatingPoint => ("a floating-point operation that was made to trap", ""),
            Crash::Instruction => ("an instruction that the processor does not know", ""),
            Crash::Abort => ("where abort was called", ""),
        };
        out.write_str(words)?;
        if name.is_empty() { Ok(()) } else { write!(out, " ({})", printable(name)) }
    })
}

/// Says for thread `asking` whose memory an address is that the heap does not know.
pub fn owner(owner: &Owner, asking: ThreadId) -> impl Display {
    Words(move |out: &mut Formatter<'_>| match owner {
        Owner::Stack { own: true } => write!(out, "is on the stack of thread T{}", asking.0),
        Owner::Stack { own: false } => out.write_str("is on the stack of a thread"),
        Owner::Module(name) => write!(out, "is in a global/static object of {}", printable(name)),
        Owner::Mapped(name) if name.is_empty() => {
            out.write_str("was never allocated: it is in memory mapped otherwise")
        }
        Owner::Mapped(name) => write!(out, "was never allocated: it is in {}", printable(name)),
        Owner::Unmapped => out.write_str("was never allocated: nothing is mapped there"),
    })
}

/// Says for thread `asking` what an address is, in or near `object` if one is known.
pub fn address_kind(
    kind: &AddressKind,
    subject: Option<&Subject>,
    asking: ThreadId,
) -> impl Display {
    let side = subject.map(|subject| (subject.object.state, subject.relation.side));
    Words(move |out: &mut Formatter<'_>| {
        out.write_str(match (kind, side) {
            (AddressKind::Foreign(whose), _) => return write!(out, "{}", owner(whose, asking)),
            (AddressKind::Own, _) => "is in the memory of fencepost itself",
            (AddressKind::Unguarded, Some((_, Side::Inside))) => {
                "is in a live object without guards"
            }
            (AddressKind::Unguarded, _) => "is in the canaries beside a live object without guards",
            (AddressKind::Heap { .. }, None) => "is in the guarded heap; no object is near",
            (AddressKind::Heap { .. }, Some((State::Live, Side::Inside))) => "is in a live object",
            (AddressKind::Heap { is_guard: false }, Some((State::Live, _))) => {
                "is in the slack beside a live object"
            }
            (AddressKind::Heap { .. }, Some((State::Live, _))) => {
                "is in a guard page near a live object"
            }
            (AddressKind::Heap { .. }, Some((_, Side::Inside))) => "is in a freed object",
            (AddressKind::Heap { .. }, Some(_)) => "is in a guard page near a freed object",
        })
    })
}

/// Says why names could not be looked up within `most_seconds`.
pub fn look_up_failure(failure: LookUpFailure, most_seconds: i64) -> impl Display {
    Words(move |out: &mut Formatter<'_>| {
        out.write_str(match failure {
            LookUpFailure::Hang => {
                return write!(out, "that took longer than {most_seconds} seconds");
            }
            LookUpFailure::Interrupted => "a signal came that the program is to handle",
            LookUpFailure::Crash => "the code that reads debug information crashed",
            LookUpFailure::NoMemory => "there was not enough memory",
            LookUpFailure::Panic => "the code that reads debug information failed",
            LookUpFailure::Filter => "a seccomp filter forbids to open files",
            LookUpFailure::NoTimer => "no timer can be set that would end it if it hung",
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::Object;
    use crate::heap::record::Event;
    use crate::trace::{Caller, TraceId};

    fn sentence(function: &'static str, misuse: Misuse, state: State, size: usize) -> String {
        let nobody = Event { thread: ThreadId(0), trace: TraceId::NONE };
        let object = Object {
            start: 0x1000,
            size,
            family: Family::Malloc,
            align_log2: 0,
            state,
            allocated: nobody,
            freed: None,
        };
        let relation = Relation { bytes: 0, side: Side::Inside };
        let call = LibcCall { function, caller: Caller::here(), misuse };
        libc_call(&call, Some(&Subject { object, relation })).to_string()
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
