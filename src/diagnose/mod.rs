//! From what happened to what is wrong: a fault or a bad call becomes a [`Bug`], with the objects around its address.
//! Pure functions over plain data, tested with invented addresses.

pub mod access;
pub mod bug;
pub mod crash;
pub mod decoder;
pub mod libc_call;
pub mod mapping;
pub mod page_call;
pub mod pointer;
mod suspicion;

pub use access::{Access, Direction};
pub use bug::{
    BadRequest, Bug, BugKind, Cause, Crash, FoundBy, KindName, MappingSubject, Neighbour, Owner,
    Relation, Side, Subject, Violation, Wrong,
};
pub use crash::{diagnose_abort, diagnose_crash};
pub use libc_call::{LibcCall, Misuse, Operand};
pub use mapping::{Scene, explain_refusal, not_heap};
pub use page_call::{Deed, MAPPED_NATIVELY_BYTES, PageCall};
pub use suspicion::diagnose_suspicion;

use crate::heap::record::ThreadId;
use crate::heap::release::{Deallocator, Mismatch};
use crate::heap::{BadCall, Object};
use crate::mappings::Call;
use crate::trace::Frames;

/// Diagnoses an access that faulted at `access.fault`. `neighbours` are the objects before, at and behind that address.
pub fn diagnose_access(
    access: Access,
    neighbours: [Option<Object>; 3],
    thread: ThreadId,
    stack: Frames,
) -> Bug {
    let subject = Subject::nearest(access.fault, neighbours);
    let kind = BugKind::of_access(subject);
    Bug { subject, ..Bug::new(kind, access.start, Cause::Access(access), thread, stack) }
}

/// Diagnoses a request that can't be granted.
pub fn diagnose_request(request: BadRequest, thread: ThreadId, stack: Frames) -> Bug {
    Bug::new(request.kind(), 0, Cause::Request(request), thread, stack)
}

/// Diagnoses a libc call with bad operands. `neighbours` are the objects before, at and behind [`LibcCall::address`].
pub fn diagnose_libc(
    call: LibcCall,
    neighbours: [Option<Object>; 3],
    thread: ThreadId,
    stack: Frames,
) -> Bug {
    let subject = Subject::nearest(call.address(), neighbours);
    let kind = match call.misuse {
        Misuse::OutOfBounds { .. } => BugKind::of_access(subject),
        Misuse::Overlap { .. } => BugKind::ParamOverlap,
        Misuse::Size { .. } => BugKind::NegativeSizeParam,
    };
    Bug { subject, ..Bug::new(kind, call.address(), Cause::Libc(call), thread, stack) }
}

/// Diagnoses a libc call that the kernel has refused for a mapping of the program's.
pub fn diagnose_refusal(
    kind: BugKind,
    subject: MappingSubject,
    call: LibcCall,
    thread: ThreadId,
    stack: Frames,
) -> Bug {
    let mapping = Some(subject);
    Bug { mapping, ..Bug::new(kind, call.address(), Cause::Libc(call), thread, stack) }
}

/// Diagnoses a call about pages, the first of which is at `address`.
pub fn diagnose_pages(address: usize, call: PageCall, thread: ThreadId, stack: Frames) -> Bug {
    let object = call.hit.object;
    let subject = Some(Subject { object, relation: Relation::of(address, &object) });
    let kind = match call.step.call {
        Call::Munmap => BugKind::BadMunmap,
        Call::Mprotect | Call::PkeyMprotect => BugKind::BadMprotect,
        Call::Mremap | Call::MremapAway => BugKind::BadMremap,
        _ => BugKind::BadMmap,
    };
    let cause = Cause::Found(FoundBy::PageCall(call.step.call));
    Bug { subject, page_call: Some(call), ..Bug::new(kind, address, cause, thread, stack) }
}

/// What kind of memory an address lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressKind {
    /// In the guarded heap.
    Heap { is_guard: bool },
    /// At an object without guards.
    Unguarded,
    /// In the runtime's own memory.
    Own,
    /// In memory that the heap does not know.
    Foreign(Owner),
}

/// What an address is, for a program or a debugger that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub kind: AddressKind,
    /// The object at the address, or near it.
    pub subject: Option<Subject>,
}

/// Describes an address in the guarded heap.
pub fn describe(address: usize, neighbours: [Option<Object>; 3], is_guard: bool) -> Description {
    Description {
        kind: AddressKind::Heap { is_guard },
        subject: Subject::nearest(address, neighbours),
    }
}

/// Describes an address at an object without guards.
pub fn describe_unguarded(address: usize, object: Object) -> Description {
    let subject = Some(Subject { object, relation: Relation::of(address, &object) });
    Description { kind: AddressKind::Unguarded, subject }
}

