//! The ledger: memory that `fencepost run` shares with the processes under it, in which they tell it about themselves.
//!
//! `run` makes a file in memory and names it in an environment variable. Each guarded process maps the file
//! at its start. Afterwards writing takes no system call, so it works in every sandbox, and with closed
//! descriptors. A process that can't open the file (another user, another pid namespace), or that was not
//! started by `run`, has no ledger.

pub use crate::sys::executable::Why;
use crate::sys::hash::Hash;
use crate::sys::process;
use crate::sys::shared_file::{self, Name};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// The environment variable that names the file.
pub const VARIABLE: &str = "FENCEPOST_RUN";

/// Most different notices that are remembered.
const MOST_NOTICES: usize = 256;
/// Most different bugs that are remembered.
const MOST_BUGS: usize = 1024;
/// Most unguarded programs that are named.
const MOST_PROGRAMS: usize = 64;
/// Most bytes that are kept of a program's name.
const NAME_BYTES: usize = 64;

/// What the processes have told. All zeros at first.
#[repr(C)]
pub struct Ledger {
    /// Number of programs that were executed and have loaded the library.
    started: AtomicU64,
    /// How many of `started` are not guarded: not followed, or unable, which they say.
    bystanders: AtomicU64,
    /// Number of reports that count for `error-exitcode`.
    reports: AtomicU64,
    /// How many of `reports` were of known bugs.
    known: AtomicU64,
    /// Reports of processes that ended themselves, which it is not for.
    crashes: AtomicU64,
    /// 1 if the program could not be executed.
    is_refused: AtomicU64,
    /// The notices that a process has printed.
    notices: Said<MOST_NOTICES>,
    /// The bugs whose report a process has printed.
    bugs: Said<MOST_BUGS>,
    unguarded: [Unguarded; MOST_PROGRAMS],
    /// Number of executions for which `unguarded` had no room.
    unnamed: AtomicU64,
}

const _: () = assert!(size_of::<Ledger>() <= Ledger::BYTES);

/// A set of up to `N` texts, as hashes; 0 is a free place.
#[repr(transparent)]
pub struct Said<const N: usize>([AtomicU64; N]);

impl<const N: usize> Said<N> {
    /// The empty set.
    #[expect(clippy::new_without_default, reason = "for statics")]
    pub const fn new() -> Said<N> {
        Said([const { AtomicU64::new(0) }; N])
    }

    /// Adds these texts, taken together. Whether they were not in the set before. Takes no lock.
    pub fn is_news(&self, texts: &[&str]) -> bool {
        let mut key = Hash::new();
        texts.iter().for_each(|text| key.add_text(text));
        let key = key.get().max(1);
        let first = key as usize % N;
        for at in (first..N).chain(0..first) {
            match self.0[at].compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(other) if other == key => return false,
                Err(_) => {}
            }
        }
        // The set is full: say it perhaps twice rather than not at all.
        true
    }
}

/// A program that was executed without the guard.
#[repr(C)]
struct Unguarded {
    /// Hash of name and reason; 0 for a free place.
    key: AtomicU64,
    times: AtomicU64,
    why: AtomicU32,
    /// 1 once `why` and `name` are set.
    is_named: AtomicU32,
    name: [AtomicU64; NAME_BYTES / 8],
}

/// A program that was executed without the guard, and how often.
#[derive(Debug, PartialEq, Eq)]
pub struct UnguardedProgram {
    /// The last part of its path, perhaps cut off.
    pub name: Vec<u8>,
    /// Why it was not guarded.
    pub why: Why,
    /// How often it was executed.
    pub times: u64,
}

/// Where an execution was entered.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry(Option<usize>);

static LEDGER: AtomicPtr<Ledger> = AtomicPtr::new(core::ptr::null_mut());

/// The ledger of the `run` that this process belongs to, if there is one.
pub fn get() -> Option<&'static Ledger> {
    // SAFETY: null, or mapped for good by `open`. Any bytes are a valid Ledger; processes change them atomically.
    unsafe { LEDGER.load(Ordering::Acquire).as_ref() }
}

