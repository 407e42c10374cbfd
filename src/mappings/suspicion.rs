//! Calls about mappings that are suspicious but may be right: pure functions over what is known, tested with invented addresses.

use super::live::{Piece, Pieces};
use super::step::{Call, Step};
use core::ops::Range;

/// What is suspicious about a call, or about what it has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// A munmap takes a mapping besides the one that lies at its start.
    TooMuch { bytes: usize, first: (usize, usize) },
    /// A munmap has taken the first part of a mapping, and the rest has stayed.
    TooLittle { by: Step },
    /// A munmap is made for the second time. Another mapping may lie there by now.
    Twice { first: Step },
    /// msync is told of pages where nothing is mapped.
    NothingToSync { start: usize, bytes: usize },
    /// Pages of a private mapping of a file were written, which the file will never see.
    PrivateWrite { pages: usize },
    /// Bytes behind the end of the file were written, which the file will never have.
    PastEndWrite,
}

/// A suspicion, and the mapping that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspect {
    pub suspicion: Suspicion,
    /// The first of its pages that are concerned.
    pub address: usize,
    /// The pages of the mapping.
    pub pages: (usize, usize),
    /// The call that made it, if that is known.
    pub origin: Option<Step>,
    /// The call that has ended it, if it is gone.
    pub gone: Option<Step>,
}

/// Whether the program chose where a mapping lies, or reserved it to lay others over it.
fn is_chosen(origin: &Step) -> bool {
    const FIXED: libc::c_int = libc::MAP_FIXED | libc::MAP_FIXED_NOREPLACE;
    const RESERVED: libc::c_int = libc::MAP_NORESERVE | libc::MAP_GROWSDOWN;
    origin.from != 0
        || origin.call == Call::Mmap
            && (origin.flags & (FIXED | RESERVED) != 0 || origin.protection == libc::PROT_NONE)
}

/// Where the mapping of a piece begins: the piece may be what is left of it, or mremap may have moved it.
fn beginning(piece: &Piece, origin: &Step) -> usize {
    let (pages, own) = (origin.pages(), piece.range());
    let is_there = pages.start <= own.start && own.end <= pages.end;
    if is_there { pages.start } else { own.start }
}

/// What is suspicious about munmap of `range`, which has not been made yet. `newest_first` are the steps that made and
/// ended mappings.
pub fn of_unmap(
    pieces: &Pieces,
    newest_first: impl Iterator<Item = Step>,
    range: Range<usize>,
) -> Option<Suspect> {
    twice(pieces, newest_first, &range).or_else(|| too_much(pieces, range))
}

fn too_much(pieces: &Pieces, range: Range<usize>) -> Option<Suspect> {
    let first = pieces.all()[pieces.find(range.start)?];
    let mut at = first.range().end;
    while let Some(number) = pieces.first_in(at..range.end) {
        let piece = pieces.all()[number];
        at = piece.range().end;
        let Some(origin) = piece.origin() else { continue };
        // One that was laid over a part of another, or that surrounds it, goes with that.
        if piece.is_of_one_with(&first)
            || is_chosen(&origin)
            || beginning(&piece, &origin) <= range.start
        {
            continue;
        }
        let Range { start, end } = piece.range();
        let first = first.range();
        let first = (first.start, first.end);
        return Some(Suspect {
            suspicion: Suspicion::TooMuch { bytes: range.len(), first },
            address: start,
            pages: (start, end),
            origin: Some(origin),
            gone: None,
        });
    }
    None
}

/// A mapping of just these pages was unmapped as a whole, and none of just these pages was made since.
fn twice(
    pieces: &Pieces,
    newest_first: impl Iterator<Item = Step>,
    range: &Range<usize>,
) -> Option<Suspect> {
    let mut first: Option<Step> = None;
    let mut made = None;
    for step in newest_first.filter(|step| step.pages() == *range) {
        match step.call {
            // The oldest one is the one that has unmapped it.
            Call::Munmap => first = Some(step),
            Call::Mmap | Call::Shmat => {
                made = Some(step);
                break;
            }
            _ => return None,
        }
    }
    let (first, made) = (first?, made.filter(|made| !is_chosen(made))?);
    let suspicion = Suspicion::Twice { first };
    let Some(number) = pieces.first_in(range.clone()) else {
        let pages = (range.start, range.end);
        let gone = Some(first);
        let origin = Some(made);
        return Some(Suspect { suspicion, address: range.start, pages, origin, gone });
    };
    let piece = pieces.all()[number];
    let origin = piece.origin()?;
    let Range { start, end } = piece.range();
    // The rest of one that was cut down to these pages, or is made of several parts, may be meant.
    if is_chosen(&origin) || piece.range() == *range || beginning(&piece, &origin) < range.start {
        return None;
    }
    let address = start.max(range.start);
    let origin = Some(origin);
    Some(Suspect { suspicion, address, pages: (start, end), origin, gone: None })
}

