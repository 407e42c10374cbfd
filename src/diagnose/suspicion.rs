//! Suspicious calls about mappings as bugs.

use super::bug::{Bug, BugKind, Cause, FoundBy, MappingSubject, Violation};
use crate::heap::record::ThreadId;
use crate::mappings::Story;
use crate::mappings::suspicion::{Suspect, Suspicion};
use crate::trace::Frames;

/// The bug that a suspicion is; `file_bytes` is how long the mapping's file is now.
pub fn diagnose_suspicion(
    suspect: &Suspect,
    by: FoundBy,
    file_bytes: Option<u64>,
    thread: ThreadId,
    stack: Frames,
) -> Bug {
    let kind = match suspect.suspicion {
        Suspicion::TooMuch { .. } => BugKind::MunmapTooMuch,
        Suspicion::TooLittle { .. } => BugKind::MunmapTooLittle,
        Suspicion::Twice { .. } => BugKind::MunmapTwice,
        Suspicion::NothingToSync { .. } => BugKind::MsyncUnmapped,
        Suspicion::PrivateWrite { .. } => BugKind::LostPrivateWrite,
        Suspicion::PastEndWrite => BugKind::LostPastEofWrite,
    };
    let Suspect { suspicion, address, pages, origin, gone } = *suspect;
    let story = Story { made: origin, origin, gone, ..Story::default() };
    let violation = Violation::Suspicious(suspicion);
    let subject = MappingSubject::new(violation, story, pages.0..pages.1, address);
    let mapping = Some(MappingSubject { file_bytes, ..subject });
    Bug { mapping, ..Bug::new(kind, address, Cause::Found(by), thread, stack) }
}
