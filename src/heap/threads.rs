//! The threads of the process, and what each of them keeps.

use super::budget::{Cost, Credit};
use super::confinement::{self, Watched};
use super::packed::local::Local;
use super::pool::CLASS_PAGES;
use super::quarantine::Quarantine;
use super::record::{Event, ThreadId};
use super::region::Region;
use super::stock::{Batch, ReadySlots};
use crate::sys::per_thread::{self, OwnWord, per_thread};
use crate::sys::process;
use crate::sys::scope::{RuntimeScope, has_memory};
use core::cell::Cell;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use once_cell::race::OnceBox;

/// How many threads a process can number; later ones share the last number.
const MAX_THREADS: usize = 1 << 22;

/// What one thread keeps for itself; no other thread touches it.
pub struct ThreadCache {
    /// 0 if the thread has no number yet, otherwise its number plus one.
    number: Cell<u32>,
    /// What is known of the thread, once it is enrolled.
    me: Cell<Option<&'static Thread>>,
    pub batches: [Batch; CLASS_PAGES.len()],
    /// Slots with their pages. They are elsewhere, as static thread-local storage is scarce (see [`per_thread`]).
    ready: Cell<Option<&'static ReadySlots>>,
    /// Freed objects that are not revoked yet. Used only with [`Revocation::Batch`].
    ///
    /// [`Revocation::Batch`]: crate::options::Revocation::Batch
    quarantine: Cell<Option<&'static Quarantine>>,
    /// Packed slots.
    packed: Cell<Option<&'static Local>>,
    /// How many allocations pass before one is sampled.
    to_pass: Cell<u32>,
    /// The state of the generator that spaces the samples; 0 before the first.
    random: Cell<u32>,
}

impl ThreadCache {
    /// Counts one more; does nothing in a thread that is not enrolled yet.
    #[inline]
    pub fn count(&self, counter: Counter) {
        if let Some(me) = self.me.get() {
            me.counters.count(counter);
        }
    }

    /// Returns the number of the thread's guarded allocations so far.
    #[inline(always)]
    pub fn objects(&self) -> u64 {
        self.me.get().map_or(0, |me| me.counters.get(Counter::Objects))
    }

