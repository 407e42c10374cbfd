//! The program's own mappings at the time of a check: those to which no pointer leads any more.
//!
//! Each mapping that the program made, and of which it must have been told the address, is kept apart from the other roots until a
//! pointer to it is found. What is not certain stays a root from the start: mappings at an address that the program chose, reserved
//! address space, code, stacks, devices, what the kernel's list has otherwise than the history, and what a fork has brought.

use crate::mappings::live::{Piece, Pieces};
use crate::mappings::{self, Call, Step};
use crate::sys::Errno;
use crate::sys::address_map::{MappedRange, Named};
use crate::sys::held_pages::Kind;
use crate::sys::mapped_array::MappedArray;
use core::ops::Range;

/// What is known of one piece: how many bytes of it the kernel has as expected, and whether a pointer leads to it.
#[derive(Clone, Copy)]
struct Seen {
    bytes: usize,
    is_reached: bool,
    is_writable: bool,
    /// Whether memory that can be accessed begins right behind it: then a pointer there is one to that.
    has_neighbour: bool,
}

// SAFETY: plain numbers, and truth values of which zero is false; nothing to drop.
unsafe impl crate::sys::mapped_array::Zeroed for Seen {}

/// The mappings, and those of them that wait to be looked at.
pub struct Mapped {
    pieces: Pieces,
    seen: MappedArray<Seen>,
    waiting: MappedArray<u32>,
}

impl Mapped {
    /// None: all mappings are roots.
    pub fn none() -> Result<Mapped, Errno> {
        Mapped::of(Pieces::for_steps(0)?)
    }

    /// Reads those that the history knows. Nobody else may map anything meanwhile.
    pub fn read() -> Result<Mapped, Errno> {
        let mut pieces = Pieces::for_steps(mappings::count_lives())?;
        mappings::visit_lives(|step| pieces.take(step));
        let begun = mappings::moment_of_fork();
        for piece in pieces.all_mut() {
            let is_certain = piece
                .origin()
                .is_some_and(|origin| origin.moment >= begun && must_be_known_by_pointer(&origin));
            piece.is_left_out = !is_certain;
        }
        Mapped::of(pieces)
    }

    fn of(pieces: Pieces) -> Result<Mapped, Errno> {
        let count = pieces.all().len();
        let (seen, waiting) = (MappedArray::zeroed(count)?, MappedArray::with_capacity(count)?);
        Ok(Mapped { pieces, seen, waiting })
    }

    /// Compares a mapping of the kernel's with the pieces in it.
    pub fn compare(&mut self, mapping: &MappedRange) {
        let is_usual = mapping.readable && !mapping.executable && mapping.named == Named::Otherwise;
        let mut at = mapping.start;
        if mapping.is_accessible
            && let Some(number) = self.pieces.find(mapping.start.wrapping_sub(1))
            && self.pieces.all()[number].range().end == mapping.start
        {
            self.seen[number].has_neighbour = true;
        }
        while let Some(number) = self.pieces.first_in(at..mapping.end) {
            let piece = &mut self.pieces.all_mut()[number];
            let piece_end = piece.range().end;
            let part = piece.range().start.max(at)..piece_end.min(mapping.end);
            let is_of_file =
                piece.origin().is_some_and(|origin| origin.is_shared() || origin.is_of_file());
            if !is_usual || mapping.is_file != is_of_file {
                piece.is_left_out = true;
            }
            self.seen[number].bytes += part.len();
            self.seen[number].is_writable |= mapping.writable;
            // The kernel joins neighbours.
            self.seen[number].has_neighbour |= piece_end < mapping.end && mapping.is_accessible;
            at = part.end;
        }
    }

    /// After that: leaves out those that the kernel has otherwise.
    pub fn settle(&mut self) {
        for (piece, seen) in self.pieces.all_mut().iter_mut().zip(self.seen.iter()) {
            piece.is_left_out |= seen.bytes != piece.range().len();
        }
        // What is left of one that was cut in two is all the program's, or none of it is.
        let pieces = self.pieces.all_mut();
        for number in 0..pieces.len() {
            let piece = pieces[number];
            if piece.is_part && piece.is_left_out {
                let others = pieces.iter_mut().filter(|other| other.is_of_one_with(&piece));
                others.for_each(|other| other.is_left_out = true);
            }
        }
    }

    /// Leaves out those that have a part in `range`.
    pub fn leave_out(&mut self, range: Range<usize>) {
        let mut at = range.start;
        while let Some(number) = self.pieces.first_in(at..range.end) {
            let piece = &mut self.pieces.all_mut()[number];
            piece.is_left_out = true;
            at = piece.range().end;
        }
    }

