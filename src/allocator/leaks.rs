//! Checks for leaks: at the end of the process, when the program or a debugger asks, and at a signal.
//!
//! The locks of ours are held over the look at memory, as over a fork: a thread that is stopped then holds none.

use super::fork;
use crate::fault;
use crate::finding::{LeakClass, LeakCount, LeakCounts, LeakGrowth};
use crate::leak::tell::{self, Extent, Progress};
use crate::leak::{self, Findings, Group, Here, Seen, groups, kept};
use crate::options::LeakCheck;
use crate::report::failure::LookUpFailure;
use crate::report::resolve::Names;
use crate::report::{notice, sink, stages, words};
use crate::runtime::{self, Runtime};
use crate::sys::fixed_text::FixedText;
use crate::sys::halt::{self, Afterwards};
use crate::sys::lock::{self, Lock};
use crate::sys::scope::{self, RuntimeScope};
use crate::sys::signal::KernelAction;
use crate::sys::{self, Errno, freeres, memory, process, signal};
use crate::trace;
use core::ffi::{c_int, c_void};
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};
use libc::siginfo_t;
use std::collections::BTreeMap;

/// Room for the look at memory: the program's stack may be small, and what is left on it would be taken for pointers.
const STACK_BYTES: usize = 256 << 10;

/// How long a lock of ours is waited for: longer than any thread holds it, unless it is stopped.
const MOST_MILLISECONDS: u64 = 3000;

/// Earlier checks that are remembered.
const MOST_EARLIER: usize = 64;

/// Kernel id of the thread that checks, or 0.
static CHECKER: AtomicU32 = AtomicU32::new(0);

/// Whether leaks were told that are errors.
static HAS_ERRORS: AtomicBool = AtomicBool::new(false);

/// What earlier checks have found.
static EARLIER: Lock<Vec<Earlier>> = Lock::new(Vec::new());

struct Earlier {
    number: usize,
    sites: BTreeMap<(LeakClass, u64), LeakCount>,
}

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By exit, after the program's handlers.
    Exit,
    /// By `_exit` or `quick_exit`.
    Quick,
}

/// Whether leaks were told that `error-exitcode` is for.
pub fn have_failed() -> bool {
    HAS_ERRORS.load(Ordering::Relaxed)
}

/// In the child of a fork: what the parent has found is the parent's.
pub fn after_fork_in_child() {
    CHECKER.store(0, Ordering::Relaxed);
    HAS_ERRORS.store(false, Ordering::Relaxed);
}

/// See [`Lock::hold_for_fork`].
pub fn hold_for_fork() {
    EARLIER.hold_for_fork();
    PROGRAM_ACTION.hold_for_fork();
}

/// # Safety
/// See [`Lock::release_after_fork`].
pub unsafe fn release_after_fork() {
    // SAFETY: the calling thread, or the one that it is a copy of, has called `hold_for_fork`.
    unsafe {
        PROGRAM_ACTION.release_after_fork();
        EARLIER.release_after_fork();
    }
}

/// The check when the process ends, if it is wanted. `from` is the lowest address of the program's part of the stack.
pub fn check_at_end(runtime: &'static Runtime, ending: Ending, from: usize) {
    let options = &runtime.options;
    let is_wanted = ending == Ending::Exit || options.leaks_at_quick_exit;
    // A report that calls exit, by a hook of the program's, is not interrupted by another.
    if options.leaks == LeakCheck::No || !is_wanted || fault::reporter::is_me() {
        return;
    }
    let Some(_turn) = Turn::take() else { return };
    let has_one_thread = {
        let _scope = RuntimeScope::enter();
        process::has_one_thread()
    };
    // See `leak::kept`.
    let is_freed = ending == Ending::Exit && has_one_thread;
    let _scope = RuntimeScope::enter();
    // libc then forgets the environment, whose strings may be the program's. What our own heap leads to can be reached.
    let environment = process::environment_strings();
    if is_freed {
        scope::outside(freeres::free_all);
    }
    let own = trace::module_of(check_at_end as *const () as usize);
    let own = own.map_or(0..0, |module| module.start..module.end);
    if let Some(mut seen) = survey(runtime, from, &Afterwards::Stay(own)) {
        if !is_freed {
            kept::leave_out(&mut seen.objects);
        }
        let findings = groups::group(seen);
        let extent = Extent { kinds: options.leak_kinds, check: options.leaks };
        conclude(tell_at_end(runtime, &findings, extent));
    }
    drop(core::hint::black_box(environment));
}

