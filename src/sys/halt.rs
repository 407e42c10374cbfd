//! Stops the other threads of the process for a while, each wherever it is, with its registers and stack to be looked at.
//!
//! A thread is stopped by a fault signal that is sent to it alone: it is never blocked in the kernel, and handled on an
//! alternate stack of ours. The handler waits until all may go on. One that does not come, because something has
//! stopped it or because libc has all signals blocked in it, is not waited for.
//!
//! Calls that the signal interrupts begin anew, as far as the kernel does that (`SA_RESTART`, signal(7)); those that wait for
//! a limited time, and poll, epoll_wait and select, return EINTR, as after any signal that is handled.

use super::file::{self, File};
use super::fixed_text::FixedText;
use super::{Errno, altstack, memory, process, signal, syscall};
use core::fmt::Write;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use libc::{c_int, siginfo_t, ucontext_t};

/// The signal that stops a thread.
pub const SIGNAL: c_int = libc::SIGBUS;

/// Milliseconds after which it is asked what keeps a thread from coming.
const PATIENCE_MILLISECONDS: u64 = 30;

/// Milliseconds for all threads together. On a loaded machine each waits for its turn.
const MOST_MILLISECONDS: u64 = 10_000;

/// Threads that begin meanwhile are looked for so often, at most.
const MOST_ROUNDS: usize = 16;

/// Threads that there is room for at first.
const FIRST_THREADS: usize = 64;

/// What tells our signals from others.
static MARK: AtomicBool = AtomicBool::new(false);

/// Odd while threads are to stand still.
static ROUND: AtomicU32 = AtomicU32::new(0);

/// How many have come since the first.
static ARRIVALS: AtomicU32 = AtomicU32::new(0);

/// Where they enter themselves: address, room, and how many places are in use. One that is outgrown stays, as a late
/// handler may be looking at it.
static PLACES: AtomicUsize = AtomicUsize::new(0);
static ROOM: AtomicUsize = AtomicUsize::new(0);
static USED: AtomicUsize = AtomicUsize::new(0);

/// Whether those are to stay whose call would return EINTR: the process ends.
static KEEPS: AtomicBool = AtomicBool::new(false);
/// Our own code, where nobody stays.
static OWN_CODE: (AtomicUsize, AtomicUsize) = (AtomicUsize::new(0), AtomicUsize::new(0));

/// A thread that is to come. All zeros is valid.
struct Place {
    tid: AtomicU32,
    state: AtomicU32,
    sp: AtomicUsize,
    frame_start: AtomicUsize,
    frame_end: AtomicUsize,
}

/// States of a place.
const WANTED: u32 = 1;
const HERE: u32 = 2;
/// It won't come.
const MISSING: u32 = 3;
/// Nor need it: it has ended.
const ENDED: u32 = 4;

/// One of the other threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thread {
    pub tid: u32,
    /// Where it stands; `None` if it did not come.
    pub standing: Option<Standing>,
}

/// Where a thread stands that was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its stack pointer.
    pub sp: usize,
    /// Where its registers are.
    pub frame: (usize, usize),
}

/// What becomes of threads that were waiting in the kernel, if they can't wait on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// They see EINTR.
    GoOn,
    /// They stay until the process ends, unless they are in this code, which is ours.
    Stay(Range<usize>),
}

/// Shows that the other threads stand still. They go on when it is dropped.
pub struct Halted(());

/// Stops the other threads. `None` if they can't be listed. One thread at a time may do this, and no thread that is to come may hold what the
/// caller will wait for.
pub fn stop_others(afterwards: &Afterwards) -> Option<Halted> {
    USED.store(0, Ordering::Relaxed);
    if let Afterwards::Stay(code) = afterwards {
        OWN_CODE.0.store(code.start, Ordering::Relaxed);
        OWN_CODE.1.store(code.end, Ordering::Relaxed);
    }
    KEEPS.store(*afterwards != Afterwards::GoOn, Ordering::Relaxed);
    ROUND.fetch_add(1, Ordering::AcqRel);
    let halted = Halted(());
    let end = process::clock_nanoseconds() + MOST_MILLISECONDS * 1_000_000;
    for _ in 0..MOST_ROUNDS {
        match call_new()? {
            0 => break,
            _ => wait_for_all(end),
        }
    }
    Some(halted)
}

impl Halted {
    /// The other threads.
    pub fn threads(&self) -> impl Iterator<Item = Thread> {
        places().iter().filter_map(|place| {
            let tid = place.tid.load(Ordering::Relaxed);
            let load = |word: &AtomicUsize| word.load(Ordering::Relaxed);
            let standing = match place.state.load(Ordering::Acquire) {
                ENDED => return None,
                HERE => Some(Standing {
                    sp: load(&place.sp),
                    frame: (load(&place.frame_start), load(&place.frame_end)),
                }),
                _ => None,
            };
            Some(Thread { tid, standing })
        })
    }
}