/// Opens the ledger that the environment names, and counts this process, once. Returns how many processes were counted
/// before; `None` if there is no ledger. Must be called while the process has one thread.
pub(crate) fn open() -> Option<u64> {
    if get().is_some() {
        return None;
    }
    let value = process::environment(VARIABLE)?;
    let address = shared_file::open(Name::parse(&value)?, Ledger::BYTES)?;
    LEDGER.store(address as *mut Ledger, Ordering::Release);
    get().map(|ledger| ledger.started.fetch_add(1, Ordering::Relaxed))
}

/// Makes a ledger, for `run`. Returns it, the value of [`VARIABLE`] for the program, and the descriptor that must stay
/// open while processes start; `None` if the kernel has no files in memory.
pub fn create() -> Option<(&'static Ledger, String, i32)> {
    let (address, name) = shared_file::create(Ledger::BYTES)?;
    // SAFETY: mapped for good. Any bytes are a valid Ledger; processes change them atomically.
    let ledger = unsafe { &*(address as *const Ledger) };
    Some((ledger, name.to_string(), name.descriptor()))
}

impl Ledger {
    /// Size of the file, in bytes.
    const BYTES: usize = 16384;

    /// Number of programs that were executed and have loaded the library.
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// How many of [`Ledger::started`] are guarded.
    pub fn guarded(&self) -> u64 {
        self.started().saturating_sub(self.bystanders.load(Ordering::Relaxed))
    }

    /// Notes that this process has loaded the library and is not followed. `name` is its program's name.
    pub(crate) fn note_bystander(&self, name: &[u8]) {
        self.bystanders.fetch_add(1, Ordering::Relaxed);
        let _ = self.note_unguarded(name, Why::Choice);
    }

