//! From the roots to all that can be reached from them, by the rules of Memcheck.
//!
//! A pointer to the start of an object reaches it; one into its midst perhaps, unless a heuristic takes that for a pointer to its start;
//! and so does any pointer from an object that is perhaps reached. Of objects that nothing reaches, those that another one leads to are
//! lost with it; of a ring, the first one stands for the others.

use super::mapped::Mapped;
use super::objects::{Entry, Objects, Reach};
use super::thread_block;
use crate::mappings::guarded;
use crate::options::Heuristics;
use crate::sys::PAGE_BYTES;
use crate::sys::held_pages::{HeldPages, Kind};
use crate::sys::probe::{self, Found, Wanted};
use crate::trace;
use core::ops::Range;

/// Objects of more bytes are read only where they hold something.
const LARGE_BYTES: usize = 64 * PAGE_BYTES;

/// Bytes of a pointer.
const WORD: usize = size_of::<usize>();

/// Words of a table of virtual functions that may be zero before the first function.
const MOST_EMPTY: usize = 20;

/// Who has a pointer.
#[derive(Clone, Copy)]
enum From {
    /// A root, or an object of this kind.
    Reached(Reach),
    /// The runtime, which knows of all mappings that it guards.
    Own,
    /// An object that is not reached.
    Lost { leader: usize },
}

/// Finds what is reached.
pub struct Marker<'a, 'p> {
    objects: Objects<'a>,
    mapped: Mapped,
    wanted: Wanted,
    heuristics: Heuristics,
    pages: &'p HeldPages,
}

impl<'a, 'p> Marker<'a, 'p> {
    /// `tag_bits` are left out of each pointer.
    pub fn new(
        objects: Objects<'a>,
        mapped: Mapped,
        pages: &'p HeldPages,
        tag_bits: u64,
        heuristics: Heuristics,
    ) -> Marker<'a, 'p> {
        let wanted = Wanted { kept_bits: !(tag_bits as usize), low: 0, span: 0 };
        let mut marker = Marker { objects, mapped, wanted, heuristics, pages };
        marker.note_span();
        marker
    }

    /// Must be called when other addresses are of interest.
    pub fn note_span(&mut self) {
        let objects = self.objects.span();
        let span = match self.mapped.span() {
            Some(mapped) if objects.is_empty() => mapped,
            Some(mapped) => objects.start.min(mapped.start)..objects.end.max(mapped.end),
            None => objects,
        };
        self.wanted.low = span.start;
        self.wanted.span = span.end.saturating_sub(span.start);
    }

    pub fn mapped(&mut self) -> &mut Mapped {
        &mut self.mapped
    }

