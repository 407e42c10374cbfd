//! A call about whole pages that begins in an object of the heap: whether it is certainly wrong.
//!
//! Programs treat memory of posix_memalign(3), and that of large objects, as pages, and natively that works. A call is wrong for
//! certain if it destroys, or moves away, bytes that are not the object's; or if it takes access from more than one object.

use crate::heap::hit::Hit;
use crate::mappings::Step;
use libc::c_int;

/// Objects of so many bytes have natively a mapping of their own (mallopt(3), M_MMAP_THRESHOLD): when they are freed, their
/// addresses are free.
pub const MAPPED_NATIVELY_BYTES: usize = 128 << 10;

/// What a call does to its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Unmaps,
    /// Another mapping is laid over them.
    Replaces,
    MovesAway,
    /// From now on they permit this.
    Protects(c_int),
}

/// A call about pages that begins in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageCall {
    pub step: Step,
    pub deed: Deed,
    pub hit: Hit,
}

impl PageCall {
    /// Whether it is a bug for certain. A program with a handler of SIGSEGV may take access from any pages, and grant it again
    /// when they are used; `has_handler` says whether there is one.
    pub fn is_certain(&self, has_handler: impl FnOnce() -> bool) -> bool {
        let Hit { object, reaches_another, .. } = self.hit;
        match (self.deed, self.hit.is_live()) {
            (Deed::Unmaps | Deed::MovesAway | Deed::Replaces, true) => !self.hit.is_within(),
            (Deed::Unmaps | Deed::MovesAway, false) => true,
            // Some look for a free place by malloc and free.
            (Deed::Replaces, false) => object.size < MAPPED_NATIVELY_BYTES,
            (Deed::Protects(protection), is_live) => {
                const BOTH: c_int = libc::PROT_READ | libc::PROT_WRITE;
                protection & BOTH != BOTH && (!is_live || reaches_another) && !has_handler()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PAGE, object, relation};
    use super::super::{KindName, Side, diagnose_pages};
    use super::*;
    use crate::heap::record::{Event, State, ThreadId};
    use crate::mappings::Call;
    use crate::trace::{Frames, TraceId};

    fn call(deed: Deed, (before, behind): (usize, usize), state: State) -> PageCall {
        let function = match deed {
            Deed::Unmaps => Call::Munmap,
            Deed::Replaces => Call::Mmap,
            Deed::MovesAway => Call::Mremap,
            Deed::Protects(_) => Call::Mprotect,
        };
        let event = Event { thread: ThreadId(0), trace: TraceId::NONE };
        let object = object(2 * PAGE, PAGE, state);
        let hit = Hit { object, before, behind, reaches_another: behind > PAGE };
        PageCall { step: Step::new(function, 2 * PAGE, PAGE, event), deed, hit }
    }

    fn is_certain(call: PageCall) -> bool {
        call.is_certain(|| false)
    }

    #[test]
    fn what_destroys_bytes_of_others_is_a_bug() {
        for deed in [Deed::Unmaps, Deed::Replaces, Deed::MovesAway] {
            assert!(!is_certain(call(deed, (0, 0), State::Live)));
            for bytes in [(16, 0), (0, 16), (0, 2 * PAGE)] {
                assert!(is_certain(call(deed, bytes, State::Live)), "{deed:?} {bytes:?}");
            }
            assert!(is_certain(call(deed, (0, 0), State::Retired)), "{deed:?}");
        }
        let mut late = call(Deed::Replaces, (0, 0), State::Retired);
        late.hit.object.size = MAPPED_NATIVELY_BYTES;
        assert!(!is_certain(late));
    }

    #[test]
    fn access_may_be_taken_from_one_object_and_by_those_who_can_grant_it_again() {
        let read_only = |behind, state| call(Deed::Protects(libc::PROT_READ), (64, behind), state);
        assert!(!is_certain(read_only(PAGE, State::Live)));
        assert!(is_certain(read_only(2 * PAGE, State::Live)));
        assert!(is_certain(read_only(0, State::Retired)));
        assert!(!read_only(2 * PAGE, State::Live).is_certain(|| true));
        let all = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
        for state in [State::Live, State::Retired] {
            assert!(!is_certain(call(Deed::Protects(all), (64, 2 * PAGE), state)));
        }
    }

    #[test]
    fn the_kind_is_named_after_the_function() {
        let call = call(Deed::Unmaps, (0, 100), State::Live);
        let bug = diagnose_pages(2 * PAGE, call, ThreadId(0), Frames::new());
        let name = KindName { kind: bug.kind, cause: bug.cause }.to_string();
        assert_eq!(name, "bad-munmap");
        assert_eq!(bug.subject.map(|it| it.relation), relation(0, Side::Inside));
    }
}
