//! The two stages of a report.
//!
//! First the bare report is composed: what is known without looking anything up, from memory that is there from the
//! start, with no file, no lock and no request to the kernel. Then files are read for the names, and a file may be
//! damaged, endless or gone, and the code that reads it wrong. So that is an attempt, under a watchdog: if
//! it fails, the bare report is what there is, and says why.

use super::failure::LookUpFailure;
use super::resolve::{self, Names, Request};
use super::{panics, words};
use crate::diagnose::Bug;
use crate::finding::{Process, text};
use crate::heap::report_memory;
use crate::runtime::Runtime;
use crate::sys::sandbox::{self, Need};
use crate::sys::watchdog::Watchdog;
use crate::sys::{attempt, process, scope};
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU32, Ordering};

/// How long names may take.
const MOST_SECONDS: i64 = 10;

/// Why the attempt under way is given up.
static FAILURE: AtomicU32 = AtomicU32::new(0);

/// Notes why the attempt is about to be given up.
pub fn note_failure(failure: LookUpFailure) {
    FAILURE.store(failure as u32, Ordering::Relaxed);
}

fn failure() -> LookUpFailure {
    use LookUpFailure::{Crash, Hang, NoMemory};
    // What gives up without a note is the allocator.
    let noted =
        [Crash, Hang].into_iter().find(|&one| one as u32 == FAILURE.load(Ordering::Relaxed));
    noted.unwrap_or(NoMemory)
}

/// Composes the report of `bug`, and gives it to `take`. Memory that is perhaps not accessible is read if `may_probe`.
///
/// # Safety
/// The calling thread must be the one that reports.
pub unsafe fn compose(runtime: &Runtime, bug: &Bug, may_probe: bool, take: impl FnOnce(&str)) {
    /// Room for the sentence about names.
    const MOST_BYTES_OF_SENTENCE: usize = 200;
    let resolve = |names| {
        let process = Process { pid: process::pid(), ..Process::default() };
        let mut finding = resolve::resolve(bug, process, Request { names, may_probe });
        finding.stats = runtime.options.stats.then(|| runtime.stats());
        finding
    };
    // SAFETY: the calling thread is the one that reports, as the caller promises, so nobody else uses the memory of
    // the report; and what lies in it is dropped before it is emptied for the second time.
    unsafe {
        // A report that was given up may have left something.
        report_memory::empty();
        let (mut finding, mut bare, mut sentence) = report_memory::with(|| {
            let finding = resolve(Names::None);
            let mut bare = text::to_string(&finding);
            bare.reserve(MOST_BYTES_OF_SENTENCE);
            (finding, bare, String::with_capacity(MOST_BYTES_OF_SENTENCE))
        });
        let names = if runtime.options.symbolize { Names::Symbols } else { Names::ModulesOnly };
        match look_up(MOST_SECONDS, || text::to_string(&resolve(names))) {
            Ok(text) => take(&text),
            Err(failure) => {
                // Nothing is allocated any more: what was given up may have left the memory in any state.
                let _ = WithinCapacity(&mut sentence).write_str(words::look_up_failure(failure));
                finding.names_missing = Some(core::mem::take(&mut sentence));
                bare.clear();
                let _ = text::render(&finding, &mut WithinCapacity(&mut bare));
                take(&bare);
            }
        }
        // Not freed piece by piece: what was given up may have left the memory in any state.
        core::mem::forget((finding, bare, sentence));
        report_memory::empty();
    }
}

/// A text that takes what there is room for.
struct WithinCapacity<'a>(&'a mut String);

impl fmt::Write for WithinCapacity<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > self.0.capacity() - self.0.len() {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// # Safety
/// As [`compose`].
unsafe fn look_up<R>(seconds: i64, work: impl FnOnce() -> R) -> Result<R, LookUpFailure> {
    if !sandbox::allows(Need::OpenFiles) {
        return Err(LookUpFailure::Filter);
    }
    FAILURE.store(0, Ordering::Relaxed);
    let watchdog = Watchdog::set(seconds).ok_or(LookUpFailure::NoTimer)?;
    let attempted = || {
        // SAFETY: this thread reports, as the caller promises. The work allocates from the memory of the report alone, which is not used any
        // more if it is given up, and takes no lock.
        unsafe { report_memory::with(|| attempt::attempt(|| panics::catch(work))) }
    };
    let done = scope::keeping(|| panics::keeping(attempted));
    drop(watchdog);
    match done {
        Some(Some(result)) => Ok(result),
        Some(None) => Err(LookUpFailure::Panic),
        None => Err(failure()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault;
    use crate::sys::lock::Lock;

    const CHILD: &str = "FENCEPOST_TEST_OF_STAGES";

    /// Runs a test in a process of its own: other tests have handlers of their own for the signals.
    fn alone(name: &str, test: impl FnOnce()) {
        if std::env::var_os(CHILD).is_some() {
            return test();
        }
        let mut command = std::process::Command::new(std::env::current_exe().expect("a path"));
        command.args(["--exact", name, "--nocapture"]).env(CHILD, "");
        let ended = command.output().expect("it starts");
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && said.contains("1 passed"), "{ended:?}");
        assert!(!String::from_utf8_lossy(&ended.stderr).contains("never shown"), "{ended:?}");
    }

    /// A look-up of a thread that reports.
    fn look_up_as_reporter(seconds: i64, work: impl FnOnce() -> u8) -> Result<u8, LookUpFailure> {
        fault::install();
        assert!(fault::reporter::begin(0).is_ok());
        // SAFETY: this thread reports.
        let result = unsafe { look_up(seconds, work) };
        fault::reporter::release();
        result
    }

    #[test]
    fn what_can_not_be_looked_up_is_given_up() {
        let name = "report::stages::tests::what_can_not_be_looked_up_is_given_up";
        alone(name, crashes_and_panics);
    }

    fn crashes_and_panics() {
        let long = 60;
        assert_eq!(look_up_as_reporter(long, || 7), Ok(7));
        assert_eq!(look_up_as_reporter(long, || panic!("never shown")), Err(LookUpFailure::Panic));
        // SAFETY: there is none: it crashes.
        let crash = || unsafe { core::ptr::with_exposed_provenance::<u8>(64).read_volatile() };
        assert_eq!(look_up_as_reporter(long, crash), Err(LookUpFailure::Crash));
        // Again, and in the work that follows.
        assert_eq!(look_up_as_reporter(long, crash), Err(LookUpFailure::Crash));
        assert_eq!(look_up_as_reporter(long, || 8), Ok(8));
    }

    #[test]
    fn what_has_no_end_is_given_up() {
        alone("report::stages::tests::what_has_no_end_is_given_up", waits_for_ever);
    }

    fn waits_for_ever() {
        let endless = || {
            loop {
                core::hint::spin_loop();
            }
        };
        assert_eq!(look_up_as_reporter(1, endless), Err(LookUpFailure::Hang));
        // A lock that nobody opens.
        let lock = Lock::new(());
        let held = lock.lock();
        let waits = || {
            let _second = lock.lock();
            1
        };
        assert_eq!(look_up_as_reporter(1, waits), Err(LookUpFailure::Hang));
        drop(held);
        // A pipe that nobody writes to.
        let (mut reader, _writer) = std::io::pipe().expect("a pipe");
        let reads = || {
            let _ = std::io::Read::read(&mut reader, &mut [0]);
            1
        };
        // The handler returns into the read, which begins anew, unless the work is given up.
        assert_eq!(look_up_as_reporter(1, reads), Err(LookUpFailure::Hang));
    }
}