    /// Returns the thread's ready slots, if it ever had any.
    #[inline(always)]
    pub fn ready_if_made(&self) -> Option<&'static ReadySlots> {
        self.ready.get()
    }

    /// Returns the thread's ready slots, and makes room for them if necessary. `None` in a thread that is not enrolled,
    /// or no longer: nobody would give them back.
    #[inline(always)]
    pub fn ready(&self) -> Option<&'static ReadySlots> {
        self.ready.get().or_else(|| self.make_ready())
    }

    #[cold]
    #[inline(never)]
    fn make_ready(&self) -> Option<&'static ReadySlots> {
        self.me.get()?;
        let _scope = RuntimeScope::enter();
        if !has_memory(size_of::<ReadySlots>()) {
            return None;
        }
        let made = Box::new(ReadySlots::new());
        // A signal handler may have done the same meanwhile.
        let ready = self.ready.get().unwrap_or_else(|| Box::leak(made));
        self.ready.set(Some(ready));
        Some(ready)
    }

    /// Frees the room for ready slots for good; there must be none.
    pub fn end_ready(&self) {
        if let Some(ready) = self.ready.take() {
            let _scope = RuntimeScope::enter();
            // SAFETY: `make_ready` made it for this thread, which has no other reference.
            drop(unsafe { Box::from_raw(core::ptr::from_ref(ready).cast_mut()) });
        }
    }

    /// Returns the thread's quarantine, and makes it if necessary. `None` in a thread that is not enrolled, or no
    /// longer: nobody would empty it.
    #[inline]
    pub fn quarantine(&self) -> Option<&'static Quarantine> {
        self.quarantine.get().or_else(|| self.make_quarantine())
    }

    /// Returns the thread's quarantine, if it has one.
    pub fn quarantine_if_made(&self) -> Option<&'static Quarantine> {
        self.quarantine.get()
    }

    #[cold]
    fn make_quarantine(&self) -> Option<&'static Quarantine> {
        self.me.get()?;
        let _scope = RuntimeScope::enter();
        if !has_memory(size_of::<Quarantine>()) {
            return None;
        }
        let made: &'static Quarantine = Box::leak(Box::new(Quarantine::new()));
        self.quarantine.set(Some(made));
        Some(made)
    }

    /// Returns the thread's packed slots, and makes room for them if necessary. `None` in a thread that is not enrolled,
    /// or no longer: nobody would give them back.
    #[inline(always)]
    pub fn packed(&self) -> Option<&'static Local> {
        self.packed.get().or_else(|| self.make_packed())
    }

    /// Returns the thread's packed slots, if it ever had any.
    pub fn packed_if_made(&self) -> Option<&'static Local> {
        self.packed.get()
    }

    #[cold]
    #[inline(never)]
    fn make_packed(&self) -> Option<&'static Local> {
        self.me.get()?;
        let _scope = RuntimeScope::enter();
        if !has_memory(size_of::<Local>()) {
            return None;
        }
        let made = Box::new(Local::new());
        // A signal handler may have done the same meanwhile.
        let packed = self.packed.get().unwrap_or_else(|| Box::leak(made));
        self.packed.set(Some(packed));
        Some(packed)
    }

    /// Frees the room for packed slots for good; there must be none.
    pub fn end_packed(&self) {
        if let Some(packed) = self.packed.take() {
            let _scope = RuntimeScope::enter();
            // SAFETY: `make_packed` made it for this thread, which has no other reference.
            drop(unsafe { Box::from_raw(core::ptr::from_ref(packed).cast_mut()) });
        }
    }

    /// Returns the thread's reserve of the budget. `None` in a thread that is not enrolled, or no longer.
    #[inline(always)]
    pub fn credit(&self) -> Option<&'static Credit> {
        self.me.get().map(|me| &me.credit)
    }

    /// Returns what is measured in the thread. `None` in a thread that is not enrolled, or no longer.
    #[inline(always)]
    pub fn watched(&self) -> Option<&'static Watched> {
        self.me.get().map(|me| &me.watched)
    }

    /// Frees the quarantine for good; it must be empty.
    pub fn end_quarantine(&self) {
        if let Some(list) = self.quarantine.take() {
            let _scope = RuntimeScope::enter();
            // SAFETY: `make_quarantine` made it for this thread, which has no other reference.
            drop(unsafe { Box::from_raw(core::ptr::from_ref(list).cast_mut()) });
        }
    }

    /// Empties the reserve for good, and returns what was in it.
    pub fn end_credit(&self) -> Cost {
        self.me.take().map_or(Cost::NONE, |me| me.credit.empty())
    }

    /// Whether this allocation is the one in `every` that is guarded. The distances vary from 1 to twice the mean, so
    /// that no rhythm of the program hides an object for good.
    #[inline]
    pub fn is_sampled(&self, every: u32) -> bool {
        match self.to_pass.get().checked_sub(1) {
            Some(left) => {
                self.to_pass.set(left);
                false
            }
            None => self.space_next_sample(every),
        }
    }

    #[cold]
    fn space_next_sample(&self, every: u32) -> bool {
        // Marsaglia's xorshift, seeded by the cache's address and the time.
        let is_first = self.random.get() == 0;
        let mut x = self.random.get();
        if is_first {
            x = (process::clock_nanoseconds() ^ core::ptr::from_ref(self) as u64) as u32 | 1;
        }
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.random.set(x);
        self.to_pass.set(x % (2 * every - 1));
        // A thread's first allocation is as likely as others.
        !is_first
    }

    #[cfg(test)]
    pub const fn new() -> ThreadCache {
        ThreadCache {
            number: Cell::new(0),
            me: Cell::new(None),
            batches: [const { Batch::new() }; CLASS_PAGES.len()],
            ready: Cell::new(None),
            quarantine: Cell::new(None),
            packed: Cell::new(None),
            to_pass: Cell::new(0),
            random: Cell::new(0),
        }
    }
}

per_thread! {
    unsafe static CACHE: ThreadCache, "fencepost_thread_cache"
}

/// Calls `f` with the calling thread's cache.
#[inline]
pub fn with_cache<R>(f: impl FnOnce(&ThreadCache) -> R) -> R {
    CACHE.with(f)
}

/// What is counted for the statistics that a user may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Counter {
    /// Guarded allocations.
    Objects,
    /// Slots whose pages were populated by a separate call.
    Populates,
    /// Pages moved from a freed object to a slot made ready.
    Moves,
    /// Slots that were ready when they were needed.
    Reuses,
    /// Slots whose pages were revoked and dropped by a separate call.
    Drops,
    /// Calls that revoked many slots together.
    Batches,
    /// Objects with a range of their own.
    Large,
}

