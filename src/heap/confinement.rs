//! Threads that free objects at the same time are kept together on one processor while that pays.
//!
//! When a page is made to fault, other processors on which the process runs must drop what they remember of it, and the
//! kernel waits for them. With several threads this takes most of the time. On one processor there is nobody to wait
//! for. So whoever is about to free an object somewhere else is brought there ([`affinity::bring`]); between objects
//! each thread may run where it likes, and one that mostly computes is left alone. Whether this pays is measured
//! ([`judge`]): [`attend`] is called before a freed object's page is revoked, and [`finish`] afterwards.
//!
//! All of this is advice: nothing is locked, and nothing breaks if a thread is elsewhere.

mod judge;

use crate::sys::affinity::{self, Brought};
use crate::sys::lock::Lock;
use crate::sys::per_thread::OwnWord;
use crate::sys::process;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use judge::{Judge, Window};

/// Whether threads are kept together; see the option `confine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confine {
    WhilePaying,
    Always,
    Never,
}

/// The value of [`STATE`]: nothing is done, as there is one thread, or for good.
const IDLE: u8 = 0;
/// Threads run where they like, and what this costs is measured.
const APART: u8 = 1;
/// Threads that free are brought to [`PLACE`].
const TOGETHER: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(IDLE);
/// The processor where threads are together.
static PLACE: AtomicU32 = AtomicU32::new(0);
/// Whether the judge decides. If not, threads are always together.
static IS_JUDGED: AtomicBool = AtomicBool::new(false);
/// Whether threads may ever be kept together.
static IS_WANTED: AtomicBool = AtomicBool::new(false);

static JUDGE: Lock<Judge> = Lock::new(Judge::new());
/// When the current window ends.
static WINDOW_END: AtomicU64 = AtomicU64::new(0);
/// What was counted in it: ended objects, samples, and the processor time of these.
static ENDS: AtomicU64 = AtomicU64::new(0);
static SAMPLES: AtomicU64 = AtomicU64::new(0);
static SAMPLED_NANOSECONDS: AtomicU64 = AtomicU64::new(0);
/// A thread that would gain in this window, by the address of its [`Watched`]; and whether there is another.
static FIRST: AtomicUsize = AtomicUsize::new(0);
static ARE_SEVERAL: AtomicBool = AtomicBool::new(false);
/// What a revocation took on average while threads were last apart.
static PRICE_APART: AtomicU64 = AtomicU64::new(0);

/// For the summary: how long threads were kept together, since when (0: they are not), and how often one was brought.
static TOGETHER_NANOSECONDS: AtomicU64 = AtomicU64::new(0);
static TOGETHER_SINCE: AtomicU64 = AtomicU64::new(0);
static BROUGHT: AtomicU64 = AtomicU64::new(0);

/// One in so many ended objects is a sample. A prime, so that it does not keep step with what is done every 64 objects.
const SAMPLED: u64 = 61;

/// Threads that are together look at the clock at one in so many: if one spins until another has ended an object, samples
/// are long in coming.
const LOOKS: u64 = 4;

/// What is measured in one thread. All zeros is valid.
#[derive(Default)]
pub struct Watched {
    /// Objects that the thread has ended.
    ends: OwnWord,
    /// The thread's processor time at its last sample.
    time: OwnWord,
    /// What a revocation takes it on average, in nanoseconds; and in the lowest bit, whether it gains by being together
    /// with others, because revocations take it more time than all else does.
    price: OwnWord,
}

impl Watched {
    fn gains(&self) -> bool {
        self.price.get() & 1 == 1
    }

    /// Notes a revocation that took so long. Returns what one takes on average.
    fn note_price(&self, taken: u64) -> u64 {
        let price = match self.price.get() {
            0 => taken,
            before => (3 * before + taken) / 4,
        };
        self.price.set(price & !1);
        price
    }

    fn note_gains(&self, gains: bool) {
        self.price.set(self.price.get() & !1 | u64::from(gains));
    }
}

/// Says whether threads are to be kept together, once there are several.
pub fn begin(confine: Confine) {
    IS_JUDGED.store(confine == Confine::WhilePaying, Ordering::Relaxed);
    IS_WANTED.store(confine != Confine::Never, Ordering::Relaxed);
}

/// Notes that the process has several threads.
pub fn note_threads() {
    if STATE.load(Ordering::Relaxed) != IDLE || !IS_WANTED.load(Ordering::Relaxed) {
        return;
    }
    if IS_JUDGED.load(Ordering::Relaxed) {
        STATE.store(APART, Ordering::Relaxed);
    } else {
        gather(process::clock_nanoseconds());
    }
}

/// Chooses this processor to be together on.
fn gather(now: u64) {
    let Some(here) = affinity::processor() else { return end_for_good() };
    PLACE.store(here, Ordering::Relaxed);
    TOGETHER_SINCE.store(now, Ordering::Relaxed);
    STATE.store(TOGETHER, Ordering::Relaxed);
}

/// Lets threads run where they like. This one goes elsewhere: the kernel may take its time to spread them.
fn scatter(now: u64) {
    STATE.store(APART, Ordering::Relaxed);
    count_together(now);
    affinity::leave(PLACE.load(Ordering::Relaxed));
}

fn count_together(now: u64) {
    let since = TOGETHER_SINCE.swap(0, Ordering::Relaxed);
    if since > 0 {
        TOGETHER_NANOSECONDS.fetch_add(now.saturating_sub(since), Ordering::Relaxed);
    }
}

/// Leaves threads alone from now on.
#[cold]
fn end_for_good() {
    IS_WANTED.store(false, Ordering::Relaxed);
    STATE.store(IDLE, Ordering::Relaxed);
    count_together(process::clock_nanoseconds());
}

