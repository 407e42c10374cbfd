//! A libc call with operands that are not allowed.

use super::access::Direction;
use crate::trace::Caller;

/// A range of memory that is an operand of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// The operand's name in the function's manual.
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

/// A call of a libc function with operands that are not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LibcCall {
    pub function: &'static str,
    pub caller: Caller,
    pub misuse: Misuse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// The first `inside` bytes of the operand are in a live object; the next one is not.
    OutOfBounds {
        direction: Direction,
        operand: Operand,
        inside: usize,
    },
    Overlap {
        destination: Operand,
        source: Operand,
    },
    /// The size is larger than any object can be, at an address in the heap.
    Size {
        bytes: usize,
        at: usize,
    },
}

impl LibcCall {
    /// Returns the first byte that the call must not touch, or the start of the operand that the report is about.
    pub fn address(&self) -> usize {
        match self.misuse {
            Misuse::OutOfBounds { operand, inside, .. } => operand.start.saturating_add(inside),
            Misuse::Overlap { destination, .. } => destination.start,
            Misuse::Size { at, .. } => at,
        }
    }

    /// Returns the function's name in ASan's kinds of bug: without the marks of a checking form.
    pub fn plain_name(&self) -> &'static str {
        let name = self.function.trim_start_matches('_');
        name.strip_suffix("_chk").unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PAGE, object, relation};
    use super::super::{Bug, BugKind, KindName, Side, diagnose_libc};
    use super::*;
    use crate::heap::Object;
    use crate::heap::record::{State, ThreadId};
    use crate::trace::Frames;

    fn called_libc(misuse: Misuse, at: Object) -> Bug {
        let call = LibcCall { function: "__memcpy_chk", caller: Caller::here(), misuse };
        diagnose_libc(call, [None, Some(at), None], ThreadId(0), Frames::new())
    }

    #[test]
    fn one_byte_of_slack_is_out_of_bounds_for_a_call() {
        let live = object(2 * PAGE - 48, 40, State::Live);
        let operand = Operand { name: "source", start: live.start + 30, bytes: 11 };
        let misuse = Misuse::OutOfBounds { direction: Direction::Read, operand, inside: 10 };
        let bug = called_libc(misuse, live);
        assert_eq!((bug.kind, bug.address), (BugKind::HeapBufferOverflow, live.start + 40));
        assert_eq!(bug.subject.map(|s| s.relation), relation(0, Side::After));
        let freed = object(2 * PAGE - 48, 40, State::Retired);
        let misuse = Misuse::OutOfBounds { direction: Direction::Read, operand, inside: 0 };
        assert_eq!(called_libc(misuse, freed).kind, BugKind::HeapUseAfterFree);
        let operand = Operand { name: "source", start: live.start - 1, bytes: 2 };
        let misuse = Misuse::OutOfBounds { direction: Direction::Read, operand, inside: 0 };
        assert_eq!(called_libc(misuse, live).kind, BugKind::HeapBufferUnderflow);
    }

    #[test]
    fn an_overlap_is_named_after_its_function() {
        let live = object(2 * PAGE - 48, 40, State::Live);
        let destination = Operand { name: "destination", start: live.start, bytes: 9 };
        let source = Operand { name: "source", start: live.start + 8, bytes: 9 };
        assert!(destination.overlaps(&source) && source.overlaps(&destination));
        assert!(!destination.overlaps(&Operand { start: live.start + 9, ..source }));
        assert!(!destination.overlaps(&Operand { bytes: 0, ..source }));
        let bug = called_libc(Misuse::Overlap { destination, source }, live);
        let name = KindName { kind: bug.kind, cause: bug.cause }.to_string();
        assert_eq!(name, "memcpy-param-overlap");
    }
}
