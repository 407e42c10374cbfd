//! The mappings that are there after a number of steps: a map of intervals that allocates from nobody.

use super::step::{Call, Step, WORDS};
use crate::sys::Errno;
use crate::sys::mapped_array::{MappedArray, Zeroed};
use core::ops::Range;

/// A part of a mapping, or all of it. All zeros is valid.
#[derive(Clone, Copy)]
pub struct Piece {
    start: usize,
    end: usize,
    /// Whether other parts of it are elsewhere.
    pub is_part: bool,
    /// Whoever reads the pieces may leave some out.
    pub is_left_out: bool,
    /// The mmap or shmat that it goes back to.
    origin: [u64; WORDS],
}

// SAFETY: plain numbers, and truth values of which zero is false; nothing to drop.
unsafe impl Zeroed for Piece {}

impl Piece {
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The call that made the mapping first.
    pub fn origin(&self) -> Option<Step> {
        Step::from_words(&self.origin)
    }

    /// Whether two pieces are of one mapping.
    pub fn is_of_one_with(&self, other: &Piece) -> bool {
        self.origin == other.origin
    }
}

/// What a mapping that has just moved away goes back to, and where it was.
type Moving = (usize, [u64; WORDS]);

/// The pieces, in falling order of addresses: as the kernel places them, the next one is mostly the last.
pub struct Pieces {
    pieces: MappedArray<Piece>,
    moving: Option<Moving>,
}

impl Pieces {
    /// No pieces, with room for what `steps` steps can make.
    pub fn for_steps(steps: usize) -> Result<Pieces, Errno> {
        // Each adds one, and may cut one in two.
        let pieces = MappedArray::with_capacity(2 * steps)?;
        Ok(Pieces { pieces, moving: None })
    }

    pub fn all(&self) -> &[Piece] {
        &self.pieces
    }

    pub fn all_mut(&mut self) -> &mut [Piece] {
        &mut self.pieces
    }

    /// The number of the piece that `address` is in.
    pub fn find(&self, address: usize) -> Option<usize> {
        let number = self.pieces.partition_point(|piece| piece.start > address);
        self.pieces.get(number).filter(|piece| address < piece.end).map(|_| number)
    }

    /// The lowest piece that has a part in `range`.
    pub fn first_in(&self, range: Range<usize>) -> Option<usize> {
        let below_end = self.pieces.partition_point(|piece| piece.start >= range.end);
        let behind_start =
            self.pieces[below_end..].partition_point(|piece| piece.end > range.start);
        behind_start.checked_sub(1).map(|last| below_end + last)
    }

    /// Does what a step did. They come in the order in which they were made.
    pub fn take(&mut self, step: &Step) {
        match step.call {
            Call::Mmap | Call::Shmat => self.put(step.pages(), step.to_words()),
            Call::Munmap | Call::Shmdt => self.cut(step.pages()),
            Call::MremapAway => {
                self.moving = self.origin_at(step.from).map(|origin| (step.from, origin));
                self.cut(step.pages());
            }
            Call::Mremap => {
                let moved = self.moving.take().filter(|&(from, _)| from == step.from);
                match self.origin_at(step.from).or(moved.map(|(_, origin)| origin)) {
                    Some(origin) => self.put(step.pages(), origin),
                    None => self.cut(step.pages()),
                }
            }
            _ => {}
        }
    }

    fn origin_at(&self, address: usize) -> Option<[u64; WORDS]> {
        self.find(address).map(|number| self.pieces[number].origin)
    }

    fn put(&mut self, range: Range<usize>, origin: [u64; WORDS]) {
        self.cut(range.clone());
        if range.is_empty() {
            return;
        }
        let number = self.pieces.partition_point(|piece| piece.start > range.start);
        let Range { start, end } = range;
        self.pieces
            .insert(number, Piece { start, end, is_part: false, is_left_out: false, origin });
    }

    fn cut(&mut self, range: Range<usize>) {
        while let Some(number) = self.first_in(range.clone()) {
            let piece = self.pieces[number];
            let has = (piece.start < range.start, range.end < piece.end);
            let below = Piece { end: range.start, ..piece };
            let above = Piece { start: range.end, ..piece };
            match has {
                (false, false) => self.pieces.remove(number),
                (true, false) => self.pieces[number] = below,
                (false, true) => self.pieces[number] = above,
                (true, true) => {
                    self.pieces[number] = Piece { is_part: true, ..above };
                    self.pieces.insert(number + 1, Piece { is_part: true, ..below });
                }
            }
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
        Step { moment, ..Step::new(call, page * PAGE, pages * PAGE, event) }
    }

    /// Start and end, in pages, and by which step.
    fn all(steps: &[Step]) -> Vec<(usize, usize, u64)> {
        let mut pieces = Pieces::for_steps(steps.len()).unwrap();
        steps.iter().for_each(|step| pieces.take(step));
        let told = |piece: &Piece| {
            let Range { start, end } = piece.range();
            assert_eq!(pieces.find(start), pieces.find(end - 1));
            assert!(pieces.find(start).is_some());
            (start / PAGE, end / PAGE, piece.origin().unwrap().moment)
        };
        pieces.all().iter().map(told).collect()
    }

    #[test]
    fn what_is_mapped_stays_until_it_is_unmapped_or_mapped_over() {
        let mut steps = vec![
            step(1, Call::Mmap, 10, 4),
            step(2, Call::Shmat, 20, 2),
            step(3, Call::Munmap, 11, 1),
        ];
        assert_eq!(all(&steps), [(20, 22, 2), (12, 14, 1), (10, 11, 1)]);
        steps.push(step(4, Call::Mmap, 13, 8));
        assert_eq!(all(&steps), [(21, 22, 2), (13, 21, 4), (12, 13, 1), (10, 11, 1)]);
        steps.push(step(5, Call::Munmap, 0, 100));
        assert_eq!(all(&steps), []);
    }

    #[test]
    fn one_that_moves_goes_back_to_what_made_it() {
        let from = |step| Step { from: 10 * PAGE, from_bytes: 2 * PAGE, ..step };
        let away = from(step(2, Call::MremapAway, 10, 2));
        let here = from(step(3, Call::Mremap, 30, 4));
        let made = step(1, Call::Mmap, 10, 2);
        assert_eq!(all(&[made, away, here]), [(30, 34, 1)]);
        // In its place, and as a second one (MREMAP_DONTUNMAP).
        assert_eq!(all(&[made, from(step(2, Call::Mremap, 10, 4))]), [(10, 14, 1)]);
        assert_eq!(all(&[made, here]), [(30, 34, 1), (10, 12, 1)]);
        // Of what nobody saw mapped nothing is known.
        assert_eq!(all(&[away, here]), []);
    }

    #[test]
    fn the_lowest_piece_of_a_range_comes_first() {
        let mut pieces = Pieces::for_steps(2).unwrap();
        pieces.take(&step(1, Call::Mmap, 10, 2));
        pieces.take(&step(2, Call::Mmap, 20, 2));
        let first = |pages: Range<usize>| pieces.first_in(pages.start * PAGE..pages.end * PAGE);
        assert_eq!([first(0..10), first(12..20), first(22..30)], [None; 3]);
        assert_eq!([first(0..30), first(11..30), first(12..30)], [Some(1), Some(1), Some(0)]);
    }
}