    /// All addresses in which they are.
    pub fn span(&self) -> Option<Range<usize>> {
        let mut kept = self.kept();
        let last = kept.next()?.range();
        Some(kept.last().map_or(last.start, |first| first.range().start)..last.end + 1)
    }

    fn kept(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.all().iter().filter(|piece| !piece.is_left_out)
    }

    /// The first stretch of `range` that is in none of them.
    pub fn first_outside(&self, range: Range<usize>) -> Range<usize> {
        let mut start = range.start;
        let mut at = range.start;
        while let Some(number) = self.pieces.first_in(at..range.end) {
            let piece = &self.pieces.all()[number];
            let own = piece.range();
            at = own.end;
            if piece.is_left_out {
                continue;
            }
            if start < own.start {
                return start..own.start;
            }
            start = own.end.min(range.end);
        }
        start..range.end
    }

    /// A pointer has been found, from what the program can reach.
    pub fn meet(&mut self, pointer: usize) {
        if self.seen.is_empty() {
            return;
        }
        let ends_at_pointer = || {
            let number = self.pieces.find(pointer.wrapping_sub(1))?;
            (!self.seen[number].has_neighbour).then_some(number)
        };
        let Some(number) = self.pieces.find(pointer).or_else(ends_at_pointer) else { return };
        let piece = self.pieces.all()[number];
        if piece.is_left_out || self.seen[number].is_reached {
            return;
        }
        if !piece.is_part {
            return self.reach(number);
        }
        for other in 0..self.seen.len() {
            if self.pieces.all()[other].is_of_one_with(&piece) {
                self.reach(other);
            }
        }
    }

    fn reach(&mut self, number: usize) {
        let seen = &mut self.seen[number];
        if !seen.is_reached {
            seen.is_reached = true;
            // Each waits once: so there is room.
            self.waiting.push(number as u32);
        }
    }

    /// Takes a stretch that is reached, and is to be looked at next.
    pub fn take_waiting(&mut self) -> Option<(Range<usize>, Kind)> {
        let number = *self.waiting.last()? as usize;
        self.waiting.remove(self.waiting.len() - 1);
        Some(self.stretch(number))
    }

    fn stretch(&self, number: usize) -> (Range<usize>, Kind) {
        let kind = if self.seen[number].is_writable { Kind::Any } else { Kind::Anonymous };
        (self.pieces.all()[number].range(), kind)
    }

    /// After all roots: those to which nothing leads. From then on no more is found to be reached.
    pub fn close(&mut self) {
        for (piece, seen) in self.pieces.all_mut().iter_mut().zip(self.seen.iter_mut()) {
            piece.is_left_out |= seen.is_reached;
        }
    }

    /// The stretches that are lost, after [`close`](Mapped::close).
    pub fn lost(&self) -> impl Iterator<Item = (Range<usize>, Step)> {
        self.kept().filter_map(|piece| Some((piece.range(), piece.origin()?)))
    }

    /// The same by number, and what they are searched for.
    pub fn lost_at(&self, number: usize) -> Option<(Range<usize>, Kind)> {
        let is_lost = !self.pieces.all().get(number)?.is_left_out;
        is_lost.then(|| self.stretch(number))
    }

    /// How many pieces there are, be they lost or not.
    pub fn len(&self) -> usize {
        self.seen.len()
    }
}

/// Whether only the result of the call tells the program where its mapping is, and it is memory like that of malloc, or a file.
fn must_be_known_by_pointer(origin: &Step) -> bool {
    const CHOSEN: libc::c_int = libc::MAP_FIXED | libc::MAP_FIXED_NOREPLACE;
    const RESERVED: libc::c_int = libc::MAP_NORESERVE | libc::MAP_GROWSDOWN | libc::MAP_STACK;
    if origin.from != 0 {
        return false;
    }
    match origin.call {
        Call::Shmat => true,
        Call::Mmap => {
            let protection = origin.protection & (libc::PROT_READ | libc::PROT_WRITE);
            let is_memory = match origin.is_of_file() {
                // Of the kernel's own files (rings of io_uring, say) some have no name that begins so.
                true => origin
                    .file
                    .is_some_and(|file| file.bytes > 0 && file.path.text().starts_with(b"/")),
                false => true,
            };
            is_memory
                && protection != 0
                && origin.protection & libc::PROT_EXEC == 0
                && origin.flags & (CHOSEN | RESERVED) == 0
        }
        _ => false,
    }
}