    pub fn objects(&self) -> &Objects<'a> {
        &self.objects
    }

    /// Marks what a stretch of memory leads to that is always reached.
    pub fn mark_root(&mut self, range: Range<usize>) {
        self.scan(range, From::Reached(Reach::Reachable));
        self.follow(None);
    }

    /// The same for the pages of a mapping that hold something, but for those that are looked at once a pointer leads to them.
    pub fn mark_mapping(&mut self, range: Range<usize>, kind: Kind) {
        let pages = self.pages;
        let mut at = range.start;
        while at < range.end {
            let part = self.mapped.first_outside(at..range.end);
            at = part.end;
            if !part.is_empty() {
                pages.visit(part, kind, |held| self.mark_root(held));
            }
        }
    }

    /// The same for the runtime's own heap.
    pub fn mark_own(&mut self, range: Range<usize>) {
        let pages = self.pages;
        pages.visit(range, Kind::Any, |held| self.scan(held, From::Own));
        self.follow(None);
    }

    /// After all roots: what is in mappings that no pointer leads to counts as reached. They are memory of the program's.
    pub fn mark_lost_mappings(&mut self) {
        self.mapped.close();
        let pages = self.pages;
        for number in 0..self.mapped.len() {
            if let Some((range, kind)) = self.mapped.lost_at(number) {
                pages.visit(range, kind, |held| self.mark_root(held));
            }
        }
    }

    /// Marks what a word leads to that is always reached.
    pub fn mark_word(&mut self, word: usize) {
        let value = word & self.wanted.kept_bits;
        if value.wrapping_sub(self.wanted.low) < self.wanted.span {
            self.meet(value, From::Reached(Reach::Reachable));
            self.follow(None);
        }
    }

    /// Marks what is about to end: a thread is at it.
    pub fn mark_ending(&mut self) {
        for number in 0..self.objects.entries().len() {
            if self.objects.entries()[number].is_ending() {
                self.objects.reach(number, Reach::Reachable);
            }
        }
        self.follow(None);
    }

    /// After all roots: finds which of the lost objects are lost with others. The marker is done with.
    pub fn finish(mut self) -> (Objects<'a>, Mapped) {
        for number in 0..self.objects.entries().len() {
            if self.objects.entries()[number].reach() != Reach::Unreached {
                continue;
            }
            let entry = self.objects.entries()[number];
            self.scan_object(&entry, From::Lost { leader: number });
            self.follow(Some(number));
        }
        (self.objects, self.mapped)
    }

    /// Looks at all that waits; of objects that are lost, with this one.
    fn follow(&mut self, leader: Option<usize>) {
        loop {
            while let Some((_, entry)) = self.objects.take_waiting() {
                let from = match leader {
                    Some(leader) => From::Lost { leader },
                    None => From::Reached(entry.reach()),
                };
                self.scan_object(&entry, from);
            }
            let Some((range, kind)) = self.mapped.take_waiting() else { return };
            let pages = self.pages;
            pages.visit(range, kind, |held| self.scan(held, From::Reached(Reach::Reachable)));
        }
    }

    fn scan_object(&mut self, entry: &Entry, from: From) {
        let range = entry.range();
        if !range.start.is_multiple_of(WORD) {
            // Only with placement=exact. The program has aligned its pointers to the start of the object.
            self.scan_from(range.start, range.end, from);
        }
        if entry.size() <= LARGE_BYTES {
            return self.scan(range, from);
        }
        let pages = self.pages;
        pages.visit(range, Kind::Any, |held| self.scan(held, from));
    }

    fn scan(&mut self, range: Range<usize>, from: From) {
        self.scan_from(range.start.next_multiple_of(WORD), range.end, from);
    }

    /// Looks at each word from `at` on that ends before `end`.
    fn scan_from(&mut self, mut at: usize, end: usize, from: From) {
        let end = end.saturating_sub(end.wrapping_sub(at) % WORD);
        loop {
            at = match probe::find_between(at, end, &self.wanted) {
                Found::Nothing => return,
                // The next word that begins on another page.
                Found::Unreadable(at) => at + (PAGE_BYTES - at % PAGE_BYTES).next_multiple_of(WORD),
                Found::Word { at, value } => {
                    self.meet(value, from);
                    at + WORD
                }
            };
        }
    }

    /// A pointer has been found.
    #[inline]
    fn meet(&mut self, pointer: usize, from: From) {
        let Some(number) = self.objects.find(pointer) else {
            let leads = match from {
                From::Reached(_) => true,
                From::Own => !guarded::is_on(),
                From::Lost { .. } => false,
            };
            if leads {
                self.mapped.meet(pointer);
            }
            return;
        };
        let entry = &self.objects.entries()[number];
        let (reach, start) = (entry.reach(), entry.start());
        let by = match from {
            From::Reached(by) => by,
            From::Own => Reach::Reachable,
            From::Lost { leader } => {
                if reach == Reach::Unreached && number != leader {
                    self.objects.set_owner(number, leader);
                    self.objects.reach(number, Reach::Indirect);
                }
                return;
            }
        };
        if reach == Reach::Reachable {
            return;
        }
        let is_start = pointer == start || self.is_as_good(pointer, number);
        if is_start && by == Reach::Reachable {
            self.objects.reach(number, Reach::Reachable);
        } else if reach == Reach::Unreached {
            self.objects.reach(number, Reach::Possible);
        }
    }

    /// Whether a pointer into the midst of an object counts as one to its start: by what libc does, or a heuristic.
    fn is_as_good(&self, pointer: usize, number: usize) -> bool {
        let entry = &self.objects.entries()[number];
        let (start, size) = (entry.start(), entry.size());
        let word = |index: usize| {
            if (index + 1) * WORD <= size { probe::load(start + index * WORD) } else { None }
        };
        let has = |heuristic| self.heuristics.has(heuristic);
        let offset = pointer - start;
        if thread_block::is_vector(start, size, offset) {
            return true;
        }
        if offset == 3 * WORD
            && has(Heuristics::STRING)
            && let (Some(length), Some(capacity)) = (word(0), word(1))
            && length <= capacity
            && size.checked_sub(3 * WORD + 1) == Some(capacity)
        {
            return true;
        }
        if offset == WORD
            && let Some(count) = word(0).filter(|&count| count > 0)
        {
            let rest = size - WORD;
            if has(Heuristics::LENGTH) && rest == count
                || has(Heuristics::NEW_ARRAY) && rest.is_multiple_of(count)
            {
                return true;
            }
        }
        has(Heuristics::INHERITANCE)
            && pointer.is_multiple_of(WORD)
            && offset + WORD <= size
            && word(0).is_some_and(is_function_table)
            && probe::load(pointer).is_some_and(is_function_table)
    }
}

/// Whether a table of virtual functions may lie at `address`: in a module, and the first word that is not zero is an
/// address in one, too.
fn is_function_table(address: usize) -> bool {
    if !address.is_multiple_of(WORD) || trace::module_of(address).is_none() {
        return false;
    }
    let words = (0..MOST_EMPTY).map_while(|index| probe::load(address + index * WORD));
    let mut functions = words.filter(|&word| word != 0);
    functions.next().is_some_and(|function| trace::module_of(function).is_some())
}