/// Diagnoses a call with a bad `address`. `owner` says who owns that address if it is not in the heap.
pub fn diagnose_call(
    by: FoundBy,
    address: usize,
    bad: BadCall,
    owner: Option<Owner>,
    thread: ThreadId,
    stack: Frames,
) -> Bug {
    let kind = match by {
        FoundBy::UsableSize => BugKind::BadMallocUsableSize,
        _ => BugKind::BadFree,
    };
    let mut bug = Bug { owner, ..Bug::new(kind, address, Cause::Found(by), thread, stack) };
    let subject_at = |object: Object, address: usize| {
        Some(Subject { object, relation: Relation::of(address, &object) })
    };
    match bad {
        BadCall::DoubleFree(object) => {
            // realloc frees too.
            if by != FoundBy::UsableSize {
                bug.kind = BugKind::DoubleFree;
            }
            bug.subject = subject_at(object, address);
        }
        BadCall::NotAnObject(object) => {
            bug.subject = object.and_then(|object| subject_at(object, address));
        }
        BadCall::Foreign => {}
        BadCall::Mismatch(object, release, which) => {
            bug.kind = match (which, release.by) {
                (Mismatch::Family, _) => BugKind::AllocDeallocMismatch,
                (_, Deallocator::Delete | Deallocator::DeleteArray) => {
                    BugKind::NewDeleteTypeMismatch
                }
                (..) => BugKind::FreeSizeMismatch,
            };
            bug.subject = subject_at(object, address);
            bug.mismatch = Some((release, which));
        }
        BadCall::Lent(object, loan) => {
            bug.subject = subject_at(object, address);
            bug.loan = Some(loan);
        }
        BadCall::Overwritten(object, damage) => {
            bug.kind = BugKind::OverwrittenSlack;
            bug.address = damage.address;
            bug.subject = subject_at(object, damage.address);
            bug.damage = Some(damage);
        }
        BadCall::WrittenAfterFree(object, damage) => {
            bug.kind = BugKind::HeapUseAfterFree;
            bug.address = damage.address;
            bug.subject = subject_at(object, damage.address);
            bug.damage = Some(damage);
        }
    }
    bug
}

#[cfg(test)]
pub(in crate::diagnose) mod tests {
    use super::*;
    use crate::heap::canary::Damage;
    use crate::heap::record::{Event, Family, State};
    use crate::heap::release::Release;
    use crate::trace::TraceId;

    pub(in crate::diagnose) const PAGE: usize = 0x1000;

    pub(in crate::diagnose) fn object(start: usize, size: usize, state: State) -> Object {
        let event = Event { thread: ThreadId(0), trace: TraceId::NONE };
        let freed = (state == State::Retired).then_some(event);
        let (family, align_log2) = (Family::Malloc, 0);
        Object { start, size, family, align_log2, state, allocated: event, freed }
    }

    fn diagnosed(fault: usize, neighbours: [Option<Object>; 3]) -> (BugKind, Option<Relation>) {
        let access = Access {
            start: fault,
            fault,
            width: Some(4),
            direction: Direction::Write,
            pc: 0,
            bp: 0,
            sp: 0,
        };
        let bug = diagnose_access(access, neighbours, ThreadId(0), Frames::new());
        (bug.kind, bug.subject.map(|subject| subject.relation))
    }

    pub(in crate::diagnose) fn relation(bytes: usize, side: Side) -> Option<Relation> {
        Some(Relation { bytes, side })
    }

    #[test]
    fn just_behind_a_live_object_is_an_overflow() {
        let left = object(2 * PAGE - 48, 40, State::Live);
        let right = object(4 * PAGE - 48, 40, State::Live);
        assert_eq!(
            diagnosed(2 * PAGE, [None, Some(left), Some(right)]),
            (BugKind::HeapBufferOverflow, relation(8, Side::After))
        );
    }

    #[test]
    fn just_before_a_live_object_is_an_underflow() {
        let left = object(PAGE, 40, State::Live);
        let right = object(3 * PAGE, 40, State::Live);
        assert_eq!(
            diagnosed(3 * PAGE - 4, [Some(left), Some(right), None]),
            (BugKind::HeapBufferUnderflow, relation(4, Side::Before))
        );
    }

    #[test]
    fn the_far_end_of_a_guard_still_belongs_to_the_object_at_its_edge() {
        let left = object(2 * PAGE - 48, 48, State::Live);
        let right = object(4 * PAGE - 1968, 1968, State::Retired);
        assert_eq!(
            diagnosed(3 * PAGE - 1, [None, Some(left), Some(right)]),
            (BugKind::HeapBufferOverflow, relation(4095, Side::After))
        );
    }

