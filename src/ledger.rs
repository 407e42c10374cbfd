//! What the processes under one `fencepost run` tell it, in memory that they share.
//!
//! `run` makes a file in memory and names it in an environment variable; each guarded process maps the file
//! at its start. From then on it takes no system call to write there, so no sandbox and no closed descriptor
//! is in the way. A process that can't open it (another user, another pid namespace) or that nobody started
//! by `run` does without.

pub use crate::sys::executable::Why;
use crate::sys::hash::Hash;
use crate::sys::process;
use crate::sys::shared_file::{self, Name};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// The environment variable that names the file.
pub const VARIABLE: &str = "FENCEPOST_RUN";

/// Notices that are told apart.
const MOST_NOTICES: usize = 256;
/// Bugs that are told apart.
const MOST_BUGS: usize = 1024;
/// Programs that are named.
const MOST_PROGRAMS: usize = 64;
/// Bytes that are kept of a program's name.
const NAME_BYTES: usize = 64;

/// All zeros at first.
#[repr(C)]
pub struct Ledger {
    /// Processes that have loaded the library by execution.
    started: AtomicU64,
    /// Those of them that are not followed.
    bystanders: AtomicU64,
    /// Reports of bugs that `error-exitcode` is for.
    reports: AtomicU64,
    /// Those of them whose bug was known.
    known: AtomicU64,
    /// Whether the program could not be executed.
    is_refused: AtomicU64,
    /// The notices that somebody has printed.
    notices: Said<MOST_NOTICES>,
    /// The bugs whose report somebody has printed.
    bugs: Said<MOST_BUGS>,
    unguarded: [Unguarded; MOST_PROGRAMS],
    /// Executions for which there was no room above.
    unnamed: AtomicU64,
}

const _: () = assert!(size_of::<Ledger>() <= Ledger::BYTES);

/// What was said, as hashes; 0 is free.
#[repr(transparent)]
pub struct Said<const N: usize>([AtomicU64; N]);

impl<const N: usize> Said<N> {
    /// Nothing.
    #[expect(clippy::new_without_default, reason = "for statics")]
    pub const fn new() -> Said<N> {
        Said([const { AtomicU64::new(0) }; N])
    }

    /// Whether nobody has said these texts together so far; from now on somebody has. Takes no lock.
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
        // Better twice than not at all.
        true
    }
}

/// A program that was executed without the guard.
#[repr(C)]
struct Unguarded {
    /// Hash of name and reason; 0 is free.
    key: AtomicU64,
    times: AtomicU64,
    why: AtomicU32,
    /// Whether `why` and `name` are there.
    is_named: AtomicU32,
    name: [AtomicU64; NAME_BYTES / 8],
}

/// A program that was executed without the guard, and how often.
#[derive(Debug, PartialEq, Eq)]
pub struct UnguardedProgram {
    /// The last part of its path, perhaps cut.
    pub name: Vec<u8>,
    /// Why it was not guarded.
    pub why: Why,
    /// Executions.
    pub times: u64,
}

static LEDGER: AtomicPtr<Ledger> = AtomicPtr::new(core::ptr::null_mut());

/// The ledger of the `run` that this process is under.
pub fn get() -> Option<&'static Ledger> {
    // SAFETY: mapped for good by `open`; any bytes make a Ledger, and others change them by atomic operations.
    unsafe { LEDGER.load(Ordering::Acquire).as_ref() }
}

/// At the start of a process, while it has one thread: opens the ledger that its environment names, if it does, and
/// enters the process, once. Returns how many processes were entered before.
pub(crate) fn open() -> Option<u64> {
    if get().is_some() {
        return None;
    }
    let value = process::environment(VARIABLE)?;
    let address = shared_file::open(Name::parse(&value)?, Ledger::BYTES)?;
    LEDGER.store(address as *mut Ledger, Ordering::Release);
    get().map(|ledger| ledger.started.fetch_add(1, Ordering::Relaxed))
}

/// For `run`: makes a ledger. Returns it, the value of [`VARIABLE`] for the program, and the descriptor that must
/// stay open meanwhile; `None` where the kernel has no files in memory.
pub fn create() -> Option<(&'static Ledger, String, i32)> {
    let (address, name) = shared_file::create(Ledger::BYTES)?;
    // SAFETY: mapped for good; any bytes make a Ledger, and others change them by atomic operations.
    let ledger = unsafe { &*(address as *const Ledger) };
    Some((ledger, name.to_string(), name.descriptor()))
}