impl Drop for Halted {
    fn drop(&mut self) {
        ROUND.fetch_add(1, Ordering::AcqRel);
        wake(&ROUND);
    }
}

fn places() -> &'static [Place] {
    let (start, used) = (PLACES.load(Ordering::Acquire), USED.load(Ordering::Acquire));
    if start == 0 {
        return &[];
    }
    // SAFETY: mapped for good by `make_room`, with room for so many; any bytes are a Place.
    unsafe { core::slice::from_raw_parts(start as *const Place, used) }
}

/// Makes room for `count` threads; false without memory.
fn make_room(count: usize) -> bool {
    let room = ROOM.load(Ordering::Relaxed);
    if count <= room {
        return true;
    }
    let wanted = count.next_power_of_two().max(FIRST_THREADS);
    let Ok(start) = memory::map(wanted * size_of::<Place>()) else { return false };
    let before = places();
    // SAFETY: the mapping is new, and larger. Those that have come have filled their places, and others look here again.
    unsafe {
        core::ptr::copy_nonoverlapping(before.as_ptr(), start as *mut Place, before.len());
    }
    PLACES.store(start, Ordering::Release);
    ROOM.store(wanted, Ordering::Relaxed);
    true
}

/// Calls the threads that have not been called yet; how many.
fn call_new() -> Option<usize> {
    let me = process::tid();
    let mut called = 0;
    let known = USED.load(Ordering::Relaxed);
    list(|tid| {
        let is_known =
            || places()[..known].iter().any(|place| place.tid.load(Ordering::Relaxed) == tid);
        let used = USED.load(Ordering::Relaxed);
        if tid == me || is_known() || !make_room(used + 1) {
            return;
        }
        let start = PLACES.load(Ordering::Relaxed) as *const Place;
        // SAFETY: there is room for one more.
        let place = unsafe { &*start.add(used) };
        place.tid.store(tid, Ordering::Relaxed);
        place.state.store(WANTED, Ordering::Relaxed);
        USED.store(used + 1, Ordering::Release);
        called += 1;
    })?;
    for place in &places()[known..] {
        match send(place.tid.load(Ordering::Relaxed)) {
            Ok(()) => {}
            Err(Errno(libc::ESRCH)) => place.state.store(ENDED, Ordering::Release),
            // A filter forbids it.
            Err(_) => place.state.store(MISSING, Ordering::Release),
        }
    }
    Some(called)
}

/// Passes the kernel's ids of all threads to `each`. `None` where /proc is not mounted.
fn list(mut each: impl FnMut(u32)) -> Option<()> {
    let directory = File::of_proc(c"/proc/self/task").ok()?;
    let mut bytes = [0_u8; 2048];
    loop {
        let args =
            [directory.descriptor() as usize, bytes.as_mut_ptr() as usize, bytes.len(), 0, 0, 0];
        // SAFETY: the kernel writes into `bytes`, which is that long.
        let read = unsafe { syscall(libc::SYS_getdents64, args) }.ok()?;
        if read == 0 {
            return Some(());
        }
        let mut at = 0;
        // Of an entry (getdents(2)): its length at 16, a kind at 18, the name from 19 on.
        while at + 19 < read {
            let length = usize::from(u16::from_le_bytes([bytes[at + 16], bytes[at + 17]]));
            let name = &bytes[at + 19..(at + length).min(read)];
            let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
            let number = core::str::from_utf8(name).ok().and_then(|name| name.parse().ok());
            number.into_iter().for_each(&mut each);
            at += length.max(19);
        }
    }
}

/// Sends the signal to a thread.
fn send(tid: u32) -> Result<(), Errno> {
    /// Where `struct siginfo` of x86_64 has the value that is sent.
    const VALUE: usize = 24;
    // SAFETY: zeros are valid for a siginfo_t.
    let mut info: siginfo_t = unsafe { core::mem::zeroed() };
    (info.si_signo, info.si_code) = (SIGNAL, libc::SI_QUEUE);
    // SAFETY: within the structure, which is larger, and aligned for it.
    unsafe { (&raw mut info).byte_add(VALUE).cast::<usize>().write(&raw const MARK as usize) };
    let (pid, signal) = (process::pid() as usize, SIGNAL as usize);
    let args = [pid, tid as usize, signal, &raw mut info as usize, 0, 0];
    // SAFETY: the kernel reads `info`.
    unsafe { syscall(libc::SYS_rt_tgsigqueueinfo, args) }.map(drop)
}

/// Waits until all that were called have come, or will not.
fn wait_for_all(end_nanoseconds: u64) {
    let patience_end = process::clock_nanoseconds() + PATIENCE_MILLISECONDS * 1_000_000;
    loop {
        let arrivals = ARRIVALS.load(Ordering::Acquire);
        let is_wanted = |place: &&Place| place.state.load(Ordering::Acquire) == WANTED;
        if !places().iter().any(|place| is_wanted(&place)) {
            return;
        }
        let now = process::clock_nanoseconds();
        if now > patience_end {
            for place in places().iter().filter(is_wanted) {
                let fate = match what_keeps(place.tid.load(Ordering::Relaxed)) {
                    Keeps::Nothing if now < end_nanoseconds => continue,
                    Keeps::End => ENDED,
                    _ => MISSING,
                };
                let order = (Ordering::AcqRel, Ordering::Relaxed);
                // It may come just now.
                let _ = place.state.compare_exchange(WANTED, fate, order.0, order.1);
            }
        }
        wait_while(&ARRIVALS, arrivals, PATIENCE_MILLISECONDS as i64 * 1_000_000);
    }
}