    /// Notes that this process has loaded the library, and has said why it can't be guarded.
    pub(crate) fn note_inability(&self) {
        self.bystanders.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that the program could not be executed.
    pub fn note_refusal(&self) {
        self.is_refused.store(1, Ordering::Relaxed);
    }

    /// Whether the program could not be executed.
    pub fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Relaxed) == 1
    }

    /// Number of reports, without those of known bugs.
    pub fn reports(&self) -> u64 {
        self.reports.load(Ordering::Relaxed).saturating_sub(self.known())
    }

    /// Number of reports of known bugs.
    pub fn known(&self) -> u64 {
        self.known.load(Ordering::Relaxed)
    }

    /// Reports of processes that ended themselves: by abort, or by a signal that one was sent.
    pub fn crashes(&self) -> u64 {
        self.crashes.load(Ordering::Relaxed)
    }

    /// Enters such a report.
    pub(crate) fn note_crash(&self) {
        self.crashes.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a report.
    pub(crate) fn note_report(&self) {
        self.reports.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a report, which was counted already, is of a known bug.
    pub(crate) fn note_known(&self) {
        self.known.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that this process prints the report of a bug at a place. False if a process has done so before.
    pub(crate) fn is_news_of_bug(&self, fingerprint: &str, place: &str) -> bool {
        self.bugs.is_news(&[fingerprint, place])
    }

    /// Notes that this process prints the notice `text`. False if a process has done so before.
    pub fn is_news(&self, text: &str) -> bool {
        self.notices.is_news(&[text])
    }

    /// Counts the execution of a program that runs without the guard; [`Ledger::take_back`] takes it back. Safe in
    /// signal handlers and in children of vfork.
    pub(crate) fn note_unguarded(&self, name: &[u8], why: Why) -> Entry {
        let name = &name[..name.len().min(NAME_BYTES)];
        let mut key = Hash::new();
        key.add(name);
        key.add(&[why as u8]);
        let key = key.get().max(1);
        for (place, entry) in self.unguarded.iter().enumerate() {
            match entry.key.compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    entry.why.store(why as u32, Ordering::Relaxed);
                    for (word, bytes) in entry.name.iter().zip(name.chunks(8)) {
                        let mut padded = [0; 8];
                        padded[..bytes.len()].copy_from_slice(bytes);
                        word.store(u64::from_ne_bytes(padded), Ordering::Relaxed);
                    }
                    entry.is_named.store(1, Ordering::Release);
                }
                Err(other) if other == key => {}
                Err(_) => continue,
            }
            entry.times.fetch_add(1, Ordering::Relaxed);
            return Entry(Some(place));
        }
        self.unnamed.fetch_add(1, Ordering::Relaxed);
        Entry(None)
    }

    /// Takes back an execution that has failed.
    pub(crate) fn take_back(&self, Entry(place): Entry) {
        let times = place.map_or(&self.unnamed, |place| &self.unguarded[place].times);
        times.fetch_sub(1, Ordering::Relaxed);
    }

    /// The programs that were executed without the guard, and the number of further executions, whose programs are not
    /// named.
    pub fn unguarded(&self) -> (Vec<UnguardedProgram>, u64) {
        let named = |entry: &&Unguarded| entry.is_named.load(Ordering::Acquire) == 1;
        let read = |entry: &Unguarded| {
            let times = entry.times.load(Ordering::Relaxed);
            if times == 0 {
                return None;
            }
            let words = entry.name.iter();
            let mut name: Vec<u8> =
                words.flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
            name.truncate(name.iter().position(|&byte| byte == 0).unwrap_or(NAME_BYTES));
            let why = entry.why.load(Ordering::Relaxed);
            let why = Why::ALL.into_iter().find(|known| *known as u32 == why)?;
            Some(UnguardedProgram { name, why, times })
        };
        let programs = self.unguarded.iter().filter(named).filter_map(read).collect();
        (programs, self.unnamed.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Box<Ledger> {
        // SAFETY: zeros are valid for atomics.
        unsafe { Box::<Ledger>::new_zeroed().assume_init() }
    }

    #[test]
    fn a_notice_is_news_once() {
        let ledger = empty();
        for number in 0..MOST_NOTICES {
            let text = format!("notice {number}");
            assert!(ledger.is_news(&text) && !ledger.is_news(&text));
        }
        assert!(!ledger.is_news("notice 7") && ledger.is_news("one too many"));
    }

    #[test]
    fn known_bugs_are_no_reports() {
        let ledger = empty();
        ledger.note_report();
        ledger.note_report();
        ledger.note_known();
        assert_eq!((ledger.reports(), ledger.known()), (1, 1));
        assert!(ledger.is_news_of_bug("1", "2") && !ledger.is_news_of_bug("1", "2"));
        assert!(ledger.is_news_of_bug("12", "") && ledger.is_news_of_bug("", "12"));
    }

    #[test]
    fn programs_are_counted_by_name_and_reason() {
        let ledger = empty();
        let note = |name: &[u8], why| ledger.note_unguarded(name, why);
        for (name, why) in [
            (&b"busybox"[..], Why::Static),
            (b"busybox", Why::Environment),
            (b"busybox", Why::Static),
        ] {
            let _ = note(name, why);
        }
        let _ = note(&[b'x'; 100], Why::Privileged);
        // One fails where others have not, and one of which there is no other.
        ledger.take_back(note(b"busybox", Why::Static));
        ledger.take_back(note(b"absent", Why::Foreign));
        let program =
            |name: &[u8], why, times| UnguardedProgram { name: name.to_vec(), why, times };
        let expected = vec![
            program(b"busybox", Why::Static, 2),
            program(b"busybox", Why::Environment, 1),
            program(&[b'x'; 64], Why::Privileged, 1),
        ];
        assert_eq!(ledger.unguarded(), (expected, 0));
        for number in 0..MOST_PROGRAMS {
            let _ = note(format!("program {number}").as_bytes(), Why::Foreign);
        }
        ledger.take_back(note(b"one more", Why::Foreign));
        let (programs, unnamed) = ledger.unguarded();
        // The entry of the one that failed stays its own.
        assert_eq!((programs.len(), unnamed), (MOST_PROGRAMS - 1, 4));
    }
}