impl Ledger {
    /// Size of the file.
    const BYTES: usize = 16384;

    /// Processes that have loaded the library.
    pub fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// Those of them that are guarded.
    pub fn guarded(&self) -> u64 {
        self.started().saturating_sub(self.bystanders.load(Ordering::Relaxed))
    }

    /// Enters that this process, which has loaded the library, is not followed. `name` is its program's.
    pub(crate) fn note_bystander(&self, name: &[u8]) {
        self.bystanders.fetch_add(1, Ordering::Relaxed);
        self.note_unguarded(name, Why::Choice);
    }

    /// Enters that the program could not be executed.
    pub fn note_refusal(&self) {
        self.is_refused.store(1, Ordering::Relaxed);
    }

    /// Whether the program could not be executed.
    pub fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Relaxed) == 1
    }

    /// Reports of all processes, those of known bugs left out.
    pub fn reports(&self) -> u64 {
        self.reports.load(Ordering::Relaxed).saturating_sub(self.known())
    }

    /// Reports of known bugs.
    pub fn known(&self) -> u64 {
        self.known.load(Ordering::Relaxed)
    }

    /// Enters a report.
    pub(crate) fn note_report(&self) {
        self.reports.fetch_add(1, Ordering::Relaxed);
    }

    /// Enters that a report is of a known bug.
    pub(crate) fn note_known(&self) {
        self.known.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether nobody has printed the report of this bug at this place; from now on somebody has.
    pub(crate) fn is_news_of_bug(&self, fingerprint: &str, place: &str) -> bool {
        self.bugs.is_news(&[fingerprint, place])
    }

    /// Whether nobody has said `text` so far; from now on somebody has.
    pub fn is_news(&self, text: &str) -> bool {
        self.notices.is_news(&[text])
    }

    /// Enters the execution of a program that the guard does not come along to. Safe in signal handlers and in
    /// children of vfork.
    pub(crate) fn note_unguarded(&self, name: &[u8], why: Why) {
        let name = &name[..name.len().min(NAME_BYTES)];
        let mut key = Hash::new();
        key.add(name);
        key.add(&[why as u8]);
        let key = key.get().max(1);
        for entry in &self.unguarded {
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
            return;
        }
        self.unnamed.fetch_add(1, Ordering::Relaxed);
    }

    /// The programs that were executed without the guard, and how many executions there were of programs that
    /// are not named.
    pub fn unguarded(&self) -> (Vec<UnguardedProgram>, u64) {
        let named = |entry: &&Unguarded| entry.is_named.load(Ordering::Acquire) == 1;
        let read = |entry: &Unguarded| {
            let words = entry.name.iter();
            let mut name: Vec<u8> =
                words.flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
            name.truncate(name.iter().position(|&byte| byte == 0).unwrap_or(NAME_BYTES));
            let why = entry.why.load(Ordering::Relaxed);
            let why = Why::ALL.into_iter().find(|known| *known as u32 == why)?;
            Some(UnguardedProgram { name, why, times: entry.times.load(Ordering::Relaxed) })
        };
        let programs = self.unguarded.iter().filter(named).filter_map(read).collect();
        (programs, self.unnamed.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Box<Ledger> {
        // SAFETY: atomics of zeros.
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
        ledger.note_unguarded(b"busybox", Why::Static);
        ledger.note_unguarded(b"busybox", Why::Environment);
        ledger.note_unguarded(b"busybox", Why::Static);
        ledger.note_unguarded(&[b'x'; 100], Why::Privileged);
        let program =
            |name: &[u8], why, times| UnguardedProgram { name: name.to_vec(), why, times };
        let expected = vec![
            program(b"busybox", Why::Static, 2),
            program(b"busybox", Why::Environment, 1),
            program(&[b'x'; 64], Why::Privileged, 1),
        ];
        assert_eq!(ledger.unguarded(), (expected, 0));
        for number in 0..MOST_PROGRAMS {
            ledger.note_unguarded(format!("program {number}").as_bytes(), Why::Foreign);
        }
        let (programs, unnamed) = ledger.unguarded();
        assert_eq!((programs.len(), unnamed), (MOST_PROGRAMS, 3));
    }
}