/// Passes mappings to `each` of which the first part was unmapped, by one call, and the rest is still there at the end of the process.
/// `count_and_last` tells how many calls since a moment have unmapped something in a range, and the last.
pub fn left_over(
    pieces: &Pieces,
    count_and_last: impl Fn(u64, Range<usize>) -> (usize, Option<Step>),
    mut each: impl FnMut(Suspect),
) {
    /// What programs align mappings to, by unmapping what comes before and after.
    const ALIGNMENT_LOG2: u32 = 16;
    for piece in pieces.all() {
        let Some(origin) = piece.origin() else { continue };
        let (own, whole) = (piece.range(), origin.pages());
        let is_rest = own.end == whole.end && own.start > whole.start;
        let is_aligned = own.start.trailing_zeros() >= ALIGNMENT_LOG2
            && own.start.trailing_zeros() > whole.start.trailing_zeros();
        if !is_rest || is_aligned || piece.is_part || is_chosen(&origin) {
            continue;
        }
        let (1, Some(by)) = count_and_last(origin.moment, whole.clone()) else { continue };
        if by.call == Call::Munmap && by.pages() == (whole.start..own.start) {
            each(Suspect {
                suspicion: Suspicion::TooLittle { by },
                address: own.start,
                pages: (whole.start, whole.end),
                origin: Some(origin),
                gone: None,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::record::{Event, ThreadId};
    use crate::trace::TraceId;

    const PAGE: usize = 4096;

    fn step(moment: u64, call: Call, page: usize, pages: usize) -> Step {
        let event = Event { thread: ThreadId(0), trace: TraceId::NONE };
        let step = Step::new(call, page * PAGE, pages * PAGE, event);
        Step { moment, protection: 3, flags: libc::MAP_PRIVATE, ..step }
    }

    fn pieces(steps: &[Step]) -> Pieces {
        let mut pieces = Pieces::for_steps(steps.len()).unwrap();
        steps.iter().for_each(|step| pieces.take(step));
        pieces
    }

    /// Of munmap of these pages: what is wrong, and with which step's mapping.
    fn told(steps: &[Step], pages: Range<usize>) -> Option<(Suspicion, u64, usize)> {
        let range = pages.start * PAGE..pages.end * PAGE;
        let suspect = of_unmap(&pieces(steps), steps.iter().rev().copied(), range)?;
        Some((suspect.suspicion, suspect.origin.unwrap().moment, suspect.address / PAGE))
    }

    #[test]
    fn a_second_mapping_is_too_much() {
        let steps = [step(1, Call::Mmap, 20, 4), step(2, Call::Mmap, 16, 4)];
        let first = (16 * PAGE, 20 * PAGE);
        let too_much = Suspicion::TooMuch { bytes: 5 * PAGE, first };
        assert_eq!(told(&steps, 16..21), Some((too_much, 1, 20)));
        assert_eq!(told(&steps, 16..20), None);
        assert_eq!(told(&steps, 20..30), None);
        // Pieces that the program lays into a reservation go with it, in any order.
        let fixed = |step| Step { flags: libc::MAP_PRIVATE | libc::MAP_FIXED, from: 1, ..step };
        let reserved = Step { protection: 0, ..step(1, Call::Mmap, 10, 10) };
        let steps =
            [reserved, fixed(step(2, Call::Mmap, 10, 2)), fixed(step(3, Call::Mmap, 15, 2))];
        assert_eq!(told(&steps, 10..20), None);
        let whole = step(1, Call::Mmap, 10, 10);
        assert_eq!(told(&[whole, steps[1], steps[2]], 10..20), None);
    }

    #[test]
    fn a_second_munmap_is_one_of_a_mapping_that_is_not_there_any_more() {
        let mut steps = vec![step(1, Call::Mmap, 10, 4), step(2, Call::Munmap, 10, 4)];
        let twice = Suspicion::Twice { first: steps[1] };
        assert_eq!(told(&steps, 10..14), Some((twice, 1, 10)));
        assert_eq!(told(&steps, 10..13), None);
        // Another mapping reaches in.
        let other = step(3, Call::Mmap, 12, 8);
        assert_eq!(told(&[steps[0], steps[1], other], 10..14), Some((twice, 3, 12)));
        let surrounds = step(3, Call::Mmap, 8, 20);
        assert_eq!(told(&[steps[0], steps[1], surrounds], 10..14), None);
        // The same pages again: it is the first of that one.
        steps.push(step(3, Call::Mmap, 10, 4));
        assert_eq!(told(&steps, 10..14), None);
    }

    #[test]
    fn what_is_left_is_told_where_one_call_has_taken_the_beginning() {
        let left = |steps: &[Step]| {
            let unmaps = |since: u64, range: Range<usize>| {
                let is_it = |step: &&Step| {
                    step.moment > since && step.call == Call::Munmap && {
                        let pages = step.pages();
                        pages.start < range.end && range.start < pages.end
                    }
                };
                (steps.iter().filter(is_it).count(), steps.iter().rfind(is_it).copied())
            };
            let mut told = Vec::new();
            left_over(&pieces(steps), unmaps, |it| {
                told.push((it.address / PAGE, it.origin.unwrap().moment))
            });
            told
        };
        let made = step(1, Call::Mmap, 17, 8);
        let cut = step(2, Call::Munmap, 17, 4);
        assert_eq!(left(&[made, cut]), [(21, 1)]);
        // Shortened, cut to an alignment, cut several times, or gone.
        assert_eq!(left(&[made, step(2, Call::Munmap, 20, 5)]), []);
        assert_eq!(left(&[step(1, Call::Mmap, 17, 31), step(2, Call::Munmap, 17, 15)]), []);
        assert_eq!(left(&[made, cut, step(3, Call::Munmap, 21, 1)]), []);
        assert_eq!(left(&[made, cut, step(3, Call::Munmap, 21, 4)]), []);
    }
}