/// Tells of what was found, and does without names if looking them up fails; returns how many places are errors.
fn tell_at_end(runtime: &Runtime, findings: &Findings, extent: Extent) -> usize {
    let progress = Progress::default();
    let with = |names| {
        fault::tell_at_exit(|| tell::tell(runtime, findings, extent, None, names, &progress).errors)
    };
    let told = with(tell::names(runtime)).or_else(|failure| {
        let why = words::look_up_failure(failure, stages::MOST_SECONDS_OF_RUNS);
        notice::say(runtime, &format!("names of leaks could not be looked up: {why}"));
        match failure {
            // It is not for the names that it failed.
            LookUpFailure::Filter | LookUpFailure::NoTimer => {
                let names = Names::ModulesOnly;
                Ok(tell::tell(runtime, findings, extent, None, names, &progress).errors)
            }
            _ => with(Names::ModulesOnly),
        }
    });
    // Without the figures, what was found is an error all the same.
    told.unwrap_or_else(|_| findings.groups.iter().filter(|group| group.class.is_error()).count())
}

/// A check that the program asks for; tells of what is lost, or has grown since an earlier check, and returns how many objects are
/// definitely or possibly lost, or how many more than then.
pub fn check(runtime: &'static Runtime, since: Option<usize>, from: usize) -> usize {
    let Some(_turn) = Turn::take() else { return 0 };
    let _scope = RuntimeScope::enter();
    let Some(seen) = survey(runtime, from, &Afterwards::GoOn) else { return 0 };
    let findings = groups::group(seen);
    let extent = Extent { kinds: runtime.options.leak_kinds, check: LeakCheck::Full };
    let names = tell::names(runtime);
    let Some(since) = since else {
        let told = tell::tell(runtime, &findings, extent, None, names, &Progress::default());
        conclude(told.errors);
        remember(&findings);
        return lost(&told.counts);
    };
    let growth = |group: &Group| growth_since(since, group);
    let told = tell::tell(runtime, &findings, extent, Some(&growth), names, &Progress::default());
    conclude(told.errors);
    let grown = findings.groups.iter().filter(|group| group.class.is_error());
    let grown = grown.filter_map(|group| growth_since(since, group));
    let more: i64 = grown.map(|growth| growth.objects.max(0)).sum();
    remember(&findings);
    more as usize
}

/// A check that tells nothing; returns its number.
pub fn mark(runtime: &'static Runtime, from: usize) -> usize {
    let Some(_turn) = Turn::take() else { return 0 };
    let _scope = RuntimeScope::enter();
    match survey(runtime, from, &Afterwards::GoOn) {
        Some(seen) => remember(&groups::group(seen)),
        None => 0,
    }
}

fn lost(counts: &LeakCounts) -> usize {
    (counts.definite.objects + counts.possible.objects) as usize
}

fn conclude(errors: usize) {
    if errors > 0 {
        HAS_ERRORS.store(true, Ordering::Relaxed);
    }
}

/// Remembers what a check has found, and returns its number.
fn remember(findings: &Findings) -> usize {
    let sites = findings.groups.iter().map(|group| ((group.class, group.site), group.count));
    let sites = sites.collect();
    let mut earlier = EARLIER.lock();
    let number = earlier.last().map_or(1, |last| last.number + 1);
    if earlier.len() == MOST_EARLIER {
        earlier.remove(0);
    }
    earlier.push(Earlier { number, sites });
    number
}

/// What a group has more than at the check of this number, or the last one if that is 0; `None` if it is no more.
fn growth_since(number: usize, group: &Group) -> Option<LeakGrowth> {
    let earlier = EARLIER.lock();
    let then = match number {
        0 => earlier.last(),
        _ => earlier.iter().find(|earlier| earlier.number == number),
    };
    let then = then.and_then(|then| then.sites.get(&(group.class, group.site)));
    let then = then.copied().unwrap_or_default();
    let more = |now: u64, then: u64| now as i64 - then as i64;
    let growth = LeakGrowth {
        objects: more(group.count.objects, then.objects),
        bytes: more(group.count.bytes, then.bytes),
    };
    (growth.objects > 0 || growth.bytes > 0).then_some(growth)
}

/// The signal at which the process checks, or 0.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// What the program wants done on it. It is not: the signal is the user's.
static PROGRAM_ACTION: Lock<KernelAction> = Lock::new(KernelAction::DEFAULT);

/// Has a signal make the process check.
pub fn take_signal(signal: c_int) {
    let ours = KernelAction {
        handler: on_signal as *const () as usize,
        // Not on the alternate stack: that is for faults, which the check may raise.
        flags: (libc::SA_SIGINFO | libc::SA_RESTART) as u64,
        restorer: 0,
        mask: !signal::SYNCHRONOUS,
    };
    // SAFETY: the handler touches only state that is sound at any instruction of the program.
    if let Ok(before) = unsafe { signal::set_action(signal, &ours) } {
        *PROGRAM_ACTION.lock() = before;
        SIGNAL.store(signal, Ordering::Release);
    }
}

