//! The accessible memory around a bad address.

use super::tell::address;
use crate::diagnose::{Bug, Side};
use crate::finding::Memory;
use crate::sys::{PAGE_BYTES, probe};
use core::fmt::Write;

/// How many bytes are shown before and behind the bad one.
const AROUND_BYTES: usize = 32;
/// How many bytes are shown of an object's edge near a bad byte.
const EDGE_BYTES: usize = 16;
/// The most bytes shown.
const MOST_BYTES: usize = 256;
/// Windows begin and end at multiples of this many bytes.
const ROW_BYTES: usize = 16;

/// Returns the bytes around a bug's address, with the edge of its object if that is near. `None` if there is no object,
/// or no byte can be read. A byte that is not accessible stays so: a probe reads it.
pub fn window(bug: &Bug) -> Option<Memory> {
    let object = bug.subject?.object;
    let (start, end) = range(bug.address, object.start, object.size, bug.subject?.relation.side);
    let mut bytes = String::with_capacity(2 * (end - start));
    let mut is_any = false;
    let mut at = start;
    while at < end {
        let page_end = end.min((at / PAGE_BYTES + 1) * PAGE_BYTES);
        let is_accessible = probe::load_byte(at).is_some();
        for at in at..page_end {
            let byte = if is_accessible { probe::load_byte(at) } else { None };
            is_any |= byte.is_some();
            // A String takes everything that is written to it.
            let _ = match byte {
                Some(byte) => write!(bytes, "{byte:02x}"),
                None => write!(bytes, ".."),
            };
        }
        at = page_end;
    }
    is_any.then(|| Memory { start: address(start), bytes })
}

fn range(bad: usize, object: usize, size: usize, side: Side) -> (usize, usize) {
    let row = |at: usize| at / ROW_BYTES * ROW_BYTES;
    let start = row(bad.saturating_sub(AROUND_BYTES));
    let end = row(bad.saturating_add(AROUND_BYTES + ROW_BYTES - 1));
    let (start, end) = match side {
        Side::Before => (start, end.max(row(object + EDGE_BYTES.min(size) + ROW_BYTES - 1))),
        Side::Inside => (start, end),
        Side::After => {
            let edge = object + size;
            (start.min(row(edge - EDGE_BYTES.min(size))), end)
        }
    };
    let middle = row(bad);
    let most = MOST_BYTES - ROW_BYTES;
    (start.max(middle.saturating_sub(most / 2)), end.min(middle.saturating_add(most / 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_the_edge_of_its_object() {
        assert_eq!(range(0x1028, 0x1000, 0x28, Side::After), (0x1000, 0x1050));
        assert_eq!(range(0x1058, 0x1000, 0x28, Side::After), (0x1010, 0x1080));
        assert_eq!(range(0x0ff8, 0x1000, 0x28, Side::Before), (0x0fd0, 0x1020));
        let (start, end) = range(0x9000, 0x1000, 0x28, Side::After);
        assert!(start <= 0x9000 && 0x9000 < end && end - start <= MOST_BYTES);
    }
}