/// Why a thread does not come.
enum Keeps {
    /// It has not had its turn.
    Nothing,
    /// Something has stopped it, or it has the signal blocked.
    Stop,
    /// It has ended.
    End,
}

fn what_keeps(tid: u32) -> Keeps {
    let mut path = FixedText::<64>::new();
    let _ = write!(path, "/proc/self/task/{tid}/status");
    let Some(path) = path.as_c_str() else { return Keeps::Stop };
    let mut status = [0_u8; 2048];
    let Ok(length) = file::read_into(path, &mut status) else { return Keeps::End };
    let field = |name: &[u8]| {
        let mut lines = status[..length].split(|&byte| byte == b'\n');
        lines.find_map(|line| line.strip_prefix(name)).map(<[u8]>::trim_ascii)
    };
    let blocked = field(b"SigBlk:").and_then(|digits| core::str::from_utf8(digits).ok());
    let blocked = blocked.and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0);
    match field(b"State:").and_then(|state| state.first()) {
        Some(b'Z' | b'X') => Keeps::End,
        Some(b'T' | b't' | b'D') => Keeps::Stop,
        _ if blocked & signal::bit(SIGNAL) != 0 => Keeps::Stop,
        _ => Keeps::Nothing,
    }
}

/// Whether a signal is ours.
pub fn is_sender(info: &siginfo_t) -> bool {
    // SAFETY: of a signal that was queued the value is set.
    info.si_code == libc::SI_QUEUE
        && unsafe { info.si_value() }.sival_ptr == (&raw const MARK).cast_mut().cast()
}

/// In the handler of our signal: waits until all may go on. One that comes late does not wait.
pub fn stand_still(context: &mut ucontext_t) {
    let round = ROUND.load(Ordering::Acquire);
    if round.is_multiple_of(2) {
        return;
    }
    let me = process::tid();
    let Some(place) = places().iter().find(|place| place.tid.load(Ordering::Relaxed) == me) else {
        return;
    };
    if place.state.load(Ordering::Acquire) != WANTED {
        return;
    }
    let registers = &context.uc_mcontext.gregs;
    let [sp, pc] = [libc::REG_RSP, libc::REG_RIP].map(|number| registers[number as usize] as usize);
    let is_interrupted = registers[libc::REG_RAX as usize] == -i64::from(libc::EINTR);
    let start = core::ptr::from_ref(context) as usize;
    // With the state of the vector units, and of what the handler itself has interrupted.
    let end = altstack::own().filter(|own| own.contains(&start)).map_or(start, |own| own.end);
    place.frame_start.store(start, Ordering::Relaxed);
    place.frame_end.store(end, Ordering::Relaxed);
    // Without a stack of ours the frame lies on the thread's own.
    place.sp.store(if end == start { sp.min(start) } else { sp }, Ordering::Relaxed);
    let order = (Ordering::AcqRel, Ordering::Relaxed);
    if place.state.compare_exchange(WANTED, HERE, order.0, order.1).is_err() {
        return;
    }
    ARRIVALS.fetch_add(1, Ordering::AcqRel);
    wake(&ARRIVALS);
    while ROUND.load(Ordering::Acquire) == round {
        wait_while(&ROUND, round, i64::MAX);
    }
    let own = OWN_CODE.0.load(Ordering::Relaxed)..OWN_CODE.1.load(Ordering::Relaxed);
    if KEEPS.load(Ordering::Relaxed) && is_interrupted && !own.contains(&pc) {
        process::wait_for_the_end();
    }
}

/// Waits for a change of `word`, for so long at most. It may return early.
fn wait_while(word: &AtomicU32, value: u32, nanoseconds: i64) {
    const SECOND: i64 = 1_000_000_000;
    let time = libc::timespec { tv_sec: nanoseconds / SECOND, tv_nsec: nanoseconds % SECOND };
    let operation = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize;
    let pointer = core::ptr::from_ref(word) as usize;
    let args = [pointer, operation, value as usize, &raw const time as usize, 0, 0];
    // SAFETY: the kernel reads the word and the time.
    let _ = unsafe { syscall(libc::SYS_futex, args) };
}

fn wake(word: &AtomicU32) {
    let operation = (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as usize;
    let pointer = core::ptr::from_ref(word) as usize;
    // SAFETY: the kernel touches no memory.
    let _ = unsafe { syscall(libc::SYS_futex, [pointer, operation, i32::MAX as usize, 0, 0, 0]) };
}