impl Counter {
    const COUNT: usize = Counter::Large as usize + 1;

    /// All counters but that of objects, which statistics show together with those that are not guarded.
    pub const OPERATIONS: [(Counter, &'static str); 6] = [
        (Counter::Populates, "populates"),
        (Counter::Moves, "moves"),
        (Counter::Reuses, "reuses"),
        (Counter::Drops, "drops"),
        (Counter::Batches, "batches"),
        (Counter::Large, "large"),
    ];
}

/// The counters of one thread.
pub struct Counters([OwnWord; Counter::COUNT]);

impl Counters {
    #[inline]
    pub fn count(&self, counter: Counter) {
        self.0[counter as usize].add(1);
    }

    /// Sets the counters of operations to 0. Their owner must not be counting.
    pub fn clear_operations(&self) {
        Counter::OPERATIONS.iter().for_each(|&(counter, _)| self.0[counter as usize].set(0));
    }

    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize].get()
    }
}

/// What is known of one thread.
#[repr(align(64))]
struct Thread {
    /// The kernel's id of the thread; 0 once the thread has ended.
    tid: AtomicU32,
    creator: AtomicU32,
    /// The trace of its creation; 0 for the main thread, and for threads that the runtime met late.
    creation: AtomicU32,
    credit: Credit,
    counters: Counters,
    watched: Watched,
    /// See [`Stack`].
    control: AtomicUsize,
    stack_top: AtomicUsize,
    argument: AtomicUsize,
}

/// There may be many.
const _: () = assert!(size_of::<Thread>() == 128);

/// What is known of a thread's stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// Kernel id; 0 once the thread has ended.
    pub tid: u32,
    /// Address of the thread's control block, above the stack if libc has made it.
    pub control: usize,
    /// Where the thread began, if libc has made the stack, with a guard below; else 0.
    pub top: usize,
    /// What the thread was started with.
    pub argument: usize,
}

/// Notes where the calling thread begins.
pub fn note_stack(top: usize, argument: usize) {
    with_cache(|cache| {
        if let Some(me) = cache.me.get() {
            me.control.store(per_thread::control_block(), Ordering::Relaxed);
            me.argument.store(argument, Ordering::Relaxed);
            me.stack_top.store(top, Ordering::Release);
        }
    });
}

/// The stacks of threads that the runtime has seen begin, of those that have ended too.
pub fn stacks() -> impl Iterator<Item = Stack> {
    all().filter(|thread| thread.control.load(Ordering::Relaxed) != 0).map(|thread| Stack {
        tid: thread.tid.load(Ordering::Relaxed),
        control: thread.control.load(Ordering::Relaxed),
        top: thread.stack_top.load(Ordering::Acquire),
        argument: thread.argument.load(Ordering::Relaxed),
    })
}

/// All threads met so far, by number.
struct Registry {
    threads: Region<Thread>,
    next: AtomicU32,
}

static REGISTRY: OnceBox<Registry> = OnceBox::new();

fn registry() -> Option<&'static Registry> {
    REGISTRY
        .get_or_try_init(|| {
            // SAFETY: all fields are atomic words, for which zero is valid, and need no drop.
            let threads = unsafe { Region::reserve(MAX_THREADS) }.map_err(drop)?;
            Ok::<_, ()>(Box::new(Registry { threads, next: AtomicU32::new(0) }))
        })
        .ok()
}

/// Numbers the calling thread, whose creation was `created` if that is known.
pub fn enrol(created: Option<Event>) -> ThreadId {
    let _scope = RuntimeScope::enter();
    let Some(registry) = registry() else {
        return ThreadId(0);
    };
    let number = registry.next.fetch_add(1, Ordering::Relaxed);
    let is_shared = number >= MAX_THREADS as u32;
    let number = number.min(MAX_THREADS as u32 - 1);
    if registry.threads.ensure(number as usize + 1).is_ok()
        && let Some(thread) = registry.threads.get(number as usize)
    {
        thread.tid.store(process::tid(), Ordering::Relaxed);
        thread.creator.store(created.map_or(0, |event| event.thread.0), Ordering::Relaxed);
        thread.creation.store(created.map_or(0, |event| event.trace.get()), Ordering::Relaxed);
        if !is_shared {
            with_cache(|cache| cache.me.set(Some(thread)));
        }
    }
    with_cache(|cache| cache.number.set(number + 1));
    if number > 0 {
        confinement::note_threads();
    }
    ThreadId(number)
}

