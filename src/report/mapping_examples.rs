//! Bugs made by hand, for the tests of reports: calls about mappings and pages.

use crate::diagnose::{
    Bug, BugKind, Deed, FoundBy, PageCall, Subject, diagnose_pages, diagnose_suspicion,
};
use crate::heap::hit::Hit;
use crate::heap::record::{Event, ThreadId};
use crate::mappings::suspicion::{Suspect, Suspicion};
use crate::mappings::{Call, Step};
use crate::trace::{Frames, TraceId};

/// A mapping of two pages.
pub const MAPPING: usize = 0x7100_0000_0000;

/// Something suspicious about the mapping, which `origin` made.
pub fn suspicion(kind: BugKind, origin: Option<Step>) -> Bug {
    let event = Event { thread: ThreadId(1), trace: TraceId::NONE };
    let unmapped = |bytes| Step::new(Call::Munmap, MAPPING, bytes, event);
    let (suspicion, by, gone) = match kind {
        BugKind::MunmapTooMuch => {
            let first = (MAPPING - 4096, MAPPING);
            (Suspicion::TooMuch { bytes: 12288, first }, FoundBy::Munmap, None)
        }
        BugKind::MunmapTooLittle => {
            (Suspicion::TooLittle { by: unmapped(4096) }, FoundBy::Exit, None)
        }
        BugKind::MunmapTwice => {
            let first = unmapped(8192);
            (Suspicion::Twice { first }, FoundBy::Munmap, Some(first))
        }
        BugKind::MsyncUnmapped => {
            let gone = Some(unmapped(8192));
            (Suspicion::NothingToSync { start: MAPPING, bytes: 8192 }, FoundBy::Msync, gone)
        }
        BugKind::LostPrivateWrite => (Suspicion::PrivateWrite { pages: 1 }, FoundBy::Munmap, None),
        _ => (Suspicion::PastEndWrite, FoundBy::Exit, None),
    };
    let address = if by == FoundBy::Exit { MAPPING + 4096 } else { MAPPING };
    let pages = (MAPPING, MAPPING + 8192);
    let suspect = Suspect { suspicion, address, pages, origin, gone };
    diagnose_suspicion(&suspect, by, Some(10), ThreadId(0), Frames::new())
}

/// A call about two pages that begins in an object.
pub fn page_call(function: Call, deed: Deed, subject: Subject) -> Bug {
    let Subject { object, relation } = subject;
    let page = object.start - relation.bytes;
    let step = Step::new(function, page, 8192, object.allocated);
    let step = Step { from: page, from_bytes: 8192, protection: libc::PROT_READ, ..step };
    let hit = Hit {
        object,
        before: relation.bytes,
        behind: 8192 - object.size - relation.bytes,
        reaches_another: function == Call::Mmap,
    };
    diagnose_pages(page, PageCall { step, deed, hit }, ThreadId(0), Frames::new())
}
