//! The story of an address, from the steps that are known: pure functions, tested with invented addresses.

use super::step::{Call, FileFacts, Step};
use core::ops::Range;

/// What is known of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// The call that made the mapping in which the address is, or was last.
    pub made: Option<Step>,
    /// The mmap or shmat that the mapping goes back to, where mremap moved or resized it. Else as `made`.
    pub origin: Option<Step>,
    /// The last change of protection of the page, if that came after the mapping was made.
    pub protected: Option<Step>,
    /// The madvise that made the page a guard, if it still is one.
    pub guarded: Option<Step>,
    /// The madvise that keeps the page from children of fork.
    pub left_out: Option<Step>,
    /// The call that ended the mapping here; nothing that is known was mapped since.
    pub gone: Option<Step>,
    /// Where the mapping went, if mremap moved it away.
    pub moved_to: Option<Step>,
    /// The call that last cut the file of the mapping, so that it ends before the address.
    pub cut: Option<Step>,
    /// The call that ended the mapping that was there before this one.
    pub earlier: Option<Step>,
    /// Whether steps are missing: older ones, or some that found no memory.
    pub is_cut: bool,
}

impl Story {
    /// The pages of the mapping, as far as they are known: those that it was made with, or that were ended with the address.
    pub fn pages(&self) -> Option<Range<usize>> {
        self.made.or(self.gone).map(|step| step.pages())
    }

    /// The file of the mapping.
    pub fn file(&self) -> Option<FileFacts> {
        self.origin.and_then(|origin| origin.file)
    }

    /// How far the address is into the file of its mapping.
    pub fn file_offset(&self, address: usize) -> Option<u64> {
        let (made, origin) = (self.made?, self.origin?);
        let into = address.checked_sub(made.start)?;
        // As long as one call moved it. What more do is not followed so far.
        let into = match made.call {
            Call::Mremap => (made.from + into).checked_sub(origin.start)?,
            _ => into,
        };
        Some(origin.file?.offset + into as u64)
    }

    /// What the page permits: bits of PROT_READ, PROT_WRITE and PROT_EXEC; and the call that made it so.
    pub fn permission(&self) -> Option<(libc::c_int, Step)> {
        self.protected.or(self.origin).map(|step| (step.permits(), step))
    }
}

/// Where the memory of an address was, and from which moment on.
#[derive(Clone, Copy)]
struct Place {
    address: usize,
    since: u64,
    until: u64,
}

/// Moves of one mapping that are followed.
const MOST_MOVES: usize = 8;

/// Tells the story of `address`. Both logs are read newest first: `lives` has what makes and ends mappings, `changes` the rest.
pub fn story_of<L: Iterator<Item = Step>, C: Iterator<Item = Step>>(
    lives: impl Fn() -> L,
    changes: impl Fn() -> C,
    address: usize,
) -> Story {
    let mut story = Story::default();
    let mut places = [Place { address, since: 0, until: u64::MAX }; MOST_MOVES];
    let mut moves = 0;
    for step in lives() {
        let place = places[moves];
        if story.made.is_none() && step.unmaps(place.address) {
            // An older one is the one that ended something: a second munmap does nothing.
            story.gone = Some(step);
        }
        if !step.maps(place.address) {
            continue;
        }
        story.made = story.made.or(Some(step));
        places[moves].since = step.moment;
        if step.call != Call::Mremap {
            story.origin = Some(step);
            break;
        }
        if moves + 1 == MOST_MOVES {
            break;
        }
        // Grown: what is behind the old end began with its last page.
        let into = (place.address - step.start).min(step.from_bytes.saturating_sub(1));
        moves += 1;
        places[moves] = Place { address: step.from + into, since: 0, until: step.moment };
    }
    story.moved_to = story.gone.and_then(|gone| destination(gone, lives()));
    if story.made.is_none() {
        return story;
    }
    let places = &places[..=moves];
    let until = story.gone.map_or(u64::MAX, |gone| gone.moment);
    let last = |is_it: fn(Call) -> bool| {
        changes().find(|step| is_it(step.call) && step.moment < until && concerns(step, places))
    };
    story.protected = last(|call| matches!(call, Call::Mprotect | Call::PkeyMprotect));
    story.guarded = last(|call| matches!(call, Call::Guard | Call::Unguard))
        .filter(|step| step.call == Call::Guard);
    story.left_out = last(|call| matches!(call, Call::DontFork | Call::DoFork))
        .filter(|step| step.call == Call::DontFork);
    story.cut = cut_before(&story, changes(), address);
    story.earlier = ended_before(&story, lives(), address);
    story
}

