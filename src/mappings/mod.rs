//! What the program does to its own mappings, as a history: which mapping was made, protected and unmapped by whom.
//!
//! Each call is a [`Step`] in one of three logs (`log`): of what makes and ends mappings, of what changes them, and of
//! calls that failed. The fault handler reads them backwards, without a lock, and makes a [`Story`] of an address of them (`story`).
//! A step that ends something is logged before its call, since another thread may get the addresses at once; one that makes
//! something is logged after its call. So the order of the steps is that in which the program can know of them.
//!
//! What libc and the loader map for themselves is not seen: so a story is believed only where the kernel's list of mappings
//! agrees with it (`diagnose::mapping`).

pub mod guarded;
pub mod live;
mod log;
mod paths;
mod step;
mod story;
pub mod suspicion;

pub use paths::PathId;
pub use step::{Call, FileFacts, Opening, Step};
pub use story::{Story, story_of};

use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use log::Log;

/// Makes and ends of mappings.
static LIVES: Log = Log::new();
/// Changes of protection, advice, and lengths of files. Apart, since some programs change the same pages for ever.
static CHANGES: Log = Log::new();
static FAILURES: Log = Log::new();

/// Numbers the steps of all logs.
static CLOCK: AtomicU64 = AtomicU64::new(1);

/// What the clock said when the process began.
static BEGUN: AtomicU64 = AtomicU64::new(0);

/// Calls that failed are of interest only until the program has used their result.
const FAILURES_KEPT: usize = 64;

/// Of the address space that a limit leaves to the process, each log and the paths take at most one part in so many:
/// the program's own requests have precedence.
const SPACE_PARTS: usize = 1024;

/// Least bytes of the other logs.
const LEAST_BYTES: usize = 256 << 10;

/// Opens the logs, in `bytes` bytes at most. Nothing is recorded before. Once.
pub fn open(bytes: usize) {
    let each = (bytes / 2).max(LEAST_BYTES);
    LIVES.open(each / log::ENTRY_BYTES);
    CHANGES.open(each / log::ENTRY_BYTES);
    FAILURES.open(FAILURES_KEPT);
    paths::open();
}

/// A step that is in a log before its call was made.
#[must_use = "a call that fails has to take its step back"]
pub struct Claim(Option<(&'static Log, u64)>);

impl Claim {
    /// The call has failed, or did something else.
    pub fn take_back(self) {
        if let Claim(Some((log, number))) = self {
            log.erase(number);
        }
    }

    /// The call has done what the step says.
    pub fn keep(self) {}
}

/// Whether calls are recorded in this process.
pub fn is_open() -> bool {
    LIVES.is_open()
}

/// Logs a step. For signal handlers too.
pub fn record(step: Step) -> Claim {
    let log = match step.call {
        _ if step.error != 0 => &FAILURES,
        Call::Mmap | Call::Munmap | Call::Mremap | Call::MremapAway | Call::Shmat | Call::Shmdt => {
            &LIVES
        }
        _ => &CHANGES,
    };
    let step = Step { moment: CLOCK.fetch_add(1, Ordering::Relaxed), ..step };
    Claim(log.push(&step.to_words()).map(|number| (log, number)))
}

/// Keeps the path of a file.
pub fn keep_path(path: &[u8]) -> PathId {
    paths::keep(path)
}

/// What is known of `address`. For the fault handler: allocates nothing, and takes no lock.
pub fn story_at(address: usize) -> Story {
    let mut story = story_of(lives, || steps_of(&CHANGES), address);
    // What is before the oldest step, or was lost, nobody knows.
    story.is_cut = LIVES.is_cut();
    story
}

/// The last call that failed: one of `thread`'s, if there is one.
pub fn last_failure(thread: u32) -> Option<Step> {
    let of_thread = steps_of(&FAILURES).find(|step| step.event.thread.0 == thread);
    of_thread.or_else(|| steps_of(&FAILURES).next())
}

/// The attachment of shared memory at `address` that nothing has ended since: how many bytes it has.
pub fn attached_bytes(address: usize) -> Option<usize> {
    let at = lives().find(|step| step.unmaps(address) || step.maps(address))?;
    (at.call == Call::Shmat && at.start == address).then_some(at.bytes)
}

/// How many steps [`visit_lives`] passes at most.
pub fn count_lives() -> usize {
    LIVES.len()
}

/// Passes all steps that have made and ended mappings to `each`, the oldest first.
pub fn visit_lives(mut each: impl FnMut(&Step)) {
    let steps = LIVES.oldest_first().filter_map(|words| Step::from_words(&words));
    steps.for_each(|step| each(&step));
}

/// The steps that have made and ended mappings, the newest first.
pub fn newest_lives() -> impl Iterator<Item = Step> {
    lives()
}

/// How many calls since `moment` have ended something in `range`, and the last of them.
pub fn ended_since(moment: u64, range: Range<usize>) -> (usize, Option<Step>) {
    let is_it = |step: &Step| {
        let pages = step.pages();
        matches!(step.call, Call::Munmap | Call::MremapAway | Call::Shmdt)
            && pages.start < range.end
            && range.start < pages.end
    };
    let mut ends = lives().take_while(|step| step.moment > moment).filter(is_it);
    let last = ends.next();
    (usize::from(last.is_some()) + ends.count(), last)
}

/// The moment from which on steps are this process's own: those before are its parent's.
pub fn moment_of_fork() -> u64 {
    BEGUN.load(Ordering::Relaxed)
}

/// In the child of a fork.
pub fn after_fork_in_child() {
    BEGUN.store(CLOCK.load(Ordering::Relaxed), Ordering::Relaxed);
}

fn lives() -> impl Iterator<Item = Step> {
    steps_of(&LIVES)
}

/// Newest first.
fn steps_of(log: &'static Log) -> impl Iterator<Item = Step> {
    log.newest_first().filter_map(|words| Step::from_words(&words))
}
