//! Which object a bad address was meant to be in, and what it is to access it.

use super::bug::{BugKind, Relation, Side, Subject};
use crate::heap::Object;
use crate::heap::record::State;
use crate::sys::PAGE_BYTES;

/// What it is to access the byte whose relation to an object `subject` gives.
pub(super) fn kind_of_access(subject: Option<Subject>) -> BugKind {
    match subject {
        None => BugKind::WildAccess,
        Some(subject) if subject.object.state == State::Live => match subject.relation.side {
            Side::Before => BugKind::HeapBufferUnderflow,
            // A fault inside a live object can't be: another thread has freed it or is about to.
            Side::Inside => BugKind::HeapUseAfterFree,
            Side::After => BugKind::HeapBufferOverflow,
        },
        Some(_) => BugKind::HeapUseAfterFree,
    }
}

/// The object that an access at `address` most likely meant: one that holds it, else a live one from
/// which a loop over slack got to this very edge of the page that faulted, else the one whose
/// edge is nearest to that page (an object placed at the page's edge is overrun into
/// it, one that ends far away hardly is), else the nearest; of two equally near ones the one
/// before, since overruns are commoner than underruns.
pub(super) fn nearest(address: usize, neighbours: [Option<Object>; 3]) -> Option<Subject> {
    let page = address & !(PAGE_BYTES - 1);
    neighbours
        .into_iter()
        .flatten()
        .map(|object| Subject { object, relation: Relation::of(address, &object) })
        .min_by_key(|Subject { object, relation }| {
            // Slack is part of the object's own page.
            let (edge, into_page) = match relation.side {
                Side::Inside => return (false, 0, 0, 0),
                Side::After => (page.saturating_sub(object.start + object.size), address - page),
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

/// Bytes that one instruction of a loop over memory reads or writes at most: a vector of AVX-512.
const WIDEST_ACCESS: usize = 64;

/// Objects whose edges are this near to a page touch it alike: no alignment leaves more slack.
const SLACK_UNIT: usize = 16;