/// The call that ended what was at `address` before the mapping of the story was made.
fn ended_before(story: &Story, lives: impl Iterator<Item = Step>, address: usize) -> Option<Step> {
    let made = story.made?.moment;
    let older = lives.skip_while(|step| step.moment >= made);
    // Of several the oldest, as above; one that replaced another without a word ends the search.
    older.take_while(|step| !step.maps(address)).filter(|step| step.unmaps(address)).last()
}

/// Where the call that took a mapping away has put it.
fn destination(gone: Step, lives: impl Iterator<Item = Step>) -> Option<Step> {
    let is_it = |step: &Step| {
        step.call == Call::Mremap
            && step.from == gone.from
            && step.event.thread == gone.event.thread
    };
    let newer = lives.take_while(|step| step.moment > gone.moment);
    // The one that follows at once.
    newer.filter(is_it).last().filter(|_| gone.call == Call::MremapAway)
}

/// Whether a change was made of the memory while it was where the change is.
fn concerns(step: &Step, places: &[Place]) -> bool {
    places.iter().any(|place| {
        (place.since..place.until).contains(&step.moment) && step.pages().contains(&place.address)
    })
}

/// The last call that cut the file of the mapping before what is at `address`.
fn cut_before(
    story: &Story,
    mut changes: impl Iterator<Item = Step>,
    address: usize,
) -> Option<Step> {
    let (file, offset) = (story.file()?, story.file_offset(address)?);
    let mapped = story.origin?.moment;
    changes.find(|step| {
        matches!(step.call, Call::Ftruncate | Call::Truncate | Call::Open)
            && step.moment > mapped
            && step.file.is_some_and(|cut| {
                (cut.device, cut.inode) == (file.device, file.inode) && cut.bytes <= offset
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::record::{Event, ThreadId};
    use crate::trace::TraceId;

    const PAGE: usize = 4096;
    const AT: usize = 0x7f00_0000_0000;

    fn step(moment: u64, call: Call, start: usize, pages: usize) -> Step {
        let event = Event { thread: ThreadId(moment as u32), trace: TraceId::NONE };
        Step { moment, ..Step::new(call, start, pages * PAGE, event) }
    }

    /// The moments of what is known, of steps in the order in which they were made.
    fn told(steps: &[Step], address: usize) -> Story {
        let is_life = |step: &&Step| {
            use Call::{Mmap, Mremap, MremapAway, Munmap, Shmat, Shmdt};
            matches!(step.call, Mmap | Munmap | Mremap | MremapAway | Shmat | Shmdt)
        };
        let newest_first = || steps.iter().rev();
        let changes = || newest_first().filter(|step| !is_life(step)).copied();
        story_of(|| newest_first().filter(is_life).copied(), changes, address)
    }

    fn moment(step: Option<Step>) -> u64 {
        step.map_or(0, |step| step.moment)
    }

    #[test]
    fn nothing_is_known_of_what_nobody_mapped() {
        assert_eq!(told(&[], AT), Story::default());
        assert_eq!(told(&[step(1, Call::Mmap, AT + PAGE, 1)], AT), Story::default());
    }

    #[test]
    fn an_unmapped_part_is_gone_and_the_rest_is_there() {
        let steps = [step(1, Call::Mmap, AT, 4), step(2, Call::Munmap, AT + PAGE, 1)];
        let (gone, there) = (told(&steps, AT + PAGE + 5), told(&steps, AT + 2 * PAGE));
        assert_eq!((moment(gone.made), moment(gone.gone)), (1, 2));
        assert_eq!((moment(there.made), there.gone), (1, None));
        assert_eq!(gone.pages(), Some(AT..AT + 4 * PAGE));
    }

    #[test]
    fn the_first_munmap_ended_it_and_a_later_mmap_begins_anew() {
        let mut steps = vec![
            step(1, Call::Mmap, AT, 2),
            step(2, Call::Munmap, AT, 2),
            step(3, Call::Munmap, AT, 2),
        ];
        assert_eq!(moment(told(&steps, AT).gone), 2);
        steps.push(step(4, Call::Mmap, AT, 1));
        let again = told(&steps, AT);
        assert_eq!((moment(again.made), again.gone), (4, None));
        assert_eq!((moment(again.earlier), told(&steps[..3], AT).earlier), (2, None));
        let over = [steps[0], step(2, Call::Mmap, AT, 2)];
        assert_eq!(told(&over, AT).earlier, None);
        assert_eq!(moment(told(&steps, AT + PAGE).gone), 2);
    }

    #[test]
    fn what_was_mapped_before_the_history_began_is_known_by_its_end() {
        let story = told(&[step(5, Call::Munmap, AT, 2)], AT + 1);
        assert_eq!((story.made, moment(story.gone)), (None, 5));
        assert_eq!(story.pages(), Some(AT..AT + 2 * PAGE));
    }

    #[test]
    fn protection_is_that_of_the_last_change_of_the_page() {
        let protect = |moment, start, protection| Step {
            protection,
            ..step(moment, Call::Mprotect, start, 1)
        };
        let made = Step { protection: 3, ..step(2, Call::Mmap, AT, 2) };
        let steps = [
            // Of another mapping.
            protect(1, AT, 0),
            made,
            protect(3, AT + PAGE, 1),
            protect(4, AT + PAGE, 0),
        ];
        let permission = |address| {
            let (bits, by) = told(&steps, address).permission().unwrap();
            (bits, by.moment)
        };
        assert_eq!((permission(AT), permission(AT + PAGE)), ((3, 2), (0, 4)));
        // What it was when it went.
        let mut steps = steps.to_vec();
        steps.extend([step(5, Call::Munmap, AT, 2), protect(6, AT + PAGE, 7)]);
        assert_eq!(moment(told(&steps, AT + PAGE).protected), 4);
    }

    #[test]
    fn guards_and_what_forks_leave_out_may_be_taken_back() {
        let mut steps = vec![
            step(1, Call::Mmap, AT, 1),
            step(2, Call::Guard, AT, 1),
            step(3, Call::DontFork, AT, 1),
        ];
        let story = told(&steps, AT);
        assert_eq!((moment(story.guarded), moment(story.left_out)), (2, 3));
        steps.extend([step(4, Call::Unguard, AT, 1), step(5, Call::DoFork, AT, 1)]);
        let story = told(&steps, AT);
        assert_eq!((story.guarded, story.left_out), (None, None));
    }

    fn moved(moment: u64, from: (usize, usize), to: (usize, usize)) -> [Step; 2] {
        let away = step(moment, Call::MremapAway, from.0, from.1);
        let here = Step { event: away.event, ..step(moment + 1, Call::Mremap, to.0, to.1) };
        let origin = |step| Step { from: from.0, from_bytes: from.1 * PAGE, ..step };
        [origin(away), origin(here)]
    }

    #[test]
    fn a_mapping_is_followed_through_its_moves() {
        let there = AT + 100 * PAGE;
        let file = FileFacts { offset: 2 * PAGE as u64, ..FileFacts::default() };
        let mut steps = vec![
            Step { file: Some(file), protection: 1, ..step(1, Call::Mmap, AT, 2) },
            step(2, Call::Mprotect, AT + PAGE, 1),
        ];
        steps.extend(moved(3, (AT, 2), (there, 4)));
        let old = told(&steps, AT);
        assert_eq!((moment(old.made), moment(old.gone), moment(old.moved_to)), (1, 3, 4));
        let new = told(&steps, there + PAGE);
        assert_eq!((moment(new.made), moment(new.origin), moment(new.protected)), (4, 1, 2));
        assert_eq!(new.file_offset(there + PAGE), Some(3 * PAGE as u64));
        assert_eq!(told(&steps, there).permission().map(|(bits, _)| bits), Some(1));
        let grown = told(&steps, there + 3 * PAGE);
        assert_eq!((moment(grown.origin), grown.gone), (1, None));
    }

    #[test]
    fn a_file_is_cut_by_the_last_call_that_made_it_too_short() {
        let file = FileFacts { device: 1, inode: 2, bytes: 9000, ..FileFacts::default() };
        let cut = |moment, inode, bytes| Step {
            file: Some(FileFacts { inode, bytes, ..file }),
            ..step(moment, Call::Ftruncate, 0, 0)
        };
        let made = Step { file: Some(file), ..step(2, Call::Mmap, AT, 3) };
        let steps = [cut(1, 2, 0), made, cut(3, 2, 100), cut(4, 7, 0), cut(5, 2, 5000)];
        assert_eq!(moment(told(&steps, AT + 2 * PAGE).cut), 5);
        assert_eq!(moment(told(&steps, AT + PAGE).cut), 3);
        assert_eq!(told(&steps, AT + 8).cut, None);
    }

    #[test]
    fn shared_memory_is_attached_and_detached() {
        let mut steps = vec![step(1, Call::Shmat, AT, 3)];
        assert_eq!(moment(told(&steps, AT + PAGE).origin), 1);
        steps.push(step(2, Call::Shmdt, AT, 3));
        assert_eq!(moment(told(&steps, AT + PAGE).gone), 2);
    }
}