/// Exchanges what the program wants done on a signal, if that is the one at which the process checks.
pub fn exchange_action(signal: c_int, wanted: Option<&KernelAction>) -> Option<KernelAction> {
    if signal == 0 || SIGNAL.load(Ordering::Acquire) != signal {
        return None;
    }
    let mut action = PROGRAM_ACTION.lock();
    let before = *action;
    *action = wanted.copied().unwrap_or(before);
    Some(before)
}

extern "C" fn on_signal(_: c_int, _: *mut siginfo_t, context: *mut c_void) {
    let errno = sys::errno::get();
    let is_well = !fault::reporter::is_me();
    if let Some(runtime) = runtime::get().filter(|it| is_well && it.is_own_process()) {
        // The interrupted code's registers are in the frame, and its stack lies above that.
        check(runtime, None, context as usize);
    }
    sys::errno::set(errno);
}

/// Shows that the calling thread is the one that checks.
struct Turn(());

impl Turn {
    /// Waits for other threads that check. `None` if this thread does already: it is in a signal's handler.
    fn take() -> Option<Turn> {
        let me = process::tid();
        loop {
            match CHECKER.compare_exchange(0, me, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(Turn(())),
                Err(checker) if checker == me => return None,
                Err(_) => process::nap(),
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        CHECKER.store(0, Ordering::Release);
    }
}

/// Looks at memory. The caller is in a runtime scope. If that is not possible, says why.
#[inline(never)]
fn survey(
    runtime: &'static Runtime,
    from: usize,
    afterwards: &Afterwards,
) -> Option<Seen<'static>> {
    let mut mask = 0;
    let mut hold = || mask = fork::hold();
    match afterwards {
        // A debugger may have stopped this thread, or another, while it held a lock of ours.
        Afterwards::GoOn if !lock::hold_hastily(MOST_MILLISECONDS, &mut hold) => {
            fork::release();
            signal::change_mask(libc::SIG_SETMASK, mask);
            say_that_malloc_is_under_way(runtime);
            return None;
        }
        Afterwards::GoOn => {}
        Afterwards::Stay(_) => hold(),
    }
    let stack = memory::map(STACK_BYTES).ok();
    // A program may have taken the fault signals by a system call of its own.
    let can_stop = fault::is_in_charge();
    let halted = if can_stop { halt::stop_others(afterwards) } else { None };
    let here = Here { from, own: sys::stack_pointer() };
    let unseen = match &halted {
        Some(halted) => halted.threads().filter(|thread| thread.standing.is_none()).count(),
        None => usize::from(!can_stop),
    };
    let work = || leak::look(&runtime.heap, &runtime.options, here, halted.as_ref(), unseen == 0);
    let seen = match stack {
        // SAFETY: the mapping is ours, and nobody else's; the work does not unwind.
        Some(stack) => unsafe { sys::call_on_stack(stack + STACK_BYTES, work) },
        None => work(),
    };
    drop(halted);
    fork::release();
    signal::change_mask(libc::SIG_SETMASK, mask);
    if let Some(stack) = stack {
        // SAFETY: what ran there has come back.
        unsafe { memory::unmap(stack, STACK_BYTES) };
    }
    match seen {
        Ok(seen) => {
            say_what_was_not_seen(runtime, unseen);
            Some(seen)
        }
        Err(error) => {
            let why = match error {
                Errno(libc::ENOMEM) => "there is no memory for it",
                Errno(libc::ENOENT | libc::EACCES) => "/proc is not to be read",
                _ => "the mappings of the process can't be read",
            };
            notice::say(runtime, &format!("leaks could not be looked for: {why}"));
            None
        }
    }
}

/// Takes no memory: that may be what the stopped thread has locked.
fn say_that_malloc_is_under_way(runtime: &Runtime) {
    let mut line = FixedText::<200>::new();
    let _ = writeln!(
        line,
        "fencepost: process {}: leaks could not be looked for: a thread is stopped inside malloc or free",
        process::pid(),
    );
    sink::write_if_open(runtime, line.as_str());
}

fn say_what_was_not_seen(runtime: &Runtime, unseen: usize) {
    if unseen > 0 {
        let words = "the check for leaks could not stop all threads; what only a register of theirs leads to counts as lost";
        notice::say(runtime, words);
    }
    let heap = &runtime.heap;
    if heap.is_sampling() {
        notice::say(
            runtime,
            "the check for leaks sees objects alone that were sampled (option sample)",
        );
    } else if heap.unrecorded() > 0 || heap.is_closed() {
        notice::say(
            runtime,
            "the check for leaks does not see the objects of which nothing was recorded",
        );
    }
}