    #[test]
    fn a_loop_over_slack_comes_from_the_object_with_the_slack() {
        let left = object(PAGE, 40, State::Live);
        let right = object(3 * PAGE, 40, State::Live);
        assert_eq!(
            diagnosed(2 * PAGE, [None, Some(left), Some(right)]),
            (BugKind::HeapBufferOverflow, relation(PAGE - 40, Side::After))
        );
        let left = object(2 * PAGE - 48, 48, State::Live);
        let right = object(4 * PAGE - 48, 48, State::Live);
        assert_eq!(
            diagnosed(3 * PAGE - 1, [None, Some(left), Some(right)]),
            (BugKind::HeapBufferUnderflow, relation(PAGE - 47, Side::Before))
        );
    }

    #[test]
    fn inside_or_beside_a_freed_object_is_a_use_after_free() {
        let freed = object(2 * PAGE - 48, 40, State::Retired);
        assert_eq!(
            diagnosed(2 * PAGE - 40, [None, Some(freed), None]),
            (BugKind::HeapUseAfterFree, relation(8, Side::Inside))
        );
        assert_eq!(
            diagnosed(2 * PAGE - 100, [None, Some(freed), None]),
            (BugKind::HeapUseAfterFree, relation(52, Side::Before))
        );
    }

    #[test]
    fn an_object_of_no_bytes_is_overrun_by_its_first_byte() {
        let empty = object(2 * PAGE, 0, State::Live);
        assert_eq!(
            diagnosed(2 * PAGE, [None, Some(empty), None]),
            (BugKind::HeapBufferOverflow, relation(0, Side::After))
        );
    }

    #[test]
    fn far_from_everything_is_a_wild_access() {
        assert_eq!(diagnosed(9 * PAGE, [None; 3]), (BugKind::WildAccess, None));
    }

    const FREE: FoundBy = FoundBy::Release(Deallocator::Free);
    const REALLOC: FoundBy = FoundBy::Release(Deallocator::Realloc);

    fn called(by: FoundBy, bad: BadCall) -> Bug {
        diagnose_call(by, 2 * PAGE - 48, bad, None, ThreadId(0), Frames::new())
    }

    #[test]
    fn names_bad_calls() {
        let freed = object(2 * PAGE - 48, 40, State::Retired);
        let usable = called(FoundBy::UsableSize, BadCall::DoubleFree(freed));
        assert_eq!(called(FREE, BadCall::DoubleFree(freed)).kind, BugKind::DoubleFree);
        assert_eq!(called(REALLOC, BadCall::DoubleFree(freed)).kind, BugKind::DoubleFree);
        assert_eq!(usable.kind, BugKind::BadMallocUsableSize);
        assert!(usable.subject.is_some());
        let around = object(2 * PAGE - 64, 64, State::Live);
        let bug = called(FREE, BadCall::NotAnObject(Some(around)));
        assert_eq!(bug.kind, BugKind::BadFree);
        assert_eq!(bug.subject.map(|s| s.relation), relation(16, Side::Inside));
        assert_eq!(called(FREE, BadCall::Foreign).subject, None);
    }

    #[test]
    fn a_mismatch_is_named_by_what_differs() {
        let live = object(2 * PAGE - 48, 40, State::Live);
        let kind = |by, which| {
            let bad = BadCall::Mismatch(live, Release::new(by), which);
            called(FoundBy::Release(by), bad).kind
        };
        assert_eq!(kind(Deallocator::Free, Mismatch::Family), BugKind::AllocDeallocMismatch);
        assert_eq!(kind(Deallocator::Delete, Mismatch::Size), BugKind::NewDeleteTypeMismatch);
        assert_eq!(
            kind(Deallocator::DeleteArray, Mismatch::Alignment),
            BugKind::NewDeleteTypeMismatch
        );
        assert_eq!(kind(Deallocator::FreeSized, Mismatch::Size), BugKind::FreeSizeMismatch);
    }

    #[test]
    fn damage_is_told_where_it_is() {
        let live = object(2 * PAGE - 48, 40, State::Live);
        let damage =
            Damage { address: 2 * PAGE - 7, span: 1, bytes: [0; 16], expected: 7, shown: 1 };
        let bug = called(FREE, BadCall::Overwritten(live, damage));
        assert_eq!((bug.kind, bug.address), (BugKind::OverwrittenSlack, 2 * PAGE - 7));
        assert_eq!(bug.subject.map(|s| s.relation), relation(1, Side::After));
    }
}