/// When a sample began, in processor time of its thread; 0 is no sample.
#[derive(Clone, Copy)]
#[must_use]
pub struct Attended(u64);

/// Must be called before an ended object's page is revoked; the calling thread must hold no lock.
#[inline(always)]
pub fn attend(watched: Option<&'static Watched>) -> Attended {
    match watched {
        Some(watched) if STATE.load(Ordering::Relaxed) != IDLE => attend_among_threads(watched),
        _ => Attended(0),
    }
}

#[inline(never)]
fn attend_among_threads(watched: &Watched) -> Attended {
    watched.ends.add(1);
    let ends = watched.ends.get();
    let is_judged = IS_JUDGED.load(Ordering::Relaxed);
    if STATE.load(Ordering::Relaxed) == TOGETHER {
        if (watched.gains() || !is_judged)
            && affinity::processor() != Some(PLACE.load(Ordering::Relaxed))
        {
            bring();
        }
        if is_judged && ends.is_multiple_of(LOOKS) {
            close_window_if_over(process::clock_nanoseconds());
        }
    }
    let is_sample = is_judged && ends.is_multiple_of(SAMPLED);
    Attended(if is_sample { process::thread_nanoseconds() } else { 0 })
}

#[cold]
#[inline(never)]
fn bring() {
    match affinity::bring(PLACE.load(Ordering::Relaxed)) {
        Brought::Yes => {
            BROUGHT.fetch_add(1, Ordering::Relaxed);
        }
        Brought::NotNow => {}
        // The program has placed its threads itself, or nobody can.
        Brought::Never => end_for_good(),
    }
}

/// Must be called after the page is revoked.
#[inline(always)]
pub fn finish(watched: Option<&'static Watched>, attended: Attended) {
    if attended.0 > 0
        && let Some(watched) = watched
    {
        finish_sample(watched, attended.0);
    }
}

#[cold]
#[inline(never)]
fn finish_sample(watched: &'static Watched, start: u64) {
    let time = process::thread_nanoseconds();
    let taken = time.saturating_sub(start);
    let before = watched.time.swap(time);
    if before == 0 {
        return;
    }
    let price = watched.note_price(taken);
    // What it does beside, for each object. Together that is compared with the price of being apart, so that a thread
    // does not leave because revocations have become cheap.
    let beside = (time.saturating_sub(before) / SAMPLED).saturating_sub(price);
    let is_apart = STATE.load(Ordering::Relaxed) == APART;
    let worth = if is_apart { price } else { PRICE_APART.load(Ordering::Relaxed) };
    let gains = beside <= worth;
    watched.note_gains(gains);

    ENDS.fetch_add(SAMPLED, Ordering::Relaxed);
    SAMPLES.fetch_add(1, Ordering::Relaxed);
    SAMPLED_NANOSECONDS.fetch_add(taken, Ordering::Relaxed);
    if gains {
        let me = core::ptr::from_ref(watched) as usize;
        let first = FIRST.load(Ordering::Relaxed);
        if first == 0 {
            FIRST.store(me, Ordering::Relaxed);
        } else if first != me {
            ARE_SEVERAL.store(true, Ordering::Relaxed);
        }
    }
    close_window_if_over(process::clock_nanoseconds());
}

#[cold]
#[inline(never)]
fn close_window_if_over(now: u64) {
    if now >= WINDOW_END.load(Ordering::Relaxed)
        && let Some(mut judge) = JUDGE.try_lock()
    {
        close_window(&mut judge, now);
    }
}

/// Has the judge decide on the window that ends, and begins the next one.
fn close_window(judge: &mut Judge, now: u64) {
    if STATE.load(Ordering::Relaxed) == IDLE {
        return;
    }
    let samples = SAMPLES.swap(0, Ordering::Relaxed);
    let window = Window {
        ends: ENDS.swap(0, Ordering::Relaxed),
        price: SAMPLED_NANOSECONDS.swap(0, Ordering::Relaxed) / samples.max(1),
        are_several: ARE_SEVERAL.swap(false, Ordering::Relaxed),
    };
    FIRST.store(0, Ordering::Relaxed);
    let was_apart = judge.is_apart();
    let length = judge.decide(now, process::process_nanoseconds(), window);
    match (was_apart, judge.is_apart()) {
        (true, false) => {
            PRICE_APART.store(window.price, Ordering::Relaxed);
            gather(now);
        }
        (false, true) => scatter(now),
        _ => {}
    }
    WINDOW_END.store(now + length, Ordering::Relaxed);
}

/// How long threads were kept together so far, in nanoseconds, and how often one was brought to the others.
pub fn told() -> (u64, u64) {
    let since = TOGETHER_SINCE.load(Ordering::Relaxed);
    let current = if since > 0 { process::clock_nanoseconds().saturating_sub(since) } else { 0 };
    let nanoseconds = TOGETHER_NANOSECONDS.load(Ordering::Relaxed) + current;
    (nanoseconds, BROUGHT.load(Ordering::Relaxed))
}

/// In the child of a fork, which has one thread, and begins anew.
pub fn after_fork_in_child() {
    affinity::after_fork_in_child();
    // SAFETY: the calling thread is the only one, and does not hold the lock, under which nothing forks.
    unsafe { JUDGE.break_open() };
    *JUDGE.lock() = Judge::new();
    STATE.store(IDLE, Ordering::Relaxed);
    for word in [&WINDOW_END, &ENDS, &SAMPLES, &SAMPLED_NANOSECONDS] {
        word.store(0, Ordering::Relaxed);
    }
    for word in [&TOGETHER_NANOSECONDS, &TOGETHER_SINCE, &BROUGHT] {
        word.store(0, Ordering::Relaxed);
    }
}