static MET: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Has `met` called in each thread that is enrolled only by its first call: those are libc's own threads.
pub fn on_meeting(met: fn()) {
    MET.store(met as *mut (), Ordering::Release);
}

/// Returns the calling thread's number, and enrols the thread if the runtime has not met it yet.
#[inline]
pub fn current() -> ThreadId {
    match with_cache(|cache| cache.number.get()) {
        0 => {
            let id = enrol(None);
            // SAFETY: the pointer is null, which is None, or a function that `on_meeting` has stored.
            let met = unsafe {
                core::mem::transmute::<*mut (), Option<fn()>>(MET.load(Ordering::Acquire))
            };
            if let Some(met) = met {
                met();
            }
            id
        }
        number => ThreadId(number - 1),
    }
}

/// Notes that the calling thread is ending.
pub fn retire_current() {
    let number = current().0 as usize;
    if let Some(thread) = registry().and_then(|registry| registry.threads.get(number)) {
        thread.argument.store(0, Ordering::Relaxed);
        thread.tid.store(0, Ordering::Relaxed);
    }
}

/// See [`crate::sys::lock::Lock::hold_for_fork`].
pub fn hold_for_fork() {
    if let Some(registry) = registry() {
        registry.threads.hold_for_fork();
    }
}

/// # Safety
/// See [`crate::sys::lock::Lock::release_after_fork`].
pub unsafe fn release_after_fork() {
    if let Some(registry) = registry() {
        // SAFETY: the caller promises that this thread, or the one that it is a copy of, called `hold_for_fork`.
        unsafe { registry.threads.release_after_fork() }
    }
}

/// In the child of a fork: the calling thread has a new kernel id, and the other threads are gone.
pub fn after_fork_in_child() {
    let Some(registry) = registry() else { return };
    let me = current().0;
    for number in 0..registry.next.load(Ordering::Relaxed) {
        if let Some(thread) = registry.threads.get(number as usize) {
            let tid = if number == me { process::tid() } else { 0 };
            let was_alive = thread.tid.swap(tid, Ordering::Relaxed) != 0;
            // The parent reports its own operations.
            thread.counters.clear_operations();
            if number != me {
                if was_alive {
                    // The thread is gone, but what its stack leads to was in use when it went.
                    thread.stack_top.store(0, Ordering::Relaxed);
                }
                let left = thread.credit.empty();
                with_cache(|cache| cache.credit().map(|mine| mine.put(left)));
            }
        }
    }
}

fn all() -> impl Iterator<Item = &'static Thread> {
    let met = |registry: &'static Registry| {
        let count = registry.next.load(Ordering::Relaxed) as usize;
        (0..count.min(MAX_THREADS)).filter_map(|number| registry.threads.get(number))
    };
    registry().into_iter().flat_map(met)
}

/// Returns what all threads have counted together.
pub fn counted(counter: Counter) -> u64 {
    all().map(|thread| thread.counters.get(counter)).sum()
}

/// Returns each thread's reserve.
pub fn credits() -> impl Iterator<Item = Cost> {
    all().map(|thread| thread.credit.cost())
}

/// Returns the kernel's id of a thread, while it lives.
pub fn tid_of(thread: ThreadId) -> Option<u32> {
    let tid = registry()?.threads.get(thread.0 as usize)?.tid.load(Ordering::Relaxed);
    (tid != 0).then_some(tid)
}

/// Returns who created a thread and where, if the runtime saw it.
pub fn creation_of(thread: ThreadId) -> Option<Event> {
    use crate::trace::TraceId;
    let entry = registry()?.threads.get(thread.0 as usize)?;
    let trace = TraceId::from_raw(entry.creation.load(Ordering::Relaxed));
    let event = Event { thread: ThreadId(entry.creator.load(Ordering::Relaxed)), trace };
    (!trace.is_none()).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_one_in_n_on_average_and_not_in_step() {
        let cache = ThreadCache::new();
        let taken: Vec<usize> = (0..1_000_000).filter(|_| cache.is_sampled(100)).collect();
        assert!((9_500..10_500).contains(&taken.len()), "{}", taken.len());
        let gaps: std::collections::HashSet<usize> =
            taken.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.len() > 150, "{}", gaps.len());
    }

    #[test]
    fn threads_get_numbers_of_their_own() {
        let here = current();
        assert_eq!(current(), here);
        let there = std::thread::spawn(current).join().unwrap();
        assert_ne!(here, there);
        assert_eq!(tid_of(here), Some(process::tid()));
    }
}
